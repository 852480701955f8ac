//! What each option takes, and what it refuses.

use super::*;

fn set(name: &str, text: &str) -> Result<Settings, String> {
    let mut settings = Settings::default();
    let setting = SETTINGS
        .iter()
        .find(|setting| setting.name == name)
        .unwrap();
    setting.apply(&mut settings, text).map(|()| settings)
}

#[test]
fn every_option_reaches_its_field() {
    let listen = set("listen", "[::1]:9").unwrap().listen;
    assert_eq!(listen.to_string(), "[::1]:9");
    assert_eq!(set("pathname", "/chat").unwrap().pathname, "/chat");
    assert_eq!(
        set("transformer", "WebSockets").unwrap().transformer,
        TransformerKind::WebSockets
    );
    assert_eq!(set("parser", "RAW").unwrap().parser, ParserKind::Raw);
    assert_eq!(set("global", "Chat").unwrap().global, "Chat");
    assert_eq!(set("app", "echo").unwrap().app, App::Echo);
    assert_eq!(
        set("ping-interval", "250").unwrap().ping_interval_ms,
        Some(250)
    );
    assert_eq!(set("ping-interval", "off").unwrap().ping_interval_ms, None);
    assert_eq!(set("max-length", "7").unwrap().max_length_bytes, 7);
    assert!(set("compression", "true").unwrap().compression);
    let pair = ("a".to_owned(), "b=c".to_owned());
    assert_eq!(set("transport", "a=b=c").unwrap().transport, [pair]);
    let cors = |name, text| set(name, text).unwrap().cors;
    assert_eq!(
        cors("origins", "http://a, http://b").origins,
        "http://a, http://b"
    );
    assert!(!cors("origins-upgrades", "no").upgrades);
    assert_eq!(cors("methods", "GET").methods, "GET");
    assert!(!cors("credentials", "false").credentials);
    assert_eq!(cors("max-age", "1.5 h").max_age_s, 5400);
    assert_eq!(cors("headers", "X-A").headers, "X-A");
    assert_eq!(cors("headers", "false").headers, "");
    assert_eq!(cors("exposed", "X-B").exposed, "X-B");
    assert_eq!(
        set("send-queue", "9").unwrap().send_queue_bytes_max,
        Some(9)
    );
    assert_eq!(
        set("send-policy", "keep-latest").unwrap().send_policy,
        SendPolicy::KeepLatest
    );
    let settings = set("request-timeout", "7000").unwrap();
    assert_eq!(settings.request_timeout_ms, 7000);
    let settings = set("keep-alive-timeout", "8000").unwrap();
    assert_eq!(settings.keep_alive_timeout_ms, 8000);
    assert_eq!(set("min-rate", "0").unwrap().min_rate_bytes_per_s, 0);
    assert_eq!(set("connections-max", "9").unwrap().connections_max, 9);
    assert_eq!(set("sessions-max", "0").unwrap().sessions_max, 0);
    let memory_max = set("memory-max", "9").unwrap().memory_bytes_max;
    assert_eq!(memory_max, Some(9));
    assert_eq!(set("shards", "3").unwrap().shards, 3);
    assert_eq!(set("driver", "epoll").unwrap().driver, DriverChoice::Epoll);
    assert!(!set("page", "false").unwrap().page);
    assert!(!set("stats", "0").unwrap().stats);
    assert_eq!(set("log", "off").unwrap().log, LevelFilter::OFF);
}

#[test]
fn what_has_no_effect_is_refused() {
    let reason = set("parser", "msgpack").unwrap_err();
    assert!(reason.contains("in this build yet"), "{reason}");
}

#[test]
fn what_cannot_stand_in_a_header_is_refused() {
    for name in ["methods", "headers", "exposed"] {
        let reason = set(name, "a\r\nb: c").unwrap_err();
        assert!(!reason.contains('\n'), "{reason}");
    }
    let reason = set("origins", "http://a.example/").unwrap_err();
    assert_eq!(
        reason,
        "\"http://a.example/\" goes on behind its host: write http://a.example"
    );
    assert!(set("max-age", "a while").is_err());
    assert!(set("credentials", "perhaps").is_err());
}

#[test]
fn an_option_of_the_transport_must_be_one_that_it_has() {
    let check = |transformer: &str, pair: (&str, &str)| {
        let settings = Settings {
            transformer: transformer.parse().unwrap(),
            transport: vec![(pair.0.to_owned(), pair.1.to_owned())],
            ..Settings::default()
        };
        settings.check()
    };
    assert_eq!(check("engine.io", ("pingTimeout", "5000")), Ok(()));
    assert_eq!(check("any", ("pingTimeout", "5000")), Ok(()));
    let reason = check("sockjs", ("pingTimeout", "5000")).unwrap_err();
    assert!(
        reason.starts_with("transport: the transformer `sockjs` has no"),
        "{reason}"
    );
    let reason = check("engine.io", ("pingTimeout", "soon")).unwrap_err();
    assert!(reason.starts_with("transport: "), "{reason}");
}

#[test]
fn the_help_names_the_defaults() {
    let mut settings = Settings::default();
    for setting in SETTINGS {
        let Some((_, default)) = setting.help.split_once("[default: ") else {
            continue;
        };
        if setting.name != "shards" {
            setting
                .apply(&mut settings, default.trim_end_matches(']'))
                .unwrap();
        }
    }
    assert_eq!(settings, Settings::default());
}

#[test]
fn a_pathname_must_leave_the_page_and_the_counts_alone() {
    let check = |pathname: &str, page: bool, stats: bool| {
        let settings = Settings {
            page,
            stats,
            ..set("pathname", pathname).unwrap()
        };
        settings.check()
    };
    for pathname in ["/page.js", "/pa", "/style.css", "/i"] {
        let reason = check(pathname, true, true).unwrap_err();
        let expected = format!("pathname: {pathname} would hide /");
        assert!(reason.starts_with(&expected), "{reason}");
        assert!(reason.ends_with("or --page=false"), "{reason}");
        assert_eq!(check(pathname, false, true), Ok(()));
    }
    let reason = check("/stats", true, true).unwrap_err();
    assert_eq!(
        reason,
        "pathname: /stats would hide /stats: write another one, or --stats=false"
    );
    assert_eq!(check("/stats", true, false), Ok(()));
    assert_eq!(check("/stats/live", true, true), Ok(()));
    assert_eq!(check("/primus", true, true), Ok(()));
}
