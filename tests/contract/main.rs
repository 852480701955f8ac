//! The contract of the transports (`allspark_transformers::contract`) over the real engine: every
//! transformer, on every driver. In the simulator bytes are split anywhere and time is virtual; on
//! `epoll` and `uring` the bytes go through sockets on the loopback.

mod app;
mod net;
mod sim;
mod sockets;
mod subjects;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use allspark_engine::io::{DriverChoice, probe};
use allspark_transformers::contract::{Rig, Setup, cases};

use sim::SimNetwork;
use sockets::Sockets;
use subjects::Subject;
use world::World;

/// How many histories of each case are simulated.
const SEEDS: u64 = 2;

fn on_sim(subject: &'static Subject) {
    check(subject, "sim", |setup| {
        (0..SEEDS)
            .map(|seed| World::new(subject, |log| SimNetwork::new(subject, setup, seed, log)))
            .collect()
    });
}

fn on_epoll(subject: &'static Subject) {
    on_sockets(subject, DriverChoice::Epoll);
}

/// Where `io_uring` can't be used the server itself uses `epoll`, so there is nothing to test.
fn on_uring(subject: &'static Subject) {
    match probe() {
        Ok(_) => on_sockets(subject, DriverChoice::Uring),
        Err(reason) => eprintln!("not tested, because io_uring can't be used: {reason:?}"),
    }
}

fn on_sockets(subject: &'static Subject, driver: DriverChoice) {
    check(subject, &format!("{driver:?}"), |setup| {
        vec![World::new(subject, |log| {
            Sockets::new(subject, setup, driver, log)
        })]
    });
}

/// Runs every case in each of the worlds that are made for it, and says which ones failed.
fn check<R: Rig>(subject: &Subject, driver: &str, worlds: impl Fn(&Setup) -> Vec<R>) {
    let mut failed = Vec::new();
    for case in cases::<R>() {
        let run = || {
            for mut world in worlds(&case.setup) {
                (case.run)(&mut world);
            }
        };
        if catch_unwind(AssertUnwindSafe(run)).is_err() {
            eprintln!("failed: {}, {driver}: {}\n", subject.name, case.name);
            failed.push(case.name);
        }
    }
    assert!(failed.is_empty(), "{}, {driver}: {failed:#?}", subject.name);
}
