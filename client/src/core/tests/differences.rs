//! What is done better than npm: see [`super::super::differences`].

use super::{Rig, run};

fn events_after(options: &str, before: &str, script: &str) -> Vec<String> {
    let mut rig = run(options, before);
    rig.events.clear();
    rig.run(script);
    rig.events
}

#[test]
fn the_end_of_a_reconnect_is_the_end() {
    for attempt in ["end", "offline", "destroy"] {
        let script = format!("{attempt} wait:100000");
        let events = events_after("", "open accept lost wait:500", &script);
        assert!(
            !events.iter().any(|event| event.starts_with("reconnect")),
            "{events:?}"
        );
    }
    let events = events_after("", "open wait:10000", "end wait:100000");
    assert_eq!(
        events,
        ["state:end", "close", "end"],
        "after a time-out, too"
    );
}

#[test]
fn a_connection_that_was_given_up_is_not_heard() {
    for (options, before) in [
        ("", "open accept wait:45000"),
        ("", "open wait:10000"),
        ("reconnect-timeout=100", "open accept lost wait:600"),
        ("strategy=-", "open accept wait:45000"),
    ] {
        let mut rig = run(options, before);
        rig.events.clear();
        let is_open = rig.open_links() > 0;
        let script = if is_open { "ping data:1 close" } else { "lost" };
        rig.run(script);
        assert_eq!(rig.events, [""; 0], "{options} {before}");
        assert_eq!((rig.open_links(), rig.sent.len()), (0, 0));
    }
}

#[test]
fn a_client_whose_last_attempt_ran_out_of_time_is_closed() {
    let options = "retries=1 reconnect-timeout=3000";
    let events = events_after(options, "open accept lost wait:500", "wait:60000 end");
    let expected = [
        "reconnect-timeout:1/3500",
        "end",
        "reconnect-failed:1/3500",
        "state:end",
    ];
    assert_eq!(events, expected);
}

#[test]
fn a_connection_by_hand_ends_the_reconnect() {
    let events = events_after("", "open accept lost", "open accept wait:40000");
    let expected = ["state:opening", "reconnected:1/0", "state:open", "open"];
    assert_eq!(events, expected);
}

#[test]
fn a_network_that_comes_during_an_attempt_changes_nothing() {
    let before = "open accept wait:45500";
    let events = events_after("", before, "online lost wait:1000 accept");
    let expected = [
        "online",
        "reconnect-scheduled:2/1000",
        "state:end",
        "state:opening",
        "reconnect:2/1500",
        "reconnected:2/1500",
        "state:open",
        "open",
    ];
    assert_eq!(events, expected);
}

#[test]
fn to_open_twice_is_to_be_out_of_time_once() {
    let events = events_after("strategy=-", "open wait:5000 open", "wait:5000 wait:60000");
    assert_eq!(events, ["timeout", "state:end", "close", "end"]);
}

#[test]
fn a_queue_without_room_queues_nothing() {
    let rig = run("queue=0", "write:1 write:2 open accept write:3");
    assert_eq!(rig.sent, ["0:3"]);
}

#[test]
fn a_dismissal_is_forgotten_with_its_connection() {
    let events = events_after("", "open accept dismiss end open accept", "lost");
    assert_eq!(events, ["state:end", "close", "reconnect-scheduled:1/500"]);
}

#[test]
fn messages_of_the_protocol_never_reach_the_application() {
    let mut rig = run("", "open accept");
    rig.events.clear();
    rig.run("data:\"primus::pong::1\" data:\"primus::new::1\" data:\"primus::\"");
    assert_eq!(rig.events, [""; 0]);
}

#[test]
fn delays_that_javascript_cannot_wait_are_waited() {
    let mut rig = Rig::new("min=3000000000");
    rig.run("open accept lost wait:2999999999");
    assert_eq!(
        rig.events.last().map(String::as_str),
        Some("reconnect-scheduled:1/3000000000")
    );
    rig.run("wait:1");
    assert_eq!(
        rig.events.last().map(String::as_str),
        Some("reconnect:1/3000000000")
    );
}
