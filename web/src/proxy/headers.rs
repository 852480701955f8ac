//! Which headers go on, and which are added (RFC 9110, 7.6).

use allspark_protocol::http::{RequestHead, Response};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Headers that are for one connection, or that frame a message; each side has its own. `Expect`
/// was answered by the server, `Forwarded` would contradict what is added.
const OF_ONE_CONNECTION: [&str; 14] = [
    "connection",
    "content-length",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The headers of a request that go on.
pub(super) fn of_request(head: &RequestHead<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in head.headers() {
        // Applications in the manner of CGI can't tell `X_Y` from `X-Y`.
        if is_of_connection(name) || name.contains('_') || head.has_token("connection", name) {
            continue;
        }
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_bytes(value),
        ) {
            headers.append(name, value);
        }
    }
    headers
}

/// Adds headers of an upstream's answer to the one that the client gets.
pub(super) fn of_answer(headers: &HeaderMap, mut response: Response) -> Response {
    for (name, value) in headers {
        if !is_of_connection(name.as_str()) && !is_named(headers, name.as_str()) {
            response = response.header_bytes(name.as_str(), value.as_bytes());
        }
    }
    response
}

fn is_of_connection(name: &str) -> bool {
    OF_ONE_CONNECTION
        .iter()
        .any(|other| name.eq_ignore_ascii_case(other))
}

/// Whether `Connection` says that a header is for one connection.
fn is_named(headers: &HeaderMap, name: &str) -> bool {
    let values = headers.get_all(header::CONNECTION);
    let mut tokens = values
        .iter()
        .flat_map(|value| value.as_bytes().split(|b| *b == b','));
    tokens.any(|token| token.trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_one_connection_stays() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-One , cookie\r\nX-One: 1\r\n\
            X-Two: 2\r\nX-Two: 3\r\nCookie: c\r\nTE: trailers\r\nKeep-Alive: 5\r\n\
            Content-Length: 0\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nX_Forwarded_For: 1.2.3.4\r\n\
            Forwarded: for=x\r\nProxy-Connection: x\r\nProxy-Authorization: x\r\nLatin: \u{e9}\r\n\r\n";
        let head = RequestHead::parse(head.as_bytes()).unwrap();
        let headers = of_request(&head);
        let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["x-two", "x-two", "latin"]);
    }

    #[test]
    fn of_an_answer_too() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "x-one"),
            ("x-one", "1"),
            ("set-cookie", "a"),
            ("set-cookie", "b"),
            ("transfer-encoding", "chunked"),
            ("content-length", "7"),
            ("trailer", "x"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let response = of_answer(&headers, Response::new(200));
        let all: Vec<_> = response.headers().collect();
        assert_eq!(all, [("set-cookie", &b"a"[..]), ("set-cookie", b"b")]);
        assert_eq!(response.misuse(), None);
    }
}
