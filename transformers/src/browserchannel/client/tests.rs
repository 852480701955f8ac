//! The two halves together, on the engine in memory.

use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::{End, Kind};

use super::*;
use crate::browserchannel::{BrowserChannel, BrowserChannelOptions};
use crate::testing::{Client, Pair};
use crate::{AnyTransformer, CommonOptions};

type Both = Pair<AnyTransformer, BrowserChannelClient>;

const MESSAGE_BYTES_MAX: usize = 1 << 18;

fn pair_with(seed: u64, streaming: bool) -> Both {
    let common = CommonOptions {
        message_bytes_max: MESSAGE_BYTES_MAX.try_into().unwrap(),
        ..CommonOptions::default()
    };
    let server = BrowserChannel::new(&common, BrowserChannelOptions::default());
    Pair::new(server.into(), seed, move |seed| {
        BrowserChannelClient::new(BrowserChannelClientOptions {
            target: "/primus?x=1".to_owned(),
            message_bytes_max: MESSAGE_BYTES_MAX,
            streaming,
            seed,
            ..BrowserChannelClientOptions::default()
        })
    })
}

/// Both ways to use the back channel, with several seeds each.
fn each(test: impl Fn(&mut Both)) {
    for seed in 0..6 {
        test(&mut pair_with(seed, seed % 2 == 0));
    }
}

fn open(pair: &mut Both) -> (Client, SparkId) {
    let client = pair.connect_and_settle();
    assert!(pair.client_is_open(client));
    (client, *pair.sparks().last().unwrap())
}

fn text(text: &str) -> (Kind, Vec<u8>) {
    (Kind::Text, text.as_bytes().to_vec())
}

#[test]
fn messages_go_both_ways_in_order() {
    each(|pair| {
        let (client, spark) = open(pair);
        let mut expected = vec![
            text(""),
            text("\"\\\u{2028}é😀</script>&=+%\n\u{1}"),
            (Kind::Binary, vec![0, 255, 10]),
            (Kind::Binary, Vec::new()),
            text(&"é".repeat(1 << 17)),
        ];
        expected.extend((0..1000).map(|number| text(&number.to_string())));
        for (kind, bytes) in &expected {
            pair.client_send(client, *kind, bytes);
            assert!(pair.server_write(spark, *kind, bytes));
        }
        pair.settle();
        assert!(pair.client_messages(client) == expected);
        assert!(pair.server_messages(spark) == expected);
        pair.client_close(client);
        pair.settle();
        assert_eq!(pair.server_end(spark), Some(&End::Goodbye));
        assert_eq!(pair.client_end(client), Some(&End::Goodbye));
        pair.assert_clean();
    });
}

#[test]
fn the_opening_request_is_the_url_of_the_connection() {
    let mut pair = pair_with(1, true);
    open(&mut pair);
    let crate::testing::Event::Connection { target, port, .. } = &pair.events()[0] else {
        panic!("{:?}", pair.events());
    };
    assert!(target.starts_with("/primus/bind?x=1&VER=8&"), "{target}");
    assert_eq!(*port, Some(1337));
}

#[test]
fn a_server_says_goodbye_after_everything_else() {
    each(|pair| {
        let (client, spark) = open(pair);
        for number in 0..100 {
            pair.server_write(spark, Kind::Text, number.to_string().as_bytes());
        }
        pair.server_close(spark);
        pair.settle();
        assert_eq!(pair.client_messages(client).len(), 100);
        assert_eq!(pair.client_end(client), Some(&End::Goodbye));
        pair.assert_clean();
    });
}

#[test]
fn a_client_says_goodbye_after_everything_else() {
    each(|pair| {
        let (client, spark) = open(pair);
        for number in 0..100 {
            pair.client_send(client, Kind::Text, number.to_string().as_bytes());
        }
        pair.client_close(client);
        pair.settle();
        assert_eq!(pair.server_messages(spark).len(), 100);
        pair.assert_clean();
    });
}

