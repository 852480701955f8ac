//! A server, clients, and an application on a thread of its own.

mod application;
mod before;
mod errors;
mod secrets;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use allspark::client::{Event, Primus as Client};
use allspark::{Builder, Destroy, Primus, Server};
use allspark_protocol::options::Bounded;
use futures_util::StreamExt;
use serde_json::{Value, json};

use super::hooked::data_of;
use super::hooks::Hooks;
use super::kind::Kind;
use super::options::{HooksOptions, WhenDown};
use crate::assembly::Assembly;
use application::{Answer, Application, accept};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

struct House {
    primus: Primus,
    server: Server,
    hooks: Arc<Hooks>,
}

fn options(application: &Application, change: impl FnOnce(&mut HooksOptions)) -> HooksOptions {
    let mut options = HooksOptions {
        url: Some(application.url().parse().unwrap()),
        ..HooksOptions::default()
    };
    change(&mut options);
    options
}

fn house(options: &HooksOptions) -> House {
    house_of("websockets", options)
}

fn house_of(transformer: &str, options: &HooksOptions) -> House {
    let builder = Builder::default().transformer(transformer).shards(2);
    let mut assembly = Assembly::new(builder, false);
    let hooks = super::assemble(options, &mut assembly).unwrap().unwrap();
    let (primus, _) = assembly.build().unwrap();
    let server = primus.start("127.0.0.1:0").unwrap();
    House {
        primus,
        server,
        hooks,
    }
}

impl House {
    async fn client(&self) -> Client {
        let url = format!("http://{}/?room=7", self.server.address());
        Client::connect(url).await.unwrap()
    }

    /// Everything has been told once this has returned.
    async fn end(self) -> Arc<Hooks> {
        self.primus.destroy(Destroy::default());
        let ended = tokio::task::spawn_blocking(|| self.server.join().unwrap());
        ended.await.unwrap();
        self.hooks
    }
}

async fn data(client: &mut Client) -> Value {
    loop {
        match client.next().await.expect("it goes on") {
            Event::Data(data) => return serde_json::from_slice(data.encoded()).unwrap(),
            Event::End => panic!("it has ended"),
            _ => {}
        }
    }
}

async fn end(client: &mut Client) {
    while !matches!(client.next().await, None | Some(Event::End)) {}
}

async fn told_to_come_again(client: &mut Client) {
    loop {
        match client.next().await {
            Some(Event::Reconnect(_) | Event::ReconnectScheduled(_)) => return,
            Some(_) => {}
            None => panic!("it is told to come again"),
        }
    }
}

#[tokio::test]
async fn an_application_hears_of_a_spark_and_answers() {
    let application = Application::start(|event| match &event["event"] {
        Value::String(kind) if kind == "connect" => json!({
            "data": {"name": "ann"}, "rooms": ["lobby", "news"], "rate": {"messages": 1_000},
        }),
        Value::String(kind) if kind == "message" => json!({"write": [event["data"], "twice"]}),
        _ => Value::Null,
    });
    let options = options(&application, |options| {
        options.secret = Some(SECRET.to_owned().into());
        options.events =
            serde_json::from_value(json!("connect,message,disconnect,join,leave")).unwrap();
    });
    let house = house(&options);
    house.primus.on_disconnection(|spark| {
        assert_eq!(
            data_of(spark),
            Some(&json!({"name": "ann"})),
            "it is there until the end"
        );
    });
    let mut client = house.client().await;
    client.write(json!({"a": [1, "ü"]})).await.unwrap();
    assert_eq!(data(&mut client).await, json!({"a": [1, "ü"]}));
    assert_eq!(data(&mut client).await, "twice");
    assert_eq!(house.primus.handle().connected(), 1);
    let (hooks, ()) = tokio::join!(house.end(), end(&mut client));
    let events = application.events();
    let kinds: Vec<_> = events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        (kinds[0], kinds[kinds.len() - 1]),
        ("connect", "disconnect")
    );
    let mut sorted = kinds.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        ["connect", "disconnect", "join", "join", "leave", "message"]
    );
    assert!(
        events
            .iter()
            .all(|event| event["spark"] == events[0]["spark"])
    );
    assert!(events[0]["query"].as_str().unwrap().starts_with("room=7&"));
    assert!(
        events[0]["address"]
            .as_str()
            .unwrap()
            .starts_with("127.0.0.1:")
    );
    let ids: std::collections::HashSet<_> = events.iter().map(|e| e["id"].to_string()).collect();
    assert_eq!(ids.len(), events.len());
    assert_eq!(
        hooks.counts.told.load(Ordering::Relaxed),
        events.len() as u64
    );
    assert_eq!(
        (
            hooks.queue_bytes(),
            hooks.dead.count.load(Ordering::Relaxed)
        ),
        (0, 0)
    );
    assert_signed(&application);
}

