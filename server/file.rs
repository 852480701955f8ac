//! The configuration file: TOML whose keys are the names of the options.
//!
//! It turns values into the texts that the command line would have carried and never judges them
//! itself. A key that is no option is an error, not a remark.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

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
        let known: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
        return Err(format!("no such option: there are {}", known.join(", ")));
    };
    for text in texts(setting, value.get_ref())? {
        setting.apply(settings, &text)?;
    }
    Ok(())
}

/// What would have been written on the command line, once for each time that it would have been.
fn texts<'v>(setting: &Setting, value: &'v DeValue<'_>) -> Result<Vec<Cow<'v, str>>, String> {
    if !setting.is_repeatable() {
        return Ok(vec![
            text(value).ok_or("it has to be a text, a number, true or false")?,
        ]);
    }
    let table = value
        .as_table()
        .ok_or("it has to be a table of keys and values")?;
    table
        .iter()
        .map(|(key, value)| {
            let value = text(value.get_ref()).ok_or_else(|| {
                format!(
                    "{:?} has to be a text, a number, true or false",
                    key.get_ref()
                )
            })?;
            Ok(Cow::Owned(format!("{}={value}", key.get_ref())))
        })
        .collect()
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
        assert_eq!(settings.listen.port(), 81);
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
    fn an_error_names_file_line_and_key_in_one_line() {
        for (text, expected) in [
            (
                "app = 'echo'\nlisen = 1",
                "a.toml:2: lisen: no such option: there are listen, ",
            ),
            (
                "\n\nping_interval = 1",
                "a.toml:3: ping_interval: no such option",
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
                "[transport]\na = []",
                "a.toml:1: transport: \"a\" has to be a text",
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
