//! Futures of the application: streams of data, writes that wait, tasks of every kind.

use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use allspark_engine::{Attach, Destroy, Options, OwnedData, SparkError, SparkStream};
use allspark_protocol::parser::ParserKind;
use allspark_transformers::websockets::WebSockets;
use futures_util::{SinkExt, StreamExt};

use crate::stage::{Client, Stage, WIDE, frame};

/// What data may cost that waits for a stream, and what the last receive may add.
const HELD_MAX: u64 = 64 * 1024 + 256 * 1024;

type Words = Arc<Mutex<Vec<String>>>;

fn stage(attach: impl FnOnce(&Attach)) -> Stage<WebSockets> {
    pinged(None, attach)
}

fn pinged(ping_interval_ms: Option<u64>, attach: impl FnOnce(&Attach)) -> Stage<WebSockets> {
    let options = Options {
        ping_interval: ping_interval_ms.try_into().unwrap(),
        parser: ParserKind::Raw,
        ..Options::default()
    };
    Stage::new(options, WebSockets::uncompressed(1 << 20), attach)
}

fn text(data: &OwnedData) -> String {
    String::from_utf8(data.encoded().to_vec()).unwrap()
}

fn note(words: &Words, word: impl Into<String>) {
    words.lock().unwrap().push(word.into());
}

fn taken(words: &Words) -> Vec<String> {
    std::mem::take(&mut *words.lock().unwrap())
}

/// What a client was sent, without what frames it.
fn heard(client: &mut Client) -> String {
    client.read();
    let readable = client.heard.iter().filter(|byte| byte.is_ascii_graphic());
    readable.map(|byte| char::from(*byte)).collect()
}

#[test]
fn a_stream_has_all_data_in_order_and_ends_with_its_spark() {
    let words = Words::default();
    let noted = Arc::clone(&words);
    let mut stage = stage(|primus| {
        primus.on_stream(move |mut stream: SparkStream| {
            let noted = Arc::clone(&noted);
            async move {
                while let Some(data) = stream.next().await {
                    note(&noted, text(&data));
                    drop(stream.write(data).await);
                }
                note(&noted, format!("ended: {}", stream.has_ended()));
                let refused = stream.write("too late").await;
                assert!(matches!(refused, Err(SparkError::Ended)));
                assert!(stream.visit(|_| ()).await.is_none());
                note(&noted, "over");
            }
        });
    });
    let mut client = stage.upgrade("");
    let many: Vec<u8> = (0..500)
        .flat_map(|number| frame(&format!("<{number}>")))
        .collect();
    client.say(&many);
    stage.turns(20);
    let expected: String = (0..500).map(|number| format!("<{number}>")).collect();
    assert_eq!(taken(&words).concat(), expected);
    let echoed = heard(&mut client);
    let places = (0..500).map(|number| echoed.find(&format!("<{number}>")).unwrap());
    assert!(places.is_sorted(), "{echoed}");
    client.say(&frame("last"));
    client.leave();
    stage.turns(4);
    assert_eq!(taken(&words), ["last", "ended: true", "over"]);
    let stats = stage.primus.stats();
    assert_eq!((stats.handlers_panicked, stats.sparks_ended), (0, 1));
    assert_eq!((stats.bytes_held, stage.shard.connections()), (0, 0));
}

