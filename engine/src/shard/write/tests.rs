//! What no frame can hold, written in every way to sparks that a simulated server has: whoever
//! writes it is told, or it is counted where nobody can be; nobody gets a part of it, and what is
//! written before and behind it arrives.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark_protocol::http::{Request, Response};
use allspark_protocol::parser::ParserKind;
use allspark_protocol::primus::{PingInterval, SparkId};
use allspark_protocol::transformer::{
    Answer, Carrier, Context, End, Event, Kind, Outputs, Transformer, Wire,
};
use allspark_protocol::{Input, Payload};

use crate::app::{Spark, SparkError};
use crate::config::Options;
use crate::io::sim::{EndpointId, SimNet};
use crate::limits::ROOM_MEMBERS_AT_ONCE;
use crate::memory::FRAME_BYTES_MAX_HERE;
use crate::sim::SimServer;

/// Bytes of a frame at most, in these tests.
const FRAME_BYTES_MAX: usize = (1 << 17) - 1;

/// What the transport puts in front of each message: its length.
const HEADER_BYTES: usize = 4;

/// The longest message that a frame can hold.
const FITTING: usize = FRAME_BYTES_MAX - HEADER_BYTES;

/// All of them are in the room `all`, two in `few`, and in `many` more than are written to at once.
const CLIENTS: usize = ROOM_MEMBERS_AT_ONCE + 3;
const FEW: usize = 2;
const MANY: usize = ROOM_MEMBERS_AT_ONCE + 1;

/// Whoever asks has a spark, whose bytes are its messages.
#[derive(Clone)]
struct Framed;

impl Transformer for Framed {
    type Session = ();

    const WIRES: u8 = 1;

    fn name(&self) -> &'static str {
        "framed"
    }

    fn request<'r>(&mut self, _request: &'r Request<'_>) -> Answer<'r, ()> {
        Answer::Upgrade {
            response: Response::new(101),
            session: (),
        }
    }

    fn wire(&self, _session: &()) -> Wire {
        Wire(0)
    }

    fn frame(&mut self, _wire: Wire, _kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&(payload.len() as u32).to_be_bytes());
        out.extend_from_slice(payload);
    }

    fn receive<'i>(
        &mut self,
        _session: &mut (),
        _context: Context,
        _carrier: Carrier,
        input: &mut Input<'i>,
        _out: &mut Outputs,
    ) -> Option<Event<'i>> {
        let bytes = input.take_all();
        (!bytes.is_empty()).then_some(Event::Message {
            kind: Kind::Text,
            payload: Payload::Borrowed(bytes),
        })
    }

    fn exchange(
        &mut self,
        _session: &mut (),
        _context: Context,
        carrier: Carrier,
        _request: &Request<'_>,
        out: &mut Outputs,
    ) {
        out.respond(carrier, Response::new(404));
    }

    fn close(&mut self, _session: &mut (), _context: Context, out: &mut Outputs) {
        out.ended(End::Goodbye);
    }
}

