//! The HTTP client, which blocks the thread that uses it.

use std::time::Duration;

use ureq::Agent;
use ureq::config::Config;
use ureq::http::HeaderMap;

use super::kind::Kind;
use super::options::HookUrl;
use crate::roots;

/// Bytes of an answer: replies to a thousand events.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How long a connection is kept without a request: less than the 5 seconds after which Node.js
/// closes one, so that few requests meet a connection that is about to close.
const IDLE_MAX: Duration = Duration::from_secs(4);

/// What goes to an application.
pub(super) struct Request<'a> {
    pub(super) url: &'a HookUrl,
    /// The same for every try.
    pub(super) id: &'a str,
    pub(super) unix_s: u64,
    pub(super) signature: Option<String>,
    /// The trace that it belongs to.
    pub(super) traceparent: Option<String>,
    pub(super) body: &'a [u8],
}

/// Why a request has not succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The application is not there, or says that it is not able to answer.
    Down(String),
    /// It answers, but not to this request.
    Refused(u16),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Down(why) => f.write_str(why),
            Self::Refused(status) => write!(f, "it answered {status}"),
        }
    }
}

/// Keeps connections to applications.
pub(super) struct Client(Agent);

impl Client {
    /// # Errors
    /// A URL is one of HTTPS, and there are no certificates to trust.
    pub(super) fn new<'u>(
        urls: impl IntoIterator<Item = &'u HookUrl>,
        at_once: usize,
    ) -> Result<Self, String> {
        let mut config = Config::builder()
            .max_redirects(0)
            .http_status_as_error(false)
            // What the environment says about proxies is meant for other programs.
            .proxy(None)
            .max_idle_age(IDLE_MAX)
            .max_idle_connections_per_host(at_once)
            .max_idle_connections(at_once * Kind::ALL.len())
            .user_agent(concat!("allspark/", env!("CARGO_PKG_VERSION")));
        if urls.into_iter().any(HookUrl::is_https) {
            config = config.tls_config(roots::tls()?);
        }
        Ok(Self(config.build().new_agent()))
    }

    /// Sends a request. Returns what was answered; `None` if that is too long to be read.
    ///
    /// # Errors
    /// It has not succeeded within the time-out.
    pub(super) fn post(
        &self,
        request: &Request<'_>,
        timeout: Duration,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let mut post = self
            .0
            .post(request.url.uri())
            .header("content-type", "application/json")
            .header("webhook-id", request.id)
            .header("webhook-timestamp", request.unix_s.to_string());
        if let Some(signature) = &request.signature {
            post = post.header("webhook-signature", signature);
        }
        if let Some(traceparent) = &request.traceparent {
            post = post.header("traceparent", traceparent);
        }
        let post = post.config().timeout_global(Some(timeout)).build();
        let down = |error: ureq::Error| Failure::Down(error.to_string());
        let mut response = post.send(request.body).map_err(down)?;
        match response.status().as_u16() {
            200..=299 => {}
            status @ (429 | 502..=504) => {
                return Err(Failure::Down(format!("it answered {status}")));
            }
            status => return Err(Failure::Refused(status)),
        }
        if length(response.headers()).is_some_and(|length| length > ANSWER_BYTES_MAX) {
            return Ok(None);
        }
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX);
        match body.read_to_vec() {
            Ok(body) => Ok(Some(body)),
            Err(ureq::Error::BodyExceedsLimit(_)) => Ok(None),
            Err(error) => Err(down(error)),
        }
    }
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get("content-length")?.to_str().ok()?.parse().ok()
}
