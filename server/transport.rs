//! Options of the transport, by Primus's names: Primus's `transport: { name: value }`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Options of the transport by Primus's names, in the order in which they were given; of two with
/// the same name the last one counts. Which ones there are depends on the transformer. Serde reads
/// them from a map, or from texts `KEY=VALUE`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransportOptions(Vec<(String, String)>);

impl TransportOptions {
    /// Adds one.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    /// All of them.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

impl<'de> Deserialize<'de> for TransportOptions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Pairs)
    }
}

struct Pairs;

impl<'de> Visitor<'de> for Pairs {
    type Value = TransportOptions;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of keys and values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut texts: A) -> Result<TransportOptions, A::Error> {
        let mut options = TransportOptions::default();
        while let Some(Pair(name, value)) = texts.next_element()? {
            options.push(name, value);
        }
        Ok(options)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TransportOptions, A::Error> {
        let mut options = TransportOptions::default();
        while let Some((name, Text(value))) = map.next_entry::<String, _>()? {
            options.push(name, value);
        }
        Ok(options)
    }
}

/// A name and a value with `=` between them.
struct Pair(String, String);

impl<'de> Deserialize<'de> for Pair {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Text(text) = Text::deserialize(deserializer)?;
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self(name.into(), value.into())),
            _ => Err(D::Error::custom(format!(
                "{text:?} is not of the form KEY=VALUE"
            ))),
        }
    }
}

struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        allspark_protocol::options::deserialize(deserializer).map(Self)
    }
}
