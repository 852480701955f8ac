//! Ids that an application gives to sparks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark_engine::io::sim::{EndpointId, SimNet};
use allspark_engine::sim::SimServer;
use allspark_engine::{Handle, IdRequest, LayerRequest, Options, Spark, Verdict};
use allspark_transformers::websockets::WebSockets;

use crate::stage::{frame, handshake, quiet};

type Seen = Arc<Mutex<Vec<String>>>;

/// The id that a client wants.
fn wanted(request: &IdRequest<'_>) -> String {
    let query = request.head().query();
    query.get("id").unwrap_or_default().into_owned()
}

const PAUSE: Duration = Duration::from_millis(50);

fn find(primus: &Handle, id: &str, seen: &Seen) {
    let seen = Arc::clone(seen);
    primus.find_given(id, move |spark| {
        let words = spark.map_or("nobody", |spark: &mut Spark<'_>| {
            spark.write("found");
            "found"
        });
        seen.lock().unwrap().push(words.to_owned());
    });
}

fn take(seen: &Seen) -> Vec<String> {
    std::mem::take(&mut *seen.lock().unwrap())
}

#[test]
fn a_spark_is_found_by_the_id_that_was_given_to_it_until_it_ends() {
    let seen = Seen::default();
    let mut stage = quiet(|primus| {
        primus.id_generator(wanted);
        primus.on_connection(|spark| {
            let id = spark.given_id().unwrap_or("none").to_owned();
            spark.write(id);
        });
        let seen = Arc::clone(&seen);
        primus.on_disconnection(move |spark| {
            let id = spark.given_id().unwrap_or("none").to_owned();
            seen.lock().unwrap().push(id);
        });
    });
    let opening = |id: &str| handshake("").replace("/primus", &format!("/primus?id={id}"));
    let mut client = stage.connect(opening("a%22b").as_bytes());
    assert!(client.has_heard("\"a\\\"b\""));
    client.say(&frame("\"primus::id::\""));
    stage.turns(4);
    assert!(client.has_heard("\"primus::id::a\\\"b\""));
    find(&stage.primus, "a\"b", &seen);
    find(&stage.primus, "b", &seen);
    stage.turns(4);
    assert!(client.has_heard("found"));
    assert_eq!(take(&seen), ["found", "nobody"]);

    // Another one with the same id takes it over, and the end of the first takes nothing from it.
    let mut other = stage.connect(opening("a%22b").as_bytes());
    client.leave();
    stage.turns(4);
    assert_eq!(take(&seen), ["a\"b"]);
    find(&stage.primus, "a\"b", &seen);
    stage.turns(4);
    assert!(other.has_heard("found"));
    other.leave();
    stage.turns(4);
    find(&stage.primus, "a\"b", &seen);
    stage.turns(4);
    assert_eq!(take(&seen), ["found", "a\"b", "nobody"]);

    // What can't be an id is none.
    for id in ["", &"x".repeat(129)] {
        let mut client = stage.connect(opening(id).as_bytes());
        assert!(client.has_heard("none"));
    }
    let mut client = stage.connect(opening(&"x".repeat(128)).as_bytes());
    assert!(!client.has_heard("none"));
    assert_eq!(stage.primus.stats().handlers_panicked, 0);
}

/// An id for which somebody has to be asked: a layer that takes its time does so.
#[test]
fn an_id_is_made_of_what_a_layer_has_attached() {
    struct Account(String);

    fn look_up(request: &mut LayerRequest<'_>) -> Verdict {
        let (mut ticket, pause) = (request.later(), request.executor().sleep(PAUSE));
        request.spawn(async move {
            pause.await;
            ticket.attach(Account("account-7".to_owned()));
            ticket.next();
        });
        Verdict::Later
    }

    let mut stage = quiet(|primus| {
        primus.authorize(look_up);
        primus.id_generator(|request| {
            let account = request.attached::<Account>();
            account.map_or_else(|| wanted(request), |account| account.0.clone())
        });
        // What was attached is still the spark's.
        primus.on_connection(|spark| {
            let has_account = spark.attached::<Account>().is_some();
            spark.write(format!("{:?} {has_account}", spark.given_id()));
        });
    });
    let mut client = stage.connect(handshake("").as_bytes());
    stage.turns(60);
    assert!(client.has_heard("Some(\\\"account-7\\\") true"));
}

#[test]
fn a_generator_that_panics_leaves_the_spark_its_own_id() {
    let mut stage = quiet(|primus| primus.id_generator(|_| panic!("on purpose")));
    let mut client = stage.upgrade("");
    client.say(&frame("\"primus::id::\""));
    stage.turns(4);
    assert!(client.has_heard("primus::id::"));
    assert_eq!(stage.primus.stats().handlers_panicked, 1);
}

#[test]
fn a_spark_is_found_on_whatever_shard_it_is() {
    const SHARDS: u16 = 3;
    let net = SimNet::default();
    let transformer = WebSockets::uncompressed(1 << 20);
    let mut server = SimServer::new(
        &net,
        Options::default(),
        &transformer,
        SHARDS,
        7,
        |primus| {
            primus.id_generator(wanted);
        },
    );
    server.settle();
    let pass = |server: &mut SimServer<WebSockets>| {
        for _ in 0..100 {
            server.settle();
            while net.next_client_notice().is_some() {}
            net.advance_to(net.now() + Duration::from_millis(1));
        }
    };
    let dial = |shard: u16| {
        let endpoint = net.connect(usize::from(shard), Duration::ZERO);
        let endpoint = endpoint.expect("the server listens");
        let opening = handshake("").replace("/primus", &format!("/primus?id=on-{shard}"));
        net.send(endpoint, opening.as_bytes());
        endpoint
    };
    let clients: Vec<EndpointId> = (0..SHARDS).map(dial).collect();
    pass(&mut server);
    let seen = Seen::default();
    for shard in 0..SHARDS {
        find(&server.handle(), &format!("on-{shard}"), &seen);
    }
    find(&server.handle(), "nowhere", &seen);
    pass(&mut server);
    let mut found = take(&seen);
    found.sort();
    assert_eq!(found, ["found", "found", "found", "nobody"]);
    for endpoint in clients {
        let heard = net.receive(endpoint, 4096).expect("it is open");
        assert!(
            heard.ends_with(b"\"found\""),
            "{}",
            String::from_utf8_lossy(&heard)
        );
    }
}
