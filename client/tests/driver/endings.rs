//! Every way in which a client comes to its end, or back.

use std::time::Duration;

use allspark_client::{BackoffOptions, Event, OpenError, Primus, ReadyState, Strategy, WriteError};
use allspark_protocol::parser::ParserKind;
use allspark_transformers::TransformerKind;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::server::{Reserved, Server};
use crate::{KINDS, connect, data, names_to, next, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_ended_by_the_server_stays_away() {
    for kind in KINDS {
        let server = Server::start(kind);
        let mut client = connect(&server.url(), kind).await.unwrap();
        client.write(json!({ "do": "end" })).await.unwrap();
        let names = names_to(&mut client, "end").await;
        assert_eq!(names, ["readyStateChange", "close", "end"], "{kind:?}");
        assert!(next(&mut client).await.is_none());
        assert_eq!(client.ready_state(), ReadyState::Closed);
        server.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_dropped_by_the_server_comes_back() {
    for kind in KINDS {
        let server = Server::start(kind);
        let mut client = connect(&server.url(), kind).await.unwrap();
        client.write(json!({ "do": "drop" })).await.unwrap();
        let names = names_to(&mut client, "open").await;
        let expected = [
            "readyStateChange",
            "close",
            "reconnect scheduled",
            "readyStateChange",
            "reconnect",
            "reconnected",
            "readyStateChange",
            "open",
        ];
        assert_eq!(names, expected, "{kind:?}");
        client.write("back").await.unwrap();
        assert_eq!(data(&mut client).await.parse(), Ok("back".to_owned()));
        client.end().await;
        server.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_survive_a_restart_of_their_server() {
    for kind in KINDS {
        let reserved = Reserved::new();
        let address = reserved.address();
        let server = Server::start_at(kind, &address, ParserKind::Json);
        let mut client = connect(&server.url(), kind).await.unwrap();
        server.stop();
        names_to(&mut client, "reconnect scheduled").await;
        client.write("meanwhile").await.unwrap();
        let server = Server::start_at(kind, &address, ParserKind::Json);
        names_to(&mut client, "open").await;
        assert_eq!(data(&mut client).await.parse(), Ok("meanwhile".to_owned()));
        client.end().await;
        server.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_ends_is_gone_at_once_and_can_be_opened_again() {
    for kind in KINDS {
        let server = Server::start(kind);
        let mut client = connect(&server.url(), kind).await.unwrap();
        client.end().await;
        let names = names_to(&mut client, "end").await;
        assert_eq!(names, ["readyStateChange", "close", "end"], "{kind:?}");
        assert!(next(&mut client).await.is_none());
        until("the spark is gone", || server.sparks() == 0).await;

        client.open();
        names_to(&mut client, "open").await;
        assert_eq!(server.sparks(), 1);
        client.end().await;
        server.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_nobody_holds_says_goodbye_and_leaves_no_task() {
    for kind in KINDS {
        let server = Server::start(kind);
        let client = connect(&server.url(), kind).await.unwrap();
        let (writer, events) = client.split();
        drop(events);
        writer.write("last words").await.unwrap();
        assert_eq!(server.sparks(), 1, "a writer holds the client");
        drop(writer);
        until("the spark is gone", || server.sparks() == 0).await;
        let metrics = Handle::current().metrics();
        until("the task is gone", || metrics.num_alive_tasks() == 0).await;
        server.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destroyed_client_takes_nothing_any_more() {
    let server = Server::start(TransformerKind::WebSockets);
    let mut client = connect(&server.url(), TransformerKind::WebSockets)
        .await
        .unwrap();
    client.writer().destroy().await;
    let names = names_to(&mut client, "destroy").await;
    assert_eq!(names, ["readyStateChange", "close", "end", "destroy"]);
    assert!(next(&mut client).await.is_none());
    let metrics = Handle::current().metrics();
    until("the task is gone", || metrics.num_alive_tasks() == 0).await;
    assert_eq!(client.write(1).await, Err(WriteError::Gone));
    assert!(client.id().await.is_err());
    client.end().await;
    assert!(next(&mut client).await.is_none());
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_says_nothing_is_given_up_in_time() {
    for kind in KINDS {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let mut client = connect(&url, kind)
            .timeout(Duration::from_millis(100))
            .strategy(Strategy::NONE)
            .start()
            .unwrap();
        let begun = Instant::now();
        let names = names_to(&mut client, "end").await;
        assert!(begun.elapsed() >= Duration::from_millis(100));
        let expected = [
            "readyStateChange",
            "timeout",
            "readyStateChange",
            "close",
            "end",
        ];
        assert_eq!(names, expected, "{kind:?}");
        assert!(next(&mut client).await.is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_an_error_with_its_reason() {
    let nobody = Reserved::new();
    let url = nobody.url();
    for kind in KINDS {
        let result = connect(&url, kind).strategy("disconnect, online").await;
        match result {
            Err(OpenError::Failed(Some(error))) => {
                let reason = error.io_error().map(std::io::Error::kind);
                assert_eq!(
                    reason,
                    Some(std::io::ErrorKind::ConnectionRefused),
                    "{kind:?}"
                );
            }
            other => panic!("{kind:?}: {other:?} where an error was due"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_are_used_up() {
    let nobody = Reserved::new();
    let mut client = Primus::connect(nobody.url())
        .reconnect(BackoffOptions {
            min: Duration::from_millis(10),
            retries: 2,
            ..BackoffOptions::default()
        })
        .start()
        .unwrap();
    let (mut scheduled, mut failed) = (Vec::new(), Vec::new());
    while let Some(event) = next(&mut client).await {
        match event {
            Event::ReconnectScheduled(attempt) => scheduled.push(attempt.scheduled),
            Event::ReconnectFailed(attempt) => failed.push(attempt.retries),
            _ => {}
        }
    }
    assert_eq!(scheduled.len(), 2);
    assert_eq!(scheduled[0], Duration::from_millis(10));
    assert_eq!(failed, [2]);
    assert_eq!(client.ready_state(), ReadyState::Closed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_comes_back_brings_the_client_back() {
    let server = Server::start(TransformerKind::WebSockets);
    let mut client = connect(&server.url(), TransformerKind::WebSockets)
        .await
        .unwrap();
    client.writer().network(false);
    let names = names_to(&mut client, "end").await;
    assert_eq!(names, ["offline", "readyStateChange", "close", "end"]);
    client.writer().network(true);
    let names = names_to(&mut client, "open").await;
    assert_eq!(names[..2], ["online", "reconnect scheduled"]);
    client.end().await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_pings_is_offline() {
    let server = Server::start(TransformerKind::WebSockets);
    let mut client = connect(&server.url(), TransformerKind::WebSockets)
        .ping_timeout(Duration::from_millis(50))
        .await
        .unwrap();
    let names = names_to(&mut client, "reconnect scheduled").await;
    assert_eq!(
        names,
        [
            "offline",
            "readyStateChange",
            "close",
            "reconnect scheduled"
        ]
    );
    client.end().await;
    server.stop();
}

#[test]
fn a_client_whose_runtime_is_gone_says_so() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let client = runtime.block_on(async {
        let start = Primus::connect("http://127.0.0.1:1").manual(true).start();
        start.unwrap()
    });
    assert!(client.writer().try_write(1).is_ok());
    runtime.shutdown_timeout(Duration::from_secs(10));
    assert_eq!(client.writer().try_write(2), Err(WriteError::Gone));
    assert_eq!(client.ready_state(), ReadyState::Closed);
}
