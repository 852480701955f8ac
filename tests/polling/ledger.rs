//! What the server has heard of each session, and what was wrong with it.
//!
//! A client writes `"CLIENT NUMBER"`, counted from 0. The server sends that back and adds a number
//! of its own, `"CLIENT own NUMBER"`; the first of them it sends before it has heard anything.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use allspark_engine::{Primus, Spark};
use allspark_transformers::AnyTransformer;

/// Numbers that must come from 0 up, each once.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    next: u32,
}

impl Sequence {
    /// Whether this is the number that is due.
    #[must_use]
    pub(crate) fn take(&mut self, number: u32) -> bool {
        let is_due = number == self.next;
        self.next += u32::from(is_due);
        is_due
    }

    /// How many have come.
    pub(crate) fn count(&self) -> u32 {
        self.next
    }
}

/// The message with this number of this client.
pub(crate) fn message(client: usize, number: u32) -> String {
    format!("\"{client} {number}\"")
}

/// What a message is, if it belongs to this client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Numbered {
    /// A number of the client.
    Client(u32),
    /// A number of the server.
    Server(u32),
}

impl Numbered {
    pub(crate) fn parse(client: usize, text: &[u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok()?;
        let text = text.strip_prefix('"')?.strip_suffix('"')?;
        let (name, rest) = text.split_once(' ')?;
        if name.parse() != Ok(client) {
            return None;
        }
        match rest.strip_prefix("own ") {
            Some(number) => number.parse().ok().map(Self::Server),
            None => rest.parse().ok().map(Self::Client),
        }
    }
}

/// What happened on the server, by the number of the client.
pub(crate) struct Ledger {
    entries: Vec<Entry>,
    faults: Mutex<Vec<String>>,
}

#[derive(Default)]
struct Entry {
    connections: AtomicU32,
    heard: AtomicU32,
    disconnections: AtomicU32,
}

impl Ledger {
    pub(crate) fn new(clients: usize) -> Arc<Self> {
        Arc::new(Self {
            entries: (0..clients).map(|_| Entry::default()).collect(),
            faults: Mutex::default(),
        })
    }

    /// Makes it the application of a server.
    pub(crate) fn attach(self: &Arc<Self>, primus: &Primus<AnyTransformer>) {
        let ledger = Arc::clone(self);
        primus.on_connection(move |spark| ledger.connected(spark));
        let ledger = Arc::clone(self);
        primus.on_disconnection(move |spark| {
            if let Some(client) = ledger.client(spark) {
                count(&ledger.entries[client].disconnections);
            }
        });
    }

    /// Something is wrong.
    pub(crate) fn fault(&self, fault: String) {
        let mut faults = self.faults.lock().expect("nothing panics while it has it");
        faults.push(fault);
    }

    /// How many messages of this client have come.
    pub(crate) fn heard(&self, client: usize) -> u32 {
        self.entries[client].heard.load(Ordering::Relaxed)
    }

    /// Says what was wrong, if anything was, and with every client that did not come and go once.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = self.faults.lock().expect("nothing panics while it has it");
        let mut faults = std::mem::take(&mut *faults);
        for (client, entry) in self.entries.iter().enumerate() {
            let counts = [&entry.connections, &entry.disconnections];
            let counts = counts.map(|count| count.load(Ordering::Relaxed));
            if counts != [1, 1] {
                faults.push(format!("session {client} came and went {counts:?} times"));
            }
        }
        faults
    }

    fn connected(self: &Arc<Self>, spark: &mut Spark<'_>) {
        let Some(client) = self.client(spark) else {
            return;
        };
        count(&self.entries[client].connections);
        spark.write(own(client, 0));
        let ledger = Arc::clone(self);
        let mut heard = Sequence::default();
        spark.on_data(move |spark, data| {
            match Numbered::parse(client, data.encoded()) {
                Some(Numbered::Client(number)) if heard.take(number) => {}
                _ => {
                    let text = String::from_utf8_lossy(data.encoded());
                    let due = heard.count();
                    ledger.fault(format!(
                        "the server hears {text} of session {client}, not {due}"
                    ));
                }
            }
            count(&ledger.entries[client].heard);
            spark.write(data);
            spark.write(own(client, heard.count()));
        });
    }

    /// The number of a spark's client, which its query holds.
    fn client(&self, spark: &Spark<'_>) -> Option<usize> {
        let client = spark.query().get("client").and_then(|n| n.parse().ok());
        let client = client.filter(|client| *client < self.entries.len());
        if client.is_none() {
            self.fault("a session has no client".to_owned());
        }
        client
    }
}

fn count(counter: &AtomicU32) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn own(client: usize, number: u32) -> String {
    format!("{client} own {number}")
}
