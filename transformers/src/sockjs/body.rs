//! Messages that come in the body of a request, `xhr_send` or `jsonp_send`.

use allspark_protocol::http::{Request, decode};

use super::endpoint::Sender;
use super::unquote::{self, Broken, Several};

/// Why a body holds no messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    /// There is nothing in it, or JSON that is no array, or it is of a type that is not looked at.
    Missing,
    /// It is not JSON.
    Broken,
    /// A message is larger than `maxLength`.
    TooLarge,
}

impl BodyError {
    /// The status to answer with.
    pub(super) fn status(self) -> u16 {
        match self {
            Self::Missing | Self::Broken => 500,
            Self::TooLarge => 413,
        }
    }

    /// The body to answer with.
    pub(super) fn message(self) -> &'static str {
        match self {
            Self::Missing => "Payload expected.",
            Self::Broken => "Broken JSON encoding.",
            Self::TooLarge => "Message too large.",
        }
    }
}

impl From<Broken> for BodyError {
    fn from(_: Broken) -> Self {
        Self::Broken
    }
}

/// Reads the messages of a request; `scratch` is empty, and they are put together in it.
///
/// # Errors
/// In the order in which sockjs-node looks.
pub(super) fn messages<'s>(
    request: &Request<'_>,
    sender: Sender,
    scratch: &'s mut Vec<u8>,
) -> Result<Several<'s>, BodyError> {
    let header = request.head.header("Content-Type").unwrap_or_default();
    let content_type = header.split(';').next().unwrap_or_default();
    match sender {
        Sender::Xhr => xhr(content_type, &request.body, scratch),
        Sender::Jsonp => jsonp(content_type, &request.body, scratch),
    }
}

/// An array. Browsers and old libraries send it as quite different types.
fn xhr<'s>(
    content_type: &str,
    body: &[u8],
    scratch: &'s mut Vec<u8>,
) -> Result<Several<'s>, BodyError> {
    const TYPES: [&str; 6] = [
        "text/plain",
        "T",
        "application/json",
        "application/xml",
        "",
        "text/xml",
    ];
    if body.is_empty() || !TYPES.contains(&content_type) {
        return Err(BodyError::Missing);
    }
    scratch.extend_from_slice(text(body)?.as_bytes());
    unquote::array(scratch)?.ok_or(BodyError::Missing)
}

/// An array, or a string that holds an array, or a form with either of them in its field `d`.
fn jsonp<'s>(
    content_type: &str,
    body: &[u8],
    scratch: &'s mut Vec<u8>,
) -> Result<Several<'s>, BodyError> {
    match content_type {
        "application/x-www-form-urlencoded" => form_field(text(body)?, scratch),
        "text/plain" | "" if !body.is_empty() => {
            scratch.extend_from_slice(text(body)?.as_bytes());
            unwrap_string(scratch)?;
        }
        _ => return Err(BodyError::Missing),
    }
    if scratch.is_empty() {
        return Err(BodyError::Missing);
    }
    unquote::array(scratch)?.ok_or(BodyError::Missing)
}

/// Finds the first field `d` of a form.
fn form_field(body: &str, scratch: &mut Vec<u8>) {
    let pairs = body.split('&').map(|pair| pair.split_once('='));
    let field = pairs.flatten().find(|(name, _)| decode(name) == "d");
    if let Some((_, value)) = field {
        scratch.extend_from_slice(decode(value).as_bytes());
    }
}

/// Puts what a JSON string holds in its place. Other JSON stays as it is.
fn unwrap_string(scratch: &mut Vec<u8>) -> Result<(), Broken> {
    let inner = unquote::string(scratch)?.map(|inner| inner.to_vec());
    if let Some(inner) = inner {
        *scratch = inner;
    }
    Ok(())
}

fn text(body: &[u8]) -> Result<&str, BodyError> {
    std::str::from_utf8(body).map_err(|_| BodyError::Broken)
}
