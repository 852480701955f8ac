//! What counts, and who has said it.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use crate::flags::Form;
use crate::hidden::{hidden_json, hidden_word, tells_secret};
use crate::origin::{Origin, Source};
use crate::said::Said;
use crate::setting::TLS;
use crate::table::{Kind, SETTINGS, Setting};

/// All options, with secrets hidden.
pub(super) fn text(said: &Said, form: Form) -> String {
    match form {
        Form::Json => json_text(said),
        Form::Toml => toml_text(said),
    }
}

fn json_text(said: &Said) -> String {
    let mut options = Vec::new();
    for setting in SETTINGS {
        let before = options.len();
        for (text, origin) in said.words(setting.name) {
            options.push(json_of(setting, Some(text), origin));
        }
        if options.len() == before {
            options.push(json_of(setting, None, &Origin::of_default(setting.name)));
        }
    }
    let text = serde_json::to_string_pretty(&json!({ "options": options }));
    text.expect("it is made of texts and numbers") + "\n"
}

fn json_of(setting: &Setting, text: Option<&str>, origin: &Origin) -> Value {
    let mut option = json!({
        "name": setting.name,
        "section": setting.section,
        "value": text.map(|text| hidden_word(setting, text)),
        "source": origin.source.name(),
        "place": origin.place(),
        "default": setting.default.words(),
        "live": setting.is_live,
    });
    if let Source::File { path, line, column } = &origin.source {
        option["file"] = json!(path);
        option["line"] = json!(line);
        option["column"] = json!(column);
    }
    option
}

/// A file that says the same, but for what is hidden.
fn toml_text(said: &Said) -> String {
    let mut page = String::from("# What counts, and who has said it. Secrets are hidden.\n");
    let mut sections: Vec<&str> = SETTINGS.iter().map(|setting| setting.section).collect();
    sections.sort_unstable();
    sections.dedup();
    for section in sections {
        if !section.is_empty() {
            add(&mut page, format_args!("\n[{section}]"));
        }
        let of_section = SETTINGS.iter().filter(|setting| setting.section == section);
        for setting in of_section.filter(|setting| !setting.kind.is_repeated()) {
            add_option(&mut page, setting, said);
        }
    }
    for setting in SETTINGS {
        match setting.kind {
            Kind::Pair => add_pairs(&mut page, setting, said),
            Kind::Plugin => add_plugins(&mut page, setting, said),
            Kind::Section => add_sections(&mut page, setting, said),
            Kind::Certificate => add_certificates(&mut page, setting, said),
            _ => {}
        }
    }
    page
}

fn add(page: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(page, "{line}").expect("a text takes everything");
}

fn add_option(page: &mut String, setting: &Setting, said: &Said) {
    let (key, default) = (setting.key(), setting.default.words());
    match said.words(setting.name).next() {
        None if setting.is_secret => {}
        None => add(page, format_args!("# {key}: {default}    # default")),
        Some((text, origin)) => {
            let place = comment(origin);
            let shown = hidden_word(setting, text);
            let hash = if shown == text { "" } else { "# " };
            let value = toml_value(setting.kind, &shown);
            add(page, format_args!("{hash}{key} = {value}    # {place}"));
        }
    }
}

/// An origin within a remark.
fn comment(origin: &Origin) -> String {
    origin.place().escape_debug().to_string()
}

/// As it would stand in the file.
fn toml_value(kind: Kind, text: &str) -> String {
    let bare = |text: &str| match text.parse::<u64>() {
        Ok(number) => number.to_string(),
        Err(_) => toml_string(text),
    };
    match kind {
        Kind::Switch => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => "true".to_owned(),
            "false" | "no" | "off" | "0" => "false".to_owned(),
            _ => toml_string(text),
        },
        Kind::List | Kind::Repeated(_) => {
            let elements = text.split(',').map(|element| toml_string(element.trim()));
            format!("[{}]", elements.collect::<Vec<_>>().join(", "))
        }
        _ => bare(text),
    }
}

