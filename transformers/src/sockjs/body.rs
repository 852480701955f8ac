//! Messages that come in the body of a request, `xhr_send` or `jsonp_send`.

use allspark_protocol::http::{Query, Request, decode_into};
use allspark_protocol::limits::{JSONP_FORM_FIELDS_MAX, REQUEST_MESSAGES_MAX};

use super::endpoint::Sender;
use super::quote;
use super::unquote::{self, Broken, Span, Walk};

/// Why a body holds no messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    /// It is empty, or JSON that is no array, or of a type that the server does not read.
    Missing,
    /// It is not JSON.
    Broken,
    /// A message is larger than `maxLength`.
    TooLarge,
    /// It holds more messages than a client can have gathered.
    TooMany,
}

impl BodyError {
    /// The status to answer with.
    pub(super) fn status(self) -> u16 {
        match self {
            Self::Missing | Self::Broken => 500,
            Self::TooLarge | Self::TooMany => 413,
        }
    }

    /// The body to answer with.
    pub(super) fn message(self) -> &'static str {
        match self {
            Self::Missing => "Payload expected.",
            Self::Broken => "Broken JSON encoding.",
            Self::TooLarge => "Message too large.",
            Self::TooMany => "Too many messages.",
        }
    }
}

impl From<Broken> for BodyError {
    fn from(_: Broken) -> Self {
        Self::Broken
    }
}

/// Checks the messages of a request and puts them into `body`, which is empty, to be walked there.
///
/// # Errors
/// In the order in which sockjs-node looks.
pub(super) fn messages(
    request: &Request<'_>,
    sender: Sender,
    body: &mut Vec<u8>,
) -> Result<Walk, BodyError> {
    let header = request.head.header("Content-Type").unwrap_or_default();
    let content_type = header.split(';').next().unwrap_or_default();
    match sender {
        Sender::Xhr => xhr(content_type, &request.body, body)?,
        Sender::Jsonp => jsonp(content_type, &request.body, body)?,
    }
    unquote::array(body)?.ok_or(BodyError::Missing)
}

/// Checks that none of the messages is larger than it may be, and that they are not too many.
pub(super) fn check_bounds(
    walk: &Walk,
    body: &[u8],
    message_bytes_max: usize,
) -> Result<(), BodyError> {
    // Each message takes two bytes at least, with what stands between it and the next.
    if body.len() <= message_bytes_max && body.len() / 2 <= REQUEST_MESSAGES_MAX {
        return Ok(());
    }
    let measure = walk.measure(body, REQUEST_MESSAGES_MAX);
    if measure.count > REQUEST_MESSAGES_MAX {
        return Err(BodyError::TooMany);
    }
    match measure.longest_bytes > message_bytes_max {
        true => Err(BodyError::TooLarge),
        false => Ok(()),
    }
}

/// An array. Browsers and old libraries send it as quite different types.
fn xhr(content_type: &str, sent: &[u8], body: &mut Vec<u8>) -> Result<(), BodyError> {
    const TYPES: [&str; 6] = [
        "text/plain",
        "T",
        "application/json",
        "application/xml",
        "",
        "text/xml",
    ];
    if sent.is_empty() || !TYPES.contains(&content_type) {
        return Err(BodyError::Missing);
    }
    body.extend_from_slice(text(sent)?.as_bytes());
    Ok(())
}

/// An array, or a string that holds an array, or a form with either of them in its field `d`.
fn jsonp(content_type: &str, sent: &[u8], body: &mut Vec<u8>) -> Result<(), BodyError> {
    match content_type {
        "application/x-www-form-urlencoded" => form_field(text(sent)?, body),
        "text/plain" | "" if !sent.is_empty() => {
            body.extend_from_slice(text(sent)?.as_bytes());
            if let Some(Span { start, end }) = unquote::string(body)? {
                body.truncate(end);
                body.drain(..start);
            }
        }
        _ => return Err(BodyError::Missing),
    }
    match body.is_empty() {
        true => Err(BodyError::Missing),
        false => Ok(()),
    }
}

/// Takes the field `d` of a form, which holds the messages. As in sockjs-node, where there are
/// several of that name each is a message itself.
fn form_field(form: &str, body: &mut Vec<u8>) {
    let fields = || {
        let fields = Query::new(form).fields().take(JSONP_FORM_FIELDS_MAX);
        fields.filter(|field| field.is("d"))
    };
    if let Some(only) = fields().next()
        && fields().nth(1).is_none()
    {
        return decode_into(only.value, body);
    }
    let mut message = Vec::new();
    for field in fields() {
        message.clear();
        decode_into(field.value, &mut message);
        body.push(if body.is_empty() { b'[' } else { b',' });
        quote::quote(&message, body);
    }
    if !body.is_empty() {
        body.push(b']');
    }
}

fn text(sent: &[u8]) -> Result<&str, BodyError> {
    std::str::from_utf8(sent).map_err(|_| BodyError::Broken)
}
