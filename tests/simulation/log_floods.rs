//! Peers do again and again what the log tells of: of each kind one line per second is logged, and
//! it says how many were not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use allspark::TransformerKind;
use allspark_engine::io::sim::EndpointId;
use allspark_engine::limits::AWAITED_MESSAGES_MAX;
use allspark_engine::{Attach, Options, RatePolicy};

use crate::by_hand::ByHand;
use crate::memory_log::MemoryLog;
use crate::stage::handshake;
use crate::transforms_later::Tickets;

const MANY: usize = 50;

const PROXY: &str = "10.9.0.1";

/// `"a"` as a client sends it, in a frame without a mask worth the name.
const MESSAGE: &[u8] = b"\x81\x83\0\0\0\0\"a\"";

struct Flood {
    stage: ByHand,
    log: MemoryLog,
}

impl Flood {
    /// A server that is at one of its bounds.
    fn at(change: impl FnOnce(&mut Options)) -> Self {
        Self::with(change, |_| {})
    }

    fn with(change: impl FnOnce(&mut Options), attach: impl FnOnce(&Attach)) -> Self {
        let mut options = Options {
            trusted_proxies: PROXY.parse().unwrap(),
            ..Options::default()
        };
        change(&mut options);
        let log = MemoryLog::start();
        let stage = ByHand::serving(TransformerKind::Any, 1, options, attach);
        Self { stage, log }
    }

    fn lines(&self, words: &str) -> Vec<String> {
        let mut lines = self.log.take();
        lines.retain(|line| line.contains(words));
        lines
    }

    /// Something happens many times at once, and once more a second later.
    fn assert_one_per_second(mut self, words: &str, mut cause: impl FnMut(&mut ByHand)) {
        (0..MANY).for_each(|_| cause(&mut self.stage));
        let first = self.lines(words);
        assert_eq!(first.len(), 1, "{first:?}");
        assert!(!first[0].contains("unlogged="), "{first:?}");
        self.stage.seconds(1);
        assert_eq!(self.lines(words), [""; 0], "nothing has happened");
        cause(&mut self.stage);
        let next = self.lines(words);
        assert_eq!(next.len(), 1, "{next:?}");
        let unlogged = format!("unlogged={}", MANY - 1);
        assert!(next[0].contains(&unlogged), "{next:?}");
    }
}

/// A client that says this.
fn ask(stage: &mut ByHand, words: &str) -> EndpointId {
    let end = stage.connect(0);
    stage.send(end, words.as_bytes());
    end
}

#[test]
fn connections_that_the_machine_lets_nobody_accept() {
    let mut flood = Flood::at(|_| {});
    let until = flood.stage.net.now() + Duration::from_millis(3_500);
    flood.stage.net.fail_accepts(0, until);
    flood.stage.connect(0);
    flood.stage.seconds(5);
    let lines = flood.lines("no connection can be accepted for now");
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(!lines[0].contains("unlogged="), "{lines:?}");
    for line in &lines[1..] {
        assert!(line.contains("unlogged=9"), "{lines:?}");
    }
}

#[test]
fn connections_beyond_the_bound() {
    let mut flood = Flood::at(|options| options.connections_max = 1_u64.try_into().unwrap());
    flood.stage.connect(0);
    flood.assert_one_per_second("a connection is refused", |stage| {
        stage.connect(0);
    });
}

#[test]
fn connections_of_one_address() {
    let mut flood = Flood::at(|options| {
        options.admission.per_address = 1_u64.try_into().unwrap();
    });
    let connect = |stage: &mut ByHand| {
        let end = stage.net.connect(0, Duration::ZERO).unwrap();
        stage
            .net
            .set_address(end, "192.0.2.1:4000".parse().unwrap());
        stage.run_for(Duration::ZERO);
    };
    connect(&mut flood.stage);
    flood.assert_one_per_second("a connection is refused", connect);
}

#[test]
fn sparks_of_one_address() {
    let mut flood = Flood::at(|options| {
        options.admission.per_address = 1_u64.try_into().unwrap();
    });
    let upgrade = handshake("X-Forwarded-For: 192.0.2.1\r\n");
    let connect = |stage: &mut ByHand| {
        let end = stage.net.connect(0, Duration::ZERO).unwrap();
        let proxy = format!("{PROXY}:4000").parse().unwrap();
        stage.net.set_address(end, proxy);
        stage.run_for(Duration::ZERO);
        stage.send(end, upgrade.as_bytes());
    };
    connect(&mut flood.stage);
    flood.assert_one_per_second("a spark is refused", connect);
}

#[test]
fn sessions_beyond_the_bound() {
    let flood = Flood::at(|options| options.sessions_max = 0_u64.try_into().unwrap());
    flood.assert_one_per_second("a session is refused", |stage| {
        ask(
            stage,
            "GET /primus/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n",
        );
    });
}

