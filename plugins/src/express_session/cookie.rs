//! Signed cookies of express and connect.

use allspark_protocol::http::decode as decode_query;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::hmac;

/// The value of a cookie in a `Cookie` header.
///
/// ```
/// use allspark_plugins::express_session::cookie_in;
///
/// assert_eq!(cookie_in("a=b; name=\"value\"", "name"), Some("value"));
/// ```
pub fn cookie_in<'h>(header: &'h str, name: &str) -> Option<&'h str> {
    header.split(';').find_map(|pair| {
        let (found, value) = pair.split_once('=')?;
        (found.trim_matches([' ', '\t']) == name).then(|| unquoted(value.trim_matches([' ', '\t'])))
    })
}

fn unquoted(value: &str) -> &str {
    let inner = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
    inner.unwrap_or(value)
}

/// What stands in a signed cookie of cookie-parser, express-session or connect, if one of the keys
/// has signed it: `s:<value>.<signature>`, percent-encoded, where the signature is base64 of
/// HMAC-SHA256 of the value, without padding (npm `cookie-signature`). Keys are tried in order, so
/// that they can be changed.
pub fn unsign(keys: &[hmac::Key], cookie: &str) -> Option<String> {
    // `decodeURIComponent` leaves a plus sign alone.
    let cookie = cookie.replace('+', "%2B");
    let cookie = decode_query(&cookie);
    let (value, signature) = cookie.strip_prefix("s:")?.rsplit_once('.')?;
    let signature = STANDARD_NO_PAD.decode(signature).ok()?;
    let mut keys = keys.iter();
    let is_signed = keys.any(|key| hmac::verify(key, value.as_bytes(), &signature).is_ok());
    is_signed.then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(secrets: &[&str]) -> Vec<hmac::Key> {
        let key = |secret: &&str| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        secrets.iter().map(key).collect()
    }

    /// Made with `require('cookie-signature').sign('hello', 'tobiiscool')` of cookie-signature 1.2,
    /// whose own tests have it, too.
    const SIGNED: &str = "s%3Ahello.DGDUkGlIkCzPz%2BC0B064FNgHdEjox7ch8tOBGslZ5QI";

    #[test]
    fn a_cookie_is_known_by_its_signature() {
        let keys = keys(&["another", "tobiiscool"]);
        assert_eq!(unsign(&keys, SIGNED).as_deref(), Some("hello"));
        let plain = "s:hello.DGDUkGlIkCzPz+C0B064FNgHdEjox7ch8tOBGslZ5QI";
        assert_eq!(unsign(&keys, plain).as_deref(), Some("hello"));
        assert_eq!(unsign(&keys[..1], SIGNED), None);
        let other = "s:hella.DGDUkGlIkCzPz+C0B064FNgHdEjox7ch8tOBGslZ5QI";
        for wrong in [other, "hello", "s:hello", "s:hello.", "s:", "", "%", "s:.a"] {
            assert_eq!(unsign(&keys, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        assert_eq!(cookie_in("xa=1; a=2;a=3", "a"), Some("2"));
        assert_eq!(cookie_in("a; =; b=", "b"), Some(""));
        assert_eq!(cookie_in("ab=1", "a"), None);
    }
}
