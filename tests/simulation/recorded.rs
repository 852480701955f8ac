//! What a shard records of itself: how long its turns, its broadcasts and the answers to its pings
//! took, and what waited for its clients.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use allspark_engine::io::sim::{SimDriver, SimNet};
use allspark_engine::io::{Completion, Driver, DriverKind, Op, Wait, Waker};
use allspark_engine::limits::SPARKS_PER_TURN;
use allspark_engine::sim::single_shard;
use allspark_engine::{Distribution, Distributions, Handle, Options};
use allspark_protocol::Instant;
use allspark_transformers::websockets::WebSockets;

use crate::stage::{LATENCY, Stage, frame, quiet};

const MS: Duration = Duration::from_millis(1);

/// The simulator's driver, which says that it read the clock before it slept only if it is told to.
struct Sleeper {
    driver: SimDriver,
    rested_from: Rc<Cell<Option<Instant>>>,
}

impl Driver for Sleeper {
    fn kind(&self) -> DriverKind {
        self.driver.kind()
    }

    fn now(&self) -> Instant {
        self.driver.now()
    }

    fn unix_ms(&self) -> u64 {
        self.driver.unix_ms()
    }

    fn push(&mut self, op: Op) {
        self.driver.push(op);
    }

    fn turn(&mut self, wait: Wait, completions: &mut Vec<Completion>) -> io::Result<()> {
        self.driver.turn(wait, completions)
    }

    fn rested_from(&self) -> Option<Instant> {
        self.rested_from.get()
    }

    fn waker(&self) -> Waker {
        self.driver.waker()
    }
}

fn recorded(primus: &Handle) -> Distributions {
    primus.distributions_by_shard()[0]
}

/// How many were recorded, and their sum in milliseconds.
fn in_ms(recorded: Distribution) -> (u64, u64) {
    (recorded.count(), recorded.sum() / 1_000_000)
}

#[test]
fn a_turn_is_as_long_as_it_works_and_not_as_it_sleeps() {
    let net = SimNet::default();
    let rested_from = Rc::new(Cell::new(None));
    let driver = Sleeper {
        driver: SimDriver::new(&net),
        rested_from: Rc::clone(&rested_from),
    };
    let transformer = WebSockets::uncompressed(1 << 20);
    let (mut shard, primus) = single_shard(driver, Options::default(), transformer, |_| {});
    let mut turn_after = |time: Duration, rested_from_ms: Option<u32>, wait: Wait| {
        let began = net.now();
        rested_from.set(rested_from_ms.map(|ms| began + MS * ms));
        net.advance_to(began + time);
        shard.turn(wait).unwrap();
        in_ms(recorded(&primus).turn_ns)
    };
    assert_eq!(turn_after(MS, None, Wait::No), (1, 1));
    assert_eq!(
        turn_after(3 * MS, None, Wait::No),
        (2, 4),
        "it did not sleep"
    );
    let until = Wait::Until(Instant::from_ms(1 << 40));
    assert_eq!(
        turn_after(9_000 * MS, Some(2), until),
        (3, 6),
        "it slept for the rest"
    );
    assert_eq!(
        turn_after(5 * MS, None, until),
        (4, 11),
        "there was something to do"
    );
    assert_eq!(
        turn_after(9_000 * MS, None, Wait::Forever),
        (4, 11),
        "who knows"
    );
    assert_eq!(turn_after(MS, None, Wait::No), (5, 12));
}

/// A walk over all sparks takes some turns of a millisecond each; what comes behind it is brought
/// by a second one.
#[test]
fn a_broadcast_takes_until_everybody_was_sent_it() {
    const TURNS: usize = 4;
    let mut stage = quiet(|_| {});
    let mut clients = stage.crowd(TURNS * SPARKS_PER_TURN);
    assert_eq!(recorded(&stage.primus).fan_out_ns.count(), 0);
    stage.primus.write("first").unwrap();
    stage.turn();
    stage.primus.write("second").unwrap();
    stage.turns(20);
    for client in &mut clients {
        assert!(client.has_heard("first") && client.has_heard("second"));
    }
    let (count, sum_ms) = in_ms(recorded(&stage.primus).fan_out_ns);
    assert_eq!(count, 2);
    // Within the turn in which the last one is sent it no time passes here. A walk learns in a turn
    // of its own that nobody is left.
    let each = TURNS as u64;
    assert!((2 * each - 1..=4 * each + 1).contains(&sum_ms), "{sum_ms}");
}

#[test]
fn the_answer_to_a_ping_takes_as_long_as_its_way() {
    let options = Options {
        ping_interval: Some(1_000).try_into().unwrap(),
        ..Options::default()
    };
    let mut stage = Stage::new(options, WebSockets::uncompressed(1 << 20), |_| {});
    let mut client = stage.upgrade("");
    while !client.has_heard("primus::ping::") {
        stage.turn();
    }
    assert_eq!(recorded(&stage.primus).round_trip_ns.count(), 0);
    stage.turns(40);
    client.say(&frame("\"primus::pong::1\""));
    stage.turns(3);
    // Nobody has asked for it.
    client.say(&frame("\"primus::pong::1\""));
    stage.turns(3);
    let (count, sum_ms) = in_ms(recorded(&stage.primus).round_trip_ns);
    assert_eq!(count, 1);
    assert!(
        (40..50).contains(&sum_ms),
        "{sum_ms}, with a way of {LATENCY:?}"
    );
}

#[test]
fn what_waits_for_a_client_is_recorded_when_the_kernel_takes_no_more() {
    let mut stage = quiet(|_| {});
    let client = stage.upgrade("");
    let message = "a".repeat(10_000);
    stage.primus.write(&*message).unwrap();
    stage.turns(4);
    assert_eq!(recorded(&stage.primus).queue_bytes.count(), 0, "it took it");
    client.set_window(100);
    stage.primus.write(&*message).unwrap();
    stage.turns(4);
    stage.primus.write(&*message).unwrap();
    stage.turns(4);
    let waited = recorded(&stage.primus).queue_bytes;
    assert_eq!(waited.count(), 1, "the kernel was not asked again");
    assert!((9_000..=10_010).contains(&waited.sum()), "{}", waited.sum());
}
