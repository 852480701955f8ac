//! Polling over real sockets: five thousand sessions of all transports that need not be a
//! WebSocket, on one `any` server of eight shards, with pauses, stalled readers and connections
//! that are closed between requests or cut in the middle of one. Nothing may be lost, duplicated
//! or reordered, every session ends on both sides, and everything is returned.
//!
//! A session that keeps its connections while requests are under way is audited in full, number by
//! number, both ways; so is one of browserchannel in any case. The others end by the rules of their
//! transports when a request is cut, or with the server: what arrived until then must be in order.

#[path = "../support/halves.rs"]
mod halves;
#[path = "../support/pipes.rs"]
mod pipes;

mod crowd;
mod ledger;
mod member;

use std::process::Command;

use allspark_engine::io::{DriverChoice, probe_release};
use allspark_engine::{Destroy, Options, Primus};
use allspark_protocol::options::Bounded;
use allspark_protocol::primus::PingInterval;
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};

use crowd::Crowd;
use ledger::Ledger;

const SHARDS: usize = 8;

const SESSIONS: usize = 5_000;

/// Milliseconds after which a session whose client has vanished ends: longer than the test. All
/// clients are one thread, and beside other work a client may wait half a minute for its turn.
const PATIENCE_MS: &str = "400000";

const TRANSPORT: [(&str, &str); 4] = [
    ("disconnect_delay", PATIENCE_MS),
    ("pingInterval", "5000"),
    ("pingTimeout", PATIENCE_MS),
    ("sessionTimeoutInterval", PATIENCE_MS),
];

/// Of the pauses, of who does what, and of the names of the sessions.
const SEED: u64 = 20_261_121;

/// Says that this process is a test's own.
const ALONE: &str = "ALLSPARK_TEST_ALONE";

/// Runs a test in a process of its own. Descriptors are counted, and bounded, for a whole process.
/// So both tests can wait at the same time.
fn alone(test: &str, run: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        return run();
    }
    let program = std::env::current_exe().expect("the test knows its program");
    let child = Command::new(program)
        .args(["--exact", test, "--nocapture"])
        .env(ALONE, "1")
        .output()
        .expect("it can be started again");
    let (out, err) = (&child.stdout, &child.stderr);
    let said = [out, err].map(|text| String::from_utf8_lossy(text));
    assert!(
        child.status.success() && said[0].contains("1 passed"),
        "{}{}",
        said[0],
        said[1]
    );
}

fn sessions_poll(driver: DriverChoice) {
    let descriptors = descriptors();
    let common = CommonOptions::default();
    let transport = TRANSPORT.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let transformer = AnyTransformer::new(TransformerKind::Any, &common, &transport);
    let transformer = transformer.expect("the options are known");
    let options = Options {
        // Heartbeats are the subject of other tests; a client half answers none by itself.
        ping_interval: PingInterval::OFF,
        ..Options::default()
    };
    let primus = Primus::new(
        options,
        transformer,
        Some(Bounded::of(SHARDS as u64)),
        driver,
    );
    let ledger = Ledger::new(SESSIONS);
    ledger.attach(&primus);
    let server = primus.start("127.0.0.1:0").expect("the server starts");
    let handle = server.handle();

    let (address, log) = (server.address(), ledger.clone());
    let mut crowd = Crowd::new(address, handle.clone(), log, SESSIONS, SEED);
    crowd.be_served();
    crowd.leave();
    crowd.audit();
    let deeds = std::mem::take(&mut crowd.deeds);
    drop(crowd);
    // Of those whose clients were cut off.
    handle.destroy(Destroy::default());
    server.join().unwrap();
    let stats = handle.stats();
    eprintln!("{driver}: {deeds:?}\n{stats:#?}");
    // Whoever can reach a server keeps what wakes its shards.
    drop((handle, primus));

    let faults = ledger.faults();
    assert!(faults.is_empty(), "{}: {faults:#?}", faults.len());
    let sessions = SESSIONS as u64;
    let sparks = [stats.sparks_opened, stats.sparks_ended];
    assert_eq!(sparks, [sessions; 2]);
    assert_eq!(stats.connections_accepted, stats.connections_closed);
    assert_eq!((stats.handlers_panicked, stats.messages_dropped), (0, 0));
    assert_eq!(
        self::descriptors(),
        descriptors,
        "descriptors are left open"
    );
    // What the test is about did happen.
    assert!(stats.connections_adopted > sessions, "too few hand-overs");
    assert!(deeds.open_at_once_max > sessions * 9 / 10, "{deeds:?}");
    assert!(deeds.cuts > sessions / 50, "{deeds:?}");
    assert!(
        deeds.idle_drops.min(deeds.stalls) > sessions / 4,
        "{deeds:?}"
    );
}

/// How many descriptors the process has.
fn descriptors() -> usize {
    let entries = std::fs::read_dir("/proc/self/fd").expect("there is /proc");
    entries.count()
}

#[test]
fn sessions_poll_on_epoll() {
    alone("sessions_poll_on_epoll", || {
        sessions_poll(DriverChoice::Epoll);
    });
}

/// Where `io_uring` can't be used, or can't hand connections over, the server uses `epoll`.
#[test]
fn sessions_poll_on_uring() {
    alone("sessions_poll_on_uring", || match probe_release() {
        Ok(()) => sessions_poll(DriverChoice::Uring),
        Err(reason) => eprintln!("not tested, because io_uring can't be used: {reason:?}"),
    });
}
