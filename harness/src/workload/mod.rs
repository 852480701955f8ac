//! What simulated clients say to each other, and who says it.
//!
//! | module | what it knows |
//! |---|---|
//! | [`message`] | a message that carries its own proof |
//! | [`wording`] | how a parser puts it |
//! | [`senders`] | which of the clients send |
//! | [`pace`] | when the next message is due, if messages come at a fixed rate |
//!
//! Nothing here opens a connection or reads a clock, so that simulation and load can share it.

pub(crate) mod message;
pub(crate) mod pace;
pub(crate) mod senders;
pub(crate) mod wording;

/// What the clients do once they are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// They hold their connections and answer pings.
    Idle,
    /// Each client's messages come back to it alone.
    Echo,
    /// Each publisher's messages come to every client.
    Broadcast,
    /// Each connection echoes a few messages and then makes room for a new one.
    Churn,
    /// Some of all that: some hold their connections, some echo or publish, some do not read for a
    /// while, some vanish or leave, and come back.
    Mixed,
    /// They are in rooms, and some of them publish to rooms.
    Rooms,
    /// They are in rooms, and some of them publish values, of which only the newest matters.
    Conflation,
    /// They ask, and are answered; and the server may ask them.
    Acks,
    /// They listen to what is published over HTTP.
    Publish,
    /// They hold their connections, lose the server, and come back.
    Storm,
}

impl Scenario {
    /// The name on the command line and in reports.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Echo => "echo",
            Self::Broadcast => "broadcast",
            Self::Churn => "churn",
            Self::Mixed => "mixed",
            Self::Rooms => "rooms",
            Self::Conflation => "conflation",
            Self::Acks => "acks",
            Self::Publish => "publish",
            Self::Storm => "storm",
        }
    }
}
