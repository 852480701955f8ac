//! The configuration file: TOML whose keys are the names of the options.
//!
//! It turns values into the texts that the command line would have carried and never judges them
//! itself. A key that is no option is an error, not a remark.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::nearest::nearest;
use crate::settings::{SETTINGS, Setting, Settings};

/// Takes over what the file says.
///
/// # Errors
/// What is wrong, in one line that names file, line and key.
pub(crate) fn apply(settings: &mut Settings, path: &str, text: &str) -> Result<(), String> {
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let reason = error.message().replace('\n', ", ");
        format!("{path}:{}: {reason}", line(text, at))
    })?;
    for (key, value) in table.get_ref() {
        apply_one(settings, key.get_ref(), value).map_err(|reason| {
            let name = key.get_ref().escape_debug();
            format!("{path}:{}: {name}: {reason}", line(text, key.span().start))
        })?;
    }
    Ok(())
}

fn apply_one(
    settings: &mut Settings,
    key: &str,
    value: &Spanned<DeValue<'_>>,
) -> Result<(), String> {
    let Some(setting) = SETTINGS.iter().find(|setting| setting.name == key) else {
        let known = || SETTINGS.iter().map(|setting| setting.name);
        return Err(match nearest(key, known()) {
            Some(near) => format!("no such option; did you mean {near}?"),
            None => {
                let known: Vec<&str> = known().collect();
                format!("no such option: there are {}", known.join(", "))
            }
        });
    };
    for text in texts(setting, value.get_ref())? {
        setting.apply(settings, &text)?;
    }
    Ok(())
}

/// What would have been written on the command line, once for each time that it would have been.
fn texts<'v>(setting: &Setting, value: &'v DeValue<'_>) -> Result<Vec<Cow<'v, str>>, String> {
    if setting.is_repeatable() {
        let table = value
            .as_table()
            .ok_or("it has to be a table of keys and values")?;
        let mut pairs = Vec::new();
        flatten("", table, &mut pairs)?;
        return Ok(pairs.into_iter().map(Cow::Owned).collect());
    }
    let text = match setting.is_list() {
        true => text_or_list(value).ok_or("it has to be a text, or an array of texts")?,
        false => text(value).ok_or("it has to be a text, a number, true or false")?,
    };
    Ok(vec![text])
}

/// The pairs `KEY=VALUE` of a table. A dot in a key, which options of Primus have
/// (`perMessageDeflate.threshold`), is a table within the table to TOML, unless it is quoted.
fn flatten(prefix: &str, table: &DeTable<'_>, pairs: &mut Vec<String>) -> Result<(), String> {
    for (key, value) in table {
        let key = format!("{prefix}{}", key.get_ref());
        match value.get_ref() {
            DeValue::Table(table) => flatten(&format!("{key}."), table, pairs)?,
            value => {
                let text = text_or_list(value).ok_or_else(|| {
                    format!("{key:?} has to be a text, a number, true, false or an array of these")
                })?;
                pairs.push(format!("{key}={text}"));
            }
        }
    }
    Ok(())
}

/// As [`text`], and of an array its elements, as a list is written on the command line.
fn text_or_list<'v>(value: &'v DeValue<'_>) -> Option<Cow<'v, str>> {
    let DeValue::Array(elements) = value else {
        return text(value);
    };
    let texts: Option<Vec<_>> = elements
        .iter()
        .map(|element| text(element.get_ref()))
        .collect();
    Some(Cow::Owned(texts?.join(",")))
}

fn text<'v>(value: &'v DeValue<'_>) -> Option<Cow<'v, str>> {
    match value {
        DeValue::String(text) => Some(Cow::Borrowed(text)),
        DeValue::Boolean(value) => Some(Cow::Owned(value.to_string())),
        DeValue::Integer(integer) if integer.radix() == 10 => Some(Cow::Borrowed(integer.as_str())),
        DeValue::Float(float) => Some(Cow::Borrowed(float.as_str())),
        _ => None,
    }
}

