//! Asks a server how many sparks it has: `GET /stats`, which `allspark serve` answers.

use serde::Deserialize;

use crate::load::spec;
use crate::load::target::Target;

#[derive(Debug, Deserialize)]
struct Counts {
    sparks: u64,
}

/// How many sparks the server has by its own account; `None` if it does not say so.
pub(super) fn sparks(target: &Target) -> Option<u64> {
    let body = spec::get(target, "/stats").ok()?;
    let counts: Counts = serde_json::from_slice(&body).ok()?;
    Some(counts.sparks)
}
