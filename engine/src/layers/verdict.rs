//! What a layer says to a request.

use allspark_protocol::http::Response;
use allspark_protocol::parser::{Json, Parser};

/// What a layer says to a request.
#[derive(Debug)]
pub enum Verdict {
    /// It goes on, to the next layer and in the end to the transport.
    Next,
    /// This is the answer, and it goes no further.
    Answer(Response),
    /// It is refused, as Primus does it: with `{"error":message}`.
    Fail(LayerError),
    /// The verdict comes with the ticket that the layer took. Without one the answer is 503.
    Later,
}

impl From<()> for Verdict {
    fn from((): ()) -> Self {
        Self::Next
    }
}

impl<E: Into<LayerError>> From<Result<(), E>> for Verdict {
    fn from(result: Result<(), E>) -> Self {
        match result {
            Ok(()) => Self::Next,
            Err(error) => Self::Fail(error.into()),
        }
    }
}

impl From<LayerError> for Verdict {
    fn from(error: LayerError) -> Self {
        Self::Fail(error)
    }
}

impl From<Response> for Verdict {
    fn from(response: Response) -> Self {
        Self::Answer(response)
    }
}

/// Why a layer refuses a request. The client gets `{"error":message}`, so the message is for its
/// eyes. Of Primus's errors this is `err.message`, `err.statusCode` and `err.authenticate`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LayerError {
    pub(super) message: String,
    status: Option<u16>,
    authenticate: Option<String>,
}

impl LayerError {
    /// A refusal with this message. Its status is 401 if it is that of the authorization, else 500.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            status: None,
            authenticate: None,
        }
    }

    /// Sets the status. One that can't be that of an answer (below 200 or above 599) counts for
    /// nothing.
    #[doc(alias = "statusCode")]
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Sets the header `WWW-Authenticate`, for instance `Basic realm="chat"`. It is sent with the
    /// status 401 only, as in Primus.
    #[must_use]
    pub fn authenticate(mut self, challenge: impl Into<String>) -> Self {
        self.authenticate = Some(challenge.into());
        self
    }

    /// The answer, with this status unless it has one of its own.
    pub(crate) fn response(&self, default_status: u16) -> Response {
        let status = self.status.filter(|status| (200..600).contains(status));
        let status = status.unwrap_or(default_status);
        let mut body = b"{\"error\":".to_vec();
        Json.encode_str(&self.message, &mut body);
        body.push(b'}');
        let response = Response::new(status).body("application/json", body);
        match &self.authenticate {
            Some(challenge) if status == 401 => response.header("WWW-Authenticate", challenge),
            _ => response,
        }
    }
}

impl From<&str> for LayerError {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

impl From<String> for LayerError {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(error: LayerError) -> (u16, String, Option<String>) {
        let response = error.response(401);
        let body = String::from_utf8(response.body_bytes().to_vec()).unwrap();
        let mut headers = response.headers();
        let challenge = headers.find(|(name, _)| *name == "WWW-Authenticate");
        let challenge = challenge.map(|(_, value)| String::from_utf8(value.to_vec()).unwrap());
        (response.status(), body, challenge)
    }

    #[test]
    fn a_refusal_is_that_of_primus() {
        let basic = || LayerError::new("who are \"you\"?").authenticate("Basic");
        let body = "{\"error\":\"who are \\\"you\\\"?\"}".to_owned();
        assert_eq!(answer(basic()), (401, body.clone(), Some("Basic".into())));
        assert_eq!(answer(basic().status(403)), (403, body.clone(), None));
        for impossible in [0, 101, 199, 600, u16::MAX] {
            let (status, ..) = answer(basic().status(impossible));
            assert_eq!(status, 401);
        }
    }

    #[test]
    fn a_challenge_adds_no_header_of_its_own() {
        let split = LayerError::new("no").authenticate("Basic\r\nX-Evil: 1");
        assert_eq!(answer(split).2, None);
    }
}
