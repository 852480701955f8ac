//! What a server takes that has no client.
//!
//! Counted is anonymous memory: heap and stacks, but neither files nor what the kernel keeps for
//! it. A process has some of it once; the rest is that of its shards.

use std::fs;
use std::process::Stdio;

use allspark_engine::io::probe_release;
use rustix::process::{Pid, getpid};

use crate::server::{Server, allspark};

const MIB: i64 = 1024 * 1024;

/// What one shard may take. Receive buffers are the most of it: before Linux 6.17 a ring has 4 MiB,
/// and the kernel fills all of them before it fills one again.
const SHARD_MAX: [(&str, i64); 2] = [("uring", 6 * MIB), ("epoll", 3 * MIB)];

/// What a process may take once: for its main thread, the log, the client library, the allocator.
const PROCESS_MAX: i64 = 3 * MIB;

/// Enough that each of two shards has some, and that they send more than there are receive buffers.
const CLIENTS: usize = 32;
const MESSAGES: usize = 100;

#[test]
fn a_shard_at_rest_is_small() {
    for (driver, shard_max) in drivers() {
        let [one, two, four] = [1, 2, 4].map(|shards| memory(&start(driver, shards)));
        let shard = (four - one) / 3;
        let process = one - shard;
        eprintln!("{driver}: {process} bytes, and {shard} for each shard");
        assert!(shard <= shard_max, "{driver}: {shard} bytes for each shard");
        assert!(process <= PROCESS_MAX, "{driver}: {process} bytes once");
        assert!(two <= 2 * shard_max, "{driver}: {two} bytes for two shards");
    }
}

#[test]
fn a_shard_whose_clients_have_left_is_small() {
    for (driver, shard_max) in drivers() {
        let mut server = start(driver, 2);
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| server.connect()).collect();
        for _ in 0..MESSAGES {
            for client in &mut clients {
                client.send(b"\"hello\"");
                assert_eq!(client.receive(), b"\"hello\"");
            }
        }
        drop(clients);
        server.wait_until(|server| (memory(server) <= 2 * shard_max + PROCESS_MAX).then_some(()));
        eprintln!("{driver}: {} bytes for two shards", memory(&server));
    }
}

#[test]
fn huge_pages_are_refused_unless_the_allocator_is_told_to_take_them() {
    let with = |value: Option<&str>| {
        let mut command = allspark(&["--driver", "epoll", "--shards", "1"]);
        command.envs(value.map(|value| ("MIMALLOC_ALLOW_THP", value)));
        takes_huge_pages(Server::start_with(&mut command, Stdio::null()).pid())
    };
    assert!(!with(None));
    assert!(!with(Some("0")));
    // As far as this process may take them: the kernel may have none.
    assert_eq!(with(Some("1")), takes_huge_pages(getpid()));
}

fn takes_huge_pages(process: Pid) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    status.lines().any(|line| line == "THP_enabled:\t1")
}

/// The drivers that this kernel can run, and what a shard may take on each.
fn drivers() -> impl Iterator<Item = (&'static str, i64)> {
    let uring = probe_release().inspect_err(|reason| eprintln!("without io_uring: {reason}"));
    let count = if uring.is_ok() { 2 } else { 1 };
    SHARD_MAX.into_iter().rev().take(count)
}

/// It was asked once, but not by a spark.
fn start(driver: &str, shards: usize) -> Server {
    let mut command = allspark(&["--driver", driver]);
    Server::start_with(
        command.args(["--shards", &shards.to_string()]),
        Stdio::null(),
    )
}

fn memory(server: &Server) -> i64 {
    let path = format!("/proc/{}/smaps_rollup", server.pid());
    let rollup = fs::read_to_string(path).unwrap();
    let line = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Anonymous:"));
    let kib = line.unwrap().trim().strip_suffix(" kB").unwrap();
    kib.parse::<i64>().unwrap() * 1024
}
