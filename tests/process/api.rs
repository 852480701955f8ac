//! The publishing API of the real server, asked as an application does, beside omega-supreme's PUT.

use std::fs;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{Client, Server, allspark};

const ALL: &str = "an-application-with-every-scope";
const READER: &str = "somebody-who-reads-only";
const PUBLISHER: &str = "somebody-who-publishes-only";

/// A server with these keys.
fn server(command: &mut Command) -> Server {
    let keys = format!("{ALL}\n{READER} read a reader\n{PUBLISHER} publish\n");
    command
        .args(["--shards", "2"])
        .env("ALLSPARK_API_KEYS", keys);
    Server::start_with(command, Stdio::null())
}

/// One request, on a connection of its own: the head of its answer, and the JSON in it.
fn ask(
    server: &Server,
    key: &str,
    request: &str,
    headers: &str,
    body: &str,
) -> (String, u16, Value) {
    let (method, path) = request.split_once(' ').unwrap();
    let length = body.len();
    let answer = server.whole_answer(&format!(
        "{method} /api/v1{path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
         Authorization: Bearer {key}\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    ));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head[9..12].parse().unwrap();
    let json = serde_json::from_str(body).unwrap_or_else(|_| json!(body));
    (head.to_owned(), status, json)
}

fn get(server: &Server, path: &str) -> Value {
    let (_, status, json) = ask(server, ALL, &format!("GET {path}"), "", "");
    assert_eq!(status, 200, "{path}: {json}");
    json
}

fn publish(server: &Server, command: &Value) {
    let (_, status, json) = ask(server, ALL, "POST /publish", "", &command.to_string());
    assert_eq!((status, json), (200, json!({"ok": true})), "{command}");
}

fn code(answer: (String, u16, Value)) -> (u16, String) {
    let (_, status, json) = answer;
    let code = json["error"]["code"].as_str().unwrap_or_default();
    let message = json["error"]["message"].as_str().unwrap_or_default();
    assert!(code.is_empty() || !message.is_empty(), "{json}");
    (status, code.to_owned())
}

fn text(client: &mut Client) -> String {
    String::from_utf8(client.receive()).unwrap()
}

/// Clients and their ids.
fn crowd(server: &Server, count: usize) -> Vec<(Client, String)> {
    let mut crowd: Vec<(Client, String)> = Vec::new();
    for number in 1..=count {
        let client = server.connect();
        let sparks = get(server, "/sparks")["sparks"].take();
        let sparks = sparks.as_array().unwrap();
        assert_eq!(sparks.len(), number);
        let ids = sparks.iter().map(|spark| spark["id"].as_str().unwrap());
        let new = ids.filter(|id| crowd.iter().all(|(_, known)| known != id));
        let new: Vec<&str> = new.collect();
        assert_eq!(new.len(), 1);
        crowd.push((client, new[0].to_owned()));
    }
    crowd
}

