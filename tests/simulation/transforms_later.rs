//! Transforms that take their time: what is written meanwhile keeps its order.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark_engine::io::sim::SimNet;
use allspark_engine::sim::SimServer;
use allspark_engine::{
    Attach, Data, EndOptions, Options, Packet, Plugin, PluginError, SendPolicy, Setup,
    TransformTicket, Transformed,
};
use allspark_protocol::options::Bounded;
use allspark_protocol::primus::PingInterval;
use allspark_transformers::websockets::WebSockets;

use crate::stage::{Client, LATENCY, Stage, WIDE, frame, handshake, quiet};

pub(crate) fn text(data: Data<'_>) -> String {
    data.parse().unwrap_or_default()
}

/// Tickets that transforms have taken and the test uses.
#[derive(Clone, Default)]
pub(crate) struct Tickets(Arc<Mutex<Vec<TransformTicket>>>);

impl Tickets {
    /// A transform that takes a ticket for texts that begin like this.
    pub(crate) fn taken_for(
        &self,
        prefix: &'static str,
    ) -> impl Fn(&mut Packet<'_>) -> Transformed + use<> {
        let tickets = self.clone();
        move |packet| {
            if !text(packet.data()).starts_with(prefix) {
                return Transformed::Next;
            }
            let ticket = packet.later();
            assert_eq!(text(ticket.data()), text(packet.data()));
            tickets.0.lock().unwrap().push(ticket);
            Transformed::Later
        }
    }

    /// Uses the ticket of the message that begins like this: it goes on with a mark, from another
    /// thread.
    pub(crate) fn let_go(&self, prefix: &str) {
        let mut ticket = self.take(prefix);
        let marked = text(ticket.data()) + "!";
        ticket.set(marked).unwrap();
        std::thread::spawn(|| ticket.next()).join().unwrap();
    }

