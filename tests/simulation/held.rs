//! Sessions that poll, whose application takes its time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark::TransformerKind;
use allspark_engine::io::sim::EndpointId;
use allspark_engine::{LocalSpark, Options, SparkStream};
use futures_util::StreamExt;

use crate::by_hand::ByHand;

/// Bytes of a request's body that bring as many messages as may wait, and one more.
const MESSAGE_BYTES: usize = 30_000;

type Words = Arc<Mutex<Vec<String>>>;

/// A server whose application begins to take data after some seconds.
fn server(seconds: u64) -> (ByHand, Words) {
    let words = Words::default();
    let noted = Arc::clone(&words);
    let options = Options {
        ping_interval: Some(5_000).try_into().unwrap(),
        ..Options::default()
    };
    let stage = ByHand::serving(TransformerKind::EngineIo, 2, options, move |primus| {
        primus.on_stream(move |mut stream: SparkStream| {
            let noted = Arc::clone(&noted);
            async move {
                stream.sleep(Duration::from_secs(seconds)).await;
                while let Some(data) = stream.next().await {
                    let word = data.parse::<String>().unwrap();
                    noted.lock().unwrap().push(word[..4].to_owned());
                }
                noted.lock().unwrap().push("end".to_owned());
            }
        });
    });
    (stage, words)
}

/// The path of a session of its own.
fn open(stage: &mut ByHand, end: EndpointId) -> String {
    let path = "/primus/?EIO=4&transport=polling";
    let get = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    stage.send_all(end, get.as_bytes());
    let (answer, _) = stage.read_all(end);
    let sid = answer.split_once("\"sid\":\"").unwrap().1;
    format!("{path}&sid={}", sid.split_once('"').unwrap().0)
}

fn message(number: usize) -> String {
    format!("4\"{number:04}{}\"", "x".repeat(MESSAGE_BYTES))
}

fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn has_answered(stage: &mut ByHand, end: EndpointId) -> bool {
    let (answer, _) = stage.read_all(end);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 200 "),
        "{answer}"
    );
    !answer.is_empty()
}

/// One request after the other, each when the one before was answered, as clients do. The client
/// answers pings of either kind in its own time.
#[test]
fn a_request_waits_until_the_application_takes_more() {
    let (mut stage, words) = server(60);
    let (poll, send) = (stage.connect(0), stage.connect(1));
    let path = open(&mut stage, poll);
    let get = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    let (mut next, mut waits, mut polls) = (0, false, false);
    let mut held_most = 0;
    let mut answers = String::new();
    for second in 0..70 {
        if !polls {
            stage.send_all(poll, get.as_bytes());
            polls = true;
        }
        let (heard, _) = stage.read_all(poll);
        if !heard.is_empty() {
            polls = false;
            // What it owes: a pong of the transport, and one of Primus.
            answers += if heard.contains("\r\n\r\n2") || heard.contains("\u{1e}2") {
                "3\u{1e}"
            } else {
                ""
            };
            if let Some((_, ping)) = heard.split_once("primus::ping::") {
                let time: String = ping.chars().take_while(char::is_ascii_digit).collect();
                answers += &format!("4\"primus::pong::{time}\"\u{1e}");
            }
        }
        waits = waits && !has_answered(&mut stage, send);
        if !waits && next < 40 {
            let body = std::mem::take(&mut answers) + &message(next);
            stage.send_all(send, post(&path, &body).as_bytes());
            next += 1;
            waits = !has_answered(&mut stage, send);
        }
        held_most = held_most.max(stage.stats().bytes_held);
        if (5..55).contains(&second) {
            let is_held = waits && (3..=4).contains(&next);
            assert!(is_held, "{second}: {next} were sent");
        }
        stage.seconds(1);
    }
    assert!(held_most < 200_000, "{held_most}");
    while next < 40 {
        stage.send_all(send, post(&path, &message(next)).as_bytes());
        assert!(has_answered(&mut stage, send), "nothing waits any more");
        next += 1;
    }
    stage.seconds(1);
    let numbers: Vec<String> = (0..40).map(|number| format!("{number:04}")).collect();
    assert_eq!(*words.lock().unwrap(), numbers);
    let stats = stage.stats();
    assert_eq!((stats.sparks_ended, stats.handlers_panicked), (0, 0));
}

/// A client that leaves while its request waits.
#[test]
fn nothing_is_left_of_a_request_whose_client_has_gone() {
    for announced in [false, true] {
        let (mut stage, words) = server(10);
        let (poll, send) = (stage.connect(0), stage.connect(0));
        let path = open(&mut stage, poll);
        for number in 0..3 {
            stage.send_all(send, post(&path, &message(number)).as_bytes());
            assert!(has_answered(&mut stage, send));
        }
        let request = post(&path, &message(3));
        let (first, second) = request.split_at(request.len() / 2);
        match announced {
            true => [first, second].map(|part| stage.send_all(send, part.as_bytes())),
            false => [request.as_str(), ""].map(|part| stage.send_all(send, part.as_bytes())),
        };
        assert!(!has_answered(&mut stage, send));
        assert!(stage.stats().bytes_held > 120_000);
        stage.net.close(send);
        stage.seconds(5);
        assert!(stage.stats().bytes_held < 120_000, "the request is gone");
        stage.seconds(90);
        let words = words.lock().unwrap();
        assert_eq!(*words, ["0000", "0001", "0002", "end"], "{announced}");
        let stats = stage.stats();
        assert_eq!((stats.sparks_ended, stats.bytes_held), (1, 0));
    }
}

/// Early data of a session that polls.
#[test]
fn requests_wait_for_async_connection_listeners_too() {
    let words = Words::default();
    let noted = Arc::clone(&words);
    let mut stage = ByHand::serving(
        TransformerKind::EngineIo,
        1,
        Options::default(),
        move |primus| {
            primus.on_connection_async(|spark: LocalSpark| async move {
                spark.sleep(Duration::from_secs(5)).await;
            });
            primus.on_data(move |_, data| {
                let word = data.parse::<String>().unwrap();
                noted.lock().unwrap().push(word[..4].to_owned());
            });
        },
    );
    let (poll, send) = (stage.connect(0), stage.connect(0));
    let path = open(&mut stage, poll);
    let mut answered = 0;
    while {
        stage.send_all(send, post(&path, &message(answered)).as_bytes());
        has_answered(&mut stage, send)
    } {
        answered += 1;
        assert!(answered < 10);
    }
    assert_eq!((answered, words.lock().unwrap().len()), (3, 0));
    stage.seconds(6);
    assert!(has_answered(&mut stage, send));
    assert_eq!(*words.lock().unwrap(), ["0000", "0001", "0002", "0003"]);
}
