//! Functions that the application wants called at a time, in virtual time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark_engine::{Spark, SparkId, Timer};
use allspark_transformers::websockets::WebSockets;

use crate::stage::{Client, Stage, quiet};

type Calls = Vec<(&'static str, u64)>;

/// What was called, and how many milliseconds after the beginning.
#[derive(Clone, Default)]
struct Log {
    calls: Arc<Mutex<Calls>>,
    now_ms: Arc<AtomicU64>,
}

impl Log {
    fn note(&self, name: &'static str) {
        let now_ms = self.now_ms.load(Ordering::Relaxed);
        self.calls.lock().unwrap().push((name, now_ms));
    }

    fn take(&self) -> Calls {
        std::mem::take(&mut self.calls.lock().unwrap())
    }
}

struct Scene {
    stage: Stage<WebSockets>,
    log: Log,
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl Scene {
    /// `begin` is called with each of some sparks, at the beginning.
    fn new(
        sparks: usize,
        begin: impl Fn(&mut Spark<'_>, &Log) + Send + Sync + 'static,
    ) -> (Self, Vec<Client>) {
        let mut stage = quiet(|_| {});
        let clients = stage.crowd(sparks);
        let log = Log::default();
        let begun = log.clone();
        let mut scene = Self { stage, log };
        scene.with_all(move |spark| begin(spark, &begun));
        scene.stage.turn();
        (scene, clients)
    }

    /// In the next turn.
    fn with_all(&mut self, call: impl Fn(&mut Spark<'_>) + Send + Sync + 'static) {
        self.stage.primus.for_each(move |spark| {
            call(spark);
            true
        });
    }

    /// Time passes, and the shard turns every millisecond.
    fn run_for(&mut self, ms: u64) {
        for _ in 0..ms {
            self.log.now_ms.fetch_add(1, Ordering::Relaxed);
            self.stage.turn();
        }
    }

    /// Time passes, and the shard does not turn. A millisecond passes after each turn.
    fn stand_still(&mut self, ms: u64) {
        self.log.now_ms.fetch_add(ms, Ordering::Relaxed);
        let later = self.stage.net.now() + Duration::from_millis(ms);
        self.stage.net.advance_to(later);
    }
}

#[test]
fn one_is_called_once_and_one_at_its_interval() {
    let (mut scene, _clients) = Scene::new(1, |spark, log| {
        let (once, again) = (log.clone(), log.clone());
        spark.after(ms(50), move |_| once.note("once"));
        spark.every(ms(40), move |_| again.note("again"));
    });
    scene.run_for(130);
    let expected = [("again", 40), ("once", 50), ("again", 80), ("again", 120)];
    assert_eq!(scene.log.take(), expected);
}

#[test]
fn a_shard_that_was_late_calls_in_order_and_leaves_out_what_is_past() {
    let (mut scene, _clients) = Scene::new(1, |spark, log| {
        let (once, again) = (log.clone(), log.clone());
        spark.every(ms(40), move |_| again.note("again"));
        spark.after(ms(50), move |_| once.note("once"));
        let early = log.clone();
        spark.after(ms(30), move |_| early.note("early"));
    });
    scene.stand_still(204);
    scene.run_for(40);
    let expected = [
        ("early", 205),
        ("again", 205),
        ("once", 205),
        ("again", 240),
    ];
    assert_eq!(scene.log.take(), expected);
}

/// Whatever way they took through the wheel.
#[test]
fn those_of_one_moment_are_called_in_the_order_in_which_they_were_set() {
    const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
    for delay_ms in [1, 10, 100, 5_000] {
        let (mut scene, _clients) = Scene::new(1, move |spark, log| {
            for name in NAMES {
                let log = log.clone();
                spark.after(ms(delay_ms), move |_| log.note(name));
            }
        });
        scene.run_for(delay_ms);
        assert_eq!(scene.log.take(), NAMES.map(|name| (name, delay_ms)));
    }
}

#[test]
fn one_that_is_cancelled_is_called_no_more() {
    let (mut scene, _clients) = Scene::new(1, |spark, log| {
        let (once, again, judge) = (log.clone(), log.clone(), log.clone());
        let once = spark.after(ms(50), move |_| once.note("once"));
        let again = spark.every(ms(20), move |_| again.note("again"));
        spark.after(ms(45), move |spark| {
            assert!(spark.cancel(once) && !spark.cancel(once));
            assert!(spark.cancel(again) && !spark.cancel(again));
            judge.note("cancelled");
        });
        let past = spark.after(ms(1), |_| {});
        spark.after(ms(2), move |spark| assert!(!spark.cancel(past)));
    });
    scene.run_for(200);
    let expected = [("again", 20), ("again", 40), ("cancelled", 45)];
    assert_eq!(scene.log.take(), expected);
    assert_eq!(scene.stage.primus.stats().handlers_panicked, 0);
}

/// A timer as its own function knows it.
fn own_timer(spark: &mut Spark<'_>) -> Timer {
    *spark.state::<Timer>().expect("it was set")
}

#[test]
fn one_can_cancel_itself() {
    let (mut scene, _clients) = Scene::new(1, |spark, log| {
        let log = log.clone();
        let timer = spark.every(ms(10), move |spark| {
            let timer = own_timer(spark);
            assert!(spark.cancel(timer) && !spark.cancel(timer));
            log.note("called");
        });
        spark.set_state(timer);
    });
    scene.run_for(100);
    assert_eq!(scene.log.take(), [("called", 10)]);
    assert_eq!(scene.stage.primus.stats().handlers_panicked, 0);
}

#[test]
fn one_that_runs_for_the_last_time_can_not_be_cancelled() {
    let (mut scene, _clients) = Scene::new(1, |spark, log| {
        let log = log.clone();
        let timer = spark.after(ms(10), move |spark| {
            let timer = own_timer(spark);
            assert!(!spark.cancel(timer));
            log.note("called");
        });
        spark.set_state(timer);
    });
    scene.run_for(20);
    assert_eq!(scene.log.take(), [("called", 10)]);
}

#[test]
fn the_timer_of_another_spark_is_left_alone() {
    let timers = Arc::<Mutex<HashMap<SparkId, Timer>>>::default();
    let known = Arc::clone(&timers);
    let (mut scene, _clients) = Scene::new(2, move |spark, log| {
        let log = log.clone();
        let timer = spark.after(ms(20), move |_| log.note("called"));
        known.lock().unwrap().insert(spark.id(), timer);
    });
    scene.with_all(move |spark| {
        for (id, timer) in timers.lock().unwrap().iter() {
            if *id != spark.id() {
                assert!(!spark.cancel(*timer));
            }
        }
    });
    scene.run_for(30);
    assert_eq!(scene.log.take(), [("called", 20); 2]);
}

/// A timer may get the place of one that was due at this moment and was cancelled.
#[test]
fn one_that_is_set_while_others_are_due_waits_for_its_own_time() {
    let (mut scene, _clients) = Scene::new(1, |spark, log| {
        let timers = Rc::<RefCell<Vec<Timer>>>::default();
        for _ in 0..2 {
            let (known, log) = (Rc::clone(&timers), log.clone());
            let timer = spark.after(ms(10), move |spark| {
                log.note("first");
                known
                    .take()
                    .into_iter()
                    .for_each(|timer| _ = spark.cancel(timer));
                for _ in 0..2 {
                    let log = log.clone();
                    spark.after(ms(30), move |_| log.note("second"));
                }
            });
            timers.borrow_mut().push(timer);
        }
    });
    scene.run_for(60);
    let expected = [("first", 10), ("second", 40), ("second", 40)];
    assert_eq!(scene.log.take(), expected);
}

#[test]
fn those_of_a_spark_that_ends_are_called_no_more_and_dropped() {
    let kept = Arc::new(());
    let captured = Arc::clone(&kept);
    let (mut scene, clients) = Scene::new(2, move |spark, log| {
        let (once, again, kept) = (log.clone(), log.clone(), Arc::clone(&captured));
        spark.after(ms(50), move |_| once.note("once"));
        spark.every(ms(30), move |_| {
            let _kept = &kept;
            again.note("again");
        });
    });
    assert_eq!(Arc::strong_count(&kept), 3, "each spark has one");
    clients[0].leave();
    scene.run_for(5);
    assert_eq!(Arc::strong_count(&kept), 2);
    scene.with_all(|spark| _ = spark.end());
    scene.run_for(100);
    assert_eq!(Arc::strong_count(&kept), 1);
    assert_eq!(scene.log.take(), []);
    assert_eq!(scene.stage.primus.stats().sparks_ended, 2);
}

#[test]
fn one_that_panics_ends_its_spark_only() {
    let (mut scene, clients) = Scene::new(3, |spark, log| {
        let log = log.clone();
        let mut calls = 0;
        spark.every(ms(10), move |spark| {
            calls += 1;
            log.note("called");
            let is_to_panic = calls == 2 && spark.state::<()>().is_some();
            assert!(!is_to_panic, "this one is expected");
        });
    });
    let marked = Arc::new(AtomicU64::new(0));
    scene.with_all(move |spark| {
        if marked.fetch_add(1, Ordering::Relaxed) == 0 {
            spark.set_state(());
        }
    });
    scene.run_for(30);
    let calls = scene.log.take();
    let called_at = |ms| calls.iter().filter(|(_, at)| *at == ms).count();
    assert_eq!([10, 20, 30].map(called_at), [3, 3, 2]);
    let stats = scene.stage.primus.stats();
    assert_eq!((stats.handlers_panicked, stats.sparks_ended), (1, 1));
    drop(clients);
}

/// The wheel reaches twelve days ahead.
#[test]
fn one_may_lie_far_ahead() {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    let (mut scene, _clients) = Scene::new(1, |spark, log| {
        let (once, again) = (log.clone(), log.clone());
        spark.after(ms(30 * DAY_MS), move |_| once.note("once"));
        spark.after(Duration::MAX, |_| panic!("never"));
        spark.every(Duration::MAX, move |_| again.note("again"));
    });
    for _ in 0..29 {
        scene.stand_still(DAY_MS - 1);
        scene.run_for(1);
    }
    assert_eq!(scene.log.take(), []);
    scene.stand_still(DAY_MS - 1);
    scene.run_for(10);
    assert_eq!(scene.log.take(), [("once", 30 * DAY_MS)]);
}
