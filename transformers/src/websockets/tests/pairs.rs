//! Both halves against each other, over streams that are cut anywhere, in every form of
//! compression.

use allspark_protocol::transformer::{End, Kind};
use allspark_protocol::websocket::deflate::{ClientWindow, Offer, WindowBits};

use crate::testing::Pair;
use crate::websockets::{
    ClientDeflate, WebSockets, WebSocketsClient, WebSocketsClientOptions, WebSocketsOptions,
};
use crate::{AnyTransformer, CommonOptions};

pub(super) type Sockets = Pair<AnyTransformer, WebSocketsClient>;

/// Bytes of the largest message in these tests.
pub(super) const MESSAGE_BYTES_MAX: usize = 1 << 20;

pub(super) fn server(compression: bool, options: &[(&str, &str)]) -> WebSockets {
    let common = CommonOptions {
        message_bytes_max: MESSAGE_BYTES_MAX.try_into().unwrap(),
        compression,
        ..CommonOptions::default()
    };
    let mut own = WebSocketsOptions::default();
    for (name, value) in options {
        own.set(&format!("perMessageDeflate.{name}"), value)
            .unwrap();
    }
    WebSockets::new(&common, own)
}

pub(super) fn pair(server: WebSockets, offer: Option<Offer>, seed: u64) -> Sockets {
    let deflate = offer.map(|offer| ClientDeflate {
        offer,
        ..ClientDeflate::default()
    });
    Pair::new(server.into(), seed, move |seed| {
        let options = WebSocketsClientOptions {
            message_bytes_max: MESSAGE_BYTES_MAX,
            deflate,
            ..WebSocketsClientOptions::default()
        };
        WebSocketsClient::new(&options, seed).unwrap()
    })
}

const OFFER: Offer = Offer {
    server_no_context_takeover: false,
    client_no_context_takeover: false,
    server_max_window_bits: None,
    client_max_window_bits: ClientWindow::Any,
};

/// Every way in which the two can agree, or not.
fn all_forms(seed: u64) -> Vec<Sockets> {
    let nine = Offer {
        server_max_window_bits: WindowBits::new(8),
        client_max_window_bits: ClientWindow::AtMost(WindowBits::new(9).unwrap()),
        ..OFFER
    };
    let forgetting = Offer {
        server_no_context_takeover: true,
        client_no_context_takeover: true,
        ..OFFER
    };
    let server_keeps = ("serverNoContextTakeover", "client");
    let client_keeps = ("clientNoContextTakeover", "false");
    vec![
        pair(server(false, &[]), None, seed),
        pair(server(false, &[]), Some(OFFER), seed),
        pair(server(true, &[]), None, seed),
        pair(server(true, &[]), Some(OFFER), seed),
        pair(server(true, &[("threshold", "0")]), Some(nine), seed),
        pair(server(true, &[client_keeps]), Some(OFFER), seed),
        pair(server(true, &[server_keeps]), Some(OFFER), seed),
        pair(
            server(true, &[server_keeps, client_keeps]),
            Some(nine),
            seed,
        ),
        pair(
            server(true, &[server_keeps, client_keeps]),
            Some(forgetting),
            seed,
        ),
    ]
}

/// Messages of every kind.
fn messages() -> Vec<(Kind, Vec<u8>)> {
    let numbers: String = (0..20_000).map(|number| format!("[{number}],")).collect();
    vec![
        (Kind::Text, b"small".to_vec()),
        (Kind::Binary, Vec::new()),
        (Kind::Text, numbers.into_bytes()),
        (Kind::Text, "\u{2028} {\"a\":1} ".repeat(200).into_bytes()),
        (
            Kind::Binary,
            (0..5000_u32).map(|n| ((n * n) >> 7) as u8).collect(),
        ),
        (Kind::Binary, vec![0; MESSAGE_BYTES_MAX]),
        (Kind::Text, Vec::new()),
        (Kind::Text, b"last".to_vec()),
    ]
}

#[test]
fn messages_pass_in_order_both_ways_in_every_form() {
    for seed in 0..4 {
        for (form, mut pair) in all_forms(seed).into_iter().enumerate() {
            let client = pair.connect_and_settle();
            assert!(pair.client_is_open(client), "form {form}");
            let spark = pair.sparks()[0];
            for (kind, payload) in messages() {
                pair.client_send(client, kind, &payload);
                pair.server_write(spark, kind, &payload);
            }
            pair.settle();
            assert!(pair.server_messages(spark) == messages(), "form {form}");
            assert!(pair.client_messages(client) == messages(), "form {form}");
            pair.server_write(spark, Kind::Text, b"bye");
            pair.server_close(spark);
            pair.settle();
            let last = pair.client_messages(client).pop();
            assert_eq!(last, Some((Kind::Text, b"bye".to_vec())), "form {form}");
            assert_eq!(pair.client_end(client), Some(&End::Goodbye), "form {form}");
            assert!(pair.is_over(spark), "form {form}");
            pair.assert_clean();
        }
    }
}

#[test]
fn a_client_says_goodbye_in_every_form() {
    for (form, mut pair) in all_forms(1).into_iter().enumerate() {
        let client = pair.connect_and_settle();
        let spark = pair.sparks()[0];
        pair.client_send(client, Kind::Text, b"before");
        pair.client_close(client);
        pair.settle();
        assert_eq!(pair.server_messages(spark).len(), 1, "form {form}");
        assert_eq!(pair.server_end(spark), Some(&End::Goodbye), "form {form}");
        assert_eq!(pair.client_end(client), Some(&End::Goodbye), "form {form}");
        pair.assert_clean();
    }
}

#[test]
fn a_connection_that_breaks_ends_both_halves_in_every_form() {
    for (form, mut pair) in all_forms(2).into_iter().enumerate() {
        let client = pair.connect_and_settle();
        let spark = pair.sparks()[0];
        pair.server_write(spark, Kind::Text, b"lost");
        pair.cut(client);
        pair.settle();
        assert!(pair.server_end(spark).is_some(), "form {form}");
        assert!(pair.client_end(client).is_some(), "form {form}");
        pair.assert_clean();
    }
}

#[test]
fn a_goodbye_that_nobody_answers_is_given_up_in_every_form() {
    for (form, mut pair) in all_forms(3).into_iter().enumerate() {
        let client = pair.connect_and_settle();
        let spark = pair.sparks()[0];
        pair.freeze(client, true);
        pair.server_write(spark, Kind::Text, b"unread");
        pair.server_close(spark);
        pair.run_for(11_000);
        assert!(pair.is_over(spark), "form {form}");
    }
}

#[test]
fn a_client_gives_up_a_server_that_does_not_answer_its_goodbye() {
    let mut pair = pair(server(false, &[]), None, 1);
    let client = pair.connect_and_settle();
    pair.stall(client, true);
    pair.client_close(client);
    pair.run_for(29_000);
    assert_eq!(pair.client_end(client), None);
    pair.run_for(2_000);
    assert_eq!(pair.client_end(client), Some(&End::Goodbye));
    pair.assert_clean();
}

#[test]
fn a_client_is_told_that_there_is_no_websocket() {
    let no_window = server(true, &[("clientMaxWindowBits", "9")]);
    let unsaid = Offer {
        client_max_window_bits: ClientWindow::Unsaid,
        ..OFFER
    };
    let mut pair = pair(no_window, Some(unsaid), 1);
    let client = pair.connect_and_settle();
    let refused = End::Violation("the server does not open a WebSocket here");
    assert_eq!(pair.client_end(client), Some(&refused));
    pair.assert_clean();
}
