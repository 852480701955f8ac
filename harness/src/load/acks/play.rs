//! Clients ask, and answer.

use std::time::Duration;

use allspark_engine::io::Driver;

use super::AcksReport;
use super::wire::{self, Heard};
use crate::auditor::Fault;
use crate::load::runner::Runner;
use crate::workload::message::{self, Corrupt, Stamp};

impl<D: Driver> Runner<D> {
    /// Puts the next question of a client together, and tells the auditor.
    pub(in crate::load) fn put_question(&mut self, index: u32, stamp: Stamp, out: &mut Vec<u8>) {
        let id = u64::from(stamp.sequence) + 1;
        let message_bytes = self.plan.message_bytes;
        wire::question(id, |out| message::encode(stamp, message_bytes, out), out);
        self.auditor.acks().asked(index, id, self.now);
        if let Some(acks) = &mut self.acks {
            acks.open.insert((index, id), false);
        }
    }

    /// A client heard something that is none of Primus's own messages.
    pub(in crate::load) fn heard_of_acks(&mut self, index: u32, text: &[u8]) {
        match wire::read(text) {
            Some(Heard::Answer { id, message }) => self.answered(index, id, message),
            Some(Heard::Question { id, message }) => self.asked(index, id, message),
            None => self.auditor.received(index, Err(Corrupt)),
        }
    }

    /// The server asks a client.
    fn asked(&mut self, index: u32, id: u64, message: &[u8]) {
        let stamp = match message::decode(message, self.plan.message_bytes) {
            Ok(stamp) => stamp,
            Err(corrupt) => return self.auditor.received(index, Err(corrupt)),
        };
        let question = u64::from(stamp.sequence) + 1;
        let Some(acks) = self.acks.as_mut().filter(|_| stamp.from == index) else {
            return self.auditor.note(Fault::Misdelivered, || {
                format!(
                    "client {index} is asked question {question} of {}",
                    stamp.from
                )
            });
        };
        match acks.ask_back((index, question)) {
            Ok(answers) => {
                let mut text = Vec::new();
                wire::answer(id, message, &mut text);
                (0..answers).for_each(|_| self.say_message(index, &text));
            }
            Err(why) => self.auditor.note(Fault::Duplicated, || {
                format!("question {question} of client {index}: {why}")
            }),
        }
    }

    /// The server answers a client.
    fn answered(&mut self, index: u32, id: u64, message: &[u8]) {
        let Some(acks) = &mut self.acks else { return };
        let (plan, open) = (acks.plan, acks.open.remove(&(index, id)));
        let is_answered = plan.answers_to(id) > 0;
        let complain = |why: &str| format!("question {id} of client {index}: {why}");
        if plan.asks_back && open == Some(false) {
            self.auditor
                .note(Fault::Lost, || complain("it was never asked back"));
        }
        if message.is_empty() && !is_answered {
            self.auditor.acks().gave_up(index, id, self.now);
        } else {
            self.judge_answer(index, id, message);
            self.auditor.acks().answered(index, id, self.now);
        }
        if open.is_some() {
            self.settled(index);
        }
    }

    /// An answer must hold the message of its question.
    fn judge_answer(&mut self, index: u32, id: u64, message: &[u8]) {
        let complain = |why: String| format!("question {id} of client {index}: {why}");
        let is_answered = self.acks.as_ref().map(|acks| acks.plan.answers_to(id) > 0);
        match message::decode(message, self.plan.message_bytes) {
            _ if message.is_empty() => self.auditor.note(Fault::AckHasty, || {
                complain("the server says that it got no answer".to_owned())
            }),
            Err(corrupt) => self.auditor.received(index, Err(corrupt)),
            Ok(Stamp { from, sequence, .. }) if (from, u64::from(sequence) + 1) != (index, id) => {
                self.auditor.note(Fault::Misdelivered, || {
                    complain(format!("it got the answer to {} of {from}", sequence + 1))
                });
            }
            Ok(_) if is_answered == Some(false) => self.auditor.note(Fault::Invented, || {
                complain("the server has an answer that nobody gave".to_owned())
            }),
            Ok(stamp) => {
                let sent = self.begin + Duration::from_nanos(stamp.sent_ns);
                self.meter.received(Some(self.now.saturating_since(sent)));
            }
        }
    }

    /// A question is settled: the client asks the next one, unless there is a rate.
    fn settled(&mut self, index: u32) {
        if !self.traffic.has_pace() && self.phase.has_traffic() {
            self.send(index, self.now);
        }
    }

    pub(in crate::load) fn acks_report(&self) -> Option<AcksReport> {
        let questions = self.auditor.ack_report()?;
        Some(self.acks.as_ref()?.report(questions))
    }
}
