//! Transforms that know the spark and take their time: what is written to one spark meanwhile is
//! held back, and no other spark waits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use allspark_engine::limits::SPARKS_PER_TURN;
use allspark_engine::{
    Attach, EndOptions, Options, Packet, Plugin, PluginError, SendPolicy, Setup, Spark, SparkError,
    SparkStream, Transformed,
};
use allspark_protocol::options::Bounded;
use allspark_protocol::primus::PingInterval;
use allspark_transformers::websockets::WebSockets;

use crate::stage::{Client, Stage, WIDE, frame, quiet};
use crate::transforms_later::{Tickets, heard, say, text};

/// Writes what a client asks for: `me..` to itself, by the spark and by a handle, `all..` to all,
/// `room..` to a room in which everybody is.
fn obey(primus: &Attach) {
    primus.on_connection(|spark| spark.join("all").unwrap());
    primus.on_data(|spark, data| {
        for word in text(data).split(' ') {
            if word.starts_with("all") {
                spark.primus().write(word).unwrap();
            } else if word.starts_with("room") {
                spark.primus().room("all").write(word).unwrap();
            } else if word.starts_with("handle") {
                spark.handle().write(word).unwrap();
            } else {
                spark.write(word);
            }
        }
    });
}

/// Takes tickets for what begins like this.
fn take_for(primus: &Attach, tickets: &Tickets, prefix: &'static str) {
    let take = tickets.taken_for(prefix);
    primus.transform_outgoing_per_spark(move |_, packet| take(packet));
}

fn stage(tickets: &Tickets) -> Stage<WebSockets> {
    quiet(|primus| {
        take_for(primus, tickets, "me-late");
        obey(primus);
    })
}

fn without_pings() -> Options {
    Options {
        ping_interval: PingInterval::OFF,
        ..Options::default()
    }
}

/// Gives each spark a number, with which it marks what begins like this.
fn number_sparks(primus: &Attach, prefix: &'static str) {
    let count = AtomicUsize::new(0);
    primus.on_connection(move |spark| {
        spark.set_state(count.fetch_add(1, Ordering::Relaxed));
    });
    primus.transform_outgoing_per_spark(move |spark: &Spark<'_>, packet: &mut Packet<'_>| {
        let text = text(packet.data());
        match (text.starts_with(prefix), spark.state::<usize>()) {
            (true, Some(number)) => packet.set(format!("{text}@{number}")),
            _ => Ok(()),
        }
    });
}

#[test]
fn whatever_is_written_to_a_spark_waits_and_other_sparks_do_not() {
    let tickets = Tickets::default();
    let mut stage = stage(&tickets);
    let (mut one, mut other) = (stage.upgrade(""), stage.upgrade(""));
    let words = "me1 me-late2 me3 handle4 all5 me-late6 room7 all8 me9";
    say(&mut stage, &one, words);
    assert_eq!(heard(&mut one), ["me1"]);
    assert_eq!(heard(&mut other), ["all5", "room7", "all8"]);
    assert_eq!(tickets.count(), 1, "what waits was not asked about yet");
    tickets.let_go("me-late2");
    stage.turns(4);
    assert_eq!(heard(&mut one), ["me-late2!", "me3", "handle4", "all5"]);
    say(&mut stage, &other, "me10");
    assert_eq!(heard(&mut other), ["me10"]);
    tickets.let_go("me-late6");
    stage.turns(4);
    assert_eq!(heard(&mut one), ["me-late6!", "room7", "all8", "me9"]);
    say(&mut stage, &one, "me11");
    assert_eq!(heard(&mut one), ["me11"]);
    assert_eq!(stage.primus.stats().bytes_held, 0);
}

#[test]
fn a_broadcast_takes_a_ticket_for_each_spark() {
    let tickets = Tickets::default();
    let mut stage = quiet(|primus| {
        number_sparks(primus, "all");
        take_for(primus, &tickets, "all-late");
        obey(primus);
    });
    let mut clients: Vec<Client> = (0..3).map(|_| stage.upgrade("")).collect();
    for text in ["all1", "all-late2", "all3"] {
        stage.primus.write(text).unwrap();
    }
    stage.turns(4);
    let mut late = stage.upgrade("");
    stage.primus.write("all4").unwrap();
    stage.turns(4);
    assert_eq!(tickets.count(), 3);
    assert_eq!(heard(&mut late), ["all4@3"], "it has nothing to wait for");
    for number in [1, 0] {
        tickets.let_go(&format!("all-late2@{number}"));
        stage.turns(4);
        let own = |text: &str| format!("{text}@{number}");
        let late = format!("{}!", own("all-late2"));
        let expected = [own("all1"), late, own("all3"), own("all4")];
        assert_eq!(heard(&mut clients[number]), expected);
    }
    assert_eq!(heard(&mut clients[2]), ["all1@2"]);
}

