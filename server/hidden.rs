//! What of a configuration is not shown: values by the names under which they stand, and what
//! stands for a password in a URL.

use serde_json::Value;

use crate::table::{Kind, Setting};

/// What stands in place of a secret.
const HIDDEN: &str = "(hidden)";

/// Parts of names of what nobody may see.
const SECRET_PARTS: [&str; 5] = ["password", "passphrase", "secret", "token", "credential"];

/// Whether what has this name is a secret. Where a secret lies is none.
pub(crate) fn tells_secret(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase();
    let is_place = last.ends_with("file") || last.ends_with("files");
    !is_place && SECRET_PARTS.iter().any(|part| last.contains(part))
}

/// A word about an option, as others may see it.
pub(crate) fn hidden_word(setting: &Setting, text: &str) -> String {
    if setting.is_secret {
        return HIDDEN.to_owned();
    }
    match setting.kind {
        Kind::Pair | Kind::Plugin | Kind::Section => match text.split_once('=') {
            Some((name, value)) => format!("{name}={}", hidden_value(name, value)),
            None => text.to_owned(),
        },
        Kind::Certificate => hidden_value("", text),
        _ => without_password(text),
    }
}

fn hidden_value(name: &str, text: &str) -> String {
    match serde_json::from_str(text) {
        Ok(json) => hidden_json(name, json).to_string(),
        Err(_) if tells_secret(name) => HIDDEN.to_owned(),
        Err(_) => without_password(text),
    }
}

/// The value of this name, as others may see it.
pub(crate) fn hidden_json(name: &str, value: Value) -> Value {
    match value {
        _ if tells_secret(name) => Value::from(HIDDEN),
        Value::String(text) => Value::from(without_password(&text)),
        Value::Array(elements) => {
            let elements = elements.into_iter().map(|value| hidden_json(name, value));
            Value::Array(elements.collect())
        }
        Value::Object(members) => {
            let members = members.into_iter().map(|(key, value)| {
                let value = hidden_json(&key, value);
                (key, value)
            });
            Value::Object(members.collect())
        }
        value => value,
    }
}

/// A text without the passwords of URLs in it.
fn without_password(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        let end = after.find(['/', '?', '#', ',', ' ']).unwrap_or(after.len());
        let (authority, behind) = after.split_at(end);
        shown += &format!("{before}://");
        match authority.rsplit_once('@') {
            Some((user, host)) => {
                let name = user.split(':').next().unwrap_or_default();
                shown += &format!("{name}:{HIDDEN}@{host}");
            }
            None => shown += authority,
        }
        rest = behind;
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_is_a_secret() {
        for name in ["password", "a.b.apiToken", "jwt-secret", "PASSPHRASE"] {
            assert!(tells_secret(name), "{name}");
        }
        for name in ["tokens-file", "key", "secret.file", "passphrase-file"] {
            assert!(!tells_secret(name), "{name}");
        }
    }

    #[test]
    fn the_password_of_a_url_is_hidden_wherever_it_stands() {
        for (text, expected) in [
            ("redis://a:b@c/d", "redis://a:(hidden)@c/d"),
            ("http://c:1,https://:b@c", "http://c:1,https://:(hidden)@c"),
            ("https://key@c?x=a@b", "https://key:(hidden)@c?x=a@b"),
            ("no url: a@b", "no url: a@b"),
        ] {
            assert_eq!(without_password(text), expected);
        }
    }
}
