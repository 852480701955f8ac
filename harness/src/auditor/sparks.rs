//! What the server says about its sparks: `connection` and `disconnection` once each, silent ones
//! ended between one and two intervals after their last answer, live ones never, and nothing left
//! at the end. A message that comes is a sign of life, too: a client that fell silent in the middle
//! of one has two intervals from there.

use std::collections::HashMap;
use std::time::Duration;

use allspark_protocol::Instant;
use serde::Serialize;

use super::{Fault, Findings};

/// A connection, as whoever tells of it numbers them. A number may be used again once its spark has
/// been told to be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ConnectionId(pub(crate) u64);

/// What is expected of silent sparks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SilenceRule {
    /// Between two pings.
    pub(crate) interval: Duration,
    /// How far a moment may be off: the time that an answer may take to the server, at least.
    pub(crate) tolerance: Duration,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct SparkReport {
    /// `connection` events.
    pub(crate) opened: u64,
    /// `disconnection` events.
    pub(crate) ended: u64,
    /// Sparks whose server was gone before they ended.
    pub(crate) orphaned: u64,
    /// Sparks that fell silent and were ended for it.
    pub(crate) silenced: u64,
}

/// What must be nothing when everybody has left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Leftovers {
    /// Connections that servers hold.
    pub(crate) connections: u64,
    /// Sparks that servers hold.
    pub(crate) sparks: u64,
    /// Ends of connections that the network holds.
    pub(crate) endpoints: u64,
    /// Bytes that wait to be sent.
    pub(crate) queue_bytes: u64,
}

/// Nothing comes from a client any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Silence {
    /// When it answered a ping last, or its spark began.
    pub(crate) last_answer: Instant,
    /// Until when a message was on its way, if the client never finished it.
    pub(crate) cut_off: Option<Instant>,
}

struct Spark {
    node: u16,
    silence: Option<Silence>,
}

/// All sparks of all servers.
pub(super) struct Sparks {
    rule: Option<SilenceRule>,
    open: HashMap<ConnectionId, Spark>,
    report: SparkReport,
}

impl Sparks {
    /// Without a rule nobody is expected to be ended for silence.
    pub(super) fn new(rule: Option<SilenceRule>) -> Self {
        Self {
            rule,
            open: HashMap::new(),
            report: SparkReport::default(),
        }
    }

    /// A `connection` event of a server.
    pub(super) fn connected(&mut self, id: ConnectionId, node: u16, findings: &mut Findings) {
        self.report.opened += 1;
        let silence = None;
        if self.open.insert(id, Spark { node, silence }).is_some() {
            findings.note(Fault::Miscounted, || {
                format!("connection {} was connected twice", id.0)
            });
        }
    }

    /// A `disconnection` event of a server.
    pub(super) fn disconnected(&mut self, id: ConnectionId, now: Instant, findings: &mut Findings) {
        self.report.ended += 1;
        let Some(spark) = self.open.remove(&id) else {
            return findings.note(Fault::Miscounted, || {
                format!("connection {} was disconnected, but not connected", id.0)
            });
        };
        if let (Some(silence), Some(rule)) = (spark.silence, self.rule) {
            self.report.silenced += 1;
            rule.judge(silence, now, findings);
        }
    }

    /// From now on nothing comes from this client.
    pub(super) fn fell_silent(&mut self, id: ConnectionId, silence: Silence) {
        if let Some(spark) = self.open.get_mut(&id) {
            spark.silence = Some(silence);
        }
    }

    /// A server is told to end all its sparks, silent ones too.
    pub(super) fn node_drains(&mut self, node: u16) {
        let own = self.open.values_mut().filter(|spark| spark.node == node);
        own.for_each(|spark| spark.silence = None);
    }

    /// A server is gone, and its sparks with it, without a word.
    pub(super) fn node_gone(&mut self, node: u16) {
        let before = self.open.len();
        self.open.retain(|_, spark| spark.node != node);
        self.report.orphaned += (before - self.open.len()) as u64;
    }

    /// The run is over, and everybody has left.
    pub(super) fn finish(self, now: Instant, findings: &mut Findings) -> SparkReport {
        for (id, spark) in &self.open {
            match (spark.silence, self.rule) {
                (Some(silence), Some(rule)) if rule.is_too_long(silence.length(now)) => {
                    let length = silence.length(now);
                    findings.note(Fault::SilentKept, || {
                        format!("connection {} has been silent for {length:?}", id.0)
                    });
                }
                // It may be kept a little longer.
                (Some(_), Some(_)) => {}
                _ => findings.note(Fault::Leaked, || {
                    format!("connection {} was never disconnected", id.0)
                }),
            }
        }
        self.report
    }
}

impl Silence {
    /// How long there was no sign of life.
    fn length(self, now: Instant) -> Duration {
        now - self
            .cut_off
            .map_or(self.last_answer, |at| at.max(self.last_answer))
    }
}

