//! Channels and resources: what goes over the wire, who hears of it, and what hostile clients do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark::plugins::emitter::{AckError, Emitter};
use allspark::plugins::multiplex::{Channel, ChannelSpark, Multiplex, MultiplexOptions};
use allspark::plugins::resource::{ResourceError, Resources};
use allspark_engine::{Attach, Value};
use allspark_transformers::websockets::WebSockets;

use crate::stage::{Client, Stage, frame, handshake, quiet};

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

/// Texts of a server, each shorter than 126 bytes.
fn heard(client: &mut Client) -> Vec<String> {
    client.read();
    let (mut texts, mut rest) = (Vec::new(), &client.heard[..]);
    while let [0x81, length, others @ ..] = rest {
        let (text, others) = others.split_at(usize::from(*length));
        texts.push(String::from_utf8(text.to_vec()).unwrap());
        rest = others;
    }
    client.heard.clear();
    texts
}

fn say(stage: &mut Stage<WebSockets>, client: &Client, texts: &[&str]) {
    let frames: Vec<_> = texts.iter().map(|text| frame(text)).collect();
    client.say(&frames.concat());
    stage.turns(4);
}

fn note(log: &Log, what: &'static str) -> impl Fn(&mut ChannelSpark<'_, '_>) + use<> {
    let log = log.clone();
    move |spark| {
        let is_open = if spark.is_open() { "open" } else { "over" };
        log.note(format!("{what} {} {is_open}", spark.id()));
    }
}

/// Notes everything that happens to a channel.
fn watch(channel: &Channel, log: &Log) {
    channel.on_connection(note(log, "connection"));
    channel.on_disconnection(note(log, "disconnection"));
    let data = log.clone();
    channel.on_data(move |spark, value| data.note(format!("{} {value:?}", spark.id())));
    let close = log.clone();
    channel.on_close(move || close.note("close"));
}

/// A server with a channel named news that is watched.
fn stage(log: &Log, attach: impl FnOnce(&Attach, &Multiplex)) -> (Stage<WebSockets>, Channel) {
    let multiplex = Multiplex::new();
    let news = multiplex.channel("news");
    watch(&news, log);
    multiplex.on_subscribe(note(log, "subscribe"));
    multiplex.on_unsubscribe(note(log, "unsubscribe"));
    let stage = quiet(|primus| {
        primus.plugin(Arc::new(multiplex.clone())).unwrap();
        attach(primus, &multiplex);
    });
    (stage, news)
}

#[test]
fn a_client_subscribes_talks_and_leaves() {
    let log = Log::default();
    let (mut stage, news) = stage(&log, |_, _| {});
    news.on_data(|spark, value| {
        spark.write(value);
    });
    let mut client = stage.upgrade("");
    let said = [
        r#"[1,"x","news"]"#,
        r#"[0,"x","news","hi"]"#,
        r#"[0,"x","news"]"#,
        r#"[2,"x","news"]"#,
        r#"[0,"x","news","late"]"#,
        r#"[2,"x","news"]"#,
    ];
    say(&mut stage, &client, &said);
    let expected = [
        "subscribe x open",
        "connection x open",
        "x String(\"hi\")",
        "x Null",
        "unsubscribe x over",
        "disconnection x over",
    ];
    assert_eq!(log.take(), expected);
    // As npm's server: without a payload that is falsy, and the end is echoed once.
    let expected = [
        r#"[0,"x","news","hi"]"#,
        r#"[0,"x","news"]"#,
        r#"[2,"x","news"]"#,
    ];
    assert_eq!(heard(&mut client), expected);
    assert!(news.is_empty());
}

