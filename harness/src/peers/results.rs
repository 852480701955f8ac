//! What came out of one server in one case: every sample, and the middle of them.

use serde::Serialize;

use super::roster::{Entrant, Role};
use crate::report::LoadReport;

/// Percent of a core below which a server under a load without pauses was kept from its work.
const IDLE_PERCENT: f64 = 80.0;

/// One measurement of one server.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sample {
    /// Messages that clients received, per second; where connections come and go, connections.
    pub(crate) per_second: f64,
    pub(crate) latency_p50_us: f64,
    pub(crate) latency_p99_us: f64,
    /// Quantiles from 0 to 1, each with the microseconds that they were within.
    pub(crate) latency_curve: Vec<(f64, f64)>,
    /// Percent of a core.
    pub(crate) client_cpu_percent: f64,
    /// Percent of a core.
    pub(crate) server_cpu_percent: f64,
    pub(crate) client_is_the_limit: bool,
    /// What the auditor found.
    pub(crate) faults: u64,
    /// The first faults, in words.
    pub(crate) examples: Vec<String>,
}

impl Sample {
    /// A load that never came to measuring counts as zero messages and its faults.
    pub(super) fn of(report: &LoadReport) -> Self {
        let window = report.window.as_ref();
        let number = |of: fn(&crate::load::meter::Window) -> f64| window.map_or(0.0, of);
        Self {
            per_second: match &report.churn {
                Some(churn) => churn.connections_per_second,
                None => number(|window| window.received_per_second),
            },
            latency_p50_us: number(|window| window.latency_us.p50),
            latency_p99_us: number(|window| window.latency_us.p99),
            latency_curve: window.map_or_else(Vec::new, |window| window.latency_curve.clone()),
            client_cpu_percent: number(|window| window.client_cpu_percent),
            server_cpu_percent: number(|window| window.server_cpu_percent.unwrap_or_default()),
            client_is_the_limit: report.client_is_the_limit(),
            faults: report.findings.total(),
            examples: report.findings.examples().to_vec(),
        }
    }
}

/// All samples of one server in one case.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct EntrantResult {
    pub(crate) name: &'static str,
    pub(crate) role: Role,
    pub(crate) per_second_median: f64,
    pub(crate) per_second_min: f64,
    pub(crate) per_second_max: f64,
    pub(crate) latency_p50_us_median: f64,
    pub(crate) latency_p99_us_median: f64,
    pub(crate) client_cpu_percent_median: f64,
    pub(crate) server_cpu_percent_median: f64,
    /// Its median as a part of that of [`CaseResult::measure`], if that took part.
    pub(crate) ratio_to_allspark: Option<f64>,
    /// Whether the load generator had no time left in at least half of the samples.
    pub(crate) client_is_the_limit: bool,
    /// Whether neither the server nor the load generator was busy: then both waited for something
    /// else, most likely for other programs on their cores.
    pub(crate) machine_is_the_limit: bool,
    pub(crate) faults: u64,
    pub(crate) samples: Vec<Sample>,
}

impl EntrantResult {
    pub(super) fn new(entrant: Entrant, samples: Vec<Sample>) -> Self {
        let all = |of: fn(&Sample) -> f64| samples.iter().map(of).collect::<Vec<_>>();
        let rates = all(|sample| sample.per_second);
        let client_cpu_percent = median(&all(|sample| sample.client_cpu_percent));
        let server_cpu_percent = median(&all(|sample| sample.server_cpu_percent));
        let limited = samples.iter().filter(|sample| sample.client_is_the_limit);
        Self {
            name: entrant.name(),
            role: entrant.role(),
            per_second_median: median(&rates),
            per_second_min: rates.iter().copied().fold(f64::INFINITY, f64::min),
            per_second_max: rates.iter().copied().fold(0.0, f64::max),
            latency_p50_us_median: median(&all(|sample| sample.latency_p50_us)),
            latency_p99_us_median: median(&all(|sample| sample.latency_p99_us)),
            client_cpu_percent_median: client_cpu_percent,
            server_cpu_percent_median: server_cpu_percent,
            machine_is_the_limit: client_cpu_percent.max(server_cpu_percent) < IDLE_PERCENT,
            ratio_to_allspark: None,
            client_is_the_limit: 2 * limited.count() >= samples.len(),
            faults: samples.iter().map(|sample| sample.faults).sum(),
            samples,
        }
    }
}

/// The middle of the numbers, or between the two middle ones.
pub(super) fn median(numbers: &[f64]) -> f64 {
    assert!(!numbers.is_empty(), "there is a round at least");
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    }
}

#[cfg(test)]
impl Sample {
    /// Of a server that did nothing wrong and was busy.
    pub(crate) fn at_rate(per_second: f64) -> Self {
        Self {
            per_second,
            latency_p50_us: 1.0,
            latency_p99_us: 2.0,
            latency_curve: Vec::new(),
            client_cpu_percent: 50.0,
            server_cpu_percent: 100.0,
            client_is_the_limit: false,
            faults: 0,
            examples: Vec::new(),
        }
    }
}
