//! Fan-out over real sockets: eight shards on whatever cores there are, several publishers, clients
//! that come and go. Checks invariants 1 to 4 of the design, and that everything is returned.

mod crowd;
mod large;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark::{Destroy, DriverChoice, Primus, Server, SparkId};
use crowd::Crowd;

const STAYING: usize = 120;
const PUBLISHERS: usize = 6;
const MESSAGES: usize = 300;

/// What happened to each spark, in order.
type Log = Arc<Mutex<HashMap<SparkId, Vec<&'static str>>>>;

fn note(log: &Log, id: SparkId, event: &'static str) {
    log.lock().unwrap().entry(id).or_default().push(event);
}

/// A server that answers each message with a direct write, a broadcast and a direct write.
fn start(driver: DriverChoice, log: &Log) -> (Primus, Server) {
    let primus = Primus::builder().shards(8).driver(driver).build().unwrap();
    let (opened, closed) = (Arc::clone(log), Arc::clone(log));
    primus.on_connection(move |spark| {
        note(&opened, spark.id(), "connection");
        let log = Arc::clone(&opened);
        spark.on_data(move |spark, data| {
            note(&log, spark.id(), "data");
            let value = data.value().unwrap();
            spark.write(format!("before {}", value[1].as_u64().unwrap()));
            spark.primus().write(data).unwrap();
            spark.write(format!("after {}", value[1].as_u64().unwrap()));
        });
        let log = Arc::clone(&opened);
        spark.on_end(move |spark| note(&log, spark.id(), "end"));
    });
    primus.on_disconnection(move |spark| note(&closed, spark.id(), "disconnection"));
    let server = primus.start("127.0.0.1:0").unwrap();
    (primus, server)
}

/// The sequence numbers of one publisher among what a client received.
fn sequence(received: &[String], publisher: usize) -> Vec<usize> {
    let head = format!("[{publisher},");
    let numbers = received.iter().filter_map(|text| text.strip_prefix(&head));
    numbers
        .map(|text| text.trim_end_matches(']').parse().unwrap())
        .collect()
}

fn publish_while_others_come_and_go(crowd: &mut Crowd) {
    for number in 0..MESSAGES {
        for publisher in 0..PUBLISHERS {
            crowd.write(publisher, &format!("[{publisher},{number}]"));
        }
        if number % 3 == 0 {
            crowd.join();
        }
        let passing: Vec<usize> = (STAYING..crowd.members.len())
            .filter(|n| crowd.members[*n].is_open && !crowd.members[*n].leaving)
            .collect();
        if let Some(leaver) = passing.get(number % 7) {
            crowd.leave(*leaver, number % 2 == 0);
        }
        let mut turns = 0;
        crowd.run_until("a turn", |_| {
            turns += 1;
            turns > 1
        });
    }
}

fn broadcasts_reach_everyone(driver: DriverChoice) {
    let log = Log::default();
    let (primus, server) = start(driver, &log);
    let mut crowd = Crowd::new(server.address());
    crowd.gather(STAYING);

    publish_while_others_come_and_go(&mut crowd);
    let total = PUBLISHERS * MESSAGES;
    crowd.run_until("all broadcasts have arrived", |crowd| {
        crowd.members[..STAYING]
            .iter()
            .enumerate()
            .all(|(number, member)| {
                member.received.len() >= total + if number < PUBLISHERS { 2 * MESSAGES } else { 0 }
            })
    });

    let everything: Vec<usize> = (0..MESSAGES).collect();
    for (number, member) in crowd.members.iter().enumerate() {
        for publisher in 0..PUBLISHERS {
            let got = sequence(&member.received, publisher);
            if number < STAYING {
                assert_eq!(got, everything, "client {number}, publisher {publisher}");
            } else if let (Some(first), Some(last)) = (got.first(), got.last()) {
                let expected: Vec<usize> = (*first..=*last).collect();
                assert_eq!(
                    got, expected,
                    "passing client {number}, publisher {publisher}"
                );
            }
        }
    }
    // Direct writes and broadcasts of one handler keep their order.
    for publisher in 0..PUBLISHERS {
        let received = &crowd.members[publisher].received;
        let own = format!("[{publisher},");
        let mine: Vec<&String> = received
            .iter()
            .filter(|text| text.starts_with('"') || text.starts_with(&own))
            .collect();
        for (number, triple) in mine.chunks(3).enumerate() {
            let expected = [
                format!("\"before {number}\""),
                format!("{own}{number}]"),
                format!("\"after {number}\""),
            ];
            assert!(
                triple.iter().zip(&expected).all(|(got, want)| *got == want),
                "{triple:?}"
            );
        }
    }
    everything_is_returned(crowd, &primus, server, &log);
}

