//! The application of a simulated server: it says who came and who went, and writes each message
//! back, unless it is broken on purpose.

use std::sync::{Arc, Mutex, PoisonError};

use allspark_engine::Attach;
use allspark_engine::io::sim::{EndpointId, SimNet};
use allspark_engine::{Data, EndOptions, Spark, Value};

use super::plan::Sabotage;
use super::villains::MARK;
use crate::workload::message::{self, Stamp};
use crate::workload::wording::Wording;

/// What a server's application has heard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    pub(super) node: u16,
    /// The server's end of the connection.
    pub(super) end: EndpointId,
    pub(super) is_connection: bool,
}

/// Where applications say what they have heard.
pub(super) type Log = Arc<Mutex<Vec<Heard>>>;

/// One server's application.
#[derive(Clone)]
pub(super) struct App {
    pub(super) node: u16,
    pub(super) log: Log,
    /// Whether it writes messages back.
    pub(super) echoes: bool,
    pub(super) message_bytes: usize,
    pub(super) wording: Wording,
    pub(super) sabotage: Option<Sabotage>,
}

impl App {
    pub(super) fn attach(self, primus: &Attach) {
        let app = self.clone();
        primus.on_connection(move |spark| {
            app.hear(spark, true);
            if app.echoes {
                let mut echo = Echo::new(&app);
                spark.on_data(move |spark, data| echo.answer(spark, &data));
            }
        });
        primus.on_disconnection(move |spark| {
            self.hear(spark, false);
            if self.sabotage == Some(Sabotage::TellsTwice) {
                self.hear(spark, false);
            }
        });
    }

    fn hear(&self, spark: &Spark<'_>, is_connection: bool) {
        if spark.query().get(MARK).is_some() {
            return;
        }
        let heard = Heard {
            node: self.node,
            end: SimNet::end_of(spark.address()),
            is_connection,
        };
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push(heard);
    }
}

/// The sabotaged server does something to one of so many messages of the first client.
const SABOTAGED_ONE_IN: u32 = 4;

/// Writes the messages of one spark back.
struct Echo {
    sabotage: Option<Sabotage>,
    message_bytes: usize,
    wording: Wording,
    /// What the next message overtakes.
    held: Option<Value>,
}

impl Echo {
    fn new(app: &App) -> Self {
        Self {
            sabotage: app.sabotage,
            message_bytes: app.message_bytes,
            wording: app.wording,
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
        let sabotage = self.sabotage?;
        let stamp = message::decode(self.wording.text(data.encoded()), self.message_bytes).ok()?;
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
                let text = String::from_utf8_lossy(self.wording.text(data.encoded()));
                let mut parts: Vec<&str> = text.splitn(4, ',').collect();
                parts[2] = "0";
                spark.write(self.wording.value(parts.join(",").as_bytes()));
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
        let mut text = Vec::new();
        message::encode(stamp, self.message_bytes, &mut text);
        spark.write(self.wording.value(&text));
    }
}
