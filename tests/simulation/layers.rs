//! Requests go through layers, and some wait for one that decides later.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark::TransformerKind;
use allspark_engine::io::sim::SimNet;
use allspark_engine::sim::SimServer;
use allspark_engine::{
    Attach, Destroy, Layer, LayerError, LayerRequest, LayerTicket, Layers, Options, Verdict,
};
use allspark_protocol::primus::PingInterval;
use allspark_transformers::CommonOptions;
use allspark_transformers::sockjs::{SockJs, SockJsOptions};
use allspark_transformers::websockets::WebSockets;

use crate::by_hand::ByHand;
use crate::stage::{Stage, frame, handshake, quiet};

type Tickets = Arc<Mutex<Vec<LayerTicket>>>;

/// The tickets of an authorization that lets everybody wait, and how often it was asked.
#[derive(Clone, Default)]
struct Waiting {
    tickets: Tickets,
    asked: Arc<AtomicUsize>,
}

impl Waiting {
    fn attach(&self, primus: &Attach) {
        let waiting = self.clone();
        primus.authorize(move |request| {
            waiting.asked.fetch_add(1, Ordering::Relaxed);
            waiting.tickets.lock().unwrap().push(request.later());
            Verdict::Later
        });
    }

    /// The ticket that was taken first.
    fn take(&self) -> LayerTicket {
        self.tickets.lock().unwrap().remove(0)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

fn echo(primus: &Attach) {
    primus.on_data(|spark, data| {
        spark.write(data);
    });
}

fn websockets() -> (Stage<WebSockets>, Waiting) {
    let waiting = Waiting::default();
    let stage = quiet(|primus| {
        waiting.attach(primus);
        echo(primus);
    });
    (stage, waiting)
}

fn sockjs(attach: impl FnOnce(&Attach)) -> Stage<SockJs> {
    let options = Options {
        ping_interval: PingInterval::OFF,
        ..Options::default()
    };
    let transformer = SockJs::new(&CommonOptions::default(), SockJsOptions::default());
    Stage::new(options, transformer, attach)
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

fn post(path: &str, length: usize) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n")
}

#[test]
fn who_is_refused_hears_why_on_requests_and_upgrades() {
    let mut stage = quiet(|primus| {
        primus.authorize(|request| {
            let error = LayerError::new("who are you?").authenticate("Basic realm=\"a\"");
            match request.head().query().get("status") {
                Some(status) => Err(error.status(status.parse().unwrap())),
                None => Err(error),
            }
        });
    });
    let refused = "{\"error\":\"who are you?\"}";
    let challenge = "WWW-Authenticate: Basic realm=\"a\"\r\n";
    let mut client = stage.connect(get("/primus/x").as_bytes());
    assert!(client.has_heard("HTTP/1.1 401 ") && client.has_heard(challenge));
    assert!(client.has_heard("Content-Type: application/json\r\n") && client.has_heard(refused));
    client.heard.clear();
    client.say(get("/primus/spec").as_bytes());
    stage.turns(4);
    assert!(client.has_heard("pingInterval"), "the connection is kept");

    let mut client = stage.connect(handshake("").as_bytes());
    assert!(client.has_heard("HTTP/1.1 401 ") && client.has_heard(challenge));
    assert!(client.has_heard("Connection: close\r\n") && client.has_heard(refused));
    assert!(!client.has_heard("Cache-Control"));
    client.say(get("/primus/spec").as_bytes());
    stage.turns(4);
    assert!(!client.has_heard("pingInterval"), "that was the last word");

    let upgrade = handshake("").replace("/primus", "/primus?status=403");
    let mut client = stage.connect(upgrade.as_bytes());
    assert!(client.has_heard("HTTP/1.1 403 ") && client.has_heard(refused));
    assert!(!client.has_heard("WWW-Authenticate"));
    assert_eq!(stage.primus.stats().sparks_opened, 0);
}

#[test]
fn an_upgrade_waits_for_a_verdict_of_another_thread() {
    let (mut stage, waiting) = websockets();
    let mut client = stage.connect(handshake("").as_bytes());
    client.say(&frame("\"early\""));
    stage.turns(4);
    assert_eq!(client.read(), 0, "nobody has decided");
    let mut ticket = waiting.take();
    std::thread::spawn(move || {
        ticket.attach(7_u32);
        ticket.next();
    })
    .join()
    .unwrap();
    stage.turns(4);
    assert!(client.has_heard("HTTP/1.1 101 ") && client.has_heard("\"early\""));
    let taken = Arc::<Mutex<Vec<Option<u32>>>>::default();
    let kept = Arc::clone(&taken);
    stage.primus.for_each(move |spark| {
        let taken = [
            spark.attached().copied(),
            spark.take_attached(),
            spark.take_attached(),
        ];
        kept.lock().unwrap().extend(taken);
        true
    });
    client.heard.clear();
    client.say(&frame("\"late\""));
    stage.turns(4);
    assert!(client.has_heard("\"late\""));
    assert_eq!(*taken.lock().unwrap(), [Some(7), Some(7), None]);
    assert_eq!(waiting.asked(), 1);
}

#[test]
fn a_verdict_that_is_there_at_once_is_one_like_any_other() {
    let later = |request: &mut LayerRequest<'_>| {
        request.later().next();
        Verdict::Later
    };
    let mut stage = quiet(|primus| {
        for name in ["one", "two", "three"] {
            primus.layers().add(Layer::new(name, later));
        }
        echo(primus);
    });
    let both = get("/primus/x") + &get("/primus/y");
    let mut client = stage.connect(both.as_bytes());
    stage.turns(8);
    client.read();
    let heard = String::from_utf8(client.heard.clone()).unwrap();
    assert_eq!(heard.matches("HTTP/1.1 426 ").count(), 2, "{heard}");
    let mut client = stage.connect(&[handshake("").as_bytes(), &frame("\"hi\"")].concat());
    stage.turns(8);
    assert!(client.has_heard("\"hi\""));
}

#[test]
fn a_ticket_that_is_dropped_is_a_503() {
    let waiting = Waiting::default();
    let mut stage = sockjs(|primus| waiting.attach(primus));
    for words in [handshake(""), get("/primus/x"), post("/primus/x", 100_000)] {
        let mut client = stage.connect(words.as_bytes());
        drop(waiting.take());
        stage.turns(4);
        assert!(client.has_heard("HTTP/1.1 503 ") && client.has_heard("Retry-After"));
    }
}

#[test]
fn a_verdict_for_a_client_that_has_gone_reaches_nobody_else() {
    let waiting = Waiting::default();
    let mut stage = sockjs(|primus| waiting.attach(primus));
    for words in [handshake(""), post("/primus/x", 100_000)] {
        let gone = stage.connect(words.as_bytes());
        gone.end();
        stage.turns(6);
        assert_eq!(stage.shard.connections(), 0);
        let mut other = stage.connect(words.as_bytes());
        waiting.take().fail("old");
        stage.turns(4);
        assert_eq!(other.read(), 0, "that was for the other one");
        waiting.take().fail("new");
        stage.turns(4);
        assert!(other.has_heard("{\"error\":\"new\"}"));
        other.leave();
        stage.turns(4);
    }
}

/// A ticket that a layer took and did not wait for decides nothing, whoever waits by then.
#[test]
fn a_ticket_that_nobody_waits_for_decides_nothing() {
    let waiting = Waiting::default();
    let early = Tickets::default();
    let mut stage = quiet(|primus| {
        let early = Arc::clone(&early);
        primus.layers().insert(
            0,
            Layer::new("early", move |request| {
                early.lock().unwrap().push(request.later());
            }),
        );
        waiting.attach(primus);
    });
    let mut client = stage.connect(get("/primus/x").as_bytes());
    early.lock().unwrap().clear();
    stage.turns(4);
    assert_eq!(client.read(), 0, "the second one is waited for");
    waiting.take().next();
    stage.turns(4);
    assert!(client.has_heard("HTTP/1.1 426 "));
}

#[test]
fn what_comes_while_a_request_waits_is_bounded() {
    for words in [
        get("/primus/x"),
        handshake(""),
        post("/primus/x", 1 << 19),
        "POST /primus/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
    ] {
        let waiting = Waiting::default();
        let mut stage = sockjs(|primus| waiting.attach(primus));
        let client = stage.connect(words.as_bytes());
        let mut most = 0;
        for _ in 0..100 {
            // Who is not listened to sends what fits into the window.
            let _ = stage.net.send(client.endpoint, &[b'x'; 10_000]);
            stage.turn();
            most = most.max(stage.primus.stats().bytes_held);
        }
        assert!(most > 60_000 && most < 300_000, "{most} bytes held");
        assert_eq!(waiting.asked(), 1);
    }
}

/// The head is judged, the body comes while the layer decides, and afterwards.
#[test]
fn a_body_is_complete_whenever_the_layer_decides() {
    const TEXT_BYTES: usize = 150_000;
    let heard = Arc::<AtomicUsize>::default();
    let waiting = Waiting::default();
    let mut stage = sockjs(|primus| {
        waiting.attach(primus);
        let heard = Arc::clone(&heard);
        primus.on_data(move |_, data| {
            heard.fetch_add(data.encoded().len(), Ordering::Relaxed);
        });
    });
    let mut poll = stage.connect(post("/primus/000/s/xhr", 0).as_bytes());
    waiting.take().next();
    stage.turns(4);
    assert!(poll.has_heard("o\n"), "the session is open");
    let body = format!("[\"\\\"{}\\\"\"]", "x".repeat(TEXT_BYTES));
    for decided_after in [0, 1, 5, 14, 40] {
        heard.store(0, Ordering::Relaxed);
        let mut client = stage.connect(post("/primus/000/s/xhr_send", body.len()).as_bytes());
        let (mut sent, mut rest) = (0, body.as_bytes());
        while sent < 40 {
            let bytes = stage
                .net
                .send(client.endpoint, &rest[..rest.len().min(10_000)]);
            rest = &rest[bytes.unwrap_or(0)..];
            if sent == decided_after {
                waiting.take().next();
            }
            stage.turn();
            sent += 1;
        }
        if decided_after == 40 {
            waiting.take().next();
        }
        for _ in 0..40 {
            let bytes = stage.net.send(client.endpoint, rest);
            rest = &rest[bytes.unwrap_or(0)..];
            stage.turn();
        }
        assert!(client.has_heard("HTTP/1.1 204 "), "{decided_after}");
        assert_eq!(heard.load(Ordering::Relaxed), TEXT_BYTES + 2);
    }
    assert_eq!(waiting.asked(), 6, "once for each request");
}

#[test]
fn layers_are_asked_once_about_a_request_whose_body_comes_slowly() {
    let asked = Arc::<AtomicUsize>::default();
    let count = |asked: &Arc<AtomicUsize>| {
        let asked = Arc::clone(asked);
        move |request: &mut LayerRequest<'_>| {
            asked.fetch_add(1, Ordering::Relaxed);
            request.attach(Arc::clone(&asked));
        }
    };
    let mut stage = sockjs(|primus| primus.layers().add(Layer::new("count", count(&asked))));
    for path in ["/primus/000/s/xhr", "/primus/nothing", "/primus/spec"] {
        asked.store(0, Ordering::Relaxed);
        let mut client = stage.connect(post(path, 10).as_bytes());
        for _ in 0..10 {
            client.say(b" ");
            stage.turn();
        }
        stage.turns(4);
        assert!(client.has_heard("HTTP/1.1 "), "{path}");
        // `/spec` is answered by a layer before it.
        let expected = usize::from(path != "/primus/spec");
        assert_eq!(asked.load(Ordering::Relaxed), expected, "{path}");
        // What was kept for one that never comes is forgotten.
        let kept = Arc::strong_count(&asked);
        let client = stage.connect(post(path, 10).as_bytes());
        assert_eq!(Arc::strong_count(&asked), kept + expected);
        client.leave();
        stage.turns(4);
        assert_eq!(Arc::strong_count(&asked), kept, "{path}");
    }
}

