//! Plugins: what they attach counts at once, is detached again, and they find each other.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark_engine::{
    Attach, Decide, Layer, LayerError, Packet, Plugin, PluginError, Response, Setup, Spark,
};
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

/// What the plugin below keeps with a spark.
struct Count(u32);

/// Notes whatever it hears, and does one of everything.
struct Everything {
    log: Log,
    /// It takes its time to accept a spark.
    opens_slowly: bool,
    /// It says no when it has attached everything.
    fails: bool,
}

impl Everything {
    fn new(log: &Log) -> Self {
        Self {
            log: log.clone(),
            opens_slowly: false,
            fails: false,
        }
    }

    fn listen(&self, setup: &Setup<'_>) {
        let note = |word: &'static str| {
            let log = self.log.clone();
            move |_: &mut Spark<'_>| log.note(word)
        };
        setup.on_connection(note("connection"));
        setup.on_disconnection(note("disconnection"));
        let log = self.log.clone();
        setup.on_data(move |_, data| log.note(String::from_utf8_lossy(data.encoded())));
        let log = self.log.clone();
        setup.on_error(move |_, error| log.note(error.to_string()));
        let log = self.log.clone();
        setup.on_join_room(move |_, room| log.note(format!("joins {room}")));
    }

    fn transform(&self, setup: &Setup<'_>) {
        setup.transform_incoming(|spark: &mut Spark<'_>, packet: &mut Packet<'_>| {
            let count = spark.own::<Count>().map_or(0, |count| count.0);
            spark.set_own(Count(count + 1));
            let is_counted = packet.value().is_ok_and(|value| value["count"].is_null());
            match is_counted {
                true => packet.set(count + 1),
                false => Ok(()),
            }
        });
        setup.transform_outgoing(|packet: &mut Packet<'_>| packet.data().encoded() != b"\"drop\"");
        setup.transform_outgoing_per_spark(|spark: &Spark<'_>, packet: &mut Packet<'_>| {
            let count = spark.own::<Count>().map_or(0, |count| count.0);
            match packet.data().encoded() {
                b"\"how many?\"" => packet.set(format!("{count} so far")),
                _ => Ok(()),
            }
        });
    }
}

impl Plugin for Everything {
    fn name(&self) -> &str {
        "everything"
    }

    fn server(&self, setup: &mut Setup<'_>) -> Result<(), PluginError> {
        if self.opens_slowly {
            setup.on_connection_async(|spark| async move {
                spark.sleep(Duration::from_secs(1)).await;
            });
        }
        self.listen(setup);
        self.transform(setup);
        setup.reserve("everything");
        setup.layers().add(Layer::new("gate", |request| {
            match request.head().query().get("gate") {
                Some(_) => Err(LayerError::new("closed").status(403)),
                None => Ok(()),
            }
        }));
        let decide = |head: &allspark_engine::RequestHead<'_>| match head.path() {
            "/primus/own" | "/own" => Decide::Take,
            _ => Decide::Pass,
        };
        setup.route("own", 0, decide, |_| {
            Response::text(200, "its own\n").into()
        });
        assert!(setup.plugin::<Nothing>().is_some(), "it was added before");
        match self.fails {
            true => Err(PluginError::other("not today")),
            false => Ok(()),
        }
    }

    fn removed(&self) {
        self.log.note("removed");
    }
}

/// Is only there.
struct Nothing;

impl Plugin for Nothing {
    fn name(&self) -> &str {
        "nothing"
    }
}

fn stage(attach: impl FnOnce(&Attach)) -> (Stage<WebSockets>, Attach) {
    let mut own = None;
    let stage = quiet(|primus| {
        primus.plugin(Arc::new(Nothing)).unwrap();
        attach(primus);
        own = Some(primus.clone());
    });
    (stage, own.unwrap())
}

fn add(primus: &Attach, plugin: Everything) -> Result<(), String> {
    let added = primus.plugin(Arc::new(plugin));
    added.map_err(|error| error.to_string())
}

fn get(stage: &mut Stage<WebSockets>, path: &str) -> Client {
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut client = stage.connect(head.as_bytes());
    client.read();
    client
}

#[test]
fn what_a_plugin_attaches_counts_until_it_is_removed() {
    let log = Log::default();
    let (mut stage, primus) = stage(|primus| {
        let log = log.clone();
        primus.on_connection(|spark| spark.join("lobby").unwrap());
        primus.on_data(move |spark, data| {
            log.note(format!(
                "application: {}",
                String::from_utf8_lossy(data.encoded())
            ));
            spark.write("drop");
            spark.write("how many?");
        });
    });
    let mut early = stage.upgrade("");
    add(&primus, Everything::new(&log)).unwrap();
    stage.turns(2);
    assert_eq!(primus.layers().names().len(), 9);
    let mut client = stage.upgrade("");
    assert_eq!(log.take(), ["connection", "joins lobby"]);
    for client in [&mut early, &mut client] {
        client.say(&frame("{}"));
        stage.turns(3);
        assert_eq!(log.take(), ["application: 1", "1"]);
        assert!(client.has_heard("\"1 so far\"") && !client.has_heard("drop"));
    }
    for path in ["/primus/own", "/own"] {
        assert!(get(&mut stage, path).has_heard("its own"), "{path}");
    }
    assert!(get(&mut stage, "/primus/x?gate").has_heard(" 403 "));
    assert!(stage.primus.reserved("everything"));

    assert!(primus.plugout("everything").is_some() && primus.plugout("everything").is_none());
    assert_eq!(log.take(), ["removed"]);
    stage.turns(2);
    assert_eq!(primus.layers().names().len(), 7);
    for client in [&mut early, &mut client] {
        client.heard.clear();
        client.say(&frame("{}"));
        stage.turns(3);
        assert_eq!(log.take(), ["application: {}"]);
        assert!(client.has_heard("\"drop\"") && client.has_heard("\"how many?\""));
    }
    for path in ["/primus/own", "/own", "/primus/x?gate"] {
        let mut client = get(&mut stage, path);
        assert!(
            !client.has_heard("its own") && !client.has_heard(" 403 "),
            "{path}"
        );
    }
    assert!(!stage.primus.reserved("everything"));
    assert_eq!(stage.primus.plugins(), ["nothing"]);
}

