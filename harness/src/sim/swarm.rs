//! What may go wrong in the scenario `faults`, and how often it did.
//!
//! Each seed chooses for itself which kinds of faults there are and how likely each is (swarm
//! testing): a world with one kind of fault finds what a world with all of them hides.

use allspark_protocol::Dice;
use serde::Serialize;

use super::plan::SimScenario;
use super::purpose::Purpose;

/// How likely each kind of fault is, relative to the others; 0 for never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Weights {
    /// A connection breaks.
    pub(crate) reset: u64,
    /// A client's host is gone without a word; the client does not know.
    pub(crate) vanish: u64,
    /// A client reads nothing for some seconds.
    pub(crate) sleep: u64,
    /// Bytes take longer or shorter than before.
    pub(crate) latency: u64,
    /// Little fits into the buffers, so that writes are partial.
    pub(crate) window: u64,
    /// Bytes arrive a few at a time.
    pub(crate) segment: u64,
    /// One of so many attempts to connect is refused, if it is not 0.
    pub(crate) refuse_one_in: u64,
    /// A server crashes, and is back some seconds later.
    pub(crate) crash: u64,
    /// A server is drained, stopped, and is back some seconds later.
    pub(crate) drain: u64,
    /// A server can't accept connections for some seconds.
    pub(crate) accept: u64,
    /// The wall clock jumps, up to an hour, to and fro.
    pub(crate) clock: u64,
    /// Strangers want to harm the servers, unless it is 0.
    pub(crate) villains: u64,
    /// Servers bound how many come and how much they send, unless it is 0; the number says how.
    pub(crate) limits: u64,
}

/// How often each kind of fault has happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Tally {
    /// Connections that were broken.
    pub(crate) resets: u32,
    /// Clients that were gone without a word.
    pub(crate) vanished: u32,
    /// Clients that read nothing for a while.
    pub(crate) sleeps: u32,
    /// Connections that became slower or faster.
    pub(crate) latencies: u32,
    /// Connections with little room, some of them from the beginning.
    pub(crate) windows: u32,
    /// Connections whose bytes came a few at a time, some of them from the beginning.
    pub(crate) segments: u32,
    /// Attempts to connect that were refused though a server was there.
    pub(crate) refused: u32,
    /// Servers that were gone without a word.
    pub(crate) stops: u32,
    /// Servers that sent their clients elsewhere.
    pub(crate) drains: u32,
    /// Those of them that did so one client after the other.
    pub(crate) slow_drains: u32,
    /// Times in which a server could not accept.
    pub(crate) accept_pauses: u32,
    /// Jumps of the wall clock.
    pub(crate) clock_jumps: u32,
    /// Connections of strangers who wanted to harm the servers.
    pub(crate) villains: u32,
    /// Connections, sparks and requests that servers refused because of their bounds.
    pub(crate) bounded: u32,
    /// Pauses, drops and ends of sparks whose clients sent too much.
    pub(crate) flooded: u32,
    /// Handshakes of TLS that were done.
    pub(crate) handshakes: u32,
    /// Encrypted connections that failed, most of them in their handshake.
    pub(crate) handshakes_failed: u32,
    /// The most that one server held for its peers, in bytes, where there were strangers.
    pub(crate) held_bytes_max: u64,
}

impl Tally {
    /// What happened at all: how often, and its name.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = (u32, &'static str)> {
        let kinds = [
            (self.resets, "connections broken"),
            (self.vanished, "clients gone silent"),
            (self.sleeps, "clients asleep"),
            (self.latencies, "new latencies"),
            (self.windows, "narrow windows"),
            (self.segments, "chopped streams"),
            (self.refused, "refused"),
            (self.stops, "servers stopped"),
            (self.drains, "servers drained"),
            (self.slow_drains, "of them slowly"),
            (self.accept_pauses, "pauses of accepting"),
            (self.clock_jumps, "clock jumps"),
            (self.villains, "hostile connections"),
            (self.bounded, "refused by a bound"),
            (self.flooded, "floods"),
            (self.handshakes, "handshakes"),
            (self.handshakes_failed, "failed ones"),
        ];
        kinds.into_iter().filter(|(count, _)| *count > 0)
    }
}

impl Weights {
    /// What the seed chooses; nothing goes wrong in most other scenarios.
    pub(super) fn draw(scenario: SimScenario, seed: u64) -> Self {
        match scenario {
            SimScenario::Faults => {}
            SimScenario::Rooms => return Self::of_rooms(),
            _ => return Self::default(),
        }
        let mut dice = Purpose::World.dice(seed);
        let mut weight = || match dice.once_in(2) {
            true => 0,
            false => 1 + dice.below(8),
        };
        Self {
            reset: weight(),
            vanish: weight(),
            sleep: weight(),
            latency: weight(),
            window: weight(),
            segment: weight(),
            refuse_one_in: weight(),
            crash: weight(),
            drain: weight(),
            accept: weight(),
            clock: weight(),
            villains: weight(),
            limits: weight(),
        }
    }

    /// Where it is about rooms, some read slowly, so that much waits, and some come and go.
    fn of_rooms() -> Self {
        Self {
            reset: 1,
            vanish: 1,
            sleep: 4,
            latency: 2,
            window: 4,
            segment: 2,
            ..Self::default()
        }
    }

    /// What may go wrong with clients, by weight.
    pub(super) fn of_clients(&self) -> [(u64, ClientFault); 6] {
        [
            (self.reset, ClientFault::Reset),
            (self.vanish, ClientFault::Vanish),
            (self.sleep, ClientFault::Sleep),
            (self.latency, ClientFault::Latency),
            (self.window, ClientFault::Window),
            (self.segment, ClientFault::Segment),
        ]
    }

    /// What may go wrong with servers, by weight.
    pub(super) fn of_nodes(&self) -> [(u64, NodeFault); 4] {
        [
            (self.crash, NodeFault::Crash),
            (self.drain, NodeFault::Drain),
            (self.accept, NodeFault::Accept),
            (self.clock, NodeFault::Clock),
        ]
    }
}

/// What may go wrong with a client.
#[derive(Clone, Copy, Debug)]
pub(super) enum ClientFault {
    Reset,
    Vanish,
    Sleep,
    Latency,
    Window,
    Segment,
}

/// What may go wrong with a server.
#[derive(Clone, Copy, Debug)]
pub(super) enum NodeFault {
    Crash,
    Drain,
    Accept,
    Clock,
}

/// Draws one, by weight; none if nothing weighs anything.
pub(super) fn pick<T: Copy>(dice: &mut Dice, weighted: &[(u64, T)]) -> Option<T> {
    let total = weighted.iter().map(|(weight, _)| weight).sum();
    let mut rest = dice.below(total);
    for (weight, choice) in weighted {
        if rest < *weight {
            return Some(*choice);
        }
        rest -= weight;
    }
    None
}
