//! Rooms in memory: what a shard does for a message to rooms, kernel excluded, with a driver that
//! does nothing and takes what is sent.
//!
//! A message comes from outside, as `Room::write` brings it: it is encoded, goes through the
//! shard's inbox, is framed once, and reaches the members. `one` has everybody in one room, beside
//! `fanout/broadcast`, whose work it is; `most` has all but one there, so that the members are
//! walked over; `small` writes to many rooms of few members, one after
//! the other; `overlapping` to rooms that share their members, `each` by itself, and `together`
//! with one message. `join` is a spark that leaves a room and joins it again.
//!
//! By default the crowds are those that are measured in seconds. `ALLSPARK_BENCH=full` measures the
//! largest ones besides: a room of a million, 100,000 small rooms, 10,000 overlapping ones. That
//! takes minutes and 2 GB.
//!
//! Not measured: sending (4 to 5 microseconds each over loopback), and the way from shard to shard.

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use allspark_engine::{Attach, Handle, Options, Room};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};

use crate::crowd::{self, World, settle};
use crate::puppet::frame;

criterion_group! {
    name = benches;
    config = crate::config();
    targets = one, most, small, overlapping, join
}

/// Messages that are written before the shard has its turn: fewer than its inbox has room for.
const AT_ONCE: usize = 16_384;

const MESSAGE: &str = "a message of some forty bytes for everyone";

fn one(criterion: &mut Criterion) {
    let sizes = sizes(&[10, 100, 1_000, 10_000, 100_000], 1_000_000);
    one_room(criterion, "rooms/one", &sizes, 0);
}

fn most(criterion: &mut Criterion) {
    one_room(
        criterion,
        "rooms/most",
        &[10, 100, 1_000, 10_000, 100_000],
        1,
    );
}

/// Sparks in one room, beside so many others.
fn one_room(criterion: &mut Criterion, name: &str, sizes: &[usize], others: usize) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(20);
    for &sparks in sizes {
        let mut kept = None;
        group.throughput(Throughput::Elements(sparks as u64));
        group.bench_function(BenchmarkId::new("sparks", sparks), |bencher| {
            let (shard, handle, _) = kept.get_or_insert_with(|| {
                let next = AtomicUsize::new(0);
                world(sparks + others, move |primus| {
                    primus.on_connection(move |spark| {
                        if next.fetch_add(1, Ordering::Relaxed) < sparks {
                            spark.join("all").expect("it is one room");
                        }
                    });
                })
            });
            let room = handle.room("all");
            bencher.iter(|| {
                room.write(black_box(MESSAGE))
                    .expect("a text can be encoded");
                settle(shard);
            });
        });
        if let Some((_, _, hand)) = kept {
            let sends = hand.borrow().sends;
            assert!(sends > 0 && sends.is_multiple_of(sparks as u64));
        }
    }
    group.finish();
}

fn small(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rooms/small");
    for members in [1, 4, 10] {
        let mut crowd = Crowd::new(1_000 * members, 1_000, |spark, rooms| vec![spark % rooms]);
        group.throughput(Throughput::Elements(1_000));
        group.bench_function(BenchmarkId::new("members", members), |bencher| {
            bencher.iter(|| crowd.write_to_each());
        });
    }
    for rooms in sizes(&[1_000], 100_000) {
        // Room 0 has 1 member, room 1 has 2, room 9 has 10, room 10 has 1 again.
        let is_in = |spark: usize, rooms: usize| {
            let back = (0..10).map(move |steps| (steps, (spark + rooms - steps) % rooms));
            let own = back.filter(|(steps, room)| *steps <= room % 10);
            own.map(|(_, room)| room).collect()
        };
        let mut crowd = Crowd::new(rooms, rooms, is_in);
        group.throughput(Throughput::Elements(rooms as u64));
        group.sample_size(10);
        group.bench_function(BenchmarkId::new("mixed", rooms), |bencher| {
            bencher.iter(|| crowd.write_to_each());
        });
    }
    group.finish();
}

