//! Where the settings come from: file, then environment, then command line, the later outranking
//! the earlier.
//!
//! A refusal names its place (`--listen`, `ALLSPARK_LISTEN`, or file, line and key) and is one
//! line. Nothing is read unless it was asked for: there is no file without `--config`. A variable
//! that only looks like an option is refused, because its owner believes that it has an effect;
//! one that concerns only the server is none of the client library's business.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

mod pages;
mod read;
mod show;

use crate::file;
use crate::flags::{self, ConfigRequest, Flags, LibraryFlags, Request};
use crate::health_command::Target;
use crate::nearest::nearest;
use crate::of_primus::instead;
use crate::origin::{Origin, Problem};
use crate::said::Said;
use crate::setting::AUTHORIZATION;
use crate::settings::Settings;
use crate::table::{self, SETTINGS, Setting};

/// What the process is to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Serve, and look for other settings later.
    Serve(Box<Settings>, Told),
    /// Write the client library.
    Library(Box<Settings>, LibraryFlags),
    /// Make a line of the file of users of the dashboard, for the user of this name.
    AdminPassword(String),
    /// Ask a server whether it is well.
    Health(Target),
    /// Print this text and end.
    Print(String),
    /// Print these complaints, each in a line, and end.
    Complain(Vec<String>),
}

/// What was said, and who said it, so that it can be asked for again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    sources: Sources,
    pub(crate) said: Said,
}

impl Told {
    /// What the sources say now: the file is read anew, while flags and variables stay.
    ///
    /// # Errors
    /// All that is wrong.
    pub(crate) fn again(&self) -> Result<Said, Vec<Problem>> {
        self.sources.load().map(|(_, said)| said)
    }
}

/// Puts together what the command line (the program's own name first), the environment and the
/// file say.
///
/// # Errors
/// What is wrong and where, in one line.
pub(crate) fn load(
    args: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Command, String> {
    let environment = Environment::of(environment);
    match flags::parse(args)? {
        Request::Serve(flags) => {
            let sources = Sources { flags, environment };
            let (settings, said) = sources.load().map_err(first)?;
            Ok(Command::Serve(Box::new(settings), Told { sources, said }))
        }
        Request::Library(flags, library) => {
            let sources = Sources { flags, environment };
            let settings = sources.load_for_library()?;
            Ok(Command::Library(Box::new(settings), library))
        }
        Request::AdminPassword(name) => Ok(Command::AdminPassword(name)),
        Request::Health(_, Some(url)) => Ok(Command::Health(url.parse()?)),
        Request::Health(flags, None) => {
            let sources = Sources { flags, environment };
            let (settings, _) = sources.load().map_err(first)?;
            let has_tls = settings.options.tls.is_on();
            Target::of_server(&settings.listen, has_tls).map(Command::Health)
        }
        Request::Config(request) => about_config(request, environment),
        Request::Print(text) => Ok(Command::Print(text)),
    }
}

/// What `allspark config` is asked for.
fn about_config(request: ConfigRequest, environment: Environment) -> Result<Command, String> {
    match request {
        ConfigRequest::Check(flags) => {
            let sources = Sources { flags, environment };
            let Some(path) = sources.path()? else {
                return Err("config check: name the file to be checked".to_owned());
            };
            Ok(match sources.load() {
                Ok(_) => Command::Print(format!("{path}: all right\n")),
                Err(mut problems) => {
                    problems.sort_by_key(Problem::position);
                    Command::Complain(problems.iter().map(Problem::exact_line).collect())
                }
            })
        }
        ConfigRequest::Show(flags, form) => {
            let sources = Sources { flags, environment };
            let (_, said) = sources.load().map_err(first)?;
            Ok(Command::Print(show::text(&said, form)))
        }
        ConfigRequest::Default => Ok(Command::Print(pages::EXAMPLE.to_owned())),
        ConfigRequest::Schema => Ok(Command::Print(pages::SCHEMA.to_owned())),
    }
}

fn first(problems: Vec<Problem>) -> String {
    let mut problems = problems.into_iter();
    problems.next().map_or(String::new(), Problem::into_line)
}

/// Who says something, but for the file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sources {
    flags: Flags,
    environment: Environment,
}

impl Sources {
    /// What they say to a server.
    ///
    /// # Errors
    /// All that is wrong.
    fn load(&self) -> Result<(Settings, Said), Vec<Problem>> {
        let mut problems = Vec::new();
        let wrong_names = self.environment.wrong_names();
        problems.extend(wrong_names.map(|line| Problem::found(line, std::iter::empty())));
        let (settings, said) = self.read(|_| true, &mut problems);
        if let Some(settings) = settings {
            let wrong = settings.problems(&said);
            problems.extend(wrong.map(|line| Problem::found(line, said.origins())));
            if problems.is_empty() {
                return Ok((settings, said));
            }
        }
        Err(problems)
    }

