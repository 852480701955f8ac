//! The cases.

use allspark_protocol::Dice;
use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::{End, Kind};

use super::{Act, Case, ClientEvent, Content, Rig, Seen, Setup, SparkEvent};

/// What Primus sends before an end after which the client shall not reconnect.
const SERVER_CLOSE: &str = "primus::server::close";

/// Milliseconds between two pings, where a case needs them: long enough for a machine that is busy.
const PING_INTERVAL_MS: u64 = 2_500;

/// Bytes of the longest message where a case bounds it.
const MESSAGE_BYTES_MAX: usize = 1_000;

/// Bytes that may wait to be sent where a case bounds them.
const SEND_QUEUE_BYTES_MAX: usize = 256 * 1024;

/// What is written to a client that does not read, per turn and in all. The kernel takes some MiB
/// before it says that the client does not read.
const FLOOD_MESSAGE_BYTES: usize = 64 * 1024;
const FLOOD_BYTES_MAX: usize = 256 * 1024 * 1024;

/// All cases.
pub fn cases<R: Rig>() -> Vec<Case<R>> {
    let plain = Setup::default;
    let heartbeat = || Setup {
        ping_interval: Some(PING_INTERVAL_MS).try_into().unwrap(),
        ..plain()
    };
    let short_messages = || Setup {
        message_bytes_max: MESSAGE_BYTES_MAX.try_into().unwrap(),
        ..plain()
    };
    let short_queue = || Setup {
        send_queue_bytes_max: SEND_QUEUE_BYTES_MAX,
        ..plain()
    };
    let case = |name, setup, run: fn(&mut R)| Case { name, setup, run };
    vec![
        case("a client opens and leaves", plain(), opens),
        case("the query is that of the URL", plain(), query),
        case("headers and address are the client's", plain(), address),
        case("a client can ask for its id", plain(), id),
        case("messages keep their order, both ways", plain(), order),
        case("text arrives as it was sent", plain(), text),
        case("bytes arrive as they were sent", plain(), binary),
        case("empty messages are messages", plain(), empty),
        case("a MiB is a message", plain(), mebibyte),
        case("what is not UTF-8 is never text", plain(), bad_text),
        case("sessions do not mix", plain(), sessions),
        case("a broadcast reaches everyone once", plain(), broadcast),
        case("1,000 messages in one turn", plain(), thousand),
        case("an end without reconnect", plain(), end),
        case("an end with reconnect", plain(), end_and_reconnect),
        case("a client leaves", plain(), leave),
        case(
            "the application writes while it closes",
            plain(),
            write_while_closing,
        ),
        case(
            "a client writes while it is closed",
            plain(),
            write_to_closing_server,
        ),
        case("a lost client is noticed", plain(), loss),
        case("a client that answers pings stays", heartbeat(), heartbeats),
        case("a client that answers no ping goes", heartbeat(), silence),
        case("maxLength", short_messages(), max_length),
        case("a slow reader", short_queue(), slow_reader),
    ]
}

fn opens(rig: &mut impl Rig) {
    let (client, _) = open(rig, "");
    rig.finish();
    rig.look(|seen| {
        let events = &seen.clients[client].events;
        assert_eq!(
            events[..],
            [ClientEvent::Open, ClientEvent::Ended(End::Goodbye)]
        );
        assert_eq!(seen.sparks.len(), 1);
        let events = &seen.sparks[0].events;
        assert_eq!(events[..], [SparkEvent::End, SparkEvent::Disconnection]);
    });
}

fn query(rig: &mut impl Rig) {
    let (_, spark) = open(rig, "user=J%C3%B6rg&room=a%26b&empty=");
    rig.look(|seen| {
        let query = &spark_of(seen, spark).query;
        for (name, value) in [("user", "Jörg"), ("room", "a&b"), ("empty", "")] {
            let found = query.iter().find(|(other, _)| other == name);
            let found = found.map(|(_, value)| value.as_str());
            assert_eq!(found, Some(value), "{name} in {query:?}");
        }
    });
    rig.finish();
}

