//! Kinds of events.

/// What an event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Connect,
    Message,
    Disconnect,
    Join,
    Leave,
    Error,
    /// A spark is there whose connect was told before.
    Open,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 7] = [
        Self::Connect,
        Self::Message,
        Self::Disconnect,
        Self::Join,
        Self::Leave,
        Self::Error,
        Self::Open,
    ];

    /// Those that an operator chooses.
    pub(crate) const CHOSEN: [Self; 6] = [
        Self::Connect,
        Self::Message,
        Self::Disconnect,
        Self::Join,
        Self::Leave,
        Self::Error,
    ];

    /// Its name in JSON and in options.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Message => "message",
            Self::Disconnect => "disconnect",
            Self::Join => "join",
            Self::Leave => "leave",
            Self::Error => "error",
            Self::Open => "open",
        }
    }
}