/// What a layer has said counts, even if it is switched off before the body has come.
#[test]
fn a_request_whose_body_comes_late_keeps_what_was_decided() {
    let waiting = Waiting::default();
    let attached = Arc::<Mutex<Vec<Option<u8>>>>::default();
    let mut layers: Option<Layers> = None;
    let mut stage = sockjs(|primus| {
        waiting.attach(primus);
        layers = Some(primus.layers());
        let attached = Arc::clone(&attached);
        primus.on_connection(move |spark| {
            let value = spark.attached::<u8>().copied();
            attached.lock().unwrap().push(value);
        });
    });
    let client = stage.connect(post("/primus/000/s/xhr", 2).as_bytes());
    assert!(layers.unwrap().disable("authorization"));
    stage.turns(2);
    let mut ticket = waiting.take();
    ticket.attach(7_u8);
    ticket.next();
    stage.turns(2);
    client.say(b"  ");
    stage.turns(4);
    assert_eq!(*attached.lock().unwrap(), [Some(7)]);
}

/// A long body that nobody wants is refused by its head alone.
#[test]
fn a_refusal_does_not_wait_for_the_body() {
    let mut stage = sockjs(|primus| primus.authorize(|_| Err("no")));
    let mut client = stage.connect(post("/primus/000/s/xhr", 1 << 19).as_bytes());
    assert!(client.has_heard("HTTP/1.1 401 ") && client.has_heard("Connection: close\r\n"));
}

