//! What Primus adds to answers for the sake of browsers, beside [`Cors`](super::Cors). That module
//! says which answers get it, and that it outranks what a transport says.

use super::head::RequestHead;
use super::response::Response;

/// Forbids every cache to keep the answer.
#[must_use]
pub fn no_cache(response: Response) -> Response {
    response
        .set_header(
            "Cache-Control",
            "no-store, no-cache, must-revalidate, max-age=0",
        )
        .set_header("Pragma", "no-cache")
}

/// Switches off a filter of Internet Explorer. It damages an answer that repeats a part of its
/// request, as answers to JSONP do. `is_explorer` is what [`is_explorer`] said of the request.
#[must_use]
pub fn no_xss_filter(is_explorer: bool, response: Response) -> Response {
    match is_explorer {
        true => response.set_header("X-XSS-Protection", "0"),
        false => response,
    }
}

/// Whether the request comes from an Internet Explorer that names its engine, `Trident`: from
/// version 8 on. Primus looks for `;MSIE` too, without the space that is always there.
pub fn is_explorer(request: &RequestHead<'_>) -> bool {
    let has = |agent: &str, part: &str| {
        let mut windows = agent.as_bytes().windows(part.len());
        windows.any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
    };
    let agent = request.header("user-agent");
    agent.is_some_and(|agent| has(agent, "trident/") || has(agent, ";msie"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outranks_what_the_transport_says() {
        let response = Response::new(200)
            .header("cache-control", "public")
            .header("Expires", "never");
        let response = no_xss_filter(true, no_cache(response));
        let all: Vec<_> = response.headers().collect();
        let expected: [(&str, &[u8]); 4] = [
            ("Expires", b"never"),
            (
                "Cache-Control",
                b"no-store, no-cache, must-revalidate, max-age=0",
            ),
            ("Pragma", b"no-cache"),
            ("X-XSS-Protection", b"0"),
        ];
        assert_eq!(all, expected);
        let response = no_xss_filter(false, Response::new(200));
        assert_eq!(response.headers().count(), 0);
    }

    /// As Primus 8.0.9 told them apart.
    #[test]
    fn knows_internet_explorer_as_primus_does() {
        let knows = |agent: &str| {
            let text = format!("GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: {agent}\r\n\r\n");
            is_explorer(&RequestHead::parse(text.as_bytes()).unwrap())
        };
        assert!(knows(
            "Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko"
        ));
        assert!(knows("x;MSIE 8"));
        assert!(!knows("Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.0)"));
        assert!(!knows(
            "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 Safari/537.36"
        ));
        assert!(!knows(""));
    }
}
