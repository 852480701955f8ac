//! What is counted of hooks.

use crate::metrics::metric::{Metric, SECONDS};

/// How long a request takes, by how it ends.
pub(super) const REQUEST: Metric = Metric::histogram(
    "allspark_hooks_request_seconds",
    "How long requests to the application take: answered, refused (with an error), or down",
    SECONDS,
)
.by(&["outcome"]);

pub(super) const TOLD: Metric = Metric::counter(
    "allspark_hooks_events_told_total",
    "Events that the application has taken",
);
pub(super) const DEAD: Metric = Metric::counter(
    "allspark_hooks_dead_letters_total",
    "Events that could not be told",
);
pub(super) const UNWRITTEN: Metric = Metric::counter(
    "allspark_hooks_dead_letters_unwritten_total",
    "Dead letters that are in no file, because there is none or it cannot be written",
);
pub(super) const FOREIGN: Metric = Metric::counter(
    "allspark_hooks_foreign_replies_total",
    "Replies to events that the request did not have",
);
pub(super) const UNREADABLE: Metric = Metric::counter(
    "allspark_hooks_unreadable_total",
    "Answers, replies and commands that could not be understood or carried out",
);
pub(super) const LEFT_OUT: Metric = Metric::counter(
    "allspark_hooks_left_out_total",
    "Joins, leaves and errors that were not told because too much waited",
);
pub(super) const TURNED_AWAY: Metric = Metric::counter(
    "allspark_hooks_turned_away_total",
    "Clients that were told to come again because too much waited or the application was down",
);
pub(super) const REFUSED: Metric = Metric::counter(
    "allspark_hooks_refused_total",
    "Clients that the application has refused",
);
pub(super) const SLOWED: Metric = Metric::counter(
    "allspark_hooks_sparks_slowed_total",
    "How often a client was not listened to, because as much of its spark waited for the \
     application as hooks-queue-per-spark allows",
);
pub(super) const QUEUE: Metric = Metric::gauge(
    "allspark_hooks_queue_bytes",
    "What waits for the application, as it costs in memory",
);

/// All of them.
pub(crate) const METRICS: &[Metric] = &[
    REQUEST,
    TOLD,
    DEAD,
    UNWRITTEN,
    FOREIGN,
    UNREADABLE,
    LEFT_OUT,
    TURNED_AWAY,
    REFUSED,
    SLOWED,
    QUEUE,
];