type Task = Box<dyn FnOnce(&mut Spark<'_>) + Send>;

/// A server of one shard, and its clients.
struct Stage {
    net: SimNet,
    server: SimServer<Framed>,
    clients: Vec<EndpointId>,
    /// What the first spark does when its client says something.
    task: Arc<Mutex<Option<Task>>>,
    ids: Arc<Mutex<Vec<SparkId>>>,
    /// What sparks were told of.
    errors: Arc<Mutex<Vec<String>>>,
    /// Bytes of a frame at most, in other tests of this thread.
    usual_bytes_max: usize,
}

impl Drop for Stage {
    fn drop(&mut self) {
        FRAME_BYTES_MAX_HERE.set(self.usual_bytes_max);
    }
}

impl Stage {
    fn new() -> Self {
        let usual_bytes_max = FRAME_BYTES_MAX_HERE.replace(FRAME_BYTES_MAX);
        let net = SimNet::default();
        let options = Options {
            parser: ParserKind::Raw,
            ping_interval: PingInterval::OFF,
            ..Options::default()
        };
        let task = Arc::new(Mutex::new(None::<Task>));
        let (ids, errors) = (
            Arc::<Mutex<Vec<_>>>::default(),
            Arc::<Mutex<Vec<_>>>::default(),
        );
        let (of_task, of_ids, of_errors) = (task.clone(), ids.clone(), errors.clone());
        let sparks = AtomicUsize::new(0);
        let server = SimServer::new(&net, options, &Framed, 1, 7, |primus| {
            primus.on_connection(move |spark| {
                let number = sparks.fetch_add(1, Ordering::Relaxed);
                of_ids.lock().unwrap().push(spark.id());
                for (room, members) in [("all", CLIENTS), ("few", FEW), ("many", MANY)] {
                    if number < members {
                        spark.join(room).unwrap();
                    }
                }
            });
            primus.on_data(move |spark, _| {
                let task = of_task.lock().unwrap().take();
                task.expect("somebody has set one")(spark);
            });
            primus.on_error(move |_, error| of_errors.lock().unwrap().push(error.to_string()));
        });
        let mut stage = Self {
            net,
            server,
            clients: Vec::new(),
            task,
            ids,
            errors,
            usual_bytes_max,
        };
        stage.run();
        for _ in 0..CLIENTS {
            let latency = Duration::from_millis(1);
            let client = stage.net.connect(0, latency).expect("it listens");
            stage
                .net
                .send(client, b"GET /primus HTTP/1.1\r\nHost: a\r\n\r\n");
            stage.clients.push(client);
            // One after the other, so that each has its number.
            stage.run();
            let head = stage.net.receive(client, usize::MAX).expect("an answer");
            assert!(head.starts_with(b"HTTP/1.1 101 "));
        }
        stage
    }

    /// Lets everything come that is under way.
    fn run(&mut self) {
        loop {
            self.server.settle();
            while self.net.next_client_notice().is_some() {}
            match self.net.next_event() {
                Some(next) => self.net.advance_to(next),
                None => break,
            }
        }
    }

    /// Has the first spark do something in a handler.
    fn in_handler(&mut self, task: impl FnOnce(&mut Spark<'_>) + Send + 'static) {
        *self.task.lock().unwrap() = Some(Box::new(task));
        self.net.send(self.clients[0], b"go");
        self.run();
        assert!(self.task.lock().unwrap().is_none(), "it was done");
    }

    /// The lengths of the messages that each client has received since it was asked last.
    fn heard(&mut self) -> Vec<Vec<usize>> {
        let mut all = vec![Vec::new(); CLIENTS];
        // Who is not read from is sent only so much.
        loop {
            self.run();
            let mut came = false;
            for (client, bytes) in self.clients.iter().zip(&mut all) {
                while let Some(part) = self.net.receive(*client, usize::MAX)
                    && !part.is_empty()
                {
                    bytes.extend_from_slice(&part);
                    came = true;
                }
            }
            if !came {
                return all.iter().map(|bytes| lengths(bytes)).collect();
            }
        }
    }

    /// Asserts that the first so many clients have received these messages, and others none.
    fn assert_heard(&mut self, clients: usize, messages: &[usize]) {
        let heard = self.heard();
        for (number, heard) in heard.iter().enumerate() {
            let expected = if number < clients { messages } else { &[] };
            assert_eq!(heard, expected, "client {number}");
        }
    }

    fn take_errors(&self) -> Vec<String> {
        std::mem::take(&mut self.errors.lock().unwrap())
    }
}

fn lengths(mut bytes: &[u8]) -> Vec<usize> {
    let mut lengths = Vec::new();
    while let Some((header, rest)) = bytes.split_first_chunk() {
        let length = u32::from_be_bytes(*header) as usize;
        let (message, rest) = rest.split_at(length);
        assert!(message == "x".repeat(length).as_bytes());
        lengths.push(length);
        bytes = rest;
    }
    assert!(bytes.is_empty(), "half a frame");
    lengths
}

fn message(length: usize) -> String {
    "x".repeat(length)
}

fn is_too_long(result: &Result<(), SparkError>) -> bool {
    matches!(result, Err(SparkError::TooLong))
}

const TOLD: &str = "the message is too long to be sent";

/// One byte more than the frame of a transport can hold, and one more than any frame can.
const TOO_LONG: [usize; 2] = [FITTING + 1, FRAME_BYTES_MAX + 1];

#[test]
fn in_a_handler_every_way_to_write_says_so() {
    let mut stage = Stage::new();
    for length in TOO_LONG {
        stage.in_handler(move |spark| {
            assert!(spark.write(message(1)));
            assert!(spark.write(message(length)));
            assert!(spark.write(message(2)));
            for room in ["all", "few", "many"] {
                let mut primus = spark.primus();
                assert!(is_too_long(&primus.room(room).write(message(length))));
                let mut latest = primus.room(room).latest("key");
                assert!(is_too_long(&latest.write(message(length))), "{room}");
            }
            assert!(is_too_long(&spark.primus().write(message(length))));
            assert!(spark.write(message(3)));
        });
        assert_eq!(stage.take_errors(), [TOLD]);
        stage.assert_heard(1, &[1, 2, 3]);
    }
    assert_eq!(stage.server.handle().stats().sparks_ended, 0);
}

/// What any frame can hold is found to be too long only by a shard, which can't tell the thread
/// that has written it: what is for one spark is its error, and what is for many is counted.
#[test]
fn through_handles_it_is_an_error_or_counted() {
    let mut stage = Stage::new();
    let first = stage.ids.lock().unwrap()[0];
    for length in TOO_LONG {
        let handle = stage.server.handle();
        let passes = length <= FRAME_BYTES_MAX;
        let judge = |result: Result<(), SparkError>| match passes {
            true => assert!(result.is_ok()),
            false => assert!(is_too_long(&result)),
        };
        let spark = handle.spark(first).unwrap();
        spark.write(message(1)).unwrap();
        judge(spark.write(message(length)));
        judge(handle.write(message(length)));
        for room in ["all", "few", "many"] {
            judge(handle.room(room).write(message(length)));
            judge(handle.room(room).latest("key").write(message(length)));
        }
        let mut batch = handle.batch();
        judge(batch.write_to([first], message(length)));
        judge(batch.write(message(length)));
        judge(batch.write_in(&handle.room("few"), message(length)));
        batch.send();
        spark.write(message(2)).unwrap();
        let dropped = handle.stats().messages_dropped;
        stage.assert_heard(1, &[1, 2]);
        // One for each write to the spark itself.
        let told = vec![TOLD.to_owned(); if passes { 2 } else { 0 }];
        assert_eq!(stage.take_errors(), told);
        let dropped = handle.stats().messages_dropped - dropped;
        let to_rooms = 2 * (CLIENTS + FEW + MANY) + FEW;
        let expected = if passes { 2 * CLIENTS + to_rooms } else { 0 };
        assert_eq!(dropped, expected as u64);
    }
    assert_eq!(stage.server.handle().stats().sparks_ended, 0);
}

#[test]
fn what_just_fits_arrives() {
    let mut stage = Stage::new();
    stage.in_handler(|spark| assert!(spark.write(message(FITTING))));
    stage.assert_heard(1, &[FITTING]);
    let handle = stage.server.handle();
    for (room, members) in [("all", CLIENTS), ("few", FEW), ("many", MANY)] {
        handle.room(room).write(message(FITTING)).unwrap();
        stage.assert_heard(members, &[FITTING]);
        let latest = handle.room(room).latest("key");
        latest.write(message(FITTING)).unwrap();
        stage.assert_heard(members, &[FITTING]);
    }
    handle.write(message(FITTING)).unwrap();
    stage.assert_heard(CLIENTS, &[FITTING]);
    assert!(stage.take_errors().is_empty());
    let stats = handle.stats();
    assert_eq!((stats.sparks_ended, stats.messages_dropped), (0, 0));
}

/// Nobody misses what is not for him.
#[test]
fn whoever_is_excepted_does_not_count_as_one_who_lacks_it() {
    let mut stage = Stage::new();
    let handle = stage.server.handle();
    let ids = stage.ids.lock().unwrap().clone();
    // One who is in all rooms, said twice, and one who is in the largest alone.
    let except = [ids[0], ids[CLIENTS - 1], ids[0]];
    let mut dropped = handle.stats().messages_dropped;
    let mut newly_dropped = || {
        let before = std::mem::replace(&mut dropped, handle.stats().messages_dropped);
        dropped - before
    };
    let long = FITTING + 1;
    handle.write_except(except, message(long)).unwrap();
    stage.assert_heard(0, &[]);
    assert_eq!(newly_dropped(), CLIENTS as u64 - 2);
    for (room, without) in [("all", CLIENTS - 2), ("few", FEW - 1), ("many", MANY - 1)] {
        let room = handle.room(room).except(except);
        for room in [room.clone(), room.latest("key")] {
            room.write(message(long)).unwrap();
            stage.assert_heard(0, &[]);
            assert_eq!(newly_dropped(), without as u64, "{room:?}");
        }
    }
    handle.write_except(ids, message(long)).unwrap();
    stage.assert_heard(0, &[]);
    assert_eq!(newly_dropped(), 0);
}
