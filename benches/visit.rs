//! Visits to all sparks in memory (`for_each`): how long they hold up everybody else, kernel
//! excluded, with a driver that does nothing and takes what is sent.
//!
//! A visit goes on in portions of 256 sparks, one per turn. `longest-turn` is the longest turn of
//! one visit to all of them. `wait` is how long a message waits that comes in the middle of one, at
//! the worst moment: right after a turn has taken in what there was. It has to wait for the rest of
//! that turn, and is answered by the end of the next one. Either way `look` is a visitor that reads
//! the id of each spark, `write` one that writes a message to each; `alone` is the same message
//! without a visit.
//!
//! By default there are 100,000 sparks, so that nothing is in the processor's caches any more.
//! `ALLSPARK_BENCH=full` has a million besides, which takes half a minute and 1 GB.
//!
//! Not measured: sending. At 4 to 5 microseconds each over loopback, those to whom a turn's portion
//! was written add 1.3 ms to a turn.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use allspark_engine::io::Wait;
use allspark_engine::{Options, Spark};
use criterion::{BenchmarkId, Criterion, SamplingMode, criterion_group};

use crate::crowd::{self, World, settle};
use crate::puppet::frame;

criterion_group! {
    name = benches;
    config = crate::config();
    targets = visit
}

/// What is done about each spark.
type Visitor = fn(&mut Spark<'_>);

const LOOK: Visitor = |spark| {
    black_box(spark.id());
};

const WRITE: Visitor = |spark| assert!(spark.write("a message of some forty bytes for everyone"));

fn visit(criterion: &mut Criterion) {
    for sparks in sizes() {
        let mut kept = None;
        longest_turn(criterion, &mut kept, sparks);
        wait(criterion, &mut kept, sparks);
    }
}

fn sizes() -> Vec<usize> {
    let is_full = std::env::var("ALLSPARK_BENCH").is_ok_and(|value| value == "full");
    let largest = is_full.then_some(1_000_000);
    [100_000].into_iter().chain(largest).collect()
}

fn longest_turn(criterion: &mut Criterion, kept: &mut Option<Crowd>, sparks: usize) {
    let mut group = criterion.benchmark_group("visit/longest-turn");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    for (name, visitor) in [("look", LOOK), ("write", WRITE)] {
        group.bench_function(BenchmarkId::new(name, sparks), |bencher| {
            let crowd = kept.get_or_insert_with(|| Crowd::new(sparks));
            bencher.iter_custom(|visits| (0..visits).map(|_| crowd.longest_turn(visitor)).sum());
        });
    }
    group.finish();
}

fn wait(criterion: &mut Criterion, kept: &mut Option<Crowd>, sparks: usize) {
    let mut group = criterion.benchmark_group("visit/wait");
    let cases = [
        ("alone", None),
        ("look", Some(LOOK)),
        ("write", Some(WRITE)),
    ];
    for (name, visitor) in cases {
        group.bench_function(BenchmarkId::new(name, sparks), |bencher| {
            let crowd = kept.get_or_insert_with(|| Crowd::new(sparks));
            crowd.settle();
            bencher.iter_custom(|messages| (0..messages).map(|_| crowd.wait(visitor)).sum());
            crowd.settle();
        });
    }
    group.finish();
}

/// A shard with open sparks that echo.
struct Crowd {
    world: World,
    sparks: usize,
    /// How many messages have come.
    heard: Arc<AtomicUsize>,
    /// To how many sparks visits have come.
    visited: Arc<AtomicUsize>,
    visits: usize,
    /// The one that says something next.
    speaker: usize,
    message: Vec<u8>,
}

impl Crowd {
    fn new(sparks: usize) -> Self {
        let heard = Arc::<AtomicUsize>::default();
        let hears = Arc::clone(&heard);
        let world = crowd::world(Options::default(), sparks, move |primus| {
            primus.on_data(move |spark, data| {
                hears.fetch_add(1, Ordering::Relaxed);
                assert!(spark.write(data));
            });
        });
        Self {
            world,
            sparks,
            heard,
            visited: Arc::default(),
            visits: 0,
            speaker: 0,
            message: frame("\"a message of some forty bytes to be echoed\""),
        }
    }

    fn begin(&mut self, visitor: Visitor) {
        let visited = Arc::clone(&self.visited);
        self.visits += 1;
        self.world.1.for_each(move |spark| {
            visited.fetch_add(1, Ordering::Relaxed);
            visitor(spark);
            true
        });
    }

    /// How many sparks the visits that have begun still have to come to.
    fn left(&self) -> usize {
        self.visits * self.sparks - self.visited.load(Ordering::Relaxed)
    }

    fn turn(&mut self) {
        let turned = self.world.0.turn(Wait::No);
        turned.expect("the puppet does not fail");
    }

    fn settle(&mut self) {
        settle(&mut self.world.0);
        assert_eq!(self.left(), 0, "everybody was visited");
    }

    fn longest_turn(&mut self, visitor: Visitor) -> Duration {
        self.begin(visitor);
        let mut longest = Duration::ZERO;
        while self.left() > 0 {
            let began = Instant::now();
            self.turn();
            longest = longest.max(began.elapsed());
        }
        self.settle();
        longest
    }

    /// The visit of another message goes on where that of the one before was left.
    fn wait(&mut self, visitor: Option<Visitor>) -> Duration {
        if let Some(visitor) = visitor
            && self.left() < self.sparks / 2
        {
            self.settle();
            self.begin(visitor);
            while self.left() == self.sparks {
                self.turn();
            }
        }
        // Neighbours lie together, so one that is far away speaks next.
        self.speaker = (self.speaker + 7_919) % self.sparks;
        let (left, heard) = (self.left(), self.heard.load(Ordering::Relaxed));
        let began = Instant::now();
        self.turn();
        self.world
            .2
            .borrow_mut()
            .receive(self.speaker, &self.message);
        self.turn();
        let waited = began.elapsed();
        assert_eq!(self.heard.load(Ordering::Relaxed), heard + 1);
        assert!(visitor.is_none() || self.left() < left, "the visit goes on");
        waited
    }
}
