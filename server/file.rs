//! The configuration file: TOML whose keys are the names of the options.
//!
//! An option stands at the top or in the section that the table names for it (`[limits]`), not in
//! both. Values become the texts that the command line would have carried; they are judged where
//! those are. A key that is no option is an error, not a remark.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::listener::written;
use crate::nearest::nearest;
use crate::of_primus::instead;
use crate::origin::{Origin, Problem};
use crate::plugin_settings::SETTING;
use crate::said::{PROBLEMS_MAX, Said};
use crate::setting::TLS;
use crate::table::{Kind, SETTINGS, Setting, find, find_in, is_section};
use crate::tls_sections;

/// Takes over what the file says, as far as it can be understood. Returns what is wrong, each in
/// one line that names file, line and key. Of a file that is not TOML nothing is taken over.
pub(crate) fn read(said: &mut Said, path: &str, text: &str) -> Vec<Problem> {
    let lines = LineStarts::of(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let errors = errors.into_iter().take(PROBLEMS_MAX);
        return errors
            .map(|error| {
                let at = error.span().map_or(0, |span| span.start);
                let reason = error.message().replace('\n', ", ");
                Problem::at(Origin::of_file(path, lines.place(at), ""), reason)
            })
            .collect();
    }
    let mut file = File {
        said,
        path,
        lines,
        seen: BTreeMap::new(),
        problems: Vec::new(),
    };
    for (key, value) in in_order(table.get_ref()) {
        file.entry(key, value);
    }
    file.problems
}

/// The entries as they stand in the file: TOML's table is sorted by name.
fn in_order<'t, 'f>(table: &'t DeTable<'f>) -> Vec<(&'t Key<'f>, &'t Spanned<DeValue<'f>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

/// The section of the file whose tables are plugins.
const PLUGINS: &str = "plugins";

struct File<'f> {
    said: &'f mut Said,
    path: &'f str,
    lines: LineStarts<'f>,
    /// Options that were found, and where.
    seen: BTreeMap<&'static str, Origin>,
    problems: Vec<Problem>,
}

/// A key with the place where it stands.
type Key<'t> = Spanned<Cow<'t, str>>;

