//! The plugins that the server is told to have, with their options.
//!
//! A word is `NAME` (or several, with commas between them), `NAME.OPTION=VALUE` or `NAME=false`. A
//! value is JSON, or else a text. What an option may be is the business of its plugin.

use std::collections::BTreeMap;

use allspark::plugins::registry;
use allspark::{Plugin, PluginError};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::nearest::nearest;
use crate::origin::Source;
use crate::said::Said;

/// Options by the name of their plugin.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Plugins(BTreeMap<String, Map<String, Value>>);

impl std::fmt::Debug for Plugins {
    /// Only the names: there are passwords among the options.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

/// What was said at one place.
enum Word {
    /// These are to be there.
    On(Vec<String>),
    /// This one is not.
    Off(String),
    /// The names that lead to an option of a plugin, and its value.
    Option(String, Vec<String>, Value),
}

impl Word {
    fn parse(text: &str) -> Result<Self, String> {
        let Some((path, value)) = text.split_once('=') else {
            let names = text.split(',').map(|name| name.trim().to_owned());
            let names: Vec<String> = names.collect();
            return match names.iter().any(String::is_empty) {
                true => Err(format!("{text:?} names no plugin")),
                false => Ok(Self::On(names)),
            };
        };
        let Some((name, option)) = path.split_once('.') else {
            return match value {
                "true" => Ok(Self::On(vec![path.to_owned()])),
                "false" => Ok(Self::Off(path.to_owned())),
                _ => Err("it has to be NAME, NAME=false or NAME.OPTION=VALUE".to_owned()),
            };
        };
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        let option = option.split('.').map(str::to_owned).collect();
        Ok(Self::Option(name.to_owned(), option, value))
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Plugins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut plugins = Self::default();
        for word in Vec::<Word>::deserialize(deserializer)? {
            match word {
                Word::On(names) => {
                    for name in names {
                        plugins.0.entry(name).or_default();
                    }
                }
                Word::Off(name) => drop(plugins.0.remove(&name)),
                Word::Option(name, path, value) => {
                    set(plugins.0.entry(name).or_default(), &path, value);
                }
            }
        }
        Ok(plugins)
    }
}

/// Sets what stands at this path.
fn set(options: &mut Map<String, Value>, path: &[String], value: Value) {
    match path {
        [] => {}
        [last] => drop(options.insert(last.clone(), value)),
        [first, rest @ ..] => {
            let inner = options.entry(first.clone()).or_insert(Value::Null);
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            if let Value::Object(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

impl Plugins {
    /// Makes them, in the order of the registry, in which each stands behind those that it needs.
    ///
    /// # Errors
    /// The name of the plugin that can't be made, and why.
    pub(crate) fn make(&self) -> Result<Vec<Box<dyn Plugin>>, (String, PluginError)> {
        let unknown = self
            .0
            .keys()
            .find(|name| registry::names().all(|known| known != *name));
        if let Some(name) = unknown {
            return Err((name.clone(), PluginError::Unknown(name.clone())));
        }
        let told = registry::names().filter_map(|name| Some((name, self.0.get(name)?)));
        told.map(|(name, options)| {
            let made = registry::named(name, Value::Object(options.clone()));
            made.map_err(|error| (name.to_owned(), error))
        })
        .collect()
    }

    /// Their names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether each of them can be made.
    ///
    /// # Errors
    /// What is wrong and where, in one line.
    pub(crate) fn check(&self, said: &Said) -> Result<(), String> {
        if let Some((place, option)) = secret_flag(said) {
            return Err(format!(
                "{place}: {option} is a secret, and everybody on this machine could read it \
                 there: say it in the file or in ALLSPARK_PLUGIN"
            ));
        }
        self.make().map(drop).map_err(|(name, error)| {
            let place = place(said, &name, &error);
            format!("{place}: {}", reason(&name, &error).escape_debug())
        })
    }
}

/// The first flag that tells a secret, which others see in the list of processes: where it was
/// said, and of what.
fn secret_flag(said: &Said) -> Option<(&str, &'static str)> {
    let mut flags = said
        .words(SETTING)
        .filter(|(_, origin)| origin.source == Source::Flag);
    flags.find_map(|(text, origin)| {
        let place = origin.words();
        let (path, value) = text.split_once('=')?;
        match path {
            "omega-supreme.password" => Some((place, "omega-supreme.password")),
            "metroplex.redis" if has_password(value) => Some((place, "metroplex.redis")),
            _ => None,
        }
    })
}

/// Whether a URL has a password in it.
fn has_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    user.is_some_and(|user| user.contains(':')) || rest.contains("pass=")
}

/// Where the word was said that is wrong.
fn place<'s>(said: &'s Said, name: &str, error: &PluginError) -> &'s str {
    let option = match error {
        PluginError::Option { option, .. } => option.as_str(),
        _ => "",
    };
    // Of an array the whole was said: `join[0]` is part of `join`.
    let mut option = option.split('[').next().unwrap_or_default();
    while !option.is_empty() {
        for end in ["=", "."] {
            let found = said.find(SETTING, &format!("{name}.{option}{end}"));
            if let Some(place) = found {
                return place;
            }
        }
        option = option.rsplit_once('.').map_or("", |(outer, _)| outer);
    }
    said.place(SETTING, name)
}

/// The option of the server that names plugins.
pub(crate) const SETTING: &str = "plugin";

fn reason(name: &str, error: &PluginError) -> String {
    match error {
        PluginError::Unknown(_) => match nearest(name, registry::names()) {
            Some(near) => format!("no such plugin; did you mean {near}?"),
            None => {
                let known: Vec<&str> = registry::names().collect();
                format!("no such plugin: there are {}", known.join(", "))
            }
        },
        PluginError::Option { reason, .. } => unknown_option(reason).unwrap_or(reason.clone()),
        error => error.to_string(),
    }
}

/// What serde says of a name that it does not know, in the words that are used for other options.
fn unknown_option(reason: &str) -> Option<String> {
    let rest = reason.strip_prefix("unknown field ")?;
    let mut quoted = rest.split('`').skip(1).step_by(2);
    let name = quoted.next()?;
    let known: Vec<&str> = quoted.collect();
    Some(match nearest(name, known.iter().copied()) {
        Some(near) => format!("no such option; did you mean {near}?"),
        None if known.is_empty() => "no such option: there are none".to_owned(),
        None => format!("no such option: there are {}", known.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Plugins, String> {
        let words = Value::from(words);
        serde_json::from_value(words).map_err(|error| error.to_string())
    }

    #[test]
    fn words_add_up_and_the_last_one_counts() {
        let plugins = read(&[
            "a,b",
            "c",
            "a.count=1",
            "a.inner.list=[\"x\"]",
            "a.count=2",
            "a.text=news=1",
            "b=false",
            "c=true",
        ]);
        let plugins = plugins.unwrap();
        assert_eq!(plugins.names().collect::<Vec<_>>(), ["a", "c"]);
        let expected = serde_json::json!({
            "count": 2, "inner": {"list": ["x"]}, "text": "news=1",
        });
        assert_eq!(Value::Object(plugins.0["a"].clone()), expected);
        let wrong = read(&["a=1"]).unwrap_err();
        assert!(wrong.contains("NAME.OPTION=VALUE"), "{wrong}");
    }

    #[test]
    fn a_url_with_a_password_is_known() {
        for url in [
            "redis://:a@b",
            "redis://a:b@c:1/2",
            "\"redis://a:b@c\"",
            "unix:///x?pass=a",
        ] {
            assert!(has_password(url), "{url}");
        }
        for url in [
            "redis://a",
            "redis://a:1/2",
            "redis://a@b:1",
            "redis://a:1/b:c@d",
            "",
        ] {
            assert!(!has_password(url), "{url}");
        }
    }

    #[test]
    fn the_nearest_option_is_offered() {
        let said = "unknown field `jion`, expected one of `join`, `publish` at line 1";
        let words = unknown_option(said).unwrap();
        assert_eq!(words, "no such option; did you mean join?");
        let said = "unknown field `x`, expected `join`";
        assert_eq!(
            unknown_option(said).unwrap(),
            "no such option: there are join"
        );
        assert_eq!(unknown_option("invalid type"), None);
    }
}
