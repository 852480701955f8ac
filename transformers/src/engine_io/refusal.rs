//! Requests that engine.io refuses, and how it says so.

use allspark_protocol::http::Response;

/// Why a request is refused. The numbers are the codes of engine.io 6 (`Server.errors`); code 4 is
/// for applications that refuse a client, which is Primus's affair here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// `transport` is missing, or is none of those that can be used.
    UnknownTransport = 0,
    /// There is no session of that id, or no longer.
    UnknownSid = 1,
    /// A session does not begin with this method.
    BadHandshakeMethod = 2,
    /// The request does not fit its session.
    BadRequest = 3,
    /// `EIO` is not a version that is spoken here.
    UnsupportedProtocol = 5,
}

impl Refusal {
    /// The answer: JSON to an ordinary request, as the package's `abortRequest` writes it, and bare
    /// text to one for a WebSocket, as `abortUpgrade` writes it.
    ///
    /// Code 5 comes after the handshake of the WebSocket there, as garbage on the new connection;
    /// here it comes instead of it, which clients report as the same failure.
    pub(super) fn response(self, is_upgrade: bool) -> Response {
        let message = self.message();
        if is_upgrade {
            return Response::new(400).body("text/html", message.as_bytes());
        }
        let code = self as u8;
        Response::json(400, format!(r#"{{"code":{code},"message":"{message}"}}"#))
    }

    fn message(self) -> &'static str {
        match self {
            Self::UnknownTransport => "Transport unknown",
            Self::UnknownSid => "Session ID unknown",
            Self::BadHandshakeMethod => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::UnsupportedProtocol => "Unsupported protocol version",
        }
    }
}
