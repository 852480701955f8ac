//! Requests that came over plain HTTP and are to come over `https`.

use allspark_protocol::http::{RequestHead, Response};

/// The port that addresses of `https` need not name.
const HTTPS_PORT: u16 = 443;

/// Sends a client to the same address at `https`. The path goes along as it was sent: the parser
/// takes no byte that could end a header.
pub(crate) fn redirect_to_https(head: &RequestHead<'_>, port: u16) -> Response {
    let Some(host) = host_of(head) else {
        return Response::text(400, "This server needs https, and a Host\n");
    };
    let status = match head.method() {
        "GET" | "HEAD" => 301,
        _ => 308,
    };
    let port = match port {
        HTTPS_PORT => String::new(),
        port => format!(":{port}"),
    };
    let target = match head.target() {
        // What `OPTIONS *` asks has no address.
        "*" | "" => "/",
        target => target,
    };
    // An absolute target may end with its authority and a query.
    let slash = if target.starts_with('/') { "" } else { "/" };
    let location = format!("https://{host}{port}{slash}{target}");
    Response::text(status, "This server is reached by https\n").header("Location", &location)
}

/// The host that the client wants, without its port.
fn host_of<'r>(head: &RequestHead<'r>) -> Option<&'r str> {
    let authority = head.host()?;
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if is_port(port) => host,
        _ => authority,
    };
    (!host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(request: &str, port: u16) -> (u16, Option<String>) {
        let head = RequestHead::parse(request.as_bytes()).unwrap();
        let response = redirect_to_https(&head, port);
        let mut headers = response.headers();
        let location = headers.find(|(name, _)| *name == "Location");
        let location = location.map(|(_, value)| String::from_utf8(value.to_vec()).unwrap());
        (response.status(), location)
    }

    #[test]
    fn the_same_address_at_https() {
        let to = |status, location: &str| (status, Some(location.to_owned()));
        let get =
            |target: &str, host: &str| format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(
            answer(&get("/a?b=c", "example.org"), 443),
            to(301, "https://example.org/a?b=c")
        );
        assert_eq!(
            answer(&get("/", "example.org:8080"), 8443),
            to(301, "https://example.org:8443/")
        );
        assert_eq!(
            answer(&get("//evil.example/", "[::1]:80"), 443),
            to(301, "https://[::1]//evil.example/")
        );
        assert_eq!(answer(&get("/", "[::1]"), 443), to(301, "https://[::1]/"));
        assert_eq!(
            answer(&get("http://other.example?x", "example.org"), 443),
            to(301, "https://other.example/?x")
        );
        let post = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n";
        assert_eq!(answer(post, 443), to(308, "https://a/a"));
        let all = "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(answer(all, 443), to(308, "https://a/"));
    }

    #[test]
    fn who_names_no_host_can_be_sent_nowhere() {
        assert_eq!(answer("GET / HTTP/1.0\r\n\r\n", 443), (400, None));
        let empty = "GET / HTTP/1.1\r\nHost: :80\r\n\r\n";
        assert_eq!(answer(empty, 443), (400, None));
    }
}
