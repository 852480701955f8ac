//! The sessions alone, with a transport that says what it is told to say.

use std::net::{IpAddr, Ipv4Addr};

use allspark_protocol::Input;
use allspark_protocol::http::{Request, RequestHead, Response};
use allspark_protocol::primus::{Heartbeat, Latency};
use allspark_protocol::transformer::{Answer, End, Event, Kind, Units};

use super::*;
use crate::app::{KeptRequest, ReadyState};
use crate::config::KeepHeaders;

const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
const CARRIER: Key = key(7);

const fn key(index: u32) -> Key {
    Key {
        index,
        generation: 1,
    }
}

fn ms(ms: u64) -> Instant {
    Instant::from_ms(ms)
}

/// Sessions of two wires; a session is its deadline and the carrier on which it can send.
#[derive(Clone)]
struct Toy;

#[derive(Default)]
struct Session {
    deadline: Option<Instant>,
    carrier: Option<Carrier>,
    is_streaming: bool,
    held_bytes: usize,
}

impl Transformer for Toy {
    type Session = Session;

    const WIRES: u8 = 2;

    fn name(&self) -> &'static str {
        "toy"
    }

    fn request<'r>(&mut self, _request: &'r Request<'_>) -> Answer<'r, Session> {
        Answer::Respond(Response::new(204))
    }

    fn wire(&self, session: &Session) -> Wire {
        Wire(u8::from(session.is_streaming))
    }

    fn frame(&mut self, _wire: Wire, _kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(payload);
    }

    fn receive<'i>(
        &mut self,
        _session: &mut Session,
        _context: Context,
        _carrier: Carrier,
        _input: &mut Input<'i>,
        _out: &mut Outputs,
    ) -> Option<Event<'i>> {
        None
    }

    fn close(&mut self, _session: &mut Session, _context: Context, out: &mut Outputs) {
        out.ended(End::Goodbye);
    }

    fn exchange(
        &mut self,
        _session: &mut Session,
        _context: Context,
        carrier: Carrier,
        request: &Request<'_>,
        out: &mut Outputs,
    ) {
        out.message(Kind::Text, b"first");
        match request.head.method() {
            "DELETE" => out.decline(carrier),
            _ => out.respond(carrier, Response::new(200)),
        }
    }

    fn carrier(&self, session: &Session) -> Option<Carrier> {
        session.carrier
    }

    fn send(
        &mut self,
        _session: &mut Session,
        context: Context,
        units: &mut dyn Units,
        out: &mut Outputs,
    ) {
        while let Some(unit) = units.take() {
            let carrier = context.stream.unwrap_or(Carrier(0));
            out.write(carrier, |bytes| bytes.extend_from_slice(unit));
        }
    }

    fn held_bytes(&self, session: &Session) -> usize {
        session.held_bytes
    }

    fn deadline(&self, session: &Session) -> Option<Instant> {
        session.deadline
    }
}

