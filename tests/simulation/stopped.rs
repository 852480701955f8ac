//! A process that was stopped for a minute, with the options that Primus and its transports have:
//! no spark of any transport is lost, if its client did meanwhile what it owed. A client that did
//! nothing, because nobody asked it for anything, has lost nothing either.

use allspark_protocol::websocket::encode;
use allspark_transformers::TransformerKind;

use crate::paused::{CLIENTS, MASK, Stage, get, message, poll, pong, post, upgrade};

const MINUTE_MS: u64 = 60_000;

/// Primus's `pingInterval`, unless it is said otherwise.
const PING_INTERVAL_MS: u64 = 30_000;

/// Long enough for an answer to a ping to be judged.
const NEXT_PING_MS: u64 = 1_000;

fn stage(kind: TransformerKind) -> Stage {
    Stage::new(kind, &[], Some(PING_INTERVAL_MS))
}

/// Everybody is told something after the stop; `ask` is what a client sends that polls.
fn assert_all_live(stage: &mut Stage, ask: Option<&dyn Fn(usize) -> Vec<u8>>) {
    stage.run_for(100);
    stage.assert_all_stay();
    stage.primus.write("late").unwrap();
    if let Some(ask) = ask {
        stage.send_all(ask);
    }
    stage.run_for(NEXT_PING_MS);
    stage.assert_all_stay();
    for client in 0..CLIENTS {
        let heard = stage.hear(client);
        assert!(heard.contains("late"), "client {client}: {heard}");
    }
}

/// Runs until every client was sent this.
fn run_until_all_hear(stage: &mut Stage, words: &str) {
    for _ in 0..PING_INTERVAL_MS {
        if (0..CLIENTS).all(|client| stage.hear(client).contains(words)) {
            return stage.assert_all_stay();
        }
        stage.run_for(1);
    }
    panic!("not all were sent {words}");
}

#[test]
fn websockets_whose_ping_is_answered_during_the_stop_live() {
    for kind in [
        TransformerKind::WebSockets,
        TransformerKind::Faye,
        TransformerKind::Uws,
    ] {
        let mut stage = stage(kind);
        stage.send_all(|_| upgrade("/primus"));
        run_until_all_hear(&mut stage, "primus::ping::");
        stage.pause(MINUTE_MS, |_| pong());
        assert_all_live(&mut stage, None);
    }
}

/// What the server sends first is a ping, and the answer to it counts.
#[test]
fn websockets_that_nobody_pinged_before_the_stop_live() {
    let mut stage = stage(TransformerKind::WebSockets);
    stage.send_all(|_| upgrade("/primus"));
    stage.run_for(10);
    stage.pause(MINUTE_MS, |_| Vec::new());
    assert_all_live(&mut stage, None);
    run_until_all_hear(&mut stage, "primus::ping::");
    stage.send_all(|_| pong());
    stage.run_for(PING_INTERVAL_MS / 2);
    stage.assert_all_stay();
}

/// Both pings are answered: that of Engine.IO and that of Primus.
#[test]
fn polling_sessions_of_engine_io_whose_ping_is_answered_during_the_stop_live() {
    let mut stage = stage(TransformerKind::EngineIo);
    stage.send_all(|_| get("/primus/?EIO=4&transport=polling"));
    stage.run_for(100);
    let names = stage.names();
    let ask = |number: usize| get(&poll(&names[number]));
    stage.run_for(25_000);
    stage.send_all(ask);
    stage.run_for(100);
    for client in 0..CLIENTS {
        let (_, packets) = stage.hear(client).rsplit_once("\r\n\r\n").unwrap();
        let mut packets = packets.split('\u{1e}');
        assert!(packets.any(|packet| packet == "2"), "Engine.IO's ping came");
    }
    stage.pause(MINUTE_MS, |number| {
        post(&poll(&names[number]), "3\u{1e}4\"primus::pong::1\"")
    });
    assert_all_live(&mut stage, Some(&ask));
}

#[test]
fn websockets_of_engine_io_whose_ping_is_answered_during_the_stop_live() {
    let mut stage = stage(TransformerKind::EngineIo);
    stage.send_all(|_| upgrade("/primus/?EIO=4&transport=websocket"));
    run_until_all_hear(&mut stage, "primus::ping::");
    stage.pause(MINUTE_MS, |_| {
        [message("3"), message("4\"primus::pong::1\"")].concat()
    });
    assert_all_live(&mut stage, None);
}

/// A session that is not polled lasts for five seconds.
#[test]
fn polling_sessions_of_sockjs_that_are_polled_during_the_stop_live() {
    let mut stage = stage(TransformerKind::SockJs);
    let ask = |number: usize| post(&format!("/primus/0/name{number}/xhr"), "");
    stage.send_all(ask);
    stage.run_for(1_000);
    stage.pause(MINUTE_MS, ask);
    assert_all_live(&mut stage, Some(&ask));
}

/// Both heartbeats are answered.
#[test]
fn websockets_of_sockjs_whose_ping_is_answered_during_the_stop_live() {
    let mut stage = stage(TransformerKind::SockJs);
    stage.send_all(|number| upgrade(&format!("/primus/0/name{number}/websocket")));
    run_until_all_hear(&mut stage, "primus::ping::");
    stage.pause(MINUTE_MS, |_| {
        let mut out = message("[\"\\\"primus::pong::1\\\"\"]");
        encode::pong(b"", MASK, &mut out);
        out
    });
    assert_all_live(&mut stage, None);
}

/// A session without a back channel lasts for half a minute.
#[test]
fn sessions_of_browserchannel_whose_back_channel_comes_during_the_stop_live() {
    let mut stage = stage(TransformerKind::BrowserChannel);
    stage.send_all(|_| post("/primus/bind?VER=8&RID=1&CVER=3&t=1", "count=0"));
    stage.run_for(1_000);
    let names = stage.names();
    stage.pause(MINUTE_MS, |number| {
        let name = &names[number];
        get(&format!(
            "/primus/bind?VER=8&SID={name}&RID=rpc&TYPE=xmlhttp&CI=0&AID=0"
        ))
    });
    assert_all_live(&mut stage, None);
}
