//! Traces of the binary, as a collector gets them.

use std::io::{BufRead, BufReader, Read, Write, pipe};
use std::net::{TcpListener, TcpStream};

use rustix::process::Signal;
use serde_json::Value;

use crate::server::{NEVER, Server};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// The body of the next request to a collector, which is thanked.
fn next_request(listener: &TcpListener) -> Value {
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(NEVER)).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut length = 0;
    loop {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).unwrap() > 0);
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    stream.write_all(answer.as_bytes()).unwrap();
    serde_json::from_slice(&body).unwrap()
}

fn connect(server: &Server, traceparent: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(NEVER)).unwrap();
    let request = format!(
        "GET /primus HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         traceparent: {traceparent}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 101");
    stream
}

#[test]
fn a_connection_is_a_span_of_the_trace_that_its_client_names() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/traces", collector.local_addr().unwrap());
    // Only who says so is sampled: the connections by which the test looks whether the server is
    // there are not.
    let args = [
        "--trace-url",
        &url,
        "--trace-sample",
        "0",
        "--trace-trust-parents",
    ];
    let (_reader, writer) = pipe().unwrap();
    let mut server = Server::start(&args, writer);
    let _unsampled = connect(&server, &format!("00-{TRACE}-b7ad6b7169203332-00"));
    let _sampled = connect(&server, &format!("00-{TRACE}-b7ad6b7169203331-01"));
    let body = next_request(&collector);
    let spans = &body["resourceSpans"][0]["scopeSpans"][0]["spans"];
    assert_eq!(spans.as_array().unwrap().len(), 1, "{spans}");
    let span = &spans[0];
    assert_eq!(
        (&span["name"], &span["traceId"]),
        (&"connect".into(), &TRACE.into())
    );
    assert_eq!(span["parentSpanId"], "b7ad6b7169203331");
    let attributes = span["attributes"].as_array().unwrap();
    let address = attributes.iter().find(|one| one["key"] == "client.address");
    assert_eq!(address.unwrap()["value"]["stringValue"], "127.0.0.1");
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), Some(0));
}

/// Neither its clients nor its end wait for a collector that never answers.
#[test]
fn a_collector_that_is_stuck_harms_nobody() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/traces", collector.local_addr().unwrap());
    let (_reader, writer) = pipe().unwrap();
    let mut server = Server::start(&["--trace-url", &url, "--trace-sample", "100%"], writer);
    for _ in 0..3 {
        server.assert_serves();
    }
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), Some(0));
}
