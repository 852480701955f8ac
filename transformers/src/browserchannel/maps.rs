//! The bodies of the forward channel: what a client sends.
//!
//! A body is a form, `count=2&ofs=7&req0__S=text&req1_JSON=%7B%7D`: so many **maps** from the
//! number `ofs` on, each made of the pairs that begin with its place. Or it is JSON,
//! `{"ofs":7,"data":["text",{}]}`, if its type is exactly `application/json`; the package offers
//! that to clients in the header `X-Accept`.

use std::borrow::Cow;

use allspark_protocol::http::{Query, decode};
use allspark_protocol::limits::{BROWSERCHANNEL_FORM_FIELDS_MAX, BROWSERCHANNEL_MAPS_MAX};
use allspark_protocol::transformer::Kind;

use super::json::{self, Message};

/// The largest number that a map or a request can have: what JavaScript counts exactly.
const NUMBER_MAX: u64 = (1 << 53) - 1;

/// What one request brings: where its maps lie in its body. Nothing is decoded before its turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Maps {
    /// The number of the first map.
    pub(super) first: u64,
    list: Vec<Map>,
    is_form: bool,
}

/// One map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Map {
    /// A message as JSON, which outranks the text.
    json: Option<Span>,
    /// A message as text.
    text: Option<Span>,
}

/// A part of a body. No body has 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: u32,
    end: u32,
}

/// Why a body brings nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadBody {
    /// It is not what a client of the package sends. It is answered with `400 Bad data`.
    Data,
    /// It brings more maps than one request may. It is answered with `413 Too many maps`.
    TooMany,
}

/// The message of a map is not JSON, although it says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InvalidJson;

impl Maps {
    /// Reads a body. `None` is a form that brings nothing.
    pub(super) fn parse(content_type: Option<&str>, body: &str) -> Result<Option<Self>, BadBody> {
        match content_type {
            Some("application/json") => Self::parse_json(body).map(Some),
            _ => Self::parse_form(body),
        }
    }

    /// How many maps there are.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Bytes that keeping them takes, without their body.
    pub(super) fn kept_bytes(&self) -> usize {
        self.list.capacity() * size_of::<Map>()
    }

    /// The message that a map brings. A map may bring none: the client of the package sends such
    /// a one, `type=_badmap`, in place of what it could not encode.
    pub(super) fn message<'b>(
        &self,
        index: usize,
        body: &'b str,
    ) -> Result<Option<Message<'b>>, InvalidJson> {
        let value = |span: Span| {
            let value = span.of(body);
            match self.is_form {
                true => decode(value),
                false => Cow::Borrowed(value),
            }
        };
        match self.list.get(index) {
            Some(Map {
                json: Some(json), ..
            }) => message_of(value(*json)).map(Some),
            Some(Map {
                text: Some(text), ..
            }) => Ok(Some((Kind::Text, into_bytes(value(*text))))),
            _ => Ok(None),
        }
    }

    fn parse_form(body: &str) -> Result<Option<Self>, BadBody> {
        let form = Query::new(body);
        let count = form.get("count").and_then(|count| parse_int(&count));
        let count = match count.ok_or(BadBody::Data)? {
            0 => return Ok(None),
            count => usize::try_from(count).map_err(|_| BadBody::Data)?,
        };
        // Each map has a pair of its own, so a body cannot claim more maps than it has pairs.
        let fields = form.fields().take(BROWSERCHANNEL_FORM_FIELDS_MAX + 1);
        let fields = fields.count();
        if count > fields {
            return Err(BadBody::Data);
        }
        if count > BROWSERCHANNEL_MAPS_MAX || fields > BROWSERCHANNEL_FORM_FIELDS_MAX {
            return Err(BadBody::TooMany);
        }
        let first = form.get("ofs").and_then(|first| parse_int(&first));
        let first = first.and_then(number).ok_or(BadBody::Data)?;
        let mut list = vec![None; count];
        for field in form.fields() {
            if let Some((index, key)) = pair_of_map(&decode(field.name)) {
                let map: &mut Option<Map> = list.get_mut(index).ok_or(BadBody::Data)?;
                map.get_or_insert_default()
                    .set(key, Span::within(body, field.value));
            }
        }
        let list = list.into_iter().collect::<Option<_>>();
        Ok(Some(Self {
            first,
            list: list.ok_or(BadBody::Data)?,
            is_form: true,
        }))
    }

    fn parse_json(body: &str) -> Result<Self, BadBody> {
        if !json::is_valid(body.as_bytes()) {
            return Err(BadBody::Data);
        }
        let (mut first, mut data) = (None, None);
        for (name, value) in json::members(body.as_bytes()).ok_or(BadBody::Data)? {
            let value = str::from_utf8(value).map_err(|_| BadBody::Data)?;
            match &*name {
                b"ofs" => first = parse_int(value),
                b"data" => data = Some(value),
                _ => {}
            }
        }
        let elements = data.and_then(|data| json::elements(data.as_bytes()));
        let mut list = Vec::new();
        for element in elements.ok_or(BadBody::Data)? {
            if list.len() == BROWSERCHANNEL_MAPS_MAX {
                return Err(BadBody::TooMany);
            }
            let element = str::from_utf8(element).map_err(|_| BadBody::Data)?;
            list.push(Map {
                json: Some(Span::within(body, element)),
                text: None,
            });
        }
        let first = match first.and_then(number) {
            None if !list.is_empty() => return Err(BadBody::Data),
            first => first.unwrap_or_default(),
        };
        Ok(Self {
            first,
            list,
            is_form: false,
        })
    }
}