fn assert_signed(application: &Application) {
    let signer = super::sign::Signer::read(SECRET).unwrap();
    for request in application.requests() {
        let at = request.headers["webhook-timestamp"].parse().unwrap();
        let expected = signer
            .sign(&request.headers["webhook-id"], at, &request.body)
            .unwrap();
        assert_eq!(request.headers["webhook-signature"], expected);
        assert_eq!(request.headers["content-type"], "application/json");
    }
}

#[tokio::test]
async fn who_is_refused_is_told_why_and_says_nothing() {
    let application = Application::start(|event| match event["event"] == "connect" {
        true => json!({"refuse": {"status": 403, "message": "not today"}}),
        false => Value::Null,
    });
    let house = house(&options(&application, |_| {}));
    let mut client = house.client().await;
    client.write("never read").await.unwrap();
    let notice = json!({"authorization": "refused", "status": 403, "message": "not today"});
    assert_eq!(data(&mut client).await, notice);
    end(&mut client).await;
    house.end().await;
    let events = application.events();
    let kinds: Vec<_> = events.iter().map(|event| event["event"].clone()).collect();
    assert_eq!(kinds, ["connect", "disconnect"]);
    assert_eq!(events[1]["reason"], "refused");
}

/// A message of one client is published to the room of the other one.
#[tokio::test]
async fn an_answer_may_publish() {
    let application = Application::start(|event| match &event["event"] {
        Value::String(kind) if kind == "connect" => json!({"rooms": ["chat"]}),
        Value::String(kind) if kind == "message" => json!({"commands": [
            {"to": {"nobody": true}, "data": 1},
            {"to": {"rooms": ["chat"]}, "except": [event["spark"]], "data": event["data"]},
            {"to": {"sparks": [event["spark"]]}, "data": "said"},
        ]}),
        _ => Value::Null,
    });
    let house = house(&options(&application, |_| {}));
    let (mut ann, mut ben) = (house.client().await, house.client().await);
    for client in [&mut ann, &mut ben] {
        client.write("in").await.unwrap();
        while data(client).await != "said" {}
    }
    ben.write("hello").await.unwrap();
    while data(&mut ann).await != "hello" {}
    assert_eq!(data(&mut ben).await, "said", "it is not told what it said");
    drop((ann, ben));
    let hooks = house.end().await;
    assert_eq!(hooks.counts.unreadable.load(Ordering::Relaxed), 3);
}

/// Whoever's connect was told has its disconnect told, once: also who leaves before it is answered.
#[tokio::test]
async fn every_connect_has_one_disconnect() {
    let application = Application::start(accept);
    let house = house(&options(&application, |_| {}));
    application.hold();
    let mut clients = Vec::new();
    for number in 0..40 {
        let client = house.client().await;
        client.write(number).await.unwrap();
        clients.push(client);
    }
    clients.truncate(20);
    application.go();
    drop(clients);
    house.end().await;
    let events = application.events();
    let mut told = std::collections::HashMap::<String, Vec<String>>::new();
    for event in &events {
        let kinds = told.entry(event["spark"].to_string()).or_default();
        kinds.push(event["event"].as_str().unwrap().to_owned());
    }
    assert_eq!(told.len(), 40);
    for kinds in told.values() {
        assert_eq!(
            (&*kinds[0], &*kinds[kinds.len() - 1]),
            ("connect", "disconnect")
        );
        let ends = kinds.iter().filter(|kind| *kind == "disconnect");
        assert_eq!(ends.count(), 1, "{kinds:?}");
    }
}

