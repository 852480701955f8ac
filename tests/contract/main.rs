//! The contract of the transports (`allspark_transformers::contract`) over the real engine: every
//! transformer, on every driver, and some of them over TLS. In the simulator bytes are split
//! anywhere and time is virtual; on `epoll` and `uring` the bytes go through sockets on the
//! loopback. Most subjects have the parser `raw`, so that a message is what the transport carries;
//! some have one whose messages are values.

mod app;
mod coding;
#[path = "../support/identity.rs"]
mod identity;
mod net;
#[path = "../support/pipes.rs"]
#[expect(dead_code, reason = "only the test of polling counts the sockets")]
mod pipes;
mod secret;
mod sim;
mod sockets;
mod subjects;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use allspark_engine::io::{DriverChoice, probe};
use allspark_protocol::parser::ParserKind;
use allspark_transformers::contract::{Rig, Setup, cases};

use secret::Secret;
use sim::SimNetwork;
use sockets::Sockets;
use subjects::Subject;
use world::World;

/// How many histories of each case are simulated.
const SEEDS: u64 = 2;

fn on_sim(subject: &'static Subject) {
    check(subject, "sim", |setup| {
        (0..SEEDS)
            .map(|seed| {
                World::new(subject, |log| {
                    SimNetwork::new(subject, setup, seed, None, log)
                })
            })
            .collect()
    });
}

/// Encrypted, in the simulator.
fn on_secret_sim(subject: &'static Subject) {
    check(subject, "sim with TLS", |setup| {
        vec![World::new(subject, |log| {
            let tls = Some(identity::acceptor());
            Secret::new(SimNetwork::new(subject, setup, 0, tls, log))
        })]
    });
}

/// Encrypted, through sockets.
fn on_secret_epoll(subject: &'static Subject) {
    on_secret_sockets(subject, DriverChoice::Epoll);
}

fn on_secret_uring(subject: &'static Subject) {
    if can_use_uring() {
        on_secret_sockets(subject, DriverChoice::Uring);
    }
}

fn on_secret_sockets(subject: &'static Subject, driver: DriverChoice) {
    check(subject, &format!("{driver:?} with TLS"), |setup| {
        vec![World::new(subject, |log| {
            let tls = Some(identity::acceptor());
            Secret::new(Sockets::new(subject, setup, driver, tls, log))
        })]
    });
}

fn on_epoll(subject: &'static Subject) {
    on_sockets(subject, DriverChoice::Epoll);
}

fn on_uring(subject: &'static Subject) {
    if can_use_uring() {
        on_sockets(subject, DriverChoice::Uring);
    }
}

/// Where `io_uring` can't be used the server itself uses `epoll`, so there is nothing to test.
fn can_use_uring() -> bool {
    let probed = probe();
    if let Err(reason) = &probed {
        eprintln!("not tested, because io_uring can't be used: {reason:?}");
    }
    probed.is_ok()
}

fn on_sockets(subject: &'static Subject, driver: DriverChoice) {
    check(subject, &format!("{driver:?}"), |setup| {
        vec![World::new(subject, |log| {
            Sockets::new(subject, setup, driver, None, log)
        })]
    });
}

/// Runs every case in each of the worlds that are made for it, and says which ones failed. Several
/// run at a time, as most of them wait for most of their time.
fn check<R: Rig>(subject: &Subject, driver: &str, worlds: impl Fn(&Setup) -> Vec<R> + Sync) {
    let mut cases = cases::<R>();
    if subject.parser != ParserKind::Raw && driver != "sim" {
        // Those that wait for time, or for the kernel, say nothing of a parser: the simulator has
        // them.
        let usual = Setup::default();
        cases.retain(|case| {
            case.setup.ping_interval == usual.ping_interval
                && case.setup.send_queue_bytes_max == usual.send_queue_bytes_max
        });
    }
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let run = || {
                for mut world in worlds(&case.setup) {
                    (case.run)(&mut world);
                }
            };
            if catch_unwind(AssertUnwindSafe(run)).is_err() {
                eprintln!("failed: {}, {driver}: {}\n", subject.name, case.name);
                failed.lock().expect("nothing panics here").push(case.name);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..CASES_AT_A_TIME {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().expect("nothing panics here");
    assert!(failed.is_empty(), "{}, {driver}: {failed:#?}", subject.name);
}

/// How many cases of one test run at a time.
const CASES_AT_A_TIME: usize = 4;
