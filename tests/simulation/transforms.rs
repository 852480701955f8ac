//! Messages go through transforms, in both directions, and keep their order.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark_engine::io::sim::SimNet;
use allspark_engine::sim::SimServer;
use allspark_engine::{Attach, Data, Options, Packet, Spark, SparkError};
use allspark_protocol::primus::PingInterval;
use allspark_transformers::websockets::WebSockets;

use crate::stage::{Client, LATENCY, Stage, frame, handshake, quiet};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn text(data: Data<'_>) -> String {
    data.parse().unwrap_or_else(|_| "no text".to_owned())
}

/// Adds a mark to the text that a packet holds.
fn mark(packet: &mut Packet<'_>, mark: &str) -> Result<(), SparkError> {
    let text = text(packet.data());
    packet.set(text + mark)
}

/// Refuses one text, and drops another one.
fn judge(packet: &Packet<'_>) -> Result<bool, &'static str> {
    match &*text(packet.raw()) {
        "refuse" => Err("refused"),
        text => Ok(text != "drop"),
    }
}

/// Notes the messages and the errors of all sparks.
fn note(primus: &Attach, log: &Log) {
    let (messages, errors) = (log.clone(), log.clone());
    primus.on_data(move |_, data| messages.note(text(data)));
    primus.on_error(move |_, error| errors.note(format!("error: {error}")));
}

/// What a client heard, frame by frame: short texts of a server, each with a head of two bytes.
fn heard(client: &mut Client) -> Vec<String> {
    client.read();
    let (mut texts, mut rest) = (Vec::new(), &client.heard[..]);
    while let [0x81, length, others @ ..] = rest {
        let (text, others) = others.split_at(usize::from(*length));
        texts.push(String::from_utf8(text.to_vec()).unwrap().replace('"', ""));
        rest = others;
    }
    client.heard.clear();
    texts
}

#[test]
fn what_comes_in_is_replaced_dropped_or_refused_before_the_application_gets_it() {
    let log = Log::default();
    let mut stage = quiet(|primus| {
        note(primus, &log);
        primus.transform_incoming(|_, packet| mark(packet, "1"));
        primus.transform_incoming(|_, packet| judge(packet));
        primus.transform_incoming(|_, packet| mark(packet, "2"));
    });
    let client = stage.upgrade("");
    let texts = ["a", "drop", "refuse", "b"].map(|text| frame(&format!("\"{text}\"")));
    client.say(&texts.concat());
    stage.turns(3);
    assert_eq!(
        log.take(),
        ["a12", "error: a transform failed: refused", "b12"]
    );
    // They are neither values nor the application's.
    client.say(&[frame("no value"), frame("\"primus::pong::1\"")].concat());
    stage.turns(3);
    let [error] = log.take().try_into().expect("one error");
    assert!(
        error.starts_with("error: the message is no value"),
        "{error}"
    );
}

#[test]
fn a_transform_knows_the_spark_that_has_sent_the_message() {
    let log = Log::default();
    let mut stage = quiet(|primus| {
        note(primus, &log);
        primus.transform_incoming(|spark: &mut Spark<'_>, packet| {
            spark.write(packet.data());
            if text(packet.data()) == "end" {
                spark.end();
            }
        });
        primus.transform_incoming(|_, packet| assert!(text(packet.data()) != "panic", "expected"));
    });
    let mut client = stage.upgrade("");
    client.say(&[frame("\"a\""), frame("\"end\""), frame("\"b\"")].concat());
    stage.turns(5);
    assert_eq!(log.take(), ["a"], "who has ended sends nothing");
    assert_eq!(heard(&mut client), ["a", "end", "primus::server::close"]);
    let client = stage.upgrade("");
    client.say(&[frame("\"panic\""), frame("\"b\"")].concat());
    stage.turns(5);
    let stats = stage.primus.stats();
    assert_eq!((stats.handlers_panicked, stats.sparks_ended), (1, 2));
    assert_eq!(log.take(), [""; 0]);
}

