//! Clients that poll and can't answer a ping for a while, because their answer waits behind what
//! they send, or because they still read what they were sent: they are no silent ones.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark::TransformerKind;
use allspark_engine::Options;

use crate::by_hand::ByHand;
use crate::poller::{Poller, WAYS};

/// A server of every transport, and the lengths of the words that it heard.
struct World {
    stage: ByHand,
    heard: Arc<Mutex<Vec<usize>>>,
}

impl World {
    fn new(shards: u16) -> Self {
        let heard = Arc::<Mutex<Vec<usize>>>::default();
        let hears = Arc::clone(&heard);
        let kind = TransformerKind::Any;
        let stage = ByHand::serving(kind, shards, Options::default(), move |primus| {
            primus.on_data(move |_, data| {
                let word: String = data.parse().expect("clients say words");
                hears.lock().unwrap().push(word.len());
            });
        });
        Self { stage, heard }
    }

    /// How many sparks have ended, and how many of these because they were silent.
    fn ended(&self) -> (u64, u64) {
        let stats = self.stage.stats();
        (stats.sparks_ended, stats.sparks_silent)
    }
}

/// 9 MB at 2 Mbit/s take longer than a ping may be unanswered, and 2.5 MB at a tenth of that longer
/// than any transport waits for anything. They begin just when the client is pinged.
#[test]
fn a_body_that_keeps_coming_is_a_sign_of_life() {
    for way in WAYS {
        for (shard, length, part) in [(0, 9_000_000, 25_000), (1, 2_500_000, 2_500)] {
            let mut world = World::new(2);
            let stage = &mut world.stage;
            let mut client = Poller::open(stage, way);
            while !client.owes_pong() {
                stage.seconds(1);
                client.read(stage, usize::MAX);
            }
            let end = stage.connect(shard);
            let request = client.message(&"x".repeat(length));
            for part in request.as_bytes().chunks(part) {
                stage.send_all(end, part);
                stage.run_for(Duration::from_millis(100));
                client.read(stage, usize::MAX);
            }
            for _ in 0..100 {
                client.pong(stage);
                stage.seconds(1);
                client.read(stage, usize::MAX);
            }
            assert_eq!(world.ended(), (0, 0), "{way:?}");
            assert_eq!(*world.heard.lock().unwrap(), [length], "{way:?}");
        }
    }
}

/// A body of which a byte comes now and then is given up, and with it the client that says nothing
/// else.
#[test]
fn a_body_that_dribbles_is_no_sign_of_life() {
    for way in WAYS {
        let mut world = World::new(1);
        let stage = &mut world.stage;
        let mut client = Poller::open(stage, way);
        let end = stage.connect(0);
        let request = client.message(&"x".repeat(1_000_000));
        stage.send_all(end, &request.as_bytes()[..1_000]);
        for _ in 0..200 {
            stage.seconds(1);
            stage.send(end, b"x");
            client.read(stage, usize::MAX);
        }
        // What it asks for afterwards may open another session.
        assert!(world.stage.stats().requests_timed_out > 0, "{way:?}");
        assert!(world.ended().0 > 0, "{way:?}");
    }
}

/// 3.9 MB at 4 kB/s take a quarter of an hour. Whoever reads that answers pings afterwards, and
/// whoever reads a byte now and then is given up.
#[test]
fn an_answer_that_is_read_is_a_sign_of_life() {
    const BYTES: usize = 3_900_000;
    for way in WAYS {
        for (each_second, lives) in [(4_000, true), (1, false), (0, false)] {
            let mut world = World::new(1);
            let stage = &mut world.stage;
            let mut client = Poller::open(stage, way);
            stage.handle().write("x".repeat(BYTES)).unwrap();
            let mut received = 0;
            for second in 0..BYTES / 4_000 {
                stage.seconds(1);
                received += client.read(stage, each_second);
                let is_ended = stage.stats().sparks_ended > 0;
                assert!(!lives || !is_ended, "{way:?}: {received} in {second} s");
            }
            if lives {
                assert_eq!(world.ended(), (0, 0), "{way:?}: {received}");
                for _ in 0..100 {
                    world.stage.seconds(1);
                    received += client.read(&mut world.stage, usize::MAX);
                    client.pong(&mut world.stage);
                }
                assert!(received > BYTES, "{way:?}: {received}");
            }
            assert_eq!(world.ended().0 == 0, lives, "{way:?}: {each_second}");
        }
    }
}

/// A client that vanishes while it sends, or while it reads, is given up all the same.
#[test]
fn who_vanishes_while_something_moves_is_given_up() {
    for way in WAYS {
        for sends in [true, false] {
            let mut world = World::new(1);
            let stage = &mut world.stage;
            let mut client = Poller::open(stage, way);
            if sends {
                let end = stage.connect(0);
                let request = client.message(&"x".repeat(1_000_000));
                stage.send_all(end, &request.as_bytes()[..100_000]);
            } else {
                // The kernel takes all of it.
                stage.handle().write("x".repeat(50_000)).unwrap();
            }
            stage.seconds(240);
            assert_eq!(world.ended().0, 1, "{way:?}: {sends}");
        }
    }
}
