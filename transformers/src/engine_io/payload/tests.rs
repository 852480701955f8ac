use proptest::prelude::*;

use super::super::format::Format;
use super::super::packet::{Data, PacketKind};
use super::*;
use allspark_protocol::transformer::Kind;

/// What a payload is read as: kinds and data, and whether it was all right.
fn read(protocol: Protocol, payload: &[u8], is_binary: bool) -> (Vec<(PacketKind, Vec<u8>)>, bool) {
    let mut packets = Vec::new();
    let mut reader = match is_binary {
        true => Packets::of_binary(),
        false => match Packets::of_text(protocol, payload) {
            Ok(reader) => reader,
            Err(ParseError) => return (packets, false),
        },
    };
    loop {
        let packet = match reader.next(payload) {
            Ok(Some(packet)) => packet,
            Ok(None) => return (packets, true),
            Err(ParseError) => return (packets, false),
        };
        let data = match packet.data {
            Data::Text(data) | Data::Binary(data) => data.to_vec(),
            Data::Base64(data) => {
                let mut data = data.to_vec();
                let length = base64::decode_in_place(&mut data);
                data.truncate(length);
                data
            }
        };
        packets.push((packet.kind, data));
    }
}

fn message(data: &str) -> (PacketKind, Vec<u8>) {
    (PacketKind::Message, data.as_bytes().to_vec())
}

fn composed(encoding: Encoding, packets: &[&[u8]]) -> (Vec<u8>, bool) {
    let mut payload = Payload::new(encoding);
    packets.iter().for_each(|packet| payload.push(packet));
    payload.finish()
}

#[test]
fn packets_of_protocol_4_are_separated() {
    let v4 = |payload: &[u8]| read(Protocol::V4, payload, false);
    let ping = (PacketKind::Ping, Vec::new());
    assert_eq!(
        v4("4é\x1e2\x1ebQUI=\x1e4".as_bytes()),
        (vec![message("é"), ping, message("AB"), message("")], true)
    );
    assert_eq!(v4(b"4a\x1ex\x1e4b"), (vec![message("a")], false));
    assert_eq!(v4(b"4a\x1e"), (vec![message("a")], false));
    assert_eq!(v4(b""), (vec![], false));
    assert_eq!(v4(b"4\xff"), (vec![], false));
    assert_eq!(
        composed(Encoding::Separated, &[b"2", b"4a", b"bQUI="]),
        (b"2\x1e4a\x1ebQUI=".to_vec(), false)
    );
}

#[test]
fn packets_of_protocol_3_are_counted_in_utf16() {
    let v3 = |payload: &str| read(Protocol::V3, payload.as_bytes(), false);
    let ping = (PacketKind::Ping, Vec::new());
    assert_eq!(
        v3("6:4\"hié\"1:2"),
        (vec![message("\"hié\""), ping.clone()], true)
    );
    assert_eq!(
        v3("6:4\"hié1:2"),
        (vec![message("\"hié1")], false),
        "one unit too many"
    );
    assert_eq!(v3("5:4\"hié1:2"), (vec![message("\"hié"), ping], true));
    assert_eq!(v3("3:4\u{1f600}"), (vec![message("\u{1f600}")], true));
    assert_eq!(v3("2:4\u{1f600}"), (vec![], false), "half a character");
    assert_eq!(v3("0:06:b4QUI="), (vec![message("AB")], true));
    for bad in ["", ":", "x:4", "-1:4", "2:4", "1:41", "99999999999:4", "1"] {
        assert!(!v3(bad).1, "{bad}");
    }
}

