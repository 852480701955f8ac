//! The bodies of the forward channel: what a client sends.
//!
//! A body is a form, `count=2&ofs=7&req0__S=text&req1_JSON=%7B%7D`: so many **maps** from the
//! number `ofs` on, each made of the pairs that begin with its place. Or it is JSON,
//! `{"ofs":7,"data":["text",{}]}`, if its type is exactly `application/json`; the package offers
//! that to clients in the header `X-Accept`.

use std::borrow::Cow;

use allspark_protocol::http::Query;
use allspark_protocol::transformer::Kind;

use super::json::{self, Message};

/// The largest number that a map or a request can have: what JavaScript counts exactly.
const NUMBER_MAX: u64 = (1 << 53) - 1;

/// What one request brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Maps<'b> {
    /// The number of the first map.
    pub(super) first: u64,
    /// The maps, in order.
    pub(super) list: Vec<Map<'b>>,
}

/// One map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Map<'b> {
    /// A message as JSON, which outranks the text.
    json: Option<Cow<'b, str>>,
    /// A message as text.
    text: Option<Cow<'b, str>>,
}

/// The body is not what a client of the package sends. It is answered with `400 Bad data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadData;

/// The message of a map is not JSON, although it says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InvalidJson;

impl<'b> Maps<'b> {
    /// Reads a body. `None` is a form that brings nothing.
    pub(super) fn parse(
        content_type: Option<&str>,
        body: &'b str,
    ) -> Result<Option<Self>, BadData> {
        match content_type {
            Some("application/json") => Self::parse_json(body).map(Some),
            _ => Self::parse_form(body),
        }
    }

    fn parse_form(body: &'b str) -> Result<Option<Self>, BadData> {
        let form = Query::new(body);
        let count = form.get("count").and_then(|count| parse_int(&count));
        let count = match count.ok_or(BadData)? {
            0 => return Ok(None),
            // Each map has a pair of its own, so a body cannot claim more maps than it has pairs.
            count if (1..=form.pairs().count() as i64).contains(&count) => count as usize,
            _ => return Err(BadData),
        };
        let first = form.get("ofs").and_then(|first| parse_int(&first));
        let first = first.and_then(number).ok_or(BadData)?;
        let mut list = vec![None; count];
        for (name, value) in form.pairs() {
            if let Some((index, key)) = pair_of_map(&name) {
                let map: &mut Option<Map<'b>> = list.get_mut(index).ok_or(BadData)?;
                map.get_or_insert_default().set(key, value);
            }
        }
        let list = list.into_iter().collect::<Option<_>>().ok_or(BadData)?;
        Ok(Some(Self { first, list }))
    }

    fn parse_json(body: &'b str) -> Result<Self, BadData> {
        if !json::is_valid(body.as_bytes()) {
            return Err(BadData);
        }
        let (mut first, mut list) = (None, None);
        for (name, value) in json::members(body.as_bytes()).ok_or(BadData)? {
            match &*name {
                b"ofs" => first = str::from_utf8(value).ok().and_then(parse_int),
                b"data" => list = json::elements(value),
                _ => {}
            }
        }
        let list: Vec<_> = list.ok_or(BadData)?.into_iter().map(Map::of_json).collect();
        let first = match first.and_then(number) {
            None if !list.is_empty() => return Err(BadData),
            first => first.unwrap_or_default(),
        };
        Ok(Self { first, list })
    }
}

impl Map<'_> {
    fn of_json(value: &[u8]) -> Map<'_> {
        Map {
            json: Some(String::from_utf8_lossy(value)),
            text: None,
        }
    }

    /// Bytes that keeping the map takes.
    pub(super) fn bytes(&self) -> usize {
        let bytes = |part: &Option<Cow<'_, str>>| part.as_ref().map_or(0, |part| part.len());
        bytes(&self.json) + bytes(&self.text)
    }

    /// Copies what it borrows.
    pub(super) fn into_owned(self) -> Map<'static> {
        let owned = |part: Cow<'_, str>| Cow::Owned(part.into_owned());
        Map {
            json: self.json.map(owned),
            text: self.text.map(owned),
        }
    }

    /// The message that the map brings. A map may bring none: the client of the package sends such
    /// a one, `type=_badmap`, in place of what it could not encode.
    pub(super) fn message(&self) -> Result<Option<Message<'_>>, InvalidJson> {
        match (&self.json, &self.text) {
            (Some(json), _) if json::is_valid(json.as_bytes()) => {
                Ok(Some(json::message(json.as_bytes())))
            }
            (Some(_), _) => Err(InvalidJson),
            (None, Some(text)) => Ok(Some((Kind::Text, Cow::Borrowed(text.as_bytes())))),
            (None, None) => Ok(None),
        }
    }
}

impl<'b> Map<'b> {
    fn set(&mut self, key: &str, value: Cow<'b, str>) {
        match key {
            "JSON" => self.json = Some(value),
            "_S" => self.text = Some(value),
            _ => {}
        }
    }
}

/// A number of a map or a request.
pub(super) fn number(value: i64) -> Option<u64> {
    u64::try_from(value).ok().filter(|n| *n <= NUMBER_MAX)
}

/// Reads a number as `parseInt` of JavaScript does: whatever follows the digits is ignored.
pub(super) fn parse_int(text: &str) -> Option<i64> {
    let text = text.trim_start();
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let end = digits.find(|char: char| !char.is_ascii_digit());
    let digits = &digits[..end.unwrap_or(digits.len())];
    digits.parse::<i64>().ok().map(|number| sign * number)
}

