"""A chat in Python behind AllSpark, which it never sees a socket of. README.md says how it runs.

AllSpark tells it by hooks who connects, what they say and who leaves, and carries out what it
answers (docs/HOOKS.md). What it says by itself it publishes over the API (docs/API.md).
"""

import base64
import hashlib
import hmac
import json
import os
import time
from collections import deque
from urllib.error import HTTPError
from urllib.parse import parse_qs, quote
from urllib.request import Request, urlopen

from flask import Flask, abort, request, send_file

ALLSPARK = os.environ.get("CHAT_ALLSPARK", "http://127.0.0.1:8080")
KEY = os.environ["CHAT_KEY"]
SECRET = os.environ.get("CHAT_SECRET")
PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "chat.html")

app = Flask(__name__)
names = {}
latest = deque(maxlen=20)


def line(who, text):
    """The command that says something to everybody in the chat."""
    said = {"from": who, "text": text}
    latest.append(said)
    return {"to": {"rooms": ["chat"]}, "data": said}


def name_of(spark):
    """Who a spark is. After a restart AllSpark knows: it keeps what `connect` has answered."""
    if spark not in names:
        try:
            names[spark] = ask("GET", f"/sparks/{quote(spark)}")["data"]["name"]
        except HTTPError as error:
            if error.code != 404:
                raise
            return "somebody who has left"
    return names[spark]


def connect(event):
    name = parse_qs(event["query"]).get("name", [""])[0].strip()[:30]
    if not name:
        return {"refuse": {"status": 401, "message": "Say who you are: ?name=Ada"}}
    names[event["spark"]] = name
    return {
        "data": {"name": name},
        "rooms": ["chat"],
        "rate": {"messages": 5},
        "write": list(latest),
        "commands": [line("chat", f"{name} is here")],
    }


def message(event):
    text = event["data"].get("text") if isinstance(event.get("data"), dict) else None
    if not isinstance(text, str):
        return {"write": [{"from": "chat", "text": "That was no message."}]}
    return {"commands": [line(name_of(event["spark"]), text[:500])]}


def disconnect(event):
    name = names.pop(event["spark"], None)
    return {"commands": [line("chat", f"{name} has left")]} if name else {}


@app.post("/hooks")
def hooks():
    if SECRET and not is_signed():
        abort(401)
    tell = {"connect": connect, "message": message, "disconnect": disconnect}
    events = request.get_json()["events"]
    return {"replies": [{"id": e["id"], **tell[e["event"]](e)} for e in events]}


def is_signed():
    """Whether AllSpark has sent this, lately: https://www.standardwebhooks.com"""
    sent, at = request.headers.get("webhook-id"), request.headers.get("webhook-timestamp", "0")
    text = f"{sent}.{at}.".encode() + request.get_data()
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    right = "v1," + base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode()
    given = request.headers.get("webhook-signature", "").split()
    is_right = any(hmac.compare_digest(right, signature) for signature in given)
    return is_right and abs(time.time() - int(at)) < 300


def ask(method, path, body=None):
    """Asks AllSpark."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    body = None if body is None else json.dumps(body).encode()
    asked = Request(f"{ALLSPARK}/api/v1{path}", body, headers, method=method)
    with urlopen(asked, timeout=5) as answer:
        return json.load(answer)


@app.post("/announce")
def announce():
    """What the application says by itself: curl -d text=.. http://127.0.0.1:3000/announce"""
    return ask("POST", "/publish", line("news", request.form["text"]))


@app.get("/who")
def who():
    return {"here": ask("GET", "/rooms/chat?limit=0")["sparks"]}


@app.get("/")
def page():
    return send_file(PAGE)


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(os.environ.get("CHAT_PORT", "3000")))
