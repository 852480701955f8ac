//! What a proxy is made with.

use std::io;
use std::time::Duration;

use allspark_protocol::http::Response;

use super::upstream::Upstream;

/// Requests and upgraded connections that may be under way, by default. Each takes a descriptor
/// and, if its client or its upstream is slow, up to 300 KiB.
const REQUESTS_MAX: usize = 4096;

/// What a proxy is made with.
#[derive(Clone, Debug)]
pub struct ProxyOptions {
    /// Who is asked. Of those that are well it is the one with the fewest requests under way.
    pub upstreams: Vec<Upstream>,
    /// How long it may take to connect. Default: 5 s.
    pub connect_timeout: Duration,
    /// How long an upstream may take to answer, once it has the request, or to take a part of the
    /// request's body; with more the answer is 504. Default: 60 s.
    pub answer_timeout: Duration,
    /// How long it may be silent within its answer; after that the client's connection is closed.
    /// Default: 60 s.
    pub idle_timeout: Duration,
    /// How long both sides of an upgraded connection may be silent. Default: 10 minutes.
    pub upgrade_timeout: Duration,
    /// Requests and upgraded connections that may be under way; more are answered with 503.
    /// Default: 4,096.
    pub requests_max: usize,
    /// Connections to each upstream that are kept for the next request. Default: 64.
    pub idle_max: usize,
    /// How long they are kept. Default: 30 s.
    pub idle_keep: Duration,
    /// How often a safe request without a body that an upstream may have seen is sent again.
    /// One that no upstream has seen is sent to each of them once. Default: 1.
    pub retries: usize,
    /// How long an upstream that could not be reached, or did not answer, is asked last. Default:
    /// 10 s.
    pub failed_for: Duration,
    /// Headers that are set on each request, in the place of those that the client has sent.
    pub headers: Vec<(String, String)>,
    /// Paths that begin so are answered with 404, however they are encoded: Primus's pathname, as
    /// long as the upstream serves Primus, too.
    pub never: Option<String>,
    /// How upstreams are asked whether they are well. Default: they are not.
    pub health: Option<Health>,
}

/// How upstreams are asked whether they are well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// What is asked for with `GET`. A status from 200 to 399 is well.
    pub path: String,
    /// How long is between two questions, and how long an answer may take.
    pub interval: Duration,
    /// So many answers one after the other change what is thought of an upstream.
    pub answers: u32,
}

/// A proxy that can't be made.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// Nobody can be asked.
    #[error("there is no upstream")]
    NoUpstream,
    /// A header that can't be sent.
    #[error("the header {0} can't be sent")]
    Header(String),
    /// The path of the health checks.
    #[error("the path of health checks has to begin with a slash")]
    HealthPath,
    /// The system makes no more threads.
    #[error("no thread can be made: {0}")]
    Threads(#[from] io::Error),
}

impl ProxyOptions {
    /// The defaults, for these upstreams.
    pub fn to(upstreams: impl IntoIterator<Item = Upstream>) -> Self {
        Self {
            upstreams: upstreams.into_iter().collect(),
            connect_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(60),
            upgrade_timeout: Duration::from_secs(600),
            requests_max: REQUESTS_MAX,
            idle_max: 64,
            idle_keep: Duration::from_secs(30),
            retries: 1,
            failed_for: Duration::from_secs(10),
            headers: Vec::new(),
            never: None,
            health: None,
        }
    }

    /// Sets a header on each request ([`ProxyOptions::headers`]).
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn check(&self) -> Result<(), ProxyError> {
        if self.upstreams.is_empty() {
            return Err(ProxyError::NoUpstream);
        }
        for (name, value) in &self.headers {
            if Response::new(200).header(name, value).misuse().is_some() {
                return Err(ProxyError::Header(name.clone()));
            }
        }
        match &self.health {
            Some(health) if !health.path.starts_with('/') => Err(ProxyError::HealthPath),
            _ => Ok(()),
        }
    }
}