fn overlapping(criterion: &mut Criterion) {
    const SPARKS: usize = 10_000;
    let mut group = criterion.benchmark_group("rooms/overlapping");
    group.sample_size(10);
    // 1,000 sparks in 100 of 1,000 rooms each: rooms of 100 members, so few that each is written to
    // at once, and every spark gets 20 messages at a time.
    let few =
        |spark: usize, rooms: usize| (0..100).map(|step| (spark + step * 10) % rooms).collect();
    let mut crowd = Crowd::new(1_000, 1_000, few);
    crowd.rooms.truncate(200);
    group.throughput(Throughput::Elements(200 * 100));
    group.bench_function("few", |bencher| bencher.iter(|| crowd.write_to_each()));
    for rooms in sizes(&[100], 10_000) {
        // Each spark is in a tenth of 100 rooms, or in a hundredth of 10,000.
        let each = rooms.isqrt();
        let is_in = move |spark: usize, rooms: usize| {
            let steps = (0..each).map(move |step| (spark + step * (rooms / each)) % rooms);
            steps.collect()
        };
        let mut crowd = Crowd::new(SPARKS, rooms, is_in);
        group.throughput(Throughput::Elements(rooms as u64));
        group.bench_function(BenchmarkId::new("each", rooms), |bencher| {
            bencher.iter(|| crowd.write_to_each());
        });
        let all = crowd.handle().room((0..rooms).collect::<Vec<_>>());
        group.throughput(Throughput::Elements(SPARKS as u64));
        group.bench_function(BenchmarkId::new("together", rooms), |bencher| {
            bencher.iter(|| crowd.write_to(&all));
        });
    }
    group.finish();
}

fn join(criterion: &mut Criterion) {
    const SPARKS: usize = 1_000;
    let (mut shard, _, hand) = world(SPARKS, |primus| {
        primus.on_connection(|spark| spark.join("all").expect("it is one room"));
        primus.on_data(|spark, _| {
            spark.leave("all");
            spark.join("all").expect("it is one room");
        });
    });
    let message = frame("1");
    let mut group = criterion.benchmark_group("rooms/join");
    group.throughput(Throughput::Elements(100));
    group.bench_function("again", |bencher| {
        bencher.iter(|| {
            (0..100).for_each(|socket| hand.borrow_mut().receive(socket, &message));
            settle(&mut shard);
        });
    });
    group.finish();
}

/// Sparks in many rooms, and the rooms.
struct Crowd {
    world: World,
    rooms: Vec<Room>,
}

impl Crowd {
    /// Spark `n` is in the rooms that `is_in` says of `n` and the number of rooms.
    fn new(
        sparks: usize,
        rooms: usize,
        is_in: impl Fn(usize, usize) -> Vec<usize> + Send + Sync + 'static,
    ) -> Self {
        let next = AtomicUsize::new(0);
        let world = world(sparks, move |primus| {
            primus.on_connection(move |spark| {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let own = is_in(number, rooms);
                spark.join(own).expect("these are few");
            });
        });
        let rooms = (0..rooms).map(|room| world.1.room(room)).collect();
        Self { world, rooms }
    }

    fn handle(&self) -> &Handle {
        &self.world.1
    }

    /// Writes to each room, one after the other.
    fn write_to_each(&mut self) {
        for rooms in self.rooms.chunks(AT_ONCE) {
            for room in rooms {
                room.write(black_box(MESSAGE))
                    .expect("a text can be encoded");
            }
            settle(&mut self.world.0);
        }
    }

    fn write_to(&mut self, room: &Room) {
        room.write(black_box(MESSAGE))
            .expect("a text can be encoded");
        settle(&mut self.world.0);
    }
}

/// The sizes that are measured: the largest one only if it is asked for.
fn sizes(usual: &[usize], largest: usize) -> Vec<usize> {
    let is_full = std::env::var("ALLSPARK_BENCH").is_ok_and(|value| value == "full");
    let largest = is_full.then_some(largest);
    usual.iter().copied().chain(largest).collect()
}

fn world(sparks: usize, attach: impl FnOnce(&Attach)) -> World {
    crowd::world(Options::default(), sparks, attach)
}