fn address(rig: &mut impl Rig) {
    let (_, spark) = open(rig, "");
    let traits = rig.traits();
    rig.look(|seen| {
        let spark = spark_of(seen, spark);
        assert_eq!(spark.host.as_deref(), Some(HOST));
        let address = spark.address;
        assert!(!address.ip().is_unspecified(), "{address}");
        match traits.port {
            Some(port) => assert_eq!(address.port(), port),
            None => assert_ne!(address.port(), 0),
        }
    });
    rig.finish();
}

fn id(rig: &mut impl Rig) {
    let (client, spark) = open(rig, "");
    rig.send(client, Kind::Text, b"primus::id::");
    wait_for_messages(rig, client, 1);
    rig.look(|seen| {
        let answer = Content::text(format!("primus::id::{spark}"));
        assert_eq!(seen.clients[client].messages(), [&answer]);
    });
    rig.finish();
    rig.look(|seen| assert_eq!(seen.sparks[0].data(), [] as [&Content; 0]));
}

fn order(rig: &mut impl Rig) {
    let (client, spark) = open(rig, "");
    let messages = numbered("message", 300);
    for (number, part) in messages.chunks(7).enumerate() {
        part.iter().for_each(|content| send(rig, client, content));
        rig.act(spark, part.iter().cloned().map(Act::Write).collect());
        rig.wait("the application wrote", |seen| {
            spark_of(seen, spark).acts > number
        });
    }
    both_have(rig, client, spark, &messages);
    rig.finish();
    both_have(rig, client, spark, &messages);
}

fn text(rig: &mut impl Rig) {
    const TEXTS: [&str; 9] = [
        "plain",
        "\u{2028}a\u{2029}b\u{2028}\u{2029}",
        "\"quoted\" \\ 'single' `back`",
        "line\nline\r\nline\rline\ttab",
        "null \0, bell \u{7}, delete \u{7f}, c1 \u{85}, bom \u{feff}",
        "äöü € 語 😀 \u{10ffff} \u{ffff} \u{fffd}",
        "</script><!-- & &amp; %20 + ;",
        "[1,\"two\",{\"three\":null}]",
        " spaces ",
    ];
    echo(rig, &TEXTS.map(Content::text));
}

fn binary(rig: &mut impl Rig) {
    let all: Vec<u8> = (0..=255).collect();
    if rig.traits().carries_binary {
        echo(
            rig,
            &[Content::binary(all.clone()), Content::binary([255; 3])],
        );
        return;
    }
    let (client, spark) = open(rig, "");
    send(rig, client, &Content::binary("bytes"));
    rig.act(spark, vec![Act::Write(Content::binary("bytes"))]);
    both_have(rig, client, spark, &[Content::text("bytes")]);
    rig.finish();
}

fn empty(rig: &mut impl Rig) {
    let mut contents = vec![Content::text(""), Content::text("a"), Content::text("")];
    if rig.traits().carries_binary {
        contents.extend([
            Content::binary([]),
            Content::binary([0]),
            Content::binary([]),
        ]);
    }
    echo(rig, &contents);
}

fn mebibyte(rig: &mut impl Rig) {
    let letters = |start: u8| (0..1 << 20).map(move |at: u32| start + (at % 25) as u8);
    let text = |start| Content {
        kind: Kind::Text,
        bytes: letters(start).collect(),
    };
    echo(rig, &[text(b'a'), Content::text("between"), text(b'A')]);
}

fn bad_text(rig: &mut impl Rig) {
    if !rig.traits().can_send_bad_text {
        return;
    }
    let (client, spark) = open(rig, "");
    rig.send(client, Kind::Text, b"good");
    rig.send(client, Kind::Text, b"bad \xff\xfe");
    rig.wait("the spark has ended", |seen| {
        spark_of(seen, spark).has_ended()
    });
    rig.finish();
    rig.look(|seen| {
        let spark = spark_of(seen, spark);
        assert_eq!(spark.data(), [&Content::text("good")]);
        let error = |event: &SparkEvent| matches!(event, SparkEvent::Error(_));
        assert!(spark.events.iter().any(error), "{:?}", spark.events);
        let messages = seen.clients[client].messages();
        assert_eq!(
            messages,
            [] as [&Content; 0],
            "a violation is no intended end"
        );
    });
}

