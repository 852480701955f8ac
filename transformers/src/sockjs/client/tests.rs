//! Both halves together, over byte streams that are cut anywhere.

use allspark_protocol::transformer::{End, Kind};

use super::*;
use crate::sockjs::{SockJs, SockJsOptions};
use crate::testing::{Client, ClientEvent, Event, Pair};
use crate::{AnyTransformer, CommonOptions};

type SockJsPair = Pair<AnyTransformer, SockJsClient>;

fn pair(transport: SockJsTransport, seed: u64) -> SockJsPair {
    let common = CommonOptions {
        message_bytes_max: (1_usize << 21).try_into().unwrap(),
        ..CommonOptions::default()
    };
    let options = SockJsOptions {
        response_limit: 4096,
        ..SockJsOptions::default()
    };
    Pair::new(SockJs::new(&common, options).into(), seed, move |seed| {
        SockJsClient::new(SockJsClientOptions {
            host: "localhost".to_owned(),
            target: "/primus?a=b".to_owned(),
            message_bytes_max: 1 << 21,
            seed,
            transport,
        })
    })
}

/// Runs a test on every transport, with several seeds.
fn on_all(test: impl Fn(SockJsPair, SockJsTransport)) {
    for transport in SockJsTransport::ALL {
        for seed in 0..4 {
            test(pair(transport, seed), transport);
        }
    }
}

#[track_caller]
fn texts(messages: Vec<(Kind, Vec<u8>)>) -> Vec<String> {
    let text = |(kind, bytes)| {
        assert_eq!(kind, Kind::Text);
        String::from_utf8(bytes).unwrap()
    };
    messages.into_iter().map(text).collect()
}

#[track_caller]
fn opened(pair: &mut SockJsPair) -> Client {
    let client = pair.connect_and_settle();
    assert!(pair.client_is_open(client));
    client
}

#[test]
fn a_client_opens_with_its_query() {
    on_all(|mut pair, transport| {
        opened(&mut pair);
        let targets = pair.events().iter().filter_map(|event| match event {
            Event::Connection { target, port, .. } => Some((target.as_str(), *port)),
            _ => None,
        });
        let [(target, None)] = targets.collect::<Vec<_>>()[..] else {
            panic!("{transport:?}");
        };
        assert!(
            target.starts_with("/primus/") && target.contains("?a=b"),
            "{target}"
        );
    });
}

#[test]
fn messages_keep_their_order_both_ways() {
    on_all(|mut pair, transport| {
        let client = opened(&mut pair);
        let spark = pair.sparks()[0];
        let big = "\u{2028}%\"\\".repeat(2000);
        let mut expected = vec![
            String::new(),
            "</script>".into(),
            "é\u{1f600}\0\r\n".into(),
            big,
        ];
        expected.extend((0..300).map(|n| format!("message {n}")));
        for (n, message) in expected.iter().enumerate() {
            pair.client_send(client, Kind::Text, message.as_bytes());
            pair.server_write(spark, Kind::Text, message.as_bytes());
            if n % 7 == 0 {
                pair.settle();
            }
        }
        pair.run_for(100);
        assert_eq!(
            texts(pair.client_messages(client)),
            expected,
            "{transport:?}"
        );
        assert_eq!(
            texts(pair.server_messages(spark)),
            expected,
            "{transport:?}"
        );
    });
}

#[test]
fn a_large_message_passes() {
    on_all(|mut pair, transport| {
        let client = opened(&mut pair);
        let spark = pair.sparks()[0];
        let message = "\"x\"".repeat(20_000);
        pair.client_send(client, Kind::Text, message.as_bytes());
        pair.server_write(spark, Kind::Text, message.as_bytes());
        pair.settle();
        assert_eq!(
            texts(pair.client_messages(client)),
            [&*message],
            "{transport:?}"
        );
        assert_eq!(
            texts(pair.server_messages(spark)),
            [&*message],
            "{transport:?}"
        );
    });
}

#[test]
fn a_quiet_connection_stays_open() {
    on_all(|mut pair, transport| {
        let client = opened(&mut pair);
        pair.run_for(10 * 60 * 1000);
        pair.client_send(client, Kind::Text, b"still here");
        pair.settle();
        let spark = pair.sparks()[0];
        assert_eq!(
            texts(pair.server_messages(spark)),
            ["still here"],
            "{transport:?}"
        );
        assert!(pair.client_is_open(client));
    });
}

