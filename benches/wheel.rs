//! What timers cost a shard that has a million of them, one for each connection: setting, moving
//! and cancelling one, looking for the next deadline, and letting time pass while heartbeats fire.
//! A sorted map does the same job as a rival, in the usual way.
//!
//! Connections are touched in an order that no cache foresees, as messages come in. Deadlines are
//! spread over the 30 s of a heartbeat. Not measured: what is done when a timer has fired.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::time::Duration;

use allspark_engine::bench::Wheel;
use allspark_protocol::{Dice, Instant};
use criterion::{BatchSize, Criterion, Throughput, criterion_group};

criterion_group! {
    name = benches;
    config = crate::config();
    targets = single, whole, pass
}

const TIMERS: u32 = 1_000_000;

/// The time between two heartbeats of a connection.
const INTERVAL: Duration = Duration::from_secs(30);

const BEGIN: Instant = Instant::from_ms(1_000);

/// One timer among a million.
fn single(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wheel/one_of_1M");
    let (mut wheel, mut rival) = (None, None);
    let mut order = Order::new();
    group.bench_function("move", |bencher| {
        let wheel = wheel.get_or_insert_with(full);
        bencher.iter(|| wheel.set(order.index(), order.deadline(BEGIN)));
    });
    group.bench_function("cancel_and_set", |bencher| {
        let wheel = wheel.get_or_insert_with(full);
        bencher.iter(|| {
            let index = order.index();
            wheel.cancel(index);
            wheel.set(index, order.deadline(BEGIN));
        });
    });
    group.bench_function("next_deadline", |bencher| {
        let wheel = wheel.get_or_insert_with(full);
        bencher.iter(|| black_box(&*wheel).next_deadline());
    });
    group.bench_function("move/btree", |bencher| {
        let rival = rival.get_or_insert_with(Sorted::full);
        bencher.iter(|| rival.set(order.index(), order.deadline(BEGIN)));
    });
    group.finish();
}

/// All timers of a shard: as they are set when everybody connects, and cancelled.
fn whole(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wheel/all_of_1M");
    group.sample_size(10);
    group.throughput(Throughput::Elements(u64::from(TIMERS)));
    group.bench_function("set", |bencher| {
        bencher.iter_batched_ref(
            || (Wheel::new(BEGIN), Order::new()),
            |(wheel, order)| fill(wheel, order),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("cancel", |bencher| {
        bencher.iter_batched_ref(
            full,
            |wheel| (0..TIMERS).for_each(|index| wheel.cancel(index)),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

/// Time passes, and each timer that fires is set again, as a heartbeat is.
fn pass(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wheel/pass_with_1M");
    let mut shard = None;
    for ms in [1, 30] {
        let due = u64::from(TIMERS) * ms / INTERVAL.as_millis() as u64;
        group.throughput(Throughput::Elements(due));
        group.bench_function(format!("{ms}ms"), |bencher| {
            let Beating { wheel, now, due } = shard.get_or_insert_with(Beating::new);
            bencher.iter(|| {
                *now = *now + Duration::from_millis(ms);
                while !wheel.expire(*now, PER_TURN, due) {
                    beat(wheel, *now, due);
                }
                beat(wheel, *now, due);
            });
        });
    }
    group.finish();
}

/// How many timers a shard lets fire in one turn.
const PER_TURN: usize = allspark_engine::limits::TIMERS_PER_TURN;

/// A wheel, the present, and the timers that have just fired.
struct Beating {
    wheel: Wheel,
    now: Instant,
    due: Vec<u32>,
}

impl Beating {
    fn new() -> Self {
        Self {
            wheel: full(),
            now: BEGIN,
            due: Vec::new(),
        }
    }
}

fn beat(wheel: &mut Wheel, now: Instant, due: &mut Vec<u32>) {
    for index in due.drain(..) {
        wheel.set(index, now + INTERVAL);
    }
}

/// A wheel with all timers set.
fn full() -> Wheel {
    let mut wheel = Wheel::new(BEGIN);
    fill(&mut wheel, &mut Order::new());
    wheel
}

fn fill(wheel: &mut Wheel, order: &mut Order) {
    (0..TIMERS).for_each(|index| wheel.set(index, order.deadline(BEGIN)));
}

/// Which timer is next, and when it shall fire: by chance that costs a nanosecond ([`Dice`]), so
/// that it is the wheel that is measured.
struct Order(Dice);

impl Order {
    fn new() -> Self {
        Self(Dice::new(1))
    }

    fn index(&mut self) -> u32 {
        self.below(TIMERS)
    }

    fn deadline(&mut self, now: Instant) -> Instant {
        let ms = 1 + self.below(INTERVAL.as_millis() as u32);
        Instant::from_ns(now.as_ns() + u64::from(ms) * 1_000_000)
    }

    fn below(&mut self, end: u32) -> u32 {
        self.0.below(u64::from(end)) as u32
    }
}

/// The rival: timers in the order of their deadlines, and the deadline of each.
struct Sorted {
    by_deadline: BTreeSet<(Instant, u32)>,
    deadlines: Vec<Instant>,
}

impl Sorted {
    /// Made in the order of deadlines, which is quick, with indexes in none.
    fn full() -> Self {
        const PRIME: u64 = 7919;
        let timers: Vec<(Instant, u32)> = (0..u64::from(TIMERS))
            .map(|number| {
                let after = INTERVAL * number as u32 / TIMERS;
                (BEGIN + after, (number * PRIME % u64::from(TIMERS)) as u32)
            })
            .collect();
        let mut deadlines = vec![BEGIN; TIMERS as usize];
        for (deadline, index) in &timers {
            deadlines[*index as usize] = *deadline;
        }
        Self {
            by_deadline: timers.into_iter().collect(),
            deadlines,
        }
    }

    fn set(&mut self, index: u32, deadline: Instant) {
        let old = std::mem::replace(&mut self.deadlines[index as usize], deadline);
        self.by_deadline.remove(&(old, index));
        self.by_deadline.insert((deadline, index));
    }
}
