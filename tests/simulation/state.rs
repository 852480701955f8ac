//! What an application keeps with a spark.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::stage::{frame, quiet};

/// Says when it is dropped.
struct Player {
    score: u64,
    dropped: Arc<AtomicBool>,
}

impl Drop for Player {
    fn drop(&mut self) {
        self.dropped.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_state_lives_as_long_as_its_spark() {
    let (dropped, score) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
    let mut stage = quiet(|primus| {
        let dropped = Arc::clone(&dropped);
        primus.on_connection(move |spark| {
            assert!(spark.state::<Player>().is_none());
            let dropped = Arc::clone(&dropped);
            spark.set_state(Player { score: 0, dropped });
        });
        primus.on_data(|spark, _| spark.state_mut::<Player>().expect("it was set").score += 1);
        let score = Arc::clone(&score);
        primus.on_disconnection(move |spark| {
            let player = spark.state::<Player>().expect("it is still there");
            score.store(player.score, Ordering::Relaxed);
        });
    });
    let client = stage.upgrade("");
    client.say(&[frame("1"), frame("2")].concat());
    stage.turns(3);
    assert!(!dropped.load(Ordering::Relaxed));
    client.leave();
    stage.turns(3);
    assert_eq!(score.load(Ordering::Relaxed), 2);
    assert!(dropped.load(Ordering::Relaxed));
    assert_eq!(stage.primus.stats().handlers_panicked, 0);
}

#[test]
fn a_state_has_one_type_at_a_time() {
    let seen = Arc::<Mutex<Vec<Option<u8>>>>::default();
    let log = Arc::clone(&seen);
    let mut stage = quiet(|primus| {
        primus.on_connection(move |spark| {
            let note = |found| log.lock().unwrap().push(found);
            note(spark.take_state::<u8>());
            spark.set_state(1_u8);
            assert!(spark.state::<u16>().is_none() && spark.state_mut::<u16>().is_none());
            assert!(spark.take_state::<u16>().is_none(), "it stays");
            note(spark.take_state::<u8>());
            note(spark.take_state::<u8>());
            spark.set_state(2_u8);
            spark.set_state(3_u16);
            note(spark.take_state::<u8>());
            assert_eq!(spark.state::<u16>(), Some(&3));
        });
    });
    let _client = stage.upgrade("");
    assert_eq!(*seen.lock().unwrap(), [None, Some(1), None, None]);
    assert_eq!(stage.primus.stats().handlers_panicked, 0);
}

/// Each is dropped under a guard of its own: two panics at once would end the process.
#[test]
fn values_that_panic_when_they_are_dropped_harm_nobody() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("this one is expected");
        }
    }
    let mut stage = quiet(|primus| {
        primus.on_connection(|spark| {
            spark.set_state(Bomb);
            for bomb in [Bomb, Bomb] {
                spark.on_data(move |_, _| _ = std::hint::black_box(&bomb));
            }
        });
    });
    let (client, other) = (stage.upgrade(""), stage.upgrade(""));
    client.leave();
    stage.turns(3);
    other.leave();
    stage.turns(3);
    assert_eq!(stage.primus.stats().sparks_forgotten, 2);
}
