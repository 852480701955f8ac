//! Peers that send or read too slowly, and why a connection is not listened to.
//!
//! Time-outs are about progress. What is sent has as long as it takes, if in each period of
//! [`request_timeout_ms`](crate::Options::request_timeout_ms) at least
//! [`min_rate_bytes_per_s`](crate::Options::min_rate_bytes_per_s) moved.
//!
//! A connection is **watched** from when the kernel first takes less than it is sent until
//! everything is sent. What counts is what the peer's kernel has acknowledged, which our kernel is
//! asked for: it takes megabytes at once and says for minutes that it takes no more, although a
//! slow peer reads all the time. While the timer of a connection belongs to its owner
//! ([`Flags::OWNED`]), the owner judges, by the silence of its peer; then the kernel is asked
//! before that ([`Net::judge_silence`]).
//!
//! A connection that was **shut down** and whose peer does not close is given up only when the peer
//! has everything, or takes the rest too slowly.

use super::Net;
use super::connection::{Closing, Flags};
use crate::io::Op;
use crate::limits::MIN_RATE_BYTES_PER_S_DEFAULT;
use crate::memory::Key;

/// What the end of a stream counts as, among the bytes that a peer has not acknowledged.
const END_BYTES: u32 = 1;

/// Where nothing is known but what the kernel took, a peer that is fast enough may look slower by
/// this factor: the kernel takes more only when a third of its buffer is free.
const COARSENESS: u64 = 2;

/// Who takes the rest of what it is sent in so much time does not read it any more by the time that
/// somebody asks.
const SHORT_MS: u64 = 1_000;
/// What anybody takes in that time.
const SHORT_BYTES: u64 = MIN_RATE_BYTES_PER_S_DEFAULT as u64 * SHORT_MS / 1_000;

/// What the kernel's answer about a peer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// Nothing is to be done.
    Fine,
    /// The peer was silent, and has taken so many bytes meanwhile.
    Took(u64),
    /// The peer takes too little of what it is sent.
    TooSlow(u64),
    /// The peer has everything, and nothing waits for it: it need not be watched any more.
    HasAll,
}

/// Whether a silent peer may be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// It is silent.
    Real,
    /// What it takes is watched, which is enough.
    Watched,
    /// Its answer may wait behind what it has not read yet: the kernel is asked what it took.
    Asked,
}

impl<O> Net<O> {
    /// Does not listen to a connection for now.
    pub(crate) fn hold(&mut self, key: Key, reason: Flags) {
        let connection = self.connection_mut(key);
        if matches!(connection.closing, Closing::Lingering | Closing::Asked) {
            return;
        }
        let was_held = connection.flags.is_held();
        connection.flags.set(reason.or(Flags::WAS_HELD));
        if !was_held {
            let socket = connection.socket;
            self.ops.push(Op::StopReceive { socket });
        }
    }

    /// A reason not to listen to a connection is gone.
    pub(crate) fn let_go(&mut self, key: Key, reason: Flags) {
        let connection = self.connection_mut(key);
        if !connection.flags.has(reason) {
            return;
        }
        connection.flags.clear(reason);
        if !connection.flags.is_held() && connection.closing != Closing::Asked {
            self.receive(key);
        }
    }

    /// The peer sends nothing more.
    pub(crate) fn input_ended(&mut self, key: Key) {
        self.connection_mut(key).flags.set(Flags::INPUT_ENDED);
    }

    /// From now on the timer belongs to the owner.
    pub(crate) fn own_timer(&mut self, key: Key) {
        self.end_watch(key);
        self.connection_mut(key).flags.set(Flags::OWNED);
    }

    /// The timer does not belong to the owner any more.
    pub(crate) fn disown_timer(&mut self, key: Key) {
        if let Some(connection) = self.connections.get_mut(key) {
            connection.flags.clear(Flags::OWNED);
        }
    }

    /// Goes on with the next connection for which everything that waited was submitted, unless the
    /// kernel did not take it. Returns one that is watched no more: its owner sets the timer.
    pub(crate) fn next_unwatched(&mut self) -> Option<Key> {
        while let Some(key) = self.caught_up.pop() {
            let Some(connection) = self.connections.get(key) else {
                continue;
            };
            if connection.has_unsent() || !connection.is_open() {
                continue;
            }
            let was_watched = connection.is_watched() && !connection.flags.has(Flags::READING);
            self.let_go(key, Flags::UNREAD);
            if was_watched {
                self.end_watch(key);
                return Some(key);
            }
        }
        None
    }

    /// The kernel did not take everything: from now on it matters how much the peer takes.
    pub(super) fn watch_if_idle(&mut self, key: Key) {
        let connection = self.connection(key);
        let is_needed = connection.is_open() && connection.flags.has(Flags::OWNED);
        if !is_needed && !connection.is_watched() {
            self.start_watch(key);
        }
    }

    pub(crate) fn start_watch(&mut self, key: Key) {
        let flags = &mut self.connection_mut(key).flags;
        flags.clear(Flags::MEASURED);
        flags.set(Flags::WATCHED);
        self.ask_unsent(key);
    }

    pub(crate) fn end_watch(&mut self, key: Key) {
        let flags = &mut self.connection_mut(key).flags;
        flags.clear(Flags::WATCHED.or(Flags::MEASURED).or(Flags::READING));
    }

    /// Asks the kernel how much the peer does not have yet, now and again after a period.
    pub(crate) fn ask_unsent(&mut self, key: Key) {
        self.set_timer_ms(key, self.rules.request_timeout_ms);
        let socket = self.connection(key).socket;
        self.ops.push(Op::AskUnsent { socket });
    }

