//! What else may happen while the messages of a request are handed on, portion by portion.

use allspark_protocol::limits::{PORTION_MESSAGES, SOCKJS_FRAME_BYTES_MAX};
use allspark_protocol::transformer::End;
use allspark_transformers::TransformerKind;

use crate::world::{World, id, post};

/// Messages that need three calls.
const MANY: usize = PORTION_MESSAGES * 2 + 10;

fn sockjs() -> World {
    let opening = post("/primus/0/s/xhr", "", b"");
    World::new(
        TransformerKind::SockJs,
        std::str::from_utf8(&opening).unwrap(),
    )
}

fn xhr_send(elements: &str) -> Vec<u8> {
    post(
        "/primus/0/s/xhr_send",
        "",
        format!("[{elements}]").as_bytes(),
    )
}

fn many() -> String {
    format!("{}1", "1,".repeat(MANY - 1))
}

#[test]
fn a_request_is_answered_once_all_its_messages_are_handed_on() {
    let mut world = sockjs();
    let carrier = world.ask(xhr_send(&many()));
    assert_eq!(world.seen.messages, PORTION_MESSAGES);
    assert!(world.proceed() && world.seen.answers.is_empty());
    assert!(world.proceed() && !world.proceed());
    assert_eq!(
        (world.seen.messages, &world.seen.answers[..]),
        (MANY, &[(carrier, 204)][..])
    );
}

#[test]
fn requests_that_overlap_keep_their_order() {
    let mut world = sockjs();
    let first = world.ask(xhr_send(&many()));
    let second = world.ask(xhr_send("\"behind the others\""));
    assert_eq!(world.seen.messages, PORTION_MESSAGES);
    while world.proceed() {
        assert!(world.seen.messages == MANY + 1 || world.seen.longest_bytes == 1);
    }
    assert_eq!(world.seen.messages, MANY + 1);
    assert_eq!(world.seen.answers, [(first, 204), (second, 204)]);
}

#[test]
fn what_waits_for_its_turn_is_bounded() {
    let mut world = sockjs();
    world.ask(xhr_send(&many()));
    let large = format!("\"{}\"", "x".repeat(4 * SOCKJS_FRAME_BYTES_MAX));
    let asked: Vec<u64> = (0..6).map(|_| world.ask(xhr_send(&large))).collect();
    let refused: Vec<u64> = world
        .seen
        .answers
        .iter()
        .map(|(carrier, _)| *carrier)
        .collect();
    assert_eq!(
        refused,
        asked[4..],
        "20 MiB wait, as many as one body may have"
    );
    assert_eq!(world.seen.statuses(), [503, 503]);
    while world.proceed() {}
    assert_eq!((world.seen.messages, &world.seen.end), (MANY + 4, &None));
    assert_eq!(world.seen.statuses(), [503, 503, 204, 204, 204, 204, 204]);
}

#[test]
fn a_goodbye_drops_what_is_not_handed_on() {
    let mut world = sockjs();
    let carrier = world.ask(xhr_send(&many()));
    world.close();
    while world.proceed() {}
    assert_eq!(world.seen.messages, PORTION_MESSAGES);
    assert_eq!(world.seen.answers, [(carrier, 204)]);
}

#[test]
fn what_was_sent_arrives_although_nobody_waits_for_the_answer() {
    for (mut world, request) in [
        (sockjs(), xhr_send(&many())),
        (engine_io(), packets(MANY)),
        (browserchannel(), maps(2, MANY)),
    ] {
        let before_bytes = world.held_bytes();
        let sent_bytes = request.len();
        let carrier = world.ask(request);
        let held_bytes = world.held_bytes() - before_bytes;
        assert!(
            (MANY..4 * sent_bytes).contains(&held_bytes),
            "{held_bytes} of {sent_bytes}"
        );
        world.lose(carrier);
        while world.proceed() {}
        assert_eq!(world.held_bytes(), before_bytes);
        assert_eq!((world.seen.messages, world.seen.statuses()), (MANY, vec![]));
        assert_eq!(world.seen.end, None);
    }
}

