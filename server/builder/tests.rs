//! What is refused, and with which words.

use allspark_protocol::http::CorsOptions;

use super::*;

#[test]
fn an_option_that_means_nothing_is_refused_with_a_sentence() {
    let cors = |change: fn(&mut CorsOptions)| {
        let mut cors = CorsOptions::default();
        change(&mut cors);
        Primus::builder().cors(cors)
    };
    for (builder, expected) in [
        (
            cors(|cors| cors.origins = "http://a.example/".into()),
            "option `cors`: origins: \"http://a.example/\" goes on behind its host: write \
             http://a.example",
        ),
        (
            cors(|cors| cors.methods = "GET;POST".into()),
            "option `cors`: methods: \"GET;POST\" is no method: write them as in GET,POST",
        ),
        (
            Primus::builder().trusted_proxies("10.0.0.1/8"),
            "option `trusted_proxies`: \"10.0.0.1/8\" names an address within a network: write \
             10.0.0.0/8",
        ),
        (
            Primus::builder().forwarded_header("x-real-ip"),
            "option `forwarded_header`: ",
        ),
        (
            Primus::builder().keep_headers(KeepHeaders::Named(vec!["X-A, X-B".into()])),
            "option `keep_headers`: \"X-A, X-B\" is no header's name",
        ),
        (
            Primus::builder().pathname("//x"),
            "option `pathname`: browsers take what follows the // of \"//x\" for a host: write \
             one slash",
        ),
        (
            Primus::builder().pathname("/"),
            "option `pathname`: with \"/\" every path belongs to Primus: write a path such as \
             /primus",
        ),
        (
            Primus::builder().parser("bson"),
            "option `parser`: unknown parser `bson`; the parsers are: json, ejson, msgpack, \
             binary, raw",
        ),
        (
            Primus::builder().parser("msgpack").transformer("sockjs"),
            "option `parser`: messages of `msgpack` are bytes, which the transformer `sockjs` \
             can't carry",
        ),
        (
            Primus::builder().transport("pingTimeout", "5000"),
            "option `transport`: the transformer `websockets` has no transport option \
             `pingTimeout`; it has: maxPayload, perMessageDeflate",
        ),
    ] {
        let error = builder.build().unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn a_number_out_of_bounds_is_refused_with_its_bounds() {
    for (builder, expected) in [
        (
            Primus::builder().ping_interval_ms(Some(0)),
            "option `ping_interval_ms`: \"0\" is neither off nor a number of milliseconds \
             from 1 to 86400000",
        ),
        (
            Primus::builder().max_length(1 << 30),
            "option `max_length`: \"1073741824\" is not a number from 1 to 536870912",
        ),
        (
            Primus::builder().send_queue(0, SendPolicy::Disconnect),
            "option `send_queue`: \"0\" is not a number from 1 to 18446744073709551615",
        ),
        (
            Primus::builder().request_timeout_ms(0),
            "option `request_timeout_ms`: \"0\" is not a number from 1 to 86400000",
        ),
        (
            Primus::builder().keep_alive_timeout_ms(86_400_001),
            "option `keep_alive_timeout_ms`: \"86400001\" is not a number from 1 to 86400000",
        ),
        (
            Primus::builder().min_rate(1 << 21),
            "option `min_rate`: \"2097152\" is not a number from 0 to 1048576",
        ),
        (
            Primus::builder().connections_max(0),
            "option `connections_max`: \"0\" is not a number from 1 to 18446744073709551615",
        ),
        (
            Primus::builder().memory_max(0),
            "option `memory_max`: \"0\" is not a number from 1 to 18446744073709551615",
        ),
        (
            Primus::builder().shards(1025),
            "option `shards`: \"1025\" is not a number from 1 to 1024",
        ),
    ] {
        assert_eq!(builder.build().unwrap_err().to_string(), expected);
    }
}

#[test]
fn what_was_said_last_counts() {
    let builder = Primus::builder().pathname("//x").pathname("/x");
    assert!(builder.build().is_ok());
    let builder = Primus::builder()
        .pathname("/x")
        .pathname("//x")
        .shards(9999);
    let error = builder.build().unwrap_err();
    let is_pathname = matches!(
        error,
        Error::Option {
            name: "pathname",
            reason: OptionError::Pathname(_)
        }
    );
    assert!(is_pathname, "{error:?}");
}

#[test]
fn a_pathname_is_the_same_with_and_without_its_slashes() {
    for pathname in ["chat", "/chat", "chat/", "/chat/"] {
        let primus = Primus::builder().pathname(pathname).build().unwrap();
        assert!(primus.library_path().starts_with("/chat/primus.js?"));
    }
}
