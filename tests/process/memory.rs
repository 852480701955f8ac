//! What a server takes that has no client.
//!
//! Counted is anonymous memory: heap and stacks, but neither files (nor the pages of the program in
//! which the linker has written addresses) nor what the kernel keeps for it. A process has some of
//! it once; the rest is that of its shards.

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use allspark_engine::io::probe_release;
use rustix::process::{Pid, getpid};

use crate::server::{NEVER, Server, allspark};

const MIB: i64 = 1024 * 1024;

/// What one shard may take. Receive buffers are the most of it: before Linux 6.17 a ring has 4 MiB,
/// and the kernel fills all of them before it fills one again.
const SHARD_MAX: [(&str, i64); 2] = [("uring", 6 * MIB), ("epoll", 3 * MIB)];

/// What a process may take once: for its main thread, the log, the client library, the allocator.
const PROCESS_MAX: i64 = 21 * MIB / 8;

/// Enough that each of two shards has some, and that they send more than there are receive buffers.
const CLIENTS: usize = 32;
const MESSAGES: usize = 100;

/// What it takes once it rests: what a start needs beside that is given back some seconds later.
#[test]
fn a_shard_at_rest_is_small() {
    for (driver, shard_max) in drivers() {
        let servers = [1, 2, 4].map(|shards| start(driver, shards));
        let end = Instant::now() + NEVER;
        loop {
            let [one, two, four] = servers.each_ref().map(memory);
            let shard = (four - one) / 3;
            let process = one - shard;
            let found = format!(
                "{driver}: {process} bytes once, {shard} for each shard, {two} for two shards"
            );
            if shard <= shard_max && process <= PROCESS_MAX && two <= 2 * shard_max {
                eprintln!("{found}");
                break;
            }
            assert!(Instant::now() < end, "{found}");
            thread::sleep(Duration::from_millis(50));
        }
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
    let maps = fs::read_to_string(format!("/proc/{}/smaps", server.pid())).unwrap();
    let (mut is_of_file, mut kib) = (false, 0);
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("Anonymous:") if !is_of_file => {
                kib += words.next().unwrap().parse::<i64>().unwrap();
            }
            // A range of addresses, its rights, offset, device and inode, and what it is.
            Some(first) if !first.ends_with(':') => {
                is_of_file = words.nth(4).is_some_and(|name| name.starts_with('/'));
            }
            _ => {}
        }
    }
    kib * 1024
}
