//! Tasks by hand.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use super::*;
use crate::limits::TASK_STEPS;

const OWNER: Key = Key {
    index: 3,
    generation: 1,
};

fn ms(ms: u64) -> Instant {
    Instant::from_ms(ms)
}

/// One turn. Returns how many polls there were, and what panicked.
fn turn(tasks: &mut Tasks) -> (usize, Vec<String>) {
    let (_, woken) = tasks.begin();
    let polls: Vec<_> = (0..woken).map_while(|_| tasks.poll_next()).collect();
    let panicked = polls.iter().filter_map(|polled| polled.panicked.clone());
    (polls.len(), panicked.collect())
}

fn tasks() -> (Tasks, Executor) {
    let tasks = Tasks::new(ms(0));
    let executor = tasks.executor().clone();
    (tasks, executor)
}

/// Gives its waker to whoever asks, and is done when told so.
#[derive(Clone, Default)]
struct Puppet {
    waker: Rc<RefCell<Option<Waker>>>,
    is_done: Rc<Cell<bool>>,
    polls: Rc<Cell<usize>>,
}

impl Puppet {
    fn future(&self) -> impl Future<Output = ()> + use<> {
        let puppet = self.clone();
        poll_fn(move |context| {
            puppet.polls.set(puppet.polls.get() + 1);
            *puppet.waker.borrow_mut() = Some(context.waker().clone());
            match puppet.is_done.get() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
    }

    fn waker(&self) -> Waker {
        self.waker.borrow().clone().expect("it was polled")
    }
}

#[test]
fn a_million_wakes_of_eight_threads_are_one_poll() {
    let (mut tasks, executor) = tasks();
    let puppet = Puppet::default();
    executor.spawn(puppet.future());
    assert_eq!(turn(&mut tasks).0, 1);
    assert!(!tasks.has_woken());
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let waker = puppet.waker();
            thread::spawn(move || (0..125_000).for_each(|_| waker.wake_by_ref()))
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    assert_eq!((executor.wakes().len(), turn(&mut tasks).0), (1, 1));
    puppet.is_done.set(true);
    puppet.waker().wake();
    assert_eq!((turn(&mut tasks).0, tasks.len()), (1, 0));
    (0..1000).for_each(|_| puppet.waker().wake());
    assert!(!tasks.has_woken(), "wakes after the end mean nothing");
    assert_eq!(puppet.polls.get(), 3);
}

#[test]
fn one_that_wakes_itself_is_polled_once_per_turn() {
    let (mut tasks, executor) = tasks();
    let polls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&polls);
    executor.spawn(poll_fn(move |context| {
        counted.set(counted.get() + 1);
        context.waker().wake_by_ref();
        Poll::Pending
    }));
    (1..=10).for_each(|turns| {
        turn(&mut tasks);
        assert_eq!(polls.get(), turns);
    });
}

#[test]
fn one_that_gets_without_end_lets_others_have_their_turn() {
    let (mut tasks, executor) = tasks();
    let got = Rc::new(Cell::new(0));
    let (counted, giver) = (Rc::clone(&got), executor.clone());
    executor.spawn(async move {
        loop {
            poll_fn(|context| giver.step(context)).await;
            counted.set(counted.get() + 1);
            giver.sleep(Duration::ZERO).await;
        }
    });
    assert_eq!(turn(&mut tasks), (1, vec![]));
    assert_eq!(got.get(), TASK_STEPS / 2);
    assert_eq!(turn(&mut tasks), (1, vec![]));
    assert_eq!(got.get(), TASK_STEPS);
}

#[test]
fn a_panic_is_told_with_its_owner_and_ends_the_task() {
    let (mut tasks, executor) = tasks();
    executor.spawn_for(OWNER, async { panic!("on purpose") });
    executor.spawn(async {});
    let (_, woken) = tasks.begin();
    assert_eq!(woken, 2);
    let polled = tasks.poll_next().unwrap();
    assert_eq!(polled.owner, Some(OWNER));
    assert_eq!(polled.panicked.as_deref(), Some("on purpose"));
    assert_eq!(tasks.poll_next().unwrap().panicked, None);
    assert_eq!(tasks.len(), 0);
    assert!(tasks.owned.is_empty());
}

/// Spawns another one, and panics, when it is dropped.
struct Bomb(Executor);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.spawn(async {});
        panic!("dropped on purpose");
    }
}

#[test]
fn futures_that_are_left_are_dropped_under_a_guard() {
    let kept = Rc::new(());
    let (mut tasks, executor) = tasks();
    for _ in 0..3 {
        let (kept, bomb) = (Rc::clone(&kept), Bomb(executor.clone()));
        executor.spawn(async move {
            let _captured = (kept, bomb);
            pending::<()>().await;
        });
    }
    turn(&mut tasks);
    let captured = (Rc::clone(&kept), Bomb(executor.clone()));
    executor.spawn(async move {
        let _captured = captured;
        pending::<()>().await;
    });
    assert_eq!(Rc::strong_count(&kept), 5);
    drop(tasks);
    assert_eq!(Rc::strong_count(&kept), 1);
    let late = Rc::clone(&kept);
    executor.spawn(async move { drop(late) });
    assert_eq!(Rc::strong_count(&kept), 1, "who comes too late is dropped");
}

