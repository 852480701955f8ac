//! The chat, played by two clients.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use allspark::Destroy;
use allspark_client::{Event, Primus};
use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::{chat, play};

#[test]
fn two_clients_chat() {
    let server = chat::chat().unwrap().start("127.0.0.1:0").unwrap();
    let (address, handle) = (server.address(), server.handle());
    play(async {
        assert_refused(address).await;
        let mut ada = join(address, "ada-secret").await;
        assert_eq!(ada.line().await, line("server", "Ada has joined"));
        let mut bob = join(address, "bob-secret").await;
        for client in [&mut ada, &mut bob] {
            assert_eq!(client.line().await, line("server", "Bob has joined"));
        }
        ada.write(json!({ "to": "Bob", "text": "psst" })).await;
        ada.write(json!({ "text": "hello" })).await;
        let private = json!({ "from": "Ada", "text": "psst", "private": true });
        let mut heard = [bob.line().await, bob.line().await];
        // A private message is looked for on all shards, and may be found later than one to all.
        heard.sort_by_key(|line| line["private"] == false);
        assert_eq!(heard, [private, line("Ada", "hello")]);
        assert_eq!(ada.line().await, line("Ada", "hello"));
        ada.write(json!(5)).await;
        let answer = ada.line().await["text"].to_string();
        assert!(answer.contains("that was no message"), "{answer}");
        bob.primus.end().await;
        assert_eq!(ada.line().await, line("server", "Bob has left"));
        assert_eq!(health(address), "HTTP/1.1 200 OK");
        handle.destroy(Destroy {
            reconnect: true,
            ..Destroy::default()
        });
        ada.reconnects().await;
    });
    server.join().unwrap();
}

struct Client {
    primus: Primus,
}

async fn join(address: SocketAddr, token: &str) -> Client {
    let primus = Primus::connect(format!("http://{address}/?token={token}")).await;
    Client {
        primus: primus.unwrap(),
    }
}

async fn assert_refused(address: SocketAddr) {
    let stranger = Primus::connect(format!("http://{address}/?token=guess")).strategy("");
    assert!(stranger.await.is_err(), "strangers are let in");
}

impl Client {
    async fn write(&self, message: Value) {
        self.primus.write(message).await.unwrap();
    }

    async fn line(&mut self) -> Value {
        loop {
            match self.primus.next().await.expect("the client has ended") {
                Event::Data(data) => return data.parse().unwrap(),
                Event::Error(error) => panic!("{error}"),
                _ => {}
            }
        }
    }

    /// What the end of a server that others replace is for its clients.
    async fn reconnects(&mut self) {
        while !matches!(self.primus.next().await, Some(Event::ReconnectScheduled(_))) {}
    }
}

fn line(from: &str, text: &str) -> Value {
    json!({ "from": from, "text": text, "private": false })
}

fn health(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}