#[test]
fn requests_beyond_the_bound() {
    const HALF: &str = "GET / HTTP/1.1\r\n";
    let mut flood = Flood::at(|options| {
        options.admission.requests_max = 1_u64.try_into().unwrap();
    });
    ask(&mut flood.stage, HALF);
    flood.assert_one_per_second("a request is refused", |stage| {
        ask(stage, HALF);
    });
}

#[test]
fn clients_that_read_too_slowly() {
    let few = |options: &mut Options| options.send_queue_bytes_max = 65_536_u64.try_into().unwrap();
    let flood = Flood::with(few, |attach| {
        attach.on_connection(|spark| {
            spark.write("x".repeat(1 << 20));
        });
    });
    flood.assert_one_per_second("a client reads too slowly", |stage| {
        ask(stage, &handshake(""));
    });
}

#[test]
fn clients_that_send_too_much() {
    let flood = Flood::at(|options| {
        options.message_rates.messages_per_s = 1_u64.try_into().unwrap();
        options.message_rates.policy = RatePolicy::End;
    });
    flood.assert_one_per_second("a spark is ended", |stage| {
        let end = ask(stage, &handshake(""));
        stage.send(end, &MESSAGE.repeat(10));
    });
}

#[test]
fn messages_at_which_a_handler_panics() {
    let flood = Flood::with(|_| {}, |attach| attach.on_data(|_, _| panic!("on purpose")));
    flood.assert_one_per_second("a handler panicked", |stage| {
        let end = ask(stage, &handshake(""));
        stage.send(end, MESSAGE);
    });
}

#[test]
fn requests_at_which_the_application_panics() {
    let flood = Flood::at(|options| {
        options.fallback = Some(Arc::new(|_| panic!("on purpose")));
    });
    flood.assert_one_per_second("panicked=\"on purpose\"", |stage| {
        ask(stage, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    });
}

#[test]
fn ids_that_are_none() {
    let flood = Flood::with(|_| {}, |attach| attach.id_generator(|_| String::new()));
    flood.assert_one_per_second("a generated id is empty", |stage| {
        ask(stage, &handshake(""));
    });
}

#[test]
fn broadcasts_that_a_transform_refuses() {
    let tickets = Tickets::default();
    let flood = Flood::with(
        |_| {},
        |attach| attach.transform_outgoing(tickets.taken_for("late")),
    );
    flood.assert_one_per_second("a transform refused a broadcast", |stage| {
        stage.handle().write("late").unwrap();
        stage.run_for(Duration::ZERO);
        tickets.take("late").fail("on purpose");
        stage.run_for(Duration::ZERO);
    });
}

/// A server on which no further message can wait for transforms.
fn full_of_messages() -> (Flood, Tickets) {
    let tickets = Tickets::default();
    let mut flood = Flood::with(
        |_| {},
        |attach| attach.transform_outgoing(tickets.taken_for("late")),
    );
    ask(&mut flood.stage, &handshake(""));
    for _ in 0..AWAITED_MESSAGES_MAX {
        flood.stage.handle().write("late").unwrap();
        flood.stage.run_for(Duration::ZERO);
    }
    assert_eq!(flood.lines("transforms"), [""; 0]);
    (flood, tickets)
}

#[test]
fn broadcasts_while_too_much_waits_for_transforms() {
    let (flood, _tickets) = full_of_messages();
    flood.assert_one_per_second("a broadcast was not sent", |stage| {
        stage.handle().write("a").unwrap();
        stage.run_for(Duration::ZERO);
    });
}

#[test]
fn messages_to_rooms_while_too_much_waits_for_transforms() {
    let (flood, _tickets) = full_of_messages();
    flood.assert_one_per_second("a room was not written to", |stage| {
        stage.handle().room("lobby").write("a").unwrap();
        stage.run_for(Duration::ZERO);
    });
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("on purpose");
    }
}

/// What is dropped with a spark has no shard that tells of it, and so the clock of the machine.
#[test]
fn values_of_the_application_that_panic_when_they_are_dropped() {
    let begun = Instant::now();
    let mut flood = Flood::with(
        |_| {},
        |attach| {
            attach.on_connection(|spark| {
                let bomb = Bomb;
                spark.on_data(move |_, _| {
                    let _ = &bomb;
                });
            });
        },
    );
    for _ in 0..MANY {
        let end = ask(&mut flood.stage, &handshake(""));
        flood.stage.net.close(end);
        flood.stage.run_for(Duration::ZERO);
    }
    flood.stage.seconds(10);
    assert_eq!(flood.stage.stats().sparks_ended, MANY as u64);
    let lines = flood.lines("panicked when it was dropped");
    assert!(
        lines.len() as u64 <= 1 + begun.elapsed().as_secs(),
        "{lines:?}"
    );
}
