//! Requests that are not for Primus: routes of the application, and answers that come later.

use std::sync::{Arc, Mutex};

use allspark_engine::{Options, Reply, Routes, Ticket};
use allspark_protocol::http::Response;
use allspark_protocol::primus::PingInterval;
use allspark_transformers::websockets::WebSockets;

use crate::stage::Stage;

type Tickets = Arc<Mutex<Vec<Ticket>>>;

const UPLOAD_BYTES_MAX: usize = 200_000;

/// `/later` is answered with one of the tickets, `/upload` says how much came.
fn stage() -> (Stage<WebSockets>, Tickets) {
    let (tickets, mut routes) = (Tickets::default(), Routes::new());
    let taken = Arc::clone(&tickets);
    let later = move |request: &allspark_engine::RouteRequest<'_>| {
        taken.lock().unwrap().push(request.later());
        Reply::Later
    };
    routes.add("GET", "/later", later).unwrap();
    let upload = |request: &allspark_engine::RouteRequest<'_>| {
        let name = request.param("name").unwrap();
        let text = format!("{} bytes of {name}", request.body().len());
        Response::text(200, &text).into()
    };
    routes
        .add_with_body("POST", "/upload/{name}", UPLOAD_BYTES_MAX, upload)
        .unwrap();
    routes
        .add("GET", "/panics", |_| panic!("on purpose"))
        .unwrap();
    let options = Options {
        ping_interval: PingInterval::OFF,
        routes: Arc::new(routes),
        ..Options::default()
    };
    let transformer = WebSockets::uncompressed(1 << 20);
    (Stage::new(options, transformer, |_| {}), tickets)
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

fn post(path: &str, length: usize) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n")
}

#[test]
fn an_answer_comes_later_and_what_came_behind_the_request_after_it() {
    let (mut stage, tickets) = stage();
    let both = get("/later") + &get("/primus/spec");
    let mut client = stage.connect(both.as_bytes());
    assert_eq!(client.read(), 0, "nobody has answered");
    let ticket = tickets.lock().unwrap().pop().unwrap();
    std::thread::spawn(move || ticket.respond(Response::text(200, "late")))
        .join()
        .unwrap();
    stage.turns(6);
    assert!(client.has_heard("late") && client.has_heard("pingInterval"));
    let heard = String::from_utf8(client.heard.clone()).unwrap();
    assert!(heard.find("late") < heard.find("pingInterval"), "{heard}");
    assert_eq!(stage.shard.connections(), 1, "it can be used again");
}

#[test]
fn a_ticket_that_is_dropped_is_a_503() {
    let (mut stage, tickets) = stage();
    let mut client = stage.connect(get("/later").as_bytes());
    tickets.lock().unwrap().clear();
    stage.turns(4);
    assert!(client.has_heard("HTTP/1.1 503 "));
}

#[test]
fn an_answer_for_a_client_that_has_gone_reaches_nobody_else() {
    let (mut stage, tickets) = stage();
    let client = stage.connect(get("/later").as_bytes());
    client.end();
    stage.turns(6);
    assert_eq!(stage.shard.connections(), 0);
    let mut other = stage.connect(get("/later").as_bytes());
    let old = tickets.lock().unwrap().remove(0);
    old.respond(Response::text(200, "old"));
    stage.turns(4);
    assert_eq!(other.read(), 0, "that was for the other one");
    let new = tickets.lock().unwrap().remove(0);
    new.respond(Response::text(200, "new"));
    stage.turns(4);
    assert!(other.has_heard("new"));
}

#[test]
fn what_comes_behind_a_request_that_waits_is_bounded() {
    let (mut stage, _tickets) = stage();
    let client = stage.connect(get("/later").as_bytes());
    let mut most = 0;
    for _ in 0..100 {
        // Who is not listened to sends what fits into the window.
        let _ = stage.net.send(client.endpoint, &[b'x'; 10_000]);
        stage.turn();
        most = most.max(stage.primus.stats().bytes_held);
    }
    assert!(most > 60_000 && most < 300_000, "{most} bytes held");
}

#[test]
fn a_body_has_the_bound_of_its_route() {
    let (mut stage, _tickets) = stage();
    let mut client = stage.connect(post("/upload/a.txt", 150_000).as_bytes());
    for _ in 0..15 {
        client.say(&[b'x'; 10_000]);
        stage.turn();
    }
    stage.turns(4);
    assert!(client.has_heard("150000 bytes of a.txt"));
    let mut client = stage.connect(post("/upload/a.txt", UPLOAD_BYTES_MAX + 1).as_bytes());
    assert!(client.has_heard("HTTP/1.1 413 "), "by its head alone");
    // What the transport has no use for is refused although a route would take as much.
    let mut client = stage.connect(post("/primus", 150_000).as_bytes());
    assert!(client.has_heard("HTTP/1.1 413 "));
}

#[test]
fn other_methods_and_handlers_that_panic_are_answered() {
    let (mut stage, _tickets) = stage();
    let mut client = stage.connect(get("/upload/a.txt").as_bytes());
    assert!(client.has_heard("HTTP/1.1 405 ") && client.has_heard("Allow: POST"));
    let mut client = stage.connect(get("/panics").as_bytes());
    assert!(client.has_heard("HTTP/1.1 500 "));
    assert_eq!(stage.primus.stats().handlers_panicked, 1);
    let mut client = stage.connect(get("/nowhere").as_bytes());
    assert!(client.has_heard("HTTP/1.1 404 "));
}
