//! What shards count: [`Stats`], shard by shard.

use std::fmt;

use allspark::{Handle, Stats};
use allspark_engine::{Distribution, Distributions};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::metric::{Kind, Metric};
use super::readings::{Labels, describe};

/// How each field of [`Stats`] is called, in the order of [`Stats::FIELDS`]. A counter ends with
/// `_total`; what does not is how many there are now.
const NAMES: &[(&str, &str)] = &[
    (
        "connections_accepted",
        "allspark_connections_accepted_total",
    ),
    ("connections_closed", "allspark_connections_closed_total"),
    ("connections_adopted", "allspark_connections_adopted_total"),
    ("connections_slow", "allspark_connections_slow_total"),
    ("connections_overrun", "allspark_connections_overrun_total"),
    ("requests_timed_out", "allspark_requests_timed_out_total"),
    ("moves_delayed", "allspark_moves_delayed_total"),
    ("moves_refused", "allspark_moves_refused_total"),
    ("connections_refused", "allspark_connections_refused_total"),
    ("addresses_refused", "allspark_addresses_refused_total"),
    ("accepts_refused", "allspark_accepts_refused_total"),
    ("accepts_rested", "allspark_accepts_rested_total"),
    ("handshakes_refused", "allspark_handshakes_refused_total"),
    ("handshakes_under_way", "allspark_handshakes_under_way"),
    ("requests_refused", "allspark_requests_refused_total"),
    ("requests_under_way", "allspark_requests_under_way"),
    ("proxies_refused", "allspark_proxies_refused_total"),
    ("tls_handshakes", "allspark_tls_handshakes_total"),
    ("tls_failures", "allspark_tls_failures_total"),
    ("sparks_opened", "allspark_sparks_opened_total"),
    ("sparks_ended", "allspark_sparks_ended_total"),
    ("sparks_forgotten", "allspark_sparks_forgotten_total"),
    ("sparks_unattended", "allspark_sparks_unattended"),
    ("sessions_refused", "allspark_sessions_refused_total"),
    ("sparks_refused", "allspark_sparks_refused_total"),
    ("bytes_held", "allspark_held_bytes"),
    ("peers_shed", "allspark_peers_shed_total"),
    ("bytes_received", "allspark_received_bytes_total"),
    ("bytes_sent", "allspark_sent_bytes_total"),
    ("messages_received", "allspark_messages_received_total"),
    ("messages_written", "allspark_messages_written_total"),
    ("broadcasts", "allspark_broadcasts_total"),
    ("room_broadcasts", "allspark_room_broadcasts_total"),
    ("messages_dropped", "allspark_messages_dropped_total"),
    ("messages_replaced", "allspark_messages_replaced_total"),
    ("sparks_overflowed", "allspark_sparks_overflowed_total"),
    ("sparks_paused", "allspark_sparks_paused_total"),
    ("messages_refused", "allspark_messages_refused_total"),
    ("sparks_flooding", "allspark_sparks_flooding_total"),
    ("sparks_silent", "allspark_sparks_silent_total"),
    ("completions_stale", "allspark_completions_stale_total"),
    ("handlers_panicked", "allspark_handlers_panicked_total"),
    ("waiting_cost_bytes", "allspark_waiting_bytes"),
    ("block_bytes", "allspark_block_bytes"),
];

const SHARD: &[&str] = &["shard"];

/// What follows from two of them.
const SPARKS: Metric = Metric::gauge("allspark_sparks", "Sparks that there are now").by(SHARD);
const CONNECTIONS: Metric =
    Metric::gauge("allspark_connections", "Connections that there are now").by(SHARD);

/// What is told of something whose bounds the engine knows.
const NO_BOUNDS: &[f64] = &[];

