//! What the way from thread to thread costs: a command through the bounded queue into a shard, and
//! waking a shard that sleeps.
//!
//! `queue` sends commands for a spark that does not exist, so a shard does next to nothing but take
//! them in: from the thread of the shard itself, and from another one while the shard turns. `end`
//! carries nothing, `write` a message, which is encoded into memory of its own. The bare queue of
//! crossbeam, with elements of the same size, stands beside it.
//!
//! `wake` is the time from the first of some commands until a sleeping shard has carried out the
//! last of them, on each driver that works here: an event descriptor, the scheduler, one turn. A
//! batch costs one wake-up however large it is, unless the shard is faster than its sender.
//!
//! Not measured: what commands do (see `fanout`). Two threads need two cores that are free.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use allspark_engine::io::sim::{SimDriver, SimNet};
use allspark_engine::io::{Driver, Epoll, EpollOptions, Uring, UringOptions, Wait, probe};
use allspark_engine::sim::single_shard;
use allspark_engine::{Destroy, Handle, Options, Shard, SparkHandle, SparkId};
use allspark_protocol::primus::id::IdParts;
use allspark_transformers::websockets::WebSockets;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group};
use crossbeam_queue::SegQueue;

criterion_group! {
    name = benches;
    config = crate::config();
    targets = queue_of_one_thread, queue_of_two_threads, wake
}

/// Commands that a shard takes in one turn.
const BATCH: u64 = allspark_engine::limits::INBOX_COMMANDS_PER_TURN as u64;

/// What is asked of a spark that does not exist.
type Ask = fn(&SparkHandle);

const ASKED: [(&str, Ask); 2] = [
    ("end", SparkHandle::end),
    ("write", |spark| {
        let written = spark.write("a message of some forty bytes for someone");
        written.expect("a text can be encoded");
    }),
];

/// As large as a command.
type Element = [u64; 6];

fn queue_of_one_thread(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mesh/queue_one_thread");
    group.throughput(Throughput::Elements(BATCH));
    for (name, ask) in ASKED {
        let (mut shard, handle) = idle_shard();
        let nobody = nobody(&handle);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                (0..BATCH).for_each(|_| ask(&nobody));
                turn(&mut shard);
            });
        });
    }
    let queue = SegQueue::<Element>::new();
    group.bench_function("bare", |bencher| {
        bencher.iter(|| {
            (0..BATCH).for_each(|number| queue.push([number; 6]));
            while queue.pop().is_some() {}
        });
    });
    group.finish();
}

fn queue_of_two_threads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mesh/queue_two_threads");
    group.throughput(Throughput::Elements(1));
    for (name, ask) in ASKED {
        let (mut shard, handle) = idle_shard();
        let nobody = nobody(&handle);
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| {
                let send = |at_end| {
                    (0..count).for_each(|_| ask(&nobody));
                    send_last(&handle, at_end);
                };
                beside(send, |passed| {
                    while !passed.is_set() {
                        turn(&mut shard);
                    }
                })
            });
        });
    }
    let queue = SegQueue::<Element>::new();
    group.bench_function("bare", |bencher| {
        bencher.iter_custom(|count| {
            let send = |_| (0..count).for_each(|number| queue.push([number; 6]));
            beside(send, |_| {
                let mut missing = count;
                while missing > 0 {
                    missing -= u64::from(queue.pop().is_some());
                }
            })
        });
    });
    group.finish();
}

/// Runs `send` on another thread, and returns how long `receive` takes meanwhile.
fn beside(send: impl FnOnce(SetAtEnd) + Send, receive: impl FnOnce(&Passed)) -> Duration {
    let passed = Passed::default();
    let at_end = SetAtEnd(passed.clone());
    let both_are_here = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            both_are_here.wait();
            send(at_end);
        });
        both_are_here.wait();
        let begin = Instant::now();
        receive(&passed);
        begin.elapsed()
    })
}

fn wake(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mesh/wake");
    let epoll = || Epoll::new(EpollOptions::default()).expect("epoll works");
    wake_on(&mut group, "epoll", epoll);
    if probe().is_ok() {
        let uring = || Uring::new(UringOptions::default()).expect("io_uring works");
        wake_on(&mut group, "uring", uring);
    }
    group.finish();
}

fn wake_on<D: Driver>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    make: impl FnOnce() -> D + Clone + Send + 'static,
) {
    for commands in [1, 64, 1024] {
        let sleeper = Sleeper::start(make.clone());
        let nobody = nobody(&sleeper.handle);
        group.bench_function(BenchmarkId::new(name, commands), |bencher| {
            bencher.iter_custom(|count| {
                let once = |_| {
                    pause();
                    let begin = Instant::now();
                    (1..commands).for_each(|_| nobody.end());
                    let passed = Passed::default();
                    send_last(&sleeper.handle, SetAtEnd(passed.clone()));
                    while !passed.is_set() {
                        spin_loop();
                    }
                    begin.elapsed()
                };
                (0..count).map(once).sum()
            });
        });
    }
}

/// Long enough for a shard to fall asleep. It does not sleep itself, so as to be there at once.
fn pause() {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_micros(30) {
        spin_loop();
    }
}

/// Set once every command that was sent before has been carried out.
#[derive(Clone, Default)]
struct Passed(Arc<AtomicBool>);

impl Passed {
    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Sets what it holds when it is dropped.
struct SetAtEnd(Passed);

impl Drop for SetAtEnd {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Release);
    }
}

/// Sends a last command: the shard drops its function when it has carried it out.
fn send_last(handle: &Handle, at_end: SetAtEnd) {
    handle.for_each(move |_| {
        let _ = &at_end;
        true
    });
}

/// A shard that sleeps on a thread of its own whenever it has nothing to do.
struct Sleeper {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Sleeper {
    fn start<D: Driver>(make: impl FnOnce() -> D + Send + 'static) -> Self {
        let (tell, told) = mpsc::channel();
        let thread = thread::spawn(move || {
            let transformer = WebSockets::uncompressed(1 << 20);
            let (mut shard, handle) = single_shard(make(), Options::default(), transformer, |_| {});
            tell.send(handle).expect("the bench waits for it");
            shard.run().expect("the driver works");
        });
        Self {
            handle: told.recv().expect("the shard starts"),
            thread: Some(thread),
        }
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.handle.destroy(Destroy::default());
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(matches!(ended, Some(Ok(()))), "the shard has failed");
    }
}

/// A shard without sparks, turned by hand and without the kernel, and how to reach it.
fn idle_shard() -> (Shard<SimDriver, WebSockets>, Handle) {
    let driver = SimDriver::new(&SimNet::default());
    let transformer = WebSockets::uncompressed(1 << 20);
    single_shard(driver, Options::default(), transformer, |_| {})
}

fn turn(shard: &mut Shard<SimDriver, WebSockets>) {
    shard.turn(Wait::No).expect("the simulator does not fail");
}

/// Reaches a spark that does not exist.
fn nobody(handle: &Handle) -> SparkHandle {
    // Which shard an id names is mixed with a secret of the server: about one id in 4,096 names the
    // only one.
    let ids = (0..).map(|random| {
        let parts = IdParts {
            shard: 0,
            index: u32::MAX,
            random,
        };
        SparkId::new(parts, 0)
    });
    let reached = ids.take(1 << 20).find_map(|id| handle.spark(id));
    reached.expect("some id names shard 0")
}
