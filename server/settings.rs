//! What the server is told, whoever says it.
//!
//! Command line, environment and file all end up as words about options ([`crate::said`]), from
//! which serde reads [`Settings`]: the types of the fields are the only judges of a value. What a
//! server of the library is told, too, is [`Options`], and the library judges it.

use std::fmt::Display;
use std::num::NonZeroU32;

use allspark::{Drain, Error, OptionError, Options};
use allspark_engine::limits::{DRAIN_RATE_HIGHEST, DRAIN_SECONDS_HIGHEST};
use allspark_protocol::options::{self, Bounded};
use allspark_transformers::TransportOptionError;
use serde::{Deserialize, Deserializer};
use tracing::level_filters::LevelFilter;

use crate::access::options::AccessOptions;
use crate::admin::{self, options::AdminSettings};
use crate::api::options::{ApiOptions, PATH as API_PATH};
use crate::counts;
use crate::handover::SocketPath;
use crate::health;
use crate::hooks::options::HooksOptions;
use crate::log::LogFormat;
use crate::metrics::options::MetricsOptions;
use crate::nearest::nearest;
use crate::page;
use crate::places::Places;
use crate::plugin_settings::Plugins;
use crate::said::Said;
use crate::tls_sections::OwnTls;
use crate::trace::options::TraceOptions;
use crate::web::options::{self as web, ProxySection, StaticSection};

/// Everything that the server needs to know before it starts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Settings {
    /// Where connections are accepted.
    #[serde(deserialize_with = "options::deserialize")]
    pub(crate) listen: Places,
    /// What is done with messages.
    #[serde(deserialize_with = "app")]
    pub(crate) app: App,
    /// Whether there is a page at `/`.
    #[serde(deserialize_with = "options::deserialize_switch")]
    pub(crate) page: bool,
    /// Whether `/stats` tells how many sparks there are.
    #[serde(deserialize_with = "options::deserialize_switch")]
    pub(crate) stats: bool,
    /// Whether `/healthz` and `/readyz` say how it is.
    #[serde(deserialize_with = "options::deserialize_switch")]
    pub(crate) health: bool,
    /// Seconds between being told to end and not accepting any more.
    #[serde(rename = "drain-delay")]
    pub(crate) drain_delay_s: Bounded<0, DRAIN_SECONDS_HIGHEST>,
    /// Seconds over which clients are told to reconnect.
    #[serde(rename = "drain-seconds")]
    pub(crate) drain_seconds: Bounded<0, DRAIN_SECONDS_HIGHEST>,
    /// Clients per second at which few of them take less.
    #[serde(rename = "drain-rate")]
    pub(crate) drain_rate: Bounded<1, DRAIN_RATE_HIGHEST>,
    /// Where a process that takes over finds this one, and this one the one before.
    #[serde(default, deserialize_with = "handover")]
    pub(crate) handover: Option<SocketPath>,
    /// The least important events that are logged.
    #[serde(deserialize_with = "level")]
    pub(crate) log: LevelFilter,
    /// What is traced.
    pub(crate) trace: TraceOptions,
    /// What is logged of requests.
    #[serde(rename = "access-log")]
    pub(crate) access_log: AccessOptions,
    /// For whom the lines of the log are.
    #[serde(rename = "log-format")]
    pub(crate) log_format: LogFormat,
    /// Whether nobody is to be warned that a listener speaks no TLS.
    #[serde(deserialize_with = "options::deserialize_switch")]
    pub(crate) iknowhttpsisbetter: bool,
    /// What is told of what is counted.
    pub(crate) metrics: MetricsOptions,
    /// Files that are served.
    #[serde(rename = "static")]
    pub(crate) files: StaticSection,
    /// The application's own routes.
    pub(crate) proxy: ProxySection,
    /// Plugins.
    #[serde(default)]
    pub(crate) plugin: Plugins,
    /// The dashboard.
    #[serde(default)]
    pub(crate) admin: AdminSettings,
    /// Further configurations of TLS.
    #[serde(default)]
    pub(crate) tls: OwnTls,
    /// The publishing API.
    #[serde(default)]
    pub(crate) api: ApiOptions,
    /// Which application is told of sparks.
    #[serde(default)]
    pub(crate) hooks: HooksOptions,
    /// What every server of the library is told.
    pub(crate) options: Options,
}

impl Settings {
    /// What was said, judged word by word.
    ///
    /// # Errors
    /// What is wrong and where, in one line.
    pub(crate) fn read(said: &Said) -> Result<Self, String> {
        said.read()
    }

    /// Whether there is a page at `/`: not where files or the application's own are.
    pub(crate) fn has_page(&self) -> bool {
        self.page && !web::take_root(&self.files, &self.proxy)
    }

    /// How it ends.
    pub(crate) fn drain(&self) -> Drain {
        let sparks_per_s = u32::try_from(self.drain_rate.get()).ok();
        Drain {
            delay_ms: self.drain_delay_s.get() * 1000,
            seconds: u32::try_from(self.drain_seconds.get()).unwrap_or(u32::MAX),
            sparks_per_s: sparks_per_s
                .and_then(NonZeroU32::new)
                .unwrap_or(NonZeroU32::MAX),
            linger_ms: 0,
        }
    }

    /// The first thing that [`Settings::problems`] finds.
    #[cfg(test)]
    pub(crate) fn check(&self, said: &Said) -> Result<(), String> {
        self.problems(said).next().map_or(Ok(()), Err)
    }

