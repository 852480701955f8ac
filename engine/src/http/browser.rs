//! What Primus adds to the answers of its transports for the sake of browsers.

use allspark_protocol::http::{
    Cors, CorsGrant, CorsVerdict, RequestHead, Response, is_explorer, no_cache, no_xss_filter,
};

/// What the answer to a request has to say to a browser. Kept for as long as the answer takes; it
/// owns memory only if the request has an `Origin`.
#[derive(Debug)]
pub(crate) struct Browser {
    grant: CorsGrant,
    is_explorer: bool,
}

impl Browser {
    /// What to say to the browser that sent this request. An upgrade gets nothing of it;
    /// [`Cors::refuse_upgrade`] judges that.
    ///
    /// # Errors
    /// The complete answer to a request that goes no further: a preflight, or a refusal.
    pub(crate) fn of(cors: &Cors, head: &RequestHead<'_>) -> Result<Self, Response> {
        match cors.judge(head) {
            CorsVerdict::Answer(response) => Err(response),
            CorsVerdict::Pass(grant) => Ok(Self {
                grant,
                is_explorer: is_explorer(head),
            }),
        }
    }

    /// Completes an answer that may be kept by caches.
    pub(crate) fn allow(&self, cors: &Cors, response: Response) -> Response {
        cors.apply(&self.grant, response)
    }

    /// Completes an answer of the transport.
    pub(crate) fn complete(&self, cors: &Cors, response: Response) -> Response {
        let response = no_cache(self.allow(cors, response));
        no_xss_filter(self.is_explorer, response)
    }
}

/// What the door decided about a request that goes to the transport. It owns memory only if the
/// request has an `Origin`.
#[derive(Debug, Default)]
pub(crate) struct Verdict(Option<Browser>);

impl Verdict {
    pub(crate) fn new(browser: Option<Browser>) -> Self {
        Self(browser)
    }

    /// Completes an answer of the transport.
    pub(crate) fn complete(&self, cors: &Cors, response: Response) -> Response {
        match &self.0 {
            Some(browser) => browser.complete(cors, response),
            None => response,
        }
    }
}
