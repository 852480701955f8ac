//! What panics, or fails, and whom it harms.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use allspark_engine::io::DriverChoice;
use allspark_engine::{Destroy, Options, Server, ShardFailure};
use allspark_protocol::http::Response;

use crate::client::{Client, PATIENCE};
use crate::drivers;
use crate::plain::{GOODBYE, server};

/// Joins a server that must end.
fn join(server: Server) -> Result<(), ShardFailure> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(server.join()));
    receiver.recv_timeout(PATIENCE).expect("the server ends")
}

/// The shard whose thread this is.
fn shard_of_this_thread() -> usize {
    let thread = thread::current();
    let number = thread.name().and_then(|name| name.strip_prefix("shard-"));
    number.unwrap().parse().unwrap()
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped on purpose");
    }
}

#[test]
fn a_fallback_that_panics_answers_500_and_harms_nobody() {
    for driver in drivers() {
        let options = Options {
            fallback: Some(Arc::new(|head| match head.path() {
                "/panic" => panic!("on purpose"),
                _ => Response::text(200, "fine"),
            })),
            ..Options::default()
        };
        let primus = server(options, 1, driver);
        let running = primus.start("127.0.0.1:0").unwrap();
        let mut bystander = Client::new(running.address());
        let mut client = Client::new(running.address());
        for _ in 0..3 {
            assert_eq!(client.ask("/panic"), 500);
            assert_eq!(client.ask("/"), 200, "its own connection goes on");
        }
        assert_eq!(bystander.ask("/"), 200);
        assert_eq!(primus.handle().stats().handlers_panicked, 3);
        primus.handle().destroy(Destroy::default());
        drop((client, bystander));
        assert_eq!(join(running), Ok(()));
    }
}

#[test]
fn what_a_function_captured_may_panic_when_it_is_dropped() {
    for driver in drivers() {
        let primus = server(Options::default(), 1, driver);
        primus.on_connection(|spark| {
            let bomb = Bomb;
            spark.on_data(move |spark, _| {
                let _ = &bomb;
                spark.end();
            });
        });
        let running = primus.start("127.0.0.1:0").unwrap();
        // Whoever is done with the function last drops it: a shard, or this thread.
        let handle = primus.handle();
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let bomb = Bomb;
            handle.for_each(move |_| {
                let _ = &bomb;
                true
            });
        }));
        let mut client = Client::open(running.address());
        client.send(b"1");
        client.rest();
        assert_eq!(Client::new(running.address()).ask("/primus/"), 200);
        primus.handle().destroy(Destroy::default());
        assert_eq!(join(running), Ok(()));
    }
}

/// A panic of the engine itself.
#[test]
fn a_shard_that_panics_takes_its_server_with_it() {
    for driver in drivers() {
        let primus = server(Options::default(), 3, driver);
        primus.on_connection(|spark| {
            spark.write(shard_of_this_thread());
        });
        let running = primus.start("127.0.0.1:0").unwrap();
        let mut others: Vec<(usize, Client)> = (0..32)
            .map(|_| {
                let mut client = Client::open(running.address());
                let shard = client.take(1)[0] - b'0';
                (usize::from(shard), client)
            })
            .collect();
        let mut culprit = Client::new(running.address());
        culprit.send(b"GET /primus/panic HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(culprit.rest().is_empty());
        let rests: Vec<(usize, Vec<u8>)> = others
            .iter_mut()
            .map(|(shard, client)| (*shard, client.rest()))
            .collect();
        drop(others);
        let failure = join(running).unwrap_err();
        let elsewhere = |(shard, _): &&(usize, Vec<u8>)| *shard != failure.shard;
        let elsewhere: Vec<_> = rests.iter().filter(elsewhere).collect();
        assert!(!elsewhere.is_empty(), "the kernel chooses a shard for each");
        for (shard, rest) in elsewhere {
            assert_eq!(
                rest, GOODBYE,
                "of shard {shard}; {} has failed",
                failure.shard
            );
        }
        assert_eq!(failure.reason, "it panicked: on purpose");
        assert!(failure.shard < 3);
        let text = format!(
            "shard {} has failed: it panicked: on purpose",
            failure.shard
        );
        assert_eq!(failure.to_string(), text);
    }
}

#[test]
fn a_lonely_shard_that_panics_is_reported_too() {
    let primus = server(Options::default(), 1, DriverChoice::Auto);
    let running = primus.start("127.0.0.1:0").unwrap();
    let mut culprit = Client::new(running.address());
    culprit.send(b"GET /primus/panic HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(culprit.rest().is_empty());
    assert!(join(running).is_err());
    // Whoever still holds the server waits for nobody.
    primus.handle().write("too late").unwrap();
}
