//! Answers that concern no session, and the headers that answers have.
//!
//! They are those of sockjs-node. Under Primus its own middleware comes first, and what that has
//! set (`Cache-Control`, `Pragma`, and CORS headers if the request has an `Origin`) stays; that
//! is for the engine to see to.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use allspark_protocol::http::{RequestHead, Response};
use sha1::{Digest, Sha1};

use super::SockJsOptions;
use super::asked::Asked;
use super::caching::{YEAR_SECONDS, cached, not_cached};
use super::endpoint::Endpoint;

/// The content type of what is no more than text.
pub(super) const TEXT: &str = "text/plain; charset=UTF-8";

/// The content type of xhr and jsonp responses.
pub(super) const SCRIPT: &str = "application/javascript; charset=UTF-8";

/// The content type of pages.
pub(super) const HTML: &str = "text/html; charset=UTF-8";

/// The answer to a path that leads nowhere.
pub(super) fn not_found() -> Response {
    not_found_with(Response::new(404))
}

/// The same with headers that have been set before.
pub(super) fn not_found_with(response: Response) -> Response {
    response.body(TEXT, &b"404 Error: Page not found\n"[..])
}

/// The answer to a method that the endpoint does not know.
pub(super) fn method_not_allowed(endpoint: Endpoint<'_>) -> Response {
    Response::new(405).header("Allow", endpoint.methods())
}

/// The answer to the bare path.
pub(super) fn greeting() -> Response {
    Response::new(200).body(TEXT, &b"Welcome to SockJS!\n"[..])
}

/// The page through which clients of other origins reach the server.
pub(super) fn iframe(head: &RequestHead<'_>, sockjs_url: Option<&str>) -> Response {
    let url = sockjs_url.unwrap_or(IFRAME_SCRIPT_NAME);
    let page = format!("{IFRAME_BEFORE_URL}{url}{IFRAME_AFTER_URL}");
    let tag = format!("\"{}\"", digest(page.as_bytes()));
    if head.header("If-None-Match") == Some(&tag) {
        return cached(Response::new(304));
    }
    cached(Response::new(200).header("ETag", &tag)).body(HTML, page.into_bytes())
}

/// The script that this page runs, unless there is an option with another one. It knows what
/// sockjs-client asks of its own one there.
pub(super) fn iframe_script(head: &RequestHead<'_>) -> Response {
    const SOURCE: &str = include_str!("iframe.js");
    static TAG: LazyLock<String> = LazyLock::new(|| format!("\"{}\"", digest(SOURCE.as_bytes())));
    if head.header("If-None-Match") == Some(&TAG) {
        return Response::new(304).header("Cache-Control", "no-cache");
    }
    Response::new(200)
        .header("Cache-Control", "no-cache")
        .header("ETag", &TAG)
        .header("X-Content-Type-Options", "nosniff")
        .body(SCRIPT, SOURCE.as_bytes())
}

/// The name of that script, which lies where the page lies.
pub(super) const IFRAME_SCRIPT_NAME: &str = "iframe.js";

const IFRAME_BEFORE_URL: &str = r#"<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
  <script src=""#;

const IFRAME_AFTER_URL: &str = r#""></script>
  <script>
    document.domain = document.domain;
    SockJS.bootstrap_iframe();
  </script>
</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>"#;

/// What the server can do. Clients measure with it how far away the server is.
pub(super) fn info(head: &RequestHead<'_>, options: &SockJsOptions, entropy: u32) -> Response {
    let mut json = format!(r#"{{"websocket":{}"#, options.websocket);
    if !options.disable_cors {
        json.push_str(r#","origins":["*:*"]"#);
    }
    let cookie_needed = options.jsessionid;
    // Writing to a string does not fail.
    let _ = write!(
        json,
        r#","cookie_needed":{cookie_needed},"entropy":{entropy}"#
    );
    if let Some(base_url) = &options.base_url {
        let _ = write!(json, r#","base_url":"{base_url}""#);
    }
    json.push('}');
    let response = not_cached(Asked::of(head, "").cors(Response::new(200), options));
    response.body("application/json; charset=UTF-8", json.into_bytes())
}

/// The answer to `OPTIONS`, by which browsers ask what another origin may do.
pub(super) fn preflight(
    head: &RequestHead<'_>,
    endpoint: Endpoint<'_>,
    options: &SockJsOptions,
) -> Response {
    let asked = Asked::of(head, "");
    cached(asked.cors(asked.cookie(Response::new(204), options), options))
        .header("Access-Control-Allow-Methods", endpoint.preflight_methods())
        .header("Access-Control-Max-Age", YEAR_SECONDS)
}

/// The answer to `/chunking_test`. sockjs-node sends these lines one by one within four seconds;
/// a client that gets them at once takes it for a proxy that holds parts back, and polls.
pub(super) fn chunking_test(head: &RequestHead<'_>, options: &SockJsOptions) -> Response {
    let body = format!("h\n{}h\n{}", " ".repeat(2048), "h\n".repeat(5));
    let response = Asked::of(head, "").cors(Response::new(200), options);
    response.body(SCRIPT, body.into_bytes())
}

/// An error that the client made.
pub(super) fn failure(response: Response, message: &'static str) -> Response {
    response.body("text/plain", message.as_bytes())
}

/// 32 hexadecimal digits, as many as the MD5 of sockjs-node has.
fn digest(bytes: &[u8]) -> String {
    let digest = Sha1::digest(bytes);
    digest[..16].iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The numbers that `/info` gives to browsers without a good source of their own.
#[derive(Clone, Debug)]
pub(super) struct Entropy {
    seed: u64,
    /// How many numbers were asked for. Shards are made from clones and share it, or the same
    /// request would be told the same number by each of them.
    count: Arc<AtomicU64>,
}

impl Entropy {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            count: Arc::default(),
        }
    }

    /// The next number; from those before it nobody can tell it.
    pub(super) fn next(&self) -> u32 {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let digest = Sha1::new()
            .chain_update(self.seed.to_le_bytes())
            .chain_update(count.to_le_bytes())
            .finalize();
        u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_tell_different_entropy() {
        let first = Entropy::new(7);
        let second = first.clone();
        assert_ne!(first.next(), second.next());
    }
}
