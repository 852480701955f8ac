//! The command line: which options were given, and what `--help` says.
//!
//! It judges names, not values: [`SETTINGS`] is the one table of options, and the values are
//! judged where those of the other sources are.

use std::ffi::OsString;

use allspark_client::library::{Format, Target};
use allspark_protocol::options::{choose, switch as yes_or_no};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};
use clap_complete::Shell;

use crate::of_primus::instead;
use crate::table::{Kind, SETTINGS, Setting};

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Serve, with these options.
    Serve(Flags),
    /// Make the client library of a server with these options.
    Library(Flags, LibraryFlags),
    /// Make the hash of a password of the dashboard's user of this name.
    AdminPassword(String),
    /// Ask a server whether it is well: at this URL, or where these options say.
    Health(Flags, Option<String>),
    /// Something about the configuration.
    Config(ConfigRequest),
    /// Print this text and end: the help, the version, or what is made of them.
    Print(String),
}

/// What is asked about the configuration.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ConfigRequest {
    /// Whether a server would start with these options, as far as they say.
    Check(Flags),
    /// What counts with these options, and who says so.
    Show(Flags, Form),
    /// A file with all options.
    Default,
    /// What a file may say, for editors.
    Schema,
}

/// How options are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Toml,
    Json,
}

/// The options that were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    /// The file to read.
    pub(crate) config: Option<String>,
    /// Names of settings and what they are to be, in the order of the table.
    pub(crate) values: Vec<(&'static str, String)>,
}

/// What only `allspark library` is told. Their values are judged here: neither a file nor the
/// environment has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LibraryFlags {
    /// Who can use it, and how.
    pub(crate) format: Format,
    /// Where it runs.
    pub(crate) target: Target,
    /// The file to write; nothing for standard output.
    pub(crate) out: Option<String>,
}

/// Reads a command line, the program's own name first.
///
/// # Errors
/// What is wrong with it, in one line.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Request, String> {
    match command().try_get_matches_from(args) {
        Ok(matches) => match matches.subcommand() {
            Some(("library", given)) => {
                let flags = flags(given, library_settings());
                Ok(Request::Library(flags, library_flags(given)?))
            }
            Some(("admin-password", given)) => {
                let name = given.get_one::<String>("name").cloned();
                Ok(Request::AdminPassword(name.unwrap_or_default()))
            }
            Some(("health", given)) => {
                let url = given.get_one::<String>("url").cloned();
                Ok(Request::Health(flags(given, std::iter::empty()), url))
            }
            Some(("config", given)) => Ok(Request::Config(config_request(given)?)),
            Some(("completions", given)) => Ok(Request::Print(completions(given))),
            Some(("man", given)) => man(given).map(Request::Print),
            Some((_, given)) => Ok(Request::Serve(flags(given, serve_settings()))),
            None => Ok(Request::Serve(flags(&matches, serve_settings()))),
        },
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                Ok(Request::Print(error.to_string()))
            }
            _ => Err(one_line(&error)),
        },
    }
}

fn command() -> Command {
    Command::new("allspark")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Primus for Linux at scale: a real-time server on io_uring")
        .args(arguments())
        .after_help(AFTER_HELP)
        .args_conflicts_with_subcommands(true)
        .disable_help_subcommand(true)
        .subcommand(
            Command::new("serve")
                .about("Serve connections; this is what happens without a subcommand, too")
                .args(arguments())
                .after_help(AFTER_HELP),
        )
        .subcommand(
            Command::new("library")
                .about("Write the client library in JavaScript that such a server serves")
                .args(arguments().filter(|argument| is_for_library(argument.get_id().as_str())))
                .args(library_arguments()),
        )
        .subcommand(
            Command::new("admin-password")
                .about(
                    "Read a password and write a line of the file of users of the dashboard \
                     (--admin-users-file)",
                )
                .arg(
                    Arg::new("name")
                        .value_name("NAME")
                        .required(true)
                        .help("Who logs in"),
                ),
        )
        .subcommand(
            Command::new("health")
                .about("Ask a running server whether it is well: exit code 0 if it is, 1 if not")
                .args([config_argument(), url_argument()]),
        )
        .subcommand(config_command())
        .subcommand(
            Command::new("completions")
                .about("Print completions for a shell: allspark completions bash > FILE")
                .arg(shell_argument()),
        )
        .subcommand(
            Command::new("man")
                .about("Print a page of the manual, for man -l")
                .arg(
                    Arg::new("COMMAND")
                        .num_args(0..)
                        .help("The command that it is about, such as config check [default: all]"),
                ),
        )
}

