//! Lines of the log that a peer can cause. Of each kind at most one per second is logged; it says
//! how many were not logged since the one before.

use allspark_protocol::Instant;

use crate::throttle::{Admitted, Throttle};

/// The kinds of such lines.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Line {
    /// The machine lets no connection be accepted.
    AcceptFailed,
    /// A connection was refused because there are too many.
    ConnectionRefused,
    /// A session was refused because too many are not polled.
    SessionRefused,
    /// A peer was ended because it wanted more memory than its share.
    Shed,
    /// A function of the application panicked.
    Panicked,
    /// A client reads too slowly.
    Overflowed,
    /// A connection is lost between two shards.
    TravelFailed,
    /// A request was refused because too much is on its way to other shards.
    MoveRefused,
    /// A connection came without the header of the PROXY protocol that it needs.
    ProxyRefused,
    /// A connection with TLS has failed.
    TlsFailed,
    /// The application has made an id that can't be one.
    IdRefused,
    /// A connection was refused because there are too many of its address.
    AddressRefused,
    /// A connection was refused because they come too fast.
    AcceptRefused,
    /// Nobody is accepted for a while because connections come too fast.
    AcceptRests,
    /// A spark was refused because there are too many of its client's address.
    SparkRefused,
    /// A connection was closed because too many handshakes are under way.
    HandshakeRefused,
    /// A request was refused because too many are under way.
    RequestRefused,
    /// A client sends too much.
    Flooded,
    /// A message to many is not sent because too much waits for transforms.
    TransformsFull,
    /// A transform has refused a message to many.
    TransformRefused,
    /// A message to many is longer than a frame can be.
    TooLong,
}

/// How many kinds there are.
const KINDS: usize = Line::TooLong as usize + 1;

/// When each kind of line may be logged again. All shards of a server share it.
#[derive(Debug, Default)]
pub(crate) struct Lines([Throttle; KINDS]);

impl Lines {
    /// Whether a line of this kind may be logged now; if not, it is counted.
    pub(crate) fn admit(&self, line: Line, now: Instant) -> Option<Admitted> {
        self.0[line as usize].admit_at(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_of_a_kind_per_second_says_how_many_there_were() {
        let lines = Lines::default();
        let at = |ms| lines.admit(Line::AcceptFailed, Instant::from_ms(ms));
        let logged = |unlogged| Some(Admitted { unlogged });
        assert_eq!(at(0), logged(None));
        assert_eq!((at(0), at(500), at(999)), (None, None, None));
        let other = lines.admit(Line::Overflowed, Instant::from_ms(999));
        assert_eq!(other, logged(None), "another kind is not held back");
        assert_eq!(at(1000), logged(Some(3)));
        assert_eq!(at(5000), logged(None));
    }

    #[test]
    fn every_line_is_logged_or_counted_whichever_shard_it_is_from() {
        let lines = Lines::default();
        let told: u64 = std::thread::scope(|scope| {
            let shard = || {
                let admitted = (0..1000).filter_map(|ms| {
                    let admitted = lines.admit(Line::Panicked, Instant::from_ms(ms * 7));
                    admitted.map(|line| 1 + line.unlogged.unwrap_or(0))
                });
                admitted.sum::<u64>()
            };
            let shards: Vec<_> = (0..4).map(|_| scope.spawn(shard)).collect();
            shards.into_iter().map(|s| s.join().unwrap()).sum()
        });
        let rest = lines.admit(Line::Panicked, Instant::from_ms(1_000_000));
        let rest = rest.and_then(|line| line.unlogged).unwrap_or(0);
        assert_eq!(told + rest, 4000);
    }
}
