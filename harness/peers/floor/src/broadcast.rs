//! The log of broadcasts, and the walk that brings it to everyone.
//!
//! A broadcast is queued for nobody. It is appended to the log, and a walk over all connections
//! sends each what it has not seen, at most [`SENDS_PER_TURN`] in one turn. Who is reached late
//! gets in the same send what came meanwhile; if something came that the first ones have missed,
//! another walk follows.

use crate::connection::Connection;

/// Sends of a walk in one turn: as many as AllSpark makes, or the two would not coalesce alike.
const SENDS_PER_TURN: usize = 256;

/// Everything about broadcasts.
#[derive(Debug, Default)]
pub(crate) struct Broadcast {
    pub(crate) log: Log,
    walk: Option<Walk>,
    /// Something was published since the walk began.
    again: bool,
}

/// The walk under way.
#[derive(Clone, Copy, Debug)]
struct Walk {
    next: usize,
    /// The head of the log when it began: what everyone has got when it is over.
    target: u64,
}

/// What was published and is not at everyone yet.
#[derive(Debug, Default)]
pub(crate) struct Log {
    bytes: Vec<u8>,
    /// The position of the first byte that is kept.
    begin: u64,
}

impl Broadcast {
    /// Has the next walk bring these frames to everyone.
    pub(crate) fn publish(&mut self, frames: &[u8]) {
        if frames.is_empty() {
            return;
        }
        self.log.bytes.extend_from_slice(frames);
        if self.walk.is_some() {
            self.again = true;
        } else {
            self.begin_walk();
        }
    }

    /// Whether somebody is to be sent something, of so many connections.
    pub(crate) fn is_walking(&self, seats: usize) -> bool {
        self.again || self.walk.is_some_and(|walk| walk.next < seats)
    }

    /// Goes on with the walk, over `seats` connections. `send` is asked for each of them to send
    /// what of the log is behind [`Connection::seen`], and says whether it did.
    pub(crate) fn walk(&mut self, seats: usize, mut send: impl FnMut(usize, &Log) -> bool) {
        let Some(walk) = &mut self.walk else { return };
        let mut sends = 0;
        while walk.next < seats && sends < SENDS_PER_TURN {
            sends += usize::from(send(walk.next, &self.log));
            walk.next += 1;
        }
    }

    /// Forgets what everyone has got. Not before the kernel has taken what was sent: sends point
    /// into the log.
    pub(crate) fn tidy(&mut self, seats: usize) {
        let Some(walk) = self.walk.filter(|walk| walk.next >= seats) else {
            return;
        };
        self.walk = None;
        self.log.forget_before(walk.target);
        if std::mem::take(&mut self.again) {
            self.begin_walk();
        }
    }

    fn begin_walk(&mut self) {
        self.walk = Some(Walk {
            next: 0,
            target: self.log.head(),
        });
    }
}

impl Log {
    /// The position behind the last byte.
    pub(crate) fn head(&self) -> u64 {
        self.begin + self.bytes.len() as u64
    }

    /// What lies behind a position.
    pub(crate) fn since(&self, position: u64) -> &[u8] {
        &self.bytes[(position - self.begin) as usize..]
    }

    /// Whether a connection has not seen all of it, and is to.
    pub(crate) fn is_news_for(&self, connection: &Connection) -> bool {
        connection.is_open() && connection.seen < self.head()
    }

    fn forget_before(&mut self, position: u64) {
        self.bytes.drain(..(position - self.begin) as usize);
        self.begin = position;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_gets_everything_once_and_nothing_is_kept() {
        let mut broadcast = Broadcast::default();
        let mut seen = vec![(0, Vec::new()); 2 * SENDS_PER_TURN + 7];
        let mut published = Vec::new();
        for turn in 0..30u8 {
            if turn < 20 && turn % 3 == 0 {
                broadcast.publish(&[turn, turn]);
                published.extend([turn, turn]);
            }
            let mut sends = 0;
            let seats = seen.len();
            broadcast.walk(seats, |index, log| {
                let (position, bytes) = &mut seen[index];
                let is_news = *position < log.head();
                bytes.extend_from_slice(log.since(*position));
                *position = log.head();
                sends += usize::from(is_news);
                is_news
            });
            assert!(sends <= SENDS_PER_TURN);
            broadcast.tidy(seats);
        }
        assert!(!broadcast.is_walking(seen.len()) && broadcast.log.bytes.is_empty());
        assert!(seen.iter().all(|(_, bytes)| *bytes == published));
    }
}
