use allspark_protocol::parser::Scratch;
use proptest::prelude::*;

use super::super::quote::quote;
use super::*;

fn walked(mut walk: Walk, body: &mut [u8]) -> Vec<String> {
    let measure = walk.measure(body, usize::MAX);
    let mut all = Vec::new();
    while let Some(Span { start, end }) = walk.next(body) {
        all.push(String::from_utf8(body[start..end].to_vec()).unwrap());
    }
    let longest_bytes = all.iter().map(String::len).max().unwrap_or(0);
    let count = all.len();
    assert_eq!(
        measure,
        Measure {
            count,
            longest_bytes
        }
    );
    all
}

fn framed(json: &str) -> Result<Vec<String>, Broken> {
    let mut body = json.as_bytes().to_vec();
    Ok(match frame(&mut body)? {
        Messages::Several(walk) => walked(walk, &mut body),
        Messages::One(Span { start, end }) => {
            vec![String::from_utf8(body[start..end].to_vec()).unwrap()]
        }
    })
}

#[track_caller]
fn assert_frame(json: &str, messages: &[&str]) {
    assert_eq!(framed(json).unwrap(), messages, "{json}");
}

#[test]
fn an_array_of_strings_is_messages() {
    assert_frame("[]", &[]);
    assert_frame(" [ ] ", &["[ ]"]);
    assert_frame(r#"["a"]"#, &["a"]);
    assert_frame(r#"["a"] "#, &["a"]);
    assert_frame(r#"["a","b"]"#, &["a", "b"]);
    assert_frame(r#"[ "a" , "b\n" , "" ] "#, &["a", "b\n", ""]);
    assert_frame(r#"["{\"a\":\"b\\n\"}","\""]"#, &[r#"{"a":"b\n"}"#, "\""]);
}

#[test]
fn what_is_no_string_is_its_json_text() {
    let messages = ["1", "null", "x", r#"{"a": ["]}", 2]}"#, "[[1], 2]", "true"];
    assert_frame(
        r#"[1, null,"x",{"a": ["]}", 2]},[[1], 2] ,true]"#,
        &messages,
    );
    assert_frame(r#"["x" , [] ,{},"\\" ]"#, &["x", "[]", "{}", "\\"]);
}

#[test]
fn a_frame_that_is_no_array_is_one_message() {
    assert_frame(r#""a\"b""#, &["a\"b"]);
    assert_frame(" 12 ", &["12"]);
    assert_frame(r#"{"a":[1]}"#, &[r#"{"a":[1]}"#]);
    assert_frame(r#" ["a"]"#, &[r#"["a"]"#]);
}

#[test]
fn every_escape_is_undone() {
    assert_frame(
        r#"["\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\ude00"]"#,
        &["\"\\/\u{8}\u{c}\n\r\tAé€\u{1f600}"],
    );
}

#[test]
fn a_lone_surrogate_is_replaced() {
    assert_frame(r#"["\ud800"]"#, &["\u{fffd}"]);
    assert_frame(r#"["\udc00\ud800"]"#, &["\u{fffd}\u{fffd}"]);
    assert_frame(r#"["\ud800\u0041\ud800x"]"#, &["\u{fffd}A\u{fffd}x"]);
    assert_frame(r#"["\ud800\ud83d\ude00"]"#, &["\u{fffd}\u{1f600}"]);
}

#[test]
fn broken_json_delivers_nothing() {
    for json in [
        "",
        " ",
        "[",
        "[\"",
        r#"["a"#,
        r#"["a""#,
        r#"["a",]"#,
        r#"["a", ]"#,
        r#"["a"]x"#,
        r#"["a"]]"#,
        r#"["a" "b"]"#,
        r#"["a","b]"#,
        r#"["a","b"],"#,
        r#"["\x"]"#,
        r#"["\u12"]"#,
        r#"["\u12g4"]"#,
        r#"["\"#,
        "[\"a\nb\"]",
        "[\"a\",\"\x00\"]",
        "nope",
    ] {
        assert_eq!(framed(json), Err(Broken), "{json:?}");
    }
}

#[test]
fn a_body_must_be_an_array_where_one_is_due() {
    let messages = |json: &str| {
        let mut body = json.as_bytes().to_vec();
        array(&body).map(|walk| walk.map(|walk| walked(walk, &mut body)))
    };
    let two = vec!["a".to_owned(), "1".to_owned()];
    assert_eq!(messages(r#" ["a",1] "#), Ok(Some(two)));
    assert_eq!(messages("{}"), Ok(None));
    assert_eq!(messages("null"), Ok(None));
    assert_eq!(messages(r#"["a""#), Err(Broken));
    assert_eq!(messages(""), Err(Broken));
}

#[test]
fn a_body_can_be_a_string() {
    let mut body = br#" "[\"a\"]" "#.to_vec();
    let Span { start, end } = string(&mut body).unwrap().unwrap();
    assert_eq!(&body[start..end], b"[\"a\"]");
    assert_eq!(string(&mut b"[]".to_vec()), Ok(None));
    assert_eq!(string(&mut b"x".to_vec()), Err(Broken));
}

/// The same by the book: with a library that knows nothing of this module.
fn by_the_book(json: &str) -> Option<Vec<String>> {
    let mut scratch = Scratch::default();
    let value = Json
        .decode(Kind::Text, json.as_bytes(), &mut scratch)
        .ok()?;
    let array = value.as_array()?;
    let strings = array.iter().map(|item| item.as_str().map(str::to_owned));
    strings.collect()
}

proptest! {
    #[test]
    fn what_was_quoted_is_unquoted(texts in prop::collection::vec(any::<String>(), 0..4)) {
        let mut json = vec![b'['];
        for (index, text) in texts.iter().enumerate() {
            if index > 0 {
                json.push(b',');
            }
            quote(text.as_bytes(), &mut json);
        }
        json.push(b']');
        prop_assert_eq!(framed(std::str::from_utf8(&json).unwrap()).unwrap(), texts);
    }

    #[test]
    fn arrays_of_strings_mean_what_json_says(
        json in r#"\[( ?"([a\x00é/]|\\["\\/bfnrtux]|\\u(d83d|de00|00[0-9a-f]{2}))*" ?,?){0,3}\]"#,
    ) {
        match by_the_book(&json) {
            Some(strings) => prop_assert_eq!(framed(&json), Ok(strings)),
            None => prop_assert_eq!(framed(&json), Err(Broken)),
        }
    }

    #[test]
    fn other_json_is_walked_without_harm(
        json in r#"[\[\]{}",:0-9 \\a]{0,24}"#,
    ) {
        let is_json = Json.check(Kind::Text, json.as_bytes()).is_ok();
        prop_assert_eq!(framed(&json).is_ok(), is_json);
    }

    #[test]
    fn any_bytes_do_no_harm(mut bytes in any::<Vec<u8>>()) {
        if let Ok(Messages::Several(mut walk)) = frame(&mut bytes) {
            while walk.next(&mut bytes).is_some() {}
        }
    }
}
