//! permessage-deflate on the WebSockets of sessions, and gzip for their polls.

use allspark_protocol::websocket::deflate::{Deflater, Effort, Inflater, WindowBits};

use super::*;

const ON: [(&str, &str); 2] = [
    ("perMessageDeflate", "true"),
    ("perMessageDeflate.threshold", "20"),
];
const LONG: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A WebSocket with an offer, and the extensions of the answer.
fn socket(world: &mut World, query: &str, offer: &str) -> (Socket, Option<String>) {
    let headers = format!("{WEBSOCKET}Sec-WebSocket-Extensions: {offer}\r\n");
    let query = format!("{query}&transport=websocket");
    let raw = world.ask("GET", &query, &headers, None);
    let received = world.0.raw_received(raw);
    let end = received.windows(4).position(|part| part == b"\r\n\r\n");
    let (head, rest) = received.split_at(end.unwrap() + 4);
    let head = std::str::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let name = "Sec-WebSocket-Extensions: ";
    let line = head.lines().find_map(|line| line.strip_prefix(name));
    let socket = Socket {
        raw,
        decoder: Decoder::new(Role::Client, 1 << 20),
        rest: rest.to_vec(),
    };
    (socket, line.map(str::to_owned))
}

/// Text that came, and how many bytes it came in.
fn came(world: &mut World, socket: &mut Socket) -> (Vec<String>, usize) {
    let mut bytes = std::mem::take(&mut socket.rest);
    bytes.extend(world.0.raw_received(socket.raw));
    let count = bytes.len();
    let (mut input, mut inflater) = (Input::new(&mut bytes), Inflater::new(false));
    let mut texts = Vec::new();
    while let Some(item) = (socket.decoder)
        .next_inflating(&mut input, &mut inflater)
        .unwrap()
    {
        match item {
            Item::Message { payload, .. } => {
                texts.push(String::from_utf8(payload.to_vec()).unwrap());
            }
            other => panic!("{other:?}"),
        }
    }
    (texts, count)
}

/// Says it compressed, however short it is, as browsers do.
fn say(world: &mut World, socket: &Socket, text: &str) {
    let mut deflater = Deflater::new(WindowBits::MAX, Effort::DEFAULT, false);
    let mut scratch = Vec::new();
    let long = text.repeat(20);
    let compressed = deflater.message(long.as_bytes(), &mut scratch);
    let compressed = compressed.expect("it shrinks");
    world.frame(socket, |out, key| {
        encode::compressed(Kind::Text, compressed, key, out);
    });
}

#[test]
fn messages_are_compressed_both_ways_for_who_offers_it() {
    let mut world = World::new(&ON);
    let (mut one, agreed) = socket(&mut world, "EIO=4", "permessage-deflate");
    let agreed = agreed.unwrap();
    assert_eq!(
        agreed,
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    );
    let spark = world.0.sparks()[0];
    say(&mut world, &one, "4hello");
    assert_eq!(world.messages(spark), ["4hello".repeat(20)[1..].to_owned()]);
    came(&mut world, &mut one);
    for (payload, is_short) in [("short", true), (LONG, false)] {
        world.0.server_write(spark, Kind::Text, payload.as_bytes());
        world.0.settle();
        let (texts, bytes) = came(&mut world, &mut one);
        assert_eq!(texts, [format!("4{payload}")]);
        assert_eq!(bytes >= payload.len(), is_short, "{bytes}");
    }
}

#[test]
fn who_does_not_offer_it_or_wants_a_smaller_window_is_served_without() {
    for (options, offer) in [
        (&ON[..], "foo"),
        (&ON[..], "permessage-deflate; server_max_window_bits=10"),
        (&[][..], "permessage-deflate"),
    ] {
        let mut world = World::new(options);
        let (mut socket, agreed) = socket(&mut world, "EIO=4", offer);
        assert_eq!(agreed, None, "{offer}");
        let spark = world.0.sparks()[0];
        world.came(&mut socket);
        world.0.server_write(spark, Kind::Text, LONG.as_bytes());
        world.0.settle();
        assert_eq!(world.came(&mut socket), [text(&format!("4{LONG}"))]);
    }
}

#[test]
fn a_session_that_changes_to_a_websocket_may_compress_there() {
    let mut world = World::new(&ON);
    let (spark, query) = world.open("EIO=4");
    let query = query.replace("&transport=polling", "");
    let offer = "permessage-deflate; server_max_window_bits=15";
    let (mut socket, agreed) = socket(&mut world, &query, offer);
    assert!(agreed.unwrap().ends_with("server_max_window_bits=15"));
    world.0.server_write(spark, Kind::Text, LONG.as_bytes());
    world.say(&socket, "2probe");
    assert_eq!(came(&mut world, &mut socket).0, ["3probe"]);
    world.say(&socket, "5");
    // What waited is sent as it is.
    assert_eq!(came(&mut world, &mut socket).0, [format!("4{LONG}")]);
    world.0.server_write(spark, Kind::Text, LONG.as_bytes());
    world.0.settle();
    let (texts, bytes) = came(&mut world, &mut socket);
    assert_eq!(texts, [format!("4{LONG}")]);
    assert!(bytes < LONG.len(), "{bytes}");
    say(&mut world, &socket, "4x");
    assert_eq!(world.messages(spark).len(), 1);
}

#[test]
fn a_bomb_ends_the_session() {
    let mut world = World::new(&ON);
    let (socket, _) = socket(&mut world, "EIO=4", "permessage-deflate");
    let spark = world.0.sparks()[0];
    say(&mut world, &socket, &"4".repeat(BUFFER_BYTES_MAX));
    assert_eq!(world.messages(spark), [""; 0]);
    assert!(world.0.server_end(spark).is_some());
}

#[test]
fn answers_to_polls_are_compressed_for_who_accepts_it() {
    let options = [
        ("httpCompression", "true"),
        ("httpCompression.threshold", "20"),
    ];
    for (options, accepted, message, is_compressed) in [
        (&options[..], "gzip, deflate", LONG, true),
        (&options[..], "gzip", "short", false),
        (&options[..], "br", LONG, false),
        (&[][..], "gzip", LONG, false),
    ] {
        let mut world = World::new(options);
        let (spark, query) = world.open("EIO=4");
        let headers = format!("Accept-Encoding: {accepted}\r\n");
        let poll = world.ask("GET", &query, &headers, None);
        world.0.server_write(spark, Kind::Text, message.as_bytes());
        world.0.settle();
        let reply = world.reply(poll).unwrap();
        let encoding = "Content-Encoding: gzip".to_owned();
        assert_eq!(reply.headers.contains(&encoding), is_compressed);
        assert_eq!(reply.body == format!("4{message}"), !is_compressed);
        assert_eq!(reply.body.starts_with("\u{1f}\u{8b}"), is_compressed);
    }
}