/// Its connections break in the middle of requests, and for a while nobody listens.
#[tokio::test]
async fn nothing_is_lost_while_an_application_restarts() {
    const EACH: u64 = 300;
    let mut application = Application::start(accept);
    let house = house(&options(&application, |_| {}));
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(house.client().await);
    }
    for round in 0..EACH {
        for client in &mut clients {
            client.write(round).await.unwrap();
        }
        if round % 100 == 50 {
            application
                .wait_for(|event| event["data"] == round - 5)
                .await;
            application.stop();
        }
        if round % 100 == 70 {
            application = application.start_again();
        }
    }
    for client in &mut clients {
        client.write("last").await.unwrap();
    }
    while application
        .events()
        .iter()
        .filter(|event| event["data"] == "last")
        .count()
        < 8
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(clients);
    house.end().await;
    let mut next = std::collections::HashMap::<String, u64>::new();
    let mut ids = std::collections::HashSet::new();
    for event in application.events() {
        // What was heard of twice has the same id.
        if event["event"] == "message" && ids.insert(event["id"].to_string()) {
            let next = next.entry(event["spark"].to_string()).or_default();
            if *next == EACH {
                assert_eq!(event["data"], "last");
                continue;
            }
            assert_eq!(event["data"], *next);
            *next += 1;
        }
    }
    assert_eq!(next.len(), 8);
    assert!(next.values().all(|next| *next == EACH), "{next:?}");
}

/// An application that takes its time, with a client that sends without end.
#[tokio::test]
async fn a_client_whose_messages_can_not_be_taken_is_not_read_from() {
    let application = Application::start(accept);
    let house = house(&options(&application, |options| {
        options.queue = Bounded::of(256 * 1024);
        options.lanes = Bounded::of(1);
        options.timeout = Bounded::of(60_000);
    }));
    let client = house.client().await;
    client.write("first").await.unwrap();
    application.wait_for(|event| event["data"] == "first").await;
    application.hold();
    let text = "x".repeat(16 * 1024);
    let mut written = 0_u64;
    // Whatever the kernel takes on both sides: until nothing is taken any more, which is no matter
    // of the machine's standing still once so much waits.
    'taken: loop {
        let mut write = pin!(client.write(format!("{written}{text}")));
        loop {
            match tokio::time::timeout(Duration::from_millis(500), &mut write).await {
                Ok(sent) => break sent.unwrap(),
                Err(_) if house.hooks.lane(0).is_full() => break 'taken,
                Err(_) => {}
            }
        }
        written += 1;
        assert!(written < 10_000, "more than 160 MB were taken");
    }
    let waiting = house.hooks.queue_bytes();
    assert!((128 * 1024..640 * 1024).contains(&waiting), "{waiting}");
    let stats = house.primus.stats();
    assert_eq!(stats.sparks_ended, 0);
    application.go();
    client.write("last").await.unwrap();
    application.wait_for(|event| event["data"] == "last").await;
    let messages = application
        .events()
        .into_iter()
        .filter(|event| event["event"] == "message");
    let numbers = messages.filter_map(|event| {
        let text = event["data"].as_str()?.trim_end_matches('x').to_owned();
        text.parse::<u64>().ok()
    });
    let numbers: Vec<u64> = numbers.collect();
    // The one that was being written when nothing was taken any more may have been sent or not.
    assert!(
        numbers.iter().copied().eq(0..numbers.len() as u64),
        "in order, without a gap"
    );
    assert!(
        numbers.len() as u64 - written <= 1,
        "{} of {written}",
        numbers.len()
    );
    drop(client);
    house.end().await;
}

