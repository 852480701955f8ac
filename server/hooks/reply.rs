//! What an application answers.

use serde::Deserialize;
use serde_json::Value;

/// What it says about one event.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct Reply {
    /// The event, which was found by it.
    #[serde(rename = "id")]
    _id: String,
    /// The client may not connect.
    pub(super) refuse: Option<Refuse>,
    /// What is kept with the spark.
    pub(super) data: Option<Value>,
    /// Rooms that the spark joins.
    #[serde(default)]
    pub(super) rooms: Vec<String>,
    /// How much its client may send.
    pub(super) rate: Option<Rate>,
    /// Messages to its client.
    #[serde(default)]
    pub(super) write: Vec<Value>,
    /// What is to be done to others.
    #[serde(default)]
    pub(super) commands: Vec<Value>,
}

/// How a client is refused.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Refuse {
    /// What the client is told; it is told nothing without.
    pub(super) status: Option<u16>,
    pub(super) message: Option<String>,
    /// Whether it shall come again.
    pub(super) reconnect: bool,
}

impl Refuse {
    /// Nothing is said against the client.
    pub(super) fn is_later(&self) -> bool {
        self.reconnect && self.status.is_none() && self.message.is_none()
    }
}

/// How much may be sent per second; zero for any amount.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Rate {
    pub(super) messages: u32,
    pub(super) bytes: u32,
}

/// A whole answer.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    #[serde(default)]
    replies: Vec<Value>,
}

/// What was understood of an answer.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Replies {
    /// What is said about each event of the request, if something is; by its place.
    pub(super) of: Vec<Option<Result<Reply, String>>>,
    /// How many speak of events that the request does not have.
    pub(super) foreign: usize,
}

impl Replies {
    /// Reads the answer to a request of so many events. `place` finds an event by its id. Nothing
    /// in the answer says nothing about any of them.
    ///
    /// # Errors
    /// It is no such answer.
    pub(super) fn read(
        body: &[u8],
        events: usize,
        place: impl Fn(&str) -> Option<usize>,
    ) -> Result<Self, String> {
        let mut of: Vec<_> = (0..events).map(|_| None).collect();
        match body.trim_ascii_start().first() {
            None => return Ok(Self { of, foreign: 0 }),
            Some(b'{') => {}
            // Serde would take an array for the members of the object.
            Some(_) => return Err("it is no object".to_owned()),
        }
        let answer: Answer = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let mut foreign = 0;
        for reply in answer.replies {
            let id = reply.get("id").and_then(Value::as_str);
            let Some(said) = id.and_then(&place).and_then(|place| of.get_mut(place)) else {
                foreign += 1;
                continue;
            };
            // Of two that contradict each other none can be believed.
            *said = Some(match said {
                None => serde_json::from_value(reply).map_err(|error| error.to_string()),
                Some(_) => Err("two replies speak of one event".to_owned()),
            });
        }
        Ok(Self { of, foreign })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Replies, String> {
        let place = |id: &str| id.strip_prefix('e')?.parse().ok();
        Replies::read(body.as_bytes(), 2, place)
    }

    #[test]
    fn nothing_says_nothing() {
        for body in ["", " \r\n", "{}", r#"{"replies":[]}"#] {
            let replies = read(body).unwrap();
            assert_eq!((replies.of, replies.foreign), (vec![None, None], 0));
        }
    }

    #[test]
    fn each_reply_finds_its_event() {
        let body = r#"{"replies":[
            {"id":"e1","data":{"a":1},"rooms":["x"],"rate":{"messages":5},"write":[1,"two"]},
            {"id":"e2"},{"id":7},{},{"id":"f0","refuse":{}},
            {"id":"e0","refuse":{"status":403,"message":"no"}}
        ]}"#;
        let replies = read(body).unwrap();
        assert_eq!(replies.foreign, 4);
        let first = replies.of[0].clone().unwrap().unwrap();
        let refuse = first.refuse.unwrap();
        assert_eq!((refuse.status, refuse.reconnect), (Some(403), false));
        let second = replies.of[1].clone().unwrap().unwrap();
        assert_eq!(
            second.rate.map(|rate| (rate.messages, rate.bytes)),
            Some((5, 0))
        );
        assert_eq!((second.rooms.len(), second.write.len()), (1, 2));
    }

    #[test]
    fn a_reply_that_is_none_harms_no_other_one() {
        for bad in [
            r#"{"id":"e0","refused":true}"#,
            r#"{"id":"e0","rooms":"x"}"#,
            r#"{"id":"e0"},{"id":"e0"}"#,
        ] {
            let replies = read(&format!(r#"{{"replies":[{bad},{{"id":"e1"}}]}}"#)).unwrap();
            assert!(replies.of[0].clone().unwrap().is_err(), "{bad}");
            assert!(replies.of[1].clone().unwrap().is_ok());
        }
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let deep = format!(r#"{{"replies":{}{}}}"#, "[".repeat(1000), "]".repeat(1000));
        for body in [
            "ok",
            "[]",
            "[[]]",
            r#"{"ok":true}"#,
            r#"{"replies":{}}"#,
            "\u{0}",
            &deep,
        ] {
            assert!(read(body).is_err(), "{body}");
        }
    }
}
