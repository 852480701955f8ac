//! The options of the metrics: a part of the table of options.

use crate::setting::{DefaultValue, Kind, Setting, setting};

/// In the order of the help.
pub(crate) const METRICS_SETTINGS: &[Setting] = &[setting(
    "metrics-enabled",
    Kind::Switch,
    DefaultValue::Text("true"),
)
.help(
    "Whether /metrics tells everything that is counted, as OpenMetrics for Prometheus: with an \
     internal listener there alone, otherwise everybody, so false in production without one",
)
.within("metrics")
.own()];