/// Splits `req12_key` into place and key.
fn pair_of_map(name: &str) -> Option<(usize, &str)> {
    let (index, key) = name.strip_prefix("req")?.split_once('_')?;
    let is_index = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
    (is_index && !key.is_empty()).then(|| (index.parse().unwrap_or(usize::MAX), key))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FORM: Option<&str> = Some("application/x-www-form-urlencoded;charset=utf-8");
    const JSON: Option<&str> = Some("application/json");

    type Text = Option<(Kind, String)>;

    fn messages(kind: Option<&str>, body: &str) -> Result<Option<(u64, Vec<Text>)>, BadData> {
        let text = |(kind, bytes): (Kind, Cow<'_, [u8]>)| {
            (kind, String::from_utf8(bytes.into_owned()).unwrap())
        };
        let maps = Maps::parse(kind, body)?;
        Ok(maps.map(|maps| {
            let list = maps.list.iter().map(|map| map.message().unwrap().map(text));
            (maps.first, list.collect())
        }))
    }

    fn text(text: &str) -> Text {
        Some((Kind::Text, text.to_owned()))
    }

    #[test]
    fn a_form_brings_maps() {
        let body = "count=3&ofs=7&req1_JSON=%7B%22a%22%3A1%7D&req0__S=a%20%26+%C3%A9&req2__S=";
        let expected = vec![text("a & é"), text(r#"{"a":1}"#), text("")];
        assert_eq!(messages(FORM, body), Ok(Some((7, expected))));
        assert_eq!(messages(None, "count=0"), Ok(None));
        assert_eq!(messages(FORM, "count=0&ofs=1&req0__S=x"), Ok(None));
        let body = "count=2&ofs=0&req0_type=_badmap&req1_x=1";
        assert_eq!(messages(FORM, body), Ok(Some((0, vec![None, None]))));
        let body = "count=1&ofs=0&req0__S=text&req0_JSON=%22json%22";
        assert_eq!(messages(FORM, body), Ok(Some((0, vec![text("json")]))));
    }

    #[test]
    fn json_brings_messages() {
        let body = r#" {"ofs": 2, "data": ["a\u00e9", {"b": [1, "]"]}, null]} "#;
        let expected = vec![text("aé"), text(r#"{"b": [1, "]"]}"#), text("null")];
        assert_eq!(messages(JSON, body), Ok(Some((2, expected))));
        assert_eq!(messages(JSON, r#"{"data":[]}"#), Ok(Some((0, vec![]))));
        // Only this very type is JSON to the package.
        assert_eq!(
            messages(Some("application/json; charset=utf-8"), body),
            Err(BadData)
        );
    }

    #[test]
    fn what_no_client_sends_is_bad_data() {
        for body in [
            "",
            "x",
            "count=1",
            "count=-1&ofs=0",
            "count=x&ofs=0",
            "count=1&ofs=0",
            "count=1&ofs=-1&req0__S=a",
            "count=2&ofs=0&req0__S=a",
            "count=1&ofs=0&req0__S=a&req1__S=b",
            "count=99999999999999999999&ofs=0&req0__S=a",
            "count=4000000000&ofs=0&req3999999999__S=a",
            "count=1&ofs=9007199254740992&req0__S=a",
        ] {
            assert_eq!(messages(FORM, body), Err(BadData), "{body}");
        }
        for body in [
            "",
            "{",
            "[]",
            "{}",
            r#"{"data":[1]}"#,
            r#"{"ofs":0}"#,
            r#"{"ofs":0,"data":1}"#,
        ] {
            assert_eq!(messages(JSON, body), Err(BadData), "{body}");
        }
    }

    #[test]
    fn json_that_is_none_is_told_apart() {
        let maps = Maps::parse(FORM, "count=1&ofs=0&req0_JSON=%7B")
            .unwrap()
            .unwrap();
        assert_eq!(maps.list[0].message(), Err(InvalidJson));
        assert_eq!(Map::default().message(), Ok(None));
    }

    #[test]
    fn numbers_are_read_as_javascript_reads_them() {
        let cases = [
            ("12", Some(12)),
            (" -3x", Some(-3)),
            ("+4", Some(4)),
            ("x", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_int(text), expected, "{text}");
        }
        assert_eq!(parse_int("99999999999999999999"), None);
    }

    fn encode(text: &str) -> String {
        text.bytes().map(|byte| format!("%{byte:02X}")).collect()
    }

    proptest! {
        #[test]
        fn what_was_encoded_reads_back(
            texts in prop::collection::vec(".*", 1..9),
            first in 0..99_u64,
        ) {
            let mut body = format!("count={}&ofs={first}", texts.len());
            for (index, text) in texts.iter().enumerate() {
                body += &format!("&req{index}__S={}", encode(text));
            }
            let expected = texts.iter().map(|t| text(t)).collect();
            prop_assert_eq!(messages(FORM, &body), Ok(Some((first, expected))));
        }

        #[test]
        fn nothing_panics(body in "(count|ofs|req[0-9]{1,12}|_S|_JSON|[=&%0-9a-f]|.){0,40}") {
            let _ = Maps::parse(FORM, &body);
            let _ = Maps::parse(JSON, &body);
        }
    }
}
