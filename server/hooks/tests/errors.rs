//! Errors of sparks, which the application hears of.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::*;

/// A client that may say what no client of Primus says.
fn raw(house: &House) -> TcpStream {
    let mut stream = TcpStream::connect(house.server.address()).unwrap();
    let request = "GET /primus HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
                   Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    stream
}

/// A text in a frame whose mask is zero.
fn say(mut stream: &TcpStream, text: &str) {
    let length = u8::try_from(text.len()).unwrap();
    let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
    frame.extend_from_slice(text.as_bytes());
    stream.write_all(&frame).unwrap();
}

#[tokio::test]
async fn an_application_hears_of_what_can_not_be_read() {
    let application = Application::start(accept);
    let house = house(&options(&application, |options| {
        options.events = serde_json::from_value(json!("connect,error,message")).unwrap();
    }));
    let client = raw(&house);
    say(&client, "1");
    application.wait_for(|event| event["data"] == 1).await;
    say(&client, "{\"a\":");
    application
        .wait_for(|event| event["event"] == "error")
        .await;
    // It goes on.
    say(&client, "2");
    application.wait_for(|event| event["data"] == 2).await;
    house.end().await;
    let events = application.events();
    let kinds: Vec<&Value> = events.iter().map(|event| &event["event"]).collect();
    assert_eq!(kinds, ["connect", "message", "error", "message"]);
    let error = &events[2];
    assert_eq!(error["spark"], events[0]["spark"]);
    assert!(
        error["error"].as_str().is_some_and(|text| text.len() > 5),
        "{error}"
    );
}
