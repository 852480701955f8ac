//! Questions that want an acknowledgement, on the wire of primus-emitter: servers ask clients, who
//! answer once, twice or never. Whatever they do, whoever asked is told once: an answer, or that
//! none came in time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use allspark_engine::io::sim::{EndpointId, SimNet};
use allspark_engine::{Spark, SparkHandle};
use serde::Deserialize;
use smallvec::SmallVec;

use super::app::{App, What};
use super::plan::Sabotage;
use super::world::World;

/// How long a server waits for an answer. Some clients read nothing for longer.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// One question of so many is never answered.
const UNANSWERED_ONE_IN: u64 = 7;

/// One question of so many is answered twice.
const TWICE_ONE_IN: u64 = 5;

/// Questions that are open, by the server's end of the connection and their number.
#[derive(Clone, Default)]
pub(super) struct Open(Arc<Mutex<HashSet<(EndpointId, u64)>>>);

impl Open {
    fn begin(&self, end: EndpointId, id: u64) {
        self.set().insert((end, id));
    }

    /// Whether the question was open. Now it is not.
    fn settle(&self, end: EndpointId, id: u64) -> bool {
        self.set().remove(&(end, id))
    }

    fn is_open(&self, end: EndpointId, id: u64) -> bool {
        self.set().contains(&(end, id))
    }

    pub(super) fn forget(&self, end: EndpointId) {
        self.set().retain(|(asked, _)| *asked != end);
    }

    fn set(&self) -> std::sync::MutexGuard<'_, HashSet<(EndpointId, u64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What becomes of a question, as whoever asked is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Settled {
    Answered(u64),
    GaveUp(u64),
}

impl App {
    /// Asks the client of a spark, and waits for its answer as long as it may take.
    pub(super) fn ask(&self, spark: &mut Spark<'_>, id: u64) {
        let end = SimNet::end_of(spark.address());
        self.questions.begin(end, id);
        let question = format!(r#"{{"type":0,"data":["question"],"id":{id}}}"#);
        spark.write(self.wording.value(question.as_bytes()));
        let patience = match self.sabotage {
            Some(Sabotage::LosesPatience) => PATIENCE / 2,
            Some(Sabotage::WaitsForEver) => return,
            _ => PATIENCE,
        };
        let app = self.clone();
        spark.after(patience, move |spark| {
            if app.questions.settle(end, id) {
                app.hear(spark, What::Settled(Settled::GaveUp(id)));
            }
        });
    }

    /// A client has said something. Returns whether it is an answer.
    pub(super) fn is_answer(&self, spark: &Spark<'_>, text: &[u8]) -> bool {
        let Some(Packet { kind: 1, id, .. }) = Packet::read(text) else {
            return false;
        };
        let end = SimNet::end_of(spark.address());
        let is_open = match self.sabotage {
            Some(Sabotage::AnswersTwice) => self.questions.is_open(end, id),
            _ => self.questions.settle(end, id),
        };
        if is_open {
            self.hear(spark, What::Settled(Settled::Answered(id)));
        }
        true
    }
}

/// A packet of primus-emitter that has a number.
#[derive(Debug, Deserialize)]
struct Packet {
    #[serde(rename = "type")]
    kind: u8,
    id: u64,
}

impl Packet {
    fn read(text: &[u8]) -> Option<Self> {
        // Messages of the workload are arrays, which serde would take for one as well.
        text.starts_with(b"{")
            .then(|| serde_json::from_slice(text).ok())?
    }
}

impl World {
    /// The server of a client asks it something.
    pub(super) fn ask(&mut self, client: u32, spark: &SparkHandle, node: u16) {
        let id = self.rooms.next_question(client);
        let now = self.now();
        self.auditor.acks().asked(client, id, now);
        let app = self.nodes.app(node);
        spark.with(move |spark| app.ask(spark, id));
    }

    /// Whoever asked is told what became of it.
    pub(super) fn settled(&mut self, end: EndpointId, settled: Settled) {
        let now = self.now();
        let owner = self.owner(end);
        let is_live = |number: &u32| self.members[*number as usize].live_on == Some(end);
        // To whom nothing is owed, nothing is owed of this.
        let Some(number) = owner.filter(is_live) else {
            return;
        };
        match settled {
            Settled::Answered(id) => self.auditor.acks().answered(number, id, now),
            Settled::GaveUp(id) => self.auditor.acks().gave_up(number, id, now),
        }
    }

    /// A client heard something. Returns whether it is a question, which then has its answers.
    pub(super) fn is_question(&mut self, number: u32, text: &[u8]) -> bool {
        let Some(Packet { kind: 0, id, .. }) = Packet::read(text) else {
            return false;
        };
        let count = if id.is_multiple_of(UNANSWERED_ONE_IN) {
            0
        } else {
            1 + usize::from(id.is_multiple_of(TWICE_ONE_IN))
        };
        let mut answer = format!(r#"{{"id":{id},"type":1,"data":[]}}"#).into_bytes();
        self.plan.wording.put(&mut answer);
        // Who is called now can't be called again before that is over.
        let answers: SmallVec<[_; 2]> = (0..count).map(|_| (number, answer.clone())).collect();
        self.answers.extend(answers);
        true
    }

    /// Clients send the answers that they have.
    pub(super) fn send_answers(&mut self) {
        let kind = self.plan.wording.kind();
        for (number, answer) in std::mem::take(&mut self.answers) {
            if self.members[number as usize].is_open {
                self.call(number, |machine, now, out| {
                    machine.write(now, kind, &answer, out);
                });
            }
        }
    }
}