const ENGINE_IO: &str = "/primus/?EIO=4&transport=polling";

fn engine_io() -> World {
    let opening = format!("GET {ENGINE_IO} HTTP/1.1\r\nHost: a\r\n\r\n");
    World::new(TransformerKind::EngineIo, &opening)
}

fn packets(count: usize) -> Vec<u8> {
    let body = vec!["4"; count].join("\x1e");
    post(&format!("{ENGINE_IO}&sid={}", id()), "", body.as_bytes())
}

#[test]
fn a_second_body_of_engine_io_ends_the_session_as_in_the_package() {
    let mut world = engine_io();
    world.ask(packets(MANY));
    let second = world.ask(packets(1));
    assert_eq!(world.seen.answers, [(second, 400)]);
    let end = End::Violation("data request overlap from client");
    assert_eq!(
        (world.seen.messages, &world.seen.end),
        (PORTION_MESSAGES, &Some(end))
    );
    assert!(world.seen.is_over);
}

#[test]
fn a_close_behind_many_packets_comes_behind_them() {
    let mut world = engine_io();
    let body = [&vec!["4"; MANY].join("\x1e"), "\x1e1\x1e4"].concat();
    world.request(post(
        &format!("{ENGINE_IO}&sid={}", id()),
        "",
        body.as_bytes(),
    ));
    assert_eq!(
        (world.seen.messages, &world.seen.end),
        (MANY, &Some(End::Goodbye))
    );
    assert_eq!(world.seen.statuses(), [200]);
}

fn browserchannel() -> World {
    let opening = post("/primus/bind?VER=8&RID=1", "", b"count=0");
    World::new(
        TransformerKind::BrowserChannel,
        std::str::from_utf8(&opening).unwrap(),
    )
}

fn bind(number: u32, body: &str) -> Vec<u8> {
    let target = format!("/primus/bind?VER=8&RID={number}&SID={}", id());
    post(&target, "", body.as_bytes())
}

fn maps(number: u32, count: usize) -> Vec<u8> {
    let maps: String = (0..count).map(|n| format!("&req{n}__S=x")).collect();
    bind(number, &format!("count={count}&ofs=0{maps}"))
}

#[test]
fn a_request_of_browserchannel_waits_for_the_one_before() {
    let mut world = browserchannel();
    let first = world.ask(maps(2, MANY));
    let behind = format!("count=1&ofs={MANY}&req0__S=behind");
    let second = world.ask(bind(3, &behind));
    // It is repeated while it waits, and so is the one before.
    let third = world.ask(bind(3, &behind));
    let fourth = world.ask(maps(2, MANY));
    while world.proceed() {
        assert!(world.seen.messages == MANY + 1 || world.seen.longest_bytes == 1);
    }
    assert_eq!(world.seen.messages, MANY + 1);
    let answers = [second, third, fourth, first].map(|carrier| (carrier, 200));
    assert_eq!(world.seen.answers, answers);
    assert_eq!(world.seen.end, None);
    world.request(bind(4, &format!("count=1&ofs={}&req0__S=y", MANY + 1)));
    assert_eq!(world.seen.messages, MANY + 2);
}

#[test]
fn a_goodbye_of_browserchannel_waits_for_what_was_sent_before() {
    let mut world = browserchannel();
    let first = world.ask(maps(2, MANY));
    let target = format!("/primus/bind?VER=8&RID=3&TYPE=terminate&SID={}", id());
    let goodbye = world.ask(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes());
    assert_eq!(world.seen.end, None);
    while world.proceed() {}
    assert_eq!(
        (world.seen.messages, &world.seen.end),
        (MANY, &Some(End::Goodbye))
    );
    // The request that opened the session was a back channel, which ends with it.
    assert_eq!(world.seen.answers, [(goodbye, 200), (1, 200), (first, 403)]);
}
