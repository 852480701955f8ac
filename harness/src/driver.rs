//! Chooses the driver of a load, and makes room for its connections.

use std::io;

use allspark_engine::io::{Driver, DriverChoice, DriverKind, Epoll, EpollOptions};
use allspark_engine::io::{Tls, Uring, UringOptions};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::console::tell;
use crate::load::plan::Plan;
use crate::load::{self, Outcome};

/// Descriptors that are needed besides those of connections: files, rings, the terminal.
const OTHER_DESCRIPTORS: u64 = 32;

/// Runs a load on the driver that was asked for. `auto` takes `io_uring` where it works, and says
/// on the error stream why where it does not.
pub(crate) fn run(choice: DriverChoice, plan: Plan) -> io::Result<Outcome> {
    let descriptors = raise_descriptor_limit();
    let chosen = choice.resolve().map_err(io::Error::other)?;
    if let Some(reason) = chosen.fallback {
        tell!("harness: on epoll, because {reason}");
    }
    match chosen.kind {
        DriverKind::Uring => on_uring(plan),
        DriverKind::Epoll => on_epoll(plan, descriptors),
        DriverKind::Sim => unreachable!("no choice leads to the simulator"),
    }
}

fn on_uring(plan: Plan) -> io::Result<Outcome> {
    let options = UringOptions {
        sockets_max: plan.connections_max(),
        ..UringOptions::default()
    };
    over_tls_if_so(Uring::new(options).map_err(io::Error::other)?, plan)
}

fn on_epoll(plan: Plan, descriptors: u64) -> io::Result<Outcome> {
    let connections = plan.connections_max();
    if u64::from(connections) + OTHER_DESCRIPTORS > descriptors {
        return Err(io::Error::other(format!(
            "the driver epoll needs a descriptor for each of {connections} connections, and this \
             process may have {descriptors}: raise `ulimit -n`, or use --driver uring",
        )));
    }
    over_tls_if_so(Epoll::new(EpollOptions::default())?, plan)
}

/// Runs a load on this driver, or over TLS on it, if the server is spoken to so.
fn over_tls_if_so(driver: impl Driver, plan: Plan) -> io::Result<Outcome> {
    let Some(trust) = plan.target.trust().cloned() else {
        return load::run(driver, plan);
    };
    let config = trust.config().as_ref().clone();
    load::run(Tls::client(driver, config, trust.name()), plan)
}

/// Raises the limit of descriptors as far as this process may, and returns it.
fn raise_descriptor_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let is_raised = setrlimit(Resource::Nofile, raised).is_ok();
    let limit = if is_raised {
        raised.current
    } else {
        limit.current
    };
    // No limit at all is written as none.
    limit.unwrap_or(u64::MAX)
}
