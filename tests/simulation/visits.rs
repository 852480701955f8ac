//! Visits to all sparks go on beside everything else.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use allspark_engine::limits::SPARKS_PER_TURN;
use allspark_engine::{Handle, SparkId};

use crate::stage::{frame, handshake, quiet};

const SPARKS: usize = 20_000;

/// Turns that a visit to all of them takes.
const VISIT_TURNS: usize = SPARKS.div_ceil(SPARKS_PER_TURN);

/// How often each spark was visited.
type Visits = Arc<Mutex<HashMap<SparkId, usize>>>;

type Ids = Arc<Mutex<HashSet<SparkId>>>;

/// Has every spark visited. `is_last` is told how many were.
fn visit_all(
    primus: &Handle,
    visits: &Visits,
    is_last: impl Fn(usize) -> bool + Send + Sync + 'static,
) {
    let visits = Arc::clone(visits);
    primus.for_each(move |spark| {
        let mut visits = visits.lock().unwrap();
        *visits.entry(spark.id()).or_default() += 1;
        !is_last(visits.len())
    });
}

#[test]
fn a_message_is_answered_while_all_sparks_are_visited() {
    let mut stage = quiet(|primus| primus.on_data(|spark, data| _ = spark.write(data)));
    let _crowd = stage.crowd(SPARKS - 1);
    let mut asker = stage.upgrade("");
    let visits = Visits::default();
    visit_all(&stage.primus, &visits, |_| false);
    asker.say(&frame("\"question\""));
    let mut turns = 0;
    while !asker.has_heard("question") {
        stage.turn();
        turns += 1;
        assert!(turns <= 5, "it waits for the visit");
        let visited = visits.lock().unwrap().len();
        assert_eq!(visited, turns * SPARKS_PER_TURN, "the visit goes on");
    }
    stage.turns(VISIT_TURNS - turns);
    let visits = visits.lock().unwrap();
    assert_eq!(visits.len(), SPARKS);
    assert!(visits.values().all(|times| *times == 1));
}

#[test]
fn who_stays_is_visited_once_whoever_comes_and_goes() {
    let (opened, ended) = (Ids::default(), Ids::default());
    let (opens, ends) = (Arc::clone(&opened), Arc::clone(&ended));
    let mut stage = quiet(|primus| {
        primus.on_connection(move |spark| assert!(opens.lock().unwrap().insert(spark.id())));
        primus.on_disconnection(move |spark| assert!(ends.lock().unwrap().insert(spark.id())));
    });
    let mut clients = stage.crowd(SPARKS);
    let before = opened.lock().unwrap().clone();
    let visits = Visits::default();
    visit_all(&stage.primus, &visits, |_| false);
    let handshake = handshake("");
    for _ in 0..VISIT_TURNS {
        // Slots that the visit has passed become free, and such that it has not reached.
        for place in [clients.len() - 1, clients.len() / 2, 0] {
            clients.swap_remove(place).leave();
        }
        for _ in 0..4 {
            let client = stage.dial();
            client.say(handshake.as_bytes());
            clients.push(client);
        }
        stage.turn();
    }
    stage.turns(VISIT_TURNS);
    let (visits, ended) = (visits.lock().unwrap(), ended.lock().unwrap());
    assert_eq!(ended.len(), 3 * VISIT_TURNS);
    let stayed: Vec<_> = before.difference(&ended).collect();
    assert!(stayed.len() < SPARKS);
    assert!(stayed.iter().all(|id| visits.get(id) == Some(&1)));
    assert!(visits.values().all(|times| *times == 1));
}

#[test]
fn a_visitor_that_has_seen_enough_is_called_no_more() {
    let mut stage = quiet(|_| {});
    let _crowd = stage.crowd(2_000);
    let visits = Visits::default();
    visit_all(&stage.primus, &visits, |count| count == 1_000);
    stage.turns(20);
    assert_eq!(visits.lock().unwrap().len(), 1_000);
    assert_eq!(Arc::strong_count(&visits), 1, "the visitor is dropped");
}

#[test]
fn a_visitor_that_panics_ends_the_spark_that_it_visits() {
    let mut stage = quiet(|_| {});
    let _crowd = stage.crowd(1_000);
    let visited = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&visited);
    stage.primus.for_each(move |_| {
        let visited = count.fetch_add(1, Ordering::Relaxed) + 1;
        assert!(!visited.is_multiple_of(100), "this one is expected");
        true
    });
    stage.turns(10);
    assert_eq!(visited.load(Ordering::Relaxed), 1_000);
    let stats = stage.primus.stats();
    assert_eq!((stats.handlers_panicked, stats.sparks_ended), (10, 10));
}
