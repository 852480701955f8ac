//! What scripts of other origins may do (Fetch standard, "CORS protocol"), as Primus decides it
//! with the npm package `access-control`. Learned from Primus 8.0.9 on Node.js 20, by comparing
//! what it sends.
//!
//! A request without `Origin` passes and gets no header. One whose `Origin` or whose method is not
//! allowed is answered `403`, whoever it was for. A preflight, which is an `OPTIONS` with
//! `Access-Control-Request-Method`, is answered `200` without a body. Any other request passes, and
//! its answer gets the headers of [`Cors::apply`]. Nothing here looks at the path.
//!
//! # Where it stands among what Primus does to a request
//! The order is: CORS, the library (`/primus.js`), `/spec`,
//! [`no_xss_filter`](super::no_xss_filter), [`no_cache`](super::no_cache), authorization, the
//! transport. So a preflight and a refusal have none of the other headers; library and spec have
//! those of CORS alone, and may be cached; what authorization and transport answer has all of them,
//! errors included.
//!
//! An upgrade gets no headers: neither a `101` nor the refusal of a handshake has any of these, and
//! an upgrade of `/spec` goes to the transport. An upgrade is what Node.js takes for one: a request
//! with the `Upgrade` header and the connection option `upgrade`, unless the transport has no
//! upgrades (browserchannel), in which case it is a plain request.
//!
//! # Which header wins
//! Primus sets its headers before the transport sets its own, but with the npm package `setheader`,
//! which locks them: of two headers of one name **that of Primus** is sent and the other is lost.
//! Only `Vary` is not locked; what both say is joined here. Hence [`Cors::apply`] and `no_cache`
//! come after the transport, and use [`Response::set_header`]. What the transports bring:
//!
//! - websockets, faye, uws: only `Content-Type`.
//! - engine.io: `Content-Type` and, if asked for, `Set-Cookie`. Its `Cache-Control: no-store` is
//!   lost. With its own option `cors` it adds what Primus has not set: all of CORS to a request
//!   without `Origin`, and `Access-Control-Allow-Methods` to an `OPTIONS` that is no preflight.
//! - sockjs: `Access-Control-Allow-Origin: *` to a request without `Origin`; if there is one,
//!   `Access-Control-Allow-Credentials: true` even with `credentials: false`; `Vary: Origin` to
//!   both. To an `OPTIONS` that is no preflight `Access-Control-Allow-Methods`,
//!   `Access-Control-Max-Age` and `Expires`. Also `ETag`, `Expires`, `Allow`, `Set-Cookie` and
//!   `X-Content-Type-Options` where they belong. Every `Cache-Control` is lost, even the
//!   `public, max-age=31536000` of the iframe page.
//! - browserchannel: `Expires`, `X-Content-Type-Options`, `X-Accept`. Its `Cache-Control` and
//!   `Pragma` are lost, and so is what its option `cors` says if the request has an `Origin`.
//!
//! # Where it differs from `access-control`
//! - If not all origins are allowed, requests whose answers are scripts or pages are refused when
//!   their `Referer` is of another one ([`Cors::allows_referer`]).
//! - As soon as the origins are listed, an upgrade from another one is refused
//!   ([`Cors::refuse_upgrade`]). Browsers ask nobody before they open a WebSocket to another
//!   origin, and let its page read what comes. Primus leaves that to `authorization`.
//! - Then, too, pages of the transports say that only those origins and the server's own may frame
//!   them (`Content-Security-Policy: frame-ancestors`).
//! - Options that no browser or no header can match are refused, and `null` can't be listed.
//! - An `Origin` at which `url.parse` of Node.js throws (`http://[::1`) takes Node.js down. Here it
//!   is judged like any other.
//! - Several `Origin` headers are refused, not joined: no browser sends them (RFC 6454, 7.3). So is
//!   one that is not UTF-8.
//! - Names of headers are sent in their usual spelling, not in lower case.

mod frames;
mod options;
mod origins;
#[cfg(test)]
mod tests;

pub use options::{CorsError, CorsOptions, max_age_s};

use serde::Deserialize;

use super::head::RequestHead;
use super::response::Response;

/// The policy of a server towards scripts of other origins. Serde reads it as [`CorsOptions`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "CorsOptions")]
pub struct Cors {
    /// As browsers write them; `None` allows all.
    origins: Option<Vec<String>>,
    upgrades: bool,
    /// In upper case; none allows all.
    methods: Vec<String>,
    credentials: bool,
    max_age_s: u64,
    headers: String,
    exposed: String,
    /// Who may frame pages, if not everybody.
    frames: Option<String>,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum CorsVerdict {
    /// This is the answer: to a preflight, or a refusal. It is sent as it is.
    Answer(Response),
    /// The request goes on; [`Cors::apply`] completes its answer.
    Pass(CorsGrant),
}

/// What was granted to a request, kept until the request is answered. It owns memory only if
/// the request has an `Origin`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorsGrant {
    /// The origin that the answer names, or `*`.
    origin: Option<Box<str>>,
}

