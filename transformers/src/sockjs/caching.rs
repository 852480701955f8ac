//! The headers that say who may keep an answer, and how long.

use allspark_protocol::http::Response;

/// Forbids every cache to keep the answer.
pub(super) fn not_cached(response: Response) -> Response {
    const NEVER: &str = "no-store, no-cache, no-transform, must-revalidate, max-age=0";
    response.header("Cache-Control", NEVER)
}

/// Allows every cache to keep the answer for a year. `Expires` is for HTTP/1.0 and outranked by
/// `max-age` (RFC 9111, 5.3). Without a calendar it can only be a day that is far off.
pub(super) fn cached(response: Response) -> Response {
    response
        .header("Cache-Control", &format!("public, max-age={YEAR_SECONDS}"))
        .header("Expires", "Thu, 31 Dec 2037 23:55:55 GMT")
}

pub(super) const YEAR_SECONDS: &str = "31536000";
