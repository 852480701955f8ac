//! What an operator says about hooks.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use allspark::auth::Secret;
use allspark_protocol::http::is_token;
use allspark_protocol::options::{self, Bounded, UnknownChoice};
use serde::{Deserialize, Deserializer};
use ureq::http::Uri;

use super::kind::Kind;
use crate::asked_url::{self, Wrong};

/// Milliseconds that a request may take: from 1 to a minute.
pub(super) type TimeoutMs = Bounded<1, TIMEOUT_MS_HIGHEST>;
/// How often a request is tried again.
pub(super) type Retries = Bounded<0, RETRIES_HIGHEST>;
/// Bytes of events that wait.
pub(super) type QueueBytes = Bounded<QUEUE_BYTES_LEAST, { u64::MAX }>;
/// The same of one spark.
pub(super) type SparkQueueBytes = Bounded<SPARK_QUEUE_BYTES_LEAST, { u64::MAX }>;
/// Requests that are under way at once, each of which is a thread.
pub(super) type Lanes = Bounded<1, LANES_HIGHEST>;

pub(super) const TIMEOUT_MS_HIGHEST: u64 = 60 * 1000;
pub(super) const RETRIES_HIGHEST: u64 = 1_000_000;
/// With less a single lane would stop for a handful of connections.
pub(super) const QUEUE_BYTES_LEAST: u64 = 64 * 1024;
/// With less even short messages would go one by one.
pub(super) const SPARK_QUEUE_BYTES_LEAST: u64 = 4 * 1024;
pub(super) const LANES_HIGHEST: u64 = 64;

/// Which application is told of what, and how.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct HooksOptions {
    /// Where events go.
    #[serde(deserialize_with = "url")]
    pub(super) url: Option<HookUrl>,
    /// Where events of one kind go instead.
    #[serde(deserialize_with = "event_urls")]
    pub(super) event_url: Vec<(Kind, HookUrl)>,
    /// Which events are told.
    pub(super) events: Events,
    /// Secrets that sign requests, one per line.
    #[serde(deserialize_with = "path")]
    pub(super) secret_file: Option<PathBuf>,
    /// Such secrets themselves.
    pub(super) secret: Option<Secret>,
    pub(super) timeout: TimeoutMs,
    pub(super) retries: Retries,
    pub(super) queue: QueueBytes,
    /// How much of one spark may wait of that.
    pub(super) queue_per_spark: SparkQueueBytes,
    /// When who connects is told.
    #[serde(deserialize_with = "options::deserialize")]
    pub(super) connect: WhenConnects,
    #[serde(deserialize_with = "options::deserialize")]
    pub(super) when_down: WhenDown,
    /// Where events go that could not be told.
    #[serde(deserialize_with = "path")]
    pub(super) dead_letters: Option<PathBuf>,
    pub(super) lanes: Lanes,
    /// Headers of the request that a connect tells.
    pub(super) headers: Headers,
}

impl Default for HooksOptions {
    fn default() -> Self {
        Self {
            url: None,
            event_url: Vec::new(),
            events: Events::default(),
            secret_file: None,
            secret: None,
            timeout: Bounded::of(5_000),
            retries: Bounded::of(30),
            queue: Bounded::of(64 * 1024 * 1024),
            queue_per_spark: Bounded::of(1024 * 1024),
            connect: WhenConnects::default(),
            when_down: WhenDown::default(),
            dead_letters: None,
            lanes: Bounded::of(4),
            headers: Headers::default(),
        }
    }
}

impl HooksOptions {
    /// Whether an application is told of anything.
    pub(crate) fn is_on(&self) -> bool {
        self.url.is_some() || !self.event_url.is_empty()
    }

    /// Whether events of this kind are told.
    pub(super) fn tells(&self, kind: Kind) -> bool {
        match kind {
            Kind::Open => self.asks_before(),
            kind => self.is_on() && self.events.0.contains(&kind),
        }
    }

    /// Whether the application is asked about who connects before there is a spark.
    pub(super) fn asks_before(&self) -> bool {
        self.connect == WhenConnects::Before && self.tells(Kind::Connect)
    }

    /// Where events of this kind go.
    pub(super) fn url_of(&self, kind: Kind) -> Option<&HookUrl> {
        let kind = match kind {
            Kind::Open => Kind::Connect,
            kind => kind,
        };
        let own = self.event_url.iter().rev().find(|(of, _)| *of == kind);
        own.map(|(_, url)| url).or(self.url.as_ref())
    }

    /// Judges what can be judged only when everything is known.
    ///
    /// # Errors
    /// The option that is wrong, how its value begins, and why.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        if self.secret.is_some() && self.secret_file.is_some() {
            let why = "there is hooks-secret, too: one of them is enough";
            return Err(("hooks-secret-file", why.to_owned()));
        }
        if !self.is_on() {
            return Ok(());
        }
        for kind in &self.events.0 {
            if self.url_of(*kind).is_none() {
                let why = format!("{} has no URL: write hooks-url", kind.name());
                return Err(("hooks-events", why));
            }
        }
        if self.connect == WhenConnects::Before && !self.tells(Kind::Connect) {
            let why = "hooks-events does not list connect";
            return Err(("hooks-connect", why.to_owned()));
        }
        match self.event_url.iter().find(|(kind, _)| !self.tells(*kind)) {
            Some((kind, _)) => {
                let why = format!("hooks-events does not list {}", kind.name());
                Err(("hooks-event-url", why))
            }
            None => Ok(()),
        }
    }
}

