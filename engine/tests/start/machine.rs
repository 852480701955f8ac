//! Machines that grant a process less than it would like. Each test starts itself again under such
//! limits, and without the privileges that would lift them.

use std::process::Command;
use std::time::Instant;

use allspark_engine::io::{DriverChoice, DriverKind, Unavailable, probe};
use allspark_engine::limits::LINGER_MS;
use allspark_engine::{Destroy, Options, StartError};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::client::Client;
use crate::plain::server;

/// Names the number of shards to a test that was started again.
const SHARDS: &str = "ALLSPARK_TEST_SHARDS";

/// What takes the privileges away that lift limits, if there are any.
fn unprivileged(as_nobody: bool) -> Vec<&'static str> {
    if !rustix::process::geteuid().is_root() {
        return Vec::new();
    }
    let mut words = vec!["setpriv", "--bounding-set"];
    match as_nobody {
        true => words.extend([
            "-all",
            "--clear-groups",
            "--reuid",
            NOBODY,
            "--regid",
            NOBODY,
        ]),
        false => words.push("-ipc_lock,-sys_resource"),
    }
    words
}

/// A user who runs nothing else.
const NOBODY: &str = "54321";

/// Runs one of the last tests below, which do nothing otherwise, with `ulimit` as said.
fn run_limited(test: &str, ulimit: &str, shards: usize, as_nobody: bool) {
    // Where everybody may run it. Another process copies it: a child that another test has just
    // forked would keep a file open for writing that was so here, and it could not be started.
    let folder = std::env::temp_dir();
    let program = folder.join(format!("allspark-start-{}-{test}", std::process::id()));
    let own = std::env::current_exe().unwrap();
    let copied = Command::new("cp").arg(own).arg(&program).status();
    assert!(copied.unwrap().success());
    let child = Command::new("sh")
        .args(["-c", &format!("ulimit {ulimit} && exec \"$@\""), "sh"])
        .args(unprivileged(as_nobody))
        .arg(&program)
        .args(["--exact", test])
        .env(SHARDS, shards.to_string())
        .output();
    std::fs::remove_file(&program).unwrap();
    let child = child.unwrap();
    let said = [child.stdout, child.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(
        child.status.success() && said.contains("1 passed"),
        "{test} with {ulimit} and {shards} shards: {said}"
    );
}

/// How many shards a test is to have that was started again.
fn shards() -> Option<usize> {
    let shards = std::env::var(SHARDS).ok()?;
    Some(shards.parse().unwrap())
}

#[test]
fn auto_takes_epoll_where_the_rings_get_no_memory() {
    for (ulimit, shards) in [
        ("-l 16", 2),
        ("-l 64", 2),
        ("-l 256", 2),
        ("-l 8192", 64),
        ("-l 0", 1),
    ] {
        run_limited("machine::auto_serves", ulimit, shards, false);
    }
}

#[test]
fn uring_says_what_is_missing() {
    for (ulimit, shards) in [("-l 16", 2), ("-l 256", 2), ("-l 8192", 64)] {
        run_limited("machine::uring_serves_or_explains", ulimit, shards, false);
    }
}

#[test]
fn without_threads_for_shutdowns_nobody_waits_for_the_end_of_a_connection() {
    if probe().is_ok() {
        run_limited(
            "machine::ends_connections_without_threads",
            "-l 8192",
            1,
            true,
        );
    }
}

#[test]
fn auto_serves() {
    let Some(shards) = shards() else {
        return;
    };
    let primus = server(Options::default(), shards, DriverChoice::Auto);
    let running = primus.start("127.0.0.1:0").unwrap();
    match running.driver() {
        DriverKind::Epoll => assert!(running.fallback_reason().is_some()),
        _ => assert!(running.fallback_reason().is_none()),
    }
    for _ in 0..2 * shards {
        assert_eq!(Client::new(running.address()).ask("/primus/"), 200);
    }
    primus.handle().destroy(Destroy::default());
    running.join().unwrap();
}

#[test]
fn uring_serves_or_explains() {
    let Some(shards) = shards() else {
        return;
    };
    let primus = server(Options::default(), shards, DriverChoice::Uring);
    match primus.start("127.0.0.1:0") {
        Ok(running) => {
            primus.handle().destroy(Destroy::default());
            running.join().unwrap();
        }
        // Kernels differ in what they count.
        Err(StartError::Driver(Unavailable::Memory)) => {}
        Err(StartError::Driver(reason)) => {
            assert!(probe().is_err(), "{reason}");
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn ends_connections_without_threads() {
    let Some(shards) = shards() else {
        return;
    };
    let primus = server(Options::default(), shards, DriverChoice::Uring);
    let running = primus.start("127.0.0.1:0").unwrap();
    // From now on this user may have no further thread.
    let limit = Rlimit {
        current: Some(1),
        maximum: Some(1),
    };
    setrlimit(Resource::Nproc, limit).unwrap();
    // Each by itself, as the machine may keep one of them waiting, whatever the server does.
    let mut waits = 0;
    for _ in 0..10 {
        let start = Instant::now();
        let mut client = Client::new(running.address());
        client.send(b"GET /primus/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert!(client.rest().ends_with(b"ok\n"));
        waits += u32::from(start.elapsed().as_millis() >= u128::from(LINGER_MS));
    }
    assert!(waits < 5, "most ends came only when lingering was over");
    primus.handle().destroy(Destroy::default());
    running.join().unwrap();
}
