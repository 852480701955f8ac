//! What requests are answered with: JSON, and errors in one form.

use allspark::Response;
use serde::Serialize;

/// A value as JSON. Nothing of the API is to be kept by caches.
pub(super) fn json(status: u16, value: &impl Serialize) -> Response {
    let json = serde_json::to_string(value).expect("what the API answers is JSON");
    text(status, json)
}

/// JSON that is there already.
pub(super) fn text(status: u16, json: String) -> Response {
    Response::json(status, json).header("Cache-Control", "no-store")
}

/// It was done.
pub(super) fn ok() -> Response {
    text(200, r#"{"ok":true}"#.to_owned())
}

#[derive(Serialize)]
struct Refusal<'a> {
    error: Reason<'a>,
}

#[derive(Serialize)]
struct Reason<'a> {
    code: &'a str,
    message: &'a str,
}

/// An error: a word for programs, and a sentence for people.
pub(super) fn error(status: u16, code: &str, message: &str) -> Response {
    let error = Reason { code, message };
    json(status, &Refusal { error })
}

/// One that goes away: after so many nanoseconds it may be tried again.
pub(super) fn later(status: u16, code: &str, message: &str, wait_ns: u64) -> Response {
    let seconds = wait_ns.div_ceil(1_000_000_000).max(1);
    error(status, code, message).header("Retry-After", &seconds.to_string())
}
