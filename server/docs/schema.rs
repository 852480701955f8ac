//! docs/allspark.schema.json: what a file may say, for editors.

use serde_json::{Map, Value, json};

use super::assert_written;
use crate::setting::TLS;
use crate::table::{DefaultValue, Kind, SETTINGS, Setting};

#[test]
fn the_schema_is_that_of_the_table() {
    let text = serde_json::to_string_pretty(&schema()).unwrap();
    assert_written("docs/allspark.schema.json", &(text + "\n"));
}

fn schema() -> Value {
    let mut top = Map::new();
    for setting in in_files() {
        top.insert(setting.name.to_owned(), described(setting));
        if !setting.section.is_empty() {
            let section = top.entry(setting.section).or_insert_with(
                || json!({ "type": "object", "properties": {}, "additionalProperties": false }),
            );
            section["properties"][setting.key()] = described(setting);
        }
    }
    let further = top[TLS]["properties"].clone();
    top[TLS]["additionalProperties"] = json!({
        "description": "A further configuration of TLS, by the name that listeners say",
        "type": "object",
        "properties": further,
        "additionalProperties": false,
    });
    let plugin = json!({ "type": ["object", "boolean"] });
    top.insert(
        "plugins".to_owned(),
        json!({
            "description": "Plugins, each with a table of its options: docs/PLUGINS.md",
            "type": "object",
            "additionalProperties": plugin,
        }),
    );
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "The configuration file of allspark",
        "type": "object",
        "properties": top,
        "additionalProperties": false,
    })
}

/// What a file may say: secrets are none of its business, and plugins have tables.
fn in_files() -> impl Iterator<Item = &'static Setting> {
    let settings = SETTINGS.iter().filter(|setting| !setting.is_secret);
    settings.filter(|setting| !matches!(setting.kind, Kind::Plugin | Kind::Section))
}

fn described(setting: &Setting) -> Value {
    let mut schema = of_kind(setting.kind);
    let live = if setting.is_live {
        " A reload changes it."
    } else {
        ""
    };
    schema["description"] = json!(format!("{}.{live}", setting.help));
    if let DefaultValue::Text(text) = setting.default {
        schema["default"] = default_of(setting.kind, text);
    }
    schema
}

fn default_of(kind: Kind, text: &str) -> Value {
    match kind {
        Kind::Switch => json!(text == "true"),
        Kind::Number(..) => text
            .parse::<u64>()
            .map_or(json!(text), |number| json!(number)),
        Kind::List => json!(text.split(',').collect::<Vec<_>>()),
        _ => json!(text),
    }
}

fn of_kind(kind: Kind) -> Value {
    let scalar = json!({ "type": ["string", "number", "boolean"] });
    let listed = json!({ "type": "array", "items": scalar });
    match kind {
        Kind::Switch => json!({
            "enum": [true, false, 0, 1, "true", "false", "yes", "no", "on", "off", "1", "0"],
        }),
        Kind::Number(_, least, most) => {
            let mut number = json!({ "type": "integer", "minimum": least });
            if most < u64::MAX {
                number["maximum"] = json!(most);
            }
            json!({ "anyOf": [number, { "type": "string", "pattern": "^[0-9]+$" }] })
        }
        Kind::List => json!({ "anyOf": [scalar, listed] }),
        Kind::Repeated(_) => {
            let table = json!({ "type": "object", "additionalProperties": scalar });
            let element = json!({ "anyOf": [scalar, table] });
            json!({ "anyOf": [scalar, { "type": "array", "items": element }] })
        }
        Kind::Pair => json!({
            "type": "object",
            "additionalProperties": { "type": ["string", "number", "boolean", "array", "object"] },
        }),
        Kind::Certificate => json!({
            "type": "array",
            "items": { "type": "object", "additionalProperties": scalar },
        }),
        Kind::Text(_) | Kind::Plugin | Kind::Section => scalar,
    }
}

/// What an editor says of a file.
fn is_valid(text: &str) -> bool {
    let document: toml::Table = text.parse().unwrap();
    let document = serde_json::to_value(document).unwrap();
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    let name = "file:///allspark.schema.json";
    compiler.add_resource(name, schema()).unwrap();
    let index = compiler.compile(name, &mut schemas).unwrap();
    schemas.validate(&document, index).is_ok()
}

#[test]
fn what_servers_understand_is_valid_and_what_they_refuse_is_not() {
    assert!(is_valid(include_str!("../../docs/allspark.toml")));
    for text in [
        "listen = [':80', 81]\n[[tls.certificates]]\ncert = 'a'\nkey = 'b'",
        "[[listen]]\naddress = ':443'\ntls = true\n[[listen]]\nunix = '/a'\nmode = 660",
        "max-length = 1000\ncompression = 'yes'\nping-interval = 'off'",
        "[limits]\nmax-length = '1000'\n[cors]\norigins = 'http://a'",
        "[transport]\nperMessageDeflate.threshold = 64",
        "[tls.a]\ncert = 'a'\nkey = 'b'\n[plugins.rooms]\njoin = ['a']\n[plugins]\nemit = true",
    ] {
        assert!(is_valid(text), "{text}");
    }
    for text in [
        "lisen = 1",
        "[limits]\nmax-lenght = 1",
        "[limits]\nmax-length = 0",
        "page = 'perhaps'",
        "shards = 1.5",
        "plugins = 1",
        "plugin = 'a'",
        "[tls.a]\ncerts = 'a'",
        "[tls]\npassphrase = 'hush'",
        "auth-tokens = 'hush'",
    ] {
        assert!(!is_valid(text), "{text}");
    }
}
