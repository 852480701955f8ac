//! Walks over all sparks: who reads slowly, and who is looked for.

use std::cmp::Reverse;

use allspark::{Handle, Spark, SparkId};

use super::bounds::{FOUND_MAX, SLOW_MAX};
use super::walk::walk;
use super::words::{FoundRow, SlowRow};

/// What a census found.
#[derive(Debug, Default)]
pub(super) struct Census {
    /// Who has most waiting, that first.
    pub(super) slow: Vec<SlowRow>,
    pub(super) sparks: u64,
    /// Those that have something waiting.
    pub(super) waiting: u64,
    /// Those that have not answered their last ping.
    pub(super) silent: u64,
}

/// Counts the sparks, and finds out who reads slowly.
pub(super) fn count(server: &Handle, then: impl FnOnce(Census) + Send + 'static) {
    walk(server, look_at, |parts: Vec<Census>| then(together(parts)));
}

fn look_at(spark: &mut Spark<'_>, census: &mut Census) -> bool {
    census.sparks += 1;
    census.silent += u64::from(!spark.is_alive());
    let bytes = spark.send_queue_bytes() as u64;
    if bytes > 0 {
        census.waiting += 1;
        let last = census.slow.last().map_or(0, |row| row.bytes);
        if census.slow.len() < SLOW_MAX || bytes > last {
            add(&mut census.slow, row_of(spark, bytes));
        }
    }
    true
}

fn row_of(spark: &Spark<'_>, bytes: u64) -> SlowRow {
    SlowRow {
        id: spark.id().to_string(),
        address: spark.address().to_string(),
        bytes,
        ms: latency_ms(spark),
    }
}

/// How long the spark took to answer its last ping.
pub(super) fn latency_ms(spark: &Spark<'_>) -> Option<f32> {
    spark
        .latency()
        .map(|latency| latency.as_secs_f32() * 1000.0)
}

/// Those with most come first, and few are kept.
fn add(rows: &mut Vec<SlowRow>, row: SlowRow) {
    let place = rows.partition_point(|other| other.bytes >= row.bytes);
    rows.insert(place, row);
    rows.truncate(SLOW_MAX);
}

fn together(parts: Vec<Census>) -> Census {
    let mut sum = Census::default();
    for part in parts {
        sum.sparks += part.sparks;
        sum.waiting += part.waiting;
        sum.silent += part.silent;
        sum.slow.extend(part.slow);
    }
    sum.slow.sort_by_key(|row| Reverse(row.bytes));
    sum.slow.truncate(SLOW_MAX);
    sum
}

/// Finds sparks that have this text in their id or their address, or are in the room of this name.
pub(super) fn search(
    server: &Handle,
    text: String,
    then: impl FnOnce(Vec<FoundRow>) + Send + 'static,
) {
    let visit = move |spark: &mut Spark<'_>, found: &mut Vec<FoundRow>| {
        let address = spark.address().to_string();
        if let Some(by) = why(spark, &address, &text) {
            found.push(FoundRow {
                id: spark.id().to_string(),
                address,
                by,
                ended: false,
            });
        }
        found.len() < FOUND_MAX
    };
    walk(server, visit, |parts: Vec<Vec<FoundRow>>| {
        let mut found: Vec<FoundRow> = parts.into_iter().flatten().collect();
        found.truncate(FOUND_MAX);
        then(found);
    });
}

fn why(spark: &Spark<'_>, address: &str, text: &str) -> Option<&'static str> {
    if spark.rooms_len() > 0 && spark.is_in(text) {
        return Some("room");
    }
    names(&spark.id(), address, text)
}

/// What of a spark has this text.
pub(super) fn names(id: &SparkId, address: &str, text: &str) -> Option<&'static str> {
    let mut buffer = [0; 21];
    if id.encode(&mut buffer).starts_with(text) {
        return Some("id");
    }
    address.contains(text).then_some("address")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(bytes: u64) -> SlowRow {
        SlowRow {
            id: String::new(),
            address: String::new(),
            bytes,
            ms: None,
        }
    }

    #[test]
    fn the_slowest_of_all_parts_are_kept_in_order() {
        let parts = [0, 1_000, 2_000].map(|base| {
            let mut census = Census::default();
            for n in 0..2 * SLOW_MAX as u64 {
                add(&mut census.slow, row(base + n));
            }
            census
        });
        let all = together(parts.into());
        let bytes: Vec<u64> = all.slow.iter().map(|row| row.bytes).collect();
        let most = 2_000 + 2 * SLOW_MAX as u64;
        let expected: Vec<u64> = (0..SLOW_MAX as u64).map(|n| most - 1 - n).collect();
        assert_eq!(bytes, expected);
    }
}