    /// Judges what can be judged only when everything is known: what is wrong and where, each in
    /// one line, as far as one thing says nothing about another. `said` tells where it was said.
    pub(crate) fn problems(&self, said: &Said) -> impl Iterator<Item = String> {
        let checks: &[&dyn Fn() -> Result<(), String>] = &[
            &|| self.check_options(said),
            &|| self.plugin.check(said),
            &|| self.tls.sections.check(said),
            &|| placed(said, self.hooks.check()),
            &|| placed(said, self.api.check()),
            &|| {
                let pathname = &self.options.pathname;
                placed(said, web::check(&self.files, &self.proxy, pathname))
            },
            &|| placed(said, self.admin.check()),
            &|| self.check_listeners(said),
            &|| self.check_paths(said),
        ];
        let problems: Vec<String> = checks.iter().filter_map(|check| check().err()).collect();
        problems.into_iter()
    }

    fn check_options(&self, said: &Said) -> Result<(), String> {
        self.options.check().map_err(|error| match error {
            Error::Option { name, reason } => refusal(said, name, &reason),
            error => error.to_string(),
        })
    }

    fn check_listeners(&self, said: &Said) -> Result<(), String> {
        let listeners = self.listen.check(&self.options.trusted_proxies);
        let tls = self.options.tls.is_on();
        listeners
            .and_then(|()| self.listen.check_tls(tls, &self.tls.sections))
            .map_err(|reason| format!("{}: {reason}", said.place("listen", "")))
    }

    fn check_paths(&self, said: &Said) -> Result<(), String> {
        let place = said.place("pathname", "");
        self.check_pathname()
            .map_err(|reason| format!("{place}: {reason}"))
    }

    /// What begins with the pathname belongs to Primus, so nothing else that is served may.
    fn check_pathname(&self) -> Result<(), String> {
        let pathname = &*self.options.pathname;
        let mut files = page::paths().filter(|_| self.has_page());
        if let Some(file) = files.find(|file| file.starts_with(pathname)) {
            return Err(format!(
                "{pathname} would hide {file}, which the page at / needs: write another one, or \
                 --page=false"
            ));
        }
        self.metrics.check(pathname)?;
        if self.stats && counts::PATH.starts_with(pathname) {
            return Err(format!(
                "{pathname} would hide {}: write another one, or --stats=false",
                counts::PATH
            ));
        }
        let is_at_path = self.admin.is_on() && self.admin.listen.is_none();
        if is_at_path && admin::PATH.starts_with(pathname) {
            return Err(format!(
                "{pathname} would hide {}: write another one, or --admin-listen",
                admin::PATH
            ));
        }
        if self.api.is_on() && API_PATH.starts_with(pathname) {
            return Err(format!(
                "{pathname} would hide {API_PATH}: write another one, or no key of the API"
            ));
        }
        let mut paths = health::PATHS.iter().filter(|_| self.health);
        match paths.find(|path| path.starts_with(pathname)) {
            Some(path) => Err(format!(
                "{pathname} would hide {path}: write another one, or --health=false"
            )),
            None => Ok(()),
        }
    }
}

/// What a part of the server says about one of its options, with the place where it was said.
fn placed<E: Display>(said: &Said, checked: Result<(), (&'static str, E)>) -> Result<(), String> {
    checked.map_err(|(name, why)| format!("{}: {why}", said.place(name, "")))
}

/// What the library says about an option, with the place where it was said.
fn refusal(said: &Said, name: &'static str, reason: &OptionError) -> String {
    let (beginning, advice) = match reason {
        OptionError::Transport(TransportOptionError::Unknown { name, known, .. }) => {
            let near = nearest(name, known.iter().copied());
            let advice = near.map(|near| format!("; did you mean {near}?"));
            (format!("{name}="), advice.unwrap_or_default())
        }
        OptionError::Transport(TransportOptionError::Invalid { name, .. }) => {
            (format!("{name}="), String::new())
        }
        _ => Default::default(),
    };
    let (place, reason) = (said.place(name, &beginning), reason.to_string());
    format!("{place}: {}{advice}", reason.escape_debug())
}

/// A built-in handler of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum App {
    /// Each message goes back to the spark it came from.
    Echo,
    /// Each message goes to every spark.
    Broadcast,
    /// A message that begins with `["all",` goes to every spark, any other one back.
    Mixed,
    /// Messages are read and forgotten.
    None,
}

impl App {
    /// The name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Broadcast => "broadcast",
            Self::Mixed => "mixed",
            Self::None => "none",
        }
    }
}

const APPS: &[(&str, App)] = &[
    (App::Echo.name(), App::Echo),
    (App::Broadcast.name(), App::Broadcast),
    (App::Mixed.name(), App::Mixed),
    (App::None.name(), App::None),
];

const LEVELS: &[(&str, LevelFilter)] = &[
    ("off", LevelFilter::OFF),
    ("error", LevelFilter::ERROR),
    ("warn", LevelFilter::WARN),
    ("info", LevelFilter::INFO),
    ("debug", LevelFilter::DEBUG),
    ("trace", LevelFilter::TRACE),
];

fn app<'de, D: Deserializer<'de>>(deserializer: D) -> Result<App, D::Error> {
    options::read(deserializer, |text| options::choose(text, APPS))
}

fn handover<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketPath>, D::Error> {
    options::deserialize(deserializer).map(Some)
}

fn level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LevelFilter, D::Error> {
    options::read(deserializer, |text| options::choose(text, LEVELS))
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
