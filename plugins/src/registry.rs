//! Plugins by their names, with options that stand in a file.

use allspark_engine::{Plugin, PluginError};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::analytics::Analytics;
use crate::emit::Emit;
use crate::emitter::Emitter;
use crate::fortress::Fortress;
#[cfg(feature = "fleet")]
use crate::metroplex::{Metroplex, MetroplexOptions};
use crate::mirage::Mirage;
use crate::multiplex::Multiplex;
#[cfg(feature = "fleet")]
use crate::omega::{OmegaOptions, OmegaSupreme};
use crate::resource::Resources;
use crate::responder::Responder;
use crate::rooms::{Rooms, RoomsOptions};
use crate::spark_latency::SparkLatency;
use crate::substream::Substream;

/// Makes a plugin of its options: an object.
type Make = fn(Value) -> Result<Box<dyn Plugin>, PluginError>;

/// Each plugin under the name that it has in a configuration. A server that is told of several adds
/// them in this order: first who holds back connections, then who judges messages, then who takes
/// them; and each behind those that it needs.
const PLUGINS: &[(&str, Make)] = &[
    (Mirage::NAME, |options| {
        Ok(Box::new(Mirage::with_options(options_of(options)?)))
    }),
    (Fortress::NAME, |options| {
        Ok(Box::new(Fortress::with_options(options_of(options)?)))
    }),
    (Emit::NAME, |options| {
        Ok(Box::new(Emit::with_options(options_of(options)?)))
    }),
    (Emitter::NAME, |options| {
        Ok(Box::new(Emitter::with_options(options_of(options)?)))
    }),
    (Multiplex::NAME, |options| {
        Ok(Box::new(Multiplex::with_options(options_of(options)?)))
    }),
    (Resources::NAME, |options| {
        Ok(Box::new(Resources::with_options(options_of(options)?)))
    }),
    (Substream::NAME, |options| {
        Ok(Box::new(Substream::with_options(options_of(options)?)))
    }),
    (Responder::NAME, |options| {
        Ok(Box::new(Responder::with_options(options_of(options)?)))
    }),
    (Rooms::NAME, |options| {
        let options: RoomsOptions = options_of(options)?;
        options.check()?;
        Ok(Box::new(Rooms::with_options(options)))
    }),
    (SparkLatency::NAME, |options| {
        Ok(Box::new(SparkLatency::with_options(options_of(options)?)))
    }),
    (Analytics::NAME, |options| {
        Ok(Box::new(options_of::<Analytics>(options)?))
    }),
    #[cfg(feature = "fleet")]
    ("omega-supreme", |options| {
        let options: OmegaOptions = options_of(options)?;
        Ok(Box::new(OmegaSupreme::new(options.judged()?)))
    }),
    #[cfg(feature = "fleet")]
    ("metroplex", |options| {
        let options: MetroplexOptions = options_of(options)?;
        Ok(Box::new(Metroplex::new(options.judged()?)))
    }),
];

/// The plugin of this name, with these options: an object, or `null` for the defaults.
///
/// # Errors
/// [`PluginError::Unknown`], or [`PluginError::Option`] with the place that means nothing.
pub fn named(name: &str, options: Value) -> Result<Box<dyn Plugin>, PluginError> {
    let mut plugins = PLUGINS.iter();
    let (_, make) = plugins
        .find(|(other, _)| *other == name)
        .ok_or_else(|| PluginError::Unknown(name.to_owned()))?;
    make(match options {
        Value::Null => Value::Object(serde_json::Map::new()),
        options => options,
    })
}

/// The names of all plugins.
pub fn names() -> impl Iterator<Item = &'static str> {
    PLUGINS.iter().map(|(name, _)| *name)
}

/// The options of a plugin.
///
/// # Errors
/// [`PluginError::Option`], with the names that lead to what is wrong.
pub fn options_of<O: DeserializeOwned>(options: Value) -> Result<O, PluginError> {
    serde_path_to_error::deserialize(options).map_err(|error| {
        let option = match error.path().to_string() {
            path if path == "." => String::new(),
            path => path,
        };
        let reason = error.into_inner().to_string();
        PluginError::Option { option, reason }
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[test]
    fn each_stands_behind_those_that_it_needs() {
        let names: Vec<_> = names().collect();
        let place = |name: &str| names.iter().position(|other| *other == name);
        assert_eq!(place("mirage"), Some(0), "it holds back connections");
        assert!(place("fortress-maximus") < place("emit"));
        assert!(place("omega-supreme") <= place("metroplex"));
    }

    #[test]
    fn each_name_is_there_once_and_has_defaults() {
        let names: Vec<_> = names().collect();
        for (place, name) in names.iter().enumerate() {
            assert!(!names[..place].contains(name), "{name} is there twice");
            let plugin = named(name, Value::Null).unwrap();
            assert_eq!(plugin.name(), *name);
        }
        let unknown = named("nothing", Value::Null).err().unwrap();
        assert_eq!(unknown.to_string(), "there is no plugin named \"nothing\"");
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Options {
        inner: Inner,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Inner {
        count: u8,
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let refusal = |options| options_of::<Options>(options).unwrap_err().to_string();
        let wrong = refusal(json!({"inner": {"count": 300}}));
        assert!(wrong.starts_with("`inner.count`: invalid value"), "{wrong}");
        let wrong = refusal(json!({"inner": {"cuont": 3}}));
        assert!(wrong.starts_with("`inner.cuont`: unknown field"), "{wrong}");
        let wrong = refusal(json!(7));
        assert!(wrong.starts_with("invalid type: integer `7`"), "{wrong}");
    }
}
