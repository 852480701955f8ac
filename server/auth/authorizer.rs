//! What stands in the place of Primus's `authorization` function: judges whose keys can be
//! exchanged, and the URL that is asked if none of them knows.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use allspark_engine::{LayerError, Verdict};
use allspark_protocol::http::{RequestHead, Response};
use arc_swap::ArcSwap;

use super::ask::{Answer, AskOptions, Asked, Asker, Question};
use super::files::KeyFileError;
use super::judges::Judges;
use super::options::AuthorizationOptions;
use super::verdict::{Auth, Reason};

/// Decides about requests.
pub(crate) struct Authorizer {
    options: AuthorizationOptions,
    pathname: String,
    judges: ArcSwap<Judges>,
    asker: Option<Asker>,
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let judges = self.judges.load();
        write!(f, "Authorizer({})", judges.summary())
    }
}

/// What is decided about a request.
pub(crate) enum Decision {
    Allowed(Auth),
    /// It has a credential that has expired: that is good enough for a session that is there, as
    /// the end of that is a matter of its spark. Whoever else it is from is refused with this.
    Lapsed(LayerError),
    Refused(Verdict),
    /// The call that was handed over gets it, on another thread.
    Later,
}

impl Authorizer {
    /// Reads the keys and starts what asks.
    ///
    /// # Errors
    /// A file that can't be used, or a URL that can't be asked.
    pub(crate) fn start(
        options: &AuthorizationOptions,
        pathname: &str,
    ) -> Result<Self, KeyFileError> {
        let judges = Judges::try_from(options)?;
        let asker = options.url.as_ref().map(|url| {
            let asker = Asker::start(AskOptions {
                url: url.clone(),
                timeout: Duration::from_millis(options.url_timeout.get()),
                at_once: options.url_at_once.size(),
                cache: Duration::from_millis(options.url_cache.get()),
            });
            asker.map_err(|reason| KeyFileError::of("auth-url", reason))
        });
        Ok(Self {
            options: options.clone(),
            pathname: pathname.to_owned(),
            judges: ArcSwap::from_pointee(judges),
            asker: asker.transpose()?,
        })
    }

    /// What it was started with.
    pub(crate) fn options(&self) -> &AuthorizationOptions {
        &self.options
    }

    /// Reads the keys anew. Requests that are judged meanwhile see the old ones or the new ones.
    ///
    /// # Errors
    /// A file that can't be used; then the old keys stay, all of them.
    pub(crate) fn reload(&self) -> Result<String, KeyFileError> {
        let judges = Judges::try_from(&self.options)?;
        let summary = judges.summary();
        self.judges.store(Arc::new(judges));
        Ok(summary)
    }

    /// As [`Authorizer::reload`], and tells the log.
    pub(crate) fn reload_and_tell(&self) {
        match self.reload() {
            Ok(keys) => tracing::info!("the keys of authorization were read anew: {keys}"),
            Err(error) => {
                let option = error.option();
                tracing::error!("{option}: {error}; the keys that were there before stay");
            }
        }
    }

    /// Who a spark is that was `auth` and has sent this credential: see [`Judges::renew`].
    pub(crate) fn renew(&self, auth: &Auth, credential: &str) -> Result<Option<Auth>, Reason> {
        self.judges.load().renew(auth, credential, unix_ms())
    }

    /// Decides about a request from `address`. If the URL has to be asked, `later` makes what is
    /// called with the decision.
    pub(crate) fn decide<L>(
        &self,
        head: &RequestHead<'_>,
        address: SocketAddr,
        later: impl FnOnce() -> L,
    ) -> Decision
    where
        L: FnOnce(Result<Auth, Response>) + Send + 'static,
    {
        let refusal = match self.judges.load().judge(head, unix_ms()) {
            Ok(auth) => return Decision::Allowed(auth),
            Err(refusal) => refusal,
        };
        let Some(asker) = &self.asker else {
            return match refusal.reason {
                Reason::Expired => Decision::Lapsed(refusal.error()),
                _ => Decision::Refused(refusal.error().into()),
            };
        };
        let question = Question::about(head, address, &self.pathname, &self.options.url_headers);
        let asked = asker.ask(question, || {
            let later = later();
            Box::new(move |answer| later(verdict(answer)))
        });
        match asked {
            Asked::Later => Decision::Later,
            Asked::Full => Decision::Refused(unavailable().into()),
            Asked::Known(answer) => match verdict(&answer) {
                Ok(auth) => Decision::Allowed(auth),
                Err(response) => Decision::Refused(response.into()),
            },
        }
    }
}

fn verdict(answer: &Answer) -> Result<Auth, Response> {
    match answer {
        Answer::Allowed(auth) if auth.expires_at_ms().is_some_and(|at| at <= unix_ms()) => {
            Err(refused(401, &Reason::Expired.to_string()))
        }
        Answer::Allowed(auth) => Ok(auth.clone()),
        Answer::Refused(refused) => Err(refused.response()),
        Answer::Unavailable => Err(unavailable()),
    }
}

/// Seconds after which a client may ask again.
const RETRY_AFTER_S: &str = "10";

fn unavailable() -> Response {
    let response = refused(503, "nobody can be authorized at the moment");
    response.header("Retry-After", RETRY_AFTER_S)
}

fn refused(status: u16, why: &str) -> Response {
    let body = serde_json::json!({ "error": why }).to_string();
    Response::new(status).body("application/json", body.into_bytes())
}

/// Milliseconds since 1970.
pub(super) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}
