//! Clients publish to rooms.

use std::borrow::Cow;
use std::io;

use allspark_engine::{Data, Json, Message, Spark, Value};
use allspark_protocol::parser::{self, Parser};
use allspark_protocol::transformer::Kind;

use super::allowed::allows;
use super::names::{key, names};
use super::plugin::{PUBLISH, Rooms, refuse};
use super::refused::Refused;
use crate::emit::wire::Emitted;

/// How such a message begins, as `JSON.stringify` writes it; the name of the room follows.
const HEAD: &[u8] = br#"{"emit":["publish",""#;

impl Rooms {
    /// A client publishes a message: room, message, and the key of a value.
    pub(super) fn publish(&self, spark: &mut Spark<'_>, args: &[Value]) {
        let [room, rest @ ..] = args else {
            return refuse(spark, None, Refused::Unnamed);
        };
        let rooms = names(std::slice::from_ref(room));
        let room = match rooms.as_deref() {
            Ok([room]) => &**room,
            Ok(_) => return refuse(spark, None, Refused::OneRoom),
            Err(refused) => return refuse(spark, None, *refused),
        };
        if let Err(refused) = self.is_short(room) {
            return refuse(spark, None, refused);
        }
        let message = rest.first().unwrap_or(&Value::Null);
        let may = self.may_publish(spark, room, || bytes_as_json(message));
        let key = may.and_then(|()| self.key(room, rest.get(1)));
        let event = PUBLISH;
        match key {
            Err(refused) => refuse(spark, Some(room), refused),
            Ok(Some(key)) if rest.len() > 1 => {
                let args = &(room, message, &*key);
                write(spark, room, Some(&key), Json(Emitted { event, args }));
            }
            Ok(key) => {
                let args = &(room, message);
                write(spark, room, key.as_deref(), Json(Emitted { event, args }));
            }
        }
    }

    /// Passes a message on as it came, if it is written as it would be written here: that costs as
    /// little as a broadcast. Returns false if it has to be looked at more closely.
    pub(super) fn pass_on(&self, spark: &mut Spark<'_>, data: Data<'_>) -> bool {
        let Some((room, message)) = published(data.encoded()) else {
            return false;
        };
        if self.is_short(room).is_err() || allows(&self.options().latest, room) {
            return false;
        }
        match self.may_publish(spark, room, || message.len()) {
            Ok(()) => write(spark, room, None, data),
            Err(refused) => refuse(spark, Some(room), refused),
        }
        true
    }

    fn may_publish(
        &self,
        spark: &mut Spark<'_>,
        room: &str,
        bytes: impl FnOnce() -> usize,
    ) -> Result<(), Refused> {
        let options = self.options();
        if !allows(&options.publish, room) {
            return Err(Refused::NotAllowed);
        }
        if !spark.is_in(room) {
            return Err(Refused::NotIn);
        }
        let max = options.publish_bytes_max;
        if bytes() > max {
            return Err(Refused::TooLong { max });
        }
        let now = spark.now();
        let publishes = &mut Self::client(spark).publishes;
        match publishes.admits(now, options.publishes_per_s) {
            true => Ok(()),
            false => Err(Refused::TooOften),
        }
    }

    /// The key of a value, in a room of which only the newest ones matter.
    fn key<'v>(
        &self,
        room: &str,
        given: Option<&'v Value>,
    ) -> Result<Option<Cow<'v, str>>, Refused> {
        if !allows(&self.options().latest, room) {
            return Ok(None);
        }
        let key = given.map_or(Ok(Cow::Borrowed("")), key)?;
        match key.len() <= self.name_bytes_max() {
            true => Ok(Some(key)),
            false => Err(Refused::NoKey),
        }
    }
}

fn write(spark: &mut Spark<'_>, room: &str, key: Option<&str>, message: impl Message) {
    let mut primus = spark.primus();
    let mut to = primus.room(room);
    if let Some(key) = key {
        to = to.latest(key);
    }
    if let Err(error) = to.write(message) {
        tracing::debug!(spark = %spark.id(), %error, "a client's message to a room");
    }
}

/// The room and the message, if the whole is exactly what would be written here. What is between
/// must be one value by itself: then nobody who reads it finds another event in it.
fn published(text: &[u8]) -> Option<(&str, &[u8])> {
    let rest = text.strip_prefix(HEAD)?;
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | b' ');
    let (room, rest) = rest.split_at(rest.iter().position(is_special)?);
    let message = rest.strip_prefix(b"\",")?.strip_suffix(b"]}")?;
    let room = std::str::from_utf8(room).ok()?;
    parser::Json.check(Kind::Text, message).ok()?;
    (!room.is_empty()).then_some((room, message))
}

fn bytes_as_json(message: &Value) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    match serde_json::to_writer(&mut count, message) {
        Ok(()) => count.0,
        Err(_) => usize::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_would_be_written_so_is_passed_on() {
        let text = br#"{"emit":["publish","chat:7",{"text":"]}"}]}"#;
        assert_eq!(published(text), Some(("chat:7", &br#"{"text":"]}"}"#[..])));
        for other in [
            r#"{"emit":["publish","a"]}"#,
            r#"{"emit":["publish","a",]}"#,
            r#"{"emit":["publish","",1]}"#,
            r#"{"emit":["publish","a b",1]}"#,
            r#"{"emit":["publish","a\u0020b",1]}"#,
            r#"{"emit":["publish",7,1]}"#,
            r#"{"emit":["publish","a",1,"key"]}"#,
            r#"{"emit":["publish","a",1],"other":[1]}"#,
            // To some readers the last one is the event.
            r#"{"emit":["publish","a",1],"emit":["joinroom","b"]}"#,
            r#"{"emit":["publishes","a",1]}"#,
            r#" {"emit":["publish","a",1]}"#,
        ] {
            assert_eq!(published(other.as_bytes()), None, "{other}");
        }
    }
}
