//! Messages that wait for a connection.

use std::collections::VecDeque;

use allspark_protocol::transformer::Kind;

/// A message as it waits.
type Waiting = (Kind, Box<[u8]>);

/// At most so many messages as the option `queue_size` says, oldest first. It has no memory while
/// it is empty.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Waiting>,
}

impl Queue {
    /// Adds a message. If there is no room, the oldest goes.
    pub(super) fn push(&mut self, kind: Kind, payload: &[u8], messages_max: usize) {
        if messages_max == 0 {
            return;
        }
        if self.waiting.len() >= messages_max {
            self.waiting.pop_front();
        }
        self.waiting.push_back((kind, payload.into()));
    }

    /// Takes the oldest message.
    pub(super) fn pop(&mut self) -> Option<Waiting> {
        let oldest = self.waiting.pop_front();
        if self.waiting.is_empty() {
            self.clear();
        }
        oldest
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn clear(&mut self) {
        self.waiting = VecDeque::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_when_there_is_no_room() {
        let mut queue = Queue::default();
        for message in ["1", "2", "3"] {
            queue.push(Kind::Text, message.as_bytes(), 2);
        }
        assert_eq!(queue.len(), 2);
        let left: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        let text = |text: &str| (Kind::Text, text.as_bytes().into());
        assert_eq!(left, [text("2"), text("3")]);
        assert_eq!(queue.waiting.capacity(), 0, "its memory is given back");
    }

    #[test]
    fn a_queue_without_room_holds_nothing() {
        let mut queue = Queue::default();
        queue.push(Kind::Text, b"1", 0);
        assert_eq!(queue.pop(), None);
    }
}
