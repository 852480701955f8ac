//! The client machines of a plan.

use std::sync::Arc;

use allspark_client::core::{Client, ClientOptions};
use allspark_protocol::primus::BackoffOptions;

use super::plan::{Sabotage, SimPlan};
use super::purpose::Purpose;

/// One after the other, each with what it draws from.
pub(super) fn machines(plan: &SimPlan) -> impl Iterator<Item = Client> + use<> {
    let options = Arc::new(options(plan));
    let mut dice = Purpose::Clients.dice(plan.seed);
    let not_random = (plan.sabotage == Some(Sabotage::IsNotRandom)).then_some(plan.seed);
    let seeds = (0..plan.clients).map(move |_| not_random.unwrap_or_else(|| dice.roll()));
    seeds.map(move |seed| Client::new(Arc::clone(&options), seed))
}

fn options(plan: &SimPlan) -> ClientOptions {
    let min = match plan.sabotage {
        Some(Sabotage::HurriesBack) => plan.backoff.min * 9 / 10,
        _ => plan.backoff.min,
    };
    let retries = match plan.sabotage {
        Some(Sabotage::GivesUp) => 2,
        _ => plan.backoff.retries,
    };
    ClientOptions {
        reconnect: BackoffOptions {
            min,
            retries,
            ..plan.backoff
        },
        parser: plan.wording.parser(),
        // As many missed pings as Primus's defaults allow.
        ping_timeout: Some(plan.ping_interval * 3 / 2),
        ..ClientOptions::default()
    }
}