/// Every way to write.
#[test]
fn what_is_written_is_transformed_once_and_what_primus_says_is_not() {
    let (log, calls) = (Log::default(), Arc::<AtomicUsize>::default());
    let counted = Arc::clone(&calls);
    let mut stage = quiet(|primus| {
        let errors = log.clone();
        primus.on_error(move |_, error| errors.note(format!("error: {error}")));
        primus.transform_outgoing(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        primus.transform_outgoing(|packet| judge(packet));
        primus.transform_outgoing(|packet| mark(packet, "!"));
        let results = log.clone();
        primus.on_data(move |spark, data| {
            for text in ["drop", "refuse", &*text(data)] {
                spark.write(text);
                let handle = spark.handle();
                for result in [spark.primus().write(text), handle.write(text)] {
                    if let Err(error) = result {
                        results.note(error.to_string());
                    }
                }
            }
        });
    });
    let (mut client, mut other) = (stage.upgrade(""), stage.upgrade(""));
    client.say(&[frame("\"primus::id::\""), frame("\"a\"")].concat());
    stage.turns(5);
    let refused = "a transform failed: refused";
    assert_eq!(
        log.take(),
        [refused, refused, "error: a transform failed: refused"]
    );
    assert_eq!(calls.load(Ordering::Relaxed), 9, "the broadcast is one");
    let [id, answers @ ..] = &heard(&mut client)[..] else {
        panic!("nothing was heard");
    };
    assert!(id.starts_with("primus::id::") && !id.ends_with('!'), "{id}");
    assert_eq!(answers, ["a!"; 3]);
    assert_eq!(heard(&mut other), ["a!"]);
    stage.primus.write("from outside").unwrap();
    assert!(stage.primus.write("refuse").is_err() && stage.primus.write("drop").is_ok());
    stage.turns(3);
    assert_eq!(heard(&mut other), ["from outside!"]);
    assert_eq!(calls.load(Ordering::Relaxed), 12);
}

/// Lets so many milliseconds pass.
fn run(net: &SimNet, server: &mut SimServer<WebSockets>, ms: u64) {
    for _ in 0..ms {
        server.settle();
        net.advance_to(net.now() + Duration::from_millis(1));
    }
}

#[test]
fn one_that_knows_no_spark_is_called_once_for_all_shards() {
    let (net, calls) = (SimNet::default(), Arc::<AtomicUsize>::default());
    let (transformer, counted) = (WebSockets::uncompressed(1 << 20), Arc::clone(&calls));
    let options = Options {
        ping_interval: PingInterval::OFF,
        ..Options::default()
    };
    let mut server = SimServer::new(&net, options, &transformer, 3, 1, |primus| {
        primus.transform_outgoing(move |packet| {
            counted.fetch_add(1, Ordering::Relaxed);
            mark(packet, "!")
        });
        primus.on_data(|spark, data| _ = spark.primus().write(data));
    });
    server.settle();
    let clients: Vec<_> = (0..12)
        .map(|number| {
            let client = net.connect(number % 3, LATENCY).expect("the shard listens");
            assert!(net.send(client, handshake("").as_bytes()).is_some());
            client
        })
        .collect();
    run(&net, &mut server, 20);
    clients
        .iter()
        .for_each(|client| drop(net.receive(*client, usize::MAX)));
    net.send(clients[0], &frame("\"a\""));
    run(&net, &mut server, 20);
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    for client in clients {
        let bytes = net.receive(client, usize::MAX).unwrap_or_default();
        assert_eq!(bytes, b"\x81\x04\"a!\"");
    }
}

/// A stage on which each spark gets its own words, and a client's number makes its spark write to
/// itself and to all, in turns.
fn personal() -> Stage<WebSockets> {
    quiet(|primus| {
        let count = AtomicUsize::new(0);
        primus.on_connection(move |spark| {
            spark.set_state(count.fetch_add(1, Ordering::Relaxed));
        });
        primus.transform_outgoing_per_spark(|spark, packet| {
            let number = spark.state::<usize>().expect("each has one");
            mark(packet, &format!("@{number}"))
        });
        primus.on_data(|spark, data| {
            let name = text(data);
            for n in 0..3 {
                spark.write(format!("{name}{n}"));
                spark.primus().write(format!("all{n}")).unwrap();
            }
            // What has to wait behind a command keeps its place.
            spark.primus().for_each(|_| true);
            spark.write(format!("{name}3"));
            spark.primus().write("all3").unwrap();
        });
    })
}

#[test]
fn direct_writes_and_broadcasts_keep_their_order_where_each_spark_gets_its_own() {
    let mut stage = personal();
    let mut clients = stage.crowd(700);
    let last = clients.len() - 1;
    clients[last].say(&frame("\"me\""));
    stage.turns(20);
    for (number, client) in clients.iter_mut().enumerate() {
        let own = |n: usize| (number == last).then(|| format!("me{n}@{number}"));
        let expected: Vec<String> = (0..4)
            .flat_map(|n| own(n).into_iter().chain([format!("all{n}@{number}")]))
            .collect();
        assert_eq!(heard(client), expected, "client {number}");
    }
}

#[test]
fn a_new_spark_gets_nothing_older_and_one_that_ends_what_was_before() {
    let mut stage = personal();
    let (asker, mut leaver) = (stage.upgrade(""), stage.upgrade(""));
    asker.say(&frame("\"x\""));
    stage.turns(5);
    heard(&mut leaver);
    stage.primus.write("before").unwrap();
    stage.primus.for_each(|spark| {
        if *spark.state::<usize>().expect("each has one") == 1 {
            spark.end();
        }
        true
    });
    stage.primus.write("after").unwrap();
    let mut late = stage.upgrade("");
    stage.turns(5);
    stage.primus.write("late").unwrap();
    stage.turns(5);
    let words = heard(&mut leaver);
    assert_eq!(words.first().map(String::as_str), Some("before@1"));
    assert_eq!(
        words.last().map(String::as_str),
        Some("primus::server::close")
    );
    assert_eq!(heard(&mut late), ["late@2"]);
}

/// Until then broadcasts are frames that all share.
#[test]
fn one_that_is_attached_to_a_running_server_counts_from_then_on() {
    let mut running = None;
    let mut stage = quiet(|primus| running = Some(primus.clone()));
    let primus = running.expect("the stage calls it");
    let mut clients = stage.crowd(600);
    stage.primus.write("a").unwrap();
    stage.turn();
    primus.transform_outgoing_per_spark(|_, packet| mark(packet, "!"));
    for text in ["b", "c"] {
        stage.primus.write(text).unwrap();
    }
    stage.turns(20);
    for client in &mut clients {
        assert_eq!(heard(client), ["a", "b!", "c!"]);
    }
    let mut late = stage.upgrade("");
    stage.primus.write("d").unwrap();
    stage.turns(5);
    assert_eq!(heard(&mut late), ["d!"]);
}

/// However many broadcasts wait, and though the first panic would be met again at the next one.
#[test]
fn one_that_panics_ends_its_spark_and_no_other() {
    let log = Log::default();
    let mut stage = quiet(|primus| {
        let errors = log.clone();
        primus.on_error(move |_, error| errors.note(error.to_string()));
        primus.transform_outgoing_per_spark(|spark, packet| {
            assert!(spark.query().get("panic").is_none(), "expected");
            judge(packet)
        });
    });
    let asks = handshake("").replacen("/primus", "/primus?panic=1", 1);
    let (mut sound, mut panics) = (stage.upgrade(""), stage.connect(asks.as_bytes()));
    for text in ["a", "refuse", "b"] {
        stage.primus.write(text).unwrap();
    }
    stage.turns(5);
    assert_eq!(heard(&mut sound), ["a", "b"]);
    assert_eq!(log.take(), ["a transform failed: refused"]);
    assert!(!panics.has_heard("a\"") && !panics.has_heard("server::close"));
    let stats = stage.primus.stats();
    assert_eq!((stats.handlers_panicked, stats.sparks_ended), (1, 1));
}

/// What it writes comes after, and is transformed as well.
#[test]
fn one_that_writes_through_a_handle_is_not_called_inside_itself() {
    let depth = Arc::<AtomicUsize>::default();
    let mut stage = quiet(|primus| {
        primus.transform_outgoing_per_spark(move |spark, packet| {
            assert_eq!(depth.fetch_add(1, Ordering::Relaxed), 0, "inside itself");
            if text(packet.data()) == "a" {
                spark.handle().write("b").unwrap();
            }
            depth.fetch_sub(1, Ordering::Relaxed);
        });
        primus.on_data(|spark, data| {
            spark.write(data);
            spark.write("c");
        });
    });
    let mut client = stage.upgrade("");
    client.say(&frame("\"a\""));
    stage.turns(5);
    let mut answers = heard(&mut client);
    answers.sort_unstable();
    assert_eq!(answers, ["a", "b", "c"]);
    stage.primus.write("a").unwrap();
    stage.turns(5);
    assert_eq!(heard(&mut client), ["a", "b"]);
}
