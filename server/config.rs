//! Where the settings come from: file, then environment, then command line, the later outranking
//! the earlier.
//!
//! A refusal names its place (`--listen`, `ALLSPARK_LISTEN`, or file, line and key) and is one
//! line. Nothing is read unless it was asked for: there is no file without `--config`.

use std::ffi::OsString;
use std::fs;

use crate::file;
use crate::flags::{self, Flags, LibraryFlags, Request};
use crate::settings::{SETTINGS, Settings};

/// What the process is to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Serve.
    Serve(Box<Settings>),
    /// Write the client library.
    Library(Box<Settings>, LibraryFlags),
    /// Print this text and end.
    Print(String),
}

/// Puts together what the command line (the program's own name first), the environment and the
/// file say.
///
/// # Errors
/// What is wrong and where, in one line.
pub(crate) fn load(
    args: impl IntoIterator<Item = OsString>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Command, String> {
    match flags::parse(args)? {
        Request::Serve(flags) => Ok(Command::Serve(settings(&flags, &environment)?)),
        Request::Library(flags, library) => {
            Ok(Command::Library(settings(&flags, &environment)?, library))
        }
        Request::Print(text) => Ok(Command::Print(text)),
    }
}

fn settings(
    flags: &Flags,
    environment: &impl Fn(&str) -> Option<OsString>,
) -> Result<Box<Settings>, String> {
    let mut settings = Settings::default();
    if let Some(path) = file_to_read(flags, environment)? {
        let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        file::apply(&mut settings, &path, &text)?;
    }
    apply_environment(&mut settings, environment)?;
    apply_flags(&mut settings, flags)?;
    settings.check()?;
    Ok(Box::new(settings))
}

fn file_to_read(
    flags: &Flags,
    environment: &impl Fn(&str) -> Option<OsString>,
) -> Result<Option<String>, String> {
    match &flags.config {
        Some(path) => Ok(Some(path.clone())),
        None => variable("ALLSPARK_CONFIG", environment),
    }
}

fn apply_environment(
    settings: &mut Settings,
    environment: &impl Fn(&str) -> Option<OsString>,
) -> Result<(), String> {
    for setting in SETTINGS {
        let name = format!("ALLSPARK_{}", setting.name.replace('-', "_").to_uppercase());
        if let Some(text) = variable(&name, environment)? {
            let applied = setting.apply(settings, &text);
            applied.map_err(|reason| format!("{name}: {reason}"))?;
        }
    }
    Ok(())
}

fn apply_flags(settings: &mut Settings, flags: &Flags) -> Result<(), String> {
    for (name, text) in &flags.values {
        for setting in SETTINGS.iter().filter(|setting| setting.name == *name) {
            let applied = setting.apply(settings, text);
            applied.map_err(|reason| format!("--{name}: {reason}"))?;
        }
    }
    Ok(())
}

/// A variable that is set to nothing counts as not set: that is how compose files unset one.
fn variable(
    name: &str,
    environment: &impl Fn(&str) -> Option<OsString>,
) -> Result<Option<String>, String> {
    let Some(value) = environment(name).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let text = value
        .into_string()
        .map_err(|_| format!("{name}: it is not UTF-8"))?;
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;
    use crate::settings::App;

    /// Loads with a file of this text, these variables and these flags.
    fn load_from(text: &str, variables: &[(&str, &str)], line: &str) -> Result<Command, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("allspark.toml");
        fs::write(&path, text).unwrap();
        let args = ["allspark", "--config"].map(OsString::from).into_iter();
        let args = args.chain([path.into_os_string()]);
        load(
            args.chain(line.split_whitespace().map(OsString::from)),
            |name| {
                let found = variables.iter().find(|(variable, _)| *variable == name);
                found.map(|(_, value)| OsString::from(value))
            },
        )
    }

    fn settings(text: &str, variables: &[(&str, &str)], line: &str) -> Settings {
        match load_from(text, variables, line) {
            Ok(Command::Serve(settings)) => *settings,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_said_means_the_defaults() {
        assert_eq!(settings("", &[], ""), Settings::default());
    }

    #[test]
    fn the_command_line_outranks_the_environment_which_outranks_the_file() {
        let text = "app = 'echo'\nshards = 2\nping-interval = 7\n";
        let variables = [("ALLSPARK_SHARDS", "3"), ("ALLSPARK_PING_INTERVAL", "8")];
        let settings = settings(text, &variables, "--ping-interval 9");
        assert_eq!(settings.app, App::Echo);
        assert_eq!(settings.shards, 3);
        assert_eq!(settings.ping_interval_ms, Some(9));
    }

    #[test]
    fn the_library_is_that_of_the_server_with_the_same_settings() {
        let variables = [("ALLSPARK_PATHNAME", "/chat")];
        let command = load_from("shards = 2\nparser = 'raw'", &variables, "");
        let served = match command {
            Ok(Command::Serve(settings)) => settings,
            other => panic!("{other:?}"),
        };
        let args = [
            "allspark",
            "library",
            "--parser",
            "raw",
            "--pathname",
            "/chat",
        ];
        let command = load(args.map(OsString::from), |_| None);
        let Ok(Command::Library(settings, flags)) = command else {
            panic!("{command:?}");
        };
        assert_eq!(flags, LibraryFlags::default());
        assert_eq!(
            (&settings.pathname, settings.parser),
            (&served.pathname, served.parser)
        );
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        let variables = [("ALLSPARK_SHARDS", ""), ("ALLSPARK_CONFIG", "")];
        assert_eq!(settings("shards = 2", &variables, "").shards, 2);
    }

    #[test]
    fn a_refusal_names_its_place() {
        let variables = [("ALLSPARK_PING_INTERVAL", "soon")];
        let error = load_from("", &variables, "").unwrap_err();
        assert!(
            error.starts_with("ALLSPARK_PING_INTERVAL: \"soon\" is neither"),
            "{error}"
        );
        let error = load_from("", &[], "--shards 0").unwrap_err();
        assert_eq!(error, "--shards: \"0\" is not a number from 1 to 1024");
        let error = load_from("\nshards = 0", &[], "").unwrap_err();
        assert!(
            error.ends_with("allspark.toml:2: shards: \"0\" is not a number from 1 to 1024"),
            "{error}"
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let args = ["allspark", "--config", "/nowhere.toml"].map(OsString::from);
        let error = load(args, |_| None).unwrap_err();
        assert_eq!(
            error,
            "/nowhere.toml: No such file or directory (os error 2)"
        );
    }

    #[test]
    fn a_variable_that_is_not_utf_8_is_refused() {
        let error = load([OsString::from("allspark")], |name| {
            (name == "ALLSPARK_APP").then(|| OsString::from_vec(vec![0xff]))
        });
        assert_eq!(error.unwrap_err(), "ALLSPARK_APP: it is not UTF-8");
    }
}
