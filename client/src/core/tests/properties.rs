//! Whatever is called, and in whatever order.

use proptest::prelude::*;

use super::Rig;

const OPTIONS: [&str; 6] = [
    "",
    "strategy=-",
    "strategy=online queue=3",
    "strategy=disconnect timeout=off ping=off",
    "retries=1 reconnect-timeout=100 timeout=50 ping=1000",
    "min=0 reconnect-timeout=0 timeout=0 ping=0 retries=3 queue=0",
];

const PLAIN: [&str; 19] = [
    "open", "open", "accept", "accept", "accept", "lost", "refuse", "close", "answer", "dismiss",
    "ping", "data:1", "data:[", "write:1", "ask", "id:x", "end", "offline", "online",
];

/// Words of the rig, those that lead somewhere more often.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => prop::sample::select(&PLAIN[..]).prop_map(str::to_owned),
        4 => (0u32..60_000).prop_map(|ms| format!("wait:{ms}")),
        1 => Just("destroy".to_owned()),
    ]
}

/// What holds for the events of any history.
fn judge(events: &[String]) {
    let (mut is_open, mut is_ended, mut is_destroyed) = (false, true, false);
    for event in events {
        assert!(!is_destroyed, "{event} after destroy");
        let (name, value) = event.split_once(':').unwrap_or((event, ""));
        match name {
            "open" => is_open = true,
            "close" => is_open = false,
            "data" => assert!(is_open, "data outside a connection"),
            "end" => {
                assert!(!is_ended, "a second end");
                is_ended = true;
            }
            "destroy" => is_destroyed = true,
            _ => {}
        }
        let begins = name == "reconnect-scheduled" || (name, value) == ("state", "opening");
        if begins {
            is_ended = false;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// It never panics, `end` comes once per life, nothing is wanted of a dead link, and no
    /// deadline is left behind (the last two are judged by the rig).
    #[test]
    fn any_history_is_a_sound_one(
        options in prop::sample::select(&OPTIONS[..]),
        words in prop::collection::vec(word(), 0..60),
    ) {
        let mut rig = Rig::new(options);
        for word in words {
            rig.run_if_possible(&word);
        }
        judge(&rig.events);
        rig.run("destroy wait:100000");
        prop_assert!(rig.client.is_idle() && rig.client.deadline().is_none());
        prop_assert_eq!(rig.open_links(), 0);
    }
}
