//! What each option takes, and what it refuses.

use std::path::PathBuf;

use allspark::auth::{AuthorizationOptions, Expiry, Secret, SessionKind};
use allspark::{
    AcceptPolicy, Cors, CorsOptions, DriverChoice, Exempt, ForwardedHeader, ParserKind, RatePolicy,
    SendPolicy, TransformerKind,
};
use allspark_protocol::parser::Parser;

use super::*;
use crate::origin::Origin;
use crate::table::{DefaultValue, Kind, SETTINGS, Setting, find};

fn said(words: &[(&str, &str)]) -> Said {
    let mut said = Said::nothing();
    for (name, text) in words {
        said.say(find(name).unwrap(), *text, Origin::of_default(name));
    }
    said
}

fn set(name: &str, text: &str) -> Result<Settings, String> {
    Settings::read(&said(&[(name, text)]))
}

fn check(words: &[(&str, &str)]) -> Result<(), String> {
    let said = said(words);
    Settings::read(&said)?.check(&said)
}

#[test]
fn every_option_reaches_its_field() {
    let settings = |name, text| set(name, text).unwrap();
    assert_eq!(settings("listen", "[::1]:9").listen.to_string(), "[::1]:9");
    assert_eq!(settings("app", "echo").app, App::Echo);
    assert!(!settings("page", "false").page);
    assert!(!settings("stats", "0").stats);
    assert!(!settings("health", "no").health);
    assert_eq!(settings("drain-delay", "3").drain().delay_ms, 3_000);
    assert_eq!(settings("drain-seconds", "0").drain().seconds, 0);
    assert_eq!(settings("drain-rate", "7").drain().sparks_per_s.get(), 7);
    assert_eq!(settings("log", "off").drain(), Drain::default());
    let path = settings("handover", "/run/a").handover.unwrap();
    assert_eq!(path.as_path(), PathBuf::from("/run/a"));
    assert_eq!(settings("log", "off").log, LevelFilter::OFF);
    let options = |name, text| settings(name, text).options;
    assert_eq!(options("pathname", "/chat").pathname.as_str(), "/chat");
    let transformer = options("transformer", "WebSockets").transformer;
    assert_eq!(transformer, TransformerKind::WebSockets);
    assert_eq!(options("parser", "RAW").parser, ParserKind::Raw);
    assert_eq!(options("global", "Chat").global.as_str(), "Chat");
    let interval = |text| options("ping-interval", text).ping_interval.ms();
    assert_eq!((interval("250"), interval("off")), (Some(250), None));
    assert!(options("compression", "true").compression);
    let pair = ("a".to_owned(), "b=c".to_owned());
    assert_eq!(options("transport", "a=b=c").transport.pairs(), [pair]);
    assert_eq!(options("shards", "3").shards.unwrap().get(), 3);
    assert_eq!(options("driver", "epoll").driver, DriverChoice::Epoll);
    let proxies = options("trusted-proxies", "10.0.0.0/8,::1").trusted_proxies;
    assert!(proxies.trusts("10.9.9.9".parse().unwrap()));
    let header = options("forwarded-header", "Forwarded").forwarded_header;
    assert_eq!(header, ForwardedHeader::Forwarded);
    let limits = |name, text| options(name, text).limits;
    assert_eq!(limits("max-length", "7").max_length.get(), 7);
    assert_eq!(limits("send-queue", "9").send_queue_bytes().get(), 9);
    let policy = limits("send-policy", "keep-latest").send_policy;
    assert_eq!(policy, SendPolicy::KeepLatest);
    assert_eq!(limits("request-timeout", "7").request_timeout.get(), 7);
    let keep_alive = limits("keep-alive-timeout", "8").keep_alive_timeout;
    assert_eq!(keep_alive.get(), 8);
    assert_eq!(limits("min-rate", "0").min_rate.get(), 0);
    assert_eq!(limits("connections-max", "9").connections_max.get(), 9);
    let per_address = limits("connections-per-address", "0").connections_per_address;
    assert_eq!(per_address.get(), 0);
    let exempt = |text| limits("per-address-exempt", text).per_address_exempt;
    assert_eq!(exempt("127.0.0.0/8,::1"), Exempt::default());
    assert_eq!(exempt("None"), exempt(""));
    assert_ne!(exempt("none"), exempt("10.0.0.0/8"));
    assert_eq!(limits("accept-rate", "9").accept_rate.get(), 9);
    let policy = limits("accept-policy", "Wait").accept_policy;
    assert_eq!(policy, AcceptPolicy::Wait);
    let rate = limits("accept-rate-per-address", "9").accept_rate_per_address;
    assert_eq!(rate.get(), 9);
    assert_eq!(limits("handshakes-max", "9").handshakes_max.get(), 9);
    assert_eq!(limits("requests-max", "9").requests_max.get(), 9);
    assert_eq!(limits("message-rate", "9").message_rate.get(), 9);
    let rate = limits("message-bytes-rate", "9").message_bytes_rate;
    assert_eq!(rate.get(), 9);
    assert_eq!(limits("message-burst", "9").message_burst.get(), 9);
    let policy = limits("message-policy", "END").message_policy;
    assert_eq!(policy, RatePolicy::End);
    assert_eq!(limits("head-max", "999").head_max.get(), 999);
    assert_eq!(limits("rooms-per-spark", "0").rooms_per_spark.get(), 0);
    assert_eq!(limits("room-name-max", "9").room_name_max.get(), 9);
    assert_eq!(limits("sessions-max", "0").sessions_max.get(), 0);
    assert_eq!(limits("memory-max", "9").memory_max.unwrap().get(), 9);
}