fn sessions(rig: &mut impl Rig) {
    let pairs: Vec<_> = (0..5).map(|n| open(rig, &format!("number={n}"))).collect();
    let messages: Vec<_> = (0..pairs.len())
        .map(|number| numbered(&format!("session {number}, message"), 20))
        .collect();
    for at in 0..20 {
        for ((client, spark), own) in pairs.iter().zip(&messages) {
            send(rig, *client, &own[at]);
            rig.act(*spark, vec![Act::Write(own[at].clone())]);
        }
    }
    for ((client, spark), own) in pairs.iter().zip(&messages) {
        both_have(rig, *client, *spark, own);
    }
    rig.close(pairs[2].0);
    rig.wait("one has left", |seen| {
        spark_of(seen, pairs[2].1).has_ended()
    });
    rig.look(|seen| {
        let ended = seen.sparks.iter().filter(|spark| spark.has_ended());
        assert_eq!(ended.count(), 1);
    });
    rig.finish();
    for ((client, spark), own) in pairs.iter().zip(&messages) {
        both_have(rig, *client, *spark, own);
    }
}

fn broadcast(rig: &mut impl Rig) {
    let clients: Vec<_> = (0..4).map(|_| open(rig, "").0).collect();
    let messages = numbered("broadcast", 50);
    messages.iter().for_each(|content| rig.broadcast(content));
    for client in &clients {
        wait_for_messages(rig, *client, messages.len());
    }
    rig.finish();
    rig.look(|seen| {
        for client in &clients {
            assert_messages(seen, *client, &messages);
        }
    });
}

fn thousand(rig: &mut impl Rig) {
    let (client, spark) = open(rig, "");
    let messages = numbered("one of a thousand", 1_000);
    rig.act(spark, messages.iter().cloned().map(Act::Write).collect());
    messages
        .iter()
        .for_each(|content| send(rig, client, content));
    both_have(rig, client, spark, &messages);
    rig.finish();
    both_have(rig, client, spark, &messages);
}

fn end(rig: &mut impl Rig) {
    ends(rig, false, &["last", SERVER_CLOSE]);
}

fn end_and_reconnect(rig: &mut impl Rig) {
    ends(rig, true, &["last"]);
}

fn ends(rig: &mut impl Rig, reconnect: bool, expected: &[&str]) {
    let (client, spark) = open(rig, "");
    let last = Act::Write(Content::text("last"));
    rig.act(spark, vec![last, Act::End { reconnect }]);
    wait_for_end(rig, client, spark);
    rig.finish();
    rig.look(|seen| {
        let expected: Vec<_> = expected.iter().copied().map(Content::text).collect();
        assert_messages(seen, client, &expected);
        assert_eq!(seen.clients[client].end(), Some(&End::Goodbye));
        let events = &spark_of(seen, spark).events;
        assert_eq!(events[..], [SparkEvent::End, SparkEvent::Disconnection]);
    });
}

fn leave(rig: &mut impl Rig) {
    let (client, spark) = open(rig, "");
    let messages = numbered("before the goodbye", 3);
    messages
        .iter()
        .for_each(|content| send(rig, client, content));
    rig.close(client);
    wait_for_end(rig, client, spark);
    rig.finish();
    rig.look(|seen| {
        let spark = spark_of(seen, spark);
        let mut expected: Vec<_> = messages.iter().cloned().map(SparkEvent::Data).collect();
        expected.extend([SparkEvent::End, SparkEvent::Disconnection]);
        assert_eq!(spark.events, expected);
        assert_eq!(seen.clients[client].messages(), [] as [&Content; 0]);
        assert_eq!(seen.clients[client].end(), Some(&End::Goodbye));
    });
}

fn write_while_closing(rig: &mut impl Rig) {
    let (client, spark) = open(rig, "");
    let write = |text: &str| Act::Write(Content::text(text));
    let end = Act::End { reconnect: false };
    rig.act(
        spark,
        vec![write("early"), end, write("late"), write("later")],
    );
    wait_for_end(rig, client, spark);
    rig.finish();
    rig.look(|seen| {
        assert_messages(seen, client, &["early", SERVER_CLOSE].map(Content::text));
        assert_eq!(spark_of(seen, spark).count(&SparkEvent::Refused), 2);
    });
}

