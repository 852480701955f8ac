//! What was said of the options, and by whom: of each the last word, from which serde reads
//! structs.
//!
//! Every word is text, as on the command line, and carries its place, so that a refusal by the type
//! of a value becomes one that names where the value came from.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use toml::{Table, Value};

use crate::table::{DefaultValue, SETTINGS, Setting, find, find_in};

/// What was said of each option: one word, or several of one that may be repeated.
pub(crate) struct Said(BTreeMap<&'static str, Vec<Word>>);

struct Word {
    text: String,
    place: String,
}

impl Said {
    /// Nothing but the defaults.
    pub(crate) fn nothing() -> Self {
        let mut said = Self(BTreeMap::new());
        for setting in SETTINGS {
            if let DefaultValue::Text(text) = setting.default {
                said.say(setting, text, setting.name);
            }
        }
        said
    }

    /// Takes over what somebody says, which outranks what was said before.
    pub(crate) fn say(
        &mut self,
        setting: &'static Setting,
        text: impl Into<String>,
        place: impl Into<String>,
    ) {
        let words = self.0.entry(setting.name).or_default();
        if !setting.kind.is_repeated() {
            words.clear();
        }
        words.push(Word {
            text: text.into(),
            place: place.into(),
        });
    }

    /// Where the last word about an option was said that begins with this.
    pub(crate) fn place(&self, name: &'static str, beginning: &str) -> &str {
        self.find(name, beginning).unwrap_or(name)
    }

    /// The same, if there is such a word.
    pub(crate) fn find(&self, name: &str, beginning: &str) -> Option<&str> {
        let mut words = self.0.get(name).into_iter().flatten().rev();
        let word = words.find(|word| word.text.starts_with(beginning));
        word.map(|word| word.place.as_str())
    }

    /// What was said of an option: each word, and where it was said.
    pub(crate) fn words(&self, name: &str) -> impl Iterator<Item = (&str, &str)> {
        let words = self.0.get(name).into_iter().flatten();
        words.map(|word| (word.text.as_str(), word.place.as_str()))
    }

    /// What it means.
    ///
    /// # Errors
    /// The first word that a type refuses: its place and the reason, in one line.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_path_to_error::deserialize(self.table()).map_err(|error| {
            let place = self.place_at(error.path());
            format!("{place}: {}", error.inner().message())
        })
    }

    /// The words, where the structs have their fields.
    fn table(&self) -> Table {
        let mut root = Table::new();
        for (name, words) in &self.0 {
            let setting = find(name).expect("only options are said");
            let mut texts = words.iter().map(|word| Value::String(word.text.clone()));
            let value = match setting.kind.is_repeated() {
                true => Value::Array(texts.collect()),
                false => texts.next().expect("something was said"),
            };
            let sections = setting.struct_path();
            let table = sections.fold(&mut root, |table, section| {
                let section = table.entry(section).or_insert(Value::Table(Table::new()));
                section
                    .as_table_mut()
                    .expect("no option has the name of a section")
            });
            table.insert(setting.key().to_owned(), value);
        }
        root
    }

    /// Where the word was said that stands at this path of the table.
    fn place_at(&self, path: &serde_path_to_error::Path) -> &str {
        let (mut words, mut section, mut index) = (None, "", 0);
        for segment in path {
            match segment {
                Segment::Map { key } => {
                    let setting = find_in(section, key).or_else(|| find(key));
                    let said = setting.and_then(|setting| self.0.get(setting.name));
                    words = said.or(words);
                    section = key;
                }
                Segment::Seq { index: at } => index = *at,
                Segment::Enum { .. } | Segment::Unknown => {}
            }
        }
        let word = words.and_then(|words| words.get(index));
        word.map_or("options", |word| &word.place)
    }
}