#[test]
fn a_plugin_that_fails_or_is_there_already_leaves_nothing_behind() {
    let log = Log::default();
    let (mut stage, primus) = stage(|_| {});
    let mut failing = Everything::new(&log);
    failing.fails = true;
    assert_eq!(add(&primus, failing), Err("not today".to_owned()));
    let twice = primus.plugin(Arc::new(Nothing)).unwrap_err().to_string();
    assert_eq!(twice, "there is a plugin named \"nothing\" already");
    stage.turns(2);
    let client = stage.upgrade("");
    client.say(&frame("{}"));
    stage.turns(3);
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(primus.layers().names().len(), 7);
    assert!(!stage.primus.reserved("everything"));
    assert_eq!(stage.primus.plugins(), ["nothing"]);
}

/// A plugin whose parts panic.
struct Bomb {
    at_once: bool,
}

impl Plugin for Bomb {
    fn name(&self) -> &str {
        "bomb"
    }

    fn server(&self, setup: &mut Setup<'_>) -> Result<(), PluginError> {
        assert!(!self.at_once, "set up");
        let value = Dropped;
        setup.transform_incoming(move |_: &mut Spark<'_>, _: &mut Packet<'_>| {
            let _ = &value;
        });
        Ok(())
    }

    fn removed(&self) {
        panic!("removed");
    }
}

struct Dropped;

impl Drop for Dropped {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[test]
fn a_plugin_that_panics_harms_nobody() {
    let (mut stage, primus) = stage(|primus| {
        primus.on_data(|spark, data| {
            spark.write(data);
        });
    });
    let refused = primus.plugin(Arc::new(Bomb { at_once: true })).unwrap_err();
    assert_eq!(refused.to_string(), "it panicked: set up");
    primus.plugin(Arc::new(Bomb { at_once: false })).unwrap();
    stage.turns(2);
    assert!(primus.plugout("bomb").is_some());
    stage.turns(2);
    let mut client = stage.upgrade("");
    client.say(&frame("7"));
    stage.turns(3);
    assert!(client.has_heard("7"));
}

#[test]
fn who_listens_hears_of_plugins() {
    let log = Log::default();
    let (_, primus) = stage(|_| {});
    let (added, removed) = (log.clone(), log.clone());
    primus.on_plugin(move |name| added.note(format!("plugin {name}")));
    primus.on_plugout(move |name| removed.note(format!("plugout {name}")));
    add(&primus, Everything::new(&log)).unwrap();
    drop(primus.plugout("everything"));
    let heard = ["plugin everything", "plugout everything", "removed"];
    assert_eq!(log.take(), heard);
}

#[test]
fn data_of_a_spark_that_is_not_accepted_yet_waits_before_transforms() {
    let log = Log::default();
    let mut slow = Everything::new(&log);
    slow.opens_slowly = true;
    let (mut stage, _) = stage(|primus| add(primus, slow).unwrap());
    let mut client = stage.connect(handshake("").as_bytes());
    client.say(&frame("{}"));
    client.say(&frame("{\"count\":1}"));
    stage.turns(3);
    let counted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&counted);
    stage.primus.for_each(move |spark| {
        count.fetch_add(
            1 + usize::from(spark.own::<Count>().is_some()),
            Ordering::Relaxed,
        );
        true
    });
    stage.turns(3);
    assert_eq!(
        counted.load(Ordering::Relaxed),
        1,
        "it is there, and no transform saw anything"
    );
    assert_eq!(log.take(), [""; 0]);
    client.read();
    stage
        .net
        .advance_to(stage.net.now() + Duration::from_secs(2));
    stage.turns(6);
    assert_eq!(log.take(), ["connection", "1", "{\"count\":1}"]);
}

/// Broadcasts that are kept for each spark reach everybody although the transform for which they
/// were kept is removed meanwhile.
#[test]
fn a_broadcast_reaches_everybody_although_its_transform_is_removed() {
    let log = Log::default();
    let (mut stage, primus) = stage(|_| {});
    add(&primus, Everything::new(&log)).unwrap();
    stage.turns(2);
    let mut clients: Vec<Client> = (0..300).map(|_| stage.upgrade("")).collect();
    stage.primus.write("how many?").unwrap();
    drop(primus.plugout("everything"));
    stage.primus.write("the last").unwrap();
    stage.turns(12);
    for client in &mut clients {
        client.read();
        assert!(client.has_heard("so far\"") || client.has_heard("how many?"));
        assert!(client.has_heard("the last"));
    }
}