#[test]
fn a_moved_request_is_asked_about_once() {
    let net = SimNet::default();
    let asked = Arc::<AtomicUsize>::default();
    let attached = Arc::<Mutex<Vec<String>>>::default();
    let transformer = SockJs::new(&CommonOptions::default(), SockJsOptions::default());
    let mut server = SimServer::new(&net, Options::default(), &transformer, 2, 7, |primus| {
        let asked = Arc::clone(&asked);
        primus.authorize(move |request| {
            asked.fetch_add(1, Ordering::Relaxed);
            let path = request.head().path().to_owned();
            request.attach(path);
            request.later().next();
            Verdict::Later
        });
        let attached = Arc::clone(&attached);
        primus.on_connection(move |spark| {
            let path = spark.attached::<String>().cloned();
            attached.lock().unwrap().extend(path);
        });
    });
    server.settle();
    let path = |name: usize| format!("/primus/000/session{name}/xhr");
    for name in 0..16 {
        let endpoint = net.connect(0, Duration::from_millis(1));
        let endpoint = endpoint.expect("the server listens");
        net.send(endpoint, post(&path(name), 0).as_bytes());
    }
    let end = net.now() + Duration::from_secs(1);
    loop {
        server.settle();
        match [net.next_event(), server.next_deadline()]
            .into_iter()
            .flatten()
            .min()
        {
            Some(next) if next <= end => net.advance_to(next),
            _ => break,
        }
        while net.next_client_notice().is_some() {}
    }
    let moved = server.handle().stats().connections_adopted;
    assert!(moved > 2, "{moved} sessions belong to the other shard");
    assert_eq!(asked.load(Ordering::Relaxed), 16);
    let mut attached = attached.lock().unwrap().clone();
    attached.sort();
    let mut expected: Vec<String> = (0..16).map(path).collect();
    expected.sort();
    assert_eq!(
        attached, expected,
        "each spark has what its own request had"
    );
}

