//! Sessions that change from polling to a WebSocket.

use super::*;

const EIO4: &str = "EIO=4";

/// A session that polls, and a WebSocket for it.
fn probing(world: &mut World) -> (SparkId, String, Socket) {
    let (spark, query) = world.open(EIO4);
    let socket = world.socket(&format!("EIO=4&sid={spark}"));
    (spark, query, socket)
}

#[test]
fn a_session_changes_to_a_websocket_by_probing_it() {
    let mut world = World::new(&[]);
    let (spark, query, mut socket) = probing(&mut world);
    let poll = world.poll(&query);
    world.say(&socket, "2probe");
    assert_eq!(world.came(&mut socket), [text("3probe")]);
    world.0.run_for(99);
    assert_eq!(world.reply(poll), None);
    world.0.run_for(1);
    assert_eq!(world.polled(poll), "6", "the poll is released");
    // The client does not poll any more. What is written now waits for the WebSocket.
    world.0.server_write(spark, Kind::Text, b"waited");
    world.0.server_write(spark, Kind::Binary, &[1, 2]);
    world.say(&socket, "5");
    world.0.server_write(spark, Kind::Text, b"new");
    world.say(&socket, "4hello");
    assert_eq!(
        world.came(&mut socket),
        [text("4waited"), Came::Binary(vec![1, 2]), text("4new")]
    );
    assert_eq!(world.messages(spark), ["hello"]);
    let reply = world.get(&query);
    assert!(reply.body.contains("Bad request"), "{reply:?}");
    world.say(&socket, "4still there");
    assert_eq!(world.messages(spark).len(), 2);
}

#[test]
fn a_poll_is_released_as_often_as_it_comes() {
    let mut world = World::new(&[]);
    let (_, query, socket) = probing(&mut world);
    world.say(&socket, "2probe");
    for _ in 0..3 {
        let poll = world.poll(&query);
        world.0.run_for(100);
        assert_eq!(world.polled(poll), "6");
    }
}

#[test]
fn polling_goes_on_until_the_upgrade_is_complete() {
    let mut world = World::new(&[]);
    let (spark, query, mut socket) = probing(&mut world);
    world.say(&socket, "2probe");
    world.post(&query, "4by post");
    world.0.server_write(spark, Kind::Text, b"by poll");
    let poll = world.poll(&query);
    assert_eq!(world.polled(poll), "4by poll");
    assert_eq!(world.messages(spark), ["by post"]);
    assert_eq!(world.came(&mut socket), [text("3probe")]);
}

#[test]
fn what_follows_the_upgrade_in_one_piece_is_heard() {
    for seed in 0..20 {
        let mut world = World::seeded(&[], seed);
        let (spark, _, mut socket) = probing(&mut world);
        world.frame(&socket, |out, key| {
            for packet in ["2probe", "5", "4one", "4two"] {
                encode::message(Kind::Text, packet.as_bytes(), key, out);
            }
        });
        assert_eq!(world.came(&mut socket), [text("3probe")]);
        assert_eq!(world.messages(spark), ["one", "two"]);
    }
}

#[test]
fn a_poll_that_waits_at_the_upgrade_is_told_that_its_transport_is_closed() {
    let mut world = World::new(&[]);
    let (spark, query, socket) = probing(&mut world);
    let poll = world.poll(&query);
    world.say(&socket, "2probe");
    world.say(&socket, "5");
    assert_eq!(world.polled(poll), "1");
    world.assert_open(spark);
}

#[test]
fn the_websocket_says_itself_how_it_wants_bytes() {
    let mut world = World::new(&[]);
    let (spark, _) = world.open(EIO4);
    let mut socket = world.socket(&format!("EIO=4&b64=1&sid={spark}"));
    world.0.server_write(spark, Kind::Binary, &[1, 2]);
    world.say(&socket, "5");
    world.0.server_write(spark, Kind::Binary, &[3]);
    world.0.settle();
    assert_eq!(world.came(&mut socket), [text("bAQI="), text("bAw==")]);
}

#[test]
fn an_attempt_fails_by_saying_anything_else() {
    for (packet, code) in [("4hi", None), ("2", None), ("x", None), ("4\u{1}", None)] {
        let mut world = World::new(&[]);
        let (spark, query, mut socket) = probing(&mut world);
        world.say(&socket, packet);
        assert_eq!(world.came(&mut socket), [Came::Close(code)]);
        world.assert_closed(socket.raw);
        assert_eq!(world.messages(spark), [""; 0]);
        // The session polls on, and may try again.
        world.0.server_write(spark, Kind::Text, b"poll on");
        let poll = world.poll(&query);
        assert_eq!(world.polled(poll), "4poll on");
        let mut socket = world.socket(&format!("EIO=4&sid={spark}"));
        world.say(&socket, "2probe");
        world.say(&socket, "5");
        world.0.server_write(spark, Kind::Text, b"hi");
        world.0.settle();
        assert_eq!(world.came(&mut socket), [text("3probe"), text("4hi")]);
    }
}

