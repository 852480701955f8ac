//! A request that brings many messages does not hold its shard, and costs memory in proportion to
//! its size.

use std::sync::{Arc, Mutex};

use allocation_counter::measure;
use allspark_engine::io::Wait;
use allspark_engine::sim::single_shard;
use allspark_engine::{Options, Shard};
use allspark_protocol::limits::{PORTION_MESSAGES, REQUEST_MESSAGES_MAX};
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};

use crate::puppet::{HANDSHAKE, Puppet, frame};

const OPENING: &[u8] = b"POST /primus/0/s/xhr HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";

#[test]
fn a_request_of_many_messages_lets_others_have_their_turn() {
    let any = AnyTransformer::new(TransformerKind::Any, &CommonOptions::default(), &[]).unwrap();
    let (driver, hand) = Puppet::new();
    // How many messages came from whom, in order.
    let seen = Arc::new(Mutex::new(Vec::<(bool, usize)>::new()));
    let seen_by_handlers = Arc::clone(&seen);
    let (mut shard, _handle) = single_shard(driver, Options::default(), any, |primus| {
        primus.on_connection(move |spark| {
            let seen = Arc::clone(&seen_by_handlers);
            spark.on_data(move |_, data| {
                let is_witness = data.encoded() == b"\"witness\"";
                let mut seen = seen.lock().unwrap();
                match seen.last_mut() {
                    Some((before, count)) if *before == is_witness => *count += 1,
                    _ => seen.push((is_witness, 1)),
                }
            });
        });
    });
    let turn = |shard: &mut Shard<_, _>| shard.turn(Wait::No).map(|_| ()).unwrap();
    for opening in [HANDSHAKE, OPENING] {
        hand.borrow_mut().connect();
        turn(&mut shard);
        let socket = hand.borrow().tokens.len() - 1;
        hand.borrow_mut().receive(socket, opening);
        turn(&mut shard);
    }
    hand.borrow_mut().connect();
    turn(&mut shard);

    const COUNT: usize = 10 * PORTION_MESSAGES;
    let body = format!("[{}1]", "1,".repeat(COUNT - 1));
    let length = body.len();
    let head = "POST /primus/0/s/xhr_send HTTP/1.1\r\nHost: a";
    let request = format!("{head}\r\nContent-Length: {length}\r\n\r\n{body}");
    let allocated = measure(|| {
        for part in request.as_bytes().chunks(4096) {
            hand.borrow_mut().receive(2, part);
        }
        turn(&mut shard);
        hand.borrow_mut().receive(0, &frame("\"witness\""));
        for _ in 0..COUNT {
            turn(&mut shard);
        }
    });
    let seen = seen.lock().unwrap();
    let [(false, before), (true, 1), (false, after)] = seen[..] else {
        panic!("the witness waited for all: {seen:?}");
    };
    assert_eq!(before + after, COUNT);
    assert!(before < COUNT / 2 && COUNT < REQUEST_MESSAGES_MAX);
    assert!(allocated.bytes_max < 3 * request.len() as u64 + 512 * 1024);
}

#[test]
fn packets_that_are_no_messages_do_not_stop_those_behind_them() {
    let options = [("allowEIO3".to_owned(), "true".to_owned())];
    let common = CommonOptions::default();
    let any = AnyTransformer::new(TransformerKind::EngineIo, &common, &options).unwrap();
    let (driver, hand) = Puppet::new();
    let seen = Arc::new(Mutex::new((String::new(), 0)));
    let seen_by_handlers = Arc::clone(&seen);
    let (mut shard, _handle) = single_shard(driver, Options::default(), any, |primus| {
        primus.on_connection(move |spark| {
            seen_by_handlers.lock().unwrap().0 = spark.id().to_string();
            let seen = Arc::clone(&seen_by_handlers);
            spark.on_data(move |_, _| seen.lock().unwrap().1 += 1);
        });
    });
    let turn = |shard: &mut Shard<_, _>| shard.turn(Wait::No).map(|_| ()).unwrap();
    let target = "/primus/?EIO=4&transport=polling";
    for _ in 0..2 {
        hand.borrow_mut().connect();
        turn(&mut shard);
    }
    let opening = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
    hand.borrow_mut().receive(0, opening.as_bytes());
    turn(&mut shard);
    let id = seen.lock().unwrap().0.clone();
    let body = format!("{}4\"last\"", "6\x1e".repeat(10 * PORTION_MESSAGES));
    let length = body.len();
    let head = format!("POST {target}&sid={id} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}");
    for part in format!("{head}\r\n\r\n{body}").as_bytes().chunks(4096) {
        hand.borrow_mut().receive(1, part);
    }
    for _ in 0..20 {
        turn(&mut shard);
    }
    assert_eq!(seen.lock().unwrap().1, 1);
}
