//! What is said about the access log.

use std::path::PathBuf;
use std::str::FromStr;

use allspark_protocol::options;
use serde::{Deserialize, Deserializer};

/// The section `[access-log]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct AccessOptions {
    /// Where its lines go; `None` for nowhere.
    #[serde(default, deserialize_with = "target")]
    pub(super) file: Option<Target>,
    /// How they look.
    pub(super) format: AccessFormat,
    /// Whether they have the queries of targets.
    #[serde(deserialize_with = "options::deserialize_switch")]
    pub(super) query: bool,
}

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Where the log goes.
    Stderr,
    Stdout,
    File(PathBuf),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "stderr" => Ok(Self::Stderr),
            "stdout" => Ok(Self::Stdout),
            "" => Err("it has to be a path, stdout or stderr".to_owned()),
            path if path.contains(char::is_control) => {
                Err(format!("{path:?} is no path that anybody could write"))
            }
            path => Ok(Self::File(path.into())),
        }
    }
}

fn target<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Target>, D::Error> {
    options::deserialize(deserializer).map(Some)
}

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccessFormat {
    /// As web servers write them: NCSA's combined format, and behind it the seconds it took.
    Combined,
    /// An object.
    Json,
}

const FORMATS: &[(&str, AccessFormat)] = &[
    ("combined", AccessFormat::Combined),
    ("json", AccessFormat::Json),
];

impl<'de> Deserialize<'de> for AccessFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        options::read(deserializer, |text| options::choose(text, FORMATS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::said::Said;
    use crate::settings::Settings;
    use crate::table::find;

    #[test]
    fn every_option_reaches_its_field() {
        let mut said = Said::nothing();
        let of = |said: &Said| Settings::read(said).unwrap().access_log;
        let nothing = of(&said);
        assert_eq!((nothing.file, nothing.query), (None, false));
        assert_eq!(nothing.format, AccessFormat::Combined);
        for (name, text) in [
            ("access-log-file", "/var/log/a"),
            ("access-log-format", "JSON"),
            ("access-log-query", "true"),
        ] {
            said.say(find(name).unwrap(), text, name);
        }
        let options = of(&said);
        assert_eq!(options.file, Some(Target::File("/var/log/a".into())));
        assert_eq!((options.format, options.query), (AccessFormat::Json, true));
        assert_eq!("stderr".parse(), Ok(Target::Stderr));
        assert_eq!("stdout".parse(), Ok(Target::Stdout));
    }
}