#[test]
fn of_those_whose_owners_have_ended_so_many_go_on() {
    let (mut tasks, executor) = tasks();
    let count = u32::try_from(ORPHANS_MAX).unwrap() + 10;
    let first = Rc::new(());
    for index in 0..count {
        let owner = Key {
            index,
            generation: 0,
        };
        let kept = (index < 10).then(|| Rc::clone(&first));
        executor.spawn_for(owner, async move {
            let _kept = kept;
            pending::<()>().await;
        });
        turn(&mut tasks);
        tasks.orphan(owner);
    }
    assert_eq!(
        (tasks.len(), tasks.orphans_alive),
        (ORPHANS_MAX, ORPHANS_MAX)
    );
    assert_eq!(Rc::strong_count(&first), 1, "the oldest were dropped");
}

#[test]
fn of_those_that_strangers_cause_so_many_go_on() {
    let (mut tasks, executor) = tasks();
    let first = Rc::new(());
    let kept = Rc::clone(&first);
    executor.spawn_strange(Box::pin(async move {
        let _kept = kept;
        pending::<()>().await;
    }));
    for _ in 0..ORPHANS_MAX {
        executor.spawn_strange(Box::pin(pending()));
    }
    turn(&mut tasks);
    assert_eq!(
        (tasks.len(), tasks.orphans_alive),
        (ORPHANS_MAX, ORPHANS_MAX)
    );
    assert_eq!(Rc::strong_count(&first), 1, "the oldest was dropped");
}

#[test]
fn nothing_is_kept_of_orphans_that_are_done() {
    let (mut tasks, executor) = tasks();
    for _ in 0..10_000 {
        let puppet = Puppet::default();
        executor.spawn_for(OWNER, puppet.future());
        turn(&mut tasks);
        tasks.orphan(OWNER);
        puppet.is_done.set(true);
        puppet.waker().wake();
        turn(&mut tasks);
    }
    assert_eq!((tasks.len(), tasks.orphans_alive), (0, 0));
    assert!(tasks.orphans.len() < 200, "{}", tasks.orphans.len());
}

#[test]
fn an_owner_with_many_tasks_is_crowded_until_one_is_done() {
    let (mut tasks, executor) = tasks();
    let puppet = Puppet::default();
    executor.spawn_for(OWNER, puppet.future());
    (2..TASKS_PER_OWNER).for_each(|_| executor.spawn_for(OWNER, pending()));
    assert!(tasks.begin().0.is_empty());
    executor.spawn_for(OWNER, pending());
    assert_eq!(tasks.begin().0.as_slice(), [OWNER]);
    executor.spawn_for(OWNER, async {});
    assert!(tasks.begin().0.is_empty(), "it is known");
    let mut has_room = Vec::new();
    while let Some(polled) = tasks.poll_next() {
        has_room.push(polled.has_room);
    }
    assert!(!has_room.contains(&true));
    puppet.is_done.set(true);
    puppet.waker().wake();
    assert!(tasks.poll_next().unwrap().has_room);
}

#[test]
fn sleeps_end_at_their_time_and_cost_nothing_when_they_are_dropped() {
    let (mut tasks, executor) = tasks();
    let woken = Rc::<RefCell<Vec<u64>>>::default();
    for delay_ms in [50, 10, 10, 0] {
        let (sleep, woken) = (
            executor.sleep(Duration::from_millis(delay_ms)),
            Rc::clone(&woken),
        );
        executor.spawn(async move {
            sleep.await;
            woken.borrow_mut().push(delay_ms);
        });
    }
    let dropped = executor.sleep(Duration::from_millis(5));
    drop(dropped);
    turn(&mut tasks);
    assert_eq!(*woken.borrow(), [0]);
    assert!(tasks.next_deadline().unwrap() <= ms(10));
    for now in 1..=60 {
        tasks.begin_turn(ms(now));
        assert!(tasks.expire(100));
        turn(&mut tasks);
        let expected: &[u64] = match now {
            ..10 => &[0],
            10..50 => &[0, 10, 10],
            _ => &[0, 10, 10, 50],
        };
        assert_eq!(*woken.borrow(), expected, "{now}");
    }
    assert_eq!((tasks.next_deadline(), tasks.len()), (None, 0));
}

#[test]
fn a_sleep_may_be_longer_than_the_wheel_reaches() {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    let (mut tasks, executor) = tasks();
    let sleep = executor.sleep(Duration::from_millis(30 * DAY_MS));
    executor.spawn(sleep);
    executor.spawn(executor.sleep(Duration::MAX));
    for day in 0..30 {
        tasks.begin_turn(ms(day * DAY_MS + 1));
        tasks.expire(100);
        turn(&mut tasks);
        assert_eq!(tasks.len(), 2, "{day}");
    }
    tasks.begin_turn(ms(30 * DAY_MS));
    tasks.expire(100);
    turn(&mut tasks);
    assert_eq!(tasks.len(), 1);
}
