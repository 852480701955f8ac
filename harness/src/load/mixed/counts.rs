//! Asks a server how many sparks it has: `GET /stats`, which `allspark serve` answers.

use serde::Deserialize;

use crate::load::spec;
use crate::load::target::Target;

const PATH: &str = "/stats";

#[derive(Debug, Deserialize)]
struct Counts {
    sparks: u64,
}

/// How many sparks the server has by its own account, or why that is not known.
pub(super) fn sparks(target: &Target) -> Result<u64, String> {
    let complain = |why: String| format!("GET {PATH}: {why}");
    let body = spec::get(target, PATH).map_err(complain)?;
    let counts: Result<Counts, _> = serde_json::from_slice(&body);
    let counts = counts.map_err(|error| complain(error.to_string()))?;
    Ok(counts.sparks)
}
