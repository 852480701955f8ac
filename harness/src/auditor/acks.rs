//! Whether each question that wants an acknowledgement is settled once: answered, or given up when
//! its time is over.

use std::collections::HashMap;
use std::time::Duration;

use allspark_protocol::Instant;
use serde::Serialize;

use super::{Fault, Findings};

/// What is expected of questions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AckRule {
    /// How long whoever asks waits for an answer.
    pub(crate) timeout: Duration,
    /// How far the moment may be off in which it gives up.
    pub(crate) tolerance: Duration,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct AckReport {
    pub(crate) asked: u64,
    pub(crate) answered: u64,
    /// Given up in time, because no answer came.
    pub(crate) given_up: u64,
    /// Ended with their connection.
    pub(crate) excused: u64,
}

/// All questions that are open.
#[derive(Debug)]
pub(super) struct Acks {
    rule: AckRule,
    clients: Vec<Asker>,
    open: u64,
    report: AckReport,
}

/// Questions over one connection. Whoever asks numbers them from one up.
#[derive(Debug, Default)]
struct Asker {
    last: u64,
    open: HashMap<u64, Instant>,
}

impl Acks {
    pub(super) fn new(rule: AckRule, clients: u32) -> Self {
        let askers = std::iter::repeat_with(Asker::default);
        Self {
            rule,
            clients: askers.take(clients as usize).collect(),
            open: 0,
            report: AckReport::default(),
        }
    }

    /// A question was asked over a client's connection, by one side or the other.
    pub(super) fn asked(&mut self, client: u32, id: u64, now: Instant) {
        let asker = &mut self.clients[client as usize];
        assert!(asker.last < id, "questions are numbered upwards");
        asker.last = id;
        asker.open.insert(id, now);
        self.open += 1;
        self.report.asked += 1;
    }

    /// Whoever asked was told an answer.
    pub(super) fn answered(&mut self, client: u32, id: u64, now: Instant, findings: &mut Findings) {
        if let Some(waited) = self.settle(client, id, now, findings) {
            self.report.answered += 1;
            if waited > self.rule.timeout + self.rule.tolerance {
                findings.note(Fault::AckMissing, || {
                    format!("question {id} of client {client} was open for {waited:?}")
                });
            }
        }
    }

    /// Whoever asked was told that no answer came in time.
    pub(super) fn gave_up(&mut self, client: u32, id: u64, now: Instant, findings: &mut Findings) {
        let Some(waited) = self.settle(client, id, now, findings) else {
            return;
        };
        self.report.given_up += 1;
        let AckRule { timeout, tolerance } = self.rule;
        let fault = if waited < timeout {
            Fault::AckHasty
        } else if waited > timeout + tolerance {
            Fault::AckMissing
        } else {
            return;
        };
        findings.note(fault, || {
            format!("question {id} of client {client} was given up after {waited:?}")
        });
    }

    /// How long a question was open. It is a fault if it is not open.
    fn settle(
        &mut self,
        client: u32,
        id: u64,
        now: Instant,
        findings: &mut Findings,
    ) -> Option<Duration> {
        let asker = &mut self.clients[client as usize];
        let asked = asker.open.remove(&id);
        self.open -= u64::from(asked.is_some());
        if asked.is_none() {
            let (fault, why) = match id <= asker.last {
                true => (Fault::AckTwice, "settled again"),
                false => (Fault::Invented, "settled and never asked"),
            };
            findings.note(fault, || {
                format!("question {id} of client {client} was {why}")
            });
        }
        Some(now - asked?)
    }

    /// A client's connection is over. What it asked before its time was over is nobody's fault.
    pub(super) fn left(&mut self, client: u32, now: Instant, findings: &mut Findings) {
        let Asker { open, .. } = std::mem::take(&mut self.clients[client as usize]);
        self.open -= open.len() as u64;
        for (id, asked) in open {
            if now - asked <= self.rule.timeout + self.rule.tolerance {
                self.report.excused += 1;
            } else {
                findings.note(Fault::AckMissing, || {
                    format!("question {id} of client {client} was never settled")
                });
            }
        }
    }

    /// A client's connection is over for a reason that is known: nobody answers any more.
    pub(super) fn excused(&mut self, client: u32) {
        let asker = std::mem::take(&mut self.clients[client as usize]);
        self.open -= asker.open.len() as u64;
        self.report.excused += asker.open.len() as u64;
    }

    pub(super) fn outstanding(&self) -> u64 {
        self.open
    }

    pub(super) fn report(&self) -> AckReport {
        self.report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Event {
        Answered(u64, u64),
        GaveUp(u64, u64),
        Left(u64),
    }
    use Event::{Answered, GaveUp, Left};

    /// A client asks question 1 at 1 s, and may wait for 5 s. What happens is told with its second.
    fn found(events: &[Event]) -> Vec<&'static str> {
        let rule = AckRule {
            timeout: Duration::from_secs(5),
            tolerance: Duration::from_secs(1),
        };
        let (mut acks, mut findings) = (Acks::new(rule, 1), Findings::default());
        let second = |second: u64| Instant::from_ms(1000 * second);
        acks.asked(0, 1, second(1));
        for event in events {
            match *event {
                Answered(id, at) => acks.answered(0, id, second(at), &mut findings),
                GaveUp(id, at) => acks.gave_up(0, id, second(at), &mut findings),
                Left(at) => acks.left(0, second(at), &mut findings),
            }
        }
        acks.left(0, second(100), &mut findings);
        assert_eq!(acks.outstanding(), 0);
        findings.found().map(|(fault, _)| fault.name()).collect()
    }

    #[test]
    fn a_question_is_settled_once_and_in_time() {
        for right in [
            [Answered(1, 2)],
            [Answered(1, 7)],
            [GaveUp(1, 6)],
            [Left(3)],
        ] {
            assert!(found(&right).is_empty(), "{right:?}");
        }
        assert_eq!(found(&[]), ["ack missing"]);
        assert_eq!(found(&[Left(8)]), ["ack missing"]);
        assert_eq!(found(&[Answered(1, 8)]), ["ack missing"]);
        assert_eq!(found(&[GaveUp(1, 8)]), ["ack missing"]);
        assert_eq!(found(&[GaveUp(1, 5)]), ["ack hasty"]);
        for twice in [
            [Answered(1, 2), Answered(1, 3)],
            [GaveUp(1, 6), Answered(1, 6)],
        ] {
            assert_eq!(found(&twice), ["ack twice"], "{twice:?}");
        }
        assert_eq!(found(&[Answered(1, 2), Answered(2, 3)]), ["invented"]);
    }
}