#[test]
fn the_application_closes_after_its_last_words() {
    on_all(|mut pair, transport| {
        let client = opened(&mut pair);
        let spark = pair.sparks()[0];
        pair.server_write(spark, Kind::Text, b"bye");
        pair.server_close(spark);
        pair.run_for(20_000);
        assert_eq!(
            texts(pair.client_messages(client)),
            ["bye"],
            "{transport:?}"
        );
        assert_eq!(
            pair.client_end(client),
            Some(&End::Goodbye),
            "{transport:?}"
        );
        assert_eq!(pair.server_end(spark), Some(&End::Goodbye));
        pair.assert_clean();
    });
}

#[test]
fn the_client_closes_after_its_last_words() {
    on_all(|mut pair, transport| {
        let client = opened(&mut pair);
        let spark = pair.sparks()[0];
        for _ in 0..3 {
            pair.client_send(client, Kind::Text, b"bye");
        }
        pair.client_close(client);
        pair.run_for(20_000);
        assert_eq!(
            texts(pair.server_messages(spark)),
            ["bye"; 3],
            "{transport:?}"
        );
        assert_eq!(
            pair.client_end(client),
            Some(&End::Goodbye),
            "{transport:?}"
        );
        assert_eq!(pair.server_end(spark), Some(&End::Goodbye));
        pair.assert_clean();
    });
}

#[test]
fn a_client_closes_before_it_is_open() {
    on_all(|mut pair, _| {
        let client = pair.connect();
        pair.client_close(client);
        pair.run_for(20_000);
        assert_eq!(pair.client_end(client), Some(&End::Goodbye));
        assert!(
            !pair
                .client_events(client)
                .any(|event| *event == ClientEvent::Open)
        );
        pair.assert_clean();
    });
}

#[test]
fn both_learn_of_a_broken_connection() {
    on_all(|mut pair, transport| {
        let client = opened(&mut pair);
        let spark = pair.sparks()[0];
        pair.cut(client);
        pair.run_for(20_000);
        assert!(
            matches!(pair.client_end(client), Some(End::Violation(_))),
            "{transport:?}"
        );
        assert_eq!(pair.server_end(spark), Some(&End::Goodbye));
        pair.assert_clean();
    });
}

#[test]
fn a_client_that_stops_is_given_up() {
    on_all(|mut pair, transport| {
        let client = opened(&mut pair);
        let spark = pair.sparks()[0];
        pair.freeze(client, true);
        // A poll that nobody reads the answer of is answered once; then nothing follows.
        pair.run_for(60_000);
        let is_stream = matches!(
            transport,
            SockJsTransport::XhrStreaming
                | SockJsTransport::EventSource
                | SockJsTransport::HtmlFile
        );
        // That a stream is not read is for the heartbeat of Primus to notice.
        assert_eq!(pair.is_over(spark), !is_stream, "{transport:?}");
    });
}

#[test]
fn a_wrong_path_is_refused() {
    for transport in SockJsTransport::ALL {
        let common = CommonOptions::default();
        let server = SockJs::new(&common, SockJsOptions::default());
        let mut pair = Pair::new(AnyTransformer::from(server), 1, move |seed| {
            SockJsClient::new(SockJsClientOptions {
                host: "localhost".to_owned(),
                target: "/elsewhere".to_owned(),
                message_bytes_max: 1000,
                seed,
                transport,
            })
        });
        let client = pair.connect_and_settle();
        assert!(matches!(pair.client_end(client), Some(End::Violation(_))));
        pair.assert_clean();
    }
}

#[test]
fn a_target_that_breaks_the_request_is_refused() {
    for transport in SockJsTransport::ALL {
        let mut client = SockJsClient::new(SockJsClientOptions {
            host: "a\r\nb".to_owned(),
            target: "/".to_owned(),
            message_bytes_max: 1000,
            seed: 0,
            transport,
        });
        let mut out = ClientOutputs::default();
        client.start(Instant::ZERO, &mut out);
        client.close(Instant::ZERO, &mut out);
        let end = End::Violation("host or target can't stand in a request");
        let expected = [allspark_protocol::transformer::ClientOutput::Ended(end)];
        assert_eq!(out.list(), expected);
    }
}
