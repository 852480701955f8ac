//! The options of a client by their names in JavaScript.

use std::path::PathBuf;
use std::time::Duration;

use allspark_client::{BackoffOptions, Builder, Primus, Strategy};
use serde::Deserialize;
use serde_json::Value;

/// What `create` is told. `transport` and `network` are options of other clients: they are
/// accepted and mean nothing here, where there is nothing that they could set.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Options {
    transformer: Option<String>,
    parser: Option<String>,
    pathname: Option<String>,
    timeout: Option<Value>,
    ping_timeout: Option<Value>,
    strategy: Option<Value>,
    reconnect: Reconnect,
    queue_size: Option<usize>,
    manual: bool,
    unix: Option<PathBuf>,
    #[serde(rename = "transport")]
    _transport: Value,
    #[serde(rename = "network")]
    _network: Value,
}

/// The option `reconnect`; times in ms.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Reconnect {
    max: Option<f64>,
    min: Option<f64>,
    retries: Option<u32>,
    factor: Option<f64>,
    #[serde(rename = "reconnect timeout")]
    reconnect_timeout: Option<f64>,
}

impl Options {
    pub(super) fn builder(&self, url: &str) -> Builder {
        let mut builder = Primus::connect(url)
            .transformer(self.transformer.as_deref().unwrap_or("websockets"))
            .parser(self.parser.as_deref().unwrap_or("json"))
            .pathname(self.pathname.as_deref().unwrap_or("/primus"))
            .reconnect(self.reconnect.options())
            .manual(self.manual);
        if let Some(timeout) = &self.timeout {
            builder = builder.timeout(time(timeout));
        }
        if let Some(timeout) = &self.ping_timeout {
            builder = builder.ping_timeout(time(timeout));
        }
        if let Some(size) = self.queue_size {
            builder = builder.queue_size(size);
        }
        if let Some(path) = &self.unix {
            builder = builder.unix(path);
        }
        match &self.strategy {
            None => builder,
            Some(Value::Bool(false)) => builder.strategy(Strategy::NONE),
            Some(Value::String(names)) => builder.strategy(names.as_str()),
            // The empty list stands for the default, as in Primus.
            Some(Value::Array(names)) if names.is_empty() => builder,
            Some(Value::Array(names)) => {
                let names: Vec<_> = names.iter().filter_map(Value::as_str).collect();
                builder.strategy(names.join(",").as_str())
            }
            Some(other) => panic!("{other} is no strategy"),
        }
    }
}

impl Reconnect {
    fn options(&self) -> BackoffOptions {
        let usual = BackoffOptions::default();
        let time = |ms: Option<f64>, usual| ms.map_or(usual, from_ms);
        BackoffOptions {
            max: time(self.max, usual.max),
            min: time(self.min, usual.min),
            retries: self.retries.unwrap_or(usual.retries),
            reconnect_timeout: time(self.reconnect_timeout, usual.reconnect_timeout),
            factor: self.factor.unwrap_or(usual.factor),
        }
    }
}

/// Milliseconds; 0 and false mean never, as in Primus.
fn time(value: &Value) -> Option<Duration> {
    let ms = value.as_f64().filter(|ms| *ms > 0.0);
    ms.map(from_ms)
}

fn from_ms(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1000.0).unwrap_or(Duration::MAX)
}