/// The same lane, and one client that sends without end.
#[tokio::test]
async fn who_floods_fills_no_queue_that_others_need() {
    let application = Application::start(accept);
    let house = house(&options(&application, |options| {
        options.queue = Bounded::of(256 * 1024);
        options.queue_per_spark = Bounded::of(64 * 1024);
        options.lanes = Bounded::of(1);
        options.timeout = Bounded::of(60_000);
    }));
    let (flood, other) = (house.client().await, house.client().await);
    for client in [&flood, &other] {
        client.write("in").await.unwrap();
    }
    while application.kinds("message") < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    application.hold();
    let text = "x".repeat(16 * 1024);
    for number in 0..64 {
        flood.write(format!("{number}{text}")).await.unwrap();
    }
    while house.hooks.counts.slowed.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let before = house.hooks.queue_bytes();
    assert!((64 * 1024..100 * 1024).contains(&before), "{before}");
    other.write("heard").await.unwrap();
    while house.hooks.queue_bytes() == before {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!house.hooks.lane(0).is_full());
    application.go();
    application.wait_for(|event| event["data"] == "heard").await;
    let last = format!("63{text}");
    application.wait_for(|event| event["data"] == last).await;
    let sent = application.events().into_iter();
    let sent = sent.filter_map(|event| {
        let text = event["data"].as_str()?.trim_end_matches('x').to_owned();
        text.parse::<u64>().ok()
    });
    assert!(sent.eq(0..64), "in order, without a gap");
    drop((flood, other));
    house.end().await;
}

#[tokio::test]
async fn bad_applications_harm_nobody() {
    let endless = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 16, " ".repeat(1 << 16));
    let answers = [
        // 2 GB, announced or not.
        Answer::Raw(
            "HTTP/1.1 200 OK\r\nContent-Length: 2147483648\r\n\r\n{".into(),
            String::new(),
        ),
        Answer::Raw(endless.into(), chunk),
        // Never, and byte by byte.
        Answer::Never,
        Answer::Raw(
            "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n".into(),
            " ".into(),
        ),
        Answer::Raw("HTTP/1.1 200 OK\r\nX: ".into(), "y".into()),
        Answer::Raw("garbage\r\n\r\n".into(), String::new()),
        Answer::Raw(
            "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n".into(),
            String::new(),
        ),
    ];
    for answer in answers {
        let application = Application::start(accept);
        let house = house(&options(&application, |options| {
            options.timeout = Bounded::of(200);
            options.retries = Bounded::of(1);
        }));
        application.answer(Some(answer));
        let mut client = house.client().await;
        // It is refused, whatever was answered.
        told_to_come_again(&mut client).await;
        application.answer(None);
        drop(client);
        house.end().await;
    }
}

/// What is not told has no disconnect.
#[tokio::test]
async fn who_comes_while_too_much_waits_is_turned_away_and_not_told() {
    let application = Application::start(accept);
    let house = house(&options(&application, |options| {
        options.queue = Bounded::of(64 * 1024);
        options.lanes = Bounded::of(1);
        options.timeout = Bounded::of(60_000);
    }));
    let first = house.client().await;
    first.write("first").await.unwrap();
    application.wait_for(|event| event["data"] == "first").await;
    application.hold();
    let text = "x".repeat(16 * 1024);
    for _ in 0..8 {
        first.write(&text).await.unwrap();
    }
    while !house.hooks.lane(0).is_full() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut second = house.client().await;
    told_to_come_again(&mut second).await;
    drop(second);
    application.go();
    first.write("last").await.unwrap();
    application.wait_for(|event| event["data"] == "last").await;
    drop(first);
    let hooks = house.end().await;
    assert_eq!(hooks.counts.turned_away.load(Ordering::Relaxed), 1);
    assert_eq!(application.kinds("connect"), 1);
    assert_eq!(application.kinds("disconnect"), 1);
    assert_eq!(application.kinds("message"), 10);
}

#[tokio::test]
async fn an_application_that_is_down_may_have_clients_refused_or_let_in() {
    let mut application = Application::start(accept);
    let down = |when_down: WhenDown| {
        house(&options(&application, |options| {
            options.when_down = when_down;
            options.lanes = Bounded::of(1);
            options.retries = Bounded::of(1_000);
        }))
    };
    let (refusing, accepting) = (down(WhenDown::Refuse), down(WhenDown::Accept));
    application.stop();
    for _ in 0..2 {
        let mut client = refusing.client().await;
        told_to_come_again(&mut client).await;
    }
    let client = accepting.client().await;
    client.write("in").await.unwrap();
    while accepting.hooks.counts.failed.load(Ordering::Relaxed) < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(accepting.primus.handle().connected(), 1);
    application = application.start_again();
    application.wait_for(|event| event["data"] == "in").await;
    drop(client);
    let hooks = refusing.end().await;
    accepting.end().await;
    // The first one was told, as nobody knew that the application is down; the second one not.
    assert_eq!(hooks.counts.turned_away.load(Ordering::Relaxed), 1);
    assert_eq!(application.kinds("connect"), 2);
    assert_eq!(application.kinds("disconnect"), 2);
}

