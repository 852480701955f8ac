//! How far a load has come. Every phase ends by itself, whatever the server does.

use std::time::Duration;

use allspark_protocol::Instant;

/// How long clients may be connecting without any progress.
pub(super) const OPENING_STALL: Duration = Duration::from_secs(10);

/// How long nothing is sent after the last client was connected: to a client the connection is
/// open when the handshake is answered, to an app when its handlers have run.
pub(super) const SETTLE: Duration = Duration::from_millis(100);

/// How long the server may take to answer goodbyes, after the last one was said.
pub(super) const GOODBYE_MAX: Duration = Duration::from_secs(5);

/// How long the driver may take to close what was not closed in time.
pub(super) const CLOSING_MAX: Duration = Duration::from_secs(5);

/// Between two questions how many sparks there are.
pub(super) const COUNT_INTERVAL: Duration = Duration::from_millis(100);

/// What is going on, and until when at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Clients connect.
    Opening { give_up: Instant },
    /// All are connected, nobody sends yet.
    Settling { until: Instant },
    /// Traffic runs, nothing is measured yet.
    WarmUp { until: Instant },
    /// Traffic runs and is measured.
    Measuring { until: Instant },
    /// Broadcasts go out one after the other, each when everyone has the one before; so many are
    /// left, this one included.
    Broadcasting { left: u32, until: Instant },
    /// Nobody sends; what is under way arrives.
    Draining { until: Instant },
    /// The server is asked how many sparks it has, until it says what it should: before the
    /// goodbyes, or at the end.
    Counting {
        is_end: bool,
        next: Instant,
        until: Instant,
    },
    /// Clients say goodbye, from the first to the last.
    Leaving { next: u32, until: Instant },
    /// What is still open is closed without a goodbye.
    Closing { until: Instant },
    /// Nothing is left to do.
    Done,
}

impl Phase {
    /// What the progress line says.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Opening { .. } => "connecting",
            Self::Settling { .. } | Self::WarmUp { .. } => "warming up",
            Self::Measuring { .. } => "measuring",
            Self::Broadcasting { .. } => "broadcasting",
            Self::Draining { .. } => "draining",
            Self::Counting { .. } => "counting",
            Self::Leaving { .. } => "leaving",
            Self::Closing { .. } | Self::Done => "closing",
        }
    }

    /// When the phase is over at the latest.
    pub(super) const fn deadline(self) -> Instant {
        match self {
            Self::Opening { give_up } => give_up,
            Self::Counting { next, .. } => next,
            Self::Settling { until }
            | Self::WarmUp { until }
            | Self::Measuring { until }
            | Self::Broadcasting { until, .. }
            | Self::Draining { until }
            | Self::Leaving { until, .. }
            | Self::Closing { until } => until,
            Self::Done => Instant::ZERO,
        }
    }

    /// Whether senders send.
    pub(super) const fn has_traffic(self) -> bool {
        matches!(self, Self::WarmUp { .. } | Self::Measuring { .. })
    }
}
