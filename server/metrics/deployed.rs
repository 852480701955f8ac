//! The board for Grafana and the rules for alerts in deploy/ ask for what the server tells, and for
//! nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::metric::{Kind, Metric};
use super::names;

/// What Prometheus itself adds.
const OF_PROMETHEUS: [&str; 3] = ["up", "job", "instance"];

/// Functions and words of PromQL that are used.
const WORDS: [&str; 14] = [
    "by",
    "changes",
    "definition",
    "histogram_quantile",
    "increase",
    "label_values",
    "max",
    "min",
    "on",
    "or",
    "rate",
    "sum",
    "unless",
    "without",
];

/// Which functions take a counter.
const OF_COUNTERS: [&str; 2] = ["rate", "increase"];

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(name);
    fs::read_to_string(path).unwrap()
}

/// What can be asked for, by its name: what a metric is, with the suffixes of a histogram.
fn series() -> BTreeMap<String, Metric> {
    let mut series = BTreeMap::new();
    for metric in names::tables().into_iter().flat_map(|(_, metrics)| metrics) {
        let suffixes: &[&str] = match metric.kind {
            Kind::Histogram(_) => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        for suffix in suffixes {
            series.insert(format!("{}{suffix}", metric.name), metric);
        }
    }
    series
}

/// The names in an expression, with what stands before and behind each: texts are left out.
fn tokens(expression: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
        let bytes = match first {
            '"' => rest[1..].find('"').expect("a text ends") + 2,
            _ if is_of_name(first) => rest.find(|c| !is_of_name(c)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        if first != '"' && first != ' ' {
            tokens.push(rest[..bytes].to_owned());
        }
        rest = &rest[bytes..];
    }
    tokens
}

/// Judges an expression. Returns the names of metrics in it.
fn judge(expression: &str, series: &BTreeMap<String, Metric>) -> Result<BTreeSet<String>, String> {
    let tokens = tokens(expression);
    let mut used = BTreeSet::new();
    // The names before the parentheses that are open, and whether braces or brackets are.
    let mut calls: Vec<String> = Vec::new();
    for (place, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "(" | "{" | "[" => calls.push(match place.checked_sub(1) {
                Some(before) => tokens[before].clone(),
                None => String::new(),
            }),
            ")" | "}" | "]" => drop(calls.pop().ok_or("too many are closed")?),
            _ => {}
        }
        let is_name = token.starts_with(|c: char| c.is_ascii_alphabetic());
        if !is_name || WORDS.contains(&token.as_str()) || OF_PROMETHEUS.contains(&token.as_str()) {
            continue;
        }
        let outer = calls.last().map_or("", String::as_str);
        if let Some(metric) = series.get(outer) {
            // Within the braces of a selector.
            let is_label = metric.labels.contains(&token.as_str()) || token == "le";
            is_label
                .then_some(())
                .ok_or(format!("{outer} has no label {token}"))?;
        } else if let Some(metric) = series.get(token) {
            let is_counter = metric.kind == Kind::Counter
                || token.ends_with("_bucket")
                || token.ends_with("_count");
            let is_rated = OF_COUNTERS.contains(&outer);
            (is_counter == is_rated)
                .then_some(())
                .ok_or(format!("{token} within {outer}"))?;
            used.insert(metric.name.to_owned());
        } else if !matches!(outer, "by" | "without" | "label_values")
            && outer != "rate"
            && outer != "["
        {
            let is_duration = token.ends_with(['s', 'm', 'h']) && token.len() <= 3;
            is_duration
                .then_some(())
                .ok_or(format!("{token} is no metric"))?;
        }
    }
    calls
        .is_empty()
        .then_some(used)
        .ok_or("not all is closed".to_owned())
}

/// All expressions of a board.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if name == "expr" || name == "definition" => {
                        found.push(text.to_owned());
                    }
                    _ => expressions(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

/// Judges all of them. Returns the names of all metrics that are used.
fn judge_all(file: &str, found: &[String]) -> BTreeSet<String> {
    let series = series();
    let judged = found
        .iter()
        .map(|expression| match judge(expression, &series) {
            Ok(used) => used,
            Err(reason) => panic!("{file}: {reason}: {expression}"),
        });
    judged.flatten().collect()
}

#[test]
fn the_board_shows_everything_that_shards_tell() {
    let board: Value = serde_json::from_str(&read("grafana/allspark.json")).unwrap();
    let mut found = Vec::new();
    expressions(&board, &mut found);
    let used = judge_all("grafana/allspark.json", &found);
    let tables = names::own();
    let (_, of_shards) = &tables[0];
    let missing: Vec<_> = of_shards
        .iter()
        .filter(|metric| !used.contains(metric.name))
        .collect();
    assert!(missing.is_empty(), "on no panel: {missing:?}");
}

/// Panels lie beside each other, each has a name of its own, and each asks the source that is
/// chosen above.
#[test]
fn panels_of_the_board_do_not_cover_each_other() {
    let board: Value = serde_json::from_str(&read("grafana/allspark.json")).unwrap();
    let panels = board["panels"].as_array().unwrap();
    let (mut taken, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels {
        let title = &panel["title"];
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
        let at = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        for (x, y) in (at("x")..at("x") + at("w"))
            .flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)))
        {
            assert!(
                x < 24 && taken.insert((x, y)),
                "{title} lies on another one"
            );
        }
        let is_row = panel["type"] == "row";
        let targets = panel["targets"].as_array();
        let targets = targets.map_or(&[][..], Vec::as_slice);
        assert!(is_row == targets.is_empty(), "{title} asks for something");
        let mut names = BTreeSet::new();
        for target in targets {
            assert!(names.insert(target["refId"].as_str().unwrap()), "{title}");
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
        }
    }
}

#[test]
fn alerts_look_at_what_is_told() {
    let rules = read("prometheus/allspark.rules.yml");
    let lines = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("expr: "));
    let found: Vec<String> = lines.map(str::to_owned).collect();
    assert_eq!(
        found.len(),
        rules.matches("- alert: ").count(),
        "an expression is one line"
    );
    let used = judge_all("prometheus/allspark.rules.yml", &found);
    assert!(used.len() > 10);
}

#[test]
fn an_expression_that_means_nothing_is_found() {
    let series = series();
    let good = r#"sum by (shard) (rate(allspark_broadcasts_total{shard=~"1"}[5m])) > 0"#;
    assert!(judge(good, &series).is_ok());
    for (from, to) in [
        ("broadcasts", "brodcasts"),
        ("rate(", "max("),
        ("{shard", "{shade"),
        ("[5m]))", "[5m])"),
        ("sum by", "summ by"),
    ] {
        let bad = good.replace(from, to);
        assert!(bad != good && judge(&bad, &series).is_err(), "{bad}");
    }
    assert!(
        judge("rate(allspark_sparks[5m])", &series).is_err(),
        "a gauge has no rate"
    );
    assert!(
        judge("allspark_broadcasts_total", &series).is_err(),
        "a counter only grows"
    );
}
