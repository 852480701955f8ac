//! What an access log is told: each request once, whatever becomes of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark::TransformerKind;
use allspark_engine::io::sim::EndpointId;
use allspark_engine::{Body, BodySender, Layer, LayerError, Options, Reply, Routes, Ticket};
use allspark_protocol::http::Response;

use crate::by_hand::ByHand;
use crate::stage::handshake;

const EIO: &str = "/primus/?EIO=4&transport=polling";

/// What a line would say: method, target, status, bytes, milliseconds.
type Line = (String, String, Option<u16>, u64, u128);

#[derive(Default)]
struct Seen {
    lines: Mutex<Vec<Line>>,
    clients: Mutex<Vec<String>>,
    tickets: Mutex<Vec<Ticket>>,
    senders: Mutex<Vec<BodySender>>,
}

struct Rig {
    stage: ByHand,
    seen: Arc<Seen>,
}

impl Rig {
    fn new() -> Self {
        let seen = Arc::new(Seen::default());
        let (tell, kept) = (Arc::clone(&seen), Arc::clone(&seen));
        let mut routes = Routes::new();
        let later = move |request: &allspark_engine::RouteRequest<'_>| {
            kept.tickets.lock().unwrap().push(request.later());
            Reply::Later
        };
        routes.add("GET", "/later", later).unwrap();
        let kept = Arc::clone(&seen);
        let streamed = move |_: &allspark_engine::RouteRequest<'_>| {
            let (sender, body) = Body::channel(1000);
            kept.senders.lock().unwrap().push(sender);
            Reply::Stream(Response::new(200), body)
        };
        routes.add("GET", "/streamed", streamed).unwrap();
        let options = Options {
            trusted_proxies: "10.9.0.1".parse().unwrap(),
            routes: Arc::new(routes),
            on_answered: Some(Arc::new(move |access| {
                let asked = access.asked.map(|asked| (asked.method, asked.target));
                let (method, target) = asked.unwrap_or(("-", "-"));
                let ms = access.duration.as_millis();
                let line = (
                    method.into(),
                    target.into(),
                    access.status,
                    access.bytes,
                    ms,
                );
                tell.lines.lock().unwrap().push(line);
                tell.clients
                    .lock()
                    .unwrap()
                    .push(access.client.ip().to_string());
            })),
            ..Options::default()
        };
        let stage = ByHand::serving(TransformerKind::Any, 2, options, |attach| {
            attach.layers().add(Layer::new("door", |request| {
                match request.head().query().get("refuse").is_some() {
                    true => Err(LayerError::new("no").status(403)),
                    false => Ok(()),
                }
            }));
        });
        Self { stage, seen }
    }

    fn ask(&mut self, shard: usize, request: &str) -> EndpointId {
        let end = self.stage.connect(shard);
        self.stage.send(end, request.as_bytes());
        end
    }

    fn get(&mut self, target: &str) -> EndpointId {
        self.ask(0, &format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"))
    }

    /// What was told since the last time.
    fn told(&mut self) -> Vec<Line> {
        self.stage.run_for(Duration::ZERO);
        std::mem::take(&mut self.seen.lines.lock().unwrap())
    }

    /// The same, of one request.
    fn only(&mut self) -> Line {
        let told = self.told();
        assert_eq!(told.len(), 1, "{told:?}");
        told.into_iter().next().unwrap()
    }
}

fn line(target: &str, status: u16, bytes: u64, ms: u128) -> Line {
    ("GET".into(), target.into(), Some(status), bytes, ms)
}

