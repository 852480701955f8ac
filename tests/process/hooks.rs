//! An application behind hooks that makes the same mistake about each client.

use std::io::{Read, Write, pipe};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

use rustix::process::Signal;
use serde_json::json;

use crate::asked::read_request;
use crate::server::Server;

/// More bytes than the name of a room may have.
const NAME_BYTES: usize = 300;

const CLIENTS: usize = 30;

/// Lets everybody in, has him join a room that can't be one, and greets him.
fn serve(listener: &TcpListener) {
    for stream in listener.incoming() {
        answer(stream.unwrap());
    }
}

fn answer(mut stream: TcpStream) {
    let (_, body) = read_request(&stream);
    let events = body["events"].as_array().unwrap().iter();
    let connects = events.filter(|event| event["event"] == "connect");
    let rooms = ["x".repeat(NAME_BYTES)];
    let replies: Vec<_> = connects
        .map(|event| json!({"id": event["id"], "rooms": rooms, "write": ["welcome"]}))
        .collect();
    let body = json!({ "replies": replies }).to_string();
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all((head + &body).as_bytes()).unwrap();
}

#[test]
fn a_room_that_nobody_can_join_is_a_line_per_second_and_not_per_client() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || serve(&listener));
    let (mut log, writer) = pipe().unwrap();
    let mut server = Server::start(&["--hooks-url", &url], writer);
    let begun = Instant::now();
    for _ in 0..CLIENTS {
        assert_eq!(server.connect().receive(), b"\"welcome\"");
    }
    let took = begun.elapsed();
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), Some(0));
    let mut text = String::new();
    log.read_to_string(&mut text).unwrap();
    let lines = text.lines().filter(|line| line.contains("is not joined"));
    let lines: Vec<_> = lines.collect();
    assert!(!lines.is_empty(), "{text}");
    assert!(lines.len() as u64 <= 1 + took.as_secs(), "{text}");
}
