//! An event costs what decoding its message costs, and what is for others costs nothing, however
//! many plugins look.

use std::sync::Arc;

use allocation_counter::measure;
use allspark::plugins::emit::{Emit, EmitSpark};
use allspark::plugins::emitter::Emitter;
use allspark::plugins::responder::Responder;
use allspark::plugins::spark_latency::SparkLatency;
use allspark_engine::{Attach, Plugin};

use crate::puppet::frame;
use crate::{echo, echoes_cost_none, turn, world};

const EVENT: &str = r#"{"emit":["chat","hello",{"a":1}]}"#;

fn add(primus: &Attach, plugin: impl Plugin) {
    let plugin = primus.plugin(Arc::new(plugin));
    plugin.expect("it is there once");
}

fn add_all(primus: &Attach) {
    add(primus, Emitter::new());
    add(primus, Responder::new());
    add(primus, SparkLatency::new());
}

/// What 100 rounds of this message allocate, on 100 sparks.
fn allocated(attach: impl FnOnce(&Attach)) -> u64 {
    let (mut shard, _, hand) = world(100, attach);
    let message = frame(EVENT);
    let mut round = || {
        (0..100).for_each(|socket| hand.borrow_mut().receive(socket, &message));
        turn(&mut shard);
    };
    (0..10).for_each(|_| round());
    let allocated = measure(|| (0..100).for_each(|_| round())).count_total;
    assert!(hand.borrow().sends >= 100 * 110, "it was answered");
    allocated
}

#[test]
fn messages_for_others_cost_no_allocation() {
    echoes_cost_none(|primus| {
        add(primus, Emit::new());
        add_all(primus);
        primus.on_data(echo);
    });
}

#[test]
fn an_event_is_decoded_once_and_costs_nothing_else() {
    let decoded = allocated(|primus| {
        primus.on_data(|spark, data| {
            data.value().expect("the message is valid");
            spark.write(data);
        });
    });
    assert!(decoded > 0, "a value is allocated");
    let emitted = allocated(|primus| {
        // They decode it, too: it has a member that may be theirs.
        add_all(primus);
        let emit = Emit::new();
        emit.on("chat", |spark, args| {
            spark.emit("said", args);
        });
        add(primus, emit);
    });
    assert_eq!(emitted, decoded);
}