/// The line that byte `at` is in, counted from 1.
fn line(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::App;

    fn read(text: &str) -> Result<Settings, String> {
        let mut settings = Settings::default();
        apply(&mut settings, "a.toml", text).map(|()| settings)
    }

    #[test]
    fn numbers_texts_and_switches_are_understood() {
        let settings = read(
            "# a remark\nlisten = \"127.0.0.1:81\"\nmax-length = 1_000\nping-interval = false\n\
             app = 'Echo'\ncompression = false\nshards = \"2\"\n\
             credentials = false\nmax-age = '1 day'\nexposed = false",
        )
        .unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:81");
        assert_eq!(settings.max_length_bytes, 1000);
        assert_eq!(settings.ping_interval_ms, None);
        assert_eq!(settings.app, App::Echo);
        assert_eq!(settings.shards, 2);
        assert!(!settings.cors.credentials && settings.cors.exposed.is_empty());
        assert_eq!(settings.cors.max_age_s, 24 * 60 * 60);
        let settings = read("[transport]\npingTimeout = 5_000\ncookie = 'io'").unwrap();
        let pairs = settings.transport.iter();
        let pairs: Vec<(&str, &str)> = pairs.map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("cookie", "io"), ("pingTimeout", "5000")]);
    }

    #[test]
    fn a_list_is_an_array_or_a_text() {
        for text in [
            "origins = ['http://a', 'http://b']\nmethods = ['GET', 'POST']\nheaders = []",
            "origins = 'http://a,http://b'\nmethods = 'GET,POST'\nheaders = ''",
        ] {
            let cors = read(text).unwrap().cors;
            assert_eq!(cors.origins, "http://a,http://b");
            assert_eq!(cors.methods, "GET,POST");
            assert_eq!(cors.headers, "");
        }
        assert_eq!(read("origins = ['*']").unwrap().cors.origins, "*");
    }

    #[test]
    fn a_key_with_a_dot_needs_no_quotes() {
        for text in [
            "[transport]\nperMessageDeflate.threshold = 64\ntransports = ['polling', 'websocket']",
            "[transport]\n'perMessageDeflate.threshold' = 64\ntransports = 'polling,websocket'",
            "transport.perMessageDeflate.threshold = 64\n\
             transport.transports = ['polling', 'websocket']",
            "[transport.perMessageDeflate]\nthreshold = 64\n[transport]\n\
             transports = ['polling', 'websocket']",
        ] {
            let mut pairs = read(text).unwrap().transport;
            pairs.sort();
            let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
            let expected = [
                ("perMessageDeflate.threshold", "64"),
                ("transports", "polling,websocket"),
            ];
            assert_eq!(pairs, expected.map(pair), "{text}");
        }
    }

    #[test]
    fn an_error_names_file_line_and_key_in_one_line() {
        for (text, expected) in [
            (
                "app = 'echo'\nlisen = 1",
                "a.toml:2: lisen: no such option; did you mean listen?",
            ),
            (
                "\n\nping_interval = 1",
                "a.toml:3: ping_interval: no such option; did you mean ping-interval?",
            ),
            (
                "zzz = 1",
                "a.toml:1: zzz: no such option: there are listen, ",
            ),
            (
                "shards = 1.5",
                "a.toml:1: shards: \"1.5\" is not a number from 1 to 1024",
            ),
            (
                "shards = [1]",
                "a.toml:1: shards: it has to be a text, a number",
            ),
            (
                "[transport]\na.b = 1979-05-27",
                "a.toml:1: transport: \"a.b\" has to be a text",
            ),
            (
                "[transport]\na = [[1]]",
                "a.toml:1: transport: \"a\" has to be a text",
            ),
            (
                "origins = [1, [2]]",
                "a.toml:1: origins: it has to be a text, or an array",
            ),
            (
                "origins = ['http://a', 'b']",
                "a.toml:1: origins: \"b\" is no origin",
            ),
            (
                "transport = 'a'",
                "a.toml:1: transport: it has to be a table",
            ),
            ("\"a\\nb\" = 1", "a.toml:1: a\\nb: no such option"),
            ("shards = 1\nshards = 2", "a.toml:2: "),
            ("shards", "a.toml:1: "),
            ("app = 'x", "a.toml:1: "),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(expected), "{text:?}: {error}");
            assert!(!error.contains('\n'), "{text:?}: {error}");
        }
    }
}
