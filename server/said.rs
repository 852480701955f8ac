//! What was said of the options, and by whom: of each the last word, from which serde reads
//! structs.
//!
//! Every word is text, as on the command line, and carries its origin, so that a refusal by the
//! type of a value becomes one that names where the value came from.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use toml::{Table, Value};

use crate::origin::{Origin, Problem};
use crate::table::{DefaultValue, SETTINGS, Setting, find, find_in};

/// What was said of each option: one word, or several of one that may be repeated.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Said(BTreeMap<&'static str, Vec<Word>>);

impl fmt::Debug for Said {
    /// There are secrets among the words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

#[derive(Clone, PartialEq, Eq)]
struct Word {
    text: String,
    origin: Origin,
}

/// How many wrong words are told of at once.
pub(crate) const PROBLEMS_MAX: usize = 100;

impl Said {
    /// Nothing but the defaults.
    pub(crate) fn nothing() -> Self {
        let mut said = Self(BTreeMap::new());
        SETTINGS.iter().for_each(|setting| said.forget(setting));
        said
    }

    /// Of this option nothing is said but the default.
    fn forget(&mut self, setting: &'static Setting) {
        self.0.remove(setting.name);
        if let DefaultValue::Text(text) = setting.default {
            self.say(setting, text, Origin::of_default(setting.name));
        }
    }

    /// Takes over what somebody says, which outranks what was said before.
    pub(crate) fn say(
        &mut self,
        setting: &'static Setting,
        text: impl Into<String>,
        origin: Origin,
    ) {
        let words = self.0.entry(setting.name).or_default();
        if !setting.kind.is_repeated() {
            words.clear();
        }
        words.push(Word {
            text: text.into(),
            origin,
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
        word.map(|word| word.origin.words())
    }

    /// What was said of an option: each word, and where it was said.
    pub(crate) fn words(&self, name: &str) -> impl Iterator<Item = (&str, &Origin)> {
        let words = self.0.get(name).into_iter().flatten();
        words.map(|word| (word.text.as_str(), &word.origin))
    }

    /// All places where something was said.
    pub(crate) fn origins(&self) -> impl Iterator<Item = &Origin> {
        self.0.values().flatten().map(|word| &word.origin)
    }

    /// Whether `other` says the same of an option, wherever it does.
    pub(crate) fn says_the_same(&self, other: &Self, setting: &Setting) -> bool {
        let texts = |said: &Self| -> Vec<String> {
            let words = said.words(setting.name);
            words.map(|(text, _)| text.to_owned()).collect()
        };
        texts(self) == texts(other)
    }

    /// The same, but of the options that are not `taken` what `before` said.
    pub(crate) fn only(&self, before: &Self, taken: impl Fn(&Setting) -> bool) -> Self {
        let mut said = self.clone();
        for setting in SETTINGS.iter().filter(|setting| !taken(setting)) {
            said.0.remove(setting.name);
            if let Some(words) = before.0.get(setting.name) {
                said.0.insert(setting.name, words.clone());
            }
        }
        said
    }

    /// What it means.
    ///
    /// # Errors
    /// The first word that a type refuses: its place and the reason, in one line.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, String> {
        let read = serde_path_to_error::deserialize(self.table());
        read.map_err(|error| self.problem(&error).1.into_line())
    }

    /// What it means but for words that mean nothing: these are taken back, and told of.
    /// `PROBLEMS_MAX` of them at most; then it means nothing.
    pub(crate) fn read_on<T: DeserializeOwned>(
        &mut self,
        problems: &mut Vec<Problem>,
    ) -> Option<T> {
        loop {
            let error = match serde_path_to_error::deserialize(self.table()) {
                Ok(read) => return Some(read),
                Err(error) => error,
            };
            let (wrong, problem) = self.problem(&error);
            problems.push(problem);
            let (name, index) = wrong?;
            if problems.len() >= PROBLEMS_MAX || !self.take_back(name, index) {
                return None;
            }
        }
    }

    /// The word that an error is about, and what is wrong with it.
    fn problem(
        &self,
        error: &serde_path_to_error::Error<toml::de::Error>,
    ) -> (Option<(&'static str, usize)>, Problem) {
        let wrong = self.word_at(error.path());
        let word = wrong.and_then(|(name, index)| self.0.get(name)?.get(index));
        let origin = word.map(|word| word.origin.clone());
        let origin = origin.unwrap_or_else(|| Origin::of_default("options"));
        (wrong, Problem::at(origin, error.inner().message()))
    }

    /// A word was not said. Returns false if nobody has said it, as it is the default.
    fn take_back(&mut self, name: &'static str, index: usize) -> bool {
        let setting = find(name).expect("only options are said");
        let words = self.0.get_mut(name).expect("something was said");
        if setting.kind.is_repeated() {
            words.remove(index);
            return true;
        }
        let before = words.clone();
        self.forget(setting);
        self.0.get(name) != Some(&before)
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

    /// The option, and which of its words, that stands at this path of the table.
    fn word_at(&self, path: &serde_path_to_error::Path) -> Option<(&'static str, usize)> {
        let (mut found, mut section, mut index) = (None, "", 0);
        for segment in path {
            match segment {
                Segment::Map { key } => {
                    let setting = find_in(section, key).or_else(|| find(key));
                    let setting = setting.filter(|setting| self.0.contains_key(setting.name));
                    found = setting.map(|setting| setting.name).or(found);
                    section = key;
                }
                Segment::Seq { index: at } => index = *at,
                Segment::Enum { .. } | Segment::Unknown => {}
            }
        }
        let name = found?;
        (index < self.0.get(name)?.len()).then_some((name, index))
    }
}
