//! The plugin on a real server, with a client in Rust and with one in Node.js.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use allspark::client::{Event, Primus as Client};
use allspark::{Destroy, Primus, Server};
use allspark_quota::Quota;
use futures_util::StreamExt;

/// A server that echoes, with a quota of 3 in a period that no test waits for.
fn start(period: Duration) -> (Primus, Server, Quota) {
    let quota = Quota::new(3, period);
    let primus = Primus::builder().shards(1).plugin(quota.clone());
    let primus = primus.build().unwrap();
    primus.on_data(|spark, data| {
        spark.write(data);
    });
    let server = primus.start("127.0.0.1:0").unwrap();
    (primus, server, quota)
}

const NEVER: Duration = Duration::from_secs(3600);

async fn connect(server: &Server) -> Client {
    Client::connect(format!("http://{}", server.address()))
        .await
        .unwrap()
}

async fn next(client: &mut Client) -> String {
    loop {
        if let Event::Data(data) = client.next().await.unwrap() {
            return String::from_utf8(data.encoded().to_vec()).unwrap();
        }
    }
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("GET {path} HTTP/1.0\r\nHost: a\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test]
async fn what_is_too_much_is_dropped_and_told_once() {
    let (primus, server, quota) = start(NEVER);
    let mut client = connect(&server).await;
    for number in 1..=6 {
        client.write(number).await.unwrap();
    }
    for expected in ["1", "2", "3", "{\"quota\":3}"] {
        assert_eq!(next(&mut client).await, expected);
    }
    let mut other = connect(&server).await;
    other.write("another one has its own").await.unwrap();
    assert_eq!(next(&mut other).await, "\"another one has its own\"");
    while quota.dropped() < 3 {
        tokio::task::yield_now().await;
    }
    let answer = get(server.address(), "/primus/quota");
    assert!(answer.ends_with("{\"dropped\":3}"), "{answer}");
    let answer = get(server.address(), "/primus/x");
    assert!(answer.contains("X-Quota: 3\r\n"), "{answer}");
    assert!(primus.reserved("quota") && primus.plugout("quota") && !primus.reserved("quota"));
    let answer = get(server.address(), "/primus/quota");
    assert!(!answer.contains("dropped"), "{answer}");
    drop((client, other));
    primus.destroy(Destroy::default());
    server.join().unwrap();
}

#[tokio::test]
async fn after_a_period_a_client_may_send_again() {
    let (primus, server, _) = start(Duration::from_millis(20));
    let mut client = connect(&server).await;
    let mut echoed = 0;
    while echoed < 7 {
        client.write("again").await.unwrap();
        echoed += u32::from(next_or_none(&mut client).await);
    }
    drop(client);
    primus.destroy(Destroy::default());
    server.join().unwrap();
}

/// Whether an echo has come. A client over its quota hears of it once, then nothing.
async fn next_or_none(client: &mut Client) -> bool {
    let wait = Duration::from_millis(10);
    let heard = tokio::time::timeout(wait, next(client)).await;
    heard.is_ok_and(|heard| heard == "\"again\"")
}

#[test]
fn a_quota_of_nothing_is_refused() {
    let refused = Primus::builder().plugin(Quota::new(0, NEVER)).build();
    let refused = refused.unwrap_err().to_string();
    assert_eq!(refused, "with a quota of 0 nobody could say anything");
}

/// The client half in the library that the server makes for Node.js.
#[test]
fn a_client_in_javascript_emits_the_event() {
    let (primus, server, _) = start(NEVER);
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("primus.cjs");
    std::fs::write(&library, primus.library_for_node()).unwrap();
    let script = "
        const Primus = require(process.argv[1]);
        const primus = Primus.connect(process.argv[2]);
        const heard = [];
        primus.on('open', () => [1, 2, 3, 4, 5].forEach((n) => primus.write(n)));
        primus.on('data', (data) => heard.push(data));
        primus.on('quota', (quota) => {
            console.log(JSON.stringify({ heard, quota }));
            primus.end();
        });";
    let url = format!("http://{}", server.address());
    let mut node = Command::new("node");
    let node = node.args(["-e", script]).arg(&library).arg(url);
    let output = node.output().expect("there is Node.js");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(said, "{\"heard\":[1,2,3],\"quota\":3}\n", "{output:?}");
    primus.destroy(Destroy::default());
    server.join().unwrap();
}