impl Map {
    fn set(&mut self, key: &str, value: Span) {
        match key {
            "JSON" => self.json = Some(value),
            "_S" => self.text = Some(value),
            _ => {}
        }
    }
}

impl Span {
    /// Where a part of a body lies, unless it is empty: then it may lie anywhere.
    fn within(body: &str, part: &str) -> Self {
        let start = part.as_ptr().addr().wrapping_sub(body.as_ptr().addr());
        let is_within = !part.is_empty() && start + part.len() <= body.len();
        let start = if is_within { start } else { 0 };
        Self {
            start: start as u32,
            end: (start + part.len()) as u32,
        }
    }

    fn of(self, body: &str) -> &str {
        body.get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

/// The message that a map gives as JSON.
fn message_of(json: Cow<'_, str>) -> Result<Message<'_>, InvalidJson> {
    if !json::is_valid(json.as_bytes()) {
        return Err(InvalidJson);
    }
    Ok(match json {
        Cow::Borrowed(json) => json::message(json.as_bytes()),
        Cow::Owned(json) => {
            let (kind, bytes) = json::message(json.as_bytes());
            (kind, Cow::Owned(bytes.into_owned()))
        }
    })
}

fn into_bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
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

    fn messages(kind: Option<&str>, body: &str) -> Result<Option<(u64, Vec<Text>)>, BadBody> {
        let text = |(kind, bytes): (Kind, Cow<'_, [u8]>)| {
            (kind, String::from_utf8(bytes.into_owned()).unwrap())
        };
        let maps = Maps::parse(kind, body)?;
        Ok(maps.map(|maps| {
            let message = |index| maps.message(index, body).unwrap().map(text);
            (maps.first, (0..maps.len()).map(message).collect())
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
        // The package takes only this exact type for JSON.
        assert_eq!(
            messages(Some("application/json; charset=utf-8"), body),
            Err(BadBody::Data)
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
            assert_eq!(messages(FORM, body), Err(BadBody::Data), "{body}");
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
            assert_eq!(messages(JSON, body), Err(BadBody::Data), "{body}");
        }
    }

    #[test]
    fn more_maps_than_a_client_sends_are_too_many() {
        let form = |count: usize| {
            let maps: String = (0..count).map(|n| format!("&req{n}__S=")).collect();
            format!("count={count}&ofs=0{maps}")
        };
        let json = |count| format!(r#"{{"ofs":0,"data":[{}1]}}"#, "1,".repeat(count - 1));
        const MAX: usize = BROWSERCHANNEL_MAPS_MAX;
        for (kind, body) in [(FORM, form(MAX)), (JSON, json(MAX))] {
            assert_eq!(messages(kind, &body).unwrap().unwrap().1.len(), MAX);
        }
        for (kind, body) in [(FORM, form(MAX + 1)), (JSON, json(MAX + 1))] {
            assert_eq!(Maps::parse(kind, &body), Err(BadBody::TooMany));
        }
        let pairs = format!("{}{}", form(1), "&x".repeat(BROWSERCHANNEL_FORM_FIELDS_MAX));
        assert_eq!(Maps::parse(FORM, &pairs), Err(BadBody::TooMany));
    }

    #[test]
    fn json_that_is_none_is_told_apart() {
        let body = "count=1&ofs=0&req0_JSON=%7B";
        let maps = Maps::parse(FORM, body).unwrap().unwrap();
        assert_eq!(maps.message(0, body), Err(InvalidJson));
        assert_eq!(maps.message(1, body), Ok(None));
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