/// Data that nobody takes: the client is not listened to, nothing is lost, and the rest comes when
/// it is taken.
#[test]
fn data_that_is_not_taken_is_bounded_and_none_is_lost() {
    const COUNT: usize = 5_000;
    let words = Words::default();
    let noted = Arc::clone(&words);
    let mut stage = stage(|primus| {
        primus.on_stream(move |mut stream: SparkStream| {
            let noted = Arc::clone(&noted);
            async move {
                stream.sleep(Duration::from_millis(200)).await;
                while let Some(data) = stream.next().await {
                    note(&noted, &text(&data)[..6]);
                }
            }
        });
    });
    let client = stage.upgrade("");
    let mut most = 0;
    let all: Vec<u8> = (0..COUNT)
        .flat_map(|number| frame(&format!("{number:06}{}", "x".repeat(1000))))
        .collect();
    let mut rest = &all[..];
    for _ in 0..180 {
        rest = client.say_some(rest);
        stage.turn();
        most = most.max(stage.primus.stats().bytes_held);
    }
    assert!(most > 64 * 1024 && most < HELD_MAX, "{most} bytes held");
    assert_eq!(taken(&words).len(), 0);
    for _ in 0..400 {
        rest = client.say_some(rest);
        stage.turn();
    }
    let numbers: Vec<String> = (0..COUNT).map(|number| format!("{number:06}")).collect();
    assert!(taken(&words) == numbers, "every message once, in order");
    let stats = stage.primus.stats();
    assert_eq!((stats.bytes_held, stats.sparks_ended), (0, 0));
}

/// A client whose answer to a ping waits behind data that the application does not take.
#[test]
fn nobody_is_judged_by_an_answer_that_the_application_keeps_waiting() {
    let mut stage = pinged(Some(1_000), |primus| {
        primus.on_stream(|stream: SparkStream| async move {
            stream.sleep(Duration::from_secs(10)).await;
            stream
                .map(Ok::<_, std::convert::Infallible>)
                .forward(futures_util::sink::drain())
                .await
        });
    });
    let mut client = stage.upgrade("");
    client.set_window(WIDE);
    (0..100).for_each(|_| client.say(&frame(&"x".repeat(2_000))));
    let mut pings = 0;
    for _ in 0..12_000 {
        stage.turn();
        client.read();
        if let Some(place) = client
            .heard
            .windows(14)
            .position(|w| w == b"primus::ping::")
        {
            let time = &client.heard[place + 14..][..client.heard.len() - place - 14];
            let time: String = time
                .iter()
                .map_while(|b| b.is_ascii_digit().then(|| char::from(*b)))
                .collect();
            client.say(&frame(&format!("primus::pong::{time}")));
            client.heard.clear();
            pings += 1;
        }
    }
    let stats = stage.primus.stats();
    assert_eq!((stats.sparks_silent, stats.sparks_ended), (0, 0));
    assert!(pings >= 11, "{pings}");
    // Who says nothing at all is ended as ever.
    stage.turns(3_000);
    assert_eq!(stage.primus.stats().sparks_silent, 1);
}

#[test]
fn a_stream_that_is_dropped_lets_its_client_go_on() {
    let words = Words::default();
    let noted = Arc::clone(&words);
    let mut stage = stage(|primus| {
        primus.on_data(move |_, _| note(&noted, "data"));
        primus.on_stream(|stream: SparkStream| async move {
            stream.sleep(Duration::from_millis(100)).await;
            drop(stream);
        });
    });
    let client = stage.upgrade("");
    client.set_window(WIDE);
    (0..1_000).for_each(|_| client.say(&frame(&"x".repeat(1_000))));
    stage.turns(50);
    let paused = taken(&words).len();
    assert!((60..1_000).contains(&paused), "{paused}");
    stage.turns(100);
    assert_eq!(paused + taken(&words).len(), 1_000);
    assert_eq!(stage.primus.stats().bytes_held, 0);
}

#[test]
fn a_write_waits_while_the_client_reads_too_slowly() {
    let written = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&written);
    let mut stage = stage(|primus| {
        primus.on_stream(move |stream: SparkStream| {
            let written = Arc::clone(&counted);
            async move {
                for _ in 0..10_000 {
                    stream.write("x".repeat(1_000)).await?;
                    written.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<(), SparkError>(())
            }
        });
    });
    let mut client = stage.upgrade("");
    client.set_window(1_000);
    stage.turns(500);
    let before = written.load(Ordering::Relaxed);
    assert!(
        (500..1_100).contains(&before),
        "{before} of 1000 bytes each"
    );
    assert!(stage.primus.stats().waiting_cost_bytes < 1_200_000);
    client.set_window(WIDE);
    for _ in 0..500 {
        client.read();
        stage.turn();
    }
    assert_eq!(written.load(Ordering::Relaxed), 10_000);
    let letters = client.heard.iter().filter(|byte| **byte == b'x').count();
    assert_eq!(letters, 10_000_000, "nothing was dropped");
    let stats = stage.primus.stats();
    assert_eq!((stats.sparks_ended, stats.messages_dropped), (0, 0));
}

