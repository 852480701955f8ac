//! What the dashboard counts.

use crate::metrics::metric::Metric;

/// How often somebody has tried to log in.
pub(super) const LOGINS: Metric = Metric::counter(
    "allspark_admin_logins_total",
    "Tries to log in to the dashboard, by how they ended: ok, wrong, or wait (too many of them)",
)
.by(&["outcome"]);

/// Its values.
pub(super) const OUTCOMES: [&str; 3] = ["ok", "wrong", "wait"];

/// What no history has.
pub(super) const LOST: Metric = Metric::counter(
    "allspark_admin_events_lost_total",
    "Events of sparks that the dashboard's history does not have, because too many came at once",
);

/// All of them.
pub(crate) const METRICS: &[Metric] = &[LOGINS, LOST];
