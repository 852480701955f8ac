//! The whole client against a server that does what a script says.

mod differences;
mod messages;
mod paths;
mod properties;
mod rig;
mod schedule;

use std::sync::Arc;

use allspark_protocol::Instant;

use super::{Client, ClientError, ClientOptions, Event, Outputs, ReadyState};
use rig::{Rig, run};

#[test]
fn a_host_that_is_none_is_an_error_and_not_a_panic() {
    let options = ClientOptions {
        host: "a b\r\n".to_owned(),
        ..ClientOptions::default()
    };
    let mut client = Client::new(Arc::new(options), 1);
    let mut out = Outputs::default();
    client.open(Instant::ZERO, &mut out);
    assert!(matches!(
        Rig::events(&out).nth(1),
        Some(Event::Error(ClientError::Misuse(_)))
    ));
    assert_eq!(client.ready_state(), ReadyState::Closed);
    assert!(client.is_reconnecting(), "as after any failure");
}

#[test]
fn every_connection_has_its_own_query() {
    let mut rig = Rig::new("target=/primus?user=1");
    rig.run("open lost wait:500");
    let targets: Vec<_> = (0..2).map(|link| rig.request_target(link)).collect();
    for target in &targets {
        assert!(target.starts_with("/primus?user=1&_primuscb="), "{target}");
    }
    assert_ne!(targets[0], targets[1]);
}

#[test]
fn nothing_is_wanted_of_an_idle_client() {
    let mut rig = run("", "open accept end");
    assert!(!rig.client.is_idle(), "it says goodbye");
    assert!(rig.client.deadline().is_some(), "for a bounded time");
    rig.run("answer");
    assert!(rig.client.is_idle());
    assert_eq!(rig.client.deadline(), None);
    assert_eq!(rig.open_links(), 0);
}

#[test]
fn a_goodbye_that_nobody_answers_is_given_up() {
    let mut rig = run("", "open accept end wait:31000");
    assert!(rig.client.is_idle());
    assert_eq!(rig.open_links(), 0);
    rig.run("lost data:1");
    assert_eq!(rig.events.last().map(String::as_str), Some("end"));
}

#[test]
fn goodbyes_do_not_pile_up() {
    let mut rig = Rig::new("");
    for _ in 0..100 {
        rig.run("open accept end");
        assert!(rig.open_links() <= 8);
    }
}