const TURN: Metric = Metric::histogram(
    "allspark_turn_seconds",
    "How long turns took, in which a shard does what has come up and serves nobody else: from when \
     it has collected what happened until it is ready to sleep",
    NO_BOUNDS,
)
.by(SHARD);
const FAN_OUT: Metric = Metric::histogram(
    "allspark_fan_out_seconds",
    "How long broadcasts took from when they came to a shard until everybody there was sent them; \
     of those that were sent together the first counts",
    NO_BOUNDS,
)
.by(SHARD);
const ROUND_TRIP: Metric = Metric::histogram(
    "allspark_heartbeat_round_trip_seconds",
    "How long clients took to answer a ping of Primus",
    NO_BOUNDS,
)
.by(SHARD);
const QUEUE: Metric = Metric::histogram(
    "allspark_queue_bytes",
    "How much waited for a connection each time the kernel had taken no more, because its client \
     reads slowly",
    NO_BOUNDS,
)
.by(SHARD);

/// How to get each of those, and how many of what is recorded are one second or byte.
type Recorded = (Metric, fn(&Distributions) -> &Distribution, f64);

const RECORDED: &[Recorded] = &[
    (TURN, |shard| &shard.turn_ns, 1e9),
    (FAN_OUT, |shard| &shard.fan_out_ns, 1e9),
    (ROUND_TRIP, |shard| &shard.round_trip_ns, 1e9),
    (QUEUE, |shard| &shard.queue_bytes, 1.0),
];

/// All of them.
pub(super) fn metrics() -> Vec<Metric> {
    let mut metrics = vec![SPARKS, CONNECTIONS];
    metrics.extend(RECORDED.iter().map(|(metric, ..)| *metric));
    metrics.extend(counted());
    metrics
}

/// One for each field of [`Stats`].
fn counted() -> impl Iterator<Item = Metric> {
    let fields = NAMES.iter().zip(Stats::FIELDS);
    fields.map(|((_, name), (_, meaning))| {
        let kind = match name.ends_with("_total") {
            true => Kind::Counter,
            false => Kind::Gauge,
        };
        Metric::new(name, meaning.trim_end_matches('.'), kind).by(SHARD)
    })
}

/// The shards of a server.
pub(super) struct Shards(Handle);

impl Shards {
    pub(super) fn new(server: Handle) -> Self {
        Self(server)
    }
}

impl Collector for Shards {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let stats = self.0.stats_by_shard();
        let labels: Vec<Labels> = (0..stats.len())
            .map(|shard| vec![("shard", shard.to_string())])
            .collect();
        let mut tell = |metric: &Metric, value: &dyn Fn(&Stats) -> u64| {
            describe(&mut encoder, metric, |values| {
                let mut shards = labels.iter().zip(&stats);
                shards.try_for_each(|(labels, stats)| values.count(labels, value(stats)))
            })
        };
        // An end may be read before its beginning.
        tell(&SPARKS, &|stats| {
            stats.sparks_opened.saturating_sub(stats.sparks_ended)
        })?;
        tell(&CONNECTIONS, &|stats| {
            stats
                .connections_accepted
                .saturating_sub(stats.connections_closed)
        })?;
        for (place, metric) in counted().enumerate() {
            tell(&metric, &|stats| stats.values()[place])?;
        }
        let recorded = self.0.distributions_by_shard();
        for (metric, of, per_unit) in RECORDED {
            describe(&mut encoder, metric, |values| {
                let mut shards = labels.iter().zip(&recorded);
                shards.try_for_each(|(labels, shard)| {
                    let (sum, buckets) = buckets(of(shard), *per_unit);
                    values.histogram(labels, sum, &buckets)
                })
            })?;
        }
        Ok(())
    }
}

/// The sum and the cells of a distribution, in base units.
fn buckets(distribution: &Distribution, per_unit: f64) -> (f64, Vec<(f64, u64)>) {
    let cells = distribution.cells().map(|(bound, count)| {
        let bound = bound.map_or(f64::INFINITY, |bound| bound as f64 / per_unit);
        (bound, count)
    });
    (distribution.sum() as f64 / per_unit, cells.collect())
}

impl fmt::Debug for Shards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shards").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_shards_count_has_a_name() {
        let named: Vec<&str> = NAMES.iter().map(|(field, _)| *field).collect();
        let fields: Vec<&str> = Stats::FIELDS.iter().map(|(field, _)| *field).collect();
        assert_eq!(named, fields, "the fields of Stats, in their order");
    }
}
