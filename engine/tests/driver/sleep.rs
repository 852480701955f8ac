use std::io::Write;
use std::thread;
use std::time::Duration;

use allspark_engine::io::Wait;

use crate::rig::{Rig, TestDriver};

pub(crate) fn ends_at_the_deadline<D: TestDriver>() {
    let mut rig = Rig::<D>::new();
    rig.settle();
    for ms in [0, 1, 20] {
        let deadline = rig.driver.now() + Duration::from_millis(ms);
        rig.turn(Wait::Until(deadline));
        assert!(rig.driver.now() >= deadline);
    }
    assert!(rig.drain().is_empty());
}

pub(crate) fn ends_when_woken<D: TestDriver>() {
    let mut rig = Rig::<D>::new();
    let waker = rig.driver.waker();
    for round in 0..20 {
        rig.driver.waker().prepare_sleep();
        let waker = waker.clone();
        let other = thread::spawn(move || {
            thread::sleep(Duration::from_millis(round % 4));
            waker.wake();
        });
        // Hangs if the wake is lost.
        rig.turn(Wait::Forever);
        other.join().unwrap();
        rig.settle();
    }
    let deadline = rig.driver.now() + Duration::from_millis(5);
    rig.turn(Wait::Until(deadline));
    assert!(rig.driver.now() >= deadline, "a wake was not drained");
}

pub(crate) fn ends_when_bytes_come<D: TestDriver>() {
    let mut rig = Rig::<D>::new();
    let mut connection = rig.open();
    rig.settle();
    let mut peer = connection.peer.try_clone().unwrap();
    let other = thread::spawn(move || {
        thread::sleep(Duration::from_millis(10));
        peer.write_all(b"wake up").unwrap();
    });
    // Hangs if the bytes do not end the sleep.
    rig.turn(Wait::Forever);
    assert_eq!(rig.receive(connection.token, 7), b"wake up");
    other.join().unwrap();
    connection.peer.write_all(b"again").unwrap();
    rig.turn(Wait::Forever);
    assert_eq!(rig.receive(connection.token, 5), b"again");
}
