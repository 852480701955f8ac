//! Broadcasts and messages to large rooms that are not the same for every spark: messages, not
//! frames, which are kept until walks have brought them to everybody whom they are for.

use std::collections::VecDeque;
use std::sync::Arc;

use allspark_protocol::transformer::Kind;

use super::posts::Audience;
use crate::limits::{LOG_BYTES_MAX, PER_SPARK_MESSAGES_MAX};
use crate::memory::GiveBack;

/// A message as the parser encoded it.
pub(crate) type Message = (Kind, Arc<[u8]>);

/// One that is kept.
struct Kept {
    message: Message,
    /// For whom it is, if it is not for all.
    audience: Option<Box<Audience>>,
}

impl Kept {
    fn bytes(&self) -> usize {
        let audience = self
            .audience
            .as_ref()
            .map_or(0, |audience| audience.bytes());
        self.message.1.len() + audience
    }
}

/// The messages that some sparks of a shard have not got yet. They are numbered from 0.
#[derive(Default)]
pub(crate) struct PerSpark {
    /// The number of the oldest one.
    first: u64,
    messages: VecDeque<Kept>,
    bytes: usize,
}

impl PerSpark {
    /// The number of the next one: where a new spark begins.
    #[inline]
    pub(crate) fn head(&self) -> u64 {
        self.first + self.messages.len() as u64
    }

    /// Whether everybody has got all of them.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Where a spark goes on that has seen those before this number. What is forgotten is not for
    /// it, or it has got it.
    pub(crate) fn goes_on(&self, seen: u64) -> u64 {
        seen.max(self.first)
    }

    /// The first one from this number on, which is not forgotten, that is for a spark, and the
    /// number behind it.
    pub(crate) fn next_from(
        &self,
        number: u64,
        mut is_for: impl FnMut(&Audience) -> bool,
    ) -> Option<(u64, Message)> {
        assert!(number >= self.first, "who goes on asks where");
        let place = usize::try_from(number - self.first).ok()?;
        let mut rest = (number + 1..).zip(self.messages.iter().skip(place));
        let (behind, kept) =
            rest.find(|(_, kept)| kept.audience.as_deref().is_none_or(&mut is_for))?;
        let (kind, payload) = &kept.message;
        Some((behind, (*kind, Arc::clone(payload))))
    }

    /// Adds one for all, or for an audience.
    pub(super) fn push(&mut self, kind: Kind, payload: Arc<[u8]>, audience: Option<Audience>) {
        let kept = Kept {
            message: (kind, payload),
            audience: audience.map(Box::new),
        };
        self.bytes += kept.bytes();
        self.messages.push_back(kept);
    }

    /// Everybody has those before this number.
    pub(super) fn forget_before(&mut self, number: u64) {
        assert!(number <= self.head(), "nobody has what is still to come");
        while self.first < number
            && let Some(kept) = self.messages.pop_front()
        {
            self.first += 1;
            self.bytes -= kept.bytes();
        }
        if self.messages.is_empty() {
            self.messages.give_back();
        }
    }

    /// Whether more messages wait than may.
    pub(super) fn is_full(&self) -> bool {
        self.messages.len() > PER_SPARK_MESSAGES_MAX || self.bytes > LOG_BYTES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(messages: &mut PerSpark, text: &str) {
        messages.push(Kind::Text, text.as_bytes().into(), None);
    }

    /// The next one for who is in this room.
    fn next(messages: &PerSpark, number: u64, room: u32) -> Option<(u64, String)> {
        let next = messages.next_from(number, |audience| audience.rooms.contains(&room));
        let (behind, (_, payload)) = next?;
        Some((behind, String::from_utf8(payload.to_vec()).unwrap()))
    }

    fn get(messages: &PerSpark, number: u64) -> Option<String> {
        next(messages, number, 0).map(|(_, text)| text)
    }

    #[test]
    fn each_has_a_number_until_it_is_forgotten() {
        let mut messages = PerSpark::default();
        for text in ["a", "b", "c"] {
            push(&mut messages, text);
        }
        assert_eq!((messages.head(), get(&messages, 1)), (3, Some("b".into())));
        messages.forget_before(2);
        assert_eq!((messages.goes_on(0), messages.goes_on(7)), (2, 7));
        assert_eq!((get(&messages, 2), messages.head()), (Some("c".into()), 3));
        messages.forget_before(3);
        assert_eq!((messages.head(), messages.bytes), (3, 0));
    }

    #[test]
    fn what_is_for_others_is_passed_over() {
        let mut messages = PerSpark::default();
        let audience = Audience {
            rooms: [7].into_iter().collect(),
            ..Audience::default()
        };
        push(&mut messages, "a");
        messages.push(Kind::Text, b"b"[..].into(), Some(audience));
        push(&mut messages, "c");
        assert_eq!(next(&messages, 1, 7), Some((2, "b".into())));
        assert_eq!(next(&messages, 1, 8), Some((3, "c".into())));
        assert_eq!(next(&messages, 3, 7), None);
        messages.forget_before(3);
        assert!(messages.is_empty() && messages.bytes == 0);
    }

    #[test]
    fn is_full_by_bytes_and_by_number() {
        let mut messages = PerSpark::default();
        push(&mut messages, &"x".repeat(LOG_BYTES_MAX + 1));
        assert!(messages.is_full());
        messages.forget_before(1);
        assert!(!messages.is_full());
        (0..=PER_SPARK_MESSAGES_MAX).for_each(|_| push(&mut messages, "x"));
        assert!(messages.is_full());
    }
}
