//! Options that are wrong are said to be, before anything is connected.

use allspark_client::{BackoffOptions, OptionError, Primus};

fn message(result: Result<Primus, OptionError>) -> String {
    result.expect_err("an option is wrong").to_string()
}

#[tokio::test]
async fn wrong_options_are_named() {
    let connect = || Primus::connect("http://localhost");
    let wrong_factor = BackoffOptions {
        factor: f64::NAN,
        ..BackoffOptions::default()
    };
    for (builder, part) in [
        (
            Primus::connect("localhost:8080"),
            "localhost:8080: a URL begins",
        ),
        (connect().transformer("pigeon"), "no transformer `pigeon`"),
        (connect().parser("bson"), "unknown parser `bson`"),
        (connect().strategy("never"), "no strategy `never`"),
        (connect().reconnect(wrong_factor), "`reconnect.factor`"),
        (connect().max_length(0), "`max_length`"),
        (connect().pathname("a?b"), "the pathname \"/a?b\""),
        (connect().transformer("x").parser("y"), "no transformer `x`"),
    ] {
        let message = message(builder.start());
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_client_needs_a_runtime() {
    let message = message(Primus::connect("http://localhost").start());
    assert!(message.contains("tokio runtime"), "{message}");
}
