//! What a request is for, by its path and method, as the dispatcher of sockjs-node tells it.
//!
//! A path is the pathname, with whatever follows it up to the next `/` (Primus lets the prefix of
//! sockjs-node match that), then one of the paths below, then perhaps one `/`. Nothing is decoded:
//! two spellings of a session are two sessions, as in sockjs-node.

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint<'r> {
    /// The path itself, which shows that SockJS is here.
    Greeting,
    /// `/iframe*.html`.
    Iframe,
    /// The script of that page.
    IframeScript,
    /// `/info`.
    Info,
    /// `/chunking_test`, which clients before 0.2 ask instead of `/info`.
    ChunkingTest,
    /// `/websocket`: a WebSocket without the framing of SockJS.
    RawWebSocket,
    /// `/<server>/<session>/websocket`.
    WebSocket,
    /// `/<server>/<session>/` and the name of a receiving transport.
    Receive(Transport, &'r str),
    /// `/<server>/<session>/xhr_send` or `jsonp_send`.
    Send(Sender, &'r str),
}

/// How a session is received without WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// `xhr`: one frame answers each request.
    Xhr,
    /// `jsonp`: the same, as a script that calls a function.
    Jsonp,
    /// `xhr_streaming`: one frame on each line.
    XhrStreaming,
    /// `eventsource`: the events of `text/event-stream`.
    EventSource,
    /// `htmlfile`: a page of scripts.
    HtmlFile,
}

/// How a session is sent to without WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    Xhr,
    Jsonp,
}

impl<'r> Endpoint<'r> {
    /// What a path under the pathname is for; `None` for nothing.
    pub(super) fn of(pathname: &str, path: &'r str) -> Option<Self> {
        let rest = under(pathname, path)?;
        match rest.strip_suffix('/').unwrap_or(rest) {
            "" => Some(Self::Greeting),
            "/info" => Some(Self::Info),
            "/chunking_test" => Some(Self::ChunkingTest),
            "/websocket" => Some(Self::RawWebSocket),
            "/iframe.js" => Some(Self::IframeScript),
            rest if is_iframe(rest) => Some(Self::Iframe),
            rest => Self::of_session(rest),
        }
    }

    fn of_session(rest: &'r str) -> Option<Self> {
        let mut parts = rest.strip_prefix('/')?.split('/');
        let (server, session, name) = (parts.next()?, parts.next()?, parts.next()?);
        let is_named = |part: &str| !part.is_empty() && !part.contains('.');
        if parts.next().is_some() || !is_named(server) || !is_named(session) {
            return None;
        }
        Some(match name {
            "websocket" => Self::WebSocket,
            "xhr" => Self::Receive(Transport::Xhr, session),
            "jsonp" => Self::Receive(Transport::Jsonp, session),
            "xhr_streaming" => Self::Receive(Transport::XhrStreaming, session),
            "eventsource" => Self::Receive(Transport::EventSource, session),
            "htmlfile" => Self::Receive(Transport::HtmlFile, session),
            "xhr_send" => Self::Send(Sender::Xhr, session),
            "jsonp_send" => Self::Send(Sender::Jsonp, session),
            _ => return None,
        })
    }

    /// The methods that are allowed, as the header `Allow` of sockjs-node lists them. One that is
    /// not `OPTIONS` is the method of the request itself.
    pub(super) fn methods(self) -> &'static str {
        match self {
            Self::Greeting
            | Self::Iframe
            | Self::IframeScript
            | Self::RawWebSocket
            | Self::WebSocket => "GET",
            Self::Info => "OPTIONS, GET",
            Self::ChunkingTest => "OPTIONS, POST",
            Self::Receive(Transport::Xhr | Transport::XhrStreaming, _)
            | Self::Send(Sender::Xhr, _) => "POST, OPTIONS",
            Self::Receive(..) => "GET",
            Self::Send(Sender::Jsonp, _) => "POST",
        }
    }

    /// Whether a method is one of them.
    pub(super) fn allows(self, method: &str) -> bool {
        self.methods().split(", ").any(|allowed| allowed == method)
    }

    /// What the answer to `OPTIONS` names as methods.
    pub(super) fn preflight_methods(self) -> &'static str {
        match self {
            Self::Info => "OPTIONS, GET",
            _ => "OPTIONS, POST",
        }
    }
}

impl Transport {
    /// Whether one frame ends a response.
    pub(super) fn is_polling(self) -> bool {
        matches!(self, Self::Xhr | Self::Jsonp)
    }
}

/// What follows the pathname and the rest of its last part: nothing, or something with a `/`.
fn under<'r>(pathname: &str, path: &'r str) -> Option<&'r str> {
    let rest = path.strip_prefix(pathname)?;
    if pathname.ends_with('/') {
        // sockjs-node wants another `/` here, but its client takes this one away.
        return Some(&path[pathname.len() - 1..]);
    }
    Some(&rest[rest.find('/').unwrap_or(rest.len())..])
}