    /// What they say about the client library. With authorization clients are told not to try again
    /// and again; the rest of the environment is the business of the server.
    fn load_for_library(&self) -> Result<Settings, String> {
        let concerns =
            |setting: &Setting| setting.is_for_library || setting.section == AUTHORIZATION;
        let mut problems = Vec::new();
        let (settings, said) = self.read(concerns, &mut problems);
        match settings.filter(|_| problems.is_empty()) {
            Some(settings) => settings.plugin.check(&said).map(|()| settings),
            None => Err(first(problems)),
        }
    }

    /// What the sources say, of the environment only what `concerns` the command. Each source is
    /// judged before the next one outranks it: what is wrong in a file is told even if a flag makes
    /// up for it.
    fn read(
        &self,
        concerns: impl Fn(&Setting) -> bool,
        problems: &mut Vec<Problem>,
    ) -> (Option<Settings>, Said) {
        let mut said = Said::nothing();
        let complain = |line: String| Problem::found(line, std::iter::empty());
        match self.path() {
            Ok(None) => {}
            Ok(Some(path)) => {
                match read::text(&path) {
                    Ok(text) => problems.extend(file::read(&mut said, &path, &text)),
                    Err(reason) => problems.push(complain(format!("{path}: {reason}"))),
                }
                said.read_on::<Settings>(problems);
            }
            Err(line) => problems.push(complain(line)),
        }
        for setting in SETTINGS.iter().filter(|setting| concerns(setting)) {
            let name = variable_of(setting);
            match self.environment.text(&name) {
                Ok(None) => {}
                Ok(Some(text)) => {
                    let origin = Origin::of_variable(&format!("{PREFIX}{name}"));
                    said.say(setting, text, origin);
                }
                Err(line) => problems.push(complain(line)),
            }
        }
        said.read_on::<Settings>(problems);
        for (name, text) in &self.flags.values {
            let setting = table::find(name).expect("flags are options");
            said.say(setting, text, Origin::of_flag(name));
        }
        (said.read_on(problems), said)
    }

    /// The file that is named.
    fn path(&self) -> Result<Option<String>, String> {
        match &self.flags.config {
            Some(path) => Ok(Some(path.clone())),
            None => self.environment.text(CONFIG),
        }
    }
}

/// The variables that begin with `ALLSPARK_`, by what follows. One that is set to nothing counts as
/// not set: that is how compose files unset one.
#[derive(Clone, PartialEq, Eq)]
struct Environment(BTreeMap<String, OsString>);

impl fmt::Debug for Environment {
    /// There are secrets among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

const PREFIX: &str = "ALLSPARK_";

/// The one variable that is no setting.
const CONFIG: &str = "CONFIG";

impl Environment {
    fn of(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let ours = variables.into_iter().filter_map(|(name, value)| {
            let name = name.to_str()?.strip_prefix(PREFIX)?.to_owned();
            (!value.is_empty()).then_some((name, value))
        });
        Self(ours.collect())
    }

    fn text(&self, name: &str) -> Result<Option<String>, String> {
        let text = self.0.get(name).map(|value| value.clone().into_string());
        text.transpose()
            .map_err(|_| format!("{PREFIX}{name}: it is not UTF-8"))
    }