fn toml_string(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// What JSON says, in a line. TOML has no null: that is left out.
fn toml_of(json: &Value) -> String {
    let value = toml::Value::try_from(json);
    value.map_or_else(
        |_| toml_string(&json.to_string()),
        |value| value.to_string(),
    )
}

fn add_pairs(page: &mut String, setting: &Setting, said: &Said) {
    let mut pairs: Vec<(&str, &str, &Origin)> = Vec::new();
    for (text, origin) in said.words(setting.name) {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        // The last word counts, where it was said.
        pairs.retain(|(other, ..)| *other != key);
        pairs.push((key, value, origin));
    }
    if !pairs.is_empty() {
        let dot = if setting.section.is_empty() { "" } else { "." };
        let key = setting.key();
        add(page, format_args!("\n[{}{dot}{key}]", setting.section));
    }
    for (key, value, origin) in pairs {
        let shown = hidden_word(setting, &format!("{key}={value}"));
        let value = shown.split_once('=').map_or("", |(_, value)| value);
        let hash = if tells_secret(key) { "# " } else { "" };
        let (key, value) = (toml_key(key), toml_value(setting.kind, value));
        let place = comment(origin);
        add(page, format_args!("{hash}{key} = {value}    # {place}"));
    }
}

fn add_plugins(page: &mut String, setting: &Setting, said: &Said) {
    let mut options: BTreeMap<String, (Value, &Origin)> = BTreeMap::new();
    for (text, origin) in said.words(setting.name) {
        let Some((path, value)) = text.split_once('=') else {
            for name in text.split(',') {
                options.insert(name.trim().to_owned(), (Value::Bool(true), origin));
            }
            continue;
        };
        if value == "false" && !path.contains('.') {
            options.retain(|name, _| name.split('.').next() != Some(path));
        }
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        options.insert(path.to_owned(), (hidden_json(path, value), origin));
    }
    if !options.is_empty() {
        add(page, format_args!("\n[plugins]"));
    }
    for (path, (value, origin)) in &options {
        let within = format!("{path}.");
        // A plugin with options is there because of them.
        if options.keys().any(|other| other.starts_with(&within)) {
            continue;
        }
        let hash = if tells_secret(path) { "# " } else { "" };
        let names: Vec<String> = path.split('.').map(toml_key).collect();
        let (value, place) = (toml_of(value), comment(origin));
        add(
            page,
            format_args!("{hash}{} = {value}    # {place}", names.join(".")),
        );
    }
}

fn toml_key(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    match !name.is_empty() && name.bytes().all(is_plain) {
        true => name.to_owned(),
        false => toml_string(name),
    }
}

fn add_sections(page: &mut String, setting: &Setting, said: &Said) {
    for (text, origin) in said.words(setting.name) {
        let (name, options) = text.split_once('=').unwrap_or((text, ""));
        let place = comment(origin);
        add(
            page,
            format_args!("\n[{TLS}.{}]    # {place}", toml_key(name)),
        );
        add_members(page, options);
    }
}

fn add_certificates(page: &mut String, setting: &Setting, said: &Said) {
    for (text, origin) in said.words(setting.name) {
        let place = comment(origin);
        add(page, format_args!("\n[[tls.certificates]]    # {place}"));
        if text.starts_with('{') {
            add_members(page, text);
            continue;
        }
        for pair in text.split(',') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (key, value) = (toml_key(key.trim()), toml_string(value));
            add(page, format_args!("{key} = {value}"));
        }
    }
}

/// The members of an object, each in a line.
fn add_members(page: &mut String, object: &str) {
    let Ok(Value::Object(members)) = serde_json::from_str(object) else {
        return;
    };
    for (key, value) in members {
        let hash = if tells_secret(&key) { "# " } else { "" };
        let value = toml_of(&hidden_json(&key, value));
        add(page, format_args!("{hash}{} = {value}", toml_key(&key)));
    }
}

#[cfg(test)]
mod tests;