#[test]
fn an_answer_is_told_with_its_status_and_its_bytes() {
    let mut rig = Rig::new();
    rig.get("/none?a=b");
    assert_eq!(rig.only(), line("/none?a=b", 404, 10, 0));
    rig.get("/primus/?refuse");
    assert_eq!(rig.only().2, Some(403));
    rig.ask(0, "HEAD /none HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(rig.only(), ("HEAD".into(), "/none".into(), Some(404), 0, 0));
    rig.ask(0, "NO REQUEST\r\n\r\n");
    assert_eq!(rig.only().2, Some(400));
    rig.ask(0, &handshake(""));
    assert_eq!(rig.only(), line("/primus", 101, 0, 0));
    let behind = "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n".repeat(3);
    rig.ask(0, &behind);
    assert_eq!(
        rig.told(),
        [
            line("/1", 404, 10, 0),
            line("/1", 404, 10, 0),
            line("/1", 404, 10, 0)
        ]
    );
}

#[test]
fn what_comes_later_is_told_once_it_has_come() {
    let mut rig = Rig::new();
    rig.get("/later");
    rig.stage.seconds(3);
    assert_eq!(rig.told(), []);
    let ticket = rig.seen.tickets.lock().unwrap().pop().unwrap();
    ticket.respond(Response::text(200, "12345"));
    assert_eq!(rig.only(), line("/later", 200, 5, 3_000));

    rig.get("/streamed");
    let mut sender = rig.seen.senders.lock().unwrap().pop().unwrap();
    for _ in 0..2 {
        sender.try_send("1234567").unwrap();
        rig.stage.seconds(1);
    }
    assert_eq!(rig.told(), []);
    sender.finish();
    assert_eq!(rig.only(), line("/streamed", 200, 14, 2_000));
}

#[test]
fn who_leaves_before_the_answer_is_told_too_and_nothing_is_kept() {
    let mut rig = Rig::new();
    let end = rig.get("/later");
    rig.stage.seconds(2);
    rig.stage.net.close(end);
    rig.stage.seconds(10);
    let (_, target, status, bytes, ms) = rig.only();
    assert_eq!((&*target, status, bytes), ("/later", None, 0));
    assert!((2_000..3_000).contains(&ms), "{ms}");

    let end = rig.get("/streamed");
    let mut sender = rig.seen.senders.lock().unwrap().pop().unwrap();
    sender.try_send("1234567").unwrap();
    rig.stage.seconds(1);
    rig.stage.net.close(end);
    rig.stage.seconds(10);
    assert_eq!(rig.only().2, Some(200), "it had begun");
    assert_eq!(rig.stage.stats().bytes_held, 0);
}

/// Half of these requests come to the shard where the session does not live.
#[test]
fn a_request_that_goes_to_another_shard_is_told_once() {
    let mut rig = Rig::new();
    let end = rig.get(EIO);
    let (answer, _) = rig.stage.read_all(end);
    let (_, sid) = answer.split_once("\"sid\":\"").unwrap();
    let sid = sid.split_once('"').unwrap().0.to_owned();
    assert_eq!(rig.only().2, Some(200));
    for shard in [0, 1, 0, 1] {
        let post =
            format!("POST {EIO}&sid={sid} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n6");
        rig.ask(shard, &post);
        let (method, _, status, bytes, _) = rig.only();
        assert_eq!((&*method, status, bytes), ("POST", Some(200), 2));
    }
    let poll = format!("GET {EIO}&sid={sid} HTTP/1.1\r\nHost: x\r\n\r\n");
    rig.ask(1, &poll);
    assert_eq!(rig.told(), [], "it waits");
    rig.stage.seconds(31);
    let told = rig.told();
    assert_eq!((told[0].2, told.len()), (Some(200), 1), "{told:?}");
}

#[test]
fn a_body_that_is_long_in_coming_is_part_of_the_time() {
    let mut rig = Rig::new();
    let head = "POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n";
    let end = rig.ask(0, head);
    rig.stage.seconds(2);
    rig.stage.send(end, b"1234");
    assert_eq!(
        rig.only(),
        ("POST".into(), "/none".into(), Some(404), 10, 2_000)
    );
    let end = rig.ask(0, head);
    rig.stage.seconds(100);
    assert_eq!(rig.only().2, Some(408));
    rig.stage.net.close(end);
}

#[test]
fn whom_a_proxy_speaks_for_has_asked() {
    let mut rig = Rig::new();
    let end = rig.stage.net.connect(0, Duration::ZERO).unwrap();
    rig.stage
        .net
        .set_address(end, "10.9.0.1:4000".parse().unwrap());
    rig.stage.run_for(Duration::ZERO);
    let request = "GET /none HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n";
    rig.stage.send(end, request.as_bytes());
    assert_eq!(rig.only().2, Some(404));
    assert_eq!(*rig.seen.clients.lock().unwrap(), ["192.0.2.7"]);
}