impl File<'_> {
    /// An option at the top, or a section of them.
    fn entry(&mut self, key: &Key<'_>, value: &Spanned<DeValue<'_>>) {
        let name = key.get_ref();
        if name == PLUGINS {
            return self.plugins(key, value.get_ref());
        }
        if !is_section(name) {
            return self.option("", key, value.get_ref());
        }
        let Some(options) = value.get_ref().as_table() else {
            return self.complain(self.origin(key, name), "it has to be a table of options");
        };
        for (key, value) in in_order(options) {
            match value
                .get_ref()
                .as_table()
                .filter(|_| name == TLS && is_free(key.get_ref()))
            {
                Some(options) => self.tls_section(key, options),
                None => self.option(name, key, value.get_ref()),
            }
        }
    }

    /// A further configuration of TLS, by its name.
    fn tls_section(&mut self, key: &Key<'_>, options: &DeTable<'_>) {
        let name = key.get_ref();
        let origin = self.origin(key, &format!("{TLS}.{name}"));
        let before = self.problems.len();
        for (key, _) in in_order(options) {
            let option = key.get_ref();
            let found = find_in(TLS, option).filter(|setting| !setting.is_secret);
            if found.is_none_or(|setting| setting.kind == Kind::Section) {
                let origin = self.origin(key, &format!("{TLS}.{name}.{option}"));
                self.complain(origin, no_such_option(TLS, option));
            }
        }
        if self.problems.len() > before {
            return;
        }
        let Some(json) = table_json(options) else {
            return self.complain(origin, "its options have to be texts, numbers or arrays");
        };
        let setting = find(tls_sections::SETTING).expect("it is an option");
        self.said.say(setting, format!("{name}={json}"), origin);
    }

    /// Certificates for further names, each a table.
    fn certificates(
        &mut self,
        setting: &'static Setting,
        value: &DeValue<'_>,
        name: &str,
    ) -> Result<(), String> {
        let wrong = "it has to be an array of tables: write [[tls.certificates]] for each";
        for certificate in value.as_array().ok_or(wrong)? {
            let options = certificate.get_ref().as_table().ok_or(wrong)?;
            let json = table_json(options).ok_or("its options have to be texts")?;
            let place = self.lines.place(certificate.span().start);
            let origin = Origin::of_file(self.path, place, name);
            self.said.say(setting, json.to_string(), origin);
        }
        Ok(())
    }

    /// The table of plugins, each a table of its options.
    fn plugins(&mut self, key: &Key<'_>, value: &DeValue<'_>) {
        let Some(plugins) = value.as_table() else {
            let origin = self.origin(key, PLUGINS);
            return self.complain(origin, "it has to be a table of plugins");
        };
        let setting = find(SETTING).expect("it is an option");
        for (key, value) in in_order(plugins) {
            let name = key.get_ref();
            let origin = self.origin(key, &format!("{PLUGINS}.{name}"));
            match value.get_ref() {
                DeValue::Boolean(is_on) => {
                    self.said.say(setting, format!("{name}={is_on}"), origin);
                }
                DeValue::Table(options) => {
                    self.said.say(setting, format!("{name}=true"), origin);
                    self.plugin_options(setting, name, options);
                }
                _ => self.complain(origin, "it has to be a table of options"),
            }
        }
    }

    /// The options of a plugin, in JSON. A table within is named with a dot.
    fn plugin_options(&mut self, setting: &'static Setting, prefix: &str, options: &DeTable<'_>) {
        for (key, value) in in_order(options) {
            let path = format!("{prefix}.{}", key.get_ref());
            if let DeValue::Table(options) = value.get_ref() {
                self.plugin_options(setting, &path, options);
                continue;
            }
            let origin = self.origin(key, &format!("{PLUGINS}.{path}"));
            match json(value.get_ref()) {
                Some(json) => self.said.say(setting, format!("{path}={json}"), origin),
                None => self.complain(origin, "it has to be a text, a number, true or false"),
            }
        }
    }

    fn option(&mut self, section: &str, key: &Key<'_>, value: &DeValue<'_>) {
        let name = key.get_ref();
        let dot = if section.is_empty() { "" } else { "." };
        let origin = self.origin(key, &format!("{section}{dot}{name}"));
        let found = match section {
            "" => find(name),
            section => find_in(section, name),
        };
        let Some(setting) = found.filter(|setting| !setting.is_secret) else {
            return self.complain(origin, no_such_option(section, name));
        };
        if let Some(before) = self.seen.insert(setting.name, origin.clone()) {
            return self.complain(origin, format!("it stands at {before} already"));
        }
        if let Err(reason) = self.value(setting, key, value, &origin) {
            self.complain(origin, reason);
        }
    }

    /// Says what would have been said on the command line.
    fn value(
        &mut self,
        setting: &'static Setting,
        key: &Key<'_>,
        value: &DeValue<'_>,
        origin: &Origin,
    ) -> Result<(), String> {
        let text = match setting.kind {
            Kind::Plugin => return Err("write [plugins.NAME] with its options".to_owned()),
            Kind::Section => return Err("write [tls.NAME] with its options".to_owned()),
            Kind::Certificate => return self.certificates(setting, value, "tls.certificates"),
            Kind::Pair => {
                let table = value.as_table();
                let table = table.ok_or("it has to be a table of keys and values")?;
                return self.pairs(setting, key.get_ref(), "", table);
            }
            Kind::Repeated(_) if has_tables(value) => Cow::Owned(listeners(value)?),
            Kind::List | Kind::Repeated(_) => {
                text_or_list(value).ok_or("it has to be a text, or an array of texts")?
            }
            _ => text(value).ok_or("it has to be a text, a number, true or false")?,
        };
        self.said.say(setting, text, origin.clone());
        Ok(())
    }

    /// The pairs of a table. A dot in a key, which options of Primus have
    /// (`perMessageDeflate.threshold`), is a table within the table to TOML, unless it is quoted.
    fn pairs(
        &mut self,
        setting: &'static Setting,
        name: &str,
        prefix: &str,
        table: &DeTable<'_>,
    ) -> Result<(), String> {
        for (key, value) in in_order(table) {
            let pair = format!("{prefix}{}", key.get_ref());
            if let DeValue::Table(table) = value.get_ref() {
                self.pairs(setting, name, &format!("{pair}."), table)?;
                continue;
            }
            let text = text_or_list(value.get_ref()).ok_or_else(|| {
                format!("{pair:?} has to be a text, a number, true, false or an array of these")
            })?;
            let origin = self.origin(key, &format!("{name}.{pair}"));
            self.said.say(setting, format!("{pair}={text}"), origin);
        }
        Ok(())
    }

    fn origin(&self, key: &Key<'_>, name: &str) -> Origin {
        Origin::of_file(self.path, self.lines.place(key.span().start), name)
    }

    /// Only so many complaints are of use to anybody.
    fn complain(&mut self, origin: Origin, reason: impl fmt::Display) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem::at(origin, reason));
        }
    }
}

