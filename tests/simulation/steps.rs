//! Visits to all sparks that go on when they are told to.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use allspark_engine::limits::SPARKS_PER_TURN;
use allspark_engine::{Destroy, Handle, Next, SparkId};
use allspark_transformers::websockets::WebSockets;

use crate::stage::{Client, Stage, handshake, quiet};

/// How a visit ended.
type Outcome = Result<(), String>;

/// Begins a visit that hands each spark with its ticket to the test.
fn begin(primus: &Handle) -> (Receiver<(SparkId, Next)>, Receiver<Outcome>) {
    let ((visits, visited), (ends, outcome)) = (channel(), channel());
    let visits = Mutex::new(visits);
    primus.for_each_async(
        move |spark, next| {
            let visits: &Sender<_> = &visits.lock().unwrap();
            visits.send((spark.id(), next)).unwrap();
        },
        move |result| {
            let result: Outcome = result.map_err(|error| error.to_string());
            ends.send(result).unwrap();
        },
    );
    (visited, outcome)
}

fn crowd(count: usize) -> (Stage<WebSockets>, Vec<Client>) {
    let mut stage = quiet(|_| {});
    let clients = stage.crowd(count);
    (stage, clients)
}

#[test]
fn one_spark_is_visited_after_the_other_and_nobody_before_its_turn() {
    let (mut stage, _clients) = crowd(3);
    let (visited, outcome) = begin(&stage.primus);
    let mut seen = Vec::new();
    for _ in 0..3 {
        stage.turns(5);
        let (id, next) = visited.try_recv().expect("its turn has come");
        assert!(visited.try_recv().is_err(), "and no one else's");
        seen.push(id);
        // From another thread.
        thread::spawn(|| next.forward()).join().unwrap();
    }
    assert!(outcome.try_recv().is_err());
    stage.turns(5);
    assert_eq!(outcome.try_recv(), Ok(Ok(())));
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 3);
}

/// As in Primus, whose forEach listens for connections meanwhile.
#[test]
fn sparks_that_connect_meanwhile_are_visited_and_those_that_left_are_not() {
    let (mut stage, mut clients) = crowd(4);
    let (visited, outcome) = begin(&stage.primus);
    stage.turns(2);
    let (first, next) = visited.try_recv().unwrap();
    // The place of the one that is visited becomes free, and that of one that is not.
    clients.remove(0).leave();
    clients.remove(2).leave();
    stage.turns(3);
    for _ in 0..3 {
        clients.push(stage.upgrade(""));
    }
    next.forward();
    let mut times = HashMap::from([(first, 1)]);
    for _ in 0..5 {
        stage.turns(3);
        let (id, next) = visited
            .try_recv()
            .expect("two of the first, three new ones");
        *times.entry(id).or_insert(0) += 1;
        drop(next);
    }
    stage.turns(3);
    assert_eq!(outcome.try_recv(), Ok(Ok(())));
    assert!(visited.try_recv().is_err());
    assert_eq!((times.len(), times.values().max()), (6, Some(&1)));
}

#[test]
fn one_that_is_told_to_stop_visits_nobody_else() {
    for (word, expected) in [("stop", Ok(())), ("fail", Err("enough".to_owned()))] {
        let (mut stage, _clients) = crowd(3);
        let (visited, outcome) = begin(&stage.primus);
        stage.turns(3);
        let (_, next) = visited.try_recv().unwrap();
        match word {
            "stop" => next.stop(),
            _ => next.fail("enough"),
        }
        assert_eq!(outcome.try_recv(), Ok(expected));
        stage.turns(5);
        assert!(visited.try_recv().is_err(), "{word}");
        assert!(outcome.try_recv().is_err(), "it ends once");
    }
}

/// A visitor that always goes on at once takes its share of a turn and no more.
#[test]
fn one_that_does_not_wait_visits_as_many_as_a_turn_allows() {
    let (mut stage, _clients) = crowd(3 * SPARKS_PER_TURN);
    let count = Arc::<Mutex<usize>>::default();
    let (visited, (done, outcome)) = (Arc::clone(&count), channel());
    stage.primus.for_each_async(
        move |_, next| {
            *visited.lock().unwrap() += 1;
            next.forward();
        },
        move |result| done.send(result.is_ok()).unwrap(),
    );
    for turn in 1..=3 {
        stage.turn();
        assert_eq!(*count.lock().unwrap(), turn * SPARKS_PER_TURN);
    }
    stage.turn();
    assert_eq!(outcome.try_recv(), Ok(true));
}

#[test]
fn one_that_panics_ends_its_spark_and_goes_on() {
    let (mut stage, _clients) = crowd(3);
    let (done, outcome) = channel();
    stage.primus.for_each_async(
        |_, _| panic!("this one is expected"),
        move |result| done.send(result.is_ok()).unwrap(),
    );
    stage.turns(3);
    assert_eq!(outcome.try_recv(), Ok(true));
    let stats = stage.primus.stats();
    assert_eq!((stats.handlers_panicked, stats.sparks_ended), (3, 3));
}

#[test]
fn the_end_of_the_server_is_its_end() {
    let (mut stage, clients) = crowd(2);
    let (visited, outcome) = begin(&stage.primus);
    stage.turns(3);
    let (_, waits) = visited.try_recv().unwrap();
    // One that the shard has not begun.
    let primus = stage.primus.clone();
    stage.primus.destroy(Destroy::default());
    clients.iter().for_each(Client::leave);
    stage.turns(3);
    drop(stage);
    assert_eq!(outcome.try_recv(), Ok(Ok(())));
    waits.forward();
    let (visited, outcome) = begin(&primus);
    assert_eq!(outcome.try_recv(), Ok(Ok(())));
    assert!(visited.try_recv().is_err());
}

/// A visit whose visitor never answers, while clients come and go: what is kept does not grow.
#[test]
fn one_that_waits_for_ever_holds_nobody_up() {
    let (mut stage, _clients) = crowd(2);
    let (visited, outcome) = begin(&stage.primus);
    stage.turns(3);
    let (_, waits) = visited.try_recv().unwrap();
    for _ in 0..100 {
        let client = stage.connect(handshake("").as_bytes());
        client.leave();
        stage.turns(3);
    }
    assert_eq!(stage.primus.connected(), 2);
    waits.forward();
    stage.turns(3);
    visited.try_recv().expect("the other one").1.forward();
    stage.turns(3);
    assert_eq!(outcome.try_recv(), Ok(Ok(())));
    assert!(visited.try_recv().is_err());
}