#[test]
fn layers_of_a_running_server_change_for_requests_that_come() {
    let mut layers: Option<Layers> = None;
    let (waiting, mut stage) = {
        let waiting = Waiting::default();
        let stage = quiet(|primus| {
            waiting.attach(primus);
            layers = Some(primus.layers());
        });
        (waiting, stage)
    };
    let layers = layers.unwrap();
    let status = |stage: &mut Stage<WebSockets>, path: &str| {
        let mut client = stage.connect(get(path).as_bytes());
        client.read();
        String::from_utf8(client.heard.clone()).unwrap()["HTTP/1.1 ".len()..][..3].to_owned()
    };
    let mut waits = stage.connect(get("/primus/x").as_bytes());
    assert!(layers.disable("authorization"));
    layers.add(Layer::new("last", |_| Err("no more")));
    assert_eq!(status(&mut stage, "/primus/x"), "500");
    assert!(layers.remove("last") && !layers.remove("last"));
    assert_eq!(status(&mut stage, "/primus/x"), "426");
    layers.add(Layer::new("spec", |request| {
        (request.head().path() == "/primus/spec")
            .then_some(())
            .ok_or("not this one")
    }));
    assert_eq!(layers.index("spec"), Some(3));
    assert_eq!(
        status(&mut stage, "/primus/spec"),
        "426",
        "it goes on to the transport"
    );
    assert_eq!(status(&mut stage, "/primus/x"), "500");
    waiting.take().next();
    stage.turns(4);
    assert!(waits.has_heard("HTTP/1.1 426 "), "it goes on where it was");
    assert!(layers.enable("authorization"));
    let mut client = stage.connect(get("/primus/spec").as_bytes());
    assert_eq!(client.read(), 0, "it waits again");
    waiting.take().fail(LayerError::new("no").status(404));
    stage.turns(4);
    assert!(client.has_heard("HTTP/1.1 404 "));
}