/// A ticket that a transform uses itself, and two that take one each for the same message.
#[test]
fn tickets_are_used_at_once_and_one_after_the_other() {
    let tickets = Tickets::default();
    let mut stage = quiet(|primus| {
        primus.transform_outgoing_per_spark(|_, packet| {
            let mut ticket = packet.later();
            let marked = text(ticket.data()) + "?";
            ticket.set(marked).unwrap();
            ticket.next();
            Transformed::Later
        });
        take_for(primus, &tickets, "me-late");
        take_for(primus, &tickets, "me-late");
        obey(primus);
    });
    let mut client = stage.upgrade("");
    say(&mut stage, &client, "me1 me-late2 me3");
    assert_eq!(heard(&mut client), ["me1?"]);
    tickets.let_go("me-late2?");
    stage.turns(4);
    assert_eq!((heard(&mut client), tickets.count()), (vec![], 1));
    tickets.let_go("me-late2?!");
    stage.turns(4);
    assert_eq!(heard(&mut client), ["me-late2?!!", "me3?"]);
}

#[test]
fn a_ticket_may_drop_or_refuse_its_message_or_be_forgotten() {
    let tickets = Tickets::default();
    let errors = Arc::<Mutex<Vec<String>>>::default();
    let noted = Arc::clone(&errors);
    let mut stage = quiet(|primus| {
        primus.on_error(move |_, error| noted.lock().unwrap().push(error.to_string()));
        for prefix in ["me-late", "all-late"] {
            take_for(primus, &tickets, prefix);
        }
        obey(primus);
    });
    let mut client = stage.upgrade("");
    say(
        &mut stage,
        &client,
        "me-late1 me-late2 me-late3 all-late4 me5",
    );
    tickets.take("me-late1").drop_message();
    stage.turns(2);
    tickets.take("me-late2").fail("no");
    stage.turns(2);
    drop(tickets.take("me-late3"));
    stage.turns(2);
    assert_eq!(heard(&mut client), [""; 0]);
    tickets.take("all-late4").fail("not to this one");
    stage.turns(2);
    assert_eq!(heard(&mut client), ["me5"]);
    let expected = [
        "a transform failed: no",
        "a transform failed: the ticket of a transform was dropped",
        "a transform failed: not to this one",
    ];
    assert_eq!(*errors.lock().unwrap(), expected);
    assert_eq!(stage.primus.stats().sparks_ended, 0);
}

/// A transform behind the one that takes its time refuses, and panics.
#[test]
fn what_comes_behind_the_ticket_may_fail_too() {
    let tickets = Tickets::default();
    let errors = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&errors);
    let mut stage = quiet(|primus| {
        primus.on_error(move |_, _| _ = counted.fetch_add(1, Ordering::Relaxed));
        take_for(primus, &tickets, "me-late");
        primus.transform_outgoing_per_spark(|_, packet| match &*text(packet.data()) {
            "me-late1!" => Err("refused"),
            "me-late3!" => panic!("expected"),
            _ => Ok(()),
        });
        obey(primus);
    });
    let (mut client, mut other) = (stage.upgrade(""), stage.upgrade(""));
    say(&mut stage, &client, "me-late1 me2 me-late3 me4");
    tickets.let_go("me-late1");
    stage.turns(4);
    assert_eq!(heard(&mut client), ["me2"]);
    tickets.let_go("me-late3");
    stage.turns(4);
    assert!(!client.has_heard("me4"));
    say(&mut stage, &other, "me5");
    assert_eq!(heard(&mut other), ["me5"]);
    let stats = stage.primus.stats();
    assert_eq!((stats.handlers_panicked, stats.sparks_ended), (1, 1));
    assert_eq!((errors.load(Ordering::Relaxed), stats.bytes_held), (1, 0));
}

/// As in Primus, what waits when a spark ends is not sent.
#[test]
fn the_end_of_a_spark_drops_what_waits_for_it() {
    let tickets = Tickets::default();
    let mut stage = stage(&tickets);
    let words = "me1 me-late2 me3 all4";
    let (mut ends, leaves, mut stays) = (stage.upgrade(""), stage.upgrade(""), stage.upgrade(""));
    for client in [&ends, &leaves] {
        say(&mut stage, client, words);
    }
    assert_eq!((tickets.count(), heard(&mut stays).len()), (2, 2));
    leaves.leave();
    stage.turns(4);
    assert_eq!(stage.primus.stats().sparks_ended, 1);
    stage.primus.for_each(|spark| {
        spark.end();
        true
    });
    stage.turns(4);
    // The same places, with other sparks.
    let mut others = [stage.upgrade(""), stage.upgrade("")];
    for _ in 0..2 {
        tickets.let_go("me-late2");
    }
    stage.turns(4);
    assert_eq!(heard(&mut ends), ["me1", "primus::server::close"]);
    for other in &mut others {
        say(&mut stage, other, "me5");
        assert_eq!(heard(other), ["me5"]);
    }
    assert_eq!(stage.primus.stats().bytes_held, 0);
}

