//! Writes to sparks of this server.
//!
//! Only their shards know whether sparks are there, so they are asked, some at a time: a hundred
//! thousand ids take many turns of a shard, and between them everybody else has theirs. It is for
//! a thread that may wait.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use allspark_engine::{Handle, Message, Spark, SparkId};
use allspark_protocol::Value;
use allspark_protocol::parser::{EncodeError, Parser, ParserKind};
use allspark_protocol::transformer::Kind;

/// Sparks that are asked for at a time: a shard finds as many in some ten microseconds.
const AT_ONCE: usize = 256;

/// How long shards may take to answer. One that takes longer has ended, or is held up for good.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A message that is encoded once, however many sparks it is for.
pub(super) struct Encoded {
    value: Value,
    once: OnceLock<(Kind, Vec<u8>)>,
}

impl Encoded {
    pub(super) fn new(value: Value) -> Arc<Self> {
        let once = OnceLock::new();
        Arc::new(Self { value, once })
    }

    pub(super) fn value(&self) -> &Value {
        &self.value
    }

    /// Whether a parser has bytes for it.
    pub(super) fn is_for(&self, parser: ParserKind) -> bool {
        self.encode(parser, &mut Vec::new()).is_ok()
    }
}

impl Message for Encoded {
    fn encode<'m>(
        &'m self,
        parser: ParserKind,
        _: &'m mut Vec<u8>,
    ) -> Result<(Kind, &'m [u8]), EncodeError> {
        let (kind, bytes) = match self.once.get() {
            Some(encoded) => encoded,
            None => {
                let mut bytes = Vec::new();
                let kind = parser.encode_value(&self.value, &mut bytes)?;
                self.once.get_or_init(|| (kind, bytes))
            }
        };
        Ok((*kind, bytes))
    }
}

/// What became of a message for some sparks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) sparks: u64,
    /// Those that are not here.
    pub(super) missing: Vec<String>,
}

/// Writes to every spark. Returns to how many.
pub(super) fn write_to_all(primus: &Handle, message: &Arc<Encoded>) -> u64 {
    let sparks = primus.connected();
    match primus.write(message) {
        Ok(()) => sparks,
        // A transform has refused it: as in Primus, the sparks count all the same.
        Err(error) => {
            tracing::debug!(%error, "a message was not written");
            sparks
        }
    }
}

/// Writes to the sparks with these ids: those of the engine, or those that the application has
/// given to them. Who is named twice gets it twice, as in Primus.
pub(super) fn write_to(primus: &Handle, ids: &[String], message: &Arc<Encoded>) -> Written {
    let mut written = Written::default();
    for ids in ids.chunks(AT_ONCE) {
        let message = Arc::clone(message);
        let found = each(primus, ids, move |spark| {
            spark.write(&message);
        });
        for (id, is_here) in ids.iter().zip(found) {
            match is_here {
                true => written.sparks += 1,
                false => written.missing.push(id.clone()),
            }
        }
    }
    written
}

/// Calls a function with each of these sparks that is here. Returns which are.
fn each(
    primus: &Handle,
    ids: &[String],
    visit: impl Fn(&mut Spark<'_>) + Send + Sync + 'static,
) -> Vec<bool> {
    let visit = Arc::new(visit);
    let (answers, answered) = channel();
    for (place, id) in ids.iter().enumerate() {
        let (visit, answers) = (Arc::clone(&visit), answers.clone());
        find(primus, id, move |spark| {
            let is_here = spark.is_some();
            if let Some(spark) = spark {
                visit(spark);
            }
            tell(&answers, (place, is_here));
        });
    }
    drop(answers);
    let mut found = vec![false; ids.len()];
    for (place, is_here) in until_late(&answered) {
        found[place] = is_here;
    }
    found
}

/// Finds a spark by its own id, or else by one that the application has given.
fn find(primus: &Handle, id: &str, visit: impl FnOnce(Option<&mut Spark<'_>>) + Send + 'static) {
    let own = id.parse::<SparkId>().ok();
    let Some(spark) = own.and_then(|id| primus.spark(id)) else {
        primus.find_given(id, visit);
        return;
    };
    let (primus, id) = (primus.clone(), id.to_owned());
    spark.find(move |spark| match spark {
        Some(spark) => visit(Some(spark)),
        None => primus.find_given(&id, visit),
    });
}

/// The sparks that are in one of these rooms of this server, but for some, by their own ids.
pub(super) fn in_rooms(primus: &Handle, rooms: &[String], except: &[String]) -> Vec<String> {
    // No room is none here; to the engine it is any.
    if rooms.is_empty() {
        return Vec::new();
    }
    let (answer, answered) = channel();
    let ids = primus.room(rooms);
    ids.clients(move |ids| tell(&answer, ids));
    let except = own_ids(primus, except);
    let ids = until_late(&answered).next().unwrap_or_default();
    let ids = ids.into_iter().filter(|id| !except.contains(id));
    ids.map(|id| id.to_string()).collect()
}

/// The own ids of sparks that are named by either of theirs.
fn own_ids(primus: &Handle, ids: &[String]) -> Vec<SparkId> {
    let mut own = Vec::new();
    for ids in ids.chunks(AT_ONCE) {
        let (answers, answered) = channel();
        for id in ids {
            let answers = answers.clone();
            find(primus, id, move |spark| {
                if let Some(spark) = spark {
                    tell(&answers, spark.id());
                }
            });
        }
        drop(answers);
        own.extend(until_late(&answered));
    }
    own
}

/// Who asked may have gone on meanwhile.
fn tell<A>(answers: &Sender<A>, answer: A) {
    drop(answers.send(answer));
}

/// The answers that come in time: until everybody has answered, or nobody will any more.
fn until_late<A>(answers: &Receiver<A>) -> impl Iterator<Item = A> {
    std::iter::from_fn(|| answers.recv_timeout(TIMEOUT).ok())
}
