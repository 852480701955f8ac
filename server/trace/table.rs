//! The options of traces: a part of the table of options.

use crate::setting::{DefaultValue, Kind, Setting, setting};

use DefaultValue::{Text, Words};

const SECTION: &str = "trace";

/// In the order of the help.
pub(crate) const TRACE_SETTINGS: &[Setting] = &[
    setting("trace-url", Kind::Text("URL"), Words("none"))
        .help(
            "Where spans of connections, publishes and hooks are sent: a collector of \
             OpenTelemetry that takes OTLP over HTTP as JSON, such as \
             http://127.0.0.1:4318/v1/traces; without, nothing is traced",
        )
        .within(SECTION)
        .own(),
    setting("trace-headers-file", Kind::Text("FILE"), Words("none"))
        .help(
            "Headers for the collector, such as a key: one per line, as in Authorization: Bearer x",
        )
        .within(SECTION)
        .own(),
    setting("trace-sample", Kind::Text("PART"), Text("1%"))
        .help("How many of the traces that begin here are recorded, as in 1% or 0.01")
        .within(SECTION)
        .own(),
    setting("trace-trust-parents", Kind::Switch, Text("false"))
        .help(
            "Whether a traceparent of who connects decides whether its trace is recorded; without, \
             its trace goes on, and trace-sample decides",
        )
        .within(SECTION)
        .own(),
    setting("trace-service-name", Kind::Text("NAME"), Text("allspark"))
        .help("What this server is called in traces (service.name)")
        .within(SECTION)
        .own(),
];