fn url_argument() -> Arg {
    Arg::new("url").value_name("URL").help(
        "http://HOST[:PORT][/PATH] or unix:PATH; the path is /healthz unless it says /readyz \
         [default: where a server of the same file and environment listens]",
    )
}

fn config_command() -> Command {
    let check = Command::new("check")
        .about(
            "Check a file as a server would that has this environment and these options: exit code \
             0 if it is all right, 2 if not, with all that is wrong",
        )
        .arg(Arg::new("FILE").help("The file [default: that of --config or ALLSPARK_CONFIG]"))
        .args(arguments());
    let show = Command::new("show")
        .about("Print what counts and where each value comes from; secrets are hidden")
        .arg(switch(Arg::new("json").long("json").value_name("BOOL")).help("Print JSON"))
        .args(arguments());
    Command::new("config")
        .about("Check, show or print a configuration")
        .subcommand_required(true)
        .disable_help_subcommand(true)
        .subcommand(check)
        .subcommand(show)
        .subcommand(Command::new("default").about("Print a file with all options and remarks"))
        .subcommand(Command::new("schema").about("Print a JSON schema of the file, for editors"))
}

fn shell_argument() -> Arg {
    Arg::new("SHELL")
        .required(true)
        .value_parser(clap::value_parser!(Shell))
        .help("The shell")
}

fn config_request(matches: &ArgMatches) -> Result<ConfigRequest, String> {
    Ok(match matches.subcommand() {
        Some(("check", given)) => {
            let mut flags = flags(given, serve_settings());
            let file = given.get_one::<String>("FILE").cloned();
            flags.config = file.or(flags.config);
            ConfigRequest::Check(flags)
        }
        Some(("show", given)) => {
            let form = match is_set(given, "json")? {
                true => Form::Json,
                false => Form::Toml,
            };
            ConfigRequest::Show(flags(given, serve_settings()), form)
        }
        Some(("schema", _)) => ConfigRequest::Schema,
        _ => ConfigRequest::Default,
    })
}

