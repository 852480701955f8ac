//! What the dashboard and its page say to each other, in JSON.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::hooks::HooksNow;
use super::samples::{Sample, ShardRow};

/// What a page asks for. Everything is answered, with its number.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    pub(super) n: u64,
    #[serde(flatten)]
    pub(super) question: Question,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "ask", rename_all = "lowercase")]
pub(super) enum Question {
    /// Which sparks have this in their id, their address or their rooms?
    Find { text: String },
    /// Show this spark, until another one is to be shown.
    Watch { spark: String },
    /// Show none any more.
    Unwatch,
    /// Write this to a spark.
    Say { spark: String, data: Value },
    /// End a spark; its client may come back.
    End { spark: String, reconnect: bool },
}

/// What a page is told without asking.
#[derive(Debug, Serialize)]
#[serde(tag = "t", rename_all = "lowercase")]
pub(super) enum Told<'a> {
    Hello(&'a Hello<'a>),
    Tick(&'a Tick<'a>),
    Slow {
        rows: &'a [SlowRow],
        /// How many sparks have something waiting, and how many do not answer their ping.
        waiting: u64,
        silent: u64,
        /// How many were looked at.
        sparks: u64,
    },
    Rooms {
        rows: &'a [RoomRow],
        total: u64,
    },
    Refusals {
        rows: &'a [RefusalRow],
    },
    Spark(&'a SparkRow),
    /// The answer to a question.
    Answer(&'a Answer),
}

/// What does not change.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Hello<'a> {
    pub(super) about: &'a About,
    pub(super) operator: &'a str,
    /// Milliseconds between two samples, and the samples so far, a list for each number.
    pub(super) every_ms: u64,
    pub(super) samples: &'a Value,
}

/// The server that is shown.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct About {
    version: &'static str,
    transformer: &'static str,
    parser: String,
    app: &'static str,
    pathname: String,
    pub(super) driver: &'static str,
    pub(super) listens: Vec<String>,
    pub(super) started_ms: u64,
    pub(super) process: u32,
    pub(super) processors: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tick<'a> {
    pub(super) sample: &'a Sample,
    pub(super) shards: &'a [ShardRow],
    /// Nothing if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hooks: Option<&'a HooksNow>,
    pub(super) draining: bool,
    /// Since the server has started.
    pub(super) totals: Totals,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Totals {
    pub(super) opened: u64,
    pub(super) received: u64,
    pub(super) written: u64,
    pub(super) received_bytes: u64,
    pub(super) sent_bytes: u64,
    pub(super) broadcasts: u64,
    pub(super) refused: u64,
    /// Events of sparks that came too fast to be kept.
    pub(super) lost: u64,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct SlowRow {
    pub(super) id: String,
    pub(super) address: String,
    pub(super) bytes: u64,
    /// Milliseconds that the last answer to a ping took.
    pub(super) ms: Option<f32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct RoomRow {
    pub(super) name: String,
    pub(super) sparks: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct RefusalRow {
    pub(super) at: u64,
    pub(super) reason: String,
    pub(super) count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) asked: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) spark: Option<String>,
}

/// A spark, as it is shown by itself.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SparkRow {
    pub(super) id: String,
    pub(super) is_there: bool,
    pub(super) address: Option<String>,
    pub(super) query: Option<String>,
    pub(super) secure: bool,
    pub(super) alive: bool,
    pub(super) waiting: u64,
    pub(super) ms: Option<f32>,
    pub(super) rooms: Vec<String>,
    pub(super) rooms_total: usize,
    /// Messages and bytes that came since it is shown.
    pub(super) received: u64,
    pub(super) received_bytes: u64,
    pub(super) opened_ms: Option<u64>,
    pub(super) ended_ms: Option<u64>,
    pub(super) events: Vec<EventRow>,
    pub(super) events_left_out: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct EventRow {
    pub(super) at: u64,
    pub(super) what: &'static str,
    pub(super) text: String,
}

/// A spark that was found.
#[derive(Clone, Debug, Serialize)]
pub(super) struct FoundRow {
    pub(super) id: String,
    pub(super) address: String,
    /// What of it is what was looked for.
    pub(super) by: &'static str,
    pub(super) ended: bool,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Answer {
    pub(super) n: u64,
    pub(super) ok: bool,
    /// What went wrong, or what there is to say.
    pub(super) text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) found: Vec<FoundRow>,
}

impl About {
    /// A server with these options, and an app of this name.
    pub(crate) fn new(options: &allspark::Options, app: &'static str) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            transformer: options.transformer.name(),
            parser: options.parser.to_string(),
            app,
            pathname: options.pathname.to_string(),
            ..Self::default()
        }
    }

    /// What is known once it serves.
    pub(super) fn of(self, server: &allspark::Server) -> Self {
        let listens = server.places().iter();
        Self {
            driver: server.driver().name(),
            listens: listens.map(ToString::to_string).collect(),
            started_ms: super::clock::now_ms(),
            process: std::process::id(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            ..self
        }
    }
}
