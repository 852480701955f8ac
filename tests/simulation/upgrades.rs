//! Requests for an upgrade that are refused.

use allspark::TransformerKind;

use crate::by_hand::ByHand;

/// Something on the way may take the refusal for the upgrade, and what comes behind it for the
/// frames of a WebSocket: it must not be answered as a request.
#[test]
fn a_refused_upgrade_ends_its_connection() {
    let kinds = [
        TransformerKind::WebSockets,
        TransformerKind::Faye,
        TransformerKind::Uws,
        TransformerKind::EngineIo,
        TransformerKind::SockJs,
        TransformerKind::BrowserChannel,
        TransformerKind::Any,
    ];
    let paths = [
        "/primus",
        "/primus/",
        "/primus/?EIO=4&transport=websocket",
        "/primus/?EIO=4&transport=polling",
        "/primus/websocket",
        "/primus/000/session/websocket",
        "/primus/000/session/xhr",
        "/primus/channel/bind?VER=8&RID=1&t=1",
        "/primus/spec",
        "/elsewhere",
    ];
    let lines = [
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 99\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: short\r\n",
        "Connection: keep-alive, Upgrade\r\nUpgrade: h2c\r\n",
        "Upgrade: websocket\r\n",
    ];
    for kind in kinds {
        for path in paths {
            for lines in lines {
                let case = format!("{}: {path}: {lines}", kind.name());
                let mut stage = ByHand::new(kind, 1);
                let end = stage.connect(0);
                let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{lines}\r\n");
                let smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
                stage.send_all(end, (request + smuggled).as_bytes());
                let mut answer = String::new();
                let mut seconds = 0;
                loop {
                    let (part, is_end) = stage.read_all(end);
                    answer.push_str(&part);
                    if is_end {
                        break;
                    }
                    stage.seconds(1);
                    seconds += 1;
                    assert!(seconds < 40, "{case} is open: {answer}");
                }
                assert!(
                    answer.contains("\r\nConnection: close\r\n"),
                    "{case}: {answer}"
                );
                assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{case}: {answer}");
            }
        }
    }
}