fn completions(matches: &ArgMatches) -> String {
    let mut text = Vec::new();
    if let Some(shell) = matches.get_one::<Shell>("SHELL") {
        clap_complete::generate(*shell, &mut command(), "allspark", &mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// A page of the manual.
///
/// # Errors
/// There is no such command.
fn man(matches: &ArgMatches) -> Result<String, String> {
    let mut command = command();
    command.build();
    for name in matches.get_many::<String>("COMMAND").unwrap_or_default() {
        let found = command.find_subcommand(name).cloned();
        command = found.ok_or_else(|| format!("man: there is no command {name:?}"))?;
    }
    let mut text = Vec::new();
    let page = clap_mangen::Man::new(command);
    page.render(&mut text)
        .map_err(|error| format!("man: {error}"))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

const AFTER_HELP: &str = "\
Every option can also be given in the environment (ALLSPARK_PING_INTERVAL=1000) and, by the same \
name, in the file (ping-interval = 1000; docs/allspark.toml has all of them). The command line \
outranks the environment, which outranks the file. SIGTERM and SIGINT drain the server: its \
clients are told to reconnect, over some seconds, and it ends; a second one ends it at once. \
SIGHUP has the file, the keys of authorization and the certificates of TLS be read anew: the log \
says what has changed and what needs a restart. SIGUSR1 and SIGUSR2 are ignored.";

fn arguments() -> impl Iterator<Item = Arg> {
    std::iter::once(config_argument()).chain(serve_settings().map(argument))
}

fn config_argument() -> Arg {
    Arg::new("config")
        .long("config")
        .value_name("FILE")
        .help("A TOML file with options [no default]")
}

fn argument(setting: &Setting) -> Arg {
    let argument = Arg::new(setting.name)
        .long(setting.name)
        .help(setting.help_text())
        .value_name(setting.kind.name());
    match setting.kind {
        Kind::Switch => switch(argument),
        Kind::Repeated(_) => argument.action(ArgAction::Append),
        kind if kind.is_repeated() => argument.action(ArgAction::Append),
        _ => argument.action(ArgAction::Set),
    }
}

/// True if it is only named; what outranks others must be able to say no.
fn switch(argument: Arg) -> Arg {
    argument
        .action(ArgAction::Set)
        .num_args(0..=1)
        .default_missing_value("true")
}

/// A file may hold all options, whoever reads it.
fn is_for_library(name: &str) -> bool {
    name == "config" || library_settings().any(|setting| setting.name == name)
}

/// Secrets are no flags.
fn serve_settings() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(|setting| !setting.is_secret)
}

fn library_settings() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(|setting| setting.is_for_library)
}

fn library_arguments() -> [Arg; 4] {
    [
        Arg::new("format").long("format").value_name("NAME").help(
            "universal (script tag, CommonJS, AMD, import for its effect) or esm (export default) \
             [default: universal]",
        ),
        switch(Arg::new("node").long("node").value_name("BOOL"))
            .help("For Node.js: with a WebSocket of its own [default: false]"),
        switch(Arg::new("legacy").long("legacy").value_name("BOOL"))
            .help("For browsers that know ES5 and no more: primus.js?legacy [default: false]"),
        Arg::new("out")
            .long("out")
            .value_name("FILE")
            .help("Where to write it [default: standard output]"),
    ]
}

fn library_flags(matches: &ArgMatches) -> Result<LibraryFlags, String> {
    let format = match matches.get_one::<String>("format") {
        Some(text) => choose(text, FORMATS).map_err(|reason| format!("--format: {reason}"))?,
        None => Format::default(),
    };
    let target = match (is_set(matches, "node")?, is_set(matches, "legacy")?) {
        (true, true) => return Err("--legacy: not together with --node".to_owned()),
        (false, true) if format == Format::Module => {
            return Err("--legacy: old browsers know no modules (--format esm)".to_owned());
        }
        (true, false) => Target::Node,
        (false, true) => Target::Legacy,
        (false, false) => Target::Browser,
    };
    let out = matches.get_one::<String>("out").cloned();
    Ok(LibraryFlags {
        format,
        target,
        out,
    })
}

/// Whether a switch is on that is no option.
fn is_set(matches: &ArgMatches, name: &str) -> Result<bool, String> {
    match matches.get_one::<String>(name) {
        Some(text) => yes_or_no(text).map_err(|reason| format!("--{name}: {reason}")),
        None => Ok(false),
    }
}

const FORMATS: &[(&str, Format)] = &[("universal", Format::Universal), ("esm", Format::Module)];

/// As a list is written in one word.
fn joined(values: impl Iterator<Item = String>) -> Option<String> {
    values.reduce(|list, value| list + "," + &value)
}

/// What was given of the settings that a command has.
fn flags(matches: &ArgMatches, settings: impl Iterator<Item = &'static Setting>) -> Flags {
    let mut flags = Flags {
        config: matches.get_one::<String>("config").cloned(),
        values: Vec::new(),
    };
    for setting in settings {
        let values = matches.get_many::<String>(setting.name).unwrap_or_default();
        let values = values.cloned();
        let values = match setting.kind {
            Kind::Repeated(_) => Vec::from_iter(joined(values)),
            _ => values.collect(),
        };
        let named = values.into_iter().map(|value| (setting.name, value));
        flags.values.extend(named);
    }
    flags
}

/// Reduces an error, which may fill a screen with usage, to its first line and its best advice.
fn one_line(error: &clap::Error) -> String {
    if let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg)
        && error.kind() == ErrorKind::UnknownArgument
        && let Some(instead) = instead(flag.trim_start_matches('-'))
    {
        return format!("{flag}: no such option: {instead}");
    }
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    let advice = match error.get(ContextKind::SuggestedArg) {
        Some(ContextValue::String(name)) => format!("; did you mean {name}?"),
        _ => "; see allspark --help".to_owned(),
    };
    format!("{first}{advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serve(line: &str) -> Flags {
        match read(line) {
            Ok(Request::Serve(flags)) => flags,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn read(line: &str) -> Result<Request, String> {
        parse(
            std::iter::once("allspark")
                .chain(line.split_whitespace())
                .map(OsString::from),
        )
    }

    #[test]
    fn serving_is_the_default() {
        assert_eq!(serve(""), Flags::default());
        assert_eq!(serve("serve"), Flags::default());
        let flags = serve("--app echo --config a.toml --listen 127.0.0.1:1");
        assert_eq!(
            flags,
            serve("serve --config a.toml --listen 127.0.0.1:1 --app=echo")
        );
        assert_eq!(flags.config.as_deref(), Some("a.toml"));
        assert_eq!(
            flags.values,
            [
                ("listen", "127.0.0.1:1".to_owned()),
                ("app", "echo".to_owned())
            ]
        );
    }

    #[test]
    fn a_switch_needs_no_value_and_a_transport_may_have_many() {
        let flags = serve("--transport a=1 --compression --transport b=2");
        assert_eq!(
            flags.values,
            [
                ("transport", "a=1".to_owned()),
                ("transport", "b=2".to_owned()),
                ("compression", "true".to_owned())
            ]
        );
    }

    #[test]
    fn places_are_given_one_by_one_or_as_a_list() {
        for line in ["--listen 1 --listen=:2", "--listen 1,:2"] {
            let flags = serve(line);
            assert_eq!(flags.values, [("listen", "1,:2".to_owned())], "{line}");
        }
    }

    #[test]
    fn a_switch_can_be_turned_off() {
        for line in ["--page=false", "--page false", "serve --page false"] {
            let flags = serve(line);
            assert_eq!(flags.values, [("page", "false".to_owned())], "{line}");
        }
        let Ok(Request::Library(_, library)) = read("library --node=no") else {
            panic!()
        };
        assert_eq!(library.target, Target::Browser);
        let Ok(Request::Library(_, library)) = read("library --legacy") else {
            panic!()
        };
        assert_eq!(library.target, Target::Legacy);
        assert_eq!(
            read("library --legacy --node").unwrap_err(),
            "--legacy: not together with --node"
        );
        assert_eq!(
            read("library --legacy --format esm").unwrap_err(),
            "--legacy: old browsers know no modules (--format esm)"
        );
    }

    #[test]
    fn the_library_has_options_of_its_own_and_those_that_change_it() {
        let line = "library --node --format ESM --out a.mjs --transformer sockjs --config b.toml";
        let Ok(Request::Library(flags, library)) = read(line) else {
            panic!()
        };
        assert_eq!(flags.config.as_deref(), Some("b.toml"));
        assert_eq!(flags.values, [("transformer", "sockjs".to_owned())]);
        let expected = LibraryFlags {
            format: Format::Module,
            target: Target::Node,
            out: Some("a.mjs".to_owned()),
        };
        assert_eq!(library, expected);
        let nothing = Request::Library(Flags::default(), LibraryFlags::default());
        assert_eq!(read("library"), Ok(nothing));
        let Ok(Request::Print(text)) = read("library --help") else {
            panic!()
        };
        for setting in SETTINGS {
            let is_there = text.contains(&format!("--{}", setting.name));
            assert_eq!(is_there, setting.is_for_library, "{}", setting.name);
        }
    }

    #[test]
    fn help_and_version_are_printed() {
        for line in ["--help", "-h", "serve --help"] {
            let Ok(Request::Print(text)) = read(line) else {
                panic!("{line}")
            };
            for setting in serve_settings() {
                let flag = format!("--{}", setting.name);
                let help = setting.help_text();
                assert!(
                    text.contains(&flag) && text.contains(&help),
                    "{line}: {flag}"
                );
            }
        }
        let Ok(Request::Print(text)) = read("--version") else {
            panic!()
        };
        assert!(text.starts_with("allspark 0."), "{text}");
    }

    #[test]
    fn an_error_is_one_line() {
        for (line, expected) in [
            (
                "--lisen 1",
                "unexpected argument '--lisen' found; did you mean --listen?",
            ),
            (
                "--zzz",
                "unexpected argument '--zzz' found; see allspark --help",
            ),
            (
                "librari",
                "unrecognized subcommand 'librari'; see allspark --help",
            ),
            (
                "library --listen 1",
                "unexpected argument '--listen' found; see allspark --help",
            ),
            (
                "library --format amd",
                "--format: \"amd\" is not known; the choices are: universal, esm",
            ),
            (
                "--listen",
                "a value is required for '--listen <[ADDRESS:]PORT>' but none was supplied; \
                 see allspark --help",
            ),
            (
                "library --node=perhaps",
                "--node: \"perhaps\" is not known; the choices are: true, false, yes, no, on, off, \
                 1, 0",
            ),
        ] {
            assert_eq!(read(line), Err(expected.to_owned()), "{line}");
        }
        for line in [
            "--app echo --app none",
            "--app echo serve",
            "serve x",
            "--compression --compression",
        ] {
            let error = read(line).unwrap_err();
            assert!(!error.contains('\n'), "{line}: {error}");
        }
    }
}
