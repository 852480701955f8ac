//! Client machines without a network: they never get a connection, and so go through all attempts
//! to reconnect. A million of them show how the delays are distributed.

use std::sync::Arc;

use allspark_client::core::{Client, ClientOptions, Event, Output, Outputs};

use allspark_protocol::Instant;
use allspark_protocol::primus::BackoffOptions;
use allspark_protocol::transformer::Link;

use super::chance::{Chance, Purpose};
use crate::auditor::{Auditor, ReconnectRule, Verdict};
use crate::workload::Scenario;
use crate::workload::senders::Senders;

/// Lets so many clients fail until they give up, and judges every delay and all of them together.
pub(super) fn judge(seed: u64, clients: u32, backoff: BackoffOptions) -> Verdict {
    let options = Arc::new(ClientOptions {
        reconnect: backoff,
        ..ClientOptions::default()
    });
    let mut auditor = Auditor::new(Scenario::Idle, clients, Senders::new(clients, 0), None);
    auditor.judge_reconnects(ReconnectRule {
        backoff,
        tolerance: std::time::Duration::ZERO,
    });
    let mut chance = Chance::of(seed, Purpose::Clients);
    let mut out = Outputs::default();
    for number in 0..clients {
        let client = Client::new(Arc::clone(&options), chance.next());
        fail(number, client, &mut out, &mut auditor);
    }
    auditor.conclude(Instant::ZERO)
}

/// Refuses a client whatever it tries.
fn fail(number: u32, mut client: Client, out: &mut Outputs, auditor: &mut Auditor) {
    let mut now = Instant::ZERO;
    client.open(now, out);
    loop {
        while let Some(link) = wanted(out) {
            auditor.reconnects().attempted(number, now);
            out.clear();
            auditor.reconnects().lost(number, now);
            client.lost(now, link, out);
        }
        let has_ended = out.list().contains(&Output::Event(Event::End));
        out.clear();
        let Some(deadline) = client.deadline().filter(|_| !has_ended) else {
            break;
        };
        now = deadline;
        client.expired(now, out);
    }
    auditor.reconnects().gave_up(number);
}

fn wanted(out: &Outputs) -> Option<Link> {
    out.list().iter().find_map(|output| match output {
        Output::Connect(link) => Some(*link),
        _ => None,
    })
}
