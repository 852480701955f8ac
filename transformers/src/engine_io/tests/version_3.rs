//! Protocol 3.

use super::*;

fn world() -> World {
    World::new(&[("allowEIO3", "true")])
}

#[test]
fn a_session_begins_with_its_terms() {
    let mut world = world();
    let reply = world.get("transport=polling");
    let spark = world.0.sparks()[0];
    let open = open_packet(spark, r#"["websocket"]"#, 25000, 20000);
    assert_eq!(reply.body, format!("{}:{open}", open.len()));
}

#[test]
fn text_is_counted() {
    let mut world = world();
    let (spark, query) = world.open("EIO=3");
    assert_eq!(world.post(&query, "6:4\"hé\"+1:6").body, "ok");
    assert_eq!(world.messages(spark), ["\"hé\"+"]);
    world.0.server_write(spark, Kind::Text, "é".as_bytes());
    world.0.server_write(spark, Kind::Text, b"hi");
    let poll = world.poll(&query);
    let reply = world.reply(poll).unwrap();
    assert_eq!(reply.body, "2:4\u{c3}\u{a9}3:4hi", "bytes of UTF-8");
    assert!(
        reply
            .headers
            .contains(&"Content-Type: text/plain; charset=UTF-8".to_owned())
    );
}

#[test]
fn bytes_make_the_whole_payload_bytes() {
    let mut world = world();
    let (spark, query) = world.open("EIO=3");
    world.0.server_write(spark, Kind::Text, b"hi");
    world.0.server_write(spark, Kind::Binary, &[1, 2]);
    let poll = world.poll(&query);
    let reply = world.reply(poll).unwrap();
    assert_eq!(reply.body, "\x00\x03\u{ff}4hi\x01\x03\u{ff}\x04\x01\x02");
    let bytes = "Content-Type: application/octet-stream".to_owned();
    assert!(reply.headers.contains(&bytes), "{reply:?}");
    let body = b"\x00\x03\xff4hi\x01\x03\xff\x04\x01\x02\x01\x02\xff\x09\x01";
    let raw = world.ask("POST", &query, &format!("{bytes}\r\n"), Some(body));
    assert_eq!(world.polled(raw), "ok");
    assert_eq!(world.messages(spark), ["hi", "x01x02"]);
    world.assert_open(spark);
}

#[test]
fn who_cannot_take_bytes_gets_base64() {
    for query in ["EIO=3&b64=1", "EIO=3&j=0"] {
        let mut world = world();
        let (spark, query) = world.open(query);
        world.0.server_write(spark, Kind::Binary, &[1, 2]);
        let poll = world.poll(&query);
        let body = world.polled(poll);
        assert!(body.contains("6:b4AQI="), "{body}");
        world.post(
            &query,
            if query.contains("j=") {
                "d=6:b4AQI%3D"
            } else {
                "6:b4AQI="
            },
        );
        assert_eq!(world.messages(spark), ["x01x02"]);
    }
}

#[test]
fn a_websocket_tells_kinds_of_bytes_by_the_first() {
    let mut world = world();
    let (spark, mut socket) = world.open_socket("EIO=3");
    world.say(&socket, "4hi");
    world.say_bytes(&socket, b"\x04\x01\x02");
    world.say_bytes(&socket, b"\x09\x01");
    world.say_bytes(&socket, b"");
    world.say(&socket, "b4AQI=");
    assert_eq!(world.messages(spark), ["hi", "x01x02", "x01x02"]);
    world.0.server_write(spark, Kind::Binary, &[1]);
    world.0.settle();
    assert_eq!(world.came(&mut socket), [Came::Binary(vec![4, 1])]);
    let (spark, mut socket) = world.open_socket("EIO=3&b64=1");
    world.0.server_write(spark, Kind::Binary, &[1]);
    world.0.settle();
    assert_eq!(world.came(&mut socket), [text("b4AQ==")]);
}

#[test]
fn a_session_changes_to_a_websocket() {
    let mut world = world();
    let (spark, query) = world.open("EIO=3");
    let mut socket = world.socket(&format!("EIO=3&sid={spark}"));
    let poll = world.poll(&query);
    world.say(&socket, "2probe");
    world.0.run_for(100);
    assert_eq!(world.polled(poll), "1:6");
    world.0.server_write(spark, Kind::Binary, &[1]);
    world.0.server_write(spark, Kind::Text, b"hi");
    world.say(&socket, "5");
    assert_eq!(
        world.came(&mut socket),
        [text("3probe"), Came::Binary(vec![4, 1]), text("4hi")]
    );
}

#[test]
fn a_client_and_an_app_end_sessions() {
    let mut world = world();
    let (spark, query) = world.open("EIO=3");
    let poll = world.poll(&query);
    world.post(&query, "1:1");
    assert_eq!(world.polled(poll), "1:6");
    world.assert_ended(spark, &End::Goodbye);
    let (spark, query) = world.open("EIO=3");
    world.0.server_close(spark);
    let poll = world.poll(&query);
    assert_eq!(world.polled(poll), "1:1");
    assert!(world.0.is_over(spark));
}
