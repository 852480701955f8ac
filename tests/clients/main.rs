//! Our clients as programs.
//!
//! `clients primus` is whole Primus clients by line: see [`primus`]. `clients schedules` prints
//! when they come back: see [`schedules`].
//!
//! The client halves of the transports against a server of the other kind: `clients TRANSPORT
//! ADDRESS` goes through one list against a scripted server (tests/support/scripted.rs, or
//! tests/interop/node-server.js, which is Primus on Node.js) and leaves with 0 if all is well.
//!
//! tests/interop/rust-clients.test.js starts the servers and runs it.

mod connection;
#[path = "../support/halves.rs"]
mod halves;
mod primus;
mod schedules;
mod transports;

use std::net::SocketAddr;

use allspark_protocol::transformer::End;
use serde_json::{Value, json};

use connection::{Connection, Heard};

fn main() {
    let mut args = std::env::args().skip(1).peekable();
    if args.next_if_eq("primus").is_some() {
        return primus::run();
    }
    if args.next_if_eq("schedules").is_some() {
        return schedules::print(args);
    }
    let (Some(name), Some(address)) = (args.next(), args.next()) else {
        panic!(
            "usage: clients TRANSPORT ADDRESS; the transports are {:?}",
            transports::NAMES
        );
    };
    let server = Server {
        name,
        address: address.parse().expect("an address and port"),
    };
    for (what, case) in CASES {
        eprintln!("{what}");
        case(&server);
    }
}

/// The list, in the order in which it is gone through.
const CASES: &[Case] = &[
    ("values come back as they went", values),
    ("10,000 messages go both ways in order", many),
    ("10,000 messages of one moment arrive in order", flood),
    ("a spark knows its id and its query", description),
    ("a client that ends is gone", leave),
    ("a client that is ended hears the last words", last_words),
];

/// What a case shows, and how.
type Case = (&'static str, fn(&Server));

const MANY: u32 = 10_000;

/// The server, and how it is spoken to.
struct Server {
    name: String,
    address: SocketAddr,
}

impl Server {
    fn connect(&self, seed: u64) -> Connection {
        let host = self.address.to_string();
        let transport = transports::transport(&self.name, &host, "/primus?token=a%20b", seed);
        Connection::open(self.address, transport)
    }
}

fn values(server: &Server) {
    let mut client = server.connect(1);
    let long = "x\u{2028}👋%+&=\u{0}\"\\".repeat(50_000);
    for value in [
        json!([1, 0, -1, 1.5, 1e21, 5e-324]),
        json!([null, true, false, "", {}, [[]], { "": {} }]),
        json!("Grüße 👋🏽 𝄞 \u{2028} \u{1} </script>"),
        json!(long),
    ] {
        assert_eq!(
            ask(&mut client, &json!({ "do": "write", "value": value })),
            value
        );
    }
    leave_quietly(client);
}

fn many(server: &Server) {
    let mut client = server.connect(2);
    for n in 0..MANY {
        client.send(&json!({ "do": "write", "value": n }).to_string());
    }
    for n in 0..MANY {
        assert_eq!(client.text(), n.to_string());
    }
    leave_quietly(client);
}

fn flood(server: &Server) {
    let mut client = server.connect(3);
    client.send(&json!({ "do": "count", "to": MANY }).to_string());
    for n in 0..MANY {
        assert_eq!(client.text(), n.to_string());
    }
    leave_quietly(client);
}

fn description(server: &Server) {
    let mut client = server.connect(4);
    let spark = ask(&mut client, &json!({ "do": "describe" }));
    assert_eq!(spark["query"]["token"], "a b");
    let packet = ask(&mut client, &json!("primus::id::"));
    let id = packet
        .as_str()
        .expect("a string")
        .strip_prefix("primus::id::");
    assert_eq!(id, spark["id"].as_str());
    leave_quietly(client);
}

fn leave(server: &Server) {
    let (mut observer, mut client) = (server.connect(5), server.connect(6));
    // It has been served, so it must be missed.
    ask(&mut client, &json!({ "do": "counts" }));
    // Those of the cases before may take their time.
    while connected(&mut observer) > 2 {}
    client.close();
    assert_eq!(client.hear(), Heard::Ended(End::Goodbye));
    client.finish();
    while connected(&mut observer) > 1 {}
    leave_quietly(observer);
}

fn last_words(server: &Server) {
    let mut client = server.connect(7);
    client.send(r#"{"do":"write","value":1}"#);
    client.send(r#"{"do":"end","data":"bye"}"#);
    for expected in ["1", r#""bye""#, r#""primus::server::close""#] {
        assert_eq!(client.text(), expected);
    }
    assert_eq!(client.hear(), Heard::Ended(End::Goodbye));
    client.finish();
}

fn leave_quietly(mut client: Connection) {
    client.close();
    assert_eq!(client.hear(), Heard::Ended(End::Goodbye));
    client.finish();
}

/// How many sparks the server has.
fn connected(client: &mut Connection) -> u64 {
    let counts = ask(client, &json!({ "do": "counts" }));
    let count = |name: &str| counts[name].as_u64().expect("a number");
    count("connection") - count("disconnection")
}

/// Sends a message and waits for the answer.
fn ask(client: &mut Connection, message: &Value) -> Value {
    client.send(&message.to_string());
    serde_json::from_str(&client.text()).expect("JSON")
}