/// What is said about a key that is no option of this section, or none at all.
fn no_such_option(section: &str, key: &str) -> String {
    let found = find_in(section, key).or_else(|| find(key));
    if let Some(setting) = found {
        return match setting.section {
            _ if setting.is_secret => format!(
                "a secret belongs into a file of its own ({}-file) or into the environment",
                setting.key()
            ),
            "" => "no option of this section: it belongs to the top".to_owned(),
            section => format!(
                "no option of this section: it belongs to [{section}], as {}",
                setting.key()
            ),
        };
    }
    if let Some(instead) = instead(key) {
        return format!("no such option: {instead}");
    }
    let mut known: Vec<&str> = SETTINGS
        .iter()
        .filter(|setting| section.is_empty() || setting.section == section)
        .filter(|setting| !setting.is_secret)
        .map(|setting| match section {
            "" => setting.name,
            _ => setting.key(),
        })
        .collect();
    if section.is_empty() {
        let sections = SETTINGS.iter().map(|setting| setting.section);
        known.extend(sections.filter(|section| !section.is_empty()));
        known.push(PLUGINS);
    }
    match nearest(key, known.iter().copied()) {
        Some(near) => format!("no such option; did you mean {near}?"),
        None => {
            known.dedup();
            format!("no such option: there are {}", known.join(", "))
        }
    }
}

/// Whether some of what is listed are tables.
fn has_tables(value: &DeValue<'_>) -> bool {
    let mut elements = value.as_array().into_iter().flatten();
    elements.any(|element| element.get_ref().is_table()) || value.is_table()
}

/// Listeners of which some are tables, as they are written on the command line.
fn listeners(value: &DeValue<'_>) -> Result<String, String> {
    let wrong = "each is a text, or a table: write [[listen]]";
    let elements = value.as_array().ok_or(wrong)?;
    let texts = elements.iter().map(|element| match element.get_ref() {
        DeValue::Table(table) => {
            let options = in_order(table).into_iter().map(|(key, value)| {
                let value = text(value.get_ref());
                let value = value.ok_or_else(|| format!("{}: {wrong}", key.get_ref()))?;
                Ok((key.get_ref().to_string(), value.into_owned()))
            });
            written(&options.collect::<Result<Vec<_>, String>>()?)
        }
        other => text(other).map(Cow::into_owned).ok_or(wrong.to_owned()),
    });
    Ok(texts.collect::<Result<Vec<_>, _>>()?.join(","))
}

