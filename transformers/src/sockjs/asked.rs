//! What of a request shows in the head of its answer.

use allspark_protocol::http::{RequestHead, Response};

use super::SockJsOptions;
use super::caching::not_cached;
use super::endpoint::{Sender, Transport};

/// What the head of an answer repeats of its request. An empty part is the same as an absent one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked<'a> {
    origin: &'a str,
    request_headers: &'a str,
    session_cookie: &'a str,
    /// The function that a script or page calls.
    pub(super) callback: &'a str,
}

/// The same while a request waits for its answer, in as little memory as possible: the parts with a
/// line feed between them, as no header can hold one. `None` if all of them are empty.
pub(super) type Kept = Option<Box<str>>;

impl<'a> Asked<'a> {
    /// Reads it from a request. `callback` must not hold a line feed.
    pub(super) fn of(head: &RequestHead<'a>, callback: &'a str) -> Self {
        let header = |name| head.header(name).unwrap_or_default();
        Self {
            origin: header("Origin"),
            request_headers: header("Access-Control-Request-Headers"),
            session_cookie: session_cookie(header("Cookie")),
            callback,
        }
    }

    /// Keeps it for later.
    pub(super) fn keep(self) -> Kept {
        let parts = self.parts();
        let is_empty = parts.iter().all(|part| part.is_empty());
        (!is_empty).then(|| parts.join("\n").into())
    }

    /// What was kept.
    pub(super) fn of_kept(kept: &'a Kept) -> Self {
        let mut parts = kept.as_deref().unwrap_or_default().split('\n');
        let mut part = || parts.next().unwrap_or_default();
        Self {
            origin: part(),
            request_headers: part(),
            session_cookie: part(),
            callback: part(),
        }
    }

    fn parts(self) -> [&'a str; 4] {
        [
            self.origin,
            self.request_headers,
            self.session_cookie,
            self.callback,
        ]
    }

    /// The head of a response of a transport, without content type.
    pub(super) fn receiving(self, transport: Transport, options: &SockJsOptions) -> Response {
        let response = not_cached(self.cookie(Response::new(200), options));
        match transport {
            Transport::Xhr | Transport::XhrStreaming => self.cors(response, options),
            Transport::Jsonp => response.header("X-Content-Type-Options", "nosniff"),
            Transport::HtmlFile => response,
            Transport::EventSource => self.cors_of_event_source(response),
        }
    }

    /// The head of the answer to messages, without content type.
    pub(super) fn sending(self, status: u16, sender: Sender, options: &SockJsOptions) -> Response {
        let response = not_cached(self.cookie(Response::new(status), options));
        match sender {
            Sender::Xhr => self.cors(response, options),
            Sender::Jsonp => response,
        }
    }

    /// Sets the cookie that load balancers look at, or sets again the one that came.
    pub(super) fn cookie(self, response: Response, options: &SockJsOptions) -> Response {
        if !options.jsessionid {
            return response;
        }
        let id = match self.session_cookie {
            "" => "dummy",
            id => id,
        };
        response.header("Set-Cookie", &format!("JSESSIONID={id}; path=/"))
    }

    /// Lets pages of other origins read the answer (`xhr_cors` of sockjs-node).
    pub(super) fn cors(self, response: Response, options: &SockJsOptions) -> Response {
        match options.disable_cors {
            true => response,
            false => self.cross_origin(response, self.origin),
        }
    }

    /// `eventsource` does it whatever the options say, and knows no origin `null`.
    fn cors_of_event_source(self, response: Response) -> Response {
        match self.origin {
            "null" => self.cross_origin(response, ""),
            origin => self.cross_origin(response, origin),
        }
    }

    fn cross_origin(self, response: Response, origin: &str) -> Response {
        let response = match origin {
            "" => response.header("Access-Control-Allow-Origin", "*"),
            origin => response
                .header("Access-Control-Allow-Credentials", "true")
                .header("Access-Control-Allow-Origin", origin),
        };
        let response = response.header("Vary", "Origin");
        match self.request_headers {
            "" => response,
            headers => response.header("Access-Control-Allow-Headers", headers),
        }
    }
}

/// Of several cookies of that name the last one counts.
fn session_cookie(cookies: &str) -> &str {
    let pairs = cookies.split(';').filter_map(|pair| pair.split_once('='));
    let last = pairs.rev().find(|(name, _)| name.trim() == "JSESSIONID");
    let value = last.map_or("", |(_, value)| value);
    // Whatever follows another `=` is cut off, as sockjs-node does.
    value.split('=').next().unwrap_or_default().trim()
}
