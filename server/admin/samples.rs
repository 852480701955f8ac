//! The numbers of the charts: read once per sample, kept for a quarter of an hour.

use std::collections::VecDeque;
use std::time::Instant;

use allspark::Stats;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::bounds::SAMPLES_MAX;
use super::machine::{self, Threads};
use super::refused_counts;
use crate::durations::{Durations, Lately};

/// For how many samples a quantile is that of all of them: pings come every 30 seconds.
pub(super) const QUANTILE_SAMPLES: usize = 60;

/// The numbers of a moment; those of what happens are per second.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sample {
    /// Milliseconds since the Unix epoch.
    pub(super) at: u64,
    pub(super) sparks: u64,
    pub(super) connections: u64,
    pub(super) opened: f32,
    pub(super) ended: f32,
    pub(super) received: f32,
    pub(super) written: f32,
    pub(super) broadcasts: f32,
    pub(super) received_bytes: f32,
    pub(super) sent_bytes: f32,
    pub(super) memory: u64,
    /// Bytes that wait to be sent.
    pub(super) waiting: u64,
    /// Processors that are busy.
    pub(super) busy: Option<f32>,
    /// Milliseconds that clients took to answer a ping: half of them at most, and all but a
    /// hundredth.
    pub(super) p50: Option<f32>,
    pub(super) p99: Option<f32>,
    pub(super) refused: f32,
}

/// The same of a shard.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShardRow {
    pub(super) sparks: u64,
    /// Messages per second, and how much of a processor it takes.
    pub(super) received: f32,
    pub(super) written: f32,
    pub(super) busy: Option<f32>,
    pub(super) waiting: u64,
}

/// What was read at a moment.
struct Reading {
    at: Instant,
    shards: Vec<Stats>,
    processor_s: Option<f64>,
    shards_s: Vec<Option<f64>>,
}

/// Reads, and keeps what it made of it.
pub(super) struct Samples {
    kept: VecDeque<Sample>,
    last: Reading,
    threads: Threads,
    trips: Lately,
}

impl Samples {
    pub(super) fn new(shards: Vec<Stats>, threads: Threads) -> Self {
        let last = Reading::now(shards, &threads);
        Self {
            kept: VecDeque::new(),
            last,
            threads,
            trips: Lately::new(QUANTILE_SAMPLES),
        }
    }

    /// Reads once more.
    pub(super) fn take(
        &mut self,
        at_ms: u64,
        shards: Vec<Stats>,
        trips: &Durations,
    ) -> (&Sample, Vec<ShardRow>) {
        let reading = Reading::now(shards, &self.threads);
        let rows = reading.rows_since(&self.last);
        let [p50, p99] = self.trips.half_and_most_ms(trips.counts());
        let sample = Sample {
            at: at_ms,
            memory: machine::resident_bytes().unwrap_or_default(),
            p50,
            p99,
            ..reading.sample_since(&self.last)
        };
        self.last = reading;
        if self.kept.len() == SAMPLES_MAX {
            self.kept.pop_front();
        }
        self.kept.push_back(sample);
        (self.kept.back().expect("it was added"), rows)
    }

    /// All that are kept, a list for each number.
    pub(super) fn columns(&self) -> Value {
        let mut columns = Map::new();
        for sample in &self.kept {
            let Ok(Value::Object(numbers)) = serde_json::to_value(sample) else {
                continue;
            };
            for (name, number) in numbers {
                match columns.get_mut(&name) {
                    Some(Value::Array(column)) => column.push(number),
                    _ => drop(columns.insert(name, json!([number]))),
                }
            }
        }
        Value::Object(columns)
    }
}

impl Reading {
    fn now(shards: Vec<Stats>, threads: &Threads) -> Self {
        Self {
            at: Instant::now(),
            shards,
            processor_s: machine::processor_s(),
            shards_s: threads.processor_s().collect(),
        }
    }

    fn seconds_since(&self, before: &Self) -> f64 {
        self.at.duration_since(before.at).as_secs_f64().max(0.001)
    }

    fn sample_since(&self, before: &Self) -> Sample {
        let seconds = self.seconds_since(before);
        let (now, then) = (sum(&self.shards), sum(&before.shards));
        let rate = |of: fn(&Stats) -> u64| per_s(of(&now), of(&then), seconds);
        let busy = self.processor_s.zip(before.processor_s);
        Sample {
            sparks: sparks(&now),
            connections: now
                .connections_accepted
                .saturating_sub(now.connections_closed),
            opened: rate(|stats| stats.sparks_opened),
            ended: rate(|stats| stats.sparks_ended),
            received: rate(|stats| stats.messages_received),
            written: rate(|stats| stats.messages_written),
            // Each shard counts its own, so those of one are those of all.
            broadcasts: self.broadcasts().saturating_sub(before.broadcasts()) as f32
                / seconds as f32,
            received_bytes: rate(|stats| stats.bytes_received),
            sent_bytes: rate(|stats| stats.bytes_sent),
            waiting: now.waiting_cost_bytes,
            busy: busy.map(|(now, then)| ((now - then).max(0.0) / seconds) as f32),
            refused: rate(refused_counts::total),
            ..Sample::default()
        }
    }

    fn broadcasts(&self) -> u64 {
        let all = self.shards.iter().map(|stats| stats.broadcasts);
        let rooms: u64 = self.shards.iter().map(|stats| stats.room_broadcasts).sum();
        all.max().unwrap_or_default() + rooms
    }

    fn rows_since(&self, before: &Self) -> Vec<ShardRow> {
        let seconds = self.seconds_since(before);
        let pairs = self.shards.iter().zip(&before.shards);
        let rows = pairs.enumerate().map(|(shard, (now, then))| {
            let time = |reading: &Self| reading.shards_s.get(shard).copied().flatten();
            let busy = time(self).zip(time(before));
            ShardRow {
                sparks: sparks(now),
                received: per_s(now.messages_received, then.messages_received, seconds),
                written: per_s(now.messages_written, then.messages_written, seconds),
                busy: busy.map(|(now, then)| ((now - then).max(0.0) / seconds) as f32),
                waiting: now.waiting_cost_bytes,
            }
        });
        rows.collect()
    }
}

pub(super) fn per_s(now: u64, then: u64, seconds: f64) -> f32 {
    (now.saturating_sub(then) as f64 / seconds) as f32
}

/// Counters of several threads are read one after the other, so an end may be seen before its
/// beginning.
fn sparks(stats: &Stats) -> u64 {
    stats.sparks_opened.saturating_sub(stats.sparks_ended)
}

/// The numbers that are shown, of all shards.
pub(super) fn sum(shards: &[Stats]) -> Stats {
    let mut sum = Stats::default();
    for stats in shards {
        sum.sparks_opened += stats.sparks_opened;
        sum.sparks_ended += stats.sparks_ended;
        sum.connections_accepted += stats.connections_accepted;
        sum.connections_closed += stats.connections_closed;
        sum.messages_received += stats.messages_received;
        sum.messages_written += stats.messages_written;
        sum.bytes_received += stats.bytes_received;
        sum.bytes_sent += stats.bytes_sent;
        sum.broadcasts += stats.broadcasts;
        sum.room_broadcasts += stats.room_broadcasts;
        sum.waiting_cost_bytes += stats.waiting_cost_bytes;
        refused_counts::add(&mut sum, stats);
    }
    sum
}