/// Whatever way a task takes to write, its messages have the order in which it wrote them.
#[test]
fn what_a_task_writes_keeps_its_order() {
    let mut stage = stage(|primus| {
        primus.on_stream(|stream: SparkStream| async move {
            let local = stream.spark().clone();
            stream.write("<1>").await.unwrap();
            local.primus().write("<2>").unwrap();
            local.handle().write("<3>").unwrap();
            local.write_now("<4>").unwrap();
            local.visit(|spark| spark.write("<5>")).await.unwrap();
            let asked = local.visit(|spark| {
                spark.write("<7>");
                let late = spark.local();
                late.write_now("<8>").unwrap();
                spark.write("<9>");
                drop(spark.primus().write("<10>"));
            });
            local.write_now("<6>").unwrap();
            asked.await.unwrap();
            local.clone().send("<11>").await.unwrap();
            local.end();
        });
    });
    let mut client = stage.upgrade("");
    stage.turns(8);
    let heard = heard(&mut client);
    let places = (1..=11).map(|number| {
        let word = format!("<{number}>");
        assert_eq!(heard.matches(&word).count(), 1, "{heard}");
        heard.find(&word)
    });
    assert!(places.is_sorted(), "{heard}");
}

#[test]
fn a_task_that_panics_ends_its_spark_only() {
    let mut stage = stage(|primus| {
        primus.on_stream(|mut stream: SparkStream| async move {
            while let Some(data) = stream.next().await {
                assert_ne!(data.encoded(), b"bad", "this is expected");
                drop(stream.write(data).await);
            }
        });
        primus.on_disconnection(|spark| spark.primus().spawn(async { panic!("expected, too") }));
    });
    let mut clients = stage.crowd(2);
    clients[0].say(&frame("bad"));
    stage.turns(8);
    clients[1].say(&frame("good"));
    stage.turns(4);
    assert!(clients[1].has_heard("good"));
    let stats = stage.primus.stats();
    assert_eq!((stats.handlers_panicked, stats.sparks_ended), (2, 1));
}

/// Tasks that never rest: whoever sends a message has it answered in the same turn.
#[test]
fn nobody_waits_behind_tasks_that_wake_themselves() {
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&polls);
    let mut stage = stage(|primus| {
        primus.on_connection(move |spark| {
            for _ in 0..50 {
                let polls = Arc::clone(&counted);
                spark.spawn(poll_fn(move |context| {
                    polls.fetch_add(1, Ordering::Relaxed);
                    context.waker().wake_by_ref();
                    Poll::Pending
                }));
            }
            spark.on_data(|spark, data| _ = spark.write(data));
        });
    });
    let mut clients = stage.crowd(20);
    polls.store(0, Ordering::Relaxed);
    for _ in 0..10 {
        clients
            .iter()
            .for_each(|client| client.say(&frame("hello")));
        stage.turns(3);
        for client in &mut clients {
            assert!(client.has_heard("hello"));
            client.heard.clear();
        }
    }
    assert_eq!(polls.load(Ordering::Relaxed), 30 * 256, "so many per turn");
}

/// One that gets what it wants without end.
#[test]
fn nobody_waits_behind_a_task_that_is_always_ready() {
    let mut stage = stage(|primus| {
        primus.on_connection(|spark| {
            let local = spark.local();
            spark.spawn(async move {
                loop {
                    local.sleep(Duration::ZERO).await;
                }
            });
            spark.on_data(|spark, data| _ = spark.write(data));
        });
    });
    let mut client = stage.upgrade("");
    client.say(&frame("hello"));
    stage.turns(3);
    assert!(client.has_heard("hello"));
}