#[test]
fn a_request_that_waits_does_not_hold_up_the_end() {
    let (mut stage, waiting) = websockets();
    let mut client = stage.connect(handshake("").as_bytes());
    stage.primus.destroy(Destroy::default());
    stage.turns(4);
    waiting.take().next();
    stage.turns(4);
    assert!(!client.has_heard("HTTP/1.1 101 "), "nobody new is served");
    assert_eq!(stage.primus.stats().sparks_opened, 0);
}

#[test]
fn a_layer_that_panics_is_a_500_and_what_it_attached_harms_nobody() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    let mut stage = quiet(|primus| {
        primus.authorize(|request| -> Verdict {
            request.attach(Bomb);
            match request.is_upgrade() {
                true => Verdict::Next,
                false => panic!("on purpose"),
            }
        });
        echo(primus);
    });
    let mut client = stage.connect(get("/primus/x").as_bytes());
    assert!(client.has_heard("HTTP/1.1 500 "));
    assert_eq!(stage.primus.stats().handlers_panicked, 1);
    let gone = stage.upgrade("");
    gone.leave();
    let mut client = stage.upgrade("");
    client.say(&frame("\"still there\""));
    stage.turns(4);
    assert!(client.has_heard("still there"));
}

#[test]
fn a_spark_has_the_address_that_trusted_proxies_name() {
    let address = |words: &str, trusted: &str| {
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let options = Options {
            trusted_proxies: trusted.parse().unwrap(),
            ..Options::default()
        };
        let transformer = SockJs::new(&CommonOptions::default(), SockJsOptions::default());
        let kept = Arc::clone(&seen);
        let mut stage = Stage::new(options, transformer, move |primus| {
            primus.on_connection(move |spark| {
                kept.lock().unwrap().push(spark.address().ip().to_string());
            });
        });
        drop(stage.connect(words.as_bytes()));
        let seen = seen.lock().unwrap();
        assert_eq!(seen.len(), 1, "{words}");
        seen[0].clone()
    };
    let forwarded = "X-Forwarded-For: 6.6.6.6, 203.0.113.7\r\n";
    let poll = post("/primus/000/s/xhr", 0).replace("\r\n\r\n", &format!("\r\n{forwarded}\r\n"));
    let upgrade = handshake(forwarded).replace("/primus", "/primus/websocket");
    for words in [poll, upgrade] {
        assert_eq!(
            address(&words, "0.0.0.0/0, ::/0"),
            "6.6.6.6",
            "all are trusted"
        );
        let peer = address(&words, "");
        assert_ne!(peer, "6.6.6.6");
        assert_eq!(address(&words, &peer), "203.0.113.7");
        assert_eq!(
            address(&words, "198.51.100.0/24"),
            peer,
            "a stranger says so"
        );
    }
}

