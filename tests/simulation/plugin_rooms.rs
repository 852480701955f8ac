//! The plugin `rooms` in virtual time: what clients without code on the server get of rooms, and
//! what one that keeps to no rule does to the server.

use std::sync::Arc;
use std::time::Duration;

use allspark::plugins::emit::Emit;
use allspark::plugins::rooms::{Rooms, RoomsOptions};
use allspark_engine::{Attach, Value};
use allspark_transformers::websockets::WebSockets;

use crate::stage::{Client, Stage, WIDE, frame, handshake, quiet};

fn open() -> RoomsOptions {
    RoomsOptions {
        join: vec!["news".into(), "chat:*".into(), "7".into()],
        publish: vec!["chat:*".into()],
        ..RoomsOptions::default()
    }
}

/// A server with these options, and clients. With and without primus-emit on the server nothing
/// may be different.
fn stage(rooms: &Rooms, with_emit: bool, attach: impl FnOnce(&Attach)) -> Stage<WebSockets> {
    quiet(|primus| {
        if with_emit {
            primus.plugin(Arc::new(Emit::new())).unwrap();
        }
        primus.plugin(Arc::new(rooms.clone())).unwrap();
        primus.on_data(|spark, data| {
            let text = String::from_utf8_lossy(data.encoded()).into_owned();
            spark.write(format!("data {text}"));
        });
        attach(primus);
    })
}

/// Has a client say messages. Returns what it hears.
fn ask(stage: &mut Stage<WebSockets>, client: &mut Client, messages: &[&str]) -> Vec<String> {
    for message in messages {
        client.say(&frame(message));
    }
    stage.turns(4);
    heard(client)
}

/// Texts of a server, without what frames them.
fn heard(client: &mut Client) -> Vec<String> {
    client.read();
    let all = std::mem::take(&mut client.heard);
    let (mut bytes, mut texts) = (&all[..], Vec::new());
    loop {
        let (length, others) = match bytes {
            [0x81, 126, high, low, others @ ..] => {
                (usize::from(u16::from_be_bytes([*high, *low])), others)
            }
            [0x81, length, others @ ..] => (usize::from(*length), others),
            _ => return texts,
        };
        let (text, others) = others.split_at(length);
        texts.push(String::from_utf8(text.to_vec()).unwrap());
        bytes = others;
    }
}

