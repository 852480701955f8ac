//! The verdict on one message. The sentences are those of the npm plugin.

use std::slice;

use allspark_engine::Value;

use super::validator::Invalid;
use crate::emit::wire::{self, Read};

/// The event that every message is which is none of primus-emit.
pub(super) const DATA: &str = "data";

/// A message as an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Event<'a> {
    pub(super) name: &'a str,
    pub(super) args: &'a [Value],
    /// It came as an event. Otherwise it is `data`, which clients may not name.
    pub(super) is_named: bool,
}

/// Takes a message for an event. `None` if it is one whose name is no text.
pub(super) fn event(message: &Value) -> Option<Event<'_>> {
    match wire::read(message) {
        Read::Event(name, args) => Some(Event {
            name,
            args,
            is_named: true,
        }),
        Read::Nameless => None,
        Read::Other => Some(Event {
            name: DATA,
            args: slice::from_ref(message),
            is_named: false,
        }),
    }
}

/// What is wrong with an event before a validator is asked.
pub(super) fn judge(
    event: &Event<'_>,
    is_reserved: impl FnOnce() -> bool,
    has_listener: impl FnOnce() -> bool,
    arity: Option<usize>,
) -> Result<(), Invalid> {
    let name = event.name;
    let reason = if event.is_named && is_reserved() {
        format!("{name} is a reserved event")
    } else if event.is_named && !has_listener() {
        format!("Missing listener for {name}")
    } else {
        match arity {
            None => format!("Missing validator for {name}"),
            Some(arity) if arity != event.args.len() => format!("Missing arguments for {name}"),
            Some(_) => return Ok(()),
        }
    };
    let event = name.into();
    Err(Invalid { event, reason })
}

#[cfg(test)]
mod tests {
    use allspark_protocol::value;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::any_value;

    fn verdict(
        message: &Value,
        is_reserved: bool,
        has_listener: bool,
        arity: Option<usize>,
    ) -> Option<String> {
        let event = event(message).unwrap();
        let judged = judge(&event, || is_reserved, || has_listener, arity);
        judged.err().map(|invalid| invalid.reason)
    }

    #[test]
    fn each_rule_has_its_sentence() {
        let chat = value!({ "emit": ["chat", 1] });
        assert_eq!(verdict(&chat, false, true, Some(1)), None);
        let cases = [
            (true, true, Some(1), "chat is a reserved event"),
            (false, false, Some(1), "Missing listener for chat"),
            (false, true, None, "Missing validator for chat"),
            (false, true, Some(0), "Missing arguments for chat"),
            (false, true, Some(2), "Missing arguments for chat"),
        ];
        for (is_reserved, has_listener, arity, sentence) in cases {
            let reason = verdict(&chat, is_reserved, has_listener, arity);
            assert_eq!(reason.as_deref(), Some(sentence));
        }
    }

    #[test]
    fn what_is_no_event_is_data() {
        let message = value!([1, 2]);
        assert_eq!(verdict(&message, true, false, Some(1)), None);
        let reason = verdict(&message, true, false, None);
        assert_eq!(reason.as_deref(), Some("Missing validator for data"));
        assert_eq!(event(&value!({ "emit": [1] })), None);
    }

    proptest! {
        #[test]
        fn no_value_is_a_panic(message in any_value()) {
            let emitted = value!({ "emit": (message.clone()) });
            for message in [message, emitted] {
                if let Some(event) = event(&message) {
                    let _ = judge(&event, || false, || true, Some(1));
                }
            }
        }
    }
}
