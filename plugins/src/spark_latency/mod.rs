//! primus-spark-latency: how long a client's messages take, and how far its clock is off.
//!
//! The server measures the first by itself, from its pings ([`Spark::latency`]), with or without
//! this plugin. What the npm plugin's clients say of it is taken, too: it is kept apart, because a
//! client may say anything.
//!
//! ```
//! use allspark_engine::Spark;
//! use allspark_plugins::spark_latency::LatencySpark;
//!
//! fn describe(spark: &Spark<'_>) -> String {
//!     let measured = spark.latency().map(|latency| latency.as_millis());
//!     let told = spark.told_latency_ms();
//!     let offset = spark.clock_offset_ms();
//!     format!("{measured:?} ms, {told:?} ms by its own word, clock off by {offset:?} ms")
//! }
//! ```

use std::time::{SystemTime, UNIX_EPOCH};

use allspark_engine::{
    ClientPlugin, Packet, Plugin, PluginError, Setup, Spark, Transformed, Value,
};
use serde::Deserialize;

use crate::look::Look;

const LATENCY: &str = "_latency";
const CLOCK: &str = "_clock";

/// The plugin primus-spark-latency.
#[derive(Clone, Debug, Default)]
pub struct SparkLatency {
    options: SparkLatencyOptions,
}

/// What can be told to [`SparkLatency`].
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct SparkLatencyOptions {
    /// Whether clients say what their clocks show, as far as their half has the option
    /// `use_clock_offset`, too. Default: false.
    #[serde(alias = "use_clock_offset")]
    pub use_clock_offset: bool,
}

/// What a client has said.
#[derive(Clone, Copy, Default)]
struct Told {
    latency_ms: Option<f64>,
    clock_offset_ms: Option<f64>,
}

/// What a client says of the way to it.
pub trait LatencySpark {
    /// How long its messages take, by its own word, in milliseconds.
    fn told_latency_ms(&self) -> Option<f64>;

    /// How many milliseconds its clock is behind that of the server, as far as that can be told:
    /// half of the latency is taken for the way. `None` until it has said what its clock shows.
    #[doc(alias = "clock_offset")]
    fn clock_offset_ms(&self) -> Option<f64>;
}

impl LatencySpark for Spark<'_> {
    fn told_latency_ms(&self) -> Option<f64> {
        self.own::<Told>()?.latency_ms
    }

    fn clock_offset_ms(&self) -> Option<f64> {
        self.own::<Told>()?.clock_offset_ms
    }
}

impl SparkLatency {
    /// Its name.
    pub const NAME: &'static str = "spark-latency";

    /// The plugin with its default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// The plugin with these options.
    pub const fn with_options(options: SparkLatencyOptions) -> Self {
        Self { options }
    }

    fn incoming(&self, spark: &mut Spark<'_>, packet: &Packet<'_>) -> Transformed {
        let Ok(message) = packet.value() else {
            return Transformed::Next;
        };
        let latency_ms = number(message, LATENCY);
        let clock = match self.options.use_clock_offset {
            true => number(message, CLOCK),
            false => None,
        };
        if latency_ms.is_none() && clock.is_none() {
            return Transformed::Next;
        }
        let mut told = spark.own::<Told>().copied().unwrap_or_default();
        told.latency_ms = latency_ms.or(told.latency_ms);
        if let Some(clock) = clock {
            let measured = || spark.latency().map(|latency| latency.as_secs_f64() * 1e3);
            let latency = told.latency_ms.or_else(measured).unwrap_or(0.0);
            told.clock_offset_ms = Some(now_ms() - clock - (latency / 2.0).floor());
        }
        spark.set_own(told);
        Transformed::Drop
    }
}

/// A number that is none of those which JavaScript takes for nothing.
fn number(message: &Value, member: &str) -> Option<f64> {
    let number = message.get(member)?.as_f64()?;
    (number != 0.0 && number.is_finite()).then_some(number)
}

/// Milliseconds since the Unix epoch.
fn now_ms() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_millis() as f64)
}

impl Plugin for SparkLatency {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn server(&self, setup: &mut Setup<'_>) -> Result<(), PluginError> {
        let plugin = self.clone();
        let parser = setup.options().parser;
        let (latency, clock) = (Look::new(parser, LATENCY), Look::new(parser, CLOCK));
        setup.transform_incoming(move |spark, packet| {
            let data = packet.data();
            let may_be =
                latency.may_have(&data) || plugin.options.use_clock_offset && clock.may_have(&data);
            match may_be {
                true => plugin.incoming(spark, packet),
                false => Transformed::Next,
            }
        });
        Ok(())
    }

    fn client(&self) -> ClientPlugin {
        include_str!("client.js").into()
    }
}

#[cfg(test)]
mod tests {
    use allspark_protocol::value;

    use super::*;

    #[test]
    fn what_is_no_number_is_passed_on() {
        assert_eq!(number(&value!({ "_latency": 12.5 }), LATENCY), Some(12.5));
        for other in [
            value!(0),
            value!("1"),
            value!(null),
            value!([1]),
            value!(f64::NAN),
        ] {
            assert_eq!(number(&value!({ "_latency": other }), LATENCY), None);
        }
        assert_eq!(number(&value!(null), LATENCY), None);
    }
}
