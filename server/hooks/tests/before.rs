//! Clients that are asked about before there is a spark.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::*;
use crate::hooks::options::WhenConnects;

const UPGRADE: &str = "GET /primus?room=7 HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nCookie: who=ann\r\n\r\n";

fn asking(application: &Application, change: impl FnOnce(&mut HooksOptions)) -> HooksOptions {
    options(application, |options| {
        options.connect = WhenConnects::Before;
        change(options);
    })
}

/// By the cookie: `no` is refused, and everybody else is known and greeted.
fn judge(event: &Value) -> Value {
    let is_refused = event["headers"]["cookie"] == "who=no";
    match event["event"].as_str().unwrap() {
        "connect" if is_refused => json!({"refuse": {"status": 402, "message": "not today"}}),
        "connect" => json!({"data": {"name": "ann"}, "rooms": ["news"], "write": ["welcome"]}),
        _ => Value::Null,
    }
}

/// What is answered, to the end of the head and of the body that it announces.
fn ask(house: &House, request: &str) -> String {
    let mut stream = TcpStream::connect(house.server.address()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&answer).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split("\r\nContent-Length: ").nth(1);
            let length = length.map(|rest| rest.split("\r\n").next().unwrap().parse().unwrap());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
}

async fn answer(house: &Arc<House>, request: String) -> String {
    let house = Arc::clone(house);
    let asked = tokio::task::spawn_blocking(move || ask(&house, &request));
    asked.await.unwrap()
}

async fn over(house: Arc<House>) -> Arc<Hooks> {
    let house = Arc::into_inner(house).expect("nobody else has it");
    house.end().await
}

#[tokio::test]
async fn an_upgrade_is_refused_with_a_status_and_leaves_nothing() {
    let application = Application::start(judge);
    let house = Arc::new(house(&asking(&application, |_| {})));
    let refused = answer(&house, UPGRADE.replace("who=ann", "who=no")).await;
    assert!(refused.starts_with("HTTP/1.1 402 "), "{refused}");
    assert!(refused.contains("\r\nConnection: close\r\n"), "{refused}");
    assert!(refused.ends_with("{\"error\":\"not today\"}"), "{refused}");
    assert_eq!(house.primus.stats().sparks_opened, 0);
    // Pages that are refused do not come again by themselves.
    assert!(house.primus.library().contains("authorization: true"));
    let hooks = over(house).await;
    assert_eq!(hooks.counts.refused.load(Ordering::Relaxed), 1);
    let events = application.events();
    assert_eq!(events.len(), 1, "it has no spark, so none ends");
    assert_eq!(events[0].get("spark"), None);
    assert_eq!(events[0]["query"], "room=7");
}

#[tokio::test]
async fn who_is_let_in_has_what_was_said_as_soon_as_there_is_a_spark() {
    let application = Application::start(judge);
    let house = house(&asking(&application, |_| {}));
    house.primus.on_connection(|spark| {
        assert_eq!(data_of(spark), Some(&json!({"name": "ann"})));
        assert!(spark.is_in("news"));
    });
    let mut client = house.client().await;
    client.write("hello").await.unwrap();
    assert_eq!(data(&mut client).await, "welcome");
    application.wait_for(|event| event["data"] == "hello").await;
    drop(client);
    house.end().await;
    let events = application.events();
    let kinds: Vec<&Value> = events.iter().map(|event| &event["event"]).collect();
    assert_eq!(kinds, ["connect", "open", "message", "disconnect"]);
    assert_eq!(events[1]["connect"], events[0]["id"]);
    assert!(
        events[1..]
            .iter()
            .all(|event| event["spark"] == events[1]["spark"])
    );
}

#[tokio::test]
async fn a_session_that_polls_is_asked_about_once() {
    let application = Application::start(judge);
    let options = asking(&application, |_| {});
    let house = Arc::new(house_of("engine.io", &options));
    let path = "/primus/?EIO=4&transport=polling";
    let get = |path: &str, who: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: a\r\nCookie: who={who}\r\n\r\n")
    };
    let refused = answer(&house, get(path, "no")).await;
    assert!(refused.starts_with("HTTP/1.1 402 "), "{refused}");
    assert!(refused.ends_with("{\"error\":\"not today\"}"), "{refused}");
    let opened = answer(&house, get(path, "ann")).await;
    assert!(opened.starts_with("HTTP/1.1 200 "), "{opened}");
    let (_, sid) = opened.split_once("\"sid\":\"").unwrap();
    let own = format!("{path}&sid={}", sid.split_once('"').unwrap().0);
    let mut heard = opened;
    while !heard.contains("welcome") {
        heard = answer(&house, get(&own, "no")).await;
        assert!(heard.starts_with("HTTP/1.1 200 "), "{heard}");
    }
    over(house).await;
    assert_eq!(application.kinds("connect"), 2);
    assert_eq!(application.kinds("open"), 1);
    assert_eq!(application.kinds("disconnect"), 1);
}

#[tokio::test]
async fn nobody_waits_for_longer_than_two_time_outs() {
    let application = Application::start(accept);
    application.stop();
    let house = Arc::new(house(&asking(&application, |options| {
        options.timeout = Bounded::of(200);
    })));
    let late = answer(&house, UPGRADE.to_owned()).await;
    assert!(late.starts_with("HTTP/1.1 503 "), "{late}");
    assert!(late.contains("\r\nRetry-After: 1\r\n"), "{late}");
    // What is heard of it later changes nothing.
    let application = application.start_again();
    application
        .wait_for(|event| event["event"] == "connect")
        .await;
    assert_eq!(house.primus.stats().sparks_opened, 0);
    let hooks = over(house).await;
    assert_eq!(hooks.counts.turned_away.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn while_the_application_is_down_clients_may_be_refused_or_let_in() {
    let application = Application::start(accept);
    let down = |when_down: WhenDown| {
        Arc::new(house(&asking(&application, |options| {
            options.when_down = when_down;
            options.lanes = Bounded::of(1);
            options.retries = Bounded::of(1_000);
        })))
    };
    let (refusing, accepting) = (down(WhenDown::Refuse), down(WhenDown::Accept));
    application.stop();
    for _ in 0..2 {
        let refused = answer(&refusing, UPGRADE.to_owned()).await;
        assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
        let let_in = answer(&accepting, UPGRADE.to_owned()).await;
        assert!(let_in.starts_with("HTTP/1.1 101 "), "{let_in}");
    }
    let application = application.start_again();
    let hooks = over(refusing).await;
    over(accepting).await;
    assert_eq!(hooks.counts.turned_away.load(Ordering::Relaxed), 2);
    // Of the two that were let in the first one was asked about, and the second one told of once it
    // had a spark.
    assert_eq!(application.kinds("open"), 1);
    assert_eq!(application.kinds("disconnect"), 2);
}
