//! How text, or what serde reads, becomes a value.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Deserializer, Error, SeqAccess, Visitor};

/// Reads a value from its text, or from a number or a truth value as if that were written as text.
///
/// # Errors
/// What [`FromStr`] says, or that it is neither text nor a number nor true or false.
pub fn deserialize<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    read(deserializer, T::from_str)
}

/// As [`deserialize`], for a type that `parse` reads.
///
/// # Errors
/// Those of [`deserialize`].
pub fn read<'de, D, T, E: fmt::Display>(
    deserializer: D,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
{
    deserializer.deserialize_any(OneText(parse, PhantomData))
}

struct OneText<P, E>(P, PhantomData<E>);

impl<T, E: fmt::Display, P: FnOnce(&str) -> Result<T, E>> Visitor<'_> for OneText<P, E> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, true or false")
    }

    fn visit_str<R: Error>(self, text: &str) -> Result<T, R> {
        (self.0)(text).map_err(R::custom)
    }

    fn visit_bool<R: Error>(self, value: bool) -> Result<T, R> {
        self.visit_str(&value.to_string())
    }

    fn visit_i64<R: Error>(self, number: i64) -> Result<T, R> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<R: Error>(self, number: u64) -> Result<T, R> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<R: Error>(self, number: f64) -> Result<T, R> {
        self.visit_str(&number.to_string())
    }
}

/// Reads a list: text with commas, a sequence of texts, or `false`, as Primus says for an empty
/// one. It stays text, which `check` has judged.
///
/// # Errors
/// What `check` says, or that it is no list.
pub fn list<'de, D: Deserializer<'de>, T, E: fmt::Display>(
    deserializer: D,
    check: impl FnOnce(&str) -> Result<T, E>,
) -> Result<String, D::Error> {
    let list = deserializer.deserialize_any(List)?;
    check(&list).map_err(D::Error::custom)?;
    Ok(list)
}

struct List;

impl<'de> Visitor<'de> for List {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or an array of texts")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(match text.eq_ignore_ascii_case("false") {
            true => String::new(),
            false => text.to_owned(),
        })
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<String, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<String, A::Error> {
        let mut texts: Vec<String> = Vec::new();
        while let Some(text) = elements.next_element()? {
            texts.push(text);
        }
        Ok(texts.join(","))
    }
}

/// No choice has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not known; the choices are: {known}")]
pub struct UnknownChoice {
    text: String,
    known: String,
}

/// The value of that name, in any case.
///
/// # Errors
/// None has it; it says which names there are.
pub fn choose<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, UnknownChoice> {
    let mut values = choices.iter();
    let found = values.find(|(name, _)| name.eq_ignore_ascii_case(text));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        UnknownChoice {
            text: text.to_owned(),
            known: known.join(", "),
        }
    })
}

/// Yes or no, as people write it.
///
/// # Errors
/// It is none of the words that there are.
pub fn switch(text: &str) -> Result<bool, UnknownChoice> {
    choose(text, SWITCH)
}

/// As [`deserialize`], for a [`switch`].
///
/// # Errors
/// Those of both.
pub fn deserialize_switch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    read(deserializer, switch)
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

#[cfg(test)]
mod tests {
    use super::super::Bounded;
    use super::*;
    use crate::primus::{Pathname, PingInterval};

    #[test]
    fn a_switch_has_many_words_in_any_case() {
        for (text, expected) in [("1", true), ("TRUE", true), ("Yes", true), ("on", true)] {
            assert_eq!(switch(text), Ok(expected), "{text}");
        }
        for text in ["0", "false", "NO", "off"] {
            assert_eq!(switch(text), Ok(false), "{text}");
        }
        let reason = switch("perhaps").unwrap_err().to_string();
        assert!(
            reason.contains("the choices are: true, false, yes, no"),
            "{reason}"
        );
        assert!(switch("").is_err());
    }

    #[test]
    fn names_are_known_in_any_case() {
        let choices = [("one", 1), ("two", 2)];
        assert_eq!(choose("TWO", &choices), Ok(2));
        assert_eq!(
            choose("x\ny", &choices).unwrap_err().to_string(),
            r#""x\ny" is not known; the choices are: one, two"#
        );
    }

    #[test]
    fn what_serde_reads_is_what_is_parsed() {
        fn json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
            serde_json::from_str(text).map_err(|error| error.to_string())
        }
        type Small = Bounded<1, 9>;
        assert_eq!(json::<Small>("9"), Ok("9".parse().unwrap()));
        assert_eq!(json::<Small>("\"9\""), Ok("9".parse().unwrap()));
        for wrong in ["10", "-1", "1.5", "\"ten\"", "true"] {
            let reason = json::<Small>(wrong).unwrap_err();
            assert!(reason.contains("is not a number from 1 to 9"), "{reason}");
        }
        assert_eq!(json("false"), Ok(PingInterval::OFF));
        assert_eq!(json::<Pathname>("\"chat/\"").unwrap().as_str(), "/chat");
        let reason = json::<Pathname>("\"//x\"").unwrap_err();
        assert!(reason.contains("write one slash"), "{reason}");
        let reason = json::<Pathname>("[]").unwrap_err();
        assert!(reason.contains("a text, a number"), "{reason}");
    }
}
