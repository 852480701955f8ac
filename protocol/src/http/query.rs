//! Query strings, decoded as browsers encode them (`application/x-www-form-urlencoded`).

use std::borrow::Cow;

/// What follows the `?` of a target. A value is decoded only when it is read.
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

    /// The names and values, in order, not decoded yet. A name without `=` has an empty value.
    pub fn fields(&self) -> impl Iterator<Item = Field<'b>> + use<'b> {
        let pairs = self.raw.split('&').filter(|pair| !pair.is_empty());
        pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Field { name, value }
        })
    }

    /// The decoded names and values, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (Cow<'b, str>, Cow<'b, str>)> + use<'b> {
        self.fields()
            .map(|field| (decode(field.name), field.value()))
    }

    /// The decoded value of the first pair of that name.
    pub fn get(&self, name: &str) -> Option<Cow<'b, str>> {
        let mut fields = self.fields();
        fields.find(|field| field.is(name)).map(Field::value)
    }
}

/// One name and its value, as they were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'b> {
    /// The name, encoded.
    pub name: &'b str,
    /// The value, encoded.
    pub value: &'b str,
}

impl<'b> Field<'b> {
    /// Whether the name is this one. It is compared where it lies.
    pub fn is(self, name: &str) -> bool {
        let mut decoded = Bytes(self.name.as_bytes());
        name.bytes().all(|byte| decoded.next() == Some(byte)) && decoded.next().is_none()
    }

    /// The decoded value.
    pub fn value(self) -> Cow<'b, str> {
        decode(self.value)
    }
}

/// Decodes `%XX` and `+`. A `%` without two digits stands for itself; what is not UTF-8 after
/// decoding is replaced. Borrows if there is nothing to decode.
pub fn decode(text: &str) -> Cow<'_, str> {
    if memchr::memchr2(b'%', b'+', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut decoded = Vec::new();
    decode_into(text, &mut decoded);
    Cow::Owned(String::from_utf8(decoded).expect("it was made to be UTF-8"))
}

/// The same, appended to `out`. It takes as much room as there will be bytes, or, if what is
/// decoded is not UTF-8, up to three times as much.
pub fn decode_into(text: &str, out: &mut Vec<u8>) {
    let start = out.len();
    out.reserve_exact(Bytes(text.as_bytes()).count());
    let mut rest = text.as_bytes();
    while let Some(at) = memchr::memchr2(b'%', b'+', rest) {
        out.extend_from_slice(&rest[..at]);
        let mut bytes = Bytes(&rest[at..]);
        out.extend(bytes.next());
        rest = bytes.0;
    }
    out.extend_from_slice(rest);
    if let Err(replaced) = std::str::from_utf8(&out[start..])
        .map_err(|_| String::from_utf8_lossy(&out[start..]).into_owned())
    {
        out.truncate(start);
        out.extend_from_slice(replaced.as_bytes());
    }
}

/// Decoded bytes, one by one.
struct Bytes<'b>(&'b [u8]);

impl Iterator for Bytes<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(match (byte, rest) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    self.0 = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            _ => byte,
        })
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

    #[test]
    fn what_is_appended_takes_no_more_room_than_it_needs() {
        let mut out = b"x".to_vec();
        out.shrink_to_fit();
        decode_into(&"%41".repeat(1000), &mut out);
        assert_eq!((out.len(), out.capacity()), (1001, 1001));
        decode_into("%ff", &mut out);
        assert!(out.ends_with("A\u{fffd}".as_bytes()));
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
