//! Messages arrive: all of them, in order, as they were written.

use std::time::Duration;

use allspark_client::{Direction, Event, Kind, Primus, Value, Verdict};
use allspark_protocol::parser::{Parser, ParserKind};
use allspark_transformers::TransformerKind;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;

use crate::server::{Reserved, Server};
use crate::{KINDS, connect, data, next};

const MANY: u32 = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_messages_come_back_in_order_over_every_transport() {
    for kind in KINDS {
        let server = Server::start(kind);
        let client = connect(&server.url(), kind).await.unwrap();
        let (writer, mut events) = client.split();
        let writing = tokio::spawn(async move {
            for n in 0..MANY {
                writer.write(n).await.unwrap();
            }
            writer
        });
        for n in 0..MANY {
            assert_eq!(data(&mut events).await.parse::<u32>(), Ok(n), "{kind:?}");
        }
        writing.await.unwrap().end().await;
        server.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn id_and_query_are_known_over_every_transport() {
    for kind in KINDS {
        let server = Server::start(kind);
        let url = format!("{}/some/path?token=a%20b&x#fragment", server.url());
        let mut client = connect(&url, kind).await.unwrap();
        let id = client.id().await.unwrap();
        assert!(!id.is_empty());
        assert_eq!(client.id().await, Ok(id), "{kind:?}: it stays the same");
        client.write(json!({ "do": "query" })).await.unwrap();
        assert_eq!(data(&mut client).await.parse::<String>(), Ok("a b".into()));
        client.end().await;
        server.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_any_kind_come_back() {
    let server = Server::start(TransformerKind::WebSockets);
    let mut client = connect(&server.url(), TransformerKind::WebSockets)
        .await
        .unwrap();
    client.write("text \u{2028} 👋").await.unwrap();
    client
        .send(allspark_client::value!({ "n": [1, null] }))
        .await
        .unwrap();
    client.send(json!([true, 1.5])).await.unwrap();
    client.writer().try_write(Some(7)).unwrap();
    assert_eq!(
        data(&mut client).await.parse(),
        Ok("text \u{2028} 👋".to_owned())
    );
    assert!(data(&mut client).await.value().unwrap()["n"][1].is_null());
    assert_eq!(data(&mut client).await.text(), Some("[true,1.5]"));
    assert_eq!(data(&mut client).await.encoded(), b"7");
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_parser_is_spoken() {
    for parser in ParserKind::ALL {
        if parser == ParserKind::Raw {
            continue;
        }
        let server = Server::start_at(TransformerKind::WebSockets, "127.0.0.1:0", parser);
        let name = parser.name().to_uppercase();
        let mut client = Primus::connect(server.url()).parser(&name).await.unwrap();
        let value = allspark_client::value!({ "n": [1, null, 0.5], "text": "\u{2028} 👋" });
        client.write(&value).await.unwrap();
        assert_eq!(data(&mut client).await.value(), Ok(value));
        client.write(("a", 1_u64 << 40)).await.unwrap();
        let pair: (String, u64) = data(&mut client).await.parse().unwrap();
        assert_eq!(pair, ("a".to_owned(), 1 << 40));
        client.writer().write_bytes([0xff, 0]).await.unwrap();
        let bytes = data(&mut client).await.value().unwrap();
        match parser {
            // What Node.js makes of bytes.
            ParserKind::Json => assert_eq!(bytes["type"], "Buffer".into()),
            _ => assert_eq!(bytes.as_bytes(), Some(&[0xff, 0][..])),
        }
        server.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn raw_messages_stay_as_they_are() {
    let server = Server::start_at(TransformerKind::WebSockets, "127.0.0.1:0", ParserKind::Raw);
    let mut client = Primus::connect(server.url()).parser("raw").await.unwrap();
    client.write("{ text").await.unwrap();
    client.writer().write_bytes([0xff, 0]).await.unwrap();
    assert!(client.write(1).await.is_err(), "raw has no numbers");
    let text = data(&mut client).await;
    assert_eq!((text.kind(), text.encoded()), (Kind::Text, &b"{ text"[..]));
    let bytes = data(&mut client).await;
    assert_eq!(
        (bytes.kind(), bytes.encoded()),
        (Kind::Binary, &[0xff, 0][..])
    );
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_before_open_arrives_in_order() {
    for kind in KINDS {
        // Nobody listens there yet.
        let reserved = Reserved::new();
        let address = reserved.address();
        let mut client = connect(&format!("ws://{address}"), kind).start().unwrap();
        for n in 0..100 {
            client.write(n).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        let server = Server::start_at(kind, &address, ParserKind::Json);
        for n in 0..100 {
            assert_eq!(data(&mut client).await.parse(), Ok(n), "{kind:?}");
        }
        client.end().await;
        server.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_gets_everything_in_order() {
    const COUNT: u32 = 3_000;
    let server = Server::start(TransformerKind::WebSockets);
    let client = connect(&server.url(), TransformerKind::WebSockets)
        .await
        .unwrap();
    let count = json!({ "do": "count", "to": COUNT, "length": 1_000 });
    client.write(count).await.unwrap();
    let (_writer, events) = client.split();
    // Three times what may wait: the rest waits with the server.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut messages = events.into_data();
    for n in 0..COUNT {
        let message = messages.next().await.unwrap();
        let text: String = message.parse().unwrap();
        assert_eq!(text.trim_end_matches('x'), n.to_string());
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transforms_change_and_drop_messages_on_their_way() {
    let server = Server::start(TransformerKind::WebSockets);
    let mut client = connect(&server.url(), TransformerKind::WebSockets)
        .transform(Direction::Outgoing, |message| match message {
            Value::Bool(_) => Verdict::Drop,
            _ => Verdict::Pass,
        })
        .await
        .unwrap();
    client.writer().transform(Direction::Incoming, |message| {
        if message.as_u64() == Some(13) {
            return Verdict::Fail("no thirteens".to_owned());
        }
        *message = Value::Array(vec![message.clone()]);
        Verdict::Pass
    });
    for message in [json!(1), json!(true), json!(13), json!("end")] {
        client.write(message).await.unwrap();
    }
    assert_eq!(data(&mut client).await.text(), Some("[1]"));
    match next(&mut client).await {
        Some(Event::Error(error)) => assert!(error.to_string().contains("no thirteens")),
        other => panic!("{other:?} where an error was due"),
    }
    assert_eq!(data(&mut client).await.text(), Some(r#"["end"]"#));
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_forwarded_and_closes_the_connection() {
    let server = Server::start(TransformerKind::WebSockets);
    let client = connect(&server.url(), TransformerKind::WebSockets)
        .await
        .unwrap();
    let (writer, events) = client.split();
    let numbers = futures_util::stream::iter((0..1_000).map(Ok));
    let echo = tokio::spawn(events.into_data().take(1_000).collect::<Vec<_>>());
    let mut writer = writer;
    writer.send_all(&mut numbers.boxed()).await.unwrap();
    assert_eq!(echo.await.unwrap().len(), 1_000);
    SinkExt::<u32>::close(&mut writer).await.unwrap();
    crate::until("the spark is gone", || server.sparks() == 0).await;
    server.stop();
}
