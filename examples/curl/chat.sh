#!/usr/bin/env bash
# A chat in a shell script behind AllSpark, with curl, jq and socat. ../README.md says how it runs.
#
#   chat.sh serve           answers AllSpark's hooks, and serves the page
#   chat.sh announce TEXT   says something to everybody
#   chat.sh who             says how many are here
#
# AllSpark tells it by hooks who connects, what they say and who leaves, and carries out what it
# answers (docs/HOOKS.md). What it says by itself it publishes over the API (docs/API.md). It
# remembers nothing: AllSpark keeps with each spark what the answer to its `connect` has said.
set -euo pipefail

allspark=${CHAT_ALLSPARK:-http://127.0.0.1:8080}
port=${CHAT_PORT:-3000}
folder=$(cd "$(dirname "$0")" && pwd)

main() {
    case "${1:-}" in
    serve)
        local address=TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork
        exec socat "$address" "EXEC:$folder/chat.sh answer"
        ;;
    answer) answer ;;
    announce) ask /publish --data "$(line news "$2")" ;;
    who) ask '/rooms/chat?limit=0' | jq .sparks ;;
    *) sed -n 's/^#   //p' "$0" >&2; exit 2 ;;
    esac
}

# Answers one request, which is on standard input.
answer() {
    local method path header length=0
    read -r method path _
    while read -r header && [ "$header" != $'\r' ]; do
        header=${header%$'\r'}
        [[ ${header,,} != content-length:* ]] || length=${header#*:}
    done
    case "$method $path" in
    "POST /hooks") head -c "$((length))" | respond application/json hooks ;;
    "POST /announce") head -c "$((length))" | respond application/json announce ;;
    "GET /who") respond application/json here ;;
    "GET /" | "GET /?"*) respond 'text/html; charset=utf-8' cat "$folder/../chat.html" ;;
    *) status '404 Not Found' ;;
    esac
}

# Answers what a command says, or that it has failed: then AllSpark tells the events again.
respond() {
    local type=$1 body
    shift
    body=$("$@") || { status '500 Internal Server Error'; return; }
    status '200 OK' "Content-Type: $type" "$body"
}

status() {
    printf 'HTTP/1.1 %s\r\n%s\r\nContent-Length: %s\r\nConnection: close\r\n\r\n%s' \
        "$1" "${2:-Server: chat.sh}" "$(printf %s "${3:-}" | wc -c)" "${3:-}"
}

here() {
    printf '{"here":%s}' "$(main who)"
}

# What is replied to the events.
hooks() {
    jq -c '.events[]' | while read -r event; do
        case "$(jq -r .event <<<"$event")" in
        connect)
            name=$(jq -r '[.query | split("&")[] | select(startswith("name="))][0] // ""' \
                <<<"$event")
            jq -c --arg name "$(decoded "${name#name=}")" "$lines"'
            if $name == "" then
                {id, refuse: {status: 401, message: "Say who you are: ?name=Ada"}}
            else
                {id, data: {name: $name[:30]}, rooms: ["chat"], rate: {messages: 5},
                    commands: [line("chat"; $name[:30] + " is here")]}
            end' <<<"$event"
            ;;
        message)
            name=$(name_of "$event") || exit 1
            jq -c --arg name "$name" "$lines"'
            (.data | if type == "object" then .text else null end) as $text
            | if ($text | type) == "string" then {id, commands: [line($name; $text[:500])]}
            else {id, write: [{from: "chat", text: "That was no message."}]} end' <<<"$event"
            ;;
        esac
    done | jq -cs '{replies: .}'
}

lines='def line($from; $text): {to: {rooms: ["chat"]}, data: {from: $from, text: $text}}; '

line() {
    jq -cn --arg from "$1" --arg text "$2" "$lines"'line($from; $text)'
}

# Who a spark is: AllSpark knows.
name_of() {
    ask "/sparks/$(jq -r .spark <<<"$1")" | jq -r '.data.name // "somebody who has left"'
}

# The form that a browser or `curl -d text=..` sends.
announce() {
    local text
    text=$(cat)
    main announce "$(decoded "${text#text=}")"
}

# What stands in a URL or a form, in plain.
decoded() {
    local text=${1//+/ }
    text=${text//\\/\\\\}
    printf '%b' "${text//%/\\x}"
}

# Asks AllSpark. The key is no argument: everybody on this machine can read those.
ask() {
    local path=$1
    shift
    curl --silent --show-error --max-time 5 "$@" --config - "$allspark/api/v1$path" \
        <<<"header = \"Authorization: Bearer $CHAT_KEY\""
}

main "$@"
