//! What is said about files and upstreams.

use std::path::PathBuf;
use std::time::Duration;

use allspark_protocol::options::{self, Bounded};
use allspark_web::{Health, ProxyOptions, StaticOptions, Upstream};
use serde::{Deserialize, Deserializer};

use super::bounds::{
    HEALTH_ANSWERS, MAX_AGE_S_MAX, REQUESTS_MAX, RETRIES_MAX, THREADS_MAX, TIMEOUT_MS_MAX,
};

/// Milliseconds that something may take: up to an hour.
type TimeoutMs = Bounded<1, TIMEOUT_MS_MAX>;

/// The section `[static]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct StaticSection {
    /// The folder; without one no files are served.
    #[serde(default, deserialize_with = "file")]
    root: Option<PathBuf>,
    #[serde(deserialize_with = "prefix")]
    pub(super) path: String,
    #[serde(deserialize_with = "name")]
    index: String,
    #[serde(default, deserialize_with = "some_name")]
    fallback: Option<String>,
    max_age: Bounded<0, MAX_AGE_S_MAX>,
    #[serde(deserialize_with = "options::deserialize_switch")]
    precompressed: bool,
    #[serde(deserialize_with = "options::deserialize_switch")]
    hidden: bool,
    requests_max: Bounded<1, REQUESTS_MAX>,
}

/// The section `[proxy]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct ProxySection {
    /// Without any there is no proxy.
    #[serde(default, deserialize_with = "upstreams")]
    upstreams: Vec<Upstream>,
    #[serde(deserialize_with = "prefix")]
    pub(super) path: String,
    pub(super) body_max: Bounded<1, { u64::MAX }>,
    connect_timeout: TimeoutMs,
    answer_timeout: TimeoutMs,
    idle_timeout: TimeoutMs,
    upgrade_timeout: TimeoutMs,
    requests_max: Bounded<1, REQUESTS_MAX>,
    retries: Bounded<0, RETRIES_MAX>,
    failed_for: TimeoutMs,
    #[serde(default, deserialize_with = "target")]
    health_path: Option<String>,
    health_interval: TimeoutMs,
    pub(super) threads: Bounded<1, THREADS_MAX>,
}

impl StaticSection {
    /// What the files are served with, if they are.
    pub(super) fn options(&self) -> Option<StaticOptions> {
        Some(StaticOptions {
            prefix: self.path.clone(),
            index: self.index.clone(),
            fallback: self.fallback.clone(),
            max_age: Duration::from_secs(self.max_age.get()),
            precompressed: self.precompressed,
            hidden: self.hidden,
            requests_max: self.requests_max.size(),
            ..StaticOptions::of(self.root.clone()?)
        })
    }

    /// Whether files are served at `/`.
    fn has_root(&self) -> bool {
        self.root.is_some() && self.path == "/"
    }
}

impl ProxySection {
    /// What the proxy is made with, if there is one. It never leads to `pathname`.
    pub(super) fn options(&self, pathname: &str) -> Option<ProxyOptions> {
        if self.upstreams.is_empty() {
            return None;
        }
        let ms = |ms: TimeoutMs| Duration::from_millis(ms.get());
        Some(ProxyOptions {
            connect_timeout: ms(self.connect_timeout),
            answer_timeout: ms(self.answer_timeout),
            idle_timeout: ms(self.idle_timeout),
            upgrade_timeout: ms(self.upgrade_timeout),
            requests_max: self.requests_max.size(),
            retries: self.retries.size(),
            failed_for: ms(self.failed_for),
            never: Some(pathname.to_owned()),
            health: self.health_path.as_ref().map(|path| Health {
                path: path.clone(),
                interval: ms(self.health_interval),
                answers: HEALTH_ANSWERS,
            }),
            ..ProxyOptions::to(self.upstreams.iter().cloned())
        })
    }
}

/// Whether one of them answers what no route has, so that the page at `/` would be in the way.
pub(crate) fn take_root(files: &StaticSection, proxy: &ProxySection) -> bool {
    files.has_root() || (!proxy.upstreams.is_empty() && proxy.path == "/")
}

/// Judges what can be judged only when both are known.
///
/// # Errors
/// Which option is wrong, and why.
pub(crate) fn check(
    files: &StaticSection,
    proxy: &ProxySection,
    pathname: &str,
) -> Result<(), (&'static str, String)> {
    let is_proxied = !proxy.upstreams.is_empty();
    let paths = [
        ("static-path", &files.path, files.root.is_some()),
        ("proxy-path", &proxy.path, is_proxied),
    ];
    for (name, path, is_on) in paths {
        if is_on && path.starts_with(pathname) {
            let why = format!("{path} belongs to Primus, whose pathname is {pathname}");
            return Err((name, why));
        }
    }
    if is_proxied && files.root.is_some() && files.path == proxy.path && files.fallback.is_some() {
        let why = format!(
            "at {} the proxy answers what has no file: leave the fallback out, or write another \
             path for one of them",
            files.path
        );
        return Err(("static-fallback", why));
    }
    Ok(())
}

fn file<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    options::read(deserializer, |text| {
        match text.is_empty() || text.contains(char::is_control) {
            true => Err("it names no folder"),
            false => Ok(Some(PathBuf::from(text))),
        }
    })
}

/// What paths begin with: `/`, or parts without a slash at the end.
fn prefix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    options::read(deserializer, |text| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
        let parts = text.split('/').skip(1);
        let has_gap = text != "/"
            && parts
                .into_iter()
                .any(|part| matches!(part, "" | "." | ".."));
        match text.starts_with('/') && text.bytes().all(is_plain) && !has_gap {
            true => Ok(text.to_owned()),
            false => Err("it has to be /, or like /files: letters, digits and -._~"),
        }
    })
}

/// A file within the folder.
fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    options::read(deserializer, |text| {
        let name = text.trim_start_matches('/');
        let is_inside = name.split('/').all(|part| !matches!(part, "" | "." | ".."));
        match is_inside && !text.contains(char::is_control) {
            true => Ok(name.to_owned()),
            false => Err("it names no file of the folder"),
        }
    })
}

fn some_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    name(deserializer).map(Some)
}

/// What is asked for.
fn target<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    options::read(deserializer, |text| {
        let is_target = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        match text.starts_with('/') && text.bytes().all(is_target) {
            true => Ok(Some(text.to_owned())),
            false => Err("it has to begin with a slash"),
        }
    })
}

fn upstreams<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Upstream>, D::Error> {
    let read = |list: &str| {
        let elements = list.split(',').map(str::trim);
        let upstreams = elements.filter(|element| !element.is_empty());
        upstreams.map(str::parse).collect::<Result<Vec<_>, _>>()
    };
    let list = options::list(deserializer, read)?;
    Ok(read(&list).expect("it was checked"))
}