#[test]
fn tasks_of_a_server_that_ends_are_dropped() {
    let kept = Arc::new(());
    let captured = Arc::clone(&kept);
    let mut stage = stage(|primus| {
        primus.on_connection(move |spark| {
            let kept = Arc::clone(&captured);
            let local = spark.local();
            spark.spawn(async move {
                let _kept = kept;
                local.sleep(Duration::from_secs(1_000)).await;
                pending::<()>().await;
            });
        });
    });
    let clients = stage.crowd(3);
    assert_eq!(Arc::strong_count(&kept), 5);
    clients.iter().for_each(Client::leave);
    stage.turns(4);
    assert_eq!(
        Arc::strong_count(&kept),
        5,
        "they go on without their sparks"
    );
    stage.primus.destroy(Destroy::default());
    stage.turns(4);
    drop(stage);
    assert_eq!(Arc::strong_count(&kept), 1);
}

/// Primus: `one.pipe(other)`.
#[test]
fn a_spark_is_piped_into_another_and_ends_it() {
    let first = Arc::<Mutex<Option<allspark_engine::SparkId>>>::default();
    let mut stage = stage(|primus| {
        primus.on_connection(move |spark| {
            let other = first.lock().unwrap().replace(spark.id());
            let Some(other) = other else {
                return;
            };
            // What a spark is piped into may be anything that takes data.
            let handle = spark.primus().spark(other).unwrap();
            let stream = spark.stream();
            spark.spawn(async move {
                let sink = futures_util::sink::unfold(handle, |handle, data: OwnedData| async {
                    handle.write(data).map(|()| handle)
                });
                drop(stream.pipe(Box::pin(sink)).await);
            });
        });
    });
    let mut clients = stage.crowd(2);
    for number in 0..300 {
        clients[1].say(&frame(&format!("<{number}>")));
    }
    stage.turns(20);
    let heard = heard(&mut clients[0]);
    let places = (0..300).map(|number| heard.find(&format!("<{number}>")).unwrap());
    assert!(places.is_sorted());
}

#[test]
fn an_echo_is_a_pipe_and_ends_with_its_spark() {
    let mut stage = stage(|primus| {
        primus.on_stream(|stream: SparkStream| {
            let sink = stream.spark().clone();
            stream.pipe(sink)
        });
    });
    let mut client = stage.upgrade("");
    client.say(&frame("hello"));
    stage.turns(4);
    assert!(client.has_heard("hello"));
    client.leave();
    stage.turns(4);
    let stats = stage.primus.stats();
    assert_eq!((stats.sparks_ended, stats.handlers_panicked), (1, 0));
}

/// An application that spawns a task for each message is not made to run any number of them.
#[test]
fn a_client_is_not_listened_to_while_its_spark_has_many_tasks() {
    let begun = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&begun);
    let mut stage = stage(|primus| {
        primus.on_data(move |spark, _| {
            let local = spark.local();
            let begun = Arc::clone(&counted);
            spark.spawn(async move {
                begun.fetch_add(1, Ordering::Relaxed);
                local.sleep(Duration::from_millis(100)).await;
            });
        });
    });
    let client = stage.upgrade("");
    let all: Vec<u8> = (0..2_000).flat_map(|_| frame(&"x".repeat(1_000))).collect();
    let mut rest = &all[..];
    for _ in 0..60 {
        rest = client.say_some(rest);
        stage.turn();
    }
    let running = begun.load(Ordering::Relaxed);
    assert!((256..257).contains(&running), "{running}");
    for _ in 0..2_000 {
        rest = client.say_some(rest);
        stage.turn();
    }
    assert_eq!(begun.load(Ordering::Relaxed), 2_000);
    assert_eq!(stage.primus.stats().sparks_ended, 0);
}
