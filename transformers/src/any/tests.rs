use super::*;
use crate::testing::Pair;

const KEYS: &str = "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n\
    Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n";
const TODAY: &str = "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\
    Sec-WebSocket-Version: 13\r\n";

fn answer(path: &str, headers: &str, rest: &str) -> String {
    let any = AnyTransformer::new(TransformerKind::Any, &CommonOptions::default(), &[]);
    let mut pair = Pair::server_only(any.unwrap(), 7);
    let raw = pair.raw();
    let head = format!("GET /primus{path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n");
    pair.raw_send(
        raw,
        format!("{head}Upgrade: websocket\r\n{headers}\r\n{rest}"),
    );
    pair.settle();
    String::from_utf8_lossy(&pair.raw_received(raw)).into_owned()
}

#[test]
fn a_websocket_of_any_version_is_of_the_transport_that_its_path_names() {
    let draft = |path| answer(path, KEYS, "^n:ds[4U");
    assert!(draft("/0/s/websocket").ends_with("8jKS'y:G*Co,Wxa-\0o\u{fffd}"));
    assert!(draft("").ends_with("8jKS'y:G*Co,Wxa-"));
    assert!(draft("/websocket").ends_with("8jKS'y:G*Co,Wxa-"));
    assert!(answer("/0/s/websocket", "", "").ends_with("\0o\u{fffd}"));
    assert!(answer("/0/s/websocket", TODAY, "").ends_with("\u{fffd}\u{1}o"));
    assert!(answer("/websocket", TODAY, "").starts_with("HTTP/1.1 101 "));
    assert!(draft("/?EIO=4&transport=websocket").starts_with("HTTP/1.1 400 "));
}

#[test]
fn a_request_is_of_the_same_transport_on_every_pathname() {
    let targets = [
        ("", TransformerKind::WebSockets),
        ("/", TransformerKind::WebSockets),
        ("/?EIO=4&transport=polling", TransformerKind::EngineIo),
        ("/0/s/xhr", TransformerKind::SockJs),
        ("/0/s/xhr/", TransformerKind::SockJs),
        ("/0/s.s/websocket", TransformerKind::SockJs),
        ("/info", TransformerKind::SockJs),
        ("/info/", TransformerKind::SockJs),
        ("/chunking_test", TransformerKind::SockJs),
        ("/iframe-1.6.1.html", TransformerKind::SockJs),
        ("/iframe.html/", TransformerKind::SockJs),
        ("/test?VER=8&MODE=init", TransformerKind::BrowserChannel),
        ("//bind?VER=8&RID=1", TransformerKind::BrowserChannel),
        ("/test", TransformerKind::WebSockets),
        ("/tests?VER=8", TransformerKind::WebSockets),
    ];
    for pathname in ["/primus", "/api/", "/a/b//"] {
        let common = CommonOptions {
            pathname: pathname.parse().unwrap(),
            ..CommonOptions::default()
        };
        let any = AnyTransformer::new(TransformerKind::Any, &common, &[]).unwrap();
        for (target, kind) in targets {
            let pathname = pathname.trim_end_matches('/');
            let target = format!("{pathname}{target}");
            let text = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
            let head = RequestHead::parse(text.as_bytes()).unwrap();
            assert_eq!(any.kind_of(&head), kind, "{target}");
        }
    }
}

#[test]
fn what_a_page_loads_without_an_origin_is_known() {
    let any = AnyTransformer::new(TransformerKind::Any, &CommonOptions::default(), &[]);
    let any = any.unwrap();
    let is_script = |target: &str| {
        let head = format!("GET /primus{target} HTTP/1.1\r\nHost: a\r\n\r\n");
        any.is_script(&RequestHead::parse(head.as_bytes()).unwrap())
    };
    for target in [
        "/?EIO=4&transport=polling&j=0",
        "/?EIO=4&transport=polling&%6A=0&sid=x",
        "/0/s/jsonp?c=c",
        "/0/s/jsonp_send",
        "/0/s/htmlfile?c=c",
        "/iframe.html",
        "/iframe-1.6.1.html",
        "/bind?VER=8&TYPE=html&RID=rpc",
        "/test?VER=8&TYPE=html",
    ] {
        assert!(is_script(target), "{target}");
    }
    for target in [
        "",
        "/?EIO=4&transport=polling",
        "/0/s/xhr",
        "/0/s/xhr_send",
        "/0/s/eventsource",
        "/info",
        "/iframe.js",
        "/bind?VER=8&TYPE=xmlhttp&RID=rpc",
        "/?j=0",
    ] {
        assert!(!is_script(target), "{target}");
    }
}

/// Every wire of every transformer, at the lengths where a frame's header grows.
#[test]
fn a_frame_in_place_is_the_frame() {
    const ROOM: usize = 14;
    let compressing = CommonOptions {
        compression: true,
        ..CommonOptions::default()
    };
    let mut in_place = 0;
    for common in [CommonOptions::default(), compressing] {
        let mut any = AnyTransformer::new(TransformerKind::Any, &common, &[]).unwrap();
        for wire in (0..AnyTransformer::WIRES).map(Wire) {
            for payload_bytes in [0, 124, 125, 126, 2048, 65534, 65535, 65536] {
                for kind in [Kind::Text, Kind::Binary] {
                    let payload = vec![b'x'; payload_bytes];
                    let mut room = [b'-'; ROOM];
                    let Some(count) = any.frame_in_place(wire, kind, &payload, &mut room) else {
                        continue;
                    };
                    in_place += 1;
                    let mut frame = Vec::new();
                    any.frame(wire, kind, &payload, &mut frame);
                    let (before, header) = room.split_at(ROOM - count);
                    assert!(before.iter().all(|byte| *byte == b'-'));
                    assert!([header, &payload].concat() == frame, "{wire:?} {kind:?}");
                    // Nothing is written where there is too little room.
                    let mut short = vec![b'-'; count - 1];
                    let is_refused = any.frame_in_place(wire, kind, &payload, &mut short);
                    assert_eq!(is_refused, None);
                }
            }
        }
    }
    assert!(in_place > 200, "{in_place} frames only");
}