#[test]
fn an_attempt_fails_with_its_websocket() {
    let mut world = World::new(&[]);
    let (spark, _, mut socket) = probing(&mut world);
    world.frame(&socket, |out, key| encode::ping(b"a", key, out));
    world.frame(&socket, |out, key| encode::close(None, "", key, out));
    assert_eq!(
        world.came(&mut socket),
        [Came::Pong(b"a".to_vec()), Came::Close(None)]
    );
    let mut socket = world.socket(&format!("EIO=4&sid={spark}"));
    world.0.raw_send(socket.raw, b"\xff\xff");
    world.0.settle();
    assert_eq!(world.came(&mut socket), [Came::Close(Some(1002))]);
    let socket = world.socket(&format!("EIO=4&sid={spark}"));
    world.0.raw_cut(socket.raw);
    world.0.settle();
    let mut socket = world.socket(&format!("EIO=4&sid={spark}"));
    world.say(&socket, "2probe");
    assert_eq!(world.came(&mut socket), [text("3probe")]);
    world.assert_open(spark);
}

#[test]
fn an_attempt_may_not_take_for_ever() {
    for probes in [false, true] {
        let mut world = World::new(&[("upgradeTimeout", "1000")]);
        let (spark, query, mut socket) = probing(&mut world);
        if probes {
            world.say(&socket, "2probe");
            world.came(&mut socket);
        }
        world.0.run_for(999);
        assert_eq!(world.came(&mut socket), []);
        world.0.run_for(1);
        assert_eq!(world.came(&mut socket), [Came::Close(None)]);
        world.assert_closed(socket.raw);
        let poll = world.poll(&query);
        world.0.run_for(1000);
        assert_eq!(world.reply(poll), None, "polls are not released any more");
        world.assert_open(spark);
    }
}

#[test]
fn there_is_one_attempt_at_a_time_and_one_success() {
    let mut world = World::new(&[]);
    let (spark, _, mut first) = probing(&mut world);
    let mut second = world.socket(&format!("EIO=4&sid={spark}"));
    assert_eq!(world.came(&mut second), [Came::Close(None)]);
    world.assert_closed(second.raw);
    world.say(&first, "2probe");
    world.say(&first, "5");
    let mut third = world.socket(&format!("EIO=4&sid={spark}"));
    assert_eq!(world.came(&mut third), [Came::Close(None)]);
    world.say(&first, "4hi");
    assert_eq!(world.messages(spark), ["hi"]);
    assert_eq!(world.came(&mut first), [text("3probe")]);
}

#[test]
fn a_websocket_that_asks_for_polling_is_closed() {
    let mut world = World::new(&[]);
    let (spark, query) = world.open(EIO4);
    let raw = world.ask("GET", &query, WEBSOCKET, None);
    let received = world.0.raw_received(raw);
    assert!(received.starts_with(b"HTTP/1.1 101 "));
    assert!(received.ends_with(b"\r\n\r\n\x88\0"));
    world.assert_closed(raw);
    world.assert_open(spark);
}

#[test]
fn a_malformed_handshake_leaves_the_session_alone() {
    let mut world = World::new(&[]);
    let (spark, _) = world.open(EIO4);
    let headers = WEBSOCKET.replace("13", "12");
    let query = format!("EIO=4&transport=websocket&sid={spark}");
    let raw = world.ask("GET", &query, &headers, None);
    assert_eq!(world.reply(raw).unwrap().status, 400);
    world.assert_open(spark);
}

#[test]
fn an_upgrade_that_is_not_offered_is_let() {
    let mut world = World::new(&[("allowUpgrades", "false")]);
    let (spark, _, mut socket) = probing(&mut world);
    world.say(&socket, "2probe");
    world.say(&socket, "5");
    world.say(&socket, "4hi");
    assert_eq!(world.came(&mut socket), [text("3probe")]);
    assert_eq!(world.messages(spark), ["hi"]);
}

#[test]
fn the_end_of_the_session_is_the_end_of_the_attempt() {
    let mut world = World::new(&[]);
    let (spark, query, mut socket) = probing(&mut world);
    world.say(&socket, "2probe");
    world.post(&query, "1");
    assert_eq!(world.came(&mut socket), [text("3probe"), Came::Close(None)]);
    world.assert_closed(socket.raw);
    world.assert_ended(spark, &End::Goodbye);
}

#[test]
fn a_goodbye_follows_the_session_to_its_websocket() {
    let mut world = World::new(&[]);
    let (spark, _, mut socket) = probing(&mut world);
    world.say(&socket, "2probe");
    world.0.server_write(spark, Kind::Text, b"last");
    world.0.server_close(spark);
    world.0.settle();
    assert_eq!(world.came(&mut socket), [text("3probe")]);
    world.say(&socket, "5");
    assert_eq!(world.came(&mut socket), [text("4last"), Came::Close(None)]);
    world.frame(&socket, |out, key| encode::close(None, "", key, out));
    assert!(world.0.is_over(spark));
    world.assert_closed(socket.raw);
}