#[test]
fn a_server_writes_to_all_or_one_and_ends_them() {
    let log = Log::default();
    let (mut stage, news) = stage(&log, |_, _| {});
    let (mut one, mut two) = (stage.upgrade(""), stage.upgrade(""));
    say(
        &mut stage,
        &one,
        &[r#"[1,"x","news"]"#, r#"[1,"y","news"]"#],
    );
    say(
        &mut stage,
        &two,
        &[r#"[1,"x","news"]"#, r#"[1,"x","news"]"#],
    );
    assert_eq!(news.len(), 3, "the second x of two is the first");
    news.write("a").unwrap();
    news.spark("y").unwrap().write("b").unwrap();
    news.for_each(|spark| {
        let id = spark.id().to_owned();
        spark.write(id);
    });
    assert!(news.spark("z").is_none());
    stage.turns(4);
    let expected = [
        r#"[0,"x","news","a"]"#,
        r#"[0,"y","news","a"]"#,
        r#"[0,"y","news","b"]"#,
        r#"[0,"x","news","x"]"#,
        r#"[0,"y","news","y"]"#,
    ];
    assert_eq!(heard(&mut one), expected);
    assert_eq!(
        heard(&mut two),
        [r#"[0,"x","news","a"]"#, r#"[0,"x","news","x"]"#]
    );
    log.take();
    news.spark("y").unwrap().end();
    stage.turns(4);
    assert_eq!(log.take(), ["unsubscribe y over", "disconnection y over"]);
    let twice = [r#"[2,"y","news"]"#; 2];
    assert_eq!(heard(&mut one), twice, "as npm's server says it");
    two.leave();
    stage.turns(4);
    assert_eq!(log.take(), ["unsubscribe x over", "disconnection x over"]);
    assert_eq!(news.len(), 1);
}

#[test]
fn a_channel_is_destroyed_and_another_one_has_its_name() {
    let log = Log::default();
    let (mut stage, news) = stage(&log, |_, _| {});
    let mut client = stage.upgrade("");
    say(&mut stage, &client, &[r#"[1,"x","news"]"#]);
    log.take();
    assert!(news.destroy() && !news.destroy());
    stage.turns(4);
    let expected = ["close", "unsubscribe x over", "disconnection x over"];
    assert_eq!(log.take(), expected);
    assert_eq!(heard(&mut client), [r#"[2,"x","news"]"#; 2]);
    say(&mut stage, &client, &[r#"[1,"x","news"]"#]);
    assert_eq!(log.take(), [""; 0], "there is no such channel");
    let multiplex = stage.primus.plugin::<Multiplex>().unwrap();
    watch(&multiplex.channel("news"), &log);
    say(&mut stage, &client, &[r#"[1,"x","news"]"#]);
    assert_eq!(log.take(), ["subscribe x open", "connection x open"]);
}

/// Handlers of one subscription, which is ended by one of them.
#[test]
fn a_handler_may_end_its_subscription() {
    let log = Log::default();
    let (mut stage, news) = stage(&log, |_, _| {});
    let ended = log.clone();
    news.on_connection(move |spark| {
        let ended = ended.clone();
        spark.on_data(|spark, _| {
            assert!(spark.end_with("bye") && !spark.end() && !spark.write("more"));
        });
        spark.on_data(|_, _| panic!("it is over"));
        spark.on_end(move |spark| ended.note(format!("end {}", spark.id())));
    });
    let mut client = stage.upgrade("");
    say(
        &mut stage,
        &client,
        &[r#"[1,"x","news"]"#, r#"[0,"x","news",1]"#],
    );
    let expected = [
        "subscribe x open",
        "connection x open",
        "x Number(1)",
        "unsubscribe x over",
        "disconnection x over",
        "end x",
    ];
    assert_eq!(log.take(), expected);
    let expected = [
        r#"[0,"x","news","bye"]"#,
        r#"[2,"x","news"]"#,
        r#"[2,"x","news"]"#,
    ];
    assert_eq!(heard(&mut client), expected);
    assert_eq!(stage.primus.stats().handlers_panicked, 0);
}

#[test]
fn what_one_client_says_concerns_nobody_else_and_makes_no_channel() {
    let log = Log::default();
    let (mut stage, news) = stage(&log, |_, _| {});
    let (mut one, mut two) = (stage.upgrade(""), stage.upgrade(""));
    say(&mut stage, &one, &[r#"[1,"x","news"]"#]);
    log.take();
    let hostile = [
        r#"[0,"x","news","not mine"]"#,
        r#"[2,"x","news"]"#,
        r#"[1,"x","no such channel"]"#,
        r#"[1,"__proto__","__proto__"]"#,
        "[]",
        "[1]",
        "null",
        r#"[1,null,"news"]"#,
        r#"[1,"x",null]"#,
        r#"[1,["x"],["news"]]"#,
        r#"[9,"x","news"]"#,
        r#"[1.5,"x","news"]"#,
        r#"[-1,"x","news"]"#,
    ];
    say(&mut stage, &two, &hostile);
    let long = format!(r#"[1,"{}","news"]"#, "x".repeat(65));
    say(&mut stage, &two, &[&long]);
    assert_eq!(log.take(), [""; 0]);
    assert_eq!((heard(&mut one), heard(&mut two)), (vec![], vec![]));
    let multiplex = stage.primus.plugin::<Multiplex>().unwrap();
    assert_eq!(multiplex.channels(), ["news"]);
    assert_eq!(news.len(), 1);
}

#[test]
fn subscriptions_of_a_spark_are_bounded() {
    let options = MultiplexOptions {
        subscriptions_max: 5,
        channels: vec!["news".into()],
        ..MultiplexOptions::default()
    };
    let multiplex = Multiplex::with_options(options);
    let mut stage = quiet(|primus| {
        primus.plugin(Arc::new(multiplex.clone())).unwrap();
    });
    let client = stage.upgrade("");
    for id in 0..1000 {
        client.say(&frame(&format!(r#"[1,"{id}","news"]"#)));
    }
    stage.turns(8);
    assert_eq!(multiplex.channel("news").len(), 5);
    say(
        &mut stage,
        &client,
        &[r#"[2,"3","news"]"#, r#"[1,"x","news"]"#],
    );
    assert!(multiplex.channel("news").spark("x").is_some());
    client.leave();
    stage.turns(4);
    assert!(multiplex.channel("news").is_empty());
}

#[test]
fn a_server_without_code_has_channels() {
    use allspark::plugins::registry::named;

    for (app, others) in [("echo", 0), ("broadcast", 1)] {
        let options = serde_json::json!({ "channels": ["news"], "app": app });
        let plugin = named("multiplex", options).unwrap();
        let mut stage = quiet(|primus| {
            primus.plugin(plugin.into()).unwrap();
        });
        let (mut one, mut two) = (stage.upgrade(""), stage.upgrade(""));
        say(&mut stage, &one, &[r#"[1,"x","news"]"#]);
        say(&mut stage, &two, &[r#"[1,"y","news"]"#]);
        say(&mut stage, &one, &[r#"[0,"x","news",[1]]"#]);
        assert_eq!(heard(&mut one), [r#"[0,"x","news",[1]]"#]);
        assert_eq!(heard(&mut two).len(), others, "{app}");
    }
    let error = named("multiplex", serde_json::json!({ "app": "no" }))
        .err()
        .unwrap();
    assert!(error.to_string().starts_with("`app`: "), "{error}");
}

/// A server with events on channels.
fn with_emitter(log: &Log) -> (Stage<WebSockets>, Channel) {
    stage(log, |primus, _| {
        primus.plugin(Arc::new(Emitter::new())).unwrap();
    })
}

#[test]
fn events_go_over_a_channel_with_acknowledgements_in_both_directions() {
    let log = Log::default();
    let (mut stage, news) = with_emitter(&log);
    news.on("add", |spark, args| {
        let sum: f64 = args.iter().filter_map(Value::as_f64).sum();
        args.ack(spark.spark(), sum as i64);
    });
    let told = log.clone();
    news.on_connection(move |spark| {
        let (own, told) = (told.clone(), told.clone());
        spark.on("say", move |_, args| {
            own.note(format!("own {:?}", args.as_slice()));
        });
        spark.send("hello", ("you", 1));
        spark.send_with_ack("who", (), move |spark, answer| {
            let name = answer.unwrap()[0].as_str().map(String::from);
            told.note(format!("{} is {name:?}", spark.id()));
        });
    });
    let mut client = stage.upgrade("");
    say(&mut stage, &client, &[r#"[1,"x","news"]"#]);
    let expected = [
        r#"[0,"x","news",{"type":0,"data":["hello","you",1]}]"#,
        r#"[0,"x","news",{"type":0,"data":["who"],"id":1}]"#,
    ];
    assert_eq!(heard(&mut client), expected);
    log.take();
    let said = [
        r#"[0,"x","news",{"type":0,"data":["add",1,2],"id":7}]"#,
        r#"[0,"x","news",{"type":0,"data":["say","a"]}]"#,
        r#"[0,"x","news",{"id":1,"type":1,"data":["Ann"]}]"#,
        r#"[0,"x","news",{"id":1,"type":1,"data":["again"]}]"#,
        r#"[0,"x","news",{"type":0,"data":["end"]}]"#,
        r#"[0,"x","news",null]"#,
    ];
    say(&mut stage, &client, &said);
    let answer = r#"[0,"x","news",{"id":7,"type":1,"data":[3]}]"#;
    assert_eq!(heard(&mut client), [answer]);
    let lines = log.take();
    let without_data: Vec<_> = lines
        .iter()
        .filter(|line| !line.contains("Object"))
        .collect();
    let expected = ["own [String(\"a\")]", "x is Some(\"Ann\")", "x Null"];
    assert_eq!(without_data, expected);
    assert_eq!(lines.len(), 8, "each is data as well: {lines:?}");
}

#[test]
fn who_waits_for_an_answer_on_a_channel_hears_why_none_comes() {
    let log = Log::default();
    let (mut stage, news) = with_emitter(&log);
    let ask = |channel: &Channel, log: &Log| {
        let log = log.clone();
        channel.for_each(move |spark| {
            let (answers, log) = (log.clone(), log.clone());
            spark.send_with_ack("who", (), move |spark, answer| {
                answers.note(format!("{} {:?}", spark.id(), answer.map(drop)));
            });
            spark.send_with_ack("end", (), move |_, answer| {
                assert_eq!(answer.map(drop), Err(AckError::Reserved));
                log.note("reserved");
            });
        });
    };
    let client = stage.upgrade("");
    say(&mut stage, &client, &[r#"[1,"x","news"]"#]);
    log.take();
    ask(&news, &log);
    stage.turns(4);
    assert_eq!(log.take(), ["reserved"]);
    let late = stage.net.now() + Duration::from_secs(31);
    stage.net.advance_to(late);
    stage.turns(4);
    assert_eq!(log.take(), ["x Err(TimedOut)"]);
    ask(&news, &log);
    stage.turns(4);
    log.take();
    client.leave();
    stage.turns(4);
    let expected = ["unsubscribe x over", "x Err(Ended)", "disconnection x over"];
    assert_eq!(log.take(), expected);
}

fn creature(primus: &Attach) -> Resources {
    let resources = Resources::new();
    primus.plugin(Arc::new(Emitter::new())).unwrap();
    primus.plugin(Arc::new(resources.clone())).unwrap();
    resources
}

#[test]
fn a_resource_is_called_over_its_channel() {
    let log = Log::default();
    let mut made = None;
    let (mut stage, _) = stage(&log, |primus, _| {
        let creature = creature(primus).resource("creature").unwrap();
        creature
            .method("command", |call| {
                let (what,) = call.parse::<(String,)>().unwrap();
                assert!(call.wants_answer());
                call.answer(format!("got {what}"));
            })
            .unwrap();
        creature.method("walk", |_| {}).unwrap();
        for taken in [
            "ready",
            "ce",
            "connection",
            "disconnection",
            "end",
            "data",
            "",
        ] {
            let refused = creature.method(taken, |_| {}).map(drop);
            assert_eq!(refused, Err(ResourceError::MethodName(taken.into())));
        }
        made = Some(creature);
    });
    let mut client = stage.upgrade("");
    say(&mut stage, &client, &[r#"[1,"x","creature"]"#]);
    let ready = r#"[0,"x","creature",{"type":0,"data":["ready",["command","walk"]]}]"#;
    assert_eq!(heard(&mut client), [ready]);
    let call = r#"[0,"x","creature",{"type":0,"data":["command","sleep"],"id":1}]"#;
    say(&mut stage, &client, &[call]);
    let answer = r#"[0,"x","creature",{"id":1,"type":1,"data":["got sleep"]}]"#;
    assert_eq!(heard(&mut client), [answer]);
    made.unwrap().broadcast("born", ("Grimlock",)).unwrap();
    stage.turns(4);
    let born = r#"[0,"x","creature",{"type":0,"data":["born","Grimlock"]}]"#;
    assert_eq!(heard(&mut client), [born]);
}

#[test]
fn a_resource_without_a_channel_is_called_by_events_with_its_name() {
    let mut made = None;
    let mut stage = quiet(|primus| {
        let resources = creature(primus);
        assert_eq!(
            resources.resource("a").unwrap_err(),
            ResourceError::NoMultiplex
        );
        assert_eq!(resources.resource("").unwrap_err(), ResourceError::NoName);
        let creature = resources.resource_without_channel("creature").unwrap();
        creature
            .method("command", |call| drop(call.later()))
            .unwrap();
        creature
            .method("walk", |call| {
                call.answer(call.args());
            })
            .unwrap();
        made = Some(creature);
    });
    let mut client = stage.connect(handshake("").as_bytes());
    let ready = r#"{"type":0,"data":["creature::ready",["command","walk"]]}"#;
    assert!(client.has_heard(ready));
    client.heard.clear();
    let call = r#"{"type":0,"data":["creature::walk",1,2],"id":3}"#;
    say(&mut stage, &client, &[call]);
    made.unwrap().broadcast("born", 1).unwrap();
    stage.turns(4);
    let expected = [
        r#"{"id":3,"type":1,"data":[1,2]}"#,
        r#"{"type":0,"data":["creature::born",1]}"#,
    ];
    assert_eq!(heard(&mut client), expected);
}

#[test]
fn resources_need_the_emitter() {
    assert_eq!(
        Resources::new().resource("a").unwrap_err(),
        ResourceError::NotAdded
    );
    quiet(|primus| {
        let error = primus.plugin(Arc::new(Resources::new())).unwrap_err();
        let expected = "the plugin \"resource\" needs the plugin \"emitter\", \
                        which has to be added before it";
        assert_eq!(error.to_string(), expected);
    });
}

/// Far more subscriptions than commands that a shard takes in within two turns.
#[test]
fn a_message_to_a_channel_is_one_thing_to_do_however_many_hear_it() {
    const CLIENTS: usize = 16;
    const SUBSCRIPTIONS: usize = 256;
    let (mut stage, news) = stage(&Log::default(), |_, _| {});
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| stage.upgrade("")).collect();
    let subscribe = (0..SUBSCRIPTIONS).map(|id| frame(&format!(r#"[1,"{id}","news"]"#)));
    let subscribe = subscribe.collect::<Vec<_>>().concat();
    for client in &clients {
        client.say(&subscribe);
        stage.turns(8);
    }
    assert_eq!(news.len(), CLIENTS * SUBSCRIPTIONS);
    news.write("first").unwrap();
    stage.primus.write("between").unwrap();
    news.write("last").unwrap();
    stage.turns(2);
    for client in &mut clients {
        let texts = heard(client);
        let (first, rest) = texts.split_at(SUBSCRIPTIONS);
        let (between, last) = rest.split_first().expect("everything has arrived");
        assert!(first.iter().all(|text| text.ends_with(r#""first"]"#)));
        assert_eq!(between, r#""between""#);
        assert_eq!(last.len(), SUBSCRIPTIONS);
        assert!(last.iter().all(|text| text.ends_with(r#""last"]"#)));
    }
}
