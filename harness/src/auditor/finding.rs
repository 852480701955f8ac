//! What can be wrong, how often it was, and the first examples in words.

use serde::Serialize;
use serde::ser::SerializeMap;

/// Examples that are kept in words; the rest is only counted.
const EXAMPLES_MAX: usize = 10;

/// One kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A message that was sent never arrived.
    Lost,
    /// A message arrived again.
    Duplicated,
    /// A message arrived after a later one of the same sender.
    Reordered,
    /// A message arrived changed.
    Corrupted,
    /// A message arrived that nobody had sent yet.
    Invented,
    /// A message arrived at a client that it was not for.
    Misdelivered,
    /// A value arrived behind a newer one of its key.
    Backwards,
    /// A question was answered, or given up, again.
    AckTwice,
    /// A question was neither answered nor given up in time.
    AckMissing,
    /// A question was given up before its time was over.
    AckHasty,
    /// A connection could not be opened.
    Refused,
    /// A connection ended though nobody meant it to.
    Ended,
    /// The server broke a rule of the transport.
    Violated,
    /// The server did not answer a goodbye.
    Unanswered,
    /// A ping came before its time.
    PingEarly,
    /// A ping came after its time, or not at all.
    PingLate,
    /// A silent spark was ended before its time.
    SilentEarly,
    /// A silent spark was not ended in time.
    SilentKept,
    /// A client connected again too early, or without a reason.
    ReconnectEarly,
    /// A client connected again too late, or gave up too early.
    ReconnectLate,
    /// A client connected again though it must not: its end was intended, or its attempts were used
    /// up.
    ReconnectUnwanted,
    /// An attempt to connect again was given up before its time was over.
    TimeoutEarly,
    /// An attempt to connect again was not given up in time.
    TimeoutLate,
    /// The delays before attempts are not distributed as the algorithm says.
    DelaysSkewed,
    /// A client had no connection at the end, though it should.
    Absent,
    /// An event came twice, or without the one that must come before it.
    Miscounted,
    /// Something was left when everybody had gone.
    Leaked,
    /// A server held more for its peers than it may.
    Hoarded,
    /// So many clients were sent elsewhere at a time that a server refused some of them, or that
    /// they were away for long.
    Stormed,
    /// Messages of honest clients took longer than they may while others attacked.
    Slowed,
}

impl Fault {
    const ALL: [Self; 30] = [
        Self::Lost,
        Self::Duplicated,
        Self::Reordered,
        Self::Corrupted,
        Self::Invented,
        Self::Misdelivered,
        Self::Backwards,
        Self::AckTwice,
        Self::AckMissing,
        Self::AckHasty,
        Self::Refused,
        Self::Ended,
        Self::Violated,
        Self::Unanswered,
        Self::PingEarly,
        Self::PingLate,
        Self::SilentEarly,
        Self::SilentKept,
        Self::ReconnectEarly,
        Self::ReconnectLate,
        Self::ReconnectUnwanted,
        Self::TimeoutEarly,
        Self::TimeoutLate,
        Self::DelaysSkewed,
        Self::Absent,
        Self::Miscounted,
        Self::Leaked,
        Self::Hoarded,
        Self::Stormed,
        Self::Slowed,
    ];

    /// The name in reports.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Duplicated => "duplicated",
            Self::Reordered => "reordered",
            Self::Corrupted => "corrupted",
            Self::Invented => "invented",
            Self::Misdelivered => "misdelivered",
            Self::Backwards => "backwards",
            Self::AckTwice => "ack twice",
            Self::AckMissing => "ack missing",
            Self::AckHasty => "ack hasty",
            Self::Refused => "refused",
            Self::Ended => "ended",
            Self::Violated => "violated",
            Self::Unanswered => "unanswered",
            Self::PingEarly => "ping early",
            Self::PingLate => "ping late",
            Self::SilentEarly => "silent early",
            Self::SilentKept => "silent kept",
            Self::ReconnectEarly => "reconnect early",
            Self::ReconnectLate => "reconnect late",
            Self::ReconnectUnwanted => "reconnect unwanted",
            Self::TimeoutEarly => "timeout early",
            Self::TimeoutLate => "timeout late",
            Self::DelaysSkewed => "delays skewed",
            Self::Absent => "absent",
            Self::Miscounted => "miscounted",
            Self::Leaked => "leaked",
            Self::Hoarded => "hoarded",
            Self::Stormed => "stormed",
            Self::Slowed => "slowed",
        }
    }
}

/// Everything that was wrong in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    counts: [u64; Fault::ALL.len()],
    examples: Vec<String>,
}

impl Findings {
    /// Counts a fault; `example` is asked only while examples are wanted.
    pub(crate) fn note(&mut self, fault: Fault, example: impl FnOnce() -> String) {
        self.note_many(fault, 1, example);
    }

    /// Counts `count` faults of one kind that share an example.
    pub(crate) fn note_many(&mut self, fault: Fault, count: u64, example: impl FnOnce() -> String) {
        self.counts[fault as usize] += count;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples
                .push(format!("{}: {}", fault.name(), example()));
        }
    }

    /// How often a fault was found.
    pub(crate) fn count(&self, fault: Fault) -> u64 {
        self.counts[fault as usize]
    }

    /// How many faults there are in all.
    pub(crate) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The first faults, in words.
    pub(crate) fn examples(&self) -> &[String] {
        &self.examples
    }

    /// The kinds that were found, with how often.
    pub(crate) fn found(&self) -> impl Iterator<Item = (Fault, u64)> + '_ {
        Fault::ALL
            .into_iter()
            .map(|fault| (fault, self.count(fault)))
            .filter(|&(_, count)| count > 0)
    }
}

impl Serialize for Findings {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (fault, count) in self.found() {
            map.serialize_entry(fault.name(), &count)?;
        }
        map.serialize_entry("total", &self.total())?;
        map.serialize_entry("examples", &self.examples)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_all_and_keeps_a_few_examples() {
        let mut findings = Findings::default();
        for number in 0..100 {
            findings.note(Fault::Lost, || format!("number {number}"));
        }
        findings.note_many(Fault::PingLate, 5, || "never asked".to_owned());
        assert_eq!(findings.total(), 105);
        assert_eq!(findings.examples().len(), EXAMPLES_MAX);
        assert_eq!(findings.examples()[0], "lost: number 0");
        let json = serde_json::to_value(&findings).unwrap();
        assert_eq!(
            (&json["lost"], &json["ping late"]),
            (&100.into(), &5.into())
        );
        assert!(json.get("ended").is_none());
    }

    #[test]
    fn every_fault_has_its_own_place() {
        for (position, fault) in Fault::ALL.into_iter().enumerate() {
            assert_eq!(fault as usize, position);
        }
    }
}