#[test]
fn a_client_can_be_closed_before_it_is_open() {
    each(|pair| {
        let client = pair.connect();
        pair.client_close(client);
        pair.settle();
        assert_eq!(pair.client_end(client), Some(&End::Goodbye));
        pair.assert_clean();
    });
}

#[test]
fn nothing_is_lost_or_doubled_when_connections_break() {
    each(|pair| {
        let (client, spark) = open(pair);
        let mut expected = Vec::new();
        for round in 0..4 {
            for number in 0..30 {
                let message = text(&format!("{round} {number} {}", "x".repeat(200)));
                pair.client_send(client, Kind::Text, &message.1);
                pair.server_write(spark, Kind::Text, &message.1);
                expected.push(message);
            }
            pair.run_for(round * 7);
            pair.cut(client);
            pair.run_for(20_000);
        }
        assert!(pair.server_messages(spark) == expected);
        assert!(pair.client_messages(client) == expected);
        assert!(pair.client_is_open(client));
        pair.client_close(client);
        pair.settle();
        pair.assert_clean();
    });
}

#[test]
fn noops_keep_an_idle_session_alive() {
    each(|pair| {
        let (client, spark) = open(pair);
        pair.run_for(600_000);
        assert!(pair.client_is_open(client));
        assert_eq!(pair.server_end(spark), None);
        assert!(pair.client_messages(client).is_empty());
    });
}

#[test]
fn a_goodbye_to_a_client_that_is_gone_is_bounded() {
    each(|pair| {
        let (client, spark) = open(pair);
        pair.freeze(client, true);
        pair.server_write(spark, Kind::Text, b"x");
        pair.server_close(spark);
        pair.run_for(31_000);
        assert!(pair.is_over(spark));
        pair.cut(client);
        pair.freeze(client, false);
        pair.settle();
        let end = pair.client_end(client);
        let unknown = End::Violation("the server does not know the session");
        assert_eq!(end, Some(&unknown));
        pair.assert_clean();
    });
}

#[test]
fn a_client_whose_server_is_gone_ends() {
    each(|pair| {
        let (client, spark) = open(pair);
        pair.stall(client, true);
        pair.client_send(client, Kind::Text, b"x");
        pair.run_for(300_000);
        let end = pair.client_end(client);
        assert_eq!(end, Some(&End::Violation("the server cannot be reached")));
        assert_eq!(pair.server_messages(spark), [text("x")]);
    });
}

#[test]
fn messages_that_are_too_long_end_the_session() {
    each(|pair| {
        let (client, spark) = open(pair);
        pair.client_send(client, Kind::Text, &vec![b'x'; MESSAGE_BYTES_MAX + 1]);
        pair.settle();
        let end = pair.server_end(spark);
        assert_eq!(
            end,
            Some(&End::Violation("a message is longer than maxLength"))
        );
        pair.run_for(60_000);
        assert!(pair.client_end(client).is_some());
        pair.assert_clean();

        let (client, spark) = open(pair);
        pair.server_write(spark, Kind::Text, &vec![b'x'; MESSAGE_BYTES_MAX + 1]);
        pair.settle();
        assert_eq!(
            pair.client_end(client),
            Some(&End::Violation("a message is too long"))
        );
    });
}

#[test]
fn a_target_that_cannot_be_requested_ends_the_client() {
    let server = BrowserChannel::new(&CommonOptions::default(), BrowserChannelOptions::default());
    let mut pair = Pair::new(AnyTransformer::from(server), 1, |seed| {
        BrowserChannelClient::new(BrowserChannelClientOptions {
            target: "/a b".to_owned(),
            seed,
            ..BrowserChannelClientOptions::default()
        })
    });
    let client = pair.connect_and_settle();
    assert!(matches!(pair.client_end(client), Some(End::Violation(_))));
    pair.assert_clean();
}