impl Default for Cors {
    /// The policy of Primus's defaults.
    fn default() -> Self {
        Self::new(&CorsOptions::default()).expect("the defaults can be sent")
    }
}

impl TryFrom<CorsOptions> for Cors {
    type Error = CorsError;

    fn try_from(options: CorsOptions) -> Result<Self, CorsError> {
        Self::new(&options)
    }
}

impl Cors {
    /// The policy that the options describe.
    ///
    /// # Errors
    /// The first option that means nothing, with a sentence that says how it should be written.
    pub fn new(options: &CorsOptions) -> Result<Self, CorsError> {
        options.check_headers()?;
        let origins = options.origins()?;
        Ok(Self {
            frames: frames::policy(origins.as_deref()),
            origins,
            upgrades: options.upgrades,
            methods: options.methods()?,
            credentials: options.credentials,
            max_age_s: options.max_age_s,
            headers: options.headers.clone(),
            exposed: options.exposed.clone(),
        })
    }

    /// The options that describe this policy.
    pub fn options(&self) -> CorsOptions {
        CorsOptions {
            origins: match &self.origins {
                Some(origins) => origins.join(" "),
                None => "*".to_owned(),
            },
            upgrades: self.upgrades,
            methods: self.methods.join(","),
            credentials: self.credentials,
            max_age_s: self.max_age_s,
            headers: self.headers.clone(),
            exposed: self.exposed.clone(),
        }
    }

    /// The answer to an upgrade from an origin that is not allowed; its connection is to be closed.
    /// One without `Origin` is allowed: no browser sent it. So is what is no upgrade, for which
    /// there is [`Cors::judge`].
    pub fn refuse_upgrade(&self, request: &RequestHead<'_>) -> Option<Response> {
        if !self.asks_upgrades() || !request.wants_upgrade() {
            return None;
        }
        match origin_of(request) {
            Some((value, origin)) if origin.is_none_or(|origin| !self.allows_origin(origin)) => {
                Some(refusal(value, request.method()))
            }
            _ => None,
        }
    }

    /// Whether upgrades are asked for their origin: some are listed, and nobody said that they
    /// should not be.
    pub fn asks_upgrades(&self) -> bool {
        self.origins.is_some() && self.upgrades
    }

    /// Decides about a request that is no upgrade.
    pub fn judge(&self, request: &RequestHead<'_>) -> CorsVerdict {
        let Some((value, origin)) = origin_of(request) else {
            return CorsVerdict::Pass(CorsGrant::default());
        };
        let allowed = origin
            .filter(|origin| self.allows_origin(origin) && self.allows_method(request.method()));
        let Some(origin) = allowed else {
            return CorsVerdict::Answer(refusal(value, request.method()));
        };
        let grant = self.grant(origin);
        match request.header("access-control-request-method") {
            Some(method) if request.method() == "OPTIONS" && !method.is_empty() => {
                CorsVerdict::Answer(self.preflight(&grant, request))
            }
            _ => CorsVerdict::Pass(grant),
        }
    }

    /// Whether the page that a request names as its `Referer` may have sent it. That is asked of
    /// requests whose answers are scripts or pages (JSONP, iframes), which browsers send for any
    /// page and without an `Origin`. A page of the server itself may, and so may who names none:
    /// browsers can be told not to, so this keeps out what does not hide, and no more.
    pub fn allows_referer(&self, request: &RequestHead<'_>) -> bool {
        if self.origins.is_none() {
            return true;
        }
        let mut headers = request.headers();
        headers.all(|(name, value)| {
            !name.eq_ignore_ascii_case("referer") || self.allows_page(value, request.host())
        })
    }

    fn allows_page(&self, url: &[u8], own_host: Option<&str>) -> bool {
        let Some((origin, host)) = std::str::from_utf8(url).ok().and_then(page_origin) else {
            return url.is_empty();
        };
        let is_own = own_host.is_some_and(|own| own.eq_ignore_ascii_case(host));
        is_own || self.allows_origin(origin)
    }