/// As [`text`], and of an array its elements, as a list is written on the command line.
fn text_or_list<'v>(value: &'v DeValue<'_>) -> Option<Cow<'v, str>> {
    let DeValue::Array(elements) = value else {
        return text(value);
    };
    let texts: Option<Vec<_>> = elements
        .iter()
        .map(|element| text(element.get_ref()))
        .collect();
    Some(Cow::Owned(texts?.join(",")))
}

fn text<'v>(value: &'v DeValue<'_>) -> Option<Cow<'v, str>> {
    match value {
        DeValue::String(text) => Some(Cow::Borrowed(text)),
        DeValue::Boolean(value) => Some(Cow::Owned(value.to_string())),
        DeValue::Integer(integer) if integer.radix() == 10 => Some(Cow::Borrowed(integer.as_str())),
        DeValue::Float(float) => Some(Cow::Borrowed(float.as_str())),
        _ => None,
    }
}

/// The value of an option of a plugin.
fn json(value: &DeValue<'_>) -> Option<serde_json::Value> {
    Some(match value {
        DeValue::String(text) => serde_json::Value::from(&**text),
        DeValue::Boolean(value) => serde_json::Value::from(*value),
        DeValue::Integer(integer) if integer.radix() == 10 => {
            serde_json::from_str(integer.as_str()).ok()?
        }
        DeValue::Float(float) => serde_json::from_str(float.as_str()).ok()?,
        DeValue::Array(elements) => {
            let elements = elements.iter().map(|element| json(element.get_ref()));
            serde_json::Value::Array(elements.collect::<Option<_>>()?)
        }
        DeValue::Table(table) => return table_json(table),
        _ => return None,
    })
}

fn table_json(table: &DeTable<'_>) -> Option<serde_json::Value> {
    let members = in_order(table).into_iter();
    let member = |(key, value): (&Key<'_>, &Spanned<DeValue<'_>>)| {
        Some((key.get_ref().to_string(), json(value.get_ref())?))
    };
    Some(serde_json::Value::Object(
        members.map(member).collect::<Option<_>>()?,
    ))
}

/// Whether a section of TLS may have this name, which is no option.
fn is_free(name: &str) -> bool {
    find_in(TLS, name).is_none()
}

/// The longest line in which characters are counted, for each option that stands in it.
const READABLE_BYTES_MAX: usize = 4096;

/// Where the lines of a text begin.
struct LineStarts<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> LineStarts<'t> {
    fn of(text: &'t str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1));
        Self {
            text,
            starts: starts.collect(),
        }
    }

    /// The line and the column of byte `at`, both counted from 1.
    fn place(&self, at: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= at);
        let start = self.starts[line - 1];
        // Of what nobody reads as a line the bytes will do.
        let before = self
            .text
            .get(start..at)
            .filter(|line| line.len() <= READABLE_BYTES_MAX);
        let before = before.map_or(at.saturating_sub(start), |line| line.chars().count());
        (line, 1 + before)
    }
}

#[cfg(test)]
mod tests {
    use allspark::{Cors, CorsOptions};

    use super::{Problem, Said, read as read_into};
    use crate::settings::{App, Settings};

    fn read(text: &str) -> Result<Settings, String> {
        let mut said = Said::nothing();
        let problems = read_into(&mut said, "a.toml", text).into_iter();
        match problems.map(Problem::into_line).next() {
            Some(problem) => Err(problem),
            None => Settings::read(&said),
        }
    }

