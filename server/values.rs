//! How the text of an option becomes a value, and what is said when it cannot.
//!
//! Every refusal is one line that names the text and what would be right; the caller adds where
//! the text came from. Foreign text is quoted, so that it cannot break the line.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use allspark::ParserKind;
use allspark_client::library::Library;
use allspark_engine::limits::TIMEOUT_MS_HIGHEST;
use allspark_protocol::http;
use allspark_protocol::limits::PING_INTERVAL_MS_HIGHEST;
use allspark_protocol::primus;

/// A pathname, as the protocol knows it.
pub(crate) fn pathname(text: &str) -> Result<String, String> {
    primus::pathname(text).map_err(|error| error.to_string())
}

/// Yes or no, as people write it.
pub(crate) fn switch(text: &str) -> Result<bool, String> {
    choose(text, SWITCH)
}

const SWITCH: &[(&str, bool)] = &[
    ("true", true),
    ("false", false),
    ("yes", true),
    ("no", false),
    ("on", true),
    ("off", false),
    ("1", true),
    ("0", false),
];

/// Milliseconds, or `None` for `off` (Primus says `false`).
pub(crate) fn ping_interval_ms(text: &str) -> Result<Option<u64>, String> {
    if text.eq_ignore_ascii_case("off") || text.eq_ignore_ascii_case("false") {
        return Ok(None);
    }
    let ms = text.parse::<u64>().ok();
    match ms.filter(|ms| (1..=PING_INTERVAL_MS_HIGHEST).contains(ms)) {
        Some(ms) => Ok(Some(ms)),
        None => Err(format!(
            "{text:?} is neither off nor a number of milliseconds from 1 to \
             {PING_INTERVAL_MS_HIGHEST}"
        )),
    }
}

/// Milliseconds after which something is given up: at least one, at most a day.
pub(crate) fn timeout_ms(text: &str) -> Result<u64, String> {
    number(text, 1..=TIMEOUT_MS_HIGHEST as usize).map(|ms| ms as u64)
}

/// A list as Primus takes it, with commas or spaces. `false`, as Primus says for none, is empty.
pub(crate) fn list(text: &str) -> String {
    match text.eq_ignore_ascii_case("false") {
        true => String::new(),
        false => text.to_owned(),
    }
}

/// Primus's `maxAge`, in whole seconds. A number alone is in milliseconds, as text is in Primus,
/// also if it comes from the file.
pub(crate) fn max_age_s(text: &str) -> Result<u64, String> {
    http::max_age_s(text).ok_or_else(|| format!("{text:?} is not a time such as 30 days"))
}

/// A number within the range, both ends included.
pub(crate) fn number(text: &str, range: RangeInclusive<usize>) -> Result<usize, String> {
    let (low, high) = (*range.start(), *range.end());
    match text.parse().ok().filter(|number| range.contains(number)) {
        Some(number) => Ok(number),
        None => Err(format!("{text:?} is not a number from {low} to {high}")),
    }
}

/// A name and a value with `=` between them.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("{text:?} is not of the form KEY=VALUE")),
    }
}

/// The value of that name, in any case.
pub(crate) fn choose<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let found = choices
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        format!(
            "{text:?} is not known; the choices are: {}",
            known.join(", ")
        )
    })
}

/// What has that name, as the crate it belongs to knows it; the refusal is that crate's.
pub(crate) fn named<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|error: T::Err| error.to_string().escape_debug().to_string())
}

/// The name of a variable in JavaScript.
pub(crate) fn global(text: &str) -> Result<String, String> {
    match Library::new().global(text).check() {
        Ok(()) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// A parser; one that Primus has and this build has not is no unknown one.
pub(crate) fn parser(text: &str) -> Result<ParserKind, String> {
    const TO_COME: [&str; 3] = ["ejson", "msgpack", "binary"];
    named(text).map_err(|reason| {
        if !TO_COME.iter().any(|name| name.eq_ignore_ascii_case(text)) {
            return reason;
        }
        let known = ParserKind::ALL.map(|parser| parser.to_string()).join(", ");
        format!("{text} is not available in this build yet; the choices are: {known}")
    })
}

#[cfg(test)]
mod tests {
    use allspark::TransformerKind;

    use super::*;

    #[test]
    fn a_switch_has_many_words_in_any_case() {
        for (text, expected) in [("1", true), ("TRUE", true), ("Yes", true), ("on", true)] {
            assert_eq!(switch(text), Ok(expected), "{text}");
        }
        for text in ["0", "false", "NO", "off"] {
            assert_eq!(switch(text), Ok(false), "{text}");
        }
        let reason = switch("perhaps").unwrap_err();
        assert!(
            reason.contains("the choices are: true, false, yes, no"),
            "{reason}"
        );
        assert!(switch("").is_err());
    }

    #[test]
    fn a_ping_interval_is_off_or_at_most_a_day() {
        assert_eq!(ping_interval_ms("OFF"), Ok(None));
        assert_eq!(ping_interval_ms("false"), Ok(None));
        assert_eq!(ping_interval_ms("86400000"), Ok(Some(86_400_000)));
        for wrong in ["0", "-1", "1.5", "86400001", "on", ""] {
            assert!(ping_interval_ms(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_age_has_a_unit_or_is_in_milliseconds() {
        assert_eq!(max_age_s("30 days"), Ok(2_592_000));
        assert_eq!(max_age_s("5000"), Ok(5));
        for wrong in ["", "days", "-1 s", "1 fortnight"] {
            assert!(max_age_s(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_number_keeps_to_its_range() {
        assert_eq!(number("1", 1..=2), Ok(1));
        assert_eq!(number("2", 1..=2), Ok(2));
        assert_eq!(
            number("3", 1..=2).unwrap_err(),
            r#""3" is not a number from 1 to 2"#
        );
        assert!(number("99999999999999999999999", 1..=usize::MAX).is_err());
    }

    #[test]
    fn a_timeout_is_some_time_and_at_most_a_day() {
        assert_eq!(timeout_ms("1"), Ok(1));
        assert_eq!(timeout_ms("86400000"), Ok(86_400_000));
        for wrong in ["0", "off", "86400001", "1s", ""] {
            assert!(timeout_ms(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn names_are_known_in_any_case() {
        let choices = [("one", 1), ("two", 2)];
        assert_eq!(choose("TWO", &choices), Ok(2));
        assert_eq!(
            choose("x\ny", &choices).unwrap_err(),
            r#""x\ny" is not known; the choices are: one, two"#
        );
        assert_eq!(named("WebSockets"), Ok(TransformerKind::WebSockets));
        for wrong in ["x\ny", "carrier-pigeon"] {
            let reason = named::<TransformerKind>(wrong).unwrap_err();
            assert!(
                !reason.contains('\n') && reason.contains("websockets, faye"),
                "{reason}"
            );
        }
    }

    #[test]
    fn a_parser_to_come_is_not_called_unknown() {
        assert_eq!(parser("RAW"), Ok(ParserKind::Raw));
        assert!(
            parser("EJSON")
                .unwrap_err()
                .contains("not available in this build yet")
        );
        assert!(parser("bson").unwrap_err().contains("unknown"));
    }

    #[test]
    fn a_pair_has_a_name() {
        assert_eq!(pair("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert_eq!(pair("a="), Ok(("a".to_owned(), String::new())));
        for wrong in ["", "a", "=b"] {
            assert!(pair(wrong).is_err(), "{wrong:?}");
        }
    }
}
