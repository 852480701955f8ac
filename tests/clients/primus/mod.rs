//! Primus clients by line: `clients primus` does what the lines of its input say, and writes each
//! event of its clients as a line of JSON, for tests/behaviours.
//!
//! | in | what it does |
//! |---|---|
//! | `{"do":"create","client":1,"url":..,"options":{..}}` | makes a client; see `options` |
//! | `{"do":"write","client":1,"value":..}` | writes a message |
//! | `{"do":"end","client":1,"value":..}` | writes the last message, if there is one, and ends |
//! | `{"do":"open","client":1}`, `destroy`, `discard` | opens; destroys; destroys and forgets |
//! | `{"do":"id","client":1}` | answered with `{"client":1,"id":..}`, null if it was lost |
//! | `{"do":"network","client":1,"online":true}` | the network came or went |
//! | `{"do":"transform","client":1,"direction":"incoming","name":"drop"}` | see `transforms` |
//!
//! | out | when |
//! |---|---|
//! | `{"client":1,"event":"open","args":[],"at":12.5}` | an event; `at` in ms since the start |
//! | `{"client":1,"failed":"..."}` | the command could not be carried out |
//! | `{"stalled":25.0}` | all of it stood still for so many ms, so that times before mean nothing |

mod events;
mod options;
mod transforms;

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use allspark_client::{Events, Writer};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use options::Options;

/// How often it is asked whether all goes on. To be late by as much is a standstill.
const TICK: Duration = Duration::from_millis(10);

/// Lines that wait to be carried out.
const LINES_MAX: usize = 64;

/// Carries out what its input says, until that ends.
pub(crate) fn run() {
    let (lines, mut commands) = mpsc::channel(LINES_MAX);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let line = line.expect("the input is text");
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        tokio::spawn(tell_stalls());
        let mut clients = Clients::new();
        while let Some(line) = commands.recv().await {
            let command = serde_json::from_str(&line);
            clients.obey(command.unwrap_or_else(|error| panic!("{line}: {error}")));
        }
    });
}

/// One line of the input.
#[derive(Deserialize)]
struct Command {
    client: u64,
    #[serde(flatten)]
    what: What,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
enum What {
    Create {
        url: String,
        #[serde(default)]
        options: Box<Options>,
    },
    Open,
    Write {
        value: Value,
    },
    End {
        value: Option<Value>,
    },
    Destroy,
    Discard,
    Id,
    Network {
        online: bool,
    },
    Transform {
        direction: transforms::Way,
        name: transforms::Name,
    },
}

/// All clients by number.
struct Clients {
    writers: HashMap<u64, Writer>,
    begun: Instant,
}

impl Clients {
    fn new() -> Self {
        Self {
            writers: HashMap::new(),
            begun: Instant::now(),
        }
    }

    fn obey(&mut self, Command { client, what }: Command) {
        if let What::Create { url, options } = what {
            return self.create(client, &url, &options);
        }
        let Some(writer) = self.writers.get(&client) else {
            return fail(client, "there is no such client");
        };
        match what {
            What::Create { .. } | What::Open => writer.open(),
            What::Write { value } => write(client, writer, &value),
            What::End { value } => {
                if let Some(value) = value {
                    write(client, writer, &value);
                }
                drop(writer.end());
            }
            What::Destroy => drop(writer.destroy()),
            What::Discard => {
                drop(writer.destroy());
                self.writers.remove(&client);
            }
            What::Id => drop(tokio::spawn(tell_id(client, writer.clone()))),
            What::Network { online } => writer.network(online),
            What::Transform { direction, name } => {
                writer.transform(direction.into(), transforms::transform(name));
            }
        }
    }

    fn create(&mut self, client: u64, url: &str, options: &Options) {
        match options.builder(url).start() {
            Ok(primus) => {
                let (writer, events) = primus.split();
                tokio::spawn(tell(client, events, self.begun));
                self.writers.insert(client, writer);
            }
            Err(error) => fail(client, &error.to_string()),
        }
    }
}

async fn tell_stalls() {
    loop {
        let begun = Instant::now();
        tokio::time::sleep(TICK).await;
        let late = begun.elapsed().saturating_sub(TICK);
        if late > TICK {
            say(&json!({ "stalled": late.as_secs_f64() * 1000.0 }));
        }
    }
}

async fn tell_id(client: u64, writer: Writer) {
    let id = writer.id().await.ok();
    say(&json!({ "client": client, "id": id }));
}

fn write(client: u64, writer: &Writer, value: &Value) {
    if let Err(error) = writer.try_write(value) {
        fail(client, &error.to_string());
    }
}

/// Writes the events of a client down, also those after it was opened again.
async fn tell(client: u64, mut events: Events, begun: Instant) {
    let clock = events::Clock::now();
    loop {
        let Some(event) = events.next().await else {
            // It may be opened again; but nothing comes any more if it is gone.
            if events.is_over() {
                return;
            }
            continue;
        };
        let at = begun.elapsed().as_secs_f64() * 1000.0;
        if let Some(args) = events::args(&event, &clock) {
            let name = event.name();
            say(&json!({ "client": client, "event": name, "args": args, "at": at }));
        }
    }
}

fn fail(client: u64, reason: &str) {
    say(&json!({ "client": client, "failed": reason }));
}

fn say(line: &Value) {
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    written.expect("somebody listens");
}
