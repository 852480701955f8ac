//! The messages of the protocol. Each is a string value of the parser: with the JSON parser a ping
//! is the text `"primus::ping::1700000000000"`, quotes included.

use std::fmt::Write;

/// What every message of the protocol starts with, and no message of an application may start with.
pub const PREFIX: &str = "primus::";

/// One message of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Server to client, every `pingInterval`. Carries the server's clock in epoch milliseconds.
    Ping(&'a str),
    /// Client to server: the value of the ping, unchanged.
    Pong(&'a str),
    /// Server to client: the end that follows is intended, so the client must not reconnect.
    ServerClose,
    /// Client to server: which id does my spark have? A server takes [`Packet::Id`] as this too,
    /// because Primus does not look at the value of a request.
    IdRequest,
    /// Server to client: the id of the spark.
    Id(&'a str),
    /// Client to server: a new credential in the place of the one that it connected with, which
    /// expires. Primus has no such message; its clients write it as any other text.
    Authorization(&'a str),
    /// A message that claims to be of the protocol and is not understood. It is ignored, and never
    /// given to the application.
    Unknown,
}

impl<'a> Packet<'a> {
    /// Understands a string value; `None` if it is an ordinary message of the application.
    ///
    /// Like Primus: what stands between the prefix and the next colon is the kind of the message,
    /// and its value starts two characters after that colon, whatever the second one is.
    pub fn parse(message: &'a str) -> Option<Self> {
        let Some((kind, rest)) = message.strip_prefix(PREFIX)?.split_once(':') else {
            return Some(Self::Unknown);
        };
        let mut rest = rest.chars();
        rest.next();
        Some(match (kind, rest.as_str()) {
            ("ping", value) => Self::Ping(value),
            ("pong", value) => Self::Pong(value),
            ("server", "close") => Self::ServerClose,
            ("id", "") => Self::IdRequest,
            ("id", id) => Self::Id(id),
            ("authorization", credential) => Self::Authorization(credential),
            _ => Self::Unknown,
        })
    }

    /// Appends the message as a string value, not yet encoded by a parser. [`Packet::Unknown`] has
    /// no words and appends nothing.
    pub fn write(&self, out: &mut String) {
        let (kind, value) = match self {
            Self::Ping(value) => ("ping", *value),
            Self::Pong(value) => ("pong", *value),
            Self::ServerClose => ("server", "close"),
            Self::IdRequest => ("id", ""),
            Self::Id(id) => ("id", *id),
            Self::Authorization(credential) => ("authorization", *credential),
            Self::Unknown => return,
        };
        out.push_str(PREFIX);
        out.push_str(kind);
        out.push_str("::");
        out.push_str(value);
    }

    /// Appends the ping of this moment, in milliseconds since the Unix epoch. It allocates nothing
    /// beyond what `out` needs to grow.
    pub fn write_ping(epoch_ms: u64, out: &mut String) {
        Self::Ping("").write(out);
        write!(out, "{epoch_ms}").expect("writing to a String cannot fail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(packet: Packet<'_>) -> String {
        let mut out = String::new();
        packet.write(&mut out);
        out
    }

    #[test]
    fn the_words_are_those_of_primus() {
        let mut ping = String::new();
        Packet::write_ping(1_700_000_000_000, &mut ping);
        assert_eq!(ping, "primus::ping::1700000000000");
        assert_eq!(written(Packet::Ping("17")), "primus::ping::17");
        assert_eq!(written(Packet::Pong("17")), "primus::pong::17");
        assert_eq!(written(Packet::ServerClose), "primus::server::close");
        assert_eq!(written(Packet::IdRequest), "primus::id::");
        assert_eq!(written(Packet::Id("a-b_c")), "primus::id::a-b_c");
        assert_eq!(written(Packet::Unknown), "");
    }

    #[test]
    fn understands_what_it_writes() {
        for packet in [
            Packet::Ping("17"),
            Packet::Pong(""),
            Packet::ServerClose,
            Packet::IdRequest,
            Packet::Id("a::b"),
            Packet::Authorization("a.b.c"),
        ] {
            assert_eq!(Packet::parse(&written(packet)), Some(packet));
        }
    }

    #[test]
    fn ordinary_messages_are_not_of_the_protocol() {
        for message in [
            "",
            "primus",
            "primus:",
            "primus:ping::1",
            " primus::ping::1",
            "Primus::",
        ] {
            assert_eq!(Packet::parse(message), None, "{message}");
        }
    }

    #[test]
    fn what_is_not_understood_is_unknown() {
        for message in [
            "primus::",
            "primus::ping",
            "primus::nonsense::1",
            "primus::PING::1",
            "primus::server::open",
            "primus::server::close ",
            "primus:::ping::1",
        ] {
            assert_eq!(Packet::parse(message), Some(Packet::Unknown), "{message}");
        }
    }

    #[test]
    fn the_value_starts_two_characters_after_the_colon() {
        assert_eq!(Packet::parse("primus::pong:x17"), Some(Packet::Pong("17")));
        assert_eq!(Packet::parse("primus::pong:é17"), Some(Packet::Pong("17")));
        assert_eq!(Packet::parse("primus::pong:"), Some(Packet::Pong("")));
        assert_eq!(Packet::parse("primus::id::"), Some(Packet::IdRequest));
        assert_eq!(Packet::parse("primus::ping:::1"), Some(Packet::Ping(":1")));
    }
}
