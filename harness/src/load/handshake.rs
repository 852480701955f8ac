//! Opens a WebSocket the way a Primus client does.

use allspark_protocol::Input;
use allspark_protocol::http::{Error, Misuse, ResponsePart, ResponseReader};
use allspark_protocol::websocket::handshake::{Opening, Rejection};
use thiserror::Error;

use super::target::Target;

/// A handshake that waits for its answer.
#[derive(Debug)]
pub(crate) struct Handshake {
    opening: Opening,
    reader: ResponseReader,
}

/// The server did not accept the connection.
#[derive(Debug, Error)]
pub(crate) enum Refusal {
    #[error("the answer is no HTTP: {0}")]
    Http(#[from] Error),
    #[error("{rejection} (status {status})")]
    Rejected { rejection: Rejection, status: u16 },
}

impl Handshake {
    /// Appends the request to `out`. Every client has its own query, as browsers do to get past
    /// caches.
    ///
    /// # Errors
    /// [`Misuse`] if the pathname or the host cannot be part of a request.
    pub(crate) fn begin(
        out: &mut Vec<u8>,
        target: &Target,
        client: u32,
        nonce: [u8; 16],
    ) -> Result<Self, Misuse> {
        let path = format!("{}/?_primuscb=harness{client}", target.pathname());
        Ok(Self {
            opening: Opening::request(out, target.host(), &path, nonce, &[], &[])?,
            reader: ResponseReader::default(),
        })
    }

    /// Reads the answer, and nothing behind it. Returns whether it is complete: then the
    /// connection is a WebSocket.
    pub(crate) fn receive(&mut self, input: &mut Input<'_>) -> Result<bool, Refusal> {
        let Some(ResponsePart::Head(head)) = self.reader.next(input, false)? else {
            return Ok(false);
        };
        match self.opening.check(&head) {
            Ok(_) => Ok(true),
            Err(rejection) => Err(Refusal::Rejected {
                rejection,
                status: head.status(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use allspark_protocol::http::RequestHead;
    use allspark_protocol::websocket::handshake::Upgrade;

    use super::*;

    fn begun() -> (Handshake, Vec<u8>) {
        let target = Target::parse("http://127.0.0.1:80", "/primus").unwrap();
        let mut request = Vec::new();
        let handshake = Handshake::begin(&mut request, &target, 7, [3; 16]).unwrap();
        let head = RequestHead::parse(&request).unwrap();
        assert_eq!(head.target(), "/primus/?_primuscb=harness7");
        let mut response = Vec::new();
        Upgrade::check(&head)
            .unwrap()
            .response()
            .encode(&mut response, true, false);
        (handshake, response)
    }

    #[test]
    fn an_answer_in_parts_opens_and_what_follows_is_left() {
        let (mut handshake, mut response) = begun();
        let end = response.len();
        response.extend_from_slice(b"\x81\x00");
        let (first, second) = response.split_at_mut(end / 2);
        assert!(!handshake.receive(&mut Input::new(first)).unwrap());
        let mut input = Input::new(second);
        assert!(handshake.receive(&mut input).unwrap());
        assert_eq!(input.peek(), b"\x81\x00");
    }

    #[test]
    fn a_refusal_says_why() {
        let (mut handshake, _) = begun();
        let mut response = *b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
        let refusal = handshake
            .receive(&mut Input::new(&mut response))
            .unwrap_err();
        assert!(refusal.to_string().ends_with("(status 503)"), "{refusal}");
    }
}
