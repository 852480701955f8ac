//! Who was refused lately, and why sparks ended: what an operator asks for.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark::TransformerKind;
use allspark_engine::io::sim::EndpointId;
use allspark_engine::limits::REFUSALS_KEPT;
use allspark_engine::{EndReason, Layer, LayerError, Options, Refusal, RefusalReason};

use crate::by_hand::ByHand;
use crate::stage::handshake;

const PROXY: &str = "10.9.0.1";

/// The strange letter is one that no log may show as it is.
const REASON: &str = "not \u{202e} you";

fn serving() -> ByHand {
    let mut options = Options::default();
    options.admission.per_address = 2_u64.try_into().unwrap();
    options.sessions_max = 0_u64.try_into().unwrap();
    options.trusted_proxies = PROXY.parse().unwrap();
    ByHand::serving(TransformerKind::Any, 2, options, |attach| {
        attach.layers().add(Layer::new("door", |request| {
            match request.head().query().get("refuse").is_some() {
                true => Err(LayerError::new(REASON).status(403)),
                false => Ok(()),
            }
        }));
    })
}

fn connect(stage: &mut ByHand, from: &str) -> EndpointId {
    let end = stage.net.connect(1, Duration::ZERO).unwrap();
    let address = format!("{from}:4000").parse().unwrap();
    stage.net.set_address(end, address);
    stage.run_for(Duration::ZERO);
    end
}

fn ask(stage: &mut ByHand, from: &str, request: &str) -> EndpointId {
    let end = connect(stage, from);
    stage.send(end, request.as_bytes());
    end
}

/// The last one of a reason.
fn last(stage: &ByHand, reason: RefusalReason) -> Refusal {
    let recent = stage.handle().recent_refusals();
    let mut of_reason = recent
        .into_iter()
        .filter(|refusal| refusal.reason == reason);
    of_reason.next().unwrap_or_else(|| panic!("{reason:?}"))
}

#[test]
fn who_is_refused_is_noted_with_the_reason_and_what_was_asked() {
    let mut stage = serving();
    let end = ask(
        &mut stage,
        PROXY,
        "GET /primus/?refuse&token=secret HTTP/1.1\r\nHost: x\r\n\
         X-Forwarded-For: 192.0.2.7\r\n\r\n",
    );
    let layer = last(&stage, RefusalReason::Layer);
    assert_eq!(
        layer.client.ip().to_string(),
        "192.0.2.7",
        "whom the proxy speaks for"
    );
    assert_eq!((layer.status, layer.shard), (Some(403), 1));
    assert_eq!(
        layer.asked.as_deref(),
        Some("GET /primus/"),
        "a query may hold secrets"
    );
    assert!(layer.detail.unwrap().contains("not"));
    stage.net.close(end);

    ask(&mut stage, "192.0.2.8", "NO REQUEST\r\n\r\n");
    let bad = last(&stage, RefusalReason::BadRequest);
    assert_eq!((bad.status, bad.asked), (Some(400), None));

    ask(
        &mut stage,
        "192.0.2.9",
        "GET /primus/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n",
    );
    let session = last(&stage, RefusalReason::Sessions);
    assert_eq!(session.asked.as_deref(), Some("GET /primus/"));

    ask(&mut stage, "192.0.2.10", "GET /slow");
    stage.seconds(60);
    assert_eq!(
        last(&stage, RefusalReason::RequestTimedOut).status,
        Some(408)
    );

    for _ in 0..3 {
        connect(&mut stage, "192.0.2.11");
    }
    let address = last(&stage, RefusalReason::Addresses);
    assert_eq!(address.client.ip().to_string(), "192.0.2.11");
    assert!(address.at_ms >= 60_000, "virtual time: {}", address.at_ms);
}

#[test]
fn a_flood_takes_no_more_than_its_share_of_what_is_kept() {
    let mut stage = serving();
    ask(&mut stage, "192.0.2.8", "NO REQUEST\r\n\r\n");
    for _ in 0..3 * REFUSALS_KEPT {
        let end = connect(&mut stage, "192.0.2.11");
        stage.net.close(end);
        let end = ask(
            &mut stage,
            "192.0.2.12",
            "GET /primus/?refuse HTTP/1.1\r\nHost: x\r\n\r\n",
        );
        stage.net.close(end);
        stage.run_for(Duration::ZERO);
    }
    last(&stage, RefusalReason::BadRequest);
    let recent = stage.handle().recent_refusals();
    let of_layer = recent
        .iter()
        .filter(|refusal| refusal.reason == RefusalReason::Layer);
    assert_eq!(of_layer.count(), REFUSALS_KEPT);
    assert_eq!(
        stage.handle().refusals_missed(),
        0,
        "one thread gets in nobody's way"
    );
}

#[test]
fn listeners_of_the_end_hear_why() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&heard);
    let mut stage = ByHand::serving(
        TransformerKind::WebSockets,
        2,
        Options::default(),
        |attach| {
            attach.on_connection(|spark| assert_eq!(spark.end_reason(), None));
            attach.on_disconnection(move |spark| tell.lock().unwrap().push(spark.end_reason()));
        },
    );
    let client = ask(&mut stage, "192.0.2.8", &handshake(""));
    stage.net.close(client);
    stage.seconds(1);
    let client = ask(&mut stage, "192.0.2.8", &handshake(""));
    let goodbye = [0x88, 0x82, 0, 0, 0, 0, 0x10, 0xe1];
    stage.net.send(client, &goodbye);
    stage.seconds(1);
    ask(&mut stage, "192.0.2.8", &handshake(""));
    stage.seconds(120);
    let heard: Vec<_> = heard
        .lock()
        .unwrap()
        .iter()
        .map(|reason| reason.unwrap())
        .collect();
    let names: Vec<_> = heard.iter().map(EndReason::name).collect();
    assert_eq!(names, ["gone", "closed", "silent"]);
    assert_eq!(heard[1].to_string(), "closed by the client with code 4321");
}
