//! The smallest transport that uses everything a session can want, spoken to by hand.
//!
//! `/open` and `/named?name=` make a session; `POST /send` brings a message; `/poll` waits for
//! messages; `/stream` is sent them in a body without an end; `/upgrade` streams them. A session
//! that is not polled for a second ends; one that is asked for `/foreign` breaks the contract.

use std::time::Duration;

use allspark_protocol::http::{Request, RequestHead, Response};
use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::{
    Answer, Carrier, Context, End, Event as SessionEvent, Kind, Outputs, SessionName, Transformer,
    Units, Wire,
};
use allspark_protocol::{Input, Instant};

use crate::testing::{Event, NoClient, Pair};

const SILENCE_MAX: Duration = Duration::from_secs(1);
const CARRIED: Wire = Wire(0);
const STREAMED: Wire = Wire(1);

#[derive(Clone)]
struct Toy;

struct Session {
    poll: Option<Carrier>,
    body: Option<Carrier>,
    upgraded: Option<Carrier>,
    is_closing: bool,
    silent_since: Instant,
}

impl Session {
    fn finish(&mut self, out: &mut Outputs) {
        if let Some(carrier) = self.poll.take() {
            out.respond(carrier, Response::text(200, "goodbye"));
            out.over();
        } else if let Some(carrier) = self.body.take() {
            out.write(carrier, |out| out.extend_from_slice(b"goodbye"));
            out.finish(carrier);
            out.over();
        }
    }
}

impl Transformer for Toy {
    type Session = Session;

    const WIRES: u8 = 2;

    fn name(&self) -> &'static str {
        "toy"
    }

    fn addressee<'r>(&self, head: &RequestHead<'r>) -> Option<SessionName<'r>> {
        match head.query().as_str().split_once('=')? {
            _ if head.path() == "/primus/open" => None,
            ("name", name) => Some(SessionName::Chosen(name)),
            ("sid", sid) => sid.parse().ok().map(SessionName::Spark),
            _ => None,
        }
    }

    fn request<'r>(&mut self, request: &'r Request<'_>) -> Answer<'r, Session> {
        match (path(request), self.addressee(&request.head)) {
            ("/open", _) => self.absent(request),
            (_, Some(name)) => Answer::Find(name),
            (_, None) => Answer::Respond(Response::text(404, "what?")),
        }
    }

    fn absent<'r>(&mut self, request: &'r Request<'_>) -> Answer<'r, Session> {
        if !matches!(path(request), "/open" | "/named") {
            return Answer::Respond(Response::text(404, "nobody"));
        }
        Answer::Open {
            session: Session {
                poll: None,
                body: None,
                upgraded: None,
                is_closing: false,
                silent_since: Instant::from_ms(1),
            },
            port: Some(1337),
        }
    }

    fn wire(&self, session: &Session) -> Wire {
        if session.upgraded.is_some() {
            STREAMED
        } else {
            CARRIED
        }
    }

    fn frame(&mut self, wire: Wire, _kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
        let mark = if wire == STREAMED { b'!' } else { b'.' };
        out.extend_from_slice(payload);
        out.push(mark);
    }

    fn receive<'i>(
        &mut self,
        _session: &mut Session,
        _context: Context,
        carrier: Carrier,
        input: &mut Input<'i>,
        out: &mut Outputs,
    ) -> Option<SessionEvent<'i>> {
        match input.take(1).first()? {
            b'?' => Some(SessionEvent::Alive),
            b'x' => {
                out.close(carrier);
                out.ended(End::Goodbye);
                out.over();
                None
            }
            _ => self.receive(_session, _context, carrier, input, out),
        }
    }

    fn close(&mut self, session: &mut Session, _context: Context, _out: &mut Outputs) {
        session.is_closing = true;
    }

    fn exchange(
        &mut self,
        session: &mut Session,
        context: Context,
        carrier: Carrier,
        request: &Request<'_>,
        out: &mut Outputs,
    ) {
        session.silent_since = context.now;
        match path(request) {
            "/poll" => session.poll = Some(carrier),
            "/stream" => {
                session.body = Some(carrier);
                out.begin(carrier, Response::new(200).header("X-Toy", "1"));
                out.write(carrier, |_| {});
            }
            "/upgrade" => {
                session.upgraded = Some(carrier);
                let response = Response::new(101).header("Connection", "Upgrade");
                out.upgrade(carrier, response);
                out.stream(carrier);
            }
            "/foreign" => out.write(Carrier(99), |_| {}),
            _ => {
                if !request.body.is_empty() {
                    out.message(Kind::Text, &request.body);
                }
                out.respond(carrier, Response::text(200, "ok"));
            }
        }
    }

    fn carrier(&self, session: &Session) -> Option<Carrier> {
        session.poll.or(session.body)
    }

    fn send(
        &mut self,
        session: &mut Session,
        context: Context,
        units: &mut dyn Units,
        out: &mut Outputs,
    ) {
        let mut body = Vec::new();
        while let Some(unit) = units.take() {
            body.extend_from_slice(unit);
        }
        session.silent_since = context.now;
        if body.is_empty() {
            // Whoever says something is asked again.
        } else if let Some(carrier) = session.upgraded.or(session.body) {
            out.write(carrier, |out| out.append(&mut body));
        } else if let Some(carrier) = session.poll.take() {
            out.respond(carrier, Response::new(200).body("text/plain", body));
        }
        if session.is_closing {
            session.finish(out);
        }
    }

    fn lost(&mut self, session: &mut Session, _: Context, carrier: Carrier, out: &mut Outputs) {
        session.poll = session.poll.filter(|poll| *poll != carrier);
        if session.poll.is_none() {
            out.ended(End::Violation("lost"));
            out.over();
        }
    }

    fn deadline(&self, session: &Session) -> Option<Instant> {
        let waits = session.poll.is_none() && session.body.is_none() && session.upgraded.is_none();
        waits.then(|| session.silent_since + SILENCE_MAX)
    }

    fn expired(&mut self, _session: &mut Session, _context: Context, out: &mut Outputs) {
        out.ended(End::Violation("silent"));
        out.over();
    }
}