fn everything_is_returned(mut crowd: Crowd, primus: &Primus, server: Server, log: &Log) {
    let handle = primus.handle();
    handle.destroy(Destroy {
        reconnect: true,
        ..Destroy::default()
    });
    crowd.run_until("the server has closed every connection", |crowd| {
        crowd.members.iter().all(|member| member.is_gone)
    });
    server.join().unwrap();
    let stats = handle.stats();
    assert_eq!(stats.sparks_opened, stats.sparks_ended);
    assert_eq!(stats.connections_accepted, stats.connections_closed);
    assert_eq!((stats.messages_dropped, stats.handlers_panicked), (0, 0));

    let log = log.lock().unwrap();
    assert_eq!(log.len() as u64, stats.sparks_opened);
    for events in log.values() {
        assert_eq!(events.first(), Some(&"connection"));
        assert_eq!(events[events.len() - 2..], ["end", "disconnection"]);
        let data = &events[1..events.len() - 2];
        assert!(data.iter().all(|event| *event == "data"), "{events:?}");
    }
}

#[test]
fn broadcasts_reach_everyone_on_epoll() {
    broadcasts_reach_everyone(DriverChoice::Epoll);
}

#[test]
fn broadcasts_reach_everyone_on_the_best_driver() {
    broadcasts_reach_everyone(DriverChoice::Auto);
}

/// Broadcasts and direct writes of a thread of the application keep their order, too.
#[test]
fn a_thread_of_the_application_keeps_its_order() {
    let primus = Primus::builder().shards(8).build().unwrap();
    let ids = Arc::new(Mutex::new(Vec::new()));
    let opened = Arc::clone(&ids);
    primus.on_connection(move |spark| opened.lock().unwrap().push(spark.id()));
    let server = primus.start("127.0.0.1:0").unwrap();
    let mut crowd = Crowd::new(server.address());
    crowd.gather(16);

    let handle = primus.handle();
    let writer = std::thread::spawn(move || {
        let ids = ids.lock().unwrap().clone();
        for number in 0..500_u64 {
            handle.write(2 * number).unwrap();
            for id in &ids {
                handle.spark(*id).unwrap().write(2 * number + 1).unwrap();
            }
        }
    });
    crowd.run_until("everything has arrived", |crowd| {
        crowd
            .members
            .iter()
            .all(|member| member.received.len() >= 1000)
    });
    writer.join().unwrap();
    let expected: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    for member in &crowd.members {
        assert_eq!(member.received, expected);
    }
    primus.handle().destroy(Destroy::default());
    crowd.run_until("all are gone", |crowd| {
        crowd.members.iter().all(|member| member.is_gone)
    });
    server.join().unwrap();
}

/// A handler that panics ends its spark and harms nobody else.
#[test]
fn a_panic_ends_one_spark_only() {
    let primus = Primus::builder().shards(1).build().unwrap();
    primus.on_connection(|spark| {
        spark.on_data(|spark, data| {
            assert_ne!(
                data.encoded(),
                b"\"panic\"",
                "the test makes this handler panic"
            );
            spark.write(data);
        });
    });
    let server = primus.start("127.0.0.1:0").unwrap();
    let mut crowd = Crowd::new(server.address());
    let (unlucky, other) = (crowd.join(), crowd.join());
    crowd.run_until("both are open", |crowd| {
        crowd.members.iter().all(|member| member.is_open)
    });
    crowd.write(unlucky, "\"panic\"");
    crowd.run_until("the spark has ended", |crowd| {
        crowd.members[unlucky].is_gone
    });
    crowd.write(other, "\"still here\"");
    crowd.run_until("the other one is served", |crowd| {
        crowd.members[other].received == ["\"still here\""]
    });
    assert_eq!(primus.handle().stats().handlers_panicked, 1);
    primus.handle().destroy(Destroy {
        timeout_ms: 1,
        ..Destroy::default()
    });
    crowd.run_until("all are gone", |crowd| {
        crowd.members.iter().all(|member| member.is_gone)
    });
    server.join().unwrap();
}