#[test]
fn tickets_may_outlive_their_server() {
    let tickets = Tickets::default();
    let mut stage = stage(&tickets);
    let client = stage.upgrade("");
    say(&mut stage, &client, "me-late1 me2");
    stage
        .primus
        .for_each(|spark| spark.end_with(EndOptions { reconnect: true }));
    stage.turns(4);
    drop(stage);
    tickets.let_go("me-late1");
}

/// More than may wait, for one client: direct writes and broadcasts are charged alike.
#[test]
fn what_waits_for_one_client_is_bounded_by_the_policy() {
    const COUNT: usize = 100;
    for policy in [
        SendPolicy::Disconnect,
        SendPolicy::DropNewest,
        SendPolicy::DropOldest,
        SendPolicy::KeepLatest,
    ] {
        let tickets = Tickets::default();
        let options = Options {
            send_queue_bytes_max: Bounded::of(1_000),
            send_policy: policy,
            ..without_pings()
        };
        let transformer = WebSockets::uncompressed(1 << 20);
        let mut stage = Stage::new(options, transformer, |primus| {
            take_for(primus, &tickets, "me-late");
            obey(primus);
        });
        let (mut client, mut other) = (stage.upgrade(""), stage.upgrade(""));
        say(&mut stage, &client, "me-late");
        for number in 0..COUNT {
            match number % 2 {
                0 => stage.primus.write(format!("all{number}")).unwrap(),
                _ if client.is_open() => say(&mut stage, &client, &format!("me{number}")),
                _ => {}
            }
            stage.turns(2);
            other.read();
        }
        assert!(other.has_heard("all98"), "it waits for nobody");
        let stats = stage.primus.stats();
        assert!(stats.bytes_held <= 1_000, "{policy}: {}", stats.bytes_held);
        let ends = policy == SendPolicy::Disconnect;
        assert_eq!((client.is_open(), stats.sparks_ended), (!ends, ends.into()));
        assert_eq!(stats.messages_dropped == 0, ends);
        tickets.let_go("me-late");
        stage.turns(4);
        let heard = heard(&mut client);
        let number = |text: &String| text.trim_start_matches(char::is_alphabetic).parse().ok();
        let numbers: Vec<usize> = heard.iter().filter_map(number).collect();
        let len = numbers.len();
        match policy {
            SendPolicy::Disconnect => assert_eq!(heard, [""; 0]),
            SendPolicy::DropNewest => assert!(numbers.into_iter().eq(0..len), "{heard:?}"),
            SendPolicy::DropOldest | SendPolicy::KeepLatest => {
                assert!(numbers.into_iter().eq(COUNT - len..COUNT), "{heard:?}");
            }
        }
        assert_eq!((1..40).contains(&len), !ends, "{policy}: {len}");
        assert_eq!(stage.primus.stats().bytes_held, 0);
    }
}

#[test]
fn a_client_whose_messages_wait_is_alive() {
    let tickets = Tickets::default();
    let options = Options {
        ping_interval: Some(1_000).try_into().unwrap(),
        ..Options::default()
    };
    let transformer = WebSockets::uncompressed(1 << 20);
    let mut stage = Stage::new(options, transformer, |primus| {
        take_for(primus, &tickets, "me-late");
        obey(primus);
    });
    let mut client = stage.upgrade("");
    say(&mut stage, &client, "me-late1 me2");
    client.say(&frame("\"primus::id::\""));
    stage.turns(1_200);
    assert!(client.has_heard("primus::id::") && client.has_heard("primus::ping::"));
    assert!(!client.has_heard("me"));
    tickets.let_go("me-late1");
    stage.turns(4);
    assert!(client.has_heard("me-late1!") && client.has_heard("me2"));
}

/// A client that goes on asking is not listened to, loses nothing, and holds nobody up.
#[test]
fn who_asks_while_its_answers_wait_is_not_listened_to() {
    const MESSAGES: usize = 2_000;
    let tickets = Tickets::default();
    let mut stage = stage(&tickets);
    let (mut one, mut other) = (stage.upgrade(""), stage.upgrade(""));
    one.set_window(WIDE);
    say(&mut stage, &one, "me-late");
    for number in 0..MESSAGES {
        one.say(&frame(&format!("\"me{number}/{}\"", "x".repeat(1_000))));
        stage.turn();
    }
    assert!(stage.primus.stats().bytes_held < 512 * 1024);
    say(&mut stage, &other, "me");
    assert_eq!(heard(&mut other), ["me"]);
    tickets.let_go("me-late");
    stage.turns(100);
    one.read();
    let heard = String::from_utf8_lossy(&one.heard).into_owned();
    let numbers = heard.split("\"me").filter_map(|text| text.split_once('/'));
    let numbers: Vec<usize> = numbers.map(|(number, _)| number.parse().unwrap()).collect();
    assert_eq!(numbers, (0..MESSAGES).collect::<Vec<_>>());
    assert_eq!(stage.primus.stats().bytes_held, 0);
}