type Field<T> = fn(AuthorizationOptions) -> Option<T>;

#[test]
fn every_option_of_authorization_reaches_its_field() {
    let auth = |name: &str, text: &str| set(name, text).unwrap().options.authorization;
    let path = |name: &str| PathBuf::from(format!("/{name}"));
    let files: [(&str, Field<PathBuf>); 5] = [
        ("auth-tokens-file", |auth| auth.tokens_file),
        ("auth-jwt-secret-file", |auth| auth.jwt_secret_file),
        ("auth-jwt-key-file", |auth| auth.jwt_key_file),
        ("auth-jwks-file", |auth| auth.jwks_file),
        ("auth-session-secrets-file", |auth| {
            auth.session_secrets_file
        }),
    ];
    for (name, field) in files {
        let found = field(auth(name, &format!("/{name}")));
        assert_eq!(found, Some(path(name)), "{name}");
    }
    let secrets: [(&str, Field<Secret>); 3] = [
        ("auth-tokens", |auth| auth.tokens),
        ("auth-jwt-secret", |auth| auth.jwt_secret),
        ("auth-session-secrets", |auth| auth.session_secrets),
    ];
    for (name, field) in secrets {
        let secret = field(auth(name, "hush")).unwrap();
        assert_eq!(secret.expose(), "hush", "{name}");
        let shown = format!("{:?}", set(name, "hush"));
        assert!(!shown.contains("hush"), "{shown}");
    }
    let sources = auth("auth-sources", "cookie:a,bearer").sources;
    assert_eq!(sources.to_string(), "cookie:a,bearer");
    let algorithms = auth("auth-jwt-algorithms", "ES256, rs512").jwt_algorithms;
    let names: Vec<&str> = algorithms
        .iter()
        .map(|algorithm| algorithm.name())
        .collect();
    assert_eq!(names, ["ES256", "RS512"]);
    let list = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(
        auth("auth-jwt-issuer", "a, https://b/").jwt_issuer,
        list("a https://b/")
    );
    assert_eq!(auth("auth-jwt-audience", "c").jwt_audience, list("c"));
    assert_eq!(auth("auth-jwt-leeway", "0").jwt_leeway.get(), 0);
    let kind = auth("auth-session-kind", "Cookie-Session").session_kind;
    assert_eq!(kind, SessionKind::CookieSession);
    let cookie = auth("auth-session-cookie", "sid").session_cookie;
    assert_eq!(cookie.as_deref(), Some("sid"));
    let url = auth("auth-url", "http://[::1]:3000/a").url.unwrap();
    assert_eq!(url.to_string(), "http://[::1]:3000/a");
    assert!(auth("auth-url-headers", "x-key").url_headers.has("X-Key"));
    assert_eq!(auth("auth-url-timeout", "7").url_timeout.get(), 7);
    assert_eq!(auth("auth-url-at-once", "8").url_at_once.get(), 8);
    assert_eq!(auth("auth-url-cache", "0").url_cache.get(), 0);
    assert_eq!(auth("auth-expiry", "refresh").expiry, Expiry::Refresh);
}

#[test]
fn every_option_of_cors_reaches_its_field() {
    let assert_set = |name: &str, text: &str, change: fn(&mut CorsOptions)| {
        let mut expected = CorsOptions::default();
        change(&mut expected);
        let cors = set(name, text).unwrap().options.cors;
        assert_eq!(cors, Cors::new(&expected).unwrap(), "{name}");
    };
    assert_set("origins", "http://a, http://b", |cors| {
        cors.origins = "http://a,http://b".into();
    });
    assert_set("origins-upgrades", "no", |cors| cors.upgrades = false);
    assert_set("methods", "GET", |cors| cors.methods = "GET".into());
    assert_set("credentials", "false", |cors| cors.credentials = false);
    assert_set("max-age", "1.5 h", |cors| cors.max_age_s = 5400);
    assert_set("headers", "X-A", |cors| cors.headers = "X-A".into());
    assert_set("headers", "false", |cors| cors.headers = "".into());
    assert_set("exposed", "X-B", |cors| cors.exposed = "X-B".into());
}

