//! Origins as an operator lists them, and as browsers write them (RFC 6454, 6.2).

use std::net::{Ipv4Addr, Ipv6Addr};

/// Says how an origin is written. Each refusal ends with it.
const FORM: &str =
    "an origin is scheme://host or scheme://host:port, such as https://chat.example.org";

/// Reads one element of the option `origins`, other than a `*` that stands alone, and writes it as
/// browsers do: in lower case, without the port that its scheme has anyway.
///
/// `null` is refused. Any site can send it, from a frame that is sandboxed, so a list with `null`
/// in it would only seem to refuse something.
///
/// # Errors
/// A sentence that says how it should be written.
pub(super) fn origin(text: &str) -> Result<String, String> {
    let fail = |reason: &str| Err(format!("{text:?} {reason}"));
    match text {
        "*" => return fail("allows every origin, so it stands alone"),
        _ if text.eq_ignore_ascii_case("null") => {
            return fail("can be sent by every site: list origins, or write * for all");
        }
        _ => {}
    }
    let Some((scheme, rest)) = text
        .split_once("://")
        .filter(|(scheme, _)| is_scheme(scheme))
    else {
        return fail(&format!("is no origin: {FORM}"));
    };
    let scheme = scheme.to_ascii_lowercase();
    if scheme == "ws" || scheme == "wss" {
        return fail("is no origin: it is that of the page, whose scheme is http or https");
    }
    if rest.contains('*') {
        return fail("is no origin: there are no patterns, every origin is listed as it is");
    }
    if rest.contains('@') {
        return fail(&format!("has a user, which an origin has not: {FORM}"));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let written =
        authority_of(&scheme, authority).map(|authority| format!("{scheme}://{authority}"));
    match written {
        Some(origin) if authority.len() == rest.len() => Ok(origin),
        Some(origin) => fail(&format!("goes on behind its host: write {origin}")),
        None => fail(&format!(
            "has a host or a port that no browser writes (beyond ASCII they write xn--..): {FORM}"
        )),
    }
}

fn is_scheme(scheme: &str) -> bool {
    let is_scheme_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    scheme.starts_with(|char: char| char.is_ascii_alphabetic())
        && scheme.bytes().all(is_scheme_byte)
}

/// Host and port as a browser writes them.
fn authority_of(scheme: &str, text: &str) -> Option<String> {
    // Pages in files of old Android.
    if scheme == "file" && text.is_empty() {
        return Some(String::new());
    }
    let (host, port) = match text.rfind(':') {
        Some(at) if !text.ends_with(']') => (&text[..at], Some(&text[at + 1..])),
        _ => (text, None),
    };
    let host = host_of(host)?;
    let Some(port) = port else {
        return Some(host);
    };
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let port = port.parse::<u16>().ok()?;
    let own = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    match own == Some(port) {
        true => Some(host),
        false => Some(format!("{host}:{port}")),
    }
}

fn host_of(text: &str) -> Option<String> {
    if let Some(address) = text.strip_prefix('[') {
        let address: Ipv6Addr = address.strip_suffix(']')?.parse().ok()?;
        return Some(format!("[{}]", written(address)));
    }
    let is_host_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if text.is_empty() || !text.bytes().all(is_host_byte) {
        return None;
    }
    let last = text.trim_end_matches('.').rsplit('.').next()?;
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        // Browsers take it for an address, and write that in full.
        return text
            .parse::<Ipv4Addr>()
            .ok()
            .map(|address| address.to_string());
    }
    Some(text.to_ascii_lowercase())
}

/// Browsers write the last 32 bits in hexadecimal, even if they are an address of version 4.
fn written(address: Ipv6Addr) -> String {
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] => format!("::ffff:{high:x}:{low:x}"),
        _ => address.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_do() {
        for (text, expected) in [
            ("http://a", "http://a"),
            ("HTTPS://Chat.Example.ORG", "https://chat.example.org"),
            ("http://a.example:80", "http://a.example"),
            ("https://a.example:443", "https://a.example"),
            ("https://a.example:80", "https://a.example:80"),
            ("http://a.example:08080", "http://a.example:8080"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]", "http://[::1]"),
            ("http://[0:0::0001]:81", "http://[::1]:81"),
            ("http://[::ffff:1.2.3.4]", "http://[::ffff:102:304]"),
            (
                "https://xn--mnchen-3ya.example",
                "https://xn--mnchen-3ya.example",
            ),
            ("http://my_host.", "http://my_host."),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("file://", "file://"),
        ] {
            assert_eq!(origin(text).as_deref(), Ok(expected), "{text}");
            assert_eq!(origin(expected).as_deref(), Ok(expected), "{expected}");
        }
    }

    #[test]
    fn what_no_browser_can_send_is_refused_with_a_sentence() {
        for (text, expected) in [
            ("not", "is no origin: an origin is scheme://host"),
            ("a.example", "is no origin"),
            ("localhost:3000", "is no origin"),
            ("://a", "is no origin"),
            ("1http://a", "is no origin"),
            ("http:/a", "is no origin"),
            ("*", "stands alone"),
            ("null", "every site"),
            ("NULL", "every site"),
            ("ws://a", "http or https"),
            ("https://*.example.org", "no patterns"),
            ("http://user@a", "has a user"),
            ("http://user:secret@a/b", "has a user"),
            ("http://a.example/", "write http://a.example"),
            ("HTTP://a.example:80/b?c#d", "write http://a.example"),
            ("http://a?b", "write http://a"),
            ("http://a#b", "write http://a"),
            ("http://", "host or a port"),
            ("http:///a", "host or a port"),
            ("http://a:", "host or a port"),
            ("http://a:+1", "host or a port"),
            ("http://a:65536", "host or a port"),
            ("http://a:b", "host or a port"),
            ("http://1.2.3", "host or a port"),
            ("http://1.2.3.4.5", "host or a port"),
            ("http://a.1", "host or a port"),
            ("http://[::1", "host or a port"),
            ("http://::1", "host or a port"),
            ("http://m\u{fc}nchen.example", "host or a port"),
            ("http://a%20b", "host or a port"),
            ("http://a\r\nX: y", "host or a port"),
            ("http://a\\b", "host or a port"),
        ] {
            let reason = origin(text).unwrap_err();
            assert!(reason.contains(expected), "{text}: {reason}");
            assert!(!reason.contains(['\r', '\n']), "{text}: {reason}");
        }
    }
}