fn state(_spark: Key, wire: Wire) -> SparkState {
    let head = RequestHead::parse(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n").unwrap();
    SparkState {
        id: SparkId::new(
            allspark_protocol::primus::id::IdParts {
                shard: 0,
                index: 0,
                random: 0,
            },
            0,
        ),
        stream: None,
        request: KeptRequest::new(&head, &KeepHeaders::None),
        extras: None,
        seen: 0,
        wire,
        ready: ReadyState::Open,
        heartbeat: Heartbeat::new(),
        latency: Latency::new(),
    }
}

fn carried(sessions: &mut Sessions<Toy>, session: Session) -> Key {
    sessions.open(session, Some(Carried::new(PEER, None)), state)
}

/// What is wanted, by name.
fn wants(sessions: &mut Sessions<Toy>) -> Vec<String> {
    std::iter::from_fn(|| sessions.next_want())
        .map(|(_, want)| {
            let text = format!("{want:?}");
            text.split([' ', '{', '('])
                .take(2)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect()
}

#[test]
fn what_is_wanted_keeps_its_order_whatever_session_said_it() {
    let mut sessions = Sessions::new(Toy, ms(0));
    let (one, two) = (
        carried(&mut sessions, Session::default()),
        carried(&mut sessions, Session::default()),
    );
    for (spark, text) in [(one, "a"), (two, "b"), (one, "c")] {
        sessions.call(spark, ms(0), |_, _, _, out| {
            out.message(Kind::Text, text.as_bytes());
        });
    }
    let mut order = Vec::new();
    while let Some((spark, want)) = sessions.next_want() {
        let Want::Output(Output::Message { bytes, .. }) = want else {
            panic!("{want:?}");
        };
        let outputs = sessions.take_bytes();
        order.push((spark, outputs.bytes(bytes).to_vec()));
        sessions.put_bytes(outputs);
    }
    let expected = [(one, b"a"), (two, b"b"), (one, b"c")];
    assert_eq!(order, expected.map(|(spark, text)| (spark, text.to_vec())));
}

#[test]
fn a_request_is_declined_or_answered_and_the_rest_is_wanted_either_way() {
    let mut sessions = Sessions::new(Toy, ms(0));
    let spark = carried(&mut sessions, Session::default());
    for (method, is_declined) in [("DELETE", true), ("GET", false)] {
        let head = format!("{method} / HTTP/1.1\r\nHost: a.example\r\n\r\n");
        let request = Request {
            head: RequestHead::parse(head.as_bytes()).unwrap(),
            body: allspark_protocol::Payload::Owned(Vec::new()),
        };
        let carrier = carrier_of(CARRIER);
        assert_eq!(
            sessions.exchange(spark, ms(0), carrier, &request),
            is_declined
        );
        let wants = wants(&mut sessions);
        assert!(wants[0].contains("Message"), "{wants:?}");
        assert_eq!(wants.len(), 2 - usize::from(is_declined), "{wants:?}");
    }
}

#[test]
fn a_session_without_carriers_is_unattended() {
    let mut sessions = Sessions::new(Toy, ms(0));
    let spark = carried(&mut sessions, Session::default());
    assert_eq!((sessions.carried(), sessions.unattended()), (1, 1));
    sessions.add_carrier(spark, CARRIER);
    sessions.add_carrier(spark, key(8));
    assert_eq!(sessions.unattended(), 0);
    assert!(sessions.remove_carrier(spark, CARRIER));
    assert_eq!(sessions.unattended(), 0, "there is the other one");
    let left: Vec<Key> = sessions.end_carried(spark).unwrap().collect();
    assert_eq!((left, sessions.unattended()), (vec![key(8)], 1));
    assert!(sessions.end_carried(spark).is_none(), "it is over once");
    sessions.get_mut(spark).unwrap().state.ready = ReadyState::Closed;
    let mut buffers = Buffers::default();
    assert!(sessions.forget(spark, &mut buffers).is_some());
    assert!(sessions.forget(spark, &mut buffers).is_none());
    assert_eq!((sessions.carried(), sessions.unattended()), (0, 0));
}

#[test]
fn a_session_that_begins_to_stream_sends_what_waited_and_changes_its_wire() {
    let (mut sessions, mut buffers) = (Sessions::new(Toy, ms(0)), Buffers::default());
    let spark = carried(&mut sessions, Session::default());
    let slot = sessions.get_mut(spark).unwrap();
    slot.session.is_streaming = true;
    let place = &mut slot.carried.as_mut().unwrap().queue;
    let (queue, blocks) = buffers.queue(place);
    for unit in ["a", "b"] {
        let frame = |out: &mut Vec<u8>| out.extend_from_slice(unit.as_bytes());
        queue
            .write(blocks, crate::memory::FrameClass::Kept, frame)
            .unwrap();
    }
    let sent = sessions.begin_stream(spark, CARRIER, ms(0), &mut buffers);
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(sessions.units(spark).is_none());
    sessions.change_wire(spark, |wire| 100 + u64::from(wire.0));
    let state = &sessions.get(spark).unwrap().state;
    assert_eq!((state.wire, state.seen), (Wire(1), 101));
    assert_eq!(sessions.by_wire_with_transformer().0, [0, 1]);
}

#[test]
fn nobody_who_waits_for_its_client_is_judged_too_early() {
    let mut sessions = Sessions::new(Toy, ms(0));
    let session = Session {
        deadline: Some(ms(100)),
        ..Session::default()
    };
    let spark = carried(&mut sessions, session);
    sessions.set_timer(spark, ms(50), ms(0));
    let mut due = Vec::new();
    assert!(sessions.expire(ms(100), 10, &mut due));
    assert_eq!(due, [spark.index]);
    let put_off = sessions.timer(spark, ms(100), ms(300)).unwrap();
    assert!(!put_off.has_expired && !put_off.must_beat);
    sessions.set_timer(spark, ms(100), ms(300));
    due.clear();
    assert!(sessions.expire(ms(299), 10, &mut due) && due.is_empty());
    assert!(sessions.expire(ms(300), 10, &mut due));
    assert_eq!(due, [spark.index]);
    let fired = sessions.timer(spark, ms(300), ms(0)).unwrap();
    assert!(fired.has_expired);
}

#[test]
fn a_marked_session_is_asked_once() {
    let mut sessions = Sessions::new(Toy, ms(0));
    let session = Session {
        carrier: Some(carrier_of(CARRIER)),
        held_bytes: 5_000,
        ..Session::default()
    };
    let spark = carried(&mut sessions, session);
    sessions.mark(spark);
    sessions.mark(spark);
    let marked = sessions.take_marked();
    assert_eq!(marked, [spark]);
    assert_eq!(sessions.unmark(spark), Some(carrier_of(CARRIER)));
    sessions.mark(spark);
    sessions.put_marked(marked);
    assert!(sessions.has_marked(), "it was marked again meanwhile");
    assert_eq!(sessions.charge(spark), Some(5_000));
    assert_eq!(sessions.charge(spark), None, "it holds no more than before");
}