fn refused(room: &str, why: &str) -> String {
    format!(r#"{{"emit":["roomserror",{room},"{why}"]}}"#)
}

const CLOSED: &str = "this room is not open to you";

#[test]
fn a_client_joins_publishes_and_leaves_where_it_may() {
    for with_emit in [false, true] {
        let mut stage = stage(&Rooms::with_options(open()), with_emit, |_| {});
        let clients = &mut stage.crowd(2);
        let [one, other] = &mut clients[..] else {
            unreachable!()
        };
        let joined = ask(&mut stage, one, &[r#"{"emit":["join","news chat:a"]}"#]);
        let expected = [
            r#"{"emit":["joinroom","news"]}"#,
            r#"{"emit":["joinroom","chat:a"]}"#,
        ];
        assert_eq!(joined, expected);
        let joined = ask(&mut stage, other, &[r#"{"emit":["join",["chat:a",7]]}"#]);
        let expected = [
            r#"{"emit":["joinroom","chat:a"]}"#,
            r#"{"emit":["joinroom","7"]}"#,
        ];
        assert_eq!(joined, expected);
        stage.primus.room("7 news").write("to both").unwrap();
        stage.turns(3);
        assert_eq!(
            (heard(one), heard(other)),
            (vec!["\"to both\"".into()], vec!["\"to both\"".into()])
        );
        let message = r#"{"emit":["publish","chat:a",{"text":"hi","n":1}]}"#;
        assert_eq!(ask(&mut stage, one, &[message]), [message]);
        assert_eq!(heard(other), [message]);
        let left = ask(&mut stage, other, &[r#"{"emit":["leave","chat:a"]}"#]);
        assert_eq!(left, [r#"{"emit":["leaveroom","chat:a"]}"#]);
        ask(&mut stage, one, &[r#"{"emit":["publish","chat:a"]}"#]);
        assert_eq!(heard(other), [""; 0]);
        assert_eq!(stage.primus.stats().handlers_panicked, 0);
    }
}

#[test]
fn what_is_not_allowed_is_refused_with_a_reason() {
    for with_emit in [false, true] {
        let options = RoomsOptions {
            client_rooms_max: 2,
            publish_bytes_max: 8,
            publish: vec!["chat:*".into(), "staff".into()],
            ..open()
        };
        let mut stage = stage(&Rooms::with_options(options), with_emit, |primus| {
            primus.on_connection(|spark| spark.join("staff").unwrap());
        });
        let mut client = stage.crowd(1).remove(0);
        for (message, answer) in [
            (r#"["join","secret"]"#, refused("\"secret\"", CLOSED)),
            (r#"["join","newspaper"]"#, refused("\"newspaper\"", CLOSED)),
            (
                r#"["join","chat:*"]"#,
                refused("\"chat:*\"", "a room's name must not have a *"),
            ),
            (r#"["join"]"#, refused("null", "no room is named")),
            (
                r#"["join",null]"#,
                refused("null", "a room's name is text or a whole number"),
            ),
            (
                r#"["join",{"a":1}]"#,
                refused("null", "a room's name is text or a whole number"),
            ),
            (r#"["leave","staff"]"#, refused("\"staff\"", CLOSED)),
            (r#"["publish"]"#, refused("null", "no room is named")),
            (r#"["publish","news",1]"#, refused("\"news\"", CLOSED)),
            (
                r#"["publish","chat:a",1]"#,
                refused("\"chat:a\"", "you are not in this room"),
            ),
            (
                r#"["publish","chat:a staff",1]"#,
                refused("null", "a message goes to one room"),
            ),
            (
                r#"["publish","staff","1234567"]"#,
                refused("\"staff\"", "a message may be 8 bytes long"),
            ),
            (
                r#"["join","chat:a"]"#,
                r#"{"emit":["joinroom","chat:a"]}"#.into(),
            ),
            (
                r#"["join","news"]"#,
                refused("\"news\"", "you can't be in more than 2 rooms"),
            ),
            (
                r#"["join","chat:a"]"#,
                r#"{"emit":["joinroom","chat:a"]}"#.into(),
            ),
        ] {
            let message = format!(r#"{{"emit":{message}}}"#);
            assert_eq!(
                ask(&mut stage, &mut client, &[&message]),
                [answer],
                "{message}"
            );
        }
        let long = format!(r#"{{"emit":["join","chat:{}"]}}"#, "x".repeat(300));
        ask(&mut stage, &mut client, &[r#"{"emit":["leave","chat:a"]}"#]);
        let too_long = refused("null", "the name of a room is longer than 255 bytes");
        assert_eq!(ask(&mut stage, &mut client, &[&long]), [&*too_long]);
        let long = format!(r#"{{"emit":["publish","{}",1]}}"#, "x".repeat(300));
        assert_eq!(ask(&mut stage, &mut client, &[&long]), [&*too_long]);
    }
}

/// What is written as `JSON.stringify` writes it goes on as it came, and what is not means the
/// same.
#[test]
fn what_is_published_means_the_same_however_it_is_written() {
    for with_emit in [false, true] {
        let mut stage = stage(&Rooms::with_options(open()), with_emit, |_| {});
        let mut client = stage.crowd(1).remove(0);
        ask(
            &mut stage,
            &mut client,
            &[r#"{"emit":["join","chat:a 7"]}"#],
        );
        for (said, heard) in [
            (
                r#"{"emit":["publish","chat:a","]}"]}"#,
                r#"{"emit":["publish","chat:a","]}"]}"#,
            ),
            (
                r#"{"emit": ["publish","chat:a",1]}"#,
                r#"{"emit":["publish","chat:a",1]}"#,
            ),
            (
                r#"{"emit":["publish","chat:a",1,2]}"#,
                r#"{"emit":["publish","chat:a",1]}"#,
            ),
            (
                r#"{"emit":["publish","chat:\u0061",1]}"#,
                r#"{"emit":["publish","chat:a",1]}"#,
            ),
            (
                r#"{"emit":["publish"," chat:a ",1]}"#,
                r#"{"emit":["publish","chat:a",1]}"#,
            ),
            (
                r#"{"emit":["publish","chat:a"]}"#,
                r#"{"emit":["publish","chat:a",null]}"#,
            ),
            (
                r#"{"emit":["publish","chat:a",1],"other":[2]}"#,
                r#"{"emit":["publish","chat:a",1]}"#,
            ),
            // The last one counts, as in JavaScript.
            (
                r#"{"emit":["publish","chat:a",1],"emit":["publish","chat:b",2]}"#,
                r#"{"emit":["roomserror","chat:b","you are not in this room"]}"#,
            ),
        ] {
            assert_eq!(ask(&mut stage, &mut client, &[said]), [heard], "{said}");
        }
    }
}

/// A client that reads slowly gets the newest of each key, and none behind a newer one.
#[test]
fn values_take_the_place_of_older_ones_where_that_is_wanted() {
    let options = RoomsOptions {
        latest: vec!["chat:prices".into()],
        publishes_per_s: 1_000,
        ..open()
    };
    let mut stage = stage(&Rooms::with_options(options), false, |_| {});
    let clients = &mut stage.crowd(2);
    let [one, slow] = &mut clients[..] else {
        unreachable!()
    };
    ask(&mut stage, one, &[r#"{"emit":["join","chat:prices"]}"#]);
    ask(&mut stage, slow, &[r#"{"emit":["join","chat:prices"]}"#]);
    for (key, answer) in [
        ("", ""),
        (r#","a""#, r#","a""#),
        (",7", r#","7""#),
        (r#","""#, r#","""#),
    ] {
        let said = format!(r#"{{"emit":["publish","chat:prices",1{key}]}}"#);
        let told = format!(r#"{{"emit":["publish","chat:prices",1{answer}]}}"#);
        assert_eq!(ask(&mut stage, one, &[&said]), [&*told]);
        assert_eq!(heard(slow), [told]);
    }
    let no_key = refused("\"chat:prices\"", "a key is a short text or a whole number");
    let long = format!("\"{}\"", "x".repeat(300));
    for key in ["null", "1.5", "[1]", &long] {
        let said = format!(r#"{{"emit":["publish","chat:prices",1,{key}]}}"#);
        assert_eq!(ask(&mut stage, one, &[&said]), [&*no_key], "{key}");
    }
    slow.set_window(60);
    for number in 0..200 {
        let said = format!(
            r#"{{"emit":["publish","chat:prices",{number},"k{}"]}}"#,
            number % 4
        );
        assert_eq!(ask(&mut stage, one, &[&said]), [said]);
    }
    slow.set_window(WIDE);
    for _ in 0..20 {
        stage.turns(4);
        slow.read();
    }
    let mut newest = [None; 4];
    let texts = heard(slow);
    for text in &texts {
        let (_, rest) = text.split_once("prices\",").unwrap();
        let (number, key) = rest.split_once(",\"k").unwrap();
        let key = usize::from(key.as_bytes()[0] - b'0');
        let number = Some(number.parse::<u32>().unwrap());
        assert!(newest[key] < number, "{text} behind {newest:?}");
        newest[key] = number;
    }
    assert_eq!(newest, [Some(196), Some(197), Some(198), Some(199)]);
    assert!(texts.len() < 50, "{} values", texts.len());
}

/// Without options these events are the application's, as any other.
#[test]
fn what_is_switched_off_is_the_applications() {
    let only_join = RoomsOptions {
        publish: Vec::new(),
        ..open()
    };
    let rooms = Rooms::with_options(only_join);
    let mut stage = stage(&rooms, false, |_| {});
    let mut client = stage.crowd(1).remove(0);
    let messages = [
        r#"{"emit":["publish","news",1]}"#,
        r#"{"emit":["other"]}"#,
        r#"{"emit":[]}"#,
        r#"{"emit":"join"}"#,
        r#"["join","news"]"#,
        "null",
    ];
    let expected = messages.map(|text| format!("\"data {}\"", text.replace('"', "\\\"")));
    assert_eq!(ask(&mut stage, &mut client, &messages), expected);
}

#[test]
fn a_client_that_asks_without_end_is_slowed_down_alone() {
    let rooms = Rooms::with_options(open());
    let mut stage = stage(&rooms, false, |_| {});
    let mut clients = stage.crowd(2);
    let mut other = clients.remove(1);
    let mut client = clients.remove(0);
    stage
        .net
        .advance_to(stage.net.now() + Duration::from_secs(60));
    let join = r#"{"emit":["join","chat:a"]}"#;
    let leave = r#"{"emit":["leave","chat:a"]}"#;
    let mut admitted = 0;
    for _ in 0..50 {
        let answers = ask(&mut stage, &mut client, &[join, leave]);
        admitted += answers
            .iter()
            .filter(|answer| !answer.contains("too often"))
            .count();
    }
    // 40 that were saved, and 20 per second of the 0.2 s that this has taken.
    assert!((40..=50).contains(&admitted), "{admitted}");
    stage
        .net
        .advance_to(stage.net.now() + Duration::from_secs(60));
    ask(&mut stage, &mut other, &[join]);
    ask(&mut stage, &mut client, &[join]);
    let publish = r#"{"emit":["publish","chat:a",1]}"#;
    for _ in 0..50 {
        ask(&mut stage, &mut client, &[publish, publish]);
    }
    let published = heard(&mut other).len();
    assert!((20..=25).contains(&published), "{published}");
}

/// What a credential says counts, and is looked at when it is asked for.
#[test]
fn a_claim_opens_rooms() {
    let options = RoomsOptions {
        join: vec!["news".into()],
        claim: Some("rooms".into()),
        claim_joins: true,
        ..RoomsOptions::default()
    };
    let rooms = Rooms::with_options(options);
    rooms.claims_by(|spark, name| {
        assert_eq!(name, "rooms");
        let claim = spark.query().get("claim")?.into_owned();
        Some(Value::from(claim))
    });
    let mut stage = stage(&rooms, false, |_| {});
    let path = |claim: &str| handshake("").replace("/primus", &format!("/primus?claim={claim}"));
    let mut member = stage.connect(path("staff%20team:*").as_bytes());
    let mut guest = stage.connect(handshake("").as_bytes());
    for client in [&mut member, &mut guest] {
        client.read();
        client.heard.clear();
    }
    stage.primus.room("staff").write("for staff").unwrap();
    stage.primus.room("team:7").write("for a team").unwrap();
    stage.turns(3);
    assert_eq!(heard(&mut member), ["\"for staff\"", "\"for a team\""]);
    assert_eq!(heard(&mut guest), [""; 0]);
    let join = r#"{"emit":["join","team:7 news"]}"#;
    let joined = [
        r#"{"emit":["joinroom","team:7"]}"#,
        r#"{"emit":["joinroom","news"]}"#,
    ];
    assert_eq!(ask(&mut stage, &mut member, &[join]), joined);
    let refused = [refused("\"team:7\"", CLOSED), joined[1].into()];
    assert_eq!(ask(&mut stage, &mut guest, &[join]), refused);
}

#[test]
fn options_that_can_not_be_are_refused_when_it_is_added() {
    let refusal = |options: RoomsOptions| {
        let mut refusal = String::new();
        quiet(|primus| {
            let added = primus.plugin(Arc::new(Rooms::with_options(options)));
            refusal = added
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default();
        });
        refusal
    };
    let wrong = |options| {
        let refusal = refusal(options);
        refusal.split(": ").next().unwrap_or_default().to_owned()
    };
    assert_eq!(refusal(RoomsOptions::default()), "");
    let claim = RoomsOptions {
        claim: Some("rooms".into()),
        ..RoomsOptions::default()
    };
    assert_eq!(wrong(claim), "`claim`");
    let other_bound = RoomsOptions {
        per_spark_max: Some(3),
        ..RoomsOptions::default()
    };
    assert_eq!(wrong(other_bound), "`per-spark-max`");
}
