//! Why sparks end.

use std::fmt;

use allspark_protocol::websocket::CloseCode;

/// Why a spark ended. As text it is a few words for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndReason {
    /// The application has ended it.
    Application,
    /// The server is being destroyed.
    Destroyed,
    /// A handler of its own has panicked.
    Panicked,
    /// A listener of the application has failed.
    Listener,
    /// Its client did not answer a ping.
    Silent,
    /// Its client reads too slowly.
    TooSlow,
    /// Its client sent more than it may.
    Flooding,
    /// Its client wanted more memory than its share while the server had none left.
    Shed,
    /// The transport is over: its client said goodbye, or did not come back.
    Goodbye,
    /// Its client closed the WebSocket with this code.
    Closed(CloseCode),
    /// Its connection was closed without a goodbye.
    Gone,
    /// Its connection broke.
    Broken,
    /// Its client broke a rule of the transport.
    Violation,
}

impl EndReason {
    /// A word for it, for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Destroyed => "destroyed",
            Self::Panicked => "panicked",
            Self::Listener => "listener",
            Self::Silent => "silent",
            Self::TooSlow => "too-slow",
            Self::Flooding => "flooding",
            Self::Shed => "shed",
            Self::Goodbye => "goodbye",
            Self::Closed(_) => "closed",
            Self::Gone => "gone",
            Self::Broken => "broken",
            Self::Violation => "violation",
        }
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed(code) => return write!(f, "closed by the client with code {code}"),
            Self::Application => "ended by the application",
            Self::Destroyed => "the server ends",
            Self::Panicked => "a handler panicked",
            Self::Listener => "a listener failed",
            Self::Silent => "no answer to a ping",
            Self::TooSlow => "the client reads too slowly",
            Self::Flooding => "the client sends too much",
            Self::Shed => "the server has no memory left for it",
            Self::Goodbye => "closed by the client",
            Self::Gone => "the connection ended without a goodbye",
            Self::Broken => "the connection broke",
            Self::Violation => "the client broke a rule of the transport",
        })
    }
}
