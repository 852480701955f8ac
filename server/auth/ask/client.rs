//! The HTTP client.

use std::time::Duration;

use allspark_engine::Throttle;
use ureq::Agent;
use ureq::config::Config;
use ureq::http::{HeaderMap, Response};

use super::super::url::AuthUrl;
use super::answer::{Answer, Raw};
use super::question::Question;
use crate::{asked_url, roots};

/// Bytes of an answer's body: claims, or a sentence for who is refused.
const BODY_BYTES_MAX: u64 = 16 * 1024;

/// Asks one URL, keeping connections.
pub(super) struct Client {
    agent: Agent,
    url: AuthUrl,
    /// Failures: they come in as many as there are clients.
    told: Throttle,
}

impl Client {
    /// # Errors
    /// The URL is one of HTTPS, and there are no certificates to trust.
    pub(super) fn new(url: &AuthUrl, timeout: Duration) -> Result<Self, String> {
        let mut config = Config::builder()
            .timeout_global(Some(timeout))
            .max_redirects(0)
            .http_status_as_error(false)
            // What the environment says about proxies is meant for other programs.
            .proxy(None)
            .user_agent(concat!("allspark/", env!("CARGO_PKG_VERSION")));
        if asked_url::is_https(url.uri()) {
            config = config.tls_config(roots::tls()?);
        }
        Ok(Self {
            agent: config.build().new_agent(),
            url: url.clone(),
            told: Throttle::new(),
        })
    }

    /// Asks. It takes as long as the time-out at the most.
    pub(super) fn ask(&self, question: &Question) -> Answer {
        match self.raw(question) {
            Ok(raw) => {
                let status = raw.status;
                let answer = Answer::of(raw);
                if answer == Answer::Unavailable {
                    self.tell(&format!("it answered {status} or what can't be understood"));
                }
                answer
            }
            Err(error) => {
                self.tell(&error.to_string());
                Answer::Unavailable
            }
        }
    }

    fn raw(&self, question: &Question) -> Result<Raw, ureq::Error> {
        let mut request = self.agent.get(self.url.uri());
        for (name, value) in &question.headers {
            request = request.header(name, &value[..]);
        }
        let mut response = request.call()?;
        let body = response.body_mut().with_config().limit(BODY_BYTES_MAX);
        let body = body.read_to_vec()?;
        Ok(raw(&response, body))
    }

    fn tell(&self, what: &str) {
        if let Some(line) = self.told.admit() {
            tracing::warn!(
                url = %self.url, unlogged = line.unlogged,
                "nobody can be authorized by the URL: {what}"
            );
        }
    }
}

fn raw<B>(response: &Response<B>, body: Vec<u8>) -> Raw {
    Raw {
        status: response.status().as_u16(),
        content_type: text(response.headers(), "content-type"),
        challenge: text(response.headers(), "www-authenticate"),
        body,
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
