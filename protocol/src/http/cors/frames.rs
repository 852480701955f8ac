//! Which pages may show those of this server in a frame (Content Security Policy Level 3, 6.4.2,
//! `frame-ancestors`).
//!
//! Such pages exist to be framed: the iframe page of sockjs and the pages through which htmlfile
//! streams come. So there is no policy while every origin is allowed. Once they are listed, those
//! may frame them, and so may pages of this server itself: sockjs opens htmlfile streams within its
//! iframe page.

use crate::http::response::Response;

/// The policy that answers state. There is none if every page may frame them, or if a policy can't
/// name a listed origin, such as an address of IPv6: it would shut out that origin.
pub(super) fn policy(origins: Option<&[String]>) -> Option<String> {
    let origins = origins?;
    let can_be_named = origins.iter().all(|origin| can_be_named(origin));
    can_be_named.then(|| {
        let mut policy = "frame-ancestors 'self'".to_owned();
        for origin in origins {
            policy.push(' ');
            policy.push_str(origin);
        }
        policy
    })
}

/// Whether it is a `host-source` (2.3.1).
fn can_be_named(origin: &str) -> bool {
    let is_host_byte = |byte: u8| byte.is_ascii_alphanumeric() || b".-:".contains(&byte);
    origin
        .split_once("://")
        .is_some_and(|(_, host)| !host.is_empty() && host.bytes().all(is_host_byte))
}

/// Adds the policy to a page, and to the `304` for a cache that has the page already.
pub(super) fn restrict(policy: Option<&str>, response: Response) -> Response {
    match policy {
        Some(policy) if is_page(&response) || response.status() == 304 => {
            response.set_header("Content-Security-Policy", policy)
        }
        _ => response,
    }
}

fn is_page(response: &Response) -> bool {
    response.headers().any(|(name, value)| {
        name.eq_ignore_ascii_case("content-type")
            && value.to_ascii_lowercase().starts_with(b"text/html")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(origins: &[&str]) -> Option<String> {
        let origins: Vec<String> = origins.iter().map(|origin| (*origin).to_owned()).collect();
        policy(Some(&origins))
    }

    #[test]
    fn listed_origins_and_the_server_itself_are_named() {
        assert_eq!(policy(None), None);
        assert_eq!(listed(&[]).as_deref(), Some("frame-ancestors 'self'"));
        let two = listed(&["https://chat.example", "http://127.0.0.1:8080"]);
        let expected = "frame-ancestors 'self' https://chat.example http://127.0.0.1:8080";
        assert_eq!(two.as_deref(), Some(expected));
    }

    #[test]
    fn nobody_who_is_listed_is_shut_out() {
        for origin in ["http://[::1]:8080", "file://", "http://under_score.example"] {
            assert_eq!(listed(&["https://chat.example", origin]), None, "{origin}");
        }
    }

    #[test]
    fn pages_are_restricted_and_nothing_else() {
        let restricted = |response: Response| {
            let response = restrict(Some("p"), response);
            let mut headers = response.headers();
            headers.any(|header| header == ("Content-Security-Policy", &b"p"[..]))
        };
        let typed = |content_type| Response::new(200).header("content-type", content_type);
        assert!(restricted(typed("text/html")));
        assert!(restricted(typed("Text/HTML; charset=UTF-8")));
        assert!(restricted(Response::new(304)));
        assert!(!restricted(typed("text/plain")));
        assert!(!restricted(Response::new(200)));
        let open = restrict(None, typed("text/html"));
        assert_eq!(open.headers().count(), 1);
    }
}