    /// The kernel says how much of what it took the peer does not have yet; nothing, if it can't
    /// say. `may_judge` says whether nobody has to be given time anew.
    pub(crate) fn unsent(&mut self, key: Key, bytes: Option<u32>, may_judge: bool) -> Unsent {
        let least = self.rules.least_bytes(self.rules.request_timeout_ms);
        let connection = self.connection_mut(key);
        match connection.closing {
            Closing::Lingering if bytes.is_none_or(|bytes| bytes <= END_BYTES) => {
                self.close(key);
                return Unsent::Fine;
            }
            Closing::Asked => return Unsent::Fine,
            _ => {}
        }
        let left = bytes.unwrap_or(0);
        let moved = u64::from(connection.taken_bytes.saturating_sub(left));
        connection.taken_bytes = left;
        if connection.flags.has(Flags::ASKED) && !connection.flags.has(Flags::OWNED) {
            self.judged_answer(key, left as usize);
            return Unsent::Fine;
        }
        let is_measured = connection.flags.has(Flags::MEASURED);
        connection.flags.set(Flags::MEASURED);
        if connection.flags.has(Flags::ASKED) {
            return Unsent::Took(moved);
        }
        if !connection.is_watched() && connection.is_open() {
            return Unsent::Fine;
        }
        if bytes == Some(0) && connection.is_open() && !connection.has_unsent() {
            return Unsent::HasAll;
        }
        let is_slow = match bytes {
            // The peer has everything and could be sent more, so the shard is late and not the
            // peer.
            Some(0) if !connection.is_blocked() => false,
            Some(_) => moved < least,
            None => moved < least / COARSENESS,
        };
        match is_measured && is_slow && may_judge {
            true => Unsent::TooSlow(moved),
            false => Unsent::Fine,
        }
    }

    /// A connection is not listened to because its peer reads too slowly. If its owner judges by
    /// silence, it begins to measure here.
    pub(super) fn measure_unread(&mut self, key: Key) {
        let connection = self.connection_mut(key);
        if connection.flags.has(Flags::OWNED) && connection.is_open() {
            connection.flags.clear(Flags::MEASURED.or(Flags::ASKED));
            let socket = connection.socket;
            self.ops.push(Op::AskUnsent { socket });
        }
    }

    /// A peer is silent, perhaps because its answer waits behind what it has not read yet.
    pub(crate) fn judge_silence(&mut self, key: Key) -> Silence {
        let connection = self.connection_mut(key);
        let flags = connection.flags;
        if !flags.has(Flags::UNREAD) {
            return Silence::Real;
        }
        if flags.has(Flags::WATCHED) {
            return Silence::Watched;
        }
        if flags.has(Flags::ASKED) {
            connection.flags.clear(Flags::ASKED);
            return Silence::Real;
        }
        connection.flags.set(Flags::ASKED);
        let socket = connection.socket;
        self.ops.push(Op::AskUnsent { socket });
        Silence::Asked
    }

    /// The same for a peer that gets its answers one by one, on this connection the last one: does
    /// it still read that? From then on it is watched until it has everything.
    pub(crate) fn judge_answer(&mut self, key: Key) -> Silence {
        let Some(connection) = self.connections.get(key) else {
            return Silence::Real;
        };
        match connection.closing {
            Closing::Asked => return Silence::Real,
            Closing::Lingering => return Silence::Watched,
            Closing::No | Closing::AfterSending => {}
        }
        if connection.is_watched() || connection.has_unsent() {
            return Silence::Watched;
        }
        if connection.flags.has(Flags::ASKED) {
            return Silence::Asked;
        }
        let (left, socket) = (connection.taken_bytes as usize, connection.socket);
        if !self.is_long(left) {
            return Silence::Real;
        }
        self.connection_mut(key).flags.set(Flags::ASKED);
        self.ops.push(Op::AskUnsent { socket });
        Silence::Asked
    }

    /// The kernel has answered that question. It is no measurement: nobody knows when it began.
    fn judged_answer(&mut self, key: Key, left: usize) {
        let is_long = self.is_long(left);
        let connection = self.connection_mut(key);
        connection.flags.clear(Flags::ASKED);
        if is_long && connection.is_open() && !connection.is_watched() {
            self.start_watch(key);
            self.connection_mut(key).flags.set(Flags::READING);
        }
    }

    /// Whether so many bytes take a peer a while, if it reads at the least rate, or at the default
    /// one where that is lower.
    pub(crate) fn is_long(&self, bytes: usize) -> bool {
        let short = self.rules.least_bytes(SHORT_MS).max(SHORT_BYTES);
        bytes as u64 > short
    }

    /// Whether a connection was not listened to for some time since this was asked last.
    pub(crate) fn take_was_held(&mut self, key: Key) -> bool {
        let flags = &mut self.connection_mut(key).flags;
        let was_held = flags.has(Flags::WAS_HELD);
        if !flags.is_held() {
            flags.clear(Flags::WAS_HELD);
        }
        was_held
    }

    /// The peer has taken enough for it to count as an answer.
    pub(crate) fn excuse_silence(&mut self, key: Key) {
        self.connection_mut(key).flags.clear(Flags::ASKED);
    }

    /// The time of a connection is over that waits for its peer. Returns false if it is the owner
    /// who has to know what that means.
    pub(crate) fn judge(&mut self, key: Key) -> bool {
        let connection = self.connection(key);
        if connection.is_watched() || connection.closing == Closing::Lingering {
            self.ask_unsent(key);
            return true;
        }
        // The shard is late with what it has to send, not the peer.
        let is_late = connection.closing == Closing::AfterSending && connection.has_unsent();
        if is_late {
            self.start_watch(key);
        }
        is_late
    }
}