fn write_to_closing_server(rig: &mut impl Rig) {
    let (client, spark) = open(rig, "");
    // The client does not know of the end yet when it writes.
    rig.stall(client, true);
    let end = Act::End { reconnect: false };
    rig.act(spark, vec![Act::Write(Content::text("early")), end]);
    rig.wait("the spark has ended", |seen| {
        spark_of(seen, spark).has_ended()
    });
    rig.send(client, Kind::Text, b"too late");
    rig.stall(client, false);
    wait_for_end(rig, client, spark);
    rig.finish();
    rig.look(|seen| {
        // Who is told first that nobody takes his message may hear nothing more.
        let whole = ["early", SERVER_CLOSE].map(Content::text);
        let got = seen.clients[client].messages();
        let begins = got.iter().copied().eq(&whole[..got.len().min(2)]);
        assert!(begins, "the client got {got:?}");
        let events = &spark_of(seen, spark).events;
        assert_eq!(events[..], [SparkEvent::End, SparkEvent::Disconnection]);
    });
}

fn loss(rig: &mut impl Rig) {
    let (client, spark) = open(rig, "");
    rig.cut(client);
    wait_for_end(rig, client, spark);
    rig.finish();
    rig.look(|seen| {
        let spark = spark_of(seen, spark);
        assert_eq!(spark.count(&SparkEvent::End), 1);
        assert_eq!(spark.count(&SparkEvent::Disconnection), 1);
    });
}

fn heartbeats(rig: &mut impl Rig) {
    let (client, spark) = open(rig, "");
    for number in 1..=3 {
        wait_for_messages(rig, client, number);
        let ping = rig.look(|seen| seen.clients[client].messages()[number - 1].clone());
        let ping = String::from_utf8(ping.bytes).expect("a ping is text");
        let value = ping.strip_prefix("primus::ping::");
        let value = value.unwrap_or_else(|| panic!("not a ping: {ping}"));
        rig.send(
            client,
            Kind::Text,
            format!("primus::pong::{value}").as_bytes(),
        );
        rig.wait("the answer has arrived", |seen| {
            spark_of(seen, spark).count(&SparkEvent::Heartbeat) >= number
        });
    }
    rig.look(|seen| assert!(!spark_of(seen, spark).has_ended()));
    rig.finish();
}

fn silence(rig: &mut impl Rig) {
    let (client, spark) = open(rig, "");
    wait_for_end(rig, client, spark);
    rig.finish();
    rig.look(|seen| {
        let messages = seen.clients[client].messages();
        assert_eq!(
            messages.len(),
            1,
            "one ping, and no intended end: {messages:?}"
        );
        assert!(messages[0].bytes.starts_with(b"primus::ping::"));
        assert_eq!(spark_of(seen, spark).count(&SparkEvent::Disconnection), 1);
    });
}

fn max_length(rig: &mut impl Rig) {
    let (client, spark) = open(rig, "");
    let long_bytes = MESSAGE_BYTES_MAX - rig.traits().framing_bytes;
    let long = Content::text("x".repeat(long_bytes));
    let too_long = Content::text("x".repeat(MESSAGE_BYTES_MAX + 1));
    send(rig, client, &long);
    rig.wait("the longest message has arrived", |seen| {
        spark_of(seen, spark).data().len() == 1
    });
    // What the server sends has no bound.
    rig.act(spark, vec![Act::Write(too_long.clone())]);
    wait_for_messages(rig, client, 1);
    send(rig, client, &too_long);
    if !rig.traits().bounds_messages {
        rig.wait("it has arrived", |seen| {
            spark_of(seen, spark).data().len() == 2
        });
        rig.finish();
        return;
    }
    wait_for_end(rig, client, spark);
    rig.finish();
    rig.look(|seen| {
        assert_eq!(spark_of(seen, spark).data(), [&long]);
        assert_eq!(seen.clients[client].messages(), [&too_long]);
    });
}