/// `/iframe[0-9-.a-z_]*.html`, where sockjs-node's last dot stands for any character.
fn is_iframe(rest: &str) -> bool {
    let middle = rest
        .strip_prefix("/iframe")
        .and_then(|rest| rest.strip_suffix("html"));
    let is_allowed = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'-' | b'.' | b'_');
    middle
        .and_then(|middle| middle.as_bytes().split_last())
        .is_some_and(|(_, version)| version.iter().all(is_allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Option<Endpoint<'_>> {
        Endpoint::of("/primus", path)
    }

    #[test]
    fn the_pathname_may_have_a_suffix() {
        for path in [
            "/primus",
            "/primus/",
            "/primusfoo",
            "/primusfoo/",
            "/primus.x%20",
        ] {
            assert_eq!(of(path), Some(Endpoint::Greeting), "{path}");
        }
        assert_eq!(of("/primusfoo/info"), Some(Endpoint::Info));
        assert_eq!(of("/prim"), None);
        let with_slash = |path| Endpoint::of("/p/", path);
        assert_eq!(with_slash("/p/"), Some(Endpoint::Greeting));
        assert_eq!(with_slash("/p/info"), Some(Endpoint::Info));
        assert_eq!(with_slash("/p"), None);
        assert_eq!(Endpoint::of("/", "/info"), Some(Endpoint::Info));
    }

    #[test]
    fn paths_of_the_service_are_found() {
        assert_eq!(of("/primus/info/"), Some(Endpoint::Info));
        assert_eq!(of("/primus/websocket"), Some(Endpoint::RawWebSocket));
        assert_eq!(of("/primus/chunking_test"), Some(Endpoint::ChunkingTest));
        for path in [
            "/a", "/a.html", "//", "///", "/a/a", "/a/a/", "/a/", "/INFO",
        ] {
            assert_eq!(of(&format!("/primus{path}")), None, "{path}");
        }
    }

    #[test]
    fn iframe_pages_have_versions() {
        for name in [
            "iframe.html",
            "iframe-a.html",
            "iframe-.html",
            "iframe-0.1.2.html",
            "iframe-0.1.2abc-dirty.2144.html",
            "iframe_xhtml",
            "iframe.html/",
        ] {
            assert_eq!(
                of(&format!("/primus/{name}")),
                Some(Endpoint::Iframe),
                "{name}"
            );
        }
        for name in [
            "iframe.htm",
            "iframe",
            "IFRAME.HTML",
            "IFRAME",
            "iframe.HTML",
            "iframe.xml",
            "iframe-/.html",
            "iframeA.html",
            "iframe.htmlx",
            "iframehtml",
        ] {
            assert_eq!(of(&format!("/primus/{name}")), None, "{name}");
        }
    }

    #[test]
    fn sessions_are_named_by_their_second_part() {
        let xhr = |session| Some(Endpoint::Receive(Transport::Xhr, session));
        for (path, session) in [
            ("/a/a", "a"),
            ("/_/_", "_"),
            ("/1/1", "1"),
            ("/abcdefgh_i-j%20/abcdefg_i-j%20", "abcdefg_i-j%20"),
            ("/a/b%2e", "b%2e"),
        ] {
            assert_eq!(of(&format!("/primus{path}/xhr")), xhr(session), "{path}");
            assert_eq!(of(&format!("/primus{path}/xhr/")), xhr(session), "{path}");
        }
        for path in [
            "//", "/a./a", "/a/a.", "/./.", "", "/", "///", "/a/b/c", "/a/", "//b",
        ] {
            assert_eq!(of(&format!("/primus{path}/xhr")), None, "{path}");
        }
        assert_eq!(of("/primus/a/b/unknown"), None);
    }

    #[test]
    fn every_endpoint_has_its_methods() {
        for (path, methods) in [
            ("", "GET"),
            ("/iframe.html", "GET"),
            ("/iframe.js", "GET"),
            ("/info", "OPTIONS, GET"),
            ("/chunking_test", "OPTIONS, POST"),
            ("/websocket", "GET"),
            ("/a/b/websocket", "GET"),
            ("/a/b/xhr", "POST, OPTIONS"),
            ("/a/b/xhr_send", "POST, OPTIONS"),
            ("/a/b/xhr_streaming", "POST, OPTIONS"),
            ("/a/b/eventsource", "GET"),
            ("/a/b/htmlfile", "GET"),
            ("/a/b/jsonp", "GET"),
            ("/a/b/jsonp_send", "POST"),
        ] {
            let path = format!("/primus{path}");
            let endpoint = of(&path).unwrap();
            assert_eq!(endpoint.methods(), methods, "{path}");
            assert!(!endpoint.allows("HEAD"));
            assert_eq!(endpoint.allows("POST"), methods.contains("POST"));
        }
    }
}
