//! docs/METRICS.md is made of the tables of metrics. `UPDATE_DOCS=1 cargo test --bin allspark docs`
//! writes it anew.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::metric::Kind;
use super::names;
use crate::docs::assert_written;

#[test]
fn the_page_of_metrics_is_that_of_the_tables() {
    let mut page = String::from(PAGE);
    for (heading, metrics) in names::tables() {
        writeln!(page, "\n## {heading}\n").unwrap();
        page.push_str("| metric | kind | labels | meaning |\n|---|---|---|---|\n");
        for metric in metrics {
            let kind = match metric.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram(_) => "histogram",
            };
            let labels: Vec<String> = metric
                .labels
                .iter()
                .map(|name| format!("`{name}`"))
                .collect();
            let (name, labels, help) = (metric.name, labels.join(", "), metric.help);
            let help = help.replace('|', "\\|");
            writeln!(page, "| `{name}` | {kind} | {labels} | {help} |").unwrap();
        }
    }
    page.push_str(NOTES);
    assert_written("docs/METRICS.md", &page);
}

#[test]
fn names_follow_the_conventions() {
    let mut names = BTreeSet::new();
    for metric in names::tables().into_iter().flat_map(|(_, metrics)| metrics) {
        let name = metric.name;
        assert!(names.insert(name), "{name} stands twice");
        assert!(
            name.starts_with("allspark_") || name.starts_with("process_"),
            "{name}"
        );
        let may_be = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        assert!(name.bytes().all(may_be) && !name.contains("__"), "{name}");
        assert_eq!(
            name.ends_with("_total"),
            metric.kind == Kind::Counter,
            "{name}"
        );
        let reserved = ["_sum", "_count", "_bucket", "_created"];
        assert!(
            !reserved.iter().any(|suffix| name.ends_with(suffix)),
            "{name}"
        );
        let others = ["_ms", "_milliseconds", "_kb", "_percent"];
        assert!(
            !others.iter().any(|unit| name.contains(unit)),
            "{name}: base units"
        );
        assert!(
            !metric.help.is_empty() && !metric.help.ends_with('.'),
            "{name}"
        );
        assert!(!metric.help.contains('\n'), "{name}");
        metric.stem_and_unit();
    }
}

const PAGE: &str = "\
# Metrics

<!-- Made of the tables of server/metrics by its tests: UPDATE_DOCS=1 cargo test --bin allspark -->

`GET /metrics` tells everything that the server counts, in the form of
[OpenMetrics](https://prometheus.io/docs/specs/om/open_metrics_spec/) 1.0, which Prometheus, Grafana
Agent, the OpenTelemetry collector and others read. With an internal listener it is there alone,
otherwise everybody can ask; `--metrics-enabled=false` switches it off
([OPTIONS.md](OPTIONS.md)).

```yaml
scrape_configs:
  - job_name: allspark
    static_configs:
      # allspark --listen :8080 --listen '10.0.0.7:9090?internal'
      - targets: [\"10.0.0.7:9090\"]
```

Counters begin at zero when the process starts. Of a shard each has its own value, by the label
`shard`: `sum without (shard) (rate(allspark_messages_received_total[1m]))` is the server's. What
the bounds have refused and which bound it was stands in [SECURITY.md](SECURITY.md#what-is-counted).
";

const NOTES: &str = "
## What it costs

A shard counts in numbers that nobody else writes, so to count is a load and a store, without a
lock, an allocation or a system call. What is told is put together on a thread of its own. Eight
requests wait for it at most; a further one gets 503.

Nothing that a client sends becomes a label, so there are as many lines as there are metrics and
shards; of one metric at most 256 values of its labels are told apart.
";
