//! A machine without descriptors. Who is connected stays; who comes waits until there is room.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, PipeWriter, pipe};
use std::process::Command;

use rustix::process::Signal;

use crate::confined::drivers;
use crate::server::{Client, Server, free_address};

/// Descriptors of a process that has none too many: a few of its own, and some clients.
const DESCRIPTORS: usize = 48;

/// Fewer clients than there is room for then.
const FEW: usize = 8;

/// A server that may have so many, and not raise that.
fn start(driver: &str, stderr: PipeWriter) -> Server {
    let address = free_address();
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            &format!("ulimit -n {DESCRIPTORS} && exec \"$@\""),
            "sh",
        ])
        .arg(env!("CARGO_BIN_EXE_allspark"))
        .args([
            "--driver", driver, "--shards", "1", "--app", "echo", "--log", "warn",
        ])
        .arg("--listen")
        .arg(address.to_string())
        .env_clear();
    Server::spawn(&mut command, address, stderr)
}

fn assert_echoes(client: &mut Client) {
    client.send(b"\"still here\"");
    assert_eq!(client.receive(), b"\"still here\"");
}

#[test]
fn a_full_table_of_descriptors_costs_nobody_who_is_connected() {
    for driver in drivers() {
        let (reader, writer) = pipe().unwrap();
        let mut server = start(driver, writer);
        let mut connected = vec![server.connect(), server.connect()];
        // More than there is room for: some are let in, the others wait in the listener's queue.
        let waiting: Vec<_> = (0..2 * DESCRIPTORS)
            .map(|_| server.knock("/primus"))
            .collect();
        // On io_uring connections are in tables of that size, and a further ring has another one.
        if driver == "epoll" {
            let mut line = String::new();
            BufReader::new(&reader).read_line(&mut line).unwrap();
            assert!(line.contains("no connection can be accepted"), "{line}");
        }
        connected.iter_mut().for_each(assert_echoes);
        // For each that leaves the next one of the queue comes in, until all of them were there.
        let mut entered = VecDeque::new();
        for stream in waiting {
            entered.push_back(Client::enter(stream).unwrap());
            if entered.len() > FEW {
                drop(entered.pop_front());
            }
        }
        connected.iter_mut().for_each(assert_echoes);
        drop(entered);
        drop(connected);
        server.assert_serves();
        server.signal(Signal::TERM);
        assert_eq!(server.exit_code(), Some(0));
    }
}
