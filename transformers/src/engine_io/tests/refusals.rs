//! Requests that are refused.

use super::*;

fn refusal(code: u8, message: &str) -> (u16, String) {
    (400, format!(r#"{{"code":{code},"message":"{message}"}}"#))
}

#[track_caller]
fn assert_refused(world: &mut World, method: &str, query: &str, code: u8, message: &str) {
    let raw = world.ask(method, query, "", None);
    let reply = world.reply(raw).expect("an answer");
    assert_eq!(
        (reply.status, reply.body),
        refusal(code, message),
        "{query}"
    );
    let json = "Content-Type: application/json".to_owned();
    assert!(reply.headers.contains(&json), "{:?}", reply.headers);
}

/// Refusals of WebSockets are bare text.
#[track_caller]
fn assert_upgrade_refused(world: &mut World, query: &str, message: &str) {
    let raw = world.ask("GET", query, WEBSOCKET, None);
    let reply = world.reply(raw).expect("an answer");
    assert_eq!((reply.status, &*reply.body), (400, message), "{query}");
    let html = "Content-Type: text/html".to_owned();
    assert!(reply.headers.contains(&html), "{:?}", reply.headers);
}

#[test]
fn a_request_is_refused_by_the_first_rule_it_breaks() {
    let world = &mut World::new(&[]);
    let unknown = SparkId::new(
        allspark_protocol::primus::id::IdParts {
            shard: 0,
            index: 7,
            random: 7,
        },
        0,
    );
    for query in [
        "",
        "EIO=4",
        "EIO=4&transport=webtransport",
        "EIO=4&transport=",
    ] {
        assert_refused(world, "GET", query, 0, "Transport unknown");
    }
    for sid in ["abc", "YtMzuG69izB-t_m-AAAA", &unknown.to_string(), "é"] {
        let query = format!("EIO=4&transport=polling&sid={sid}");
        let sid_unknown = "Session ID unknown";
        if sid.is_ascii() {
            assert_refused(world, "GET", &query, 1, sid_unknown);
            assert_refused(world, "PUT", &query, 1, sid_unknown);
        }
    }
    let (polling, websocket) = ("EIO=4&transport=polling", "EIO=4&transport=websocket");
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        assert_refused(world, method, polling, 2, "Bad handshake method");
    }
    assert_refused(world, "GET", websocket, 3, "Bad request");
    for query in [
        "transport=polling",
        "EIO=3&transport=polling",
        "EIO=abc&transport=polling",
    ] {
        assert_refused(world, "GET", query, 5, "Unsupported protocol version");
    }
    assert_eq!(world.0.sparks(), []);
}

#[test]
fn a_websocket_is_refused_by_the_first_rule_it_breaks() {
    let world = &mut World::new(&[]);
    assert_upgrade_refused(world, "EIO=4&transport=x", "Transport unknown");
    assert_upgrade_refused(
        world,
        "EIO=4&transport=websocket&sid=x",
        "Session ID unknown",
    );
    assert_upgrade_refused(world, "EIO=4&transport=polling", "Bad request");
    assert_upgrade_refused(world, "transport=websocket", "Unsupported protocol version");
    let no_key = WEBSOCKET.replace("Sec-WebSocket-Key", "X-Key");
    let raw = world.ask("GET", "EIO=4&transport=websocket", &no_key, None);
    let reply = world.reply(raw).unwrap();
    assert_eq!(reply.status, 400);
    assert_eq!(reply.body, "Missing or invalid Sec-WebSocket-Key header");
    assert_eq!(world.0.sparks(), []);
}

#[test]
fn a_transport_can_be_switched_off() {
    let world = &mut World::new(&[("transports", "websocket")]);
    assert_refused(
        world,
        "GET",
        "EIO=4&transport=polling",
        0,
        "Transport unknown",
    );
    world.open_socket("EIO=4");
    let world = &mut World::new(&[("transports", "polling")]);
    assert_upgrade_refused(world, "EIO=4&transport=websocket", "Transport unknown");
    let open = world.get("EIO=4&transport=polling").body;
    assert!(open.contains(r#""upgrades":[]"#), "{open}");
}

#[test]
fn a_request_that_does_not_fit_its_session_is_refused() {
    let world = &mut World::new(&[("allowEIO3", "true")]);
    let (spark, _) = world.open("EIO=4");
    let sid = format!("sid={spark}");
    let websocket = format!("EIO=4&transport=websocket&{sid}");
    assert_refused(world, "GET", &websocket, 3, "Bad request");
    let version_3 = format!("EIO=3&transport=polling&{sid}");
    assert_refused(world, "GET", &version_3, 3, "Bad request");
    assert_upgrade_refused(
        world,
        &format!("EIO=3&transport=websocket&{sid}"),
        "Bad request",
    );
    let (_socket_spark, _socket) = world.open_socket("EIO=4");
    let socket_spark = *world.0.sparks().last().unwrap();
    for transport in ["polling", "websocket"] {
        let query = format!("EIO=4&transport={transport}&sid={socket_spark}");
        assert_refused(world, "GET", &query, 3, "Bad request");
        assert_refused(world, "POST", &query, 3, "Bad request");
    }
    world.assert_open(spark);
    world.assert_open(socket_spark);
}
