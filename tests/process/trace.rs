//! Traces of the binary, as a collector gets them.

use std::collections::BTreeMap;
use std::io::{Read, Write, pipe};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use rustix::process::Signal;
use serde_json::Value;

use crate::asked::{Request, read_request};
use crate::server::{NEVER, Server, allspark};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// The next request to a collector or an application, which thanks for it.
fn next_request(listener: &TcpListener) -> Request {
    let (mut stream, _) = listener.accept().unwrap();
    let request = read_request(&stream);
    let answer = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    stream.write_all(answer.as_bytes()).unwrap();
    request
}

/// Everything that is asked from now on, as long as somebody asks.
fn requests(listener: TcpListener) -> Receiver<Request> {
    let (sender, receiver) = channel();
    thread::spawn(move || while sender.send(next_request(&listener)).is_ok() {});
    receiver
}

fn connect(server: &Server, headers: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(NEVER)).unwrap();
    let request = format!(
        "GET /primus HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         {headers}\r\n\r\n"
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
    let _unsampled = connect(
        &server,
        &format!("traceparent: 00-{TRACE}-b7ad6b7169203332-00"),
    );
    let _sampled = connect(
        &server,
        &format!("traceparent: 00-{TRACE}-b7ad6b7169203331-01"),
    );
    let (_, body) = next_request(&collector);
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

/// What a request says of its trace, and what its spans have of that.
const TRACED: &str = "tracestate: a=1, b@c=2\r\ntraceparent: 00-";

fn assert_follows(span: &Value, parent: &str) {
    assert_eq!(span["traceId"], TRACE, "{span}");
    assert_eq!(span["parentSpanId"], parent, "{span}");
    assert_eq!(span["traceState"], "a=1, b@c=2", "{span}");
}

#[test]
fn publishes_and_hooks_are_spans_and_what_came_with_a_trace_goes_on() {
    let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
    let (collector, application) = (listen(), listen());
    let url = |of: &TcpListener| format!("http://{}/", of.local_addr().unwrap());
    let mut command = allspark(&["--trace-url", &url(&collector), "--trace-sample", "100%"]);
    command.args(["--shards", "1", "--hooks-url", &url(&application)]);
    let key = "the-key-of-an-application";
    let mut server = Server::start_with(command.env("ALLSPARK_API_KEYS", key), Stdio::null());
    let (spans, hooks) = (requests(collector), requests(application));
    let (client, publisher) = ("b7ad6b7169203331", "b7ad6b7169203332");
    let _client = connect(&server, &format!("{TRACED}{TRACE}-{client}-01"));
    let (told, body) = hooks.recv_timeout(NEVER).unwrap();
    let event = &body["events"][0];
    assert_eq!(
        (&event["event"], &event["tracestate"]),
        (&"connect".into(), &"a=1, b@c=2".into())
    );
    let body = r#"{"to":{"all":true},"data":1}"#;
    let length = body.len();
    let answer = server.whole_answer(&format!(
        "POST /api/v1/publish HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
         Authorization: Bearer {key}\r\nContent-Length: {length}\r\n\
         {TRACED}{TRACE}-{publisher}-01\r\n\r\n{body}"
    ));
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let mut found = BTreeMap::new();
    while found.len() < 3 {
        let (_, body) = spans.recv_timeout(NEVER).unwrap();
        let spans = &body["resourceSpans"][0]["scopeSpans"][0]["spans"];
        for span in spans.as_array().unwrap() {
            found.insert(span["name"].as_str().unwrap().to_owned(), span.clone());
        }
    }
    let (connect, publish, hook) = (&found["connect"], &found["publish"], &found["hook"]);
    assert_follows(connect, client);
    assert_follows(publish, publisher);
    // The application hears which span connected, and which request tells it.
    let context = |span: &Value| {
        let [trace, own] = ["traceId", "spanId"].map(|name| span[name].as_str().unwrap());
        format!("00-{trace}-{own}-01")
    };
    assert_eq!(event["traceparent"], context(connect));
    assert_eq!(told["traceparent"], context(hook));
    let attribute = |name: &str| {
        let attributes = hook["attributes"].as_array().unwrap();
        let found = attributes.iter().find(|one| one["key"] == name);
        found.unwrap()["value"]["stringValue"].clone()
    };
    assert_eq!(attribute("allspark.hook.event"), "connect");
    assert_eq!(attribute("allspark.hook.id"), told["webhook-id"]);
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
