//! Frames in the lines of a response.
//!
//! On every transport a frame stands in one line: JSON has no line feeds of its own.

use std::borrow::Cow;

use super::options::SockJsTransport;
use super::url::CALLBACK;
use crate::sockjs::unquote;

/// Cuts a response into frames. It keeps no more than a frame may have.
#[derive(Debug)]
pub(super) struct Lines {
    transport: SockJsTransport,
    line_bytes_max: usize,
    buffer: Vec<u8>,
    /// Bytes of the buffer that have been read.
    read: usize,
    /// Bytes of the buffer that hold no line feed, as far as was looked.
    scanned: usize,
    frames: usize,
}

/// A line is longer than any frame can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Lines {
    pub(super) fn new(transport: SockJsTransport, line_bytes_max: usize) -> Self {
        Self {
            transport,
            line_bytes_max,
            buffer: Vec::new(),
            read: 0,
            scanned: 0,
            frames: 0,
        }
    }

    /// Forgets the response before.
    pub(super) fn begin(&mut self) {
        self.buffer.clear();
        (self.read, self.scanned, self.frames) = (0, 0, 0);
    }

    /// How many frames the response has had.
    pub(super) fn frames(&self) -> usize {
        self.frames
    }

    /// Takes in a part of the response. The caller must have taken out all frames before it.
    pub(super) fn push(&mut self, part: &[u8]) -> Result<(), TooLong> {
        self.buffer.drain(..self.read);
        self.scanned -= self.read;
        self.read = 0;
        if self.buffer.len() > self.line_bytes_max {
            return Err(TooLong);
        }
        self.buffer.extend_from_slice(part);
        Ok(())
    }

    /// Takes the next frame out.
    pub(super) fn next(&mut self) -> Option<&mut [u8]> {
        loop {
            let Some(found) = memchr::memchr(b'\n', &self.buffer[self.scanned..]) else {
                self.scanned = self.buffer.len();
                return None;
            };
            let (start, end) = (self.read, self.scanned + found);
            self.read = end + 1;
            self.scanned = self.read;
            let Some((from, to)) = frame(self.transport, &mut self.buffer[start..end]) else {
                continue;
            };
            self.frames += 1;
            return Some(&mut self.buffer[start + from..start + to]);
        }
    }
}

/// Finds the frame in a line, if it holds one, and undoes what the transport did to it.
fn frame(transport: SockJsTransport, line: &mut [u8]) -> Option<(usize, usize)> {
    let end = line.strip_suffix(b"\r").map_or(line.len(), <[u8]>::len);
    let line = &mut line[..end];
    match transport {
        SockJsTransport::EventSource => event(line),
        SockJsTransport::HtmlFile => call(line, b"p("),
        SockJsTransport::JsonpPolling => {
            let comment = if line.starts_with(b"/**/") {
                "/**/"
            } else {
                ""
            };
            call(line, format!("{comment}{CALLBACK}(").as_bytes())
        }
        _ => (end > 0).then_some((0, end)),
    }
}

/// `data: <frame>`, in which the server has escaped each `%`.
fn event(line: &mut [u8]) -> Option<(usize, usize)> {
    let data = line.strip_prefix(b"data:")?;
    let data = data.strip_prefix(b" ").unwrap_or(data);
    let start = line.len() - data.len();
    let decoded = decode_percent(data);
    let end = start + decoded.len();
    if let Cow::Owned(decoded) = decoded {
        line[start..end].copy_from_slice(&decoded);
    }
    Some((start, end))
}

/// `function("<frame>");`
fn call(line: &mut [u8], function: &[u8]) -> Option<(usize, usize)> {
    let argument = line.strip_prefix(function)?.strip_suffix(b");")?;
    let (start, bytes) = (function.len(), argument.len());
    // It is unescaped in its place.
    let text = unquote::string(&mut line[start..start + bytes]).ok()??;
    Some((start + text.start, start + text.end))
}

