//! Bodies that the server sends in parts, because it does not know yet what comes (RFC 9112, 6.3).

use std::io::Write;

/// How the client learns where a body ends whose length was not known when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFraming {
    /// Each part is a chunk, and an empty one ends the body: for HTTP/1.1.
    Chunked,
    /// The body ends with the connection, which the server has to close: for HTTP/1.0, which knows
    /// no chunks.
    UntilClose,
    /// So many bytes are the body, which whoever pushes has to keep to.
    Length(u64),
    /// There is no body, whatever is pushed: for `HEAD`, and for statuses that forbid one. What
    /// would frame the body that `GET` has is left out, as RFC 9110, 9.3.2 allows, unless its
    /// length is known.
    Bodiless,
}

impl BodyFraming {
    /// Whether the connection has to be closed behind the body. Node.js, too, does that to an
    /// HTTP/1.0 client that wanted to keep it.
    pub fn ends_with_connection(self) -> bool {
        self == Self::UntilClose
    }

    /// Whether there is no body.
    pub fn is_bodiless(self) -> bool {
        self == Self::Bodiless
    }

    /// Appends a part of the body to `out`. An empty part appends nothing, and so never ends the
    /// body.
    pub fn push(self, out: &mut Vec<u8>, part: &[u8]) {
        match self {
            Self::Chunked if !part.is_empty() => {
                write!(out, "{:x}\r\n", part.len()).expect("a Vec takes every byte");
                out.extend_from_slice(part);
                out.extend_from_slice(b"\r\n");
            }
            Self::UntilClose | Self::Length(_) => out.extend_from_slice(part),
            Self::Chunked | Self::Bodiless => {}
        }
    }

    /// Appends the end of the body to `out`: the last chunk, or nothing if the body is not chunked.
    pub fn end(self, out: &mut Vec<u8>) {
        if self == Self::Chunked {
            out.extend_from_slice(b"0\r\n\r\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Response;
    use super::*;

    /// A response in parts, as text.
    fn stream(
        response: &Response,
        framing: BodyFraming,
        keep_alive: bool,
        parts: &[&[u8]],
    ) -> String {
        let mut out = Vec::new();
        response.encode_begin(&mut out, framing, keep_alive);
        for part in parts {
            framing.push(&mut out, part);
        }
        framing.end(&mut out);
        String::from_utf8(out).unwrap()
    }

    const PARTS: &[&[u8]] = &[b"", b"hello ", b"", b"a longer part", b""];

    #[test]
    fn http_1_1_gets_chunks_of_which_only_the_last_is_empty() {
        let response = Response::new(200).header("X", "y");
        let framing = response.framing(1, false);
        assert_eq!(
            stream(&response, framing, true, PARTS),
            "HTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\n\
             Connection: keep-alive\r\n\r\n\
             6\r\nhello \r\nd\r\na longer part\r\n0\r\n\r\n"
        );
        assert_eq!(
            stream(&Response::new(200), framing, false, &[]),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n"
        );
    }

    #[test]
    fn http_1_0_reads_until_the_connection_ends() {
        let response = Response::new(200);
        assert_eq!(
            stream(&response, response.framing(0, false), true, PARTS),
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello a longer part"
        );
    }

    #[test]
    fn the_body_of_the_response_is_the_first_part() {
        let response = Response::text(404, "no");
        assert_eq!(
            stream(&response, response.framing(1, false), true, &[b"pe"]),
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n\
             2\r\nno\r\n2\r\npe\r\n0\r\n\r\n"
        );
    }

    #[test]
    fn a_body_of_known_length_says_it_to_everybody() {
        let response = Response::new(200).length(5);
        for minor_version in [0, 1] {
            let framing = response.framing(minor_version, false);
            assert_eq!(
                stream(&response, framing, true, &[b"he", b"llo"]),
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello"
            );
        }
        let head_only = stream(&response, response.framing(1, true), true, PARTS);
        assert!(head_only.contains("Content-Length: 5\r\n"), "{head_only}");
        assert!(head_only.ends_with("\r\n\r\n"), "{head_only}");
        for (status, says_it) in [(204, false), (304, true)] {
            let response = Response::new(status).length(5);
            let text = stream(&response, response.framing(1, false), true, PARTS);
            assert_eq!(text.contains("Content-Length: 5\r\n"), says_it, "{text}");
            assert!(text.ends_with("\r\n\r\n"), "{text}");
        }
    }

    #[test]
    fn what_has_no_body_gets_none() {
        let response = Response::text(200, "body");
        for minor_version in [0, 1] {
            let text = stream(
                &response,
                response.framing(minor_version, true),
                true,
                PARTS,
            );
            let end = "charset=utf-8\r\nConnection: keep-alive\r\n\r\n";
            assert!(text.ends_with(end), "{text}");
            for status in [204, 304] {
                let response = Response::new(status);
                let text = stream(
                    &response,
                    response.framing(minor_version, false),
                    true,
                    PARTS,
                );
                assert!(
                    text.ends_with("\r\nConnection: keep-alive\r\n\r\n"),
                    "{text}"
                );
                assert_eq!(text.lines().count(), 3, "{text}");
            }
        }
    }
}
