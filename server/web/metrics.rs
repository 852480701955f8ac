//! What is counted of files and upstreams.

use allspark_web::{Proxy, ProxyCounts, Static, StaticCounts};

use crate::metrics::metric::Metric;
use crate::metrics::registry::Metrics;

const FILES: Metric = Metric::counter("allspark_static_requests_total", "Requests for files");
const FILES_UNSERVED: Metric = Metric::counter(
    "allspark_static_unserved_total",
    "Requests for files that were not served whole: there is none (missed), too many were under \
     way (refused), the client was gone or the file became shorter (broken)",
)
.by(&["reason"]);
const FILES_UNDER_WAY: Metric = Metric::gauge(
    "allspark_static_requests_under_way",
    "Requests for files that are under way, of those that static-requests-max allows",
);
const PROXY: Metric = Metric::counter(
    "allspark_proxy_requests_total",
    "Requests that are for the application",
);
const PROXY_UNSERVED: Metric = Metric::counter(
    "allspark_proxy_unserved_total",
    "Requests that got no whole answer of the application: too many were under way (refused, 503), \
     it could not be reached or understood (failed, 502), it took too long (timed-out, 504), the \
     client was gone before there was one (left), it or the client was gone in the middle (broken)",
)
.by(&["reason"]);
const PROXY_RETRIED: Metric = Metric::counter(
    "allspark_proxy_retries_total",
    "Attempts to have a request answered beside its first one",
);
const PROXY_UPGRADED: Metric = Metric::counter(
    "allspark_proxy_upgrades_total",
    "WebSockets between clients and the application",
);
const PROXY_UNDER_WAY: Metric = Metric::gauge(
    "allspark_proxy_requests_under_way",
    "Requests and WebSockets that are under way, of those that proxy-requests-max allows",
);
const UPSTREAM_UP: Metric = Metric::gauge(
    "allspark_proxy_upstream_up",
    "Whether it is asked like the others (1), or last, as it fails or says that it is not well (0)",
)
.by(&["upstream"]);

/// What is told of them.
pub(crate) const METRICS: &[Metric] = &[
    FILES,
    FILES_UNSERVED,
    FILES_UNDER_WAY,
    PROXY,
    PROXY_UNSERVED,
    PROXY_RETRIED,
    PROXY_UPGRADED,
    PROXY_UNDER_WAY,
    UPSTREAM_UP,
];

pub(super) fn of_files(metrics: &Metrics, files: &Static) {
    let count = |metric: &Metric, labels: &[&str], read: fn(StaticCounts) -> u64| {
        let files = files.clone();
        metrics.counter_of(metric, labels, move || read(files.counts()));
    };
    count(&FILES, &[], |counts| counts.requests);
    count(&FILES_UNSERVED, &["missed"], |counts| counts.missed);
    count(&FILES_UNSERVED, &["refused"], |counts| counts.refused);
    count(&FILES_UNSERVED, &["broken"], |counts| counts.broken);
    let files = files.clone();
    let under_way = move || files.counts().under_way as f64;
    metrics.gauge_of(&FILES_UNDER_WAY, &[], under_way);
}

pub(super) fn of_proxy(metrics: &Metrics, proxy: &Proxy) {
    let count = |metric: &Metric, labels: &[&str], read: fn(ProxyCounts) -> u64| {
        let proxy = proxy.clone();
        metrics.counter_of(metric, labels, move || read(proxy.counts()));
    };
    count(&PROXY, &[], |counts| counts.requests);
    count(&PROXY_UNSERVED, &["refused"], |counts| counts.refused);
    count(&PROXY_UNSERVED, &["failed"], |counts| counts.failed);
    count(&PROXY_UNSERVED, &["timed-out"], |counts| counts.timed_out);
    count(&PROXY_UNSERVED, &["left"], |counts| counts.left);
    count(&PROXY_UNSERVED, &["broken"], |counts| counts.broken);
    count(&PROXY_RETRIED, &[], |counts| counts.retried);
    count(&PROXY_UPGRADED, &[], |counts| counts.upgraded);
    let counted = proxy.clone();
    let under_way = move || counted.counts().under_way as f64;
    metrics.gauge_of(&PROXY_UNDER_WAY, &[], under_way);
    for (place, (name, _)) in proxy.upstreams().into_iter().enumerate() {
        let proxy = proxy.clone();
        let is_up = move || {
            let state = proxy.upstreams().get(place).map(|(_, is_up)| *is_up);
            f64::from(u8::from(state.unwrap_or(false)))
        };
        metrics.gauge_of(&UPSTREAM_UP, &[&name], is_up);
    }
}
