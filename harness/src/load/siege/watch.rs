//! The server's memory before, under and after the attack.

use std::io;
use std::time::Duration;

use allspark_protocol::Instant;
use serde::Serialize;

use super::plan::SiegePlan;
use crate::system::ProcessMemory;

/// Between two looks.
const INTERVAL: Duration = Duration::from_millis(100);

/// Bytes that a server may take for a connection or a session besides what its bound on memory is
/// about: an idle one takes 440, a session of a polling transport 1.5 KiB, and less than 1 KiB that
/// it holds for a peer it need not count.
const PEER_BYTES: u64 = 2 * 1024;

/// Bytes that are the allocator's affair: pages of which a part is used, and what was freed less
/// than a second ago.
const SLACK_BYTES: u64 = 16 * 1024 * 1024;

/// What a server's memory was.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct SiegeMemory {
    pub(crate) before: ProcessMemory,
    /// The most heap, stacks and buffers at any moment of the attack.
    pub(crate) peak_rss_anon_bytes: u64,
    /// At the end of the attack.
    pub(crate) during: ProcessMemory,
    pub(crate) after: Option<ProcessMemory>,
    /// What the server may hold for its peers, if that is known.
    pub(crate) memory_max: Option<u64>,
    /// The most that it may have: what it had before, what it may hold for its peers, 2 KiB for
    /// each peer, and a little for its allocator.
    pub(crate) budget_bytes: Option<u64>,
}

/// Looks at it.
#[derive(Debug)]
pub(super) struct Watch {
    pid: Option<u32>,
    memory_max: Option<u64>,
    before: Option<ProcessMemory>,
    during: Option<ProcessMemory>,
    after: Option<ProcessMemory>,
    peak_rss_anon_bytes: u64,
    /// Set while there is an attack.
    next: Option<Instant>,
}

impl Watch {
    pub(super) fn new(pid: Option<u32>, plan: &SiegePlan) -> Self {
        Self {
            pid,
            memory_max: plan.memory_max,
            before: None,
            during: None,
            after: None,
            peak_rss_anon_bytes: 0,
            next: None,
        }
    }

    /// The attack begins.
    pub(super) fn begin(&mut self, now: Instant) -> io::Result<()> {
        self.before = self.pid.map(ProcessMemory::of).transpose()?;
        self.next = self.pid.map(|_| now);
        Ok(())
    }

    /// When to look next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.next
    }

    /// Looks, if it is time. A server that is gone is the auditor's affair.
    pub(super) fn look(&mut self, now: Instant) {
        if let Some(pid) = self.pid
            && self.next.is_some_and(|next| next <= now)
        {
            let bytes = ProcessMemory::rss_anon_bytes_of(pid).unwrap_or(0);
            self.peak_rss_anon_bytes = self.peak_rss_anon_bytes.max(bytes);
            self.next = Some(now + INTERVAL);
        }
    }

    /// The attack ends.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.during = self.pid.map(ProcessMemory::of).transpose()?;
        self.next = None;
        Ok(())
    }

    /// Everything is over.
    pub(super) fn calm(&mut self) -> io::Result<()> {
        self.after = self.pid.map(ProcessMemory::of).transpose()?;
        Ok(())
    }

    /// What was seen, of a server that had so many connections and sessions of attackers.
    pub(super) fn into_report(self, peers: u64) -> Option<SiegeMemory> {
        let (before, during) = self.before.zip(self.during)?;
        let own = before.rss_anon_bytes + peers * PEER_BYTES + SLACK_BYTES;
        Some(SiegeMemory {
            before,
            peak_rss_anon_bytes: self.peak_rss_anon_bytes.max(during.rss_anon_bytes),
            during,
            after: self.after,
            memory_max: self.memory_max,
            budget_bytes: self.memory_max.map(|max| max.saturating_add(own)),
        })
    }
}

/// The bound on memory that a server was started with, if its command line says so.
pub(crate) fn memory_max_of(pid: u32) -> Option<u64> {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words: Vec<&str> = line
        .split(|&byte| byte == 0)
        .filter_map(|word| std::str::from_utf8(word).ok())
        .collect();
    memory_max_in(&words)
}

fn memory_max_in(words: &[&str]) -> Option<u64> {
    const OPTION: &str = "--memory-max";
    let position = words.iter().position(|word| word.starts_with(OPTION))?;
    let value = match words[position].strip_prefix(OPTION)? {
        "" => words.get(position + 1)?,
        rest => rest.strip_prefix('=')?,
    };
    value.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_says_what_may_be_held() {
        let found = |line: &str| memory_max_in(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(found("allspark serve --memory-max 4096"), Some(4096));
        assert_eq!(found("allspark --memory-max=7 --shards 1"), Some(7));
        assert_eq!(found("allspark serve --memory-max"), None);
        assert_eq!(found("allspark serve"), None);
    }

    #[test]
    fn a_budget_counts_what_there_was_and_who_came() {
        let bytes = |bytes| ProcessMemory {
            rss_anon_bytes: bytes,
            pss_bytes: bytes,
        };
        let watch = Watch {
            pid: None,
            memory_max: Some(1_000),
            before: Some(bytes(50)),
            during: Some(bytes(70)),
            after: None,
            peak_rss_anon_bytes: 60,
            next: None,
        };
        let report = watch.into_report(2).unwrap();
        assert_eq!(report.peak_rss_anon_bytes, 70);
        let expected = 50 + 1_000 + 2 * PEER_BYTES + SLACK_BYTES;
        assert_eq!(report.budget_bytes, Some(expected));
    }
}