    pub(crate) fn take(&self, prefix: &str) -> TransformTicket {
        let mut tickets = self.0.lock().unwrap();
        let place = tickets
            .iter()
            .position(|t| text(t.data()).starts_with(prefix));
        tickets.remove(place.expect("a ticket was taken for it"))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// What a client heard: short texts of a server, each with a head of two bytes.
pub(crate) fn heard(client: &mut Client) -> Vec<String> {
    client.read();
    texts(&std::mem::take(&mut client.heard))
}

pub(crate) fn texts(mut bytes: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    while let [0x81, length, others @ ..] = bytes {
        let (text, others) = others.split_at(usize::from(*length));
        texts.push(String::from_utf8(text.to_vec()).unwrap().replace('"', ""));
        bytes = others;
    }
    texts
}

/// Writes what a client asks for: `me..` to itself, by the spark and by a handle, `all..` to all.
fn obey(primus: &Attach) {
    primus.on_data(|spark, data| {
        for word in text(data).split(' ') {
            if word.starts_with("all") {
                spark.primus().write(word).unwrap();
            } else if word.starts_with("handle") {
                spark.handle().write(word).unwrap();
            } else {
                spark.write(word);
            }
        }
    });
}

/// A stage whose transform takes its time for what begins with one of two words.
fn stage(tickets: &Tickets) -> Stage<WebSockets> {
    quiet(|primus| {
        primus.transform_outgoing(tickets.taken_for("me-late"));
        primus.transform_outgoing(tickets.taken_for("all-late"));
        obey(primus);
    })
}

pub(crate) fn say(stage: &mut Stage<WebSockets>, client: &Client, text: &str) {
    client.say(&frame(&format!("\"{text}\"")));
    stage.turns(4);
}

#[test]
fn what_is_written_to_a_spark_waits_behind_it_and_other_sparks_do_not() {
    let tickets = Tickets::default();
    let mut stage = stage(&tickets);
    let (mut one, mut other) = (stage.upgrade(""), stage.upgrade(""));
    say(&mut stage, &one, "me1 me-late2 me3 handle4 me-late5 me6");
    say(&mut stage, &other, "me7");
    assert_eq!(
        (heard(&mut one), heard(&mut other)),
        (vec!["me1".into()], vec!["me7".into()])
    );
    tickets.let_go("me-late5");
    stage.turns(4);
    assert_eq!(heard(&mut one), [""; 0]);
    tickets.let_go("me-late2");
    stage.turns(4);
    assert_eq!(
        heard(&mut one),
        ["me-late2!", "me3", "handle4", "me-late5!", "me6"]
    );
    say(&mut stage, &one, "me8");
    assert_eq!(heard(&mut one), ["me8"]);
}

#[test]
fn direct_writes_and_broadcasts_keep_one_order() {
    let tickets = Tickets::default();
    let mut stage = stage(&tickets);
    let (mut one, mut other) = (stage.upgrade(""), stage.upgrade(""));
    say(&mut stage, &one, "all-late1 me2 all3 handle4 me-late5 all6");
    say(&mut stage, &other, "me7");
    stage.primus.write("all8").unwrap();
    stage.turns(4);
    assert_eq!((heard(&mut one), heard(&mut other)), (vec![], vec![]));
    tickets.let_go("all-late1");
    stage.turns(4);
    assert_eq!(heard(&mut one), ["all-late1!", "me2", "all3", "handle4"]);
    assert_eq!(
        heard(&mut other),
        ["all-late1!", "all3"],
        "all6 was before me7"
    );
    tickets.let_go("me-late5");
    stage.turns(4);
    assert_eq!(heard(&mut one), ["me-late5!", "all6", "all8"]);
    assert_eq!(heard(&mut other), ["all6", "me7", "all8"]);
}

/// One ticket for all shards, and the order that one writer has on each of them.
#[test]
fn a_broadcast_over_all_shards_takes_one_ticket() {
    let (net, tickets) = (SimNet::default(), Tickets::default());
    let transformer = WebSockets::uncompressed(1 << 20);
    let options = Options {
        ping_interval: PingInterval::OFF,
        ..Options::default()
    };
    let mut server = SimServer::new(&net, options, &transformer, 3, 1, |primus| {
        primus.transform_outgoing(tickets.taken_for("all-late"));
        obey(primus);
    });
    let run = |server: &mut SimServer<WebSockets>| {
        for _ in 0..20 {
            server.settle();
            net.advance_to(net.now() + Duration::from_millis(1));
        }
    };
    run(&mut server);
    let clients: Vec<_> = (0..6)
        .map(|number| {
            let client = net.connect(number % 3, LATENCY).expect("the shard listens");
            assert!(net.send(client, handshake("").as_bytes()).is_some());
            client
        })
        .collect();
    run(&mut server);
    clients
        .iter()
        .for_each(|client| drop(net.receive(*client, usize::MAX)));
    net.send(clients[0], &frame("\"all1 all-late2 all3\""));
    run(&mut server);
    // Another writer, whose messages come behind those that were written before.
    server.handle().write("all-late4").unwrap();
    server.handle().write("all5").unwrap();
    run(&mut server);
    assert_eq!(tickets.count(), 2);
    tickets.let_go("all-late4");
    run(&mut server);
    tickets.let_go("all-late2");
    run(&mut server);
    for client in clients {
        let bytes = net.receive(client, usize::MAX).unwrap_or_default();
        let expected = ["all1", "all-late2!", "all3", "all-late4!", "all5"];
        assert_eq!(texts(&bytes), expected);
    }
}

#[test]
fn a_ticket_may_drop_or_refuse_its_message_or_be_forgotten() {
    let tickets = Tickets::default();
    let errors = Arc::<Mutex<Vec<String>>>::default();
    let noted = Arc::clone(&errors);
    let mut stage = stage(&tickets);
    stage.primus.for_each(|_| true);
    let mut client = stage.upgrade("");
    stage.primus.for_each(move |spark| {
        let noted = Arc::clone(&noted);
        spark.on_error(move |_, error| noted.lock().unwrap().push(error.to_string()));
        true
    });
    stage.turns(3);
    say(
        &mut stage,
        &client,
        "me-late1 me-late2 me-late3 all-late4 me5",
    );
    tickets.take("me-late1").drop_message();
    tickets.take("me-late2").fail("no");
    drop(tickets.take("me-late3"));
    stage.turns(4);
    assert_eq!(heard(&mut client), [""; 0]);
    tickets.take("all-late4").fail("not to all");
    stage.turns(4);
    assert_eq!(heard(&mut client), ["me5"]);
    let expected = [
        "a transform failed: no",
        "a transform failed: the ticket of a transform was dropped",
    ];
    assert_eq!(*errors.lock().unwrap(), expected);
}

/// A transform that uses its ticket itself, and two that take one each for the same message.
#[test]
fn tickets_are_used_at_once_and_one_after_the_other() {
    let tickets = Tickets::default();
    let mut stage = quiet(|primus| {
        primus.transform_outgoing(|packet| {
            let mut ticket = packet.later();
            let marked = text(ticket.data()) + "?";
            ticket.set(marked).unwrap();
            ticket.next();
            Transformed::Later
        });
        primus.transform_outgoing(tickets.taken_for("me-late"));
        primus.transform_outgoing(tickets.taken_for("me-late"));
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
fn who_takes_its_time_without_a_ticket_is_refused() {
    let errors = Arc::<Mutex<Vec<String>>>::default();
    let noted = Arc::clone(&errors);
    let mut stage = quiet(|primus| {
        primus.on_error(move |_, error| noted.lock().unwrap().push(error.to_string()));
        primus.transform_outgoing(|packet| match &*text(packet.data()) {
            "me1" => Transformed::Later,
            _ => Transformed::Next,
        });
        primus.transform_outgoing_per_spark(|_, _| Transformed::Later);
        obey(primus);
    });
    let mut client = stage.upgrade("");
    say(&mut stage, &client, "me1 me2");
    assert_eq!(heard(&mut client), [""; 0]);
    let without = "a transform failed: a transform takes its time without a ticket";
    assert_eq!(*errors.lock().unwrap(), [without; 2]);
}

/// More than may wait, for one client.
#[test]
fn what_waits_for_one_client_is_bounded_by_its_policy() {
    for (send_policy, is_open) in [
        (SendPolicy::Disconnect, false),
        (SendPolicy::DropNewest, true),
    ] {
        let tickets = Tickets::default();
        let options = Options {
            ping_interval: PingInterval::OFF,
            send_queue_bytes_max: Bounded::of(1_000),
            send_policy,
            ..Options::default()
        };
        let transformer = WebSockets::uncompressed(1 << 20);
        let mut stage = Stage::new(options, transformer, |primus| {
            primus.transform_outgoing(tickets.taken_for("me-late"));
            obey(primus);
        });
        let (client, mut other) = (stage.upgrade(""), stage.upgrade(""));
        say(&mut stage, &client, "me-late");
        let mut count = 0;
        while client.is_open() && count < 100 {
            say(&mut stage, &client, "me-later-and-later");
            count += 1;
        }
        say(&mut stage, &other, "me");
        assert_eq!(heard(&mut other), ["me"], "it waits for nobody");
        assert_eq!(client.is_open(), is_open);
        let stats = stage.primus.stats();
        assert_eq!(stats.sparks_ended, u64::from(!is_open));
        assert_eq!(stats.messages_dropped > 0, is_open);
    }
}

/// A ticket is used when nobody is there any more.
#[test]
fn the_end_of_a_spark_lets_everything_go_on() {
    let tickets = Tickets::default();
    let mut stage = stage(&tickets);
    let (one, mut other) = (stage.upgrade(""), stage.upgrade(""));
    say(&mut stage, &one, "me-late1 all2");
    assert_eq!(
        heard(&mut other),
        [""; 0],
        "the broadcast must not overtake"
    );
    one.leave();
    stage.turns(4);
    assert_eq!(heard(&mut other), ["all2"]);
    say(&mut stage, &other, "all-late3");
    stage
        .primus
        .for_each(|spark| spark.end_with(EndOptions { reconnect: true }));
    stage.turns(4);
    assert_eq!(stage.primus.connected(), 0);
    drop(stage);
    tickets.let_go("me-late1");
    tickets.let_go("all-late3");
}

/// A stage whose incoming transforms take their time for what begins with one word, twice.
fn asking(tickets: &Tickets, options: Options) -> Stage<WebSockets> {
    Stage::new(options, WebSockets::uncompressed(1 << 20), |primus| {
        primus.transform_incoming(|_, packet| {
            // A ticket that is used at once, and one that is not used.
            let ticket = packet.later();
            if text(ticket.data()).starts_with("at-once") {
                ticket.next();
                return Transformed::Later;
            }
            Transformed::Next
        });
        primus.transform_outgoing(tickets.taken_for("answer"));
        for _ in 0..2 {
            let take = tickets.taken_for("late");
            primus.transform_incoming(move |_, packet| take(packet));
        }
        primus.transform_incoming(|_, packet| match text(packet.data()).as_str() {
            "refuse" => Err("refused"),
            _ => Ok(()),
        });
        primus.on_error(|spark, error| _ = spark.write(format!("error: {error}")));
        primus.on_data(|spark, data| _ = spark.write(data));
    })
}

fn without_pings() -> Options {
    Options {
        ping_interval: PingInterval::OFF,
        ..Options::default()
    }
}

#[test]
fn what_a_client_sends_waits_behind_it_and_other_clients_do_not() {
    let tickets = Tickets::default();
    let mut stage = asking(&tickets, without_pings());
    let (mut one, mut other) = (stage.upgrade(""), stage.upgrade(""));
    for text in ["a", "late1", "b", "refuse", "late2", "at-once", "c"] {
        one.say(&frame(&format!("\"{text}\"")));
    }
    say(&mut stage, &other, "d");
    assert_eq!(
        (heard(&mut one), heard(&mut other)),
        (vec!["a".into()], vec!["d".into()])
    );
    tickets.let_go("late1");
    stage.turns(4);
    assert_eq!((heard(&mut one), tickets.count()), (vec![], 1), "twice");
    tickets.let_go("late1!");
    stage.turns(4);
    let refused = "error: a transform failed: refused";
    assert_eq!(heard(&mut one), ["late1!!", "b", refused]);
    tickets.take("late2").drop_message();
    stage.turns(4);
    assert_eq!(heard(&mut one), ["at-once", "c"]);
    say(&mut stage, &one, "late3");
    drop(tickets.take("late3"));
    say(&mut stage, &one, "e");
    let dropped = "error: a transform failed: the ticket of a transform was dropped";
    assert_eq!(heard(&mut one), [dropped, "e"]);
}

/// Pongs are messages of Primus, which wait for no transform.
#[test]
fn a_client_whose_message_waits_is_alive() {
    let tickets = Tickets::default();
    let mut stage = asking(&tickets, without_pings());
    let mut client = stage.upgrade("");
    say(&mut stage, &client, "late1");
    say(&mut stage, &client, "primus::id::");
    assert!(client.has_heard("primus::id::"));
}

/// A client that goes on sending is not listened to, loses nothing, and holds nobody up: neither
/// while what it sends waits, nor while what it is answered does.
#[test]
fn who_sends_while_its_messages_wait_is_not_listened_to() {
    const MESSAGES: usize = 2_000;
    for prefix in ["late", "answer"] {
        let tickets = Tickets::default();
        let mut stage = asking(&tickets, without_pings());
        let (mut one, mut other) = (stage.upgrade(""), stage.upgrade(""));
        one.set_window(WIDE);
        say(&mut stage, &one, prefix);
        for number in 0..MESSAGES {
            let text = format!("\"{number} {}\"", "x".repeat(1_000));
            one.say(&frame(&text));
            stage.turn();
        }
        assert!(stage.primus.stats().bytes_held < 512 * 1024, "{prefix}");
        say(&mut stage, &other, "a");
        assert_eq!(heard(&mut other), ["a"]);
        while tickets.count() > 0 {
            tickets.let_go(prefix);
            stage.turns(4);
        }
        stage.turns(100);
        one.read();
        let heard = String::from_utf8_lossy(&one.heard).into_owned();
        let numbers = heard.split('"').filter_map(|text| text.split_once(" x"));
        let numbers: Vec<usize> = numbers.map(|(number, _)| number.parse().unwrap()).collect();
        assert_eq!(numbers, (0..MESSAGES).collect::<Vec<_>>(), "{prefix}");
        assert_eq!(stage.primus.stats().bytes_held, 0);
    }
}

#[test]
fn a_client_that_leaves_takes_what_waits_along() {
    let tickets = Tickets::default();
    let mut stage = asking(&tickets, without_pings());
    let one = stage.upgrade("");
    say(&mut stage, &one, "late");
    say(&mut stage, &one, "a");
    one.leave();
    stage.turns(4);
    // The same place, with another spark.
    let mut other = stage.upgrade("");
    say(&mut stage, &other, "b");
    tickets.let_go("late");
    stage.turns(4);
    assert_eq!((heard(&mut other), tickets.count()), (vec!["b".into()], 0));
}

/// What has an incoming transform that takes its time, and can be removed.
struct Late(Tickets);

impl Plugin for Late {
    fn name(&self) -> &str {
        "late"
    }

    fn server(&self, setup: &mut Setup<'_>) -> Result<(), PluginError> {
        let take = self.0.taken_for("late");
        setup.transform_incoming(move |_, packet: &mut Packet<'_>| take(packet));
        Ok(())
    }
}

/// What waits goes through the transforms that were there when it came, each of them once.
fn assert_goes_on_as_it_began(comes_back: bool) {
    let (tickets, mut running) = (Tickets::default(), None);
    let mut stage = quiet(|primus| {
        running = Some(primus.clone());
        let late = Arc::new(Late(tickets.clone()));
        primus.plugin(late).unwrap();
        primus.transform_incoming(|_, packet| packet.set(text(packet.data()) + "+"));
        primus.on_data(|spark, data| _ = spark.write(data));
    });
    let primus = running.expect("the stage calls it");
    let mut client = stage.upgrade("");
    say(&mut stage, &client, "late1");
    say(&mut stage, &client, "a");
    assert!(primus.plugout("late").is_some());
    if comes_back {
        primus.plugin(Arc::new(Late(tickets.clone()))).unwrap();
    }
    stage.turns(4);
    tickets.let_go("late1");
    stage.turns(4);
    assert_eq!(tickets.count(), 0, "a transform was called twice");
    assert_eq!(heard(&mut client), ["late1!+", "a+"]);
    // What comes from then on goes through those of today.
    say(&mut stage, &client, "late2");
    assert_eq!(heard(&mut client).is_empty(), comes_back);
    assert_eq!(tickets.count(), usize::from(comes_back));
}

#[test]
fn no_transform_is_left_out_although_one_is_removed_meanwhile() {
    assert_goes_on_as_it_began(false);
}

#[test]
fn no_transform_is_called_twice_although_it_comes_back_meanwhile() {
    assert_goes_on_as_it_began(true);
}
