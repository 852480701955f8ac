//! Layers that are `async`, run by the shards themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use allspark_engine::{Attach, Layer, LayerError, LayerRequest, Verdict};
use allspark_transformers::websockets::WebSockets;

use crate::stage::{Stage, frame, handshake, quiet};

const PAUSE: Duration = Duration::from_millis(50);

/// Decides after a while, by the query: `panic`, `no`, or whatever else is attached as a name.
fn authorize(request: &mut LayerRequest<'_>) -> Verdict {
    let name = request.head().query().get("name");
    let name = name.map(|name| name.into_owned()).unwrap_or_default();
    let (mut ticket, pause) = (request.later(), request.executor().sleep(PAUSE));
    request.spawn(async move {
        pause.await;
        assert_ne!(name, "panic", "this is expected");
        if name == "no" {
            return ticket.fail("who are you?");
        }
        ticket.attach(name);
        ticket.next();
    });
    Verdict::Later
}

fn stage(attach: impl FnOnce(&Attach)) -> Stage<WebSockets> {
    quiet(|primus| {
        primus.on_data(|spark, _| {
            let name = spark.attached::<String>().cloned();
            spark.write(format!("you are {}", name.unwrap_or_default()));
        });
        attach(primus);
    })
}

fn upgrade(name: &str) -> Vec<u8> {
    let query = format!("GET /primus?name={name} ");
    handshake("").replace("GET /primus ", &query).into_bytes()
}

#[test]
fn a_future_decides_who_is_let_in() {
    let mut stage = stage(|primus| primus.authorize(authorize));
    let mut client = stage.connect(&upgrade("Ada"));
    assert_eq!(client.read(), 0, "nobody has decided");
    stage.turns(60);
    assert!(client.has_heard("HTTP/1.1 101 "));
    client.say(&frame("1"));
    stage.turns(4);
    assert!(client.has_heard("you are Ada"));
    for (name, answer) in [("no", "HTTP/1.1 401 "), ("panic", "HTTP/1.1 503 ")] {
        let mut client = stage.connect(&upgrade(name));
        stage.turns(60);
        assert!(client.has_heard(answer), "{name}");
    }
    assert_eq!(stage.primus.stats().handlers_panicked, 1);
}

#[test]
fn layers_wait_one_after_the_other() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let mut stage = stage(move |primus| {
        for name in ["first", "second"] {
            let asked = Arc::clone(&counted);
            primus.layers().add(Layer::new_async(name, move |request| {
                asked.fetch_add(1, Ordering::Relaxed);
                request.executor().sleep(PAUSE)
            }));
        }
    });
    let mut client = stage.connect(&upgrade("Ada"));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    stage.turns(50);
    assert_eq!((asked.load(Ordering::Relaxed), client.read()), (2, 0));
    stage.turns(50);
    assert!(client.has_heard("HTTP/1.1 101 "));
}

#[test]
fn nothing_is_left_of_a_client_that_goes_before_it_is_decided() {
    let mut stage = stage(|primus| primus.authorize(authorize));
    for _ in 0..10 {
        let client = stage.connect(&upgrade("Ada"));
        client.leave();
        stage.turns(4);
        assert_eq!(stage.shard.connections(), 0);
    }
    stage.turns(60);
    let stats = stage.primus.stats();
    assert_eq!((stats.sparks_opened, stats.handlers_panicked), (0, 0));
    // What is decided at once is decided in the turn of the request.
    let error = || LayerError::new("closed").status(403);
    let mut stage = quiet(|primus| {
        primus.authorize(move |request| {
            let error = error();
            request.decide_by(async move { Err::<(), _>(error) })
        });
    });
    let mut client = stage.connect(&upgrade("Ada"));
    assert!(client.has_heard("HTTP/1.1 403 ") && client.has_heard("{\"error\":\"closed\"}"));
}