/// What waited is transformed in portions, so that nobody waits for it.
#[test]
fn what_was_held_back_goes_on_in_portions() {
    const COUNT: usize = 5 * SPARKS_PER_TURN;
    let (tickets, calls) = (Tickets::default(), Arc::<AtomicUsize>::default());
    let counted = Arc::clone(&calls);
    let mut stage = quiet(|primus| {
        take_for(primus, &tickets, "me-late");
        primus.transform_outgoing_per_spark(move |_, _| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        primus.on_data(|spark, _| {
            spark.write("me-late");
            (0..COUNT).for_each(|number| _ = spark.write(number));
        });
    });
    let mut client = stage.upgrade("");
    client.set_window(WIDE);
    say(&mut stage, &client, "go");
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    tickets.let_go("me-late");
    let mut called = 0;
    for turns in 0.. {
        stage.turn();
        let now = calls.load(Ordering::Relaxed);
        assert!(now - called <= SPARKS_PER_TURN, "{}", now - called);
        called = now;
        if called > COUNT {
            break;
        }
        assert!(turns < 10, "it goes on in each turn");
    }
    stage.turns(2);
    let expected = (0..COUNT).map(|number| number.to_string());
    assert!(heard(&mut client).into_iter().skip(1).eq(expected));
}

/// What has a transform that takes its time, and can be removed.
struct Slow(Tickets);

impl Plugin for Slow {
    fn name(&self) -> &str {
        "slow"
    }

    fn server(&self, setup: &mut Setup<'_>) -> Result<(), PluginError> {
        let take = self.0.taken_for("me-late");
        setup.transform_outgoing_per_spark(move |_: &Spark<'_>, packet: &mut Packet<'_>| {
            take(packet)
        });
        Ok(())
    }
}

#[test]
fn order_is_kept_although_the_transform_is_removed_meanwhile() {
    let (tickets, mut running) = (Tickets::default(), None);
    let mut stage = quiet(|primus| {
        running = Some(primus.clone());
        obey(primus);
    });
    let primus = running.expect("the stage calls it");
    primus.plugin(Arc::new(Slow(tickets.clone()))).unwrap();
    stage.turns(2);
    let (mut one, mut other) = (stage.upgrade(""), stage.upgrade(""));
    say(&mut stage, &one, "me-late1 me2 all3");
    assert!(primus.plugout("slow").is_some());
    say(&mut stage, &one, "me4 all5 room6 me-late7 me8");
    assert_eq!(heard(&mut one), [""; 0]);
    assert_eq!(heard(&mut other), ["all3", "all5", "room6"]);
    tickets.let_go("me-late1");
    stage.turns(4);
    let expected = "me-late1! me2 all3 me4 all5 room6 me-late7 me8";
    assert_eq!(heard(&mut one).join(" "), expected);
    say(&mut stage, &one, "all9 me10");
    assert_eq!(heard(&mut one), ["all9", "me10"]);
}

/// A task that waits for room waits for what is held back, too.
#[test]
fn a_write_that_waits_for_room_waits_for_the_transform() {
    const COUNT: usize = 10_000;
    let (tickets, written) = (Tickets::default(), Arc::<AtomicUsize>::default());
    let counted = Arc::clone(&written);
    let mut stage = quiet(|primus| {
        take_for(primus, &tickets, "me-late");
        primus.on_stream(move |stream: SparkStream| {
            let written = Arc::clone(&counted);
            async move {
                stream.write("me-late").await?;
                for _ in 0..COUNT {
                    stream.write("x".repeat(1_000)).await?;
                    written.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<(), SparkError>(())
            }
        });
    });
    let mut client = stage.upgrade("");
    client.set_window(WIDE);
    stage.turns(500);
    let before = written.load(Ordering::Relaxed);
    assert!((500..1_100).contains(&before), "{before} of 1000 bytes");
    assert!(stage.primus.stats().bytes_held < 1_300_000);
    tickets.let_go("me-late");
    for _ in 0..1_000 {
        client.read();
        stage.turn();
    }
    let letters = client.heard.iter().filter(|byte| **byte == b'x').count();
    assert_eq!(letters, COUNT * 1_000, "nothing was dropped");
    let stats = stage.primus.stats();
    assert_eq!((stats.sparks_ended, stats.bytes_held), (0, 0));
}
