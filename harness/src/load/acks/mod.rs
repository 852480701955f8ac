//! Clients ask questions that want an acknowledgement, by events of primus-emitter, and the server
//! answers each with what was asked: `[plugins.emitter]` with `app = "echo"`. With `app = "ask"` it
//! asks each question back first, and answers with what the client says to that. Of these some are
//! never answered and some twice; then the server gives up in time, or takes the first one.
//!
//! | module | what it knows |
//! |---|---|
//! | [`plan`] | for how long answers are waited for, and which are not given |
//! | [`wire`] | how questions and answers are put |
//! | [`play`] | asks and answers |
//!
//! # Invariants
//! - A client numbers its questions from one up, and a question holds the message of that number.
//! - A question is settled once: with its own message, or with nothing if the client left the
//!   server without an answer.

pub(crate) mod plan;
mod play;
mod wire;

use std::collections::HashMap;

use serde::Serialize;

use crate::auditor::AckReport;
use plan::AcksPlan;

/// What a load of questions has shown.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct AcksReport {
    /// How the questions of clients fared. `given_up` are those that the server answered with
    /// nothing, as the client had left it without an answer.
    #[serde(flatten)]
    pub(crate) questions: AckReport,
    /// Questions that the server asked back.
    pub(crate) asked_back: u64,
    /// How many of these got two answers.
    pub(crate) answered_twice: u64,
    pub(crate) timeout_ms: u64,
}

/// Questions that are open.
#[derive(Debug)]
pub(super) struct Acks {
    plan: AcksPlan,
    /// By client and number, whether the server has asked it back.
    open: HashMap<(u32, u64), bool>,
    asked_back: u64,
    answered_twice: u64,
}

impl Acks {
    pub(super) fn new(plan: AcksPlan) -> Self {
        Self {
            plan,
            open: HashMap::new(),
            asked_back: 0,
            answered_twice: 0,
        }
    }

    pub(super) fn report(&self, questions: AckReport) -> AcksReport {
        AcksReport {
            questions,
            asked_back: self.asked_back,
            answered_twice: self.answered_twice,
            timeout_ms: u64::try_from(self.plan.timeout.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// The server asks a question of this client back. Returns how often it is answered, or what is
    /// wrong.
    fn ask_back(&mut self, key: (u32, u64)) -> Result<usize, &'static str> {
        if !self.plan.asks_back {
            return Err("the server asks, and should not");
        }
        match self.open.get_mut(&key) {
            None => return Err("the server asks what is settled"),
            Some(true) => return Err("the server asks again"),
            Some(is_asked_back) => *is_asked_back = true,
        }
        self.asked_back += 1;
        let answers = self.plan.answers_to(key.1);
        self.answered_twice += u64::from(answers > 1);
        Ok(answers)
    }
}