    /// Adds to the answer what was granted to its request, in the place of what it says itself; to
    /// a page also who may frame it, if not all origins are allowed.
    #[must_use]
    pub fn apply(&self, grant: &CorsGrant, response: Response) -> Response {
        let response = frames::restrict(self.frames.as_deref(), self.allow(grant, response));
        match grant.origin.is_some() && !self.exposed.is_empty() {
            true => response.set_header("Access-Control-Expose-Headers", &self.exposed),
            false => response,
        }
    }

    /// Whether scripts of this origin may connect, whoever says that it is theirs. As
    /// `access-control` does it: `null`, or anything that begins like a URL and is not escaped.
    pub fn allows_origin(&self, origin: &str) -> bool {
        let is_one = origin.eq_ignore_ascii_case("null") || has_scheme(origin);
        let is_listed = |origins: &Vec<String>| {
            let mut origins = origins.iter();
            origins.any(|listed| listed.eq_ignore_ascii_case(origin))
        };
        is_one && !origin.contains('%') && self.origins.as_ref().is_none_or(is_listed)
    }

    fn allows_method(&self, method: &str) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|allowed| allowed == method)
    }

    /// Browsers send credentials only to a server that names the origin. A server that does not
    /// allow all origins has to name it anyway.
    fn grant(&self, origin: &str) -> CorsGrant {
        let is_named = self.credentials || self.origins.is_some();
        CorsGrant {
            origin: Some(if is_named { origin } else { "*" }.into()),
        }
    }

    fn allow(&self, grant: &CorsGrant, response: Response) -> Response {
        let Some(origin) = grant.origin.as_deref() else {
            return response;
        };
        let mut response = response.set_header("Access-Control-Allow-Origin", origin);
        if origin != "*" {
            response = vary_by_origin(response);
        }
        match self.credentials {
            true => response.set_header("Access-Control-Allow-Credentials", "true"),
            false => response,
        }
    }

    fn preflight(&self, grant: &CorsGrant, request: &RequestHead<'_>) -> Response {
        let mut response = self.allow(grant, Response::new(200));
        if self.max_age_s > 0 {
            response = response.header("Access-Control-Max-Age", &self.max_age_s.to_string());
        }
        if !self.methods.is_empty() {
            response = response.header("Access-Control-Allow-Methods", &self.methods.join(", "));
        }
        let headers = match self.headers.is_empty() {
            true => request.header("access-control-request-headers"),
            false => Some(&*self.headers),
        };
        match headers.filter(|headers| !headers.is_empty()) {
            Some(headers) => response.header("Access-Control-Allow-Headers", headers),
            None => response,
        }
    }
}

/// The first `Origin` of a request, if it has one, and what it says if that can be judged.
fn origin_of<'r>(request: &'r RequestHead<'_>) -> Option<(&'r [u8], Option<&'r str>)> {
    let mut origins = request
        .headers()
        .filter(|(name, _)| name.eq_ignore_ascii_case("origin"));
    let (_, value) = origins.next()?;
    let is_only = origins.next().is_none();
    Some((value, std::str::from_utf8(value).ok().filter(|_| is_only)))
}

/// The origin of a page, and the host in it, with its port if that is said.
fn page_origin(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let host = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    Some((&url[..scheme.len() + "://".len() + host.len()], host))
}

/// Whether `url.parse` of Node.js finds a protocol.
fn has_scheme(origin: &str) -> bool {
    let is_scheme_byte = |byte: u8| byte.is_ascii_alphanumeric() || b".+-".contains(&byte);
    let scheme = origin.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| !scheme.is_empty() && scheme.bytes().all(is_scheme_byte))
}

fn refusal(origin: &[u8], method: &str) -> Response {
    let origin = String::from_utf8_lossy(origin);
    let text = format!(
        "Invalid HTTP Access Control (CORS) request:\n  Origin: {origin}\n  Method: {method}"
    );
    Response::new(403).body("text/plain", text.into_bytes())
}

/// Says, beside what the response says already, that it depends on the origin.
fn vary_by_origin(response: Response) -> Response {
    let mut varies = Vec::new();
    for (_, value) in response
        .headers()
        .filter(|(name, _)| name.eq_ignore_ascii_case("vary"))
    {
        varies.push(String::from_utf8_lossy(value).into_owned());
    }
    let said = varies.join(", ");
    let mut elements = said.split(',').map(str::trim);
    if elements.any(|element| element == "*" || element.eq_ignore_ascii_case("origin")) {
        return response;
    }
    match said.is_empty() {
        true => response.set_header("Vary", "Origin"),
        false => response.set_header("Vary", &format!("{said}, Origin")),
    }
}

// One in each request that waits for its answer.
const _: () = assert!(size_of::<CorsGrant>() == 16);