    /// What is said of variables that are no options.
    fn wrong_names(&self) -> impl Iterator<Item = String> {
        let mut known: Vec<String> = SETTINGS.iter().map(variable_of).collect();
        known.push(CONFIG.to_owned());
        self.0.iter().filter_map(move |(name, value)| {
            if known.contains(name) || is_link(name, value) {
                return None;
            }
            if let Some(instead) = instead(name) {
                return Some(format!("{PREFIX}{name}: no such option: {instead}"));
            }
            let advice = match nearest(name, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean {PREFIX}{near}?"),
                None => "see allspark --help".to_owned(),
            };
            let name = name.escape_debug();
            Some(format!("{PREFIX}{name}: no such option; {advice}"))
        })
    }
}

fn variable_of(setting: &Setting) -> String {
    setting.name.replace('-', "_").to_uppercase()
}

/// Whether Kubernetes sets this variable for a service that is called `allspark`, or Docker for a
/// linked container of that name. Nobody means an option by it.
fn is_link(name: &str, value: &OsString) -> bool {
    let is_address = || {
        let value = value.to_string_lossy();
        ["tcp://", "udp://", "sctp://"]
            .iter()
            .any(|scheme| value.starts_with(scheme))
    };
    let has_number = |rest: &str| rest.starts_with(|char: char| char.is_ascii_digit());
    match name {
        "NAME" => value.to_string_lossy().starts_with('/'),
        "PORT" => is_address(),
        "SERVICE_HOST" | "SERVICE_PORT" => true,
        _ => {
            name.starts_with("SERVICE_PORT_")
                || name.starts_with("ENV_")
                || name.strip_prefix("PORT_").is_some_and(has_number)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::ffi::OsStringExt;

    use allspark_client::library::{Format, Library};

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
            environment(variables),
        )
    }

    fn environment(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        let pair = |(name, value): &(&str, &str)| (name.into(), value.into());
        variables.iter().map(pair).collect()
    }

    fn settings(text: &str, variables: &[(&str, &str)], line: &str) -> Settings {
        match load_from(text, variables, line) {
            Ok(Command::Serve(settings, _)) => *settings,
            other => panic!("{other:?}"),
        }
    }

    fn defaults() -> Settings {
        Settings::read(&Said::nothing()).unwrap()
    }

    #[test]
    fn nothing_said_means_the_defaults() {
        assert_eq!(settings("", &[], ""), defaults());
    }

    #[test]
    fn the_command_line_outranks_the_environment_which_outranks_the_file() {
        let text = "app = 'echo'\nshards = 2\nping-interval = 7\n";
        let variables = [("ALLSPARK_SHARDS", "3"), ("ALLSPARK_PING_INTERVAL", "8")];
        let settings = settings(text, &variables, "--ping-interval 9");
        assert_eq!(settings.app, App::Echo);
        assert_eq!(settings.options.shards.unwrap().get(), 3);
        assert_eq!(settings.options.ping_interval.ms(), Some(9));
    }

    #[test]
    fn the_library_is_that_of_the_server_with_the_same_settings() {
        let variables = [("ALLSPARK_PATHNAME", "/chat")];
        let command = load_from("shards = 2\nparser = 'raw'", &variables, "");
        let served = match command {
            Ok(Command::Serve(settings, _)) => settings,
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
        let command = load(args.map(OsString::from), []);
        let Ok(Command::Library(settings, flags)) = command else {
            panic!("{command:?}");
        };
        assert_eq!(flags, LibraryFlags::default());
        let (here, there) = (settings.options, served.options);
        assert_eq!((here.pathname, here.parser), (there.pathname, there.parser));
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        let variables = [("ALLSPARK_SHARDS", ""), ("ALLSPARK_CONFIG", "")];
        let settings = settings("shards = 2", &variables, "");
        assert_eq!(settings.options.shards.unwrap().get(), 2);
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
    fn what_is_wrong_is_told_even_if_it_is_outranked() {
        let error = load_from("shards = 0", &[], "--shards 1").unwrap_err();
        assert!(error.contains("allspark.toml:1: shards: "), "{error}");
        let variables = [("ALLSPARK_SHARDS", "0")];
        let error = load_from("", &variables, "--shards 1").unwrap_err();
        assert!(error.starts_with("ALLSPARK_SHARDS: "), "{error}");
    }

    #[test]
    fn what_does_not_go_together_is_told_with_its_place() {
        let error = load_from("[transport]\na = 1\npingTimeot = 1", &[], "--transport b=1");
        let error = error.unwrap_err();
        assert!(
            error.contains("allspark.toml:2: transport.a: the transformer `any` has no transport"),
            "{error}"
        );
        let variables = [("ALLSPARK_TRANSFORMER", "engine.io")];
        let error = load_from("", &variables, "--transport pingTimeot=1").unwrap_err();
        assert!(error.starts_with("--transport: the transformer"), "{error}");
        assert!(error.ends_with("; did you mean pingTimeout?"), "{error}");
        let error = load_from("", &[("ALLSPARK_PATHNAME", "/stats")], "").unwrap_err();
        assert!(
            error.starts_with("ALLSPARK_PATHNAME: /stats would hide /stats"),
            "{error}"
        );
    }

    #[test]
    fn plugins_add_up_and_their_options_are_judged_where_they_were_said() {
        let names = |text: &str, variables: &[_], line: &str| {
            let settings = settings(text, variables, line);
            let names: Vec<String> = settings.plugin.names().map(str::to_owned).collect();
            names.join(" ")
        };
        let file = "[plugins.omega-supreme]\nusername = 'a'\npassword = 'hush'\n";
        assert_eq!(names(file, &[], ""), "omega-supreme");
        let variable = [("ALLSPARK_PLUGIN", "metroplex")];
        assert_eq!(names(file, &variable, ""), "metroplex omega-supreme");
        assert_eq!(names(file, &[], "--plugin omega-supreme=false"), "");
        assert_eq!(names("plugins.metroplex = true", &[], ""), "metroplex");
        for (text, line, expected) in [
            (
                "[plugins.omega-suprem]",
                "",
                "allspark.toml:1: plugins.omega-suprem: no such plugin; did you mean \
                 omega-supreme?",
            ),
            (
                "[plugins.omega-supreme]\n\nusernam = 'a'",
                "",
                "allspark.toml:3: plugins.omega-supreme.usernam: no such option; did you mean \
                 username?",
            ),
            (
                "plugins.omega-supreme.concurrently = []",
                "",
                "allspark.toml:1: plugins.omega-supreme.concurrently: invalid type",
            ),
            (
                "plugins = 1",
                "",
                "allspark.toml:1: plugins: it has to be a table of plugins",
            ),
            (
                "plugin = 'a'",
                "",
                "allspark.toml:1: plugin: write [plugins.NAME]",
            ),
            (
                "",
                "--plugin omega-supreme.password=hush",
                "--plugin: omega-supreme.password is a secret, and everybody",
            ),
            (
                "",
                "--plugin metroplex.redis=redis://:hush@localhost",
                "--plugin: metroplex.redis is a secret, and everybody",
            ),
            (
                "",
                "--plugin metrplex",
                "--plugin: no such plugin; did you mean metroplex?",
            ),
            (
                "",
                "--plugin a=1",
                "--plugin: it has to be NAME, NAME=false or",
            ),
        ] {
            let error = load_from(text, &[], line).unwrap_err();
            assert!(error.contains(expected), "{text:?} {line}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_secret_comes_from_the_environment_and_is_never_told() {
        let tokens = "hush-hush-hush-hush ann";
        let told = settings("", &[("ALLSPARK_AUTH_TOKENS", tokens)], "");
        assert!(told.options.authorization.is_on());
        assert!(!format!("{told:?}").contains("hush"), "{told:?}");
        for (variable, value) in [
            ("ALLSPARK_AUTH_TOKENS", "hush"),
            ("ALLSPARK_AUTH_JWT_SECRET", "hush"),
            ("ALLSPARK_AUTH_SESSION_SECRETS", "hush"),
        ] {
            let error = load_from("", &[(variable, value)], "").unwrap_err();
            assert!(error.starts_with(&format!("{variable}: ")), "{error}");
            assert!(!error.contains("hush") && !error.contains('\n'), "{error}");
        }
        let error = load_from("", &[], "--auth-tokens hush").unwrap_err();
        assert!(
            error.starts_with("unexpected argument '--auth-tokens'"),
            "{error}"
        );
        for text in [
            "auth-jwt-secret = 'hush'",
            "[authorization]\njwt-secret = 'hush'",
        ] {
            let error = load_from(text, &[], "").unwrap_err();
            assert!(error.contains("(jwt-secret-file)"), "{error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn keys_are_read_before_the_server_starts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let line = format!("--auth-jwks-file {}", path.display());
        let error = load_from("", &[], &line).unwrap_err();
        let there_is_none = format!("--auth-jwks-file: {}: No such file", path.display());
        assert!(error.starts_with(&there_is_none), "{error}");
        fs::write(&path, "{\"keys\":\"hush\"}").unwrap();
        let text = format!("[authorization]\njwks-file = {path:?}");
        let error = load_from(&text, &[], "").unwrap_err();
        assert!(
            error.contains("allspark.toml:2: authorization.jwks-file: "),
            "{error}"
        );
        assert!(error.ends_with("see line 1, column 14"), "{error}");
        fs::write(&path, "0123456789abcdef").unwrap();
        let line = format!("--auth-tokens-file {}", path.display());
        assert!(load_from("", &[], &line).is_ok());
        let variables = [("ALLSPARK_AUTH_TOKENS", "fedcba9876543210")];
        let error = load_from("", &variables, &line).unwrap_err();
        assert!(
            error.starts_with("ALLSPARK_AUTH_TOKENS: auth-tokens-file is there, too"),
            "{error}"
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let args = ["allspark", "--config", "/nowhere.toml"].map(OsString::from);
        let error = load(args, []).unwrap_err();
        assert_eq!(
            error,
            "/nowhere.toml: No such file or directory (os error 2)"
        );
    }

    #[test]
    fn a_variable_that_is_not_utf_8_is_refused() {
        let value = OsString::from_vec(vec![0xff]);
        let error = load(
            [OsString::from("allspark")],
            [("ALLSPARK_APP".into(), value)],
        );
        assert_eq!(error.unwrap_err(), "ALLSPARK_APP: it is not UTF-8");
    }

    #[test]
    fn a_variable_that_is_no_option_is_refused_with_the_nearest_one() {
        for (name, expected) in [
            ("ALLSPARK_LISEN", "did you mean ALLSPARK_LISTEN?"),
            (
                "ALLSPARK_PINGINTERVAL",
                "did you mean ALLSPARK_PING_INTERVAL?",
            ),
            ("ALLSPARK_CONFIGFILE", "did you mean ALLSPARK_CONFIG?"),
            ("ALLSPARK_", "see allspark --help"),
            ("ALLSPARK_A\nB", "see allspark --help"),
        ] {
            let error = load_from("", &[(name, "1")], "").unwrap_err();
            let expected = format!("{}: no such option; {expected}", name.escape_debug());
            assert_eq!(error, expected);
            assert_eq!(settings("", &[(name, "")], ""), defaults());
        }
        assert_eq!(settings("", &[("ALLSPARKLE", "1")], ""), defaults());
        let error = load_from("", &[("ALLSPARK_PORT", "1")], "").unwrap_err();
        assert_eq!(
            error,
            "ALLSPARK_PORT: no such option: write it behind listen"
        );
        let error = load_from("", &[], "--timeout 1").unwrap_err();
        assert!(
            error.starts_with("--timeout: no such option: it has been removed"),
            "{error}"
        );
    }

    #[test]
    fn what_kubernetes_and_docker_set_for_a_service_of_this_name_is_no_option() {
        let variables = [
            ("ALLSPARK_SERVICE_HOST", "10.0.0.1"),
            ("ALLSPARK_SERVICE_PORT", "8080"),
            ("ALLSPARK_SERVICE_PORT_HTTP", "8080"),
            ("ALLSPARK_PORT", "tcp://10.0.0.1:8080"),
            ("ALLSPARK_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
            ("ALLSPARK_PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("ALLSPARK_NAME", "/web/allspark"),
            ("ALLSPARK_ENV_PATH", "/bin"),
        ];
        assert_eq!(settings("", &variables, ""), defaults());
    }

    #[test]
    fn the_library_does_not_mind_variables_of_the_server() {
        let variables = [
            ("ALLSPARK_LISTEN", "nonsense"),
            ("ALLSPARK_TRANSPORT", "pingTimeout=soon"),
            ("ALLSPARK_LISEN", "1"),
            ("ALLSPARK_PATHNAME", "/chat"),
        ];
        let args = ["allspark", "library", "--transformer", "sockjs"].map(OsString::from);
        let command = load(args.clone(), environment(&variables));
        let Ok(Command::Library(settings, _)) = command else {
            panic!("{command:?}");
        };
        assert_eq!(settings.options.pathname.as_str(), "/chat");
        let error = load(args, environment(&[("ALLSPARK_PATHNAME", "//x")])).unwrap_err();
        assert!(error.starts_with("ALLSPARK_PATHNAME: "), "{error}");
    }

    #[test]
    fn the_library_knows_whether_there_is_authorization() {
        let args = ["allspark", "library"].map(OsString::from);
        for (variables, expected) in [
            (&[][..], false),
            (&[("ALLSPARK_AUTH_TOKENS_FILE", "tokens.txt")], true),
        ] {
            let command = load(args.clone(), environment(variables));
            let Ok(Command::Library(settings, _)) = command else {
                panic!("{command:?}");
            };
            let library = settings.options.library(Library::new());
            let text = library.assemble(Format::Universal).unwrap();
            assert!(text.contains(&format!("authorization: {expected}")));
        }
    }

    #[test]
    fn a_switch_is_turned_off_where_it_outranks_others() {
        let text = "compression = true";
        assert!(settings(text, &[], "").options.compression);
        for line in ["--compression=false", "--compression no", "--compression=0"] {
            assert!(!settings(text, &[], line).options.compression, "{line}");
        }
        for (value, expected) in [("1", true), ("yes", true), ("true", true), ("0", false)] {
            let variables = [("ALLSPARK_COMPRESSION", value)];
            assert_eq!(settings("", &variables, "").options.compression, expected);
        }
        let variables = [("ALLSPARK_COMPRESSION", "0")];
        assert!(
            settings(text, &variables, "--compression")
                .options
                .compression
        );
        assert!(!settings(text, &variables, "").options.compression);
    }
}
