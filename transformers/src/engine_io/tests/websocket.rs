//! Sessions that begin with a WebSocket.

use allspark_protocol::websocket::CloseCode;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const EIO4: &str = "EIO=4";

#[test]
fn a_session_begins_with_its_terms() {
    let mut world = World::new(&[("cookie", "true")]);
    let mut socket = world.socket(EIO4);
    let spark = world.0.sparks()[0];
    let open = open_packet(spark, r#"[]"#, 25000, 20000);
    assert_eq!(world.came(&mut socket), [text(&open)]);
}

#[test]
fn messages_go_both_ways() {
    let mut world = World::new(&[]);
    let (spark, mut socket) = world.open_socket(EIO4);
    world.say(&socket, "4\"é\"");
    world.say(&socket, "4");
    world.say_bytes(&socket, b"\x04\x01");
    world.say(&socket, "bAQL/");
    world.say(&socket, "6");
    assert_eq!(world.messages(spark), ["\"é\"", "", "x04x01", "x01x02xff"]);
    world.0.server_write(spark, Kind::Text, b"hi");
    world.0.server_write(spark, Kind::Binary, &[4, 1]);
    world.0.settle();
    assert_eq!(
        world.came(&mut socket),
        [text("4hi"), Came::Binary(vec![4, 1])]
    );
}

#[test]
fn a_client_may_want_bytes_as_text() {
    let mut world = World::new(&[]);
    let (spark, mut socket) = world.open_socket("EIO=4&b64=1");
    world.0.server_write(spark, Kind::Binary, &[1, 2]);
    world.0.settle();
    assert_eq!(world.came(&mut socket), [text("bAQI=")]);
}

#[test]
fn a_message_may_come_in_fragments() {
    let mut world = World::new(&[]);
    let (spark, socket) = world.open_socket(EIO4);
    // Unmasked "4he" and "llo", masked with a key of zeros.
    world
        .0
        .raw_send(socket.raw, b"\x01\x83\0\0\0\x004he\x80\x83\0\0\0\0llo");
    world
        .0
        .raw_send(socket.raw, b"\x01\x83\0\0\0\0bAQ\x80\x82\0\0\0\0L/");
    world.0.settle();
    assert_eq!(world.messages(spark), ["hello", "x01x02xff"]);
}

#[test]
fn a_ping_of_the_websocket_is_answered_and_no_sign_of_life() {
    let mut world = World::new(&[]);
    let (_, mut socket) = world.open_socket(EIO4);
    world.frame(&socket, |out, key| encode::ping(b"hi", key, out));
    world.frame(&socket, |out, key| encode::pong(b"hi", key, out));
    assert_eq!(world.came(&mut socket), [Came::Pong(b"hi".to_vec())]);
    let is_alive = |event: &crate::testing::Event| matches!(event, crate::testing::Event::Alive(_));
    assert!(!world.0.events().iter().any(is_alive));
}

#[test]
fn a_client_ends_its_session_in_either_way() {
    let mut world = World::new(&[]);
    let (spark, mut socket) = world.open_socket(EIO4);
    let code = CloseCode::new(4321);
    world.frame(&socket, |out, key| encode::close(code, "bye", key, out));
    assert_eq!(world.came(&mut socket), [Came::Close(Some(4321))]);
    world.assert_ended(spark, &End::closed(code));
    world.assert_closed(socket.raw);

    let (spark, mut socket) = world.open_socket(EIO4);
    world.say(&socket, "1");
    assert_eq!(world.came(&mut socket), [Came::Close(None)]);
    world.assert_ended(spark, &End::Goodbye);
    world.assert_closed(socket.raw);

    let (spark, socket) = world.open_socket(EIO4);
    world.0.raw_cut(socket.raw);
    world.0.settle();
    world.assert_ended(spark, &End::Goodbye);
}

#[test]
fn what_is_no_packet_ends_the_session() {
    for (packet, sentence) in [
        ("", "parse error"),
        ("abc", "parse error"),
        ("2", "invalid heartbeat direction"),
    ] {
        let mut world = World::new(&[]);
        let (spark, mut socket) = world.open_socket(EIO4);
        world.say(&socket, "4before");
        world.frame(&socket, |out, key| {
            encode::message(Kind::Text, packet.as_bytes(), key, out);
            encode::message(Kind::Text, b"4after", key, out);
        });
        assert_eq!(world.came(&mut socket), [Came::Close(None)], "{packet}");
        assert_eq!(world.messages(spark), ["before"]);
        world.assert_ended(spark, &violation(sentence));
        world.assert_closed(socket.raw);
    }
}

#[test]
fn what_breaks_the_rules_of_websocket_ends_the_session_with_a_code() {
    let too_long = vec![b'4'; BUFFER_BYTES_MAX + 1];
    for (payload, code) in [(&b"4\xff"[..], 1007), (&too_long, 1009)] {
        let mut world = World::new(&[]);
        let (spark, mut socket) = world.open_socket(EIO4);
        world.frame(&socket, |out, key| {
            encode::message(Kind::Text, payload, key, out);
        });
        assert_eq!(world.came(&mut socket), [Came::Close(Some(code))]);
        assert!(matches!(world.0.server_end(spark), Some(End::Violation(_))));
        assert!(world.0.is_over(spark));
        world.assert_closed(socket.raw);
    }
}

#[test]
fn an_app_ends_the_session_after_what_it_wrote() {
    let mut world = World::new(&[]);
    let (spark, mut socket) = world.open_socket(EIO4);
    world.0.server_write(spark, Kind::Text, b"last");
    world.0.server_close(spark);
    world.0.settle();
    assert_eq!(world.came(&mut socket), [text("4last"), Came::Close(None)]);
    world.say(&socket, "4late");
    world.say(&socket, "x");
    assert!(!world.0.is_over(spark), "the client has not answered");
    world.frame(&socket, |out, key| encode::close(None, "", key, out));
    assert_eq!(world.came(&mut socket), [], "the goodbye is not said twice");
    assert!(world.0.is_over(spark));
    assert_eq!(world.messages(spark), [""; 0]);
    world.assert_closed(socket.raw);
}

#[test]
fn a_client_that_does_not_answer_the_goodbye_is_cut_off() {
    let mut world = World::new(&[]);
    let (spark, socket) = world.open_socket(EIO4);
    world.0.server_close(spark);
    world.0.run_for(4_999);
    assert!(!world.0.is_over(spark));
    world.0.run_for(1);
    assert!(world.0.is_over(spark));
    world.assert_closed(socket.raw);
}

#[test]
fn another_websocket_for_the_session_is_closed() {
    let mut world = World::new(&[]);
    let (spark, mut socket) = world.open_socket(EIO4);
    let mut other = world.socket(&format!("EIO=4&sid={spark}"));
    assert_eq!(world.came(&mut other), [Came::Close(None)]);
    world.assert_closed(other.raw);
    world.0.server_write(spark, Kind::Text, b"hi");
    world.0.settle();
    assert_eq!(world.came(&mut socket), [text("4hi")]);
}

/// One frame, and how the message in it is shown, if there is one.
fn frame_of(choice: u8, data: &[u8]) -> (Vec<u8>, Option<String>) {
    let mut out = Vec::new();
    let key = Some([9, 8, 7, 6]);
    let hex: String = data.iter().map(|byte| format!("x{byte:02x}")).collect();
    let shown = match choice {
        0 => {
            encode::message(Kind::Binary, data, key, &mut out);
            Some(hex)
        }
        1 => {
            encode::message(Kind::Text, format!("4{hex}").as_bytes(), key, &mut out);
            Some(hex)
        }
        2 => {
            let mut text = b"b".to_vec();
            super::super::base64::encode(data, &mut text);
            encode::message(Kind::Text, &text, key, &mut out);
            Some(hex)
        }
        3 => {
            encode::message(Kind::Text, b"6", key, &mut out);
            None
        }
        _ => {
            encode::ping(b"", key, &mut out);
            None
        }
    };
    (out, shown)
}

proptest! {
    #[test]
    fn a_stream_means_the_same_however_it_is_cut(
        seed: u64,
        frames in vec((0..5_u8, vec(any::<u8>(), 0..300)), 0..12),
    ) {
        let mut world = World::seeded(&[("maxHttpBufferSize", "2000")], seed);
        let (spark, socket) = world.open_socket(EIO4);
        let mut expected = Vec::new();
        for (choice, data) in &frames {
            let (bytes, shown) = frame_of(*choice, data);
            world.0.raw_send(socket.raw, bytes);
            expected.extend(shown);
        }
        world.0.settle();
        prop_assert_eq!(world.messages(spark), expected);
        world.assert_open(spark);
    }

    #[test]
    fn no_bytes_panic(seed: u64, bytes: Vec<u8>, polls: bool) {
        let mut world = World::seeded(&[("allowEIO3", "true")], seed);
        let (spark, socket) = world.open_socket("EIO=3");
        world.0.raw_send(socket.raw, &bytes);
        let (other, query) = world.open("EIO=3");
        let headers = if polls { "Content-Type: application/octet-stream\r\n" } else { "" };
        world.ask("POST", &query, headers, Some(&bytes));
        world.0.run_for(100_000);
        prop_assert!(world.0.is_over(other));
        // Whoever is amid a frame is judged by how fast it comes, and the engine is patient here.
        world.0.raw_cut(socket.raw);
        world.0.settle();
        prop_assert!(world.0.is_over(spark));
    }
}