/// The path behind the pathname.
fn path<'r>(request: &'r Request<'_>) -> &'r str {
    let path = request.head.path();
    path.strip_prefix("/primus").unwrap_or_default()
}

type ToyPair = Pair<Toy, NoClient>;

fn request(line: &str, body: &str) -> String {
    let length = body.len();
    let line = line.replacen('/', "/primus/", 1);
    format!("{line} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn open(seed: u64) -> (ToyPair, SparkId) {
    let mut pair = Pair::server_only(Toy, seed);
    let raw = pair.raw();
    pair.raw_send(raw, request("GET /open", ""));
    pair.settle();
    pair.raw_close(raw);
    let spark = pair.sparks()[0];
    (pair, spark)
}

/// Sends a request on a new connection that is closed after it, and returns the answer.
fn ask(pair: &mut ToyPair, line: &str, body: &str) -> String {
    let raw = pair.raw();
    pair.raw_send(raw, request(line, body));
    pair.settle();
    let answer = String::from_utf8(pair.raw_received(raw)).unwrap();
    pair.raw_close(raw);
    pair.settle();
    answer
}

fn over_of(pair: &ToyPair, spark: SparkId) -> (Option<&End>, bool) {
    (pair.server_end(spark), pair.is_over(spark))
}

#[test]
fn a_poll_waits_for_messages_and_pipelined_requests_wait_for_the_poll() {
    for seed in 0..20 {
        let (mut pair, spark) = open(seed);
        let raw = pair.raw();
        pair.raw_send(raw, request(&format!("GET /poll?sid={spark}"), ""));
        pair.raw_send(raw, request(&format!("POST /send?sid={spark}"), "hello"));
        pair.settle();
        assert_eq!(pair.raw_received(raw), b"");
        assert_eq!(pair.server_messages(spark), []);
        pair.server_write(spark, Kind::Text, b"one");
        pair.server_write(spark, Kind::Text, b"two");
        pair.settle();
        let received = String::from_utf8(pair.raw_received(raw)).unwrap();
        assert!(
            received.contains("one.two."),
            "one answer has both: {received}"
        );
        assert!(received.ends_with("\r\n\r\nok"), "{received}");
        assert_eq!(
            pair.server_messages(spark),
            [(Kind::Text, b"hello".to_vec())]
        );
        pair.run_for(1_000);
        assert_eq!(
            over_of(&pair, spark),
            (Some(&End::Violation("silent")), true)
        );
        pair.raw_close(raw);
        pair.settle();
        pair.assert_clean();
    }
}

#[test]
fn units_wait_while_there_is_no_poll_and_a_goodbye_comes_behind_them() {
    let (mut pair, spark) = open(1);
    pair.server_write(spark, Kind::Text, b"early");
    pair.server_close(spark);
    pair.settle();
    assert!(!pair.is_over(spark));
    let poll = format!("GET /poll?sid={spark}");
    let answer = ask(&mut pair, &poll, "");
    assert!(answer.ends_with("early."), "{answer}");
    let answer = ask(&mut pair, &poll, "");
    assert!(answer.ends_with("goodbye"), "{answer}");
    assert_eq!(over_of(&pair, spark), (None, true));
    let answer = ask(&mut pair, &poll, "");
    assert!(answer.ends_with("nobody"), "{answer}");
    pair.assert_clean();
}

#[test]
fn a_body_is_streamed_in_chunks() {
    let (mut pair, spark) = open(2);
    let raw = pair.raw();
    pair.raw_send(raw, request(&format!("GET /stream?sid={spark}"), ""));
    pair.settle();
    pair.server_write(spark, Kind::Text, b"one");
    pair.settle();
    pair.server_write(spark, Kind::Text, b"two");
    pair.server_close(spark);
    pair.settle();
    let received = String::from_utf8(pair.raw_received(raw)).unwrap();
    let (head, body) = received.split_once("\r\n\r\n").unwrap();
    for line in ["\r\nX-Toy: 1\r\n", "\r\nTransfer-Encoding: chunked\r\n"] {
        assert!(head.contains(line), "{head}");
    }
    assert_eq!(body, "4\r\none.\r\n4\r\ntwo.\r\n7\r\ngoodbye\r\n0\r\n\r\n");
    assert!(!pair.raw_is_closed(raw));
    pair.raw_close(raw);
    pair.settle();
    pair.assert_clean();
}

#[test]
fn a_body_for_an_old_client_ends_with_the_connection() {
    let (mut pair, spark) = open(3);
    let raw = pair.raw();
    pair.raw_send(
        raw,
        format!("GET /primus/stream?sid={spark} HTTP/1.0\r\n\r\n"),
    );
    pair.settle();
    pair.server_write(spark, Kind::Text, b"one");
    pair.server_close(spark);
    pair.settle();
    let received = String::from_utf8(pair.raw_received(raw)).unwrap();
    assert!(received.ends_with("\r\n\r\none.goodbye"), "{received}");
    assert!(pair.raw_is_closed(raw));
    pair.assert_clean();
}

#[test]
fn a_client_that_does_not_read_is_not_sent_more() {
    let (mut pair, spark) = open(4);
    let raw = pair.raw();
    pair.raw_send(raw, request(&format!("GET /stream?sid={spark}"), ""));
    pair.settle();
    pair.raw_stall(raw, true);
    pair.server_write(spark, Kind::Text, &[b'a'; 100_000]);
    pair.settle();
    assert_eq!(pair.waiting_bytes(spark), 0);
    pair.server_write(spark, Kind::Text, b"b");
    pair.settle();
    assert!(pair.waiting_bytes(spark) > 0);
    pair.raw_stall(raw, false);
    pair.settle();
    assert_eq!(pair.waiting_bytes(spark), 0);
}

#[test]
fn what_waited_is_sent_when_streaming_begins() {
    let (mut pair, spark) = open(5);
    pair.server_write(spark, Kind::Text, b"one");
    let raw = pair.raw();
    pair.raw_send(
        raw,
        request(&format!("GET /upgrade?sid={spark}"), "") + "?..?",
    );
    pair.settle();
    pair.server_write(spark, Kind::Text, b"two");
    pair.settle();
    let received = String::from_utf8(pair.raw_received(raw)).unwrap();
    assert!(received.ends_with("\r\n\r\none.two!"), "{received}");
    let alive = pair
        .events()
        .iter()
        .filter(|event| **event == Event::Alive(spark));
    assert_eq!(alive.count(), 2);
    pair.raw_send(raw, "x");
    pair.settle();
    assert_eq!(over_of(&pair, spark), (Some(&End::Goodbye), true));
    assert!(pair.raw_is_closed(raw));
    pair.assert_clean();
}

#[test]
fn a_name_that_a_client_chose_leads_to_its_session() {
    let mut pair = Pair::server_only(Toy, 6);
    ask(&mut pair, "POST /named?name=joe", "one");
    ask(&mut pair, "POST /send?name=joe", "two");
    ask(&mut pair, "POST /named?name=jane", "other");
    let sparks = pair.sparks();
    assert_eq!(sparks.len(), 2);
    let texts = pair.server_messages(sparks[0]);
    assert_eq!(texts.len(), 2, "{texts:?}");
    let port = |event: &Event| {
        matches!(
            event,
            Event::Connection {
                port: Some(1337),
                ..
            }
        )
    };
    assert!(port(&pair.events()[0]));
    pair.run_for(2_000);
    assert!(sparks.into_iter().all(|spark| pair.is_over(spark)));
    pair.assert_clean();
}

#[test]
fn a_poll_that_is_lost_is_reported() {
    let (mut pair, spark) = open(7);
    let raw = pair.raw();
    pair.raw_send(raw, request(&format!("GET /poll?sid={spark}"), ""));
    pair.settle();
    pair.raw_cut(raw);
    pair.settle();
    assert_eq!(over_of(&pair, spark), (Some(&End::Violation("lost")), true));
    pair.assert_clean();
}

#[test]
#[should_panic(expected = "which is not its own")]
fn a_session_that_uses_a_carrier_of_somebody_else_is_found_out() {
    let (mut pair, spark) = open(8);
    ask(&mut pair, &format!("GET /foreign?sid={spark}"), "");
}
