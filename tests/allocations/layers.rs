//! Layers cost requests, and no message. Those that say nothing cost a request no allocation.

use allocation_counter::measure;
use allspark_engine::{Attach, Layer};

use crate::puppet::{HANDSHAKE, frame};
use crate::{echo, echoes_cost_none, turn, world};

fn ten_layers(primus: &Attach) {
    for number in 0..10 {
        let name = format!("layer {number}");
        primus.layers().add(Layer::new(name, |_| ()));
    }
    primus.authorize(|_| ());
}

#[test]
fn a_message_costs_no_allocation_behind_ten_layers() {
    echoes_cost_none(|primus| {
        ten_layers(primus);
        primus.on_data(echo);
    });
}

#[test]
fn ten_layers_that_say_nothing_cost_a_request_no_allocation() {
    let per_request = |attach: fn(&Attach)| {
        let (mut shard, _, hand) = world(0, attach);
        hand.borrow_mut().connect();
        turn(&mut shard);
        let mut round = || {
            let request = b"GET /primus/x HTTP/1.1\r\nHost: a\r\n\r\n";
            hand.borrow_mut().receive(0, request);
            turn(&mut shard);
        };
        (0..10).for_each(|_| round());
        let allocated = measure(|| (0..100).for_each(|_| round())).count_total;
        assert!(hand.borrow().sends >= 110, "the requests were answered");
        allocated
    };
    assert_eq!(per_request(ten_layers), per_request(|_| {}));
}

/// A spark to which nothing was attached is as small as without layers.
#[test]
fn layers_cost_an_idle_spark_nothing() {
    let memory_of = |attach: fn(&Attach)| {
        let mut kept = None;
        let measured = measure(|| {
            let (mut shard, handle, hand) = world(100, attach);
            hand.borrow_mut().connect();
            turn(&mut shard);
            hand.borrow_mut().receive(100, HANDSHAKE);
            turn(&mut shard);
            hand.borrow_mut().receive(100, &frame("1"));
            turn(&mut shard);
            kept = Some((shard, handle, hand));
        });
        drop(kept);
        measured.bytes_current
    };
    let (with, without) = (memory_of(ten_layers), memory_of(|_| {}));
    // The chain itself, and what the shard knows of it.
    assert!(
        (0..4096).contains(&(with - without)),
        "{with} and {without} bytes"
    );
    let attached = memory_of(|primus| primus.authorize(|request| request.attach(1_u64)));
    assert!(attached - without > 100 * 100, "{attached} bytes");
}