/// When an application is told of who connects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum WhenConnects {
    /// Before there is a spark: the request of the client waits.
    Before,
    /// Once there is one: its messages wait.
    #[default]
    After,
}

const WHEN_CONNECTS: &[(&str, WhenConnects)] = &[
    ("before", WhenConnects::Before),
    ("after", WhenConnects::After),
];

impl FromStr for WhenConnects {
    type Err = UnknownChoice;

    fn from_str(text: &str) -> Result<Self, UnknownChoice> {
        options::choose(text, WHEN_CONNECTS)
    }
}

/// What becomes of a client that connects while the application does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum WhenDown {
    /// It is told to come again later.
    Refuse,
    /// It is let in, and the application hears of it later.
    Accept,
    /// It waits.
    #[default]
    Queue,
}

const WHEN_DOWN: &[(&str, WhenDown)] = &[
    ("refuse", WhenDown::Refuse),
    ("accept", WhenDown::Accept),
    ("queue", WhenDown::Queue),
];

impl FromStr for WhenDown {
    type Err = UnknownChoice;

    fn from_str(text: &str) -> Result<Self, UnknownChoice> {
        options::choose(text, WHEN_DOWN)
    }
}

/// A URL of an application's, `http://..` or `https://..`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct HookUrl(Uri);

impl HookUrl {
    pub(super) fn uri(&self) -> &Uri {
        &self.0
    }

    pub(super) fn is_https(&self) -> bool {
        asked_url::is_https(&self.0)
    }
}

impl FromStr for HookUrl {
    type Err = &'static str;

    /// The text is not quoted in errors, as a URL may hold a secret.
    fn from_str(text: &str) -> Result<Self, &'static str> {
        asked_url::read(text)
            .map(Self)
            .map_err(|wrong| match wrong {
                Wrong::Malformed => "it is no URL such as http://127.0.0.1:3000/allspark",
                Wrong::Password => {
                    "it holds a name and a password, which everybody on this machine could see"
                }
            })
    }
}

/// Without what may be a secret.
impl fmt::Display for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        asked_url::show(&self.0, f)
    }
}

impl fmt::Debug for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HookUrl({self})")
    }
}

/// Kinds of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Events(Vec<Kind>);

impl Default for Events {
    fn default() -> Self {
        Self(vec![Kind::Connect, Kind::Message, Kind::Disconnect])
    }
}

fn kind(name: &str) -> Result<Kind, UnknownChoice> {
    options::choose(name, &Kind::CHOSEN.map(|kind| (kind.name(), kind)))
}

impl<'de> Deserialize<'de> for Events {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = |list: &str| elements(list).map(kind).collect::<Result<Vec<_>, _>>();
        let list = options::list(deserializer, read)?;
        Ok(Self(read(&list).expect("it was checked")))
    }
}

/// Names of headers, in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Headers(Vec<String>);

impl Headers {
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|other| other.eq_ignore_ascii_case(name))
    }
}

impl Default for Headers {
    fn default() -> Self {
        let names = ["authorization", "cookie", "origin", "user-agent"];
        Self(names.map(str::to_owned).into())
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = options::list(deserializer, |list| {
            match elements(list).find(|name| !is_token(name.as_bytes())) {
                Some(name) => Err(format!("{name:?} is no header's name")),
                None => Ok(()),
            }
        })?;
        let names = elements(&list).filter(|name| !name.eq_ignore_ascii_case("none"));
        Ok(Self(names.map(str::to_owned).collect()))
    }
}

fn elements(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|element| !element.is_empty())
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<HookUrl>, D::Error> {
    options::read(deserializer, |text| text.parse().map(Some))
}

fn event_urls<'de, D>(deserializer: D) -> Result<Vec<(Kind, HookUrl)>, D::Error>
where
    D: Deserializer<'de>,
{
    Ok(Vec::<EventUrl>::deserialize(deserializer)?
        .into_iter()
        .map(|EventUrl(kind, url)| (kind, url))
        .collect())
}

/// `connect=http://..`
struct EventUrl(Kind, HookUrl);

impl<'de> Deserialize<'de> for EventUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        options::read(deserializer, |text| {
            let (name, url) = text.split_once('=').ok_or("write EVENT=URL")?;
            let kind = kind(name).map_err(|error| error.to_string())?;
            Ok::<_, String>(Self(kind, url.parse()?))
        })
    }
}

fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    options::read(deserializer, |text| match text {
        path if path.is_empty() || path.contains(char::is_control) => Err("it names no file"),
        path => Ok(Some(PathBuf::from(path))),
    })
}
