//! As much HTTP as the load generator needs: the upgrade, and what Primus says of itself.

use allspark_protocol::http::{RequestHead, Response};
use allspark_protocol::websocket::handshake::Upgrade;

/// Bytes of the longest request.
const REQUEST_BYTES_MAX: usize = 16 * 1024;

/// What Primus answers to `GET /primus/spec`, as far as somebody reads it here.
const SPEC: &str = r#"{"parser":"json","transformer":"websockets","pingInterval":false}"#;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    /// The rest of it has not come yet.
    Incomplete,
    /// So many bytes were a request, and from then on it is a WebSocket.
    WebSocket(usize),
    /// It was answered, and there is nothing more to say.
    Answered,
}

/// Answers the request at the front of `bytes`.
pub(crate) fn answer(bytes: &[u8], out: &mut Vec<u8>) -> Opened {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        if bytes.len() <= REQUEST_BYTES_MAX {
            return Opened::Incomplete;
        }
        Response::text(431, "Request Header Fields Too Large\n").encode(out, false, false);
        return Opened::Answered;
    };
    let request_bytes = end + 4;
    let response = match RequestHead::parse(&bytes[..request_bytes]) {
        Err(error) => Response::text(error.status(), "Bad Request\n"),
        Ok(head) if head.path().ends_with("/spec") => Response::json(200, SPEC.to_owned()),
        Ok(head) => match Upgrade::check(&head) {
            Err(refusal) => refusal.response(),
            Ok(upgrade) => {
                upgrade.response().encode(out, true, false);
                return Opened::WebSocket(request_bytes);
            }
        },
    };
    response.encode(out, false, false);
    Opened::Answered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_primus_says_of_itself() {
        let mut out = Vec::new();
        let request = b"GET /primus/spec HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(answer(&request[..30], &mut out), Opened::Incomplete);
        assert_eq!(answer(request, &mut out), Opened::Answered);
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.starts_with("HTTP/1.1 200 ") && text.ends_with(SPEC),
            "{text}"
        );
    }

    #[test]
    fn refuses_what_is_no_upgrade_and_what_is_too_long() {
        for (request, status) in [
            (b"GET /primus/ HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), "4"),
            (b"\x16\x03\x01\r\n\r\n".to_vec(), "400"),
            (vec![b'a'; REQUEST_BYTES_MAX + 1], "431"),
        ] {
            let mut out = Vec::new();
            assert_eq!(answer(&request, &mut out), Opened::Answered);
            let text = String::from_utf8(out).unwrap();
            assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{text}");
        }
    }
}
