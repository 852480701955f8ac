//! A large message that is written back is sent from where it was received, and nobody who reads
//! slowly keeps a receive buffer.

use std::cell::RefCell;

use allocation_counter::measure;
use allspark_engine::Shard;
use allspark_engine::io::{Completion, Wait};
use allspark_protocol::Dice;
use allspark_protocol::limits::WEBSOCKET_FRAMED_BYTES_MIN;
use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::encode;
use allspark_transformers::websockets::WebSockets;

use super::puppet::{BUFFERS, Hand, Puppet, frame};
use super::{echo, turn, world};

type Turning = Shard<Puppet, WebSockets>;

/// The smallest message that is worth it, in JSON.
fn large() -> String {
    format!("\"{}\"", "x".repeat(WEBSOCKET_FRAMED_BYTES_MIN - 2))
}

/// The frame of a server.
fn answer(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    encode::message(Kind::Text, text.as_bytes(), None, &mut out);
    out
}

/// What was sent since the last call.
fn take_sent(hand: &RefCell<Hand>) -> Vec<u8> {
    hand.borrow_mut()
        .sent
        .replace(Vec::new())
        .unwrap_or_default()
}

fn writable(hand: &RefCell<Hand>, socket: usize) {
    let mut hand = hand.borrow_mut();
    let token = hand.tokens[socket];
    hand.incoming.push_back(Completion::Writable { token });
}

/// One turn, after which no receive buffer may be kept but by what was just offered to the kernel.
fn turn_once(shard: &mut Turning) {
    shard.turn(Wait::No).unwrap();
}

fn assert_nothing_kept(hand: &RefCell<Hand>) {
    let free = hand.borrow().pool.free_count();
    assert_eq!(free, usize::from(BUFFERS), "a receive buffer is kept");
}

#[test]
fn a_large_message_that_is_echoed_costs_neither_an_allocation_nor_a_copy() {
    let (mut shard, _, hand) = world(10, |primus| primus.on_data(echo));
    let message = frame(&large());
    let mut round = || {
        (0..10).for_each(|socket| hand.borrow_mut().receive(socket, &message));
        turn(&mut shard);
    };
    (0..10).for_each(|_| round());
    let before = (hand.borrow().bytes_sent, hand.borrow().bytes_in_place);
    assert_eq!(measure(|| (0..100).for_each(|_| round())).count_total, 0);
    let hand = hand.borrow();
    let sent = hand.bytes_sent - before.0;
    assert_eq!(sent, 1000 * answer(&large()).len() as u64);
    assert_eq!(hand.bytes_in_place - before.1, sent);
}

#[test]
fn one_that_is_smaller_or_changed_is_copied() {
    let (mut shard, _, hand) = world(1, |primus| {
        primus.on_data(|spark, data| {
            spark.write(data.value().unwrap());
        });
    });
    hand.borrow_mut().sent = Some(Vec::new());
    hand.borrow_mut().receive(0, &frame(&large()));
    turn(&mut shard);
    assert!(take_sent(&hand) == answer(&large()));
    assert_eq!(hand.borrow().bytes_in_place, 0);
    assert_nothing_kept(&hand);
}

/// However much of it the kernel takes, and whatever comes while the rest waits.
#[test]
fn every_byte_leaves_once_wherever_the_kernel_stops() {
    let (mut shard, _, hand) = world(1, |primus| primus.on_data(echo));
    let (first, second) = (large(), large().to_uppercase());
    let expected = [answer(&first), answer(&second)].concat();
    for taken in 0..answer(&first).len() {
        take_sent(&hand);
        hand.borrow_mut().takes.push_back(taken);
        hand.borrow_mut().receive(0, &frame(&first));
        // The echo is offered at the end of the first turn, its rest comes back in the second.
        (0..2).for_each(|_| turn_once(&mut shard));
        assert_nothing_kept(&hand);
        hand.borrow_mut().receive(0, &frame(&second));
        turn_once(&mut shard);
        assert_nothing_kept(&hand);
        assert_eq!(hand.borrow().sent.as_ref().unwrap().len(), taken);
        writable(&hand, 0);
        turn(&mut shard);
        assert!(take_sent(&hand) == expected, "after {taken} bytes");
    }
    assert!(hand.borrow().bytes_in_place > 0);
}

/// The rest of an earlier send comes back in the turn in which a message is echoed.
#[test]
fn what_was_queued_before_the_kernel_refused_is_not_kept_in_its_buffer() {
    let (mut shard, _, hand) = world(1, |primus| primus.on_data(echo));
    take_sent(&hand);
    hand.borrow_mut().takes.push_back(1);
    hand.borrow_mut().receive(0, &frame("1"));
    turn_once(&mut shard);
    // Before the driver reports what it could not send.
    let mut stalled = std::mem::take(&mut hand.borrow_mut().incoming);
    hand.borrow_mut().receive(0, &frame(&large()));
    hand.borrow_mut().incoming.append(&mut stalled);
    turn_once(&mut shard);
    assert_nothing_kept(&hand);
    writable(&hand, 0);
    turn(&mut shard);
    assert!(take_sent(&hand) == [answer("1"), answer(&large())].concat());
}

/// Messages of all sizes from several clients, any number at a time, to a kernel that takes what it
/// likes.
#[test]
fn echoes_of_all_sizes_arrive_in_order() {
    for seed in 0..200 {
        let mut dice = Dice::new(seed);
        let (mut shard, _, hand) = world(1, |primus| primus.on_data(echo));
        take_sent(&hand);
        let mut expected = Vec::new();
        for step in 0..50 {
            for number in 0..dice.below(4) {
                let bytes = [3, 100, WEBSOCKET_FRAMED_BYTES_MIN, 4000][dice.below(4) as usize];
                let text = format!("\"{step}.{number}{}\"", "y".repeat(bytes));
                expected.extend(answer(&text));
                hand.borrow_mut().receive(0, &frame(&text));
            }
            if dice.below(2) == 0 {
                hand.borrow_mut().takes.push_back(dice.below(5000) as usize);
            }
            turn_once(&mut shard);
            if dice.below(3) == 0 {
                writable(&hand, 0);
            }
        }
        hand.borrow_mut().takes.clear();
        for _ in 0..10 {
            writable(&hand, 0);
            turn(&mut shard);
        }
        assert!(take_sent(&hand) == expected, "with seed {seed}");
        assert_nothing_kept(&hand);
    }
}