impl SilenceRule {
    /// A silent spark was ended at `now`.
    fn judge(self, silence: Silence, now: Instant, findings: &mut Findings) {
        let unanswered = now - silence.last_answer;
        if unanswered + self.tolerance < self.interval {
            findings.note(Fault::SilentEarly, || {
                format!("a spark was ended {unanswered:?} after its last answer")
            });
        } else if self.is_too_long(silence.length(now)) {
            let length = silence.length(now);
            findings.note(Fault::SilentKept, || {
                format!("a spark was ended only {length:?} after its last sign of life")
            });
        }
    }

    fn is_too_long(self, silence: Duration) -> bool {
        silence > 2 * self.interval + self.tolerance
    }
}

impl Leftovers {
    /// Notes each thing that there still is.
    pub(super) fn judge(self, findings: &mut Findings) {
        let things = [
            ("connections of servers", self.connections),
            ("sparks", self.sparks),
            ("ends of connections", self.endpoints),
            ("bytes in send queues", self.queue_bytes),
        ];
        for (name, count) in things.into_iter().filter(|(_, count)| *count > 0) {
            findings.note_many(Fault::Leaked, count, || format!("{count} {name} are left"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: ConnectionId = ConnectionId(1);

    fn sparks() -> Sparks {
        Sparks::new(Some(SilenceRule {
            interval: Duration::from_secs(30),
            tolerance: Duration::from_millis(100),
        }))
    }

    /// A spark that answered last at 10 s, fell silent within a message then, or within none, and
    /// is ended then, or never.
    fn judged(cut_off_ms: Option<u64>, ended_ms: Option<u64>) -> Findings {
        let (mut sparks, mut findings) = (sparks(), Findings::default());
        sparks.connected(ID, 0, &mut findings);
        let silence = Silence {
            last_answer: Instant::from_ms(10_000),
            cut_off: cut_off_ms.map(Instant::from_ms),
        };
        sparks.fell_silent(ID, silence);
        if let Some(ms) = ended_ms {
            sparks.disconnected(ID, Instant::from_ms(ms), &mut findings);
        }
        sparks.finish(Instant::from_ms(110_000), &mut findings);
        findings
    }

    #[test]
    fn silent_sparks_end_between_one_and_two_intervals() {
        for ms in [40_000, 55_000, 70_000] {
            assert_eq!(judged(None, Some(ms)).total(), 0, "{ms}");
        }
        assert_eq!(judged(None, Some(39_000)).count(Fault::SilentEarly), 1);
        assert_eq!(judged(None, Some(71_000)).count(Fault::SilentKept), 1);
        assert_eq!(judged(None, None).count(Fault::SilentKept), 1);
    }

    #[test]
    fn a_message_that_comes_is_a_sign_of_life() {
        let cut_off = Some(39_000);
        for ms in [40_000, 71_000, 99_000] {
            assert_eq!(judged(cut_off, Some(ms)).total(), 0, "{ms}");
        }
        assert_eq!(judged(cut_off, Some(39_000)).count(Fault::SilentEarly), 1);
        assert_eq!(judged(cut_off, Some(100_000)).count(Fault::SilentKept), 1);
        assert_eq!(judged(cut_off, None).count(Fault::SilentKept), 1);
    }

    #[test]
    fn events_come_once_each() {
        let (mut sparks, mut findings) = (sparks(), Findings::default());
        sparks.connected(ID, 0, &mut findings);
        sparks.disconnected(ID, Instant::ZERO, &mut findings);
        assert_eq!(findings.total(), 0);
        sparks.disconnected(ID, Instant::ZERO, &mut findings);
        assert_eq!(findings.count(Fault::Miscounted), 1);
        sparks.connected(ID, 0, &mut findings);
        sparks.connected(ID, 0, &mut findings);
        assert_eq!(findings.count(Fault::Miscounted), 2);
    }

    #[test]
    fn sparks_of_a_server_that_is_gone_are_not_missed() {
        let (mut sparks, mut findings) = (sparks(), Findings::default());
        sparks.connected(ID, 3, &mut findings);
        sparks.connected(ConnectionId(2), 4, &mut findings);
        sparks.node_gone(3);
        let report = sparks.finish(Instant::from_ms(1), &mut findings);
        assert_eq!(findings.count(Fault::Leaked), 1, "the other one is");
        assert_eq!((report.opened, report.orphaned), (2, 1));
    }

    #[test]
    fn what_is_left_is_leaked() {
        let mut findings = Findings::default();
        Leftovers::default().judge(&mut findings);
        assert_eq!(findings.total(), 0);
        let leftovers = Leftovers {
            endpoints: 2,
            queue_bytes: 3,
            ..Leftovers::default()
        };
        leftovers.judge(&mut findings);
        assert_eq!(findings.count(Fault::Leaked), 5);
    }
}