/// Where another header says who asks.
#[test]
fn a_layer_may_say_who_asks() {
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let kept = Arc::clone(&seen);
    let mut stage = quiet(move |primus| {
        assert!(primus.layers().remove("forwarded"));
        let real_ip = Layer::new("forwarded", |request: &mut LayerRequest<'_>| {
            let address = request.head().header("x-real-ip");
            let address = address.and_then(|address| address.parse::<IpAddr>().ok());
            if let Some(address) = address {
                request.set_address((address, 0).into());
            }
        });
        primus.layers().insert(0, real_ip);
        primus.on_connection(move |spark| {
            kept.lock().unwrap().push(spark.address().ip().to_string());
        });
    });
    let headers = "X-Real-IP: 203.0.113.7\r\nX-Forwarded-For: 6.6.6.6\r\n";
    for headers in [headers, ""] {
        stage.upgrade(headers);
    }
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0], "203.0.113.7");
    assert!(seen.len() == 2 && seen[1] != seen[0]);
}

/// A session of polls goes on, on whatever shard it is, and nothing else does.
#[test]
fn who_has_a_session_goes_on_where_newcomers_are_refused() {
    let is_late = Arc::new(AtomicBool::new(false));
    let late = Arc::clone(&is_late);
    let options = Options {
        ping_interval: PingInterval::OFF,
        ..Options::default()
    };
    let mut stage = ByHand::serving(TransformerKind::SockJs, 2, options, move |primus| {
        primus.authorize(move |request| {
            if late.load(Ordering::Relaxed) {
                request.refuse_newcomers(LayerError::new("too late"));
            }
        });
        echo(primus);
    });
    let ask = |stage: &mut ByHand, request: &str| {
        let end = stage.connect(0);
        stage.send_all(end, request.as_bytes());
        stage.read_all(end).0
    };
    let names = ["one", "two", "three", "four"];
    for name in names {
        let opened = ask(&mut stage, &post(&format!("/primus/000/{name}/xhr"), 0));
        assert!(opened.ends_with("o\n"), "{opened}");
    }
    is_late.store(true, Ordering::Relaxed);
    for name in names {
        let send = post(&format!("/primus/000/{name}/xhr_send"), 9) + "[\"\\\"a\\\"\"]";
        let sent = ask(&mut stage, &send);
        assert!(sent.starts_with("HTTP/1.1 204 "), "{sent}");
        let heard = ask(&mut stage, &post(&format!("/primus/000/{name}/xhr"), 0));
        assert!(heard.ends_with("a[\"\\\"a\\\"\"]\n"), "{heard}");
    }
    let upgrade = handshake("").replace("/primus", "/primus/000/new/websocket");
    let newcomers = [
        post("/primus/000/new/xhr", 0),
        post("/primus/000/new/xhr_send", 0),
        get("/primus/info"),
        get("/primus/nothing"),
        upgrade,
    ];
    for request in newcomers {
        let answer = ask(&mut stage, &request);
        assert!(answer.starts_with("HTTP/1.1 401 "), "{request}{answer}");
        assert!(answer.ends_with("{\"error\":\"too late\"}"), "{answer}");
    }
    assert_eq!(stage.stats().sparks_opened, 4);
}
