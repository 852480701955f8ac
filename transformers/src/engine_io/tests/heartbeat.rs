//! The pings of engine.io.

use super::*;

const EIO4: &str = "EIO=4";
const TIMES: [(&str, &str); 2] = [("pingInterval", "300"), ("pingTimeout", "200")];

#[test]
fn a_poll_is_pinged() {
    let mut world = World::new(&TIMES);
    let (spark, query) = world.open(EIO4);
    for _ in 0..3 {
        let poll = world.poll(&query);
        world.0.run_for(299);
        assert_eq!(world.reply(poll), None);
        world.0.run_for(1);
        assert_eq!(world.polled(poll), "2");
        assert_eq!(world.post(&query, "3").body, "ok");
    }
    world.assert_open(spark);
}

#[test]
fn a_websocket_is_pinged() {
    let mut world = World::new(&TIMES);
    let (spark, mut socket) = world.open_socket(EIO4);
    for _ in 0..3 {
        world.0.run_for(299);
        assert_eq!(world.came(&mut socket), []);
        world.0.run_for(1);
        assert_eq!(world.came(&mut socket), [text("2")]);
        world.0.run_for(150);
        world.say(&socket, "3");
    }
    world.assert_open(spark);
}

#[test]
fn who_does_not_answer_in_time_is_gone() {
    let mut world = World::new(&TIMES);
    let (spark, query) = world.open(EIO4);
    let poll = world.poll(&query);
    world.0.run_for(300);
    assert_eq!(world.polled(poll), "2");
    let poll = world.poll(&query);
    world.0.run_for(199);
    world.assert_open(spark);
    world.0.run_for(1);
    assert_eq!(world.polled(poll), "1");
    world.assert_ended(spark, &End::Goodbye);

    let (spark, mut socket) = world.open_socket(EIO4);
    world.0.run_for(499);
    assert_eq!(world.came(&mut socket), [text("2")]);
    world.0.run_for(1);
    assert_eq!(world.came(&mut socket), [Came::Close(None)]);
    world.assert_ended(spark, &End::Goodbye);
    world.assert_closed(socket.raw);
}

#[test]
fn a_ping_waits_for_a_poll_but_its_time_runs() {
    let mut world = World::new(&TIMES);
    let (spark, query) = world.open(EIO4);
    world.0.run_for(400);
    world.0.server_write(spark, Kind::Text, b"hi");
    let poll = world.poll(&query);
    assert_eq!(world.polled(poll), "2\x1e4hi");
    world.0.run_for(100);
    world.assert_ended(spark, &End::Goodbye);
}

#[test]
fn another_packet_prolongs_the_time_once() {
    let mut world = World::new(&TIMES);
    let (spark, socket) = world.open_socket(EIO4);
    world.0.run_for(490);
    world.say(&socket, "4busy");
    world.0.run_for(190);
    world.assert_open(spark);
    world.say(&socket, "4busy");
    world.0.run_for(10);
    world.assert_ended(spark, &End::Goodbye);
}

#[test]
fn a_pong_makes_the_next_ping_wait() {
    let mut world = World::new(&TIMES);
    let (_, mut socket) = world.open_socket(EIO4);
    world.0.run_for(200);
    world.say(&socket, "3");
    world.0.run_for(299);
    assert_eq!(world.came(&mut socket), []);
    world.0.run_for(1);
    assert_eq!(world.came(&mut socket), [text("2")]);
}

#[test]
fn a_ping_that_waits_goes_along_to_the_websocket() {
    let mut world = World::new(&TIMES);
    let (spark, _) = world.open(EIO4);
    let mut socket = world.socket(&format!("EIO=4&sid={spark}"));
    world.0.run_for(300);
    world.say(&socket, "5");
    assert_eq!(world.came(&mut socket), [text("2")]);
    world.0.run_for(150);
    world.say(&socket, "3");
    world.0.run_for(299);
    world.assert_open(spark);
    world.0.run_for(1);
    assert_eq!(world.came(&mut socket), [text("2")]);
}

#[test]
fn in_protocol_3_the_client_pings() {
    let mut world = World::new(&[TIMES[0], TIMES[1], ("allowEIO3", "true")]);
    let (spark, query) = world.open("EIO=3");
    let (socket_spark, mut socket) = world.open_socket("EIO=3");
    let poll = world.poll(&query);
    for _ in 0..3 {
        world.0.run_for(499);
        world.post(&query, "1:2");
        world.say(&socket, "2");
        assert_eq!(world.came(&mut socket), [text("3")]);
    }
    assert_eq!(world.polled(poll), "1:3");
    world.0.run_for(499);
    world.assert_open(spark);
    world.say(&socket, "4no ping");
    world.0.run_for(1);
    world.assert_ended(spark, &End::Goodbye);
    world.assert_ended(socket_spark, &End::Goodbye);
}

#[test]
fn in_protocol_3_the_client_does_not_pong() {
    let mut world = World::new(&[("allowEIO3", "true")]);
    let (spark, query) = world.open("EIO=3");
    world.post(&query, "1:3");
    world.assert_ended(spark, &violation("invalid heartbeat direction"));
    let (spark, socket) = world.open_socket("EIO=3");
    world.say(&socket, "3");
    world.assert_ended(spark, &violation("invalid heartbeat direction"));
}
