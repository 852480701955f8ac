//! The options of hooks.

use super::options::{
    LANES_HIGHEST, QUEUE_BYTES_LEAST, RETRIES_HIGHEST, SPARK_QUEUE_BYTES_LEAST, TIMEOUT_MS_HIGHEST,
};
use crate::setting::DefaultValue::{Text, Words};
use crate::setting::Kind::{List, Number, Pair};
use crate::setting::{HOOKS, Kind, Setting, setting};

const FILE: Kind = Kind::Text("FILE");

/// In the order of the help.
pub(crate) const HOOKS_SETTINGS: &[Setting] = &[
    setting("hooks-url", Kind::Text("URL"), Words("none"))
        .help(
            "The application that is told of sparks and their messages, and answers, by requests \
             with batches of events in JSON (docs/HOOKS.md)",
        )
        .within(HOOKS)
        .own(),
    setting("hooks-event-url", Pair, Words("hooks-url"))
        .help("Another URL for events of one kind, such as connect=http://..; may be repeated")
        .within(HOOKS)
        .own(),
    setting("hooks-events", List, Text("connect,message,disconnect"))
        .help(
            "What it is told of: connect (which it may refuse), message (which then goes nowhere \
             else), disconnect, join and leave (of rooms), error",
        )
        .within(HOOKS)
        .own(),
    setting("hooks-secret-file", FILE, Words("none"))
        .help(
            "Secrets that requests are signed with as Standard Webhooks have it, one per line, the \
             newest first: whsec_ and 24 to 64 bytes in base64",
        )
        .within(HOOKS)
        .own(),
    setting("hooks-secret", Kind::Text("SECRETS"), Words("none"))
        .help("The lines of such a file")
        .within(HOOKS)
        .own()
        .secret(),
    setting(
        "hooks-timeout",
        Number("MS", 1, TIMEOUT_MS_HIGHEST),
        Text("5000"),
    )
    .help("How long a request may take before it counts as failed")
    .within(HOOKS)
    .own(),
    setting(
        "hooks-retries",
        Number("N", 0, RETRIES_HIGHEST),
        Text("30"),
    )
    .help(
        "How often a request that failed is tried again, after 0.1 to 5 seconds, before its events \
         are dead letters: 30 outlast a minute",
    )
    .within(HOOKS)
    .own(),
    setting(
        "hooks-queue",
        Number("BYTES", QUEUE_BYTES_LEAST, u64::MAX),
        Text("67108864"),
    )
    .help(
        "How much may wait to be told, of all sparks, counted as what it costs in memory; with \
         more, clients that send are not listened to, and who connects is told to come again",
    )
    .within(HOOKS)
    .own(),
    setting(
        "hooks-queue-per-spark",
        Number("BYTES", SPARK_QUEUE_BYTES_LEAST, u64::MAX),
        Text("1048576"),
    )
    .help(
        "How much of one spark's messages may wait of that; with more, its client is not listened \
         to until half of it was told, and keeps no other one waiting",
    )
    .within(HOOKS)
    .own(),
    setting("hooks-connect", Kind::Text("NAME"), Text("after"))
        .help(
            "When it is told of who connects: after there is a spark, whose messages wait and \
             which a refusal ends, or before, while the request waits, which a refusal answers \
             with a status such as 403",
        )
        .within(HOOKS)
        .own(),
    setting("hooks-when-down", Kind::Text("NAME"), Text("queue"))
        .help(
            "What becomes of clients that connect while it does not answer: refuse (they are told \
             to come again), accept (it is told later), queue (they wait)",
        )
        .within(HOOKS)
        .own(),
    setting("hooks-dead-letters", FILE, Words("none"))
        .help(
            "A file to which events are written that could not be told, one per line, up to 1 GiB",
        )
        .within(HOOKS)
        .own(),
    setting("hooks-lanes", Number("N", 1, LANES_HIGHEST), Text("4"))
        .help(
            "Requests that may be under way at once; the events of one spark go one after the \
             other whatever this is",
        )
        .within(HOOKS)
        .own(),
    setting(
        "hooks-headers",
        List,
        Text("authorization,cookie,origin,user-agent"),
    )
    .help("Headers of the request of a client that connect tells, or none")
    .within(HOOKS)
    .own(),
];
