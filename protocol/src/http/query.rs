//! Query strings, decoded as browsers encode them (`application/x-www-form-urlencoded`).

use std::borrow::Cow;

/// What follows the `?` of a target. Nothing is decoded before it is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Query<'b> {
    raw: &'b str,
}

impl<'b> Query<'b> {
    /// Wraps a query string without its `?`.
    pub fn new(raw: &'b str) -> Self {
        Self { raw }
    }

    /// The string as it was sent.
    pub fn as_str(&self) -> &'b str {
        self.raw
    }

    /// The decoded names and values, in order. A name without `=` has an empty value.
    pub fn pairs(&self) -> impl Iterator<Item = (Cow<'b, str>, Cow<'b, str>)> + use<'b> {
        self.raw_pairs()
            .map(|(name, value)| (decode(name), decode(value)))
    }

    /// The decoded value of the first pair of that name.
    pub fn get(&self, name: &str) -> Option<Cow<'b, str>> {
        self.raw_pairs()
            .find(|(raw_name, _)| decode(raw_name) == name)
            .map(|(_, value)| decode(value))
    }

    fn raw_pairs(&self) -> impl Iterator<Item = (&'b str, &'b str)> + use<'b> {
        self.raw
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }
}

/// Decodes `%XX` and `+`. A `%` without two digits stands for itself; what is not UTF-8 after
/// decoding is replaced. Borrows if there is nothing to decode.
pub fn decode(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let Some(first) = memchr::memchr2(b'%', b'+', bytes) else {
        return Cow::Borrowed(text);
    };
    let mut decoded = Vec::with_capacity(bytes.len());
    decoded.extend_from_slice(&bytes[..first]);
    let mut rest = &bytes[first..];
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, after) {
            (b'+', _) => decoded.push(b' '),
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    decoded.push(high << 4 | low);
                    rest = after;
                }
                _ => decoded.push(b'%'),
            },
            _ => decoded.push(*byte),
        }
    }
    match String::from_utf8(decoded) {
        Ok(decoded) => Cow::Owned(decoded),
        Err(error) => Cow::Owned(String::from_utf8_lossy(error.as_bytes()).into_owned()),
    }
}

/// The value of a hexadecimal digit.
pub(super) fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decodes_pairs_in_order() {
        let query = Query::new("EIO=4&&t=a%20b+c&flag&=x&sid=%C3%A9&q=1=2");
        let pairs: Vec<_> = query.pairs().collect();
        let expected = [
            ("EIO", "4"),
            ("t", "a b c"),
            ("flag", ""),
            ("", "x"),
            ("sid", "é"),
            ("q", "1=2"),
        ];
        let expected = expected.map(|(name, value)| (name.into(), value.into()));
        assert_eq!(pairs, expected);
    }

    #[test]
    fn finds_the_first_value_by_decoded_name() {
        let query = Query::new("a=1&%61=2&b=3&b=4");
        assert_eq!(query.get("a").as_deref(), Some("1"));
        assert_eq!(query.get("b").as_deref(), Some("3"));
        assert_eq!(query.get("c"), None);
        assert!(matches!(query.get("a"), Some(Cow::Borrowed(_))));
        assert_eq!(Query::default().get(""), None);
    }

    #[test]
    fn leaves_broken_escapes_and_replaces_what_is_not_utf8() {
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("%4"), "%4");
        assert_eq!(decode("%zz%41"), "%zzA");
        assert_eq!(decode("%%41"), "%A");
        assert_eq!(decode("%+1"), "% 1");
        assert_eq!(decode("%ff%41"), "\u{fffd}A");
        assert_eq!(decode("é%41"), "éA");
    }

    fn encode(text: &str) -> String {
        text.bytes().map(|byte| format!("%{byte:02x}")).collect()
    }

    proptest! {
        #[test]
        fn decoding_never_panics_and_never_grows_beyond_replacement(text in any::<String>()) {
            // The replacement character has three bytes.
            prop_assert!(decode(&text).len() <= text.len() * 3);
            let _ = Query::new(&text).pairs().count();
        }

        #[test]
        fn what_was_encoded_decodes_to_itself(name in ".+", value in ".*") {
            let raw = format!("x=1&{}={}", encode(&name), encode(&value));
            prop_assume!(name != "x");
            prop_assert_eq!(Query::new(&raw).get(&name), Some(value.into()));
        }
    }
}