/// So a new option that no struct has is found.
#[test]
fn every_option_of_the_table_is_judged() {
    let judged = SETTINGS.iter().filter(|setting| !setting.is_secret);
    for Setting { name, kind, .. } in judged {
        let wrong = match kind {
            Kind::List => "a:b;c\n",
            _ => "\n",
        };
        let reason = set(name, wrong).unwrap_err();
        assert!(reason.starts_with(&format!("{name}: ")), "{reason}");
        assert!(!reason.contains('\n'), "{reason}");
    }
}

#[test]
fn the_defaults_are_those_of_the_library_but_for_the_transformer() {
    let defaults = Options {
        transformer: TransformerKind::Any,
        ..Options::default()
    };
    assert_eq!(Settings::read(&Said::nothing()).unwrap().options, defaults);
    // Without a text in the table they are those of the types, too.
    for setting in SETTINGS {
        let text = matches!(setting.default, DefaultValue::Text(_));
        assert!(
            text || !matches!(setting.kind, Kind::Switch),
            "{}",
            setting.name
        );
    }
}

#[test]
fn a_number_has_the_bounds_that_the_help_names() {
    for setting in SETTINGS {
        let (least, most) = match setting.kind {
            Kind::Number(_, least, most) => (least, most),
            _ if setting.name == "ping-interval" => (1, 24 * 60 * 60 * 1000),
            _ => continue,
        };
        let takes = |number: Option<u64>| {
            number.is_some_and(|number| set(setting.name, &number.to_string()).is_ok())
        };
        let name = setting.name;
        assert!(takes(Some(least)) && takes(Some(most)), "{name}");
        assert!(!takes(least.checked_sub(1)), "{name}");
        assert!(!takes(most.checked_add(1)), "{name}");
    }
}

#[test]
fn the_help_names_every_choice() {
    let names = |name: &str, choices: &[&str]| {
        let help = find(name).unwrap().help;
        for choice in choices {
            assert!(help.contains(choice), "{name}: {choice}");
        }
    };
    names(
        "transformer",
        &TransformerKind::ALL.map(TransformerKind::name),
    );
    names(
        "parser",
        &ParserKind::ALL
            .map(|parser| parser.to_string())
            .each_ref()
            .map(|n| &**n),
    );
    names(
        "app",
        &APPS.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
    );
    names(
        "log",
        &LEVELS.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
    );
    for name in ["send-policy", "driver"] {
        let reason = set(name, "?").unwrap_err();
        let (_, choices) = reason.split_once("the choices are: ").unwrap();
        names(name, &choices.split(", ").collect::<Vec<_>>());
    }
}

#[test]
fn a_parser_and_a_transformer_must_go_together() {
    let check = |transformer, parser| check(&[("transformer", transformer), ("parser", parser)]);
    for parser in ParserKind::ALL.map(|parser| parser.name()) {
        for transformer in ["websockets", "any", "browserchannel"] {
            assert_eq!(check(transformer, parser), Ok(()));
        }
    }
    assert_eq!(check("sockjs", "ejson"), Ok(()));
    let reason = check("sockjs", "binary").unwrap_err();
    assert!(
        reason.starts_with("parser: messages of `binary` are bytes"),
        "{reason}"
    );
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
        "origins: \"http://a.example/\" goes on behind its host: write http://a.example"
    );
    assert!(set("max-age", "a while").is_err());
    assert!(set("credentials", "perhaps").is_err());
}

#[test]
fn an_option_of_the_transport_must_be_one_that_it_has() {
    let check = |transformer, pair| check(&[("transformer", transformer), ("transport", pair)]);
    assert_eq!(check("engine.io", "pingTimeout=5000"), Ok(()));
    assert_eq!(check("any", "pingTimeout=5000"), Ok(()));
    let reason = check("sockjs", "pingTimeout=5000").unwrap_err();
    assert!(
        reason.starts_with("transport: the transformer `sockjs` has no"),
        "{reason}"
    );
    let reason = check("engine.io", "pingTimeout=soon").unwrap_err();
    assert!(reason.starts_with("transport: "), "{reason}");
}

#[test]
fn a_pathname_must_leave_the_page_and_the_counts_alone() {
    let check = |pathname, page: bool, stats: bool| {
        let (page, stats) = (page.to_string(), stats.to_string());
        check(&[("pathname", pathname), ("page", &page), ("stats", &stats)])
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
    let reason = check("/ready", true, true).unwrap_err();
    assert!(reason.ends_with("or --health=false"), "{reason}");
    assert_eq!(check("/stats/live", true, true), Ok(()));
    assert_eq!(check("/primus", true, true), Ok(()));
}