/// `for_each` visits every spark of every shard.
#[test]
fn for_each_visits_every_spark() {
    let primus = Primus::builder().shards(8).build().unwrap();
    let server = primus.start("127.0.0.1:0").unwrap();
    let mut crowd = Crowd::new(server.address());
    crowd.gather(40);
    primus.handle().for_each(|spark| spark.write("visited"));
    crowd.run_until("all were visited", |crowd| {
        crowd
            .members
            .iter()
            .all(|member| member.received == ["\"visited\""])
    });
    std::thread::sleep(Duration::from_millis(20));
    primus.handle().destroy(Destroy::default());
    crowd.run_until("all are gone", |crowd| {
        crowd.members.iter().all(|member| member.is_gone)
    });
    server.join().unwrap();
}

/// Whoever holds on to a spark learns from its shard whether it is still there.
#[test]
fn a_spark_that_has_ended_is_said_to_be_gone() {
    let primus = Primus::builder().shards(8).build().unwrap();
    let (tell, ids) = std::sync::mpsc::channel();
    let (tell_end, ends) = std::sync::mpsc::channel();
    primus.on_connection(move |spark| tell.send(spark.id()).unwrap());
    primus.on_disconnection(move |spark| tell_end.send(spark.id()).unwrap());
    let server = primus.start("127.0.0.1:0").unwrap();
    let mut crowd = Crowd::new(server.address());
    crowd.gather(2);
    let sparks: Vec<_> = ids.iter().take(2).collect();
    crowd.leave(0, false);
    crowd.run_until("it is gone", |crowd| crowd.members[0].is_gone);
    let gone = ends.recv().unwrap();
    for id in sparks {
        let (tell, answer) = std::sync::mpsc::channel();
        let spark = primus.spark(id).unwrap();
        spark.find(move |spark| tell.send(spark.map(|spark| spark.id())).unwrap());
        assert_eq!(answer.recv().unwrap(), (id != gone).then_some(id));
    }
    primus.destroy(Destroy::default());
    crowd.run_until("all are gone", |crowd| {
        crowd.members.iter().all(|member| member.is_gone)
    });
    server.join().unwrap();
}

/// Functions for all sparks can be attached before the start and later.
#[test]
fn functions_for_all_sparks_can_be_attached_at_any_time() {
    // A ping of the server's own would be answered, and so be one heartbeat more.
    let builder = Primus::builder().shards(8).ping_interval_ms(None);
    let primus = builder.build().unwrap();
    primus.on_data(|spark, data| _ = spark.write(data));
    let server = primus.start("127.0.0.1:0").unwrap();
    let mut crowd = Crowd::new(server.address());
    crowd.gather(16);
    primus
        .on_data(|spark, _| _ = spark.write("heard"))
        .on_heartbeat(|spark| _ = spark.write("alive"))
        .on_error(|spark, _| _ = spark.write("no value"));
    // Shards do what they are told in this order.
    primus.for_each(|spark| spark.write("ready"));
    let have_received = |count: usize| {
        move |crowd: &mut Crowd| {
            let mut members = crowd.members.iter();
            members.all(|member| member.received.len() >= count)
        }
    };
    crowd.run_until("all shards are ready", have_received(1));
    for member in 0..16 {
        for words in ["1", "\"primus::pong::1\"", "one"] {
            crowd.write(member, words);
        }
    }
    crowd.run_until("all were heard", have_received(5));
    let expected = ["\"ready\"", "1", "\"heard\"", "\"alive\"", "\"no value\""];
    for member in &crowd.members {
        assert_eq!(member.received, expected);
    }
    primus.destroy(Destroy::default());
    crowd.run_until("all are gone", |crowd| {
        crowd.members.iter().all(|member| member.is_gone)
    });
    server.join().unwrap();
}