/// Undoes escapes, which sockjs-client does with `decodeURI`. A `+` stays as it is.
fn decode_percent(text: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memchr(b'%', text) else {
        return Cow::Borrowed(text);
    };
    let mut decoded = text[..first].to_vec();
    let mut rest = &text[first..];
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, after) {
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    decoded.push(high << 4 | low);
                    rest = after;
                }
                _ => decoded.push(b'%'),
            },
            _ => decoded.push(*byte),
        }
    }
    Cow::Owned(decoded)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sockjs::endpoint::Transport;

    const TRANSPORTS: [(SockJsTransport, Transport); 5] = [
        (SockJsTransport::XhrStreaming, Transport::XhrStreaming),
        (SockJsTransport::XhrPolling, Transport::Xhr),
        (SockJsTransport::EventSource, Transport::EventSource),
        (SockJsTransport::HtmlFile, Transport::HtmlFile),
        (SockJsTransport::JsonpPolling, Transport::Jsonp),
    ];

    #[track_caller]
    fn frames(lines: &mut Lines, part: &[u8]) -> Vec<String> {
        lines.push(part).unwrap();
        let mut frames = Vec::new();
        while let Some(frame) = lines.next() {
            frames.push(String::from_utf8(frame.to_vec()).unwrap());
        }
        frames
    }

    #[test]
    fn lines_without_a_frame_are_skipped() {
        for (transport, text) in [
            (SockJsTransport::XhrPolling, "\n\r\n"),
            (SockJsTransport::EventSource, "\r\n: comment\r\nid: 1\n\n"),
            (
                SockJsTransport::HtmlFile,
                "<script>\nc.start();\np(1);\np(\"a);\n",
            ),
            (
                SockJsTransport::JsonpPolling,
                "\r\nx(\"o\");\r\nc(\"o\")\r\n",
            ),
        ] {
            let mut lines = Lines::new(transport, 100);
            assert!(
                frames(&mut lines, text.as_bytes()).is_empty(),
                "{transport:?}"
            );
            assert_eq!(lines.frames(), 0);
        }
    }

    #[test]
    fn old_servers_write_no_comment() {
        let mut lines = Lines::new(SockJsTransport::JsonpPolling, 100);
        assert_eq!(frames(&mut lines, b"c(\"o\");\r\n"), ["o"]);
    }

    #[test]
    fn a_line_that_never_ends_is_too_long() {
        let mut lines = Lines::new(SockJsTransport::XhrPolling, 100);
        assert!(frames(&mut lines, &[b'x'; 101]).is_empty());
        assert_eq!(lines.push(b"x"), Err(TooLong));
        lines.begin();
        assert_eq!(frames(&mut lines, b"y\n"), ["y"]);
    }

    proptest! {
        #[test]
        fn what_the_server_wraps_comes_out_however_it_is_cut(
            texts in prop::collection::vec("\\PC{1,12}", 1..4),
            part_bytes in 1usize..40,
        ) {
            for (transport, server) in TRANSPORTS {
                let mut response = Vec::new();
                server.prelude(CALLBACK, &mut response);
                for text in &texts {
                    server.wrap(text.as_bytes(), CALLBACK, &mut response);
                }
                let mut lines = Lines::new(transport, 10_000);
                let mut seen = Vec::new();
                for part in response.chunks(part_bytes) {
                    seen.extend(frames(&mut lines, part));
                }
                // The prelude of xhr-streaming looks like a heartbeat.
                seen.retain(|frame| !frame.starts_with("hhhh"));
                prop_assert_eq!(&seen, &texts);
            }
        }

        #[test]
        fn any_response_does_no_harm(part in any::<Vec<u8>>()) {
            for (transport, _) in TRANSPORTS {
                let mut lines = Lines::new(transport, 100);
                lines.push(&part).unwrap();
                while lines.next().is_some() {}
            }
        }
    }
}