    #[test]
    fn numbers_texts_and_switches_are_understood() {
        let settings = read(
            "# a remark\nlisten = \"127.0.0.1:81\"\nmax-length = 1_000\nping-interval = false\n\
             app = 'Echo'\ncompression = false\nshards = \"2\"\n\
             credentials = false\nmax-age = '1 day'\nexposed = false",
        )
        .unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:81");
        assert_eq!(settings.app, App::Echo);
        let options = settings.options;
        assert_eq!(options.limits.max_length.get(), 1000);
        assert_eq!(options.ping_interval.ms(), None);
        assert_eq!(options.shards.unwrap().get(), 2);
        let cors = CorsOptions {
            credentials: false,
            max_age_s: 24 * 60 * 60,
            ..CorsOptions::default()
        };
        assert_eq!(options.cors, Cors::new(&cors).unwrap());
        let settings = read("listen = [':81', \"127.0.0.1:82\", 83]").unwrap();
        let places = ":81,127.0.0.1:82,127.0.0.1:83";
        assert_eq!(settings.listen.to_string(), places);
        let settings = read("[transport]\npingTimeout = 5_000\ncookie = 'io'").unwrap();
        let pairs = settings.options.transport.pairs().iter();
        let pairs: Vec<(&str, &str)> = pairs.map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("pingTimeout", "5000"), ("cookie", "io")]);
    }

    #[test]
    fn a_list_is_an_array_or_a_text() {
        for text in [
            "origins = ['http://a', 'http://b']\nmethods = ['GET', 'POST']\nheaders = []",
            "origins = 'http://a,http://b'\nmethods = 'GET,POST'\nheaders = ''",
        ] {
            let cors = CorsOptions {
                origins: "http://a http://b".to_owned(),
                methods: "GET POST".to_owned(),
                ..CorsOptions::default()
            };
            let expected = Cors::new(&cors).unwrap();
            assert_eq!(read(text).unwrap().options.cors, expected);
        }
        let all = read("origins = ['*']").unwrap().options.cors;
        assert_eq!(all, Cors::default());
    }

    #[test]
    fn an_option_stands_at_the_top_or_in_its_section() {
        for text in [
            "max-length = 7\nconnections-max = 8\nmethods = 'PUT'",
            "[cors]\nmethods = ['PUT']\n[limits]\nmax-length = 7\nconnections-max = 8",
            "max-length = 7\nlimits.connections-max = 8\ncors.methods = 'PUT'",
        ] {
            let options = read(text).unwrap().options;
            assert_eq!(options.limits.max_length.get(), 7, "{text}");
            assert_eq!(options.limits.connections_max.get(), 8, "{text}");
            let cors = CorsOptions {
                methods: "PUT".to_owned(),
                ..CorsOptions::default()
            };
            assert_eq!(options.cors, Cors::new(&cors).unwrap(), "{text}");
        }
    }

    #[test]
    fn a_key_with_a_dot_needs_no_quotes() {
        for text in [
            "[transport]\nperMessageDeflate.threshold = 64\ntransports = ['polling', 'websocket']",
            "[transport]\n'perMessageDeflate.threshold' = 64\ntransports = 'polling,websocket'",
            "transport.perMessageDeflate.threshold = 64\n\
             transport.transports = ['polling', 'websocket']",
            "[transport.perMessageDeflate]\nthreshold = 64\n[transport]\n\
             transports = ['polling', 'websocket']",
        ] {
            let mut pairs = read(text).unwrap().options.transport.pairs().to_vec();
            pairs.sort();
            let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
            let expected = [
                ("perMessageDeflate.threshold", "64"),
                ("transports", "polling,websocket"),
            ];
            assert_eq!(pairs, expected.map(pair), "{text}");
        }
    }

    #[test]
    fn an_error_names_file_line_and_key_in_one_line() {
        for (text, expected) in [
            (
                "app = 'echo'\nlisen = 1",
                "a.toml:2: lisen: no such option; did you mean listen?",
            ),
            (
                "\n\nping_interval = 1",
                "a.toml:3: ping_interval: no such option; did you mean ping-interval?",
            ),
            (
                "zzz = 1",
                "a.toml:1: zzz: no such option: there are listen, ",
            ),
            (
                "timeout = 1",
                "a.toml:1: timeout: no such option: it has been removed",
            ),
            (
                "pingInterval = 1",
                "a.toml:1: pingInterval: no such option; did you mean ping-interval?",
            ),
            (
                "iknowclusterwillbreakconnections = true",
                "a.toml:1: iknowclusterwillbreakconnections: no such option: there is no warning",
            ),
            (
                "shards = 1.5",
                "a.toml:1: shards: \"1.5\" is not a number from 1 to 1024",
            ),
            (
                "shards = [1]",
                "a.toml:1: shards: it has to be a text, a number",
            ),
            (
                "[transport]\na.b = 1979-05-27",
                "a.toml:1: transport: \"a.b\" has to be a text",
            ),
            (
                "[transport]\na = [[1]]",
                "a.toml:1: transport: \"a\" has to be a text",
            ),
            (
                "origins = [1, [2]]",
                "a.toml:1: origins: it has to be a text, or an array",
            ),
            (
                "origins = ['http://a', 'b']",
                "a.toml:1: origins: \"b\" is no origin",
            ),
            (
                "transport = 'a'",
                "a.toml:1: transport: it has to be a table",
            ),
            ("\"a\\nb\" = 1", "a.toml:1: a\\nb: no such option"),
            ("shards = 1\nshards = 2", "a.toml:2: "),
            ("shards", "a.toml:1: "),
            ("app = 'x", "a.toml:1: "),
        ] {
            refuses(text, expected);
        }
    }

    fn refuses(text: &str, expected: &str) {
        let error = read(text).unwrap_err();
        assert!(error.starts_with(expected), "{text:?}: {error}");
        assert!(!error.contains('\n'), "{text:?}: {error}");
    }

    #[test]
    fn in_their_section_options_of_authorization_have_no_prefix() {
        for text in [
            "auth-jwks-file = 'a'\nauth-jwt-issuer = ['b', 'c']",
            "[authorization]\njwks-file = 'a'\njwt-issuer = 'b,c'",
        ] {
            let auth = read(text).unwrap().options.authorization;
            assert_eq!(auth.jwks_file.unwrap().to_str(), Some("a"), "{text}");
            assert_eq!(auth.jwt_issuer, ["b", "c"], "{text}");
        }
        refuses(
            "[authorization]\nauth-jwks-file = 'a'",
            "a.toml:2: authorization.auth-jwks-file: no option of this section: it belongs to \
             [authorization], as jwks-file",
        );
        refuses(
            "[authorization]\njwks-fiel = 'a'",
            "a.toml:2: authorization.jwks-fiel: no such option; did you mean jwks-file?",
        );
        refuses(
            "[authorization]\njwt-leeway = -1",
            "a.toml:2: authorization.jwt-leeway: \"-1\" is not a number from 0 to 3600",
        );
    }

    #[test]
    fn an_error_names_the_section() {
        for (text, expected) in [
            (
                "[limits]\nmax-lenght = 1",
                "a.toml:2: limits.max-lenght: no such option; did you mean max-length?",
            ),
            (
                "[limits]\norigins = '*'",
                "a.toml:2: limits.origins: no option of this section: it belongs to [cors], as \
                 origins",
            ),
            (
                "[limits]\nshards = 1",
                "a.toml:2: limits.shards: no option of this section: it belongs to the top",
            ),
            (
                "[limits]\nzzz = 1",
                "a.toml:2: limits.zzz: no such option: there are max-length, send-queue",
            ),
            (
                "[limit]\nmax-length = 1",
                "a.toml:1: limit: no such option; did you mean limits?",
            ),
            (
                "limits = 1",
                "a.toml:1: limits: it has to be a table of options",
            ),
            (
                "[limits]\nmax-length = 0",
                "a.toml:2: limits.max-length: \"0\" is not a number from 1 to",
            ),
            (
                "max-length = 1\n[limits]\n\nmax-length = 2",
                "a.toml:4: limits.max-length: it stands at a.toml:1: max-length already",
            ),
        ] {
            refuses(text, expected);
        }
    }
}
