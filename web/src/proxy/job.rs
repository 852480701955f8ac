//! A request on its way, and what an upstream is asked for it.

use std::net::SocketAddr;
use std::sync::Arc;

use allspark_engine::{BodyReceiver, RouteRequest};
use allspark_protocol::http::{OwnedHead, RequestHead, UNIX_PEER};
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri};

use super::body::{Moved, Outgoing};
use super::headers;
use super::options::ProxyOptions;

/// A request that was taken from a shard.
pub(crate) struct Job {
    head: OwnedHead,
    body: Incoming,
    /// Whom it comes from.
    client: SocketAddr,
    /// The other end of the connection.
    peer: SocketAddr,
    is_secure: bool,
}

/// Its body.
enum Incoming {
    Whole(Vec<u8>),
    Stream(BodyReceiver),
}

impl Job {
    pub(super) fn new(request: &RouteRequest<'_>) -> Self {
        Self {
            head: (*request.head()).into(),
            body: match request.is_whole() {
                true => Incoming::Whole(request.body().to_vec()),
                false => Incoming::Stream(request.stream()),
            },
            client: request.address(),
            peer: request.peer(),
            is_secure: request.is_secure(),
        }
    }

    /// Whether it asks to make a WebSocket of the connection. No other upgrade goes on: what
    /// follows would be out of sight of whoever guards this server (`h2c`).
    pub(super) fn is_upgrade(&self) -> bool {
        let head = self.head.head();
        let is_websocket = head
            .header("upgrade")
            .is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"));
        let has_body = !matches!(&self.body, Incoming::Whole(body) if body.is_empty());
        head.wants_upgrade()
            && is_websocket
            && head.minor_version() > 0
            && head.method() == "GET"
            && !has_body
    }

    /// Whether the answer has no body, whatever it says.
    pub(super) fn is_head(&self) -> bool {
        self.head.head().method() == "HEAD"
    }

    /// Whether it may be sent twice.
    pub(super) fn is_safe(&self) -> bool {
        let is_bodiless = matches!(&self.body, Incoming::Whole(body) if body.is_empty());
        is_bodiless && matches!(self.head.head().method(), "GET" | "HEAD" | "OPTIONS")
    }

    /// What an upstream is asked. `None` if it can't be asked that.
    pub(super) fn into_request(
        self,
        options: &ProxyOptions,
        moved: &Arc<Moved>,
    ) -> Option<Request<Outgoing>> {
        let is_upgrade = self.is_upgrade();
        let head = self.head.head();
        let mut request = Request::new(());
        *request.method_mut() = Method::from_bytes(head.method().as_bytes()).ok()?;
        *request.uri_mut() = target(&head)?;
        let mut all = headers::of_request(&head);
        if let Some(host) = head.host() {
            all.insert(header::HOST, HeaderValue::from_str(host).ok()?);
        }
        self.add_forwarded(&head, &mut all);
        if is_upgrade {
            all.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
            all.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        }
        for (name, value) in &options.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            all.insert(name, HeaderValue::from_str(value).ok()?);
        }
        *request.headers_mut() = all;
        let length = head
            .header("content-length")
            .and_then(|text| text.parse().ok());
        let body = match self.body {
            Incoming::Whole(body) => Outgoing::whole(Bytes::from(body), Arc::clone(moved)),
            Incoming::Stream(body) => Outgoing::stream(body, length, Arc::clone(moved)),
        };
        Some(request.map(|()| body))
    }

    /// Says who asks. What the client has said of itself goes on only if the server believes it.
    fn add_forwarded(&self, head: &RequestHead<'_>, all: &mut HeaderMap) {
        let is_trusted = self.client != self.peer;
        let text = |text: &str| HeaderValue::from_str(text).ok();
        let mut chain = named(self.peer);
        if is_trusted {
            let before = all.get_all("x-forwarded-for").iter();
            let before: Vec<&str> = before.filter_map(|value| value.to_str().ok()).collect();
            if !before.is_empty() {
                chain = format!("{}, {chain}", before.join(", "));
            }
        } else {
            for name in ["x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"] {
                all.remove(name);
            }
        }
        let mut set = |name: &'static str, value: Option<HeaderValue>| match value {
            Some(value) => drop(all.insert(name, value)),
            None => drop(all.remove(name)),
        };
        set("x-forwarded-for", text(&chain));
        set("x-real-ip", text(&named(self.client)));
        let scheme = if self.is_secure { "https" } else { "http" };
        if !all.contains_key("x-forwarded-proto") {
            all.insert("x-forwarded-proto", HeaderValue::from_static(scheme));
        }
        if !all.contains_key("x-forwarded-host")
            && let Some(host) = head.host().and_then(text)
        {
            all.insert("x-forwarded-host", host);
        }
    }
}

/// What an address is called in `X-Forwarded-For`.
fn named(address: SocketAddr) -> String {
    match address == UNIX_PEER {
        true => "unix:".to_owned(),
        false => address.ip().to_canonical().to_string(),
    }
}

/// The target as an upstream is asked for it.
fn target(head: &RequestHead<'_>) -> Option<Uri> {
    match head.target() {
        target if target.contains('#') => None,
        target if target.starts_with('/') || target == "*" => target.parse().ok(),
        // An absolute target without a path.
        target => format!("/{target}").parse().ok(),
    }
}