#[test]
fn payloads_of_protocol_3_have_the_bytes_of_the_package() {
    // The right column is what `encodePayload` of engine.io's parser for protocol 3 gives.
    let packets: [&[u8]; 2] = ["4\u{e9}\u{1f600}".as_bytes(), b"\x04\x01\x02"];
    assert_eq!(
        composed(Encoding::CountedBase64, &packets),
        ("4:4\u{e9}\u{1f600}6:b4AQI=".as_bytes().to_vec(), false)
    );
    assert_eq!(
        composed(Encoding::CountedBinary, &packets),
        (
            b"\x00\x07\xff4\xc3\xa9\xf0\x9f\x98\x80\x01\x03\xff\x04\x01\x02".to_vec(),
            true
        )
    );
    assert_eq!(
        composed(Encoding::CountedBinary, &[b"3", b"4hello worl"]),
        (b"1:311:4hello worl".to_vec(), false)
    );
    let long = [b'4'; 123];
    let (body, _) = composed(Encoding::CountedBinary, &[b"\x04", &long]);
    assert_eq!(body[..9], [1, 1, 255, 4, 0, 1, 2, 3, 255]);
}

#[test]
fn a_malformed_payload_of_bytes_is_refused() {
    let cases: [&[u8]; 8] = [
        b"\x00",
        b"\x00\xff",
        b"\x00\x01",
        b"\x00\x02\xff4",
        b"\x00\x0a\xff4",
        b"\x01\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\xff4",
        b"\x00\x02\xff4\xff",
        b"\x00\x00\xff",
    ];
    for payload in cases {
        assert_eq!(
            read(Protocol::V3, payload, true),
            (vec![], false),
            "{payload:?}"
        );
    }
}

#[test]
fn too_many_packets_are_refused() {
    let packets = vec!["4"; REQUEST_MESSAGES_MAX];
    let payload = packets.join("\x1e");
    assert!(read(Protocol::V4, payload.as_bytes(), false).1);
    let payload = format!("{payload}\x1e4");
    assert!(!read(Protocol::V4, payload.as_bytes(), false).1);
    let empty = "0:".repeat(REQUEST_MESSAGES_MAX + 1);
    assert!(!read(Protocol::V3, empty.as_bytes(), false).1);
}

/// Messages as an application may send them; text without the separator, which no encoding escapes.
fn messages() -> impl Strategy<Value = Vec<(Kind, Vec<u8>)>> {
    let text = "[^\u{1e}]{0,20}".prop_map(|text| (Kind::Text, text.into_bytes()));
    let bytes = any::<Vec<u8>>().prop_map(|bytes| (Kind::Binary, bytes));
    proptest::collection::vec(prop_oneof![text, bytes], 1..8)
}

proptest! {
    #[test]
    fn what_is_composed_is_read(messages in messages(), encoding in 0..3) {
        let (protocol, encoding) = match encoding {
            0 => (Protocol::V4, Encoding::Separated),
            1 => (Protocol::V3, Encoding::CountedBase64),
            _ => (Protocol::V3, Encoding::CountedBinary),
        };
        let mut payload = Payload::new(encoding);
        let mut unit = Vec::new();
        for (kind, data) in &messages {
            unit.clear();
            Format::polling(protocol).frame(*kind, data, &mut unit);
            payload.push(&unit);
        }
        let (body, is_binary) = payload.finish();
        let expected = messages.into_iter().map(|(_, data)| (PacketKind::Message, data));
        prop_assert_eq!(read(protocol, &body, is_binary), (expected.collect(), true));
    }

    #[test]
    fn no_payload_panics(payload: Vec<u8>) {
        for (protocol, is_binary) in [
            (Protocol::V4, false),
            (Protocol::V3, false),
            (Protocol::V3, true),
        ] {
            let (packets, _) = read(protocol, &payload, is_binary);
            let bytes: usize = packets.iter().map(|(_, data)| data.len()).sum();
            prop_assert!(bytes <= payload.len());
        }
    }

    #[test]
    fn no_payload_of_digits_and_colons_panics(payload in "[0-9:b4é\u{1f600}\u{1e}]{0,40}") {
        read(Protocol::V3, payload.as_bytes(), false);
        read(Protocol::V4, payload.as_bytes(), false);
    }
}