#[tokio::test]
async fn what_could_not_be_told_is_in_the_file_of_dead_letters() {
    let path = std::env::temp_dir().join(format!("allspark-hooks-{}", std::process::id()));
    let application = Application::start(accept);
    application.stop();
    let house = house(&options(&application, |options| {
        options.when_down = WhenDown::Accept;
        options.retries = Bounded::of(0);
        options.dead_letters = Some(path.clone());
    }));
    let client = house.client().await;
    client.write("lost").await.unwrap();
    while house.hooks.dead.count.load(Ordering::Relaxed) < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(client);
    house.end().await;
    let letters = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let letters = letters
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let kinds: Vec<Value> = letters
        .map(|letter| letter["event"]["event"].clone())
        .collect();
    assert_eq!(kinds, ["connect", "message", "disconnect"]);
}

/// It counts as memory that is held for its client.
#[tokio::test]
async fn a_message_that_waits_for_the_answer_to_a_connect_is_charged() {
    let application = Application::start(accept);
    let house = house(&options(&application, |_| {}));
    application.hold();
    let client = house.client().await;
    client.write("x".repeat(1 << 20)).await.unwrap();
    let is_held = || house.primus.stats().bytes_held > 1 << 20;
    while !is_held() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    application.go();
    application
        .wait_for(|event| event["event"] == "message")
        .await;
    while is_held() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(client);
    house.end().await;
}

#[tokio::test]
async fn a_client_sends_as_fast_as_the_application_says() {
    let application = Application::start(|event| match event["event"] == "connect" {
        true => json!({"rate": {"messages": 10}}),
        false => Value::Null,
    });
    let house = house(&options(&application, |_| {}));
    let client = house.client().await;
    // 21 are two seconds' worth and one more, and the one that waited for the answer to the connect
    // came before there was a rate; each further one takes 100 ms.
    for number in 1..=24 {
        client.write(number).await.unwrap();
    }
    application.wait_for(|event| event["data"] == 24).await;
    let events = application.events();
    let at = |number: u64| {
        let event = events.iter().find(|event| event["data"] == number);
        event.and_then(|event| event["at"].as_u64()).unwrap()
    };
    assert!(at(24) - at(1) >= 190, "{}", at(24) - at(1));
    assert!(
        events[1..]
            .iter()
            .map(|event| event["data"].clone())
            .eq(1..=24)
    );
    drop(client);
    house.end().await;
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let read = |text: Value| serde_json::from_value::<HooksOptions>(text);
    let on = read(json!({"url": "http://localhost:1/x"})).unwrap();
    assert!(on.is_on() && on.check().is_ok() && !on.tells(Kind::Join));
    assert!(!HooksOptions::default().is_on());
    let partly = json!({"event-url": ["connect=http://a/"]});
    assert_eq!(read(partly).unwrap().check().unwrap_err().0, "hooks-events");
    let own =
        json!({"event-url": ["connect=http://a/", "connect=http://b/c"], "events": "connect"});
    let own = read(own).unwrap();
    assert_eq!(own.check(), Ok(()));
    assert_eq!(own.url_of(Kind::Connect).unwrap().to_string(), "http://b/c");
    let idle = json!({"url": "http://a/", "event-url": ["join=http://a/"]});
    assert_eq!(
        read(idle).unwrap().check().unwrap_err().0,
        "hooks-event-url"
    );
    for bad in [
        json!({"url": "localhost:3000"}),
        json!({"url": "http://u:p@host/"}),
        json!({"url": "ftp://host/"}),
        json!({"events": "connect,say"}),
        json!({"event-url": ["connect"]}),
        json!({"event-url": ["say=http://a/"]}),
        json!({"when-down": "wait"}),
        json!({"lanes": "65"}),
        json!({"queue": "1"}),
        json!({"headers": "a b"}),
    ] {
        assert!(read(bad.clone()).is_err(), "{bad}");
    }
}
