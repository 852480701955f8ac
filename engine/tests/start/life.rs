//! A server has one life, and starting it leaves no trace in who starts it.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::sync::mpsc;
use std::time::Duration;

use allspark_engine::{Destroy, Options, StartError};

use crate::client::{Client, PATIENCE};
use crate::drivers;
use crate::plain::server;

#[test]
fn a_server_is_started_once() {
    for driver in drivers() {
        let primus = server(Options::default(), 2, driver);
        let running = primus.start("127.0.0.1:0").unwrap();
        let again = primus.start("127.0.0.1:0");
        assert!(matches!(again, Err(StartError::Started)), "{again:?}");
        primus.handle().destroy(Destroy::default());
        running.join().unwrap();
        let again = primus.start("127.0.0.1:0");
        assert!(matches!(again, Err(StartError::Started)), "{again:?}");
    }
}

#[test]
fn a_start_that_failed_can_be_tried_again() {
    for driver in drivers() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let primus = server(Options::default(), 2, driver);
        let refused = primus.start(taken.local_addr().unwrap());
        assert!(
            matches!(refused, Err(StartError::Listen { .. })),
            "{refused:?}"
        );
        let running = primus.start("127.0.0.1:0").unwrap();
        assert_eq!(Client::new(running.address()).ask("/primus/"), 200);
        primus.handle().destroy(Destroy::default());
        running.join().unwrap();
    }
}

#[test]
fn listeners_of_a_running_server_are_called_with_who_comes_and_ends_later() {
    for driver in drivers() {
        let primus = server(Options::default(), 2, driver);
        let running = primus.start("127.0.0.1:0").unwrap();
        let early = Client::open(running.address());
        let (event, events) = mpsc::channel();
        let connection = event.clone();
        primus.on_connection(move |_| connection.send("connection").unwrap());
        primus.on_disconnection(move |_| event.send("disconnection").unwrap());
        // A shard does in order what it is asked for.
        let (asked, done) = mpsc::channel();
        primus.handle().for_each(move |_| {
            asked.send(()).unwrap();
            true
        });
        done.recv_timeout(PATIENCE).unwrap();
        let next = || events.recv_timeout(PATIENCE).unwrap();
        drop(early);
        assert_eq!(next(), "disconnection");
        primus.handle().destroy(Destroy::default());
        running.join().unwrap();
    }
}

#[test]
fn a_listener_of_a_running_server_reaches_every_shard() {
    for driver in drivers() {
        let primus = server(Options::default(), 2, driver);
        let running = primus.start("127.0.0.1:0").unwrap();
        let (event, events) = mpsc::channel();
        primus.on_connection(move |_| event.send(()).unwrap());
        // Until a shard has heard of it, which may be some connections later.
        let mut clients = Vec::new();
        let mut heard = 0;
        while heard < 32 {
            clients.push(Client::open(running.address()));
            heard += events.try_iter().count();
            assert!(clients.len() < 10_000, "only {heard} were heard of");
        }
        primus.handle().destroy(Destroy::default());
        drop(clients);
        running.join().unwrap();
    }
}

/// When a ring is gone the kernel interrupts the thread that made it, some 10 ms later.
#[test]
fn a_start_interrupts_nobody() {
    for driver in drivers() {
        let primus = server(Options::default(), 2, driver);
        let running = primus.start("127.0.0.1:0").unwrap();
        let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
        let wait = Some(Duration::from_millis(300));
        nobody.set_read_timeout(wait).unwrap();
        let heard = nobody.recv(&mut [0]).map_err(|error| error.kind());
        assert_eq!(heard, Err(ErrorKind::WouldBlock));
        primus.handle().destroy(Destroy::default());
        running.join().unwrap();
    }
}