fn slow_reader(rig: &mut impl Rig) {
    let (client, spark) = open(rig, "");
    rig.stall(client, true);
    let mut written = 0;
    while !rig.look(|seen| spark_of(seen, spark).has_ended()) {
        let number = written / FLOOD_MESSAGE_BYTES;
        rig.act(spark, vec![Act::Write(flood(number))]);
        written += FLOOD_MESSAGE_BYTES;
        assert!(written < FLOOD_BYTES_MAX, "the queue has no bound");
        rig.wait("it is written", |seen| {
            let spark = spark_of(seen, spark);
            spark.acts > number || spark.has_ended()
        });
    }
    rig.stall(client, false);
    rig.wait("the client has ended", |seen| {
        seen.clients[client].end().is_some()
    });
    rig.finish();
    rig.look(|seen| {
        let spark = spark_of(seen, spark);
        let queue_bytes = spark.queue_bytes_max;
        // What a transport adds to a message is less than half of it.
        let bound = SEND_QUEUE_BYTES_MAX + FLOOD_MESSAGE_BYTES / 2;
        assert!(queue_bytes <= bound, "{queue_bytes} bytes waited");
        let got = seen.clients[client].messages();
        let in_order = got.iter().enumerate().all(|(at, got)| **got == flood(at));
        assert!(
            in_order,
            "what arrives is the beginning of what was written"
        );
    });
}

/// What every client calls the server.
pub const HOST: &str = "contract.test";

/// Opens a client, and returns it and its spark.
fn open(rig: &mut impl Rig, query: &str) -> (usize, SparkId) {
    let number = rig.look(|seen| seen.sparks.len());
    let client = rig.connect(query);
    rig.wait("the client is open on both sides", |seen| {
        seen.sparks.len() > number && seen.clients[client].has_opened()
    });
    let spark = rig.look(|seen| seen.sparks[number].id);
    (client, spark)
}

fn spark_of(seen: Seen<'_>, id: SparkId) -> &super::SparkSeen {
    let spark = seen.sparks.iter().find(|spark| spark.id == id);
    spark.expect("the spark was seen before")
}

fn send(rig: &mut impl Rig, client: usize, content: &Content) {
    rig.send(client, content.kind, &content.bytes);
}

fn numbered(name: &str, count: usize) -> Vec<Content> {
    let content = |number| Content::text(format!("{name} {number}"));
    (0..count).map(content).collect()
}

/// A message that no compressor makes much shorter.
fn flood(number: usize) -> Content {
    let mut dice = Dice::new(number as u64);
    let letter = |_| b'A' + dice.below(26) as u8;
    Content {
        kind: Kind::Text,
        bytes: (0..FLOOD_MESSAGE_BYTES).map(letter).collect(),
    }
}

/// Sends the messages in both directions; they arrive as they are, in order and once.
fn echo(rig: &mut impl Rig, contents: &[Content]) {
    let (client, spark) = open(rig, "");
    for content in contents {
        send(rig, client, content);
        rig.act(spark, vec![Act::Write(content.clone())]);
    }
    both_have(rig, client, spark, contents);
    rig.finish();
    both_have(rig, client, spark, contents);
}

/// Waits until client and spark have so many messages, and asserts that they are these.
fn both_have(rig: &mut impl Rig, client: usize, spark: SparkId, expected: &[Content]) {
    let count = expected.len();
    rig.wait("all messages have arrived at the server", |seen| {
        spark_of(seen, spark).data().len() >= count
    });
    wait_for_messages(rig, client, count);
    rig.look(|seen| {
        let data = spark_of(seen, spark).data();
        assert!(data.iter().copied().eq(expected), "the server got {data:?}");
        assert_messages(seen, client, expected);
    });
}

fn assert_messages(seen: Seen<'_>, client: usize, expected: &[Content]) {
    let got = seen.clients[client].messages();
    assert!(got.iter().copied().eq(expected), "the client got {got:?}");
}

fn wait_for_messages(rig: &mut impl Rig, client: usize, count: usize) {
    rig.wait("all messages have arrived at the client", |seen| {
        seen.clients[client].messages().len() >= count
    });
}

fn wait_for_end(rig: &mut impl Rig, client: usize, spark: SparkId) {
    rig.wait("both sides have ended", |seen| {
        spark_of(seen, spark).has_ended() && seen.clients[client].end().is_some()
    });
}
