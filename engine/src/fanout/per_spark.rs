//! Broadcasts that are not the same for every spark: messages, not frames, which are kept until a
//! walk has brought them to everybody.

use std::collections::VecDeque;
use std::sync::Arc;

use allspark_protocol::transformer::Kind;

use crate::limits::{LOG_BYTES_MAX, PER_SPARK_MESSAGES_MAX};
use crate::memory::GiveBack;

/// A message as the parser encoded it.
type Message = (Kind, Arc<[u8]>);

/// Those that some sparks of a shard have not got yet. They are numbered from 0.
#[derive(Default)]
pub(crate) struct PerSpark {
    /// The number of the oldest one.
    first: u64,
    messages: VecDeque<Message>,
    bytes: usize,
}

impl PerSpark {
    /// The number of the next one: where a new spark begins.
    #[inline]
    pub(crate) fn head(&self) -> u64 {
        self.first + self.messages.len() as u64
    }

    /// Whether everybody has got everything.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The one with this number.
    pub(crate) fn get(&self, number: u64) -> Option<Message> {
        let place = number.checked_sub(self.first)?;
        let (kind, payload) = self.messages.get(usize::try_from(place).ok()?)?;
        Some((*kind, Arc::clone(payload)))
    }

    pub(super) fn push(&mut self, kind: Kind, payload: Arc<[u8]>) {
        self.bytes += payload.len();
        self.messages.push_back((kind, payload));
    }

    /// Everybody has those before this number.
    pub(super) fn forget_before(&mut self, number: u64) {
        while self.first < number
            && let Some((_, payload)) = self.messages.pop_front()
        {
            self.first += 1;
            self.bytes -= payload.len();
        }
        if self.messages.is_empty() {
            self.messages.give_back();
        }
    }

    /// Whether there are more than walks carry out.
    pub(super) fn is_full(&self) -> bool {
        self.messages.len() > PER_SPARK_MESSAGES_MAX || self.bytes > LOG_BYTES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(messages: &mut PerSpark, text: &str) {
        messages.push(Kind::Text, text.as_bytes().into());
    }

    fn get(messages: &PerSpark, number: u64) -> Option<String> {
        let (_, payload) = messages.get(number)?;
        Some(String::from_utf8(payload.to_vec()).unwrap())
    }

    #[test]
    fn each_has_a_number_until_it_is_forgotten() {
        let mut messages = PerSpark::default();
        for text in ["a", "b", "c"] {
            push(&mut messages, text);
        }
        assert_eq!((messages.head(), get(&messages, 1)), (3, Some("b".into())));
        messages.forget_before(2);
        assert_eq!(get(&messages, 1), None);
        assert_eq!((get(&messages, 2), messages.head()), (Some("c".into()), 3));
        messages.forget_before(9);
        assert_eq!((messages.head(), messages.bytes), (3, 0));
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
