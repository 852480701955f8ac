//! How a frame of SockJS (`o`, `h`, `a[..]`, `c[..]`) is wrapped on each transport.

use super::endpoint::Transport;
use super::quote::stringify;
use super::reply;

/// The frame that opens a session.
pub(super) const OPEN: &[u8] = b"o";

/// The frame of a heartbeat.
pub(super) const HEARTBEAT: &[u8] = b"h";

/// What sockjs-node says when Primus ends a spark.
pub(super) const NORMAL_CLOSURE: &[u8] = br#"c[1000,"Normal closure"]"#;

/// The close frame for a client that receives with two requests at once.
pub(super) const ALREADY_OPEN: &[u8] = br#"c[2010,"Another connection still open"]"#;

/// The close frame for a client that does not answer the ping of a WebSocket.
pub(super) const NO_RESPONSE: &[u8] = br#"c[3000,"No response from heartbeat"]"#;

impl Transport {
    /// Appends what a response begins with, which does not count for its limit. `callback` is the
    /// function that the request named, if it named one.
    pub(super) fn prelude(self, callback: &str, out: &mut Vec<u8>) {
        match self {
            Self::Xhr | Self::Jsonp => {}
            // Some browsers show a response to the script only after 2 KiB of it.
            Self::XhrStreaming => {
                out.resize(out.len() + 2048, b'h');
                out.push(b'\n');
            }
            // For Opera 10.
            Self::EventSource => out.extend_from_slice(b"\r\n"),
            Self::HtmlFile => html_prelude(callback, out),
        }
    }

    /// Appends a frame.
    pub(super) fn wrap(self, frame: &[u8], callback: &str, out: &mut Vec<u8>) {
        match self {
            Self::Xhr | Self::XhrStreaming => {
                out.extend_from_slice(frame);
                out.push(b'\n');
            }
            Self::EventSource => event(frame, out),
            Self::HtmlFile => {
                out.extend_from_slice(b"<script>\np(");
                stringify(frame, out);
                out.extend_from_slice(b");\n</script>\r\n");
            }
            // The comment keeps the response from being taken for Flash.
            Self::Jsonp => {
                out.extend_from_slice(b"/**/");
                out.extend_from_slice(callback.as_bytes());
                out.push(b'(');
                stringify(frame, out);
                out.extend_from_slice(b");\r\n");
            }
        }
    }

    /// The content type of its responses.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Xhr | Self::XhrStreaming | Self::Jsonp => reply::SCRIPT,
            Self::EventSource => "text/event-stream",
            Self::HtmlFile => reply::HTML,
        }
    }
}

/// The client decodes what follows a `%`. Line ends and NUL, which sockjs-node escapes as well,
/// never stand in a frame: its strings are JSON.
fn event(frame: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    let mut parts = frame.split(|byte| *byte == b'%');
    out.extend_from_slice(parts.next().unwrap_or_default());
    for part in parts {
        out.extend_from_slice(b"%25");
        out.extend_from_slice(part);
    }
    out.extend_from_slice(b"\r\n\r\n");
}

fn html_prelude(callback: &str, out: &mut Vec<u8>) {
    for part in [HTML_BEFORE_CALLBACK, callback, HTML_AFTER_CALLBACK] {
        out.extend_from_slice(part.as_bytes());
    }
    out.resize(out.len() + HTML_PADDING, b' ');
    out.extend_from_slice(b"\r\n\r\n");
}

const HTML_BEFORE_CALLBACK: &str = r#"<!doctype html>
<html><head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
</head><body><h2>Don't panic!</h2>
  <script>
    document.domain = document.domain;
    var c = parent."#;

const HTML_AFTER_CALLBACK: &str = r#";
    c.start();
    function p(d) {c.message(d);};
    window.onload = function() {c.stop();};
  </script>"#;

/// Safari wants 1 KiB before it shows anything. sockjs-node counts its placeholder, of 14 bytes,
/// as the callback, and so comes to this number of spaces.
const HTML_PADDING: usize =
    1024 + 13 - (HTML_BEFORE_CALLBACK.len() + HTML_AFTER_CALLBACK.len() + "{{ callback }}".len());

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(transport: Transport, frame: &str) -> String {
        let mut out = Vec::new();
        transport.wrap(frame.as_bytes(), "cb", &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn frames_are_wrapped_as_the_npm_package_wraps_them() {
        let frame = r#"a["x\"%"]"#;
        assert_eq!(wrapped(Transport::Xhr, frame), "a[\"x\\\"%\"]\n");
        assert_eq!(wrapped(Transport::XhrStreaming, "o"), "o\n");
        assert_eq!(
            wrapped(Transport::EventSource, frame),
            "data: a[\"x\\\"%25\"]\r\n\r\n"
        );
        assert_eq!(
            wrapped(Transport::HtmlFile, frame),
            "<script>\np(\"a[\\\"x\\\\\\\"%\\\"]\");\n</script>\r\n"
        );
        assert_eq!(wrapped(Transport::Jsonp, "o"), "/**/cb(\"o\");\r\n");
    }

    #[test]
    fn streams_begin_with_what_browsers_wait_for() {
        let prelude = |transport: Transport| {
            let mut out = Vec::new();
            transport.prelude("x.", &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            prelude(Transport::XhrStreaming),
            format!("{}\n", "h".repeat(2048))
        );
        assert_eq!(prelude(Transport::EventSource), "\r\n");
        let page = prelude(Transport::HtmlFile);
        assert!(
            page.contains("\n    var c = parent.x.;\n    c.start();\n"),
            "{page}"
        );
        // 0x405 bytes with a callback of two characters came from sockjs 0.3.24.
        assert_eq!(page.len(), 0x405);
        let padding = format!("</script>{}\r\n\r\n", " ".repeat(653));
        assert!(page.ends_with(&padding), "{page}");
        assert_eq!(prelude(Transport::Xhr), "");
    }
}