#[test]
fn an_application_publishes_and_knows_who_is_there() {
    let server = server(&mut allspark(&[
        "--plugin",
        "omega-supreme.allow-default-credentials=true",
    ]));
    let mut crowd = crowd(&server, 3);
    let id = |number: usize| -> String { crowd[number].1.clone() };
    let (first, second, third) = (id(0), id(1), id(2));
    publish(
        &server,
        &json!({"to": {"all": true}, "data": {"n": 1}, "except": [third]}),
    );
    publish(
        &server,
        &json!({"join": {"sparks": [first, second], "rooms": ["news"]}}),
    );
    let put = format!("PUT /sparks/{third}/rooms/a%2Bb%20c");
    assert_eq!(
        code(ask(&server, ALL, &put, "", "")),
        (400, "invalid".into())
    );
    let put = format!("PUT /sparks/{third}/rooms/a+b");
    assert_eq!(ask(&server, ALL, &put, "", "").1, 200);
    publish(
        &server,
        &json!({"to": {"rooms": ["news"]}, "event": "e", "args": [2]}),
    );
    publish(&server, &json!({"to": {"sparks": [third]}, "data": "last"}));
    for (client, _) in &mut crowd[..2] {
        assert_eq!(text(client), r#"{"n":1}"#);
        assert_eq!(text(client), r#"{"emit":["e",2]}"#);
    }
    assert_eq!(text(&mut crowd[2].0), "\"last\"");

    assert_knows_who_is_there(&server, &crowd);

    let omega = server.whole_answer(
        "PUT /primus/omega/supreme HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
         Authorization: Basic b21lZ2E6c3VwcmVtZQ==\r\nContent-Length: 15\r\n\r\n\
         {\"msg\":\"omega\"}",
    );
    assert!(omega.ends_with("{ \"ok\": true, \"send\":3 }"), "{omega}");
    for (client, _) in &mut crowd {
        assert_eq!(text(client), "\"omega\"");
    }

    let delete = format!("DELETE /sparks/{first}?reconnect=true");
    assert_eq!(ask(&server, ALL, &delete, "", "").1, 200);
    assert_eq!(crowd[0].0.rest(), [""; 0], "it is not told to stay away");
    assert_eq!(
        code(ask(&server, ALL, &delete, "", "")),
        (404, "not_found".into())
    );
    let gone = format!("GET /sparks/{first}");
    assert_eq!(
        code(ask(&server, ALL, &gone, "", "")),
        (404, "not_found".into())
    );
}

/// The first two are in one room, the third in another.
fn assert_knows_who_is_there(server: &Server, crowd: &[(Client, String)]) {
    let id = |number: usize| -> &str { &crowd[number].1 };
    let (first, second, third) = (id(0), id(1), id(2));
    let presence = get(server, "/rooms/news?limit=1");
    assert_eq!(
        (&presence["room"], &presence["sparks"]),
        (&json!("news"), &json!(2))
    );
    // A page may be shorter than it may be, but all of them together are the room.
    let (mut members, mut next) = (Vec::new(), Some(String::new()));
    while let Some(cursor) = next {
        let page = get(server, &format!("/rooms/news?limit=1{cursor}"));
        let page_members = page["members"].as_array().unwrap();
        members.extend(page_members.iter().map(|spark| spark["id"].to_string()));
        next = page["next"].as_str().map(|next| format!("&cursor={next}"));
    }
    let mut expected = [format!("{first:?}"), format!("{second:?}")];
    members.sort();
    expected.sort();
    assert_eq!(members, expected);
    let mut rooms = get(server, "/rooms")["rooms"].take();
    let rooms = rooms.as_array_mut().unwrap();
    rooms.sort_by_key(|room| room["room"].to_string());
    let expected = [
        json!({"room": "a+b", "sparks": 1}),
        json!({"room": "news", "sparks": 2}),
    ];
    assert_eq!(rooms[..], expected);
    let spark = get(server, &format!("/sparks/{third}"));
    assert_eq!(spark["roomNames"], json!(["a+b"]));
    let address = crowd[2].0.address().to_string();
    assert_eq!(spark["address"], json!(address));
    assert_eq!(get(server, "/stats")["sparks"], 3);
}

#[test]
fn a_batch_is_done_in_order_and_a_request_that_comes_again_is_not() {
    let server = server(&mut allspark(&[]));
    let (mut client, _) = crowd(&server, 1).pop().unwrap();
    let commands: Vec<Value> = (0..1000)
        .map(|number| json!({"to": {"all": true}, "data": number}))
        .collect();
    let batch = json!({ "commands": commands }).to_string();
    let once = "Idempotency-Key: a\r\n";
    let expected = json!({"accepted": 1000, "failed": []});
    let (_, status, json) = ask(&server, ALL, "POST /batch", once, &batch);
    assert_eq!((status, &json), (200, &expected));
    let (head, status, json) = ask(&server, ALL, "POST /batch", once, &batch);
    assert_eq!((status, &json), (200, &expected));
    assert!(head.contains("Idempotency-Replayed: true\r\n"), "{head}");
    let other = json!({"commands": []}).to_string();
    let mismatch = ask(&server, ALL, "POST /batch", once, &other);
    assert_eq!(code(mismatch), (422, "idempotency_mismatch".into()));
    // Another key of the API has its own.
    let (head, status, _) = ask(&server, PUBLISHER, "POST /batch", once, &other);
    assert!(status == 200 && !head.contains("Replayed"));
    publish(&server, &json!({"to": {"all": true}, "data": "end"}));
    for number in 0..1000 {
        assert_eq!(text(&mut client), number.to_string());
    }
    assert_eq!(text(&mut client), "\"end\"");

    let half = json!({"commands": [
        {"to": {"all": true}, "event": "end"}, {"to": {"all": true}, "data": 1},
    ]});
    let (_, status, json) = ask(&server, ALL, "POST /batch", "", &half.to_string());
    assert_eq!((status, &json["accepted"]), (200, &json!(1)));
    assert_eq!(json["failed"][0]["error"]["code"], "reserved");
    let wrong = r#"{"commands":[{"to":{"all":true},"data":1},{"x":1}]}"#;
    let (_, status, json) = ask(&server, ALL, "POST /batch", "", wrong);
    let message = json["error"]["message"].as_str().unwrap();
    assert!(
        status == 400 && message.starts_with("commands[1]"),
        "{json}"
    );
    assert_eq!(text(&mut client), "1", "of the half, not of the wrong one");
}

#[test]
fn who_has_no_key_or_asks_for_what_there_is_not_is_told_so() {
    let server = server(&mut allspark(&[
        "--api-rate",
        "100",
        "--api-body-max",
        "2048",
    ]));
    let to_all = r#"{"to":{"all":true},"data":1}"#;
    let end = r#"{"end":{"sparks":[]}}"#;
    let asked = |key: &str, request: &str, body: &str| code(ask(&server, key, request, "", body));
    for (key, request, body, expected) in [
        (ALL, "POST /publish", "{}", (400, "invalid")),
        (ALL, "POST /publish", "", (400, "invalid")),
        (ALL, "GET /sparks?limit=1001", "", (400, "invalid")),
        (ALL, "GET /sparks?limit=-1", "", (400, "invalid")),
        (ALL, "GET /sparks?cursor=x", "", (400, "invalid")),
        (ALL, "GET /sparks/x", "", (400, "invalid")),
        (
            ALL,
            "GET /sparks/abcdefghijklmnopqrstu",
            "",
            (404, "not_found"),
        ),
        (ALL, "GET /nothing", "", (404, "not_found")),
        (ALL, "PATCH /sparks", "", (405, "wrong_method")),
        (READER, "POST /publish", to_all, (403, "forbidden")),
        (
            READER,
            "DELETE /sparks/abcdefghijklmnopqrstu",
            "",
            (403, "forbidden"),
        ),
        (PUBLISHER, "GET /stats", "", (403, "forbidden")),
        (PUBLISHER, "POST /publish", end, (403, "forbidden")),
        (PUBLISHER, "POST /publish", to_all, (200, "")),
        (READER, "GET /sparks?limit=0", "", (200, "")),
        (READER, "GET /sparks?cursor=4000-0", "", (200, "")),
        (
            READER,
            "GET /sparks?cursor=1-99999999999999999999",
            "",
            (400, "invalid"),
        ),
        (READER, "GET /rooms/nobody?cursor=0-5", "", (200, "")),
        ("", "GET /stats", "", (401, "unauthorized")),
        (
            "somebody-who-read-only",
            "GET /stats",
            "",
            (401, "unauthorized"),
        ),
    ] {
        let expected = (expected.0, expected.1.to_owned());
        assert_eq!(asked(key, request, body), expected, "{request} {body}");
    }
    let described = get_without_key(&server, "/api/v1/openapi.json");
    let file = include_str!("../../docs/openapi.json");
    assert_eq!(described, file);
    let many = vec![to_all; 101].join(",");
    assert!(many.len() > 2048);
    assert_eq!(asked(ALL, "POST /batch", &many).0, 413);
    // More than a second's worth is paid for once all of it is there, and then nothing is left.
    let many = vec![r#"{"end":{"sparks":[]}}"#; 90].join(",");
    let batch = format!("{{\"commands\":[{many}]}}");
    let too_fast = (0..100).map(|_| ask(&server, ALL, "POST /batch", "", &batch));
    let (head, ..) = too_fast.into_iter().find(|answer| answer.1 == 429).unwrap();
    assert!(head.contains("Retry-After: 1\r\n"), "{head}");
    // Whoever guesses is slowed down, and whoever has a key is not.
    let guesses = (0..1000).map(|_| asked("a-wrong-key-of-some-length", "GET /stats", ""));
    assert!(guesses.into_iter().any(|answer| answer.0 == 429));
    assert_eq!(asked(READER, "GET /stats", "").0, 200);
}

fn get_without_key(server: &Server, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let answer = server.whole_answer(&request);
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[test]
fn a_body_without_a_key_is_not_waited_for() {
    let server = server(&mut allspark(&[]));
    let head = |key: &str| {
        server.head_of(&format!(
            "POST /api/v1/publish HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n\
             Content-Length: 1000000\r\n\r\n"
        ))
    };
    assert!(head("a-wrong-key-of-some-length").starts_with("HTTP/1.1 401 "));
    let long = "x".repeat(4096);
    assert!(head(&long).starts_with("HTTP/1.1 401 "));
}

#[test]
fn keys_are_read_anew_and_wrong_ones_change_nothing() {
    let folder = TempDir::new().unwrap();
    let (keys, log) = (folder.path().join("keys"), folder.path().join("log"));
    fs::write(&keys, ALL).unwrap();
    let mut command = allspark(&["--api-keys-file", keys.to_str().unwrap()]);
    let log_file = fs::File::create(&log).unwrap();
    let mut server = Server::start_with(command.args(["--shards", "1"]), log_file);
    assert_eq!(ask(&server, ALL, "GET /stats", "", "").1, 200);
    let reload = |server: &mut Server, text: &str, line: &str| {
        fs::write(&keys, text).unwrap();
        server.signal(Signal::HUP);
        server.wait_until(|_| {
            fs::read_to_string(&log)
                .unwrap()
                .contains(line)
                .then_some(())
        });
    };
    reload(&mut server, "short", "line 1: a key has at least 16 bytes");
    assert_eq!(ask(&server, ALL, "GET /stats", "", "").1, 200);
    reload(&mut server, READER, "api: read anew");
    assert_eq!(ask(&server, ALL, "GET /stats", "", "").1, 401);
    assert_eq!(ask(&server, READER, "GET /stats", "", "").1, 200);
    let log = fs::read_to_string(log).unwrap();
    assert!(!log.contains(ALL) && !log.contains(READER), "{log}");
}

#[test]
fn behind_an_internal_listener_only_operators_have_it() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("internal");
    let listen = format!("unix:{}?internal", path.display());
    let server = server(&mut allspark(&["--listen", &listen]));
    let answer = get_without_key(&server, "/api/v1/openapi.json");
    assert_eq!(answer, "Not Found\n");
    let mut stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
    let request = format!(
        "GET /api/v1/stats HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
         Authorization: Bearer {READER}\r\n\r\n"
    );
    let mut answer = String::new();
    std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
