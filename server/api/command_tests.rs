//! Tests of [`super`].

use std::sync::mpsc::channel;
use std::time::Duration;

use allspark::{Destroy, Primus};
use serde_json::json;

use super::*;

const ID: &str = "abcdefghijklmnopqrstu";

fn code(value: serde_json::Value) -> Result<(), String> {
    let text = value.to_string();
    let read = Command::read(text.as_bytes());
    let tried = Command::try_from(value);
    assert_eq!(read.clone().ok(), tried.clone().ok(), "{text}");
    tried.map(drop).map_err(|error| {
        assert_eq!(error.code, "invalid");
        let said = read.unwrap_err().message;
        // It also says where.
        assert!(said.starts_with(&error.message), "{said}");
        error.message
    })
}

#[test]
fn commands_are_what_the_interface_says() {
    for command in [
        json!({"to": {"all": true}, "data": null}),
        json!({"to": {"all": true}, "except": [ID], "data": [1, "x"]}),
        json!({"to": {"rooms": ["news", "x:*"]}, "data": 1, "latest": "k"}),
        json!({"to": {"sparks": [ID]}, "base64": "aGk="}),
        json!({"to": {"rooms": []}, "event": "news"}),
        json!({"to": {"rooms": ["a"]}, "event": "news", "args": [1, 2]}),
        json!({"join": {"sparks": [ID], "rooms": ["a"]}}),
        json!({"leave": {"sparks": [ID]}}),
        json!({"end": {"sparks": [ID], "reconnect": true}}),
        json!({"end": {"sparks": []}}),
    ] {
        assert_eq!(code(command.clone()), Ok(()), "{command}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    for (command, reason) in [
        (json!({}), "one of to, join"),
        (json!([]), "expected"),
        (json!({"data": 1}), "one of to, join"),
        (json!({"to": {"all": true}}), "one of data"),
        (
            json!({"to": {"all": true}, "data": 1, "event": "a"}),
            "one of data",
        ),
        (json!({"to": {"all": false}, "data": 1}), "one of all"),
        (json!({"to": {}, "data": 1}), "one of all"),
        (
            json!({"to": {"all": true, "rooms": ["a"]}, "data": 1}),
            "one of all",
        ),
        (
            json!({"to": {"all": true}, "data": 1, "latest": "k"}),
            "latest",
        ),
        (json!({"to": {"all": true}, "data": 1, "args": []}), "args"),
        (
            json!({"to": {"all": true}, "event": "e", "args": {}}),
            "args",
        ),
        (json!({"to": {"rooms": ["a b"]}, "data": 1}), "space"),
        (
            json!({"to": {"sparks": ["x"]}, "data": 1}),
            "not a spark id",
        ),
        (
            json!({"to": {"all": true}, "data": 1, "excpt": []}),
            "unknown field",
        ),
        (
            json!({"to": {"all": true}, "data": 1, "join": {"sparks": [], "rooms": []}}),
            "one of to",
        ),
        (json!({"join": {"sparks": [ID]}}), "no rooms"),
        (json!({"end": {"sparks": [ID]}, "data": 1}), "goes with to"),
        (
            json!({"end": {"sparks": vec![ID; SPARKS_MAX + 1]}}),
            "10000",
        ),
        (
            json!({"to": {"rooms": vec!["a"; ROOMS_MAX + 1]}, "data": 1}),
            "1000",
        ),
    ] {
        let said = code(command.clone()).unwrap_err();
        assert!(said.contains(reason), "{command}: {said}");
    }
    assert!(Command::read(b"{\"to\":").is_err());
    assert!(Command::read(b"\xff").is_err());
}

#[test]
fn scopes_differ() {
    let scope = |value| Command::try_from(value).unwrap().scope();
    assert_eq!(
        scope(json!({"to": {"all": true}, "data": 1})),
        Scope::Publish
    );
    assert_eq!(scope(json!({"end": {"sparks": []}})), Scope::Manage);
    assert_eq!(scope(json!({"leave": {"sparks": []}})), Scope::Manage);
}

/// Messages that can't be written are told of, and keep no other from being written.
#[test]
fn a_batch_says_what_came_of_each() {
    let primus = Primus::builder().parser("raw").build().unwrap();
    let command = |value| Command::try_from(value).unwrap();
    let commands = [
        command(json!({"to": {"all": true}, "data": "text"})),
        command(json!({"to": {"all": true}, "data": {"no": "text"}})),
        command(json!({"to": {"all": true}, "event": "connection"})),
    ];
    let outcomes = run_all(&commands, &primus.handle());
    let codes: Vec<Option<&str>> = outcomes
        .iter()
        .map(|outcome| outcome.as_ref().err().map(|error| error.code))
        .collect();
    assert_eq!(codes, [None, Some("unencodable"), Some("reserved")]);
}

/// Through a real server to real clients.
#[tokio::test]
async fn commands_reach_whom_they_are_for() {
    use allspark_client::Event;
    use futures_util::StreamExt;

    let primus = Primus::builder().shards(2).build().unwrap();
    let (opened, ids) = channel();
    primus.on_connection(move |spark| opened.send(spark.id()).unwrap());
    let server = primus.start("127.0.0.1:0").unwrap();
    let (mut clients, mut sparks) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let url = format!("http://{}", server.address());
        clients.push(primus.socket().connect(&url).await.unwrap());
        sparks.push(
            ids.recv_timeout(Duration::from_secs(60))
                .unwrap()
                .to_string(),
        );
    }
    let run = |value| {
        let outcome = Command::try_from(value).unwrap().run(&primus.handle());
        assert_eq!(outcome, Ok(()));
    };
    run(json!({"join": {"sparks": [sparks[0], sparks[1]], "rooms": ["a"]}}));
    run(json!({"to": {"rooms": ["a"]}, "except": [sparks[1]], "data": "room"}));
    run(json!({"to": {"all": true}, "except": [sparks[0]], "data": "others"}));
    run(json!({"to": {"sparks": [sparks[2]]}, "event": "news", "args": [1]}));
    run(json!({"leave": {"sparks": [sparks[0]]}}));
    run(json!({"to": {"rooms": ["a"]}, "data": "late"}));
    run(json!({"to": {"all": true}, "data": "end"}));
    let mut heard = Vec::new();
    for client in &mut clients {
        let mut said = Vec::new();
        while said.last().is_none_or(|last| last != "\"end\"") {
            if let Some(Event::Data(data)) = client.next().await {
                said.push(String::from_utf8(data.encoded().to_vec()).unwrap());
            }
        }
        heard.push(said.join(" "));
    }
    assert_eq!(heard[0], r#""room" "end""#);
    assert_eq!(heard[1], r#""others" "late" "end""#);
    assert_eq!(heard[2], r#""others" {"emit":["news",1]} "end""#);
    for client in clients {
        client.end().await;
    }
    primus.destroy(Destroy::default());
    server.join().unwrap();
}
