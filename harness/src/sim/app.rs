//! The application of a simulated server: it says who came and who went, and writes each message
//! back, or to a room, unless it is broken on purpose.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use allspark_engine::Attach;
use allspark_engine::io::sim::{EndpointId, SimNet};
use allspark_engine::{Data, EndOptions, Spark, SparkHandle, Value};

use super::plan::{Sabotage, Talk};
use super::questions::{Open, Settled};
use super::rooms::ROOMS;
use super::villains::MARK;
use crate::workload::message::{self, Stamp};
use crate::workload::wording::Wording;

/// What a server's application has heard, or done.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) node: u16,
    /// The server's end of the connection.
    pub(super) end: EndpointId,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    /// A `connection`, with the spark's handle where somebody writes through it.
    Connection(Option<SparkHandle>),
    Disconnection,
    /// A handler wrote something.
    Wrote(Wrote),
    /// Whoever asked a question is told what became of it.
    Settled(Settled),
}

/// What a handler wrote.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wrote {
    pub(super) stamp: Stamp,
    /// The room that it is for, by its number; nothing if it is for the client of the spark alone.
    pub(super) room: Option<usize>,
    /// The client of the spark does not get it.
    pub(super) is_for_others: bool,
}

/// Where applications say what they have heard.
pub(super) type Log = Arc<Mutex<Vec<Heard>>>;

/// How many messages the handlers of sparks have written, by the server's end of the connection.
/// The numbers of ends are used again, and with them these go on.
pub(super) type Counters = Arc<Mutex<HashMap<EndpointId, u32>>>;

/// One server's application.
#[derive(Clone)]
pub(super) struct App {
    pub(super) node: u16,
    pub(super) log: Log,
    pub(super) counters: Counters,
    pub(super) questions: Open,
    /// What it does with messages.
    pub(super) talk: Talk,
    /// The first number of handlers as senders; the others follow by their end of the connection.
    pub(super) first_sender: u32,
    pub(super) message_bytes: usize,
    pub(super) wording: Wording,
    pub(super) sabotage: Option<Sabotage>,
}

impl App {
    pub(super) fn attach(self, primus: &Attach) {
        let app = self.clone();
        primus.on_connection(move |spark| {
            let is_reached = app.talk == Talk::Rooms;
            let handle = is_reached.then(|| spark.handle());
            app.hear(spark, What::Connection(handle));
            match app.talk {
                Talk::Echo => {
                    let mut echo = Echo::new(&app);
                    spark.on_data(move |spark, data| echo.answer(spark, &data));
                }
                Talk::Rooms => {
                    let app = app.clone();
                    spark.on_data(move |spark, data| app.publish(spark, &data));
                }
                Talk::Nothing | Talk::Broadcast => {}
            }
        });
        primus.on_disconnection(move |spark| {
            self.hear(spark, What::Disconnection);
            if spark.query().get(MARK).is_none() {
                self.questions.forget(SimNet::end_of(spark.address()));
            }
            if self.sabotage == Some(Sabotage::TellsTwice) {
                self.hear(spark, What::Disconnection);
            }
        });
    }

    /// Writes a message to a room, and for every third one to the client itself as well.
    fn publish(&self, spark: &mut Spark<'_>, data: &Data<'_>) {
        let text = self.wording.text(data.encoded());
        if self.is_answer(spark, text) {
            return;
        }
        let Ok(Stamp { sequence, .. }) = message::decode(text, self.message_bytes) else {
            return;
        };
        let room = sequence as usize % ROOMS.len();
        let wrote = Wrote {
            stamp: self.next_stamp(spark),
            room: Some(room),
            is_for_others: sequence % 4 == 3,
        };
        let except = wrote.is_for_others.then(|| spark.id());
        self.hear(spark, What::Wrote(wrote));
        let value = self.value(wrote.stamp);
        let mut primus = spark.primus();
        let written = primus.room(ROOMS[room]).except(except).write(&value);
        written.expect("a text can be encoded");
        if sequence.is_multiple_of(3) {
            let wrote = Wrote {
                stamp: self.next_stamp(spark),
                room: None,
                is_for_others: false,
            };
            self.hear(spark, What::Wrote(wrote));
            spark.write(self.value(wrote.stamp));
        }
    }

    /// What a handler writes next.
    fn next_stamp(&self, spark: &Spark<'_>) -> Stamp {
        let end = SimNet::end_of(spark.address());
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counters.entry(end).or_default();
        *count += 1;
        Stamp {
            from: self.first_sender + end.0,
            sequence: *count - 1,
            sent_ns: 0,
        }
    }

    fn value(&self, stamp: Stamp) -> Value {
        let mut text = Vec::new();
        message::encode(stamp, self.message_bytes, &mut text);
        self.wording.value(&text)
    }

    pub(super) fn hear(&self, spark: &Spark<'_>, what: What) {
        if spark.query().get(MARK).is_some() {
            return;
        }
        let heard = Heard {
            node: self.node,
            end: SimNet::end_of(spark.address()),
            what,
        };
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push(heard);
    }
}

/// The sabotaged server does something to one of so many messages of the first client.
const SABOTAGED_ONE_IN: u32 = 4;

/// Writes the messages of one spark back.
struct Echo {
    app: App,
    /// What the next message overtakes.
    held: Option<Value>,
}

impl Echo {
    fn new(app: &App) -> Self {
        Self {
            app: app.clone(),
            held: None,
        }
    }

    fn answer(&mut self, spark: &mut Spark<'_>, data: &Data<'_>) {
        match self.misdeed(data) {
            Some((sabotage, stamp)) => self.betray(spark, data, sabotage, stamp),
            None => {
                spark.write(data);
                if let Some(held) = self.held.take() {
                    spark.write(held);
                }
            }
        }
    }

    /// What is to be done to this message, if anything.
    fn misdeed(&self, data: &Data<'_>) -> Option<(Sabotage, Stamp)> {
        let sabotage = self.app.sabotage?;
        let text = self.app.wording.text(data.encoded());
        let stamp = message::decode(text, self.app.message_bytes).ok()?;
        let is_chosen = stamp.from == 0 && stamp.sequence % SABOTAGED_ONE_IN == 1;
        is_chosen.then_some((sabotage, stamp))
    }

    fn betray(&mut self, spark: &mut Spark<'_>, data: &Data<'_>, sabotage: Sabotage, stamp: Stamp) {
        match sabotage {
            Sabotage::Loses => return,
            Sabotage::Reorders => {
                self.held = data.value().ok().cloned();
                return;
            }
            Sabotage::Corrupts => {
                // Its third number is when it was sent.
                let text = String::from_utf8_lossy(self.app.wording.text(data.encoded()));
                let mut parts: Vec<&str> = text.splitn(4, ',').collect();
                parts[2] = "0";
                spark.write(self.app.wording.value(parts.join(",").as_bytes()));
                return;
            }
            Sabotage::Duplicates => {
                spark.write(data);
            }
            Sabotage::Invents => self.forge(spark, stamp.from, stamp.sequence + 1_000),
            Sabotage::Misdelivers => self.forge(spark, stamp.from + 1, 0),
            Sabotage::EndsTheLiving => {
                spark.end_with(EndOptions { reconnect: true });
            }
            _ => {}
        }
        spark.write(data);
    }

    /// Writes what somebody sent to somebody else, or nobody to anybody.
    fn forge(&self, spark: &mut Spark<'_>, from: u32, sequence: u32) {
        let stamp = Stamp {
            from,
            sequence,
            sent_ns: 0,
        };
        spark.write(self.app.value(stamp));
    }
}
