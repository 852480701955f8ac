//! What requests are answered with. The bytes are those of npm's plugin, blanks included.

use allspark_protocol::Value;
use allspark_protocol::http::Response;

use super::exchange::ForwardError;
use super::forward::Reached;
use super::order::json;

/// The message was written to so many sparks of this server.
pub(super) fn sent(sparks: u64) -> Response {
    Response::json(200, format!("{{ \"ok\": true, \"send\":{sparks} }}"))
}

/// The body is no order.
pub(super) fn invalid() -> Response {
    refused("invalid data structure")
}

/// The message can't be written as the parser of the server has it.
pub(super) fn unwritable() -> Response {
    refused("the parser of this server can not express the message")
}

fn refused(reason: &str) -> Response {
    Response::json(
        500,
        format!("{{ \"ok\": false, \"reason\": \"{reason}\" }}"),
    )
}

/// The credentials are wrong.
pub(super) fn unauthorized() -> Response {
    let body = "{\"ok\":false,\"reason\":\"I am programmed to protect, and sacrifice if necessary. \
                Feel the power of my lazers! Pew pew!\"}";
    Response::json(401, body.to_owned())
}

/// What the rooms' middleware answers once other servers have answered.
pub(super) fn forwarded(result: Result<Reached, ForwardError>) -> Response {
    match result {
        Ok(Reached { send, local: true }) => {
            let body = format!("{{\"ok\":true,\"send\":{send},\"local\":true}}");
            Response::json(200, body)
        }
        Ok(Reached { send, local: false }) => {
            Response::json(200, format!("{{\"ok\":true,\"send\":{send}}}"))
        }
        Err(error) => {
            let error = json(&Value::Object(error.object()));
            Response::json(400, String::from_utf8_lossy(&error).into_owned())
        }
    }
}
