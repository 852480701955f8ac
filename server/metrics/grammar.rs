//! OpenMetrics 1.0 as its specification has it, read strictly, for tests: what this accepts was not
//! written by looking at the crate that writes it.

use std::collections::{BTreeMap, BTreeSet};

/// What one exposition says.
pub(super) type Families = BTreeMap<String, Family>;

/// One metric.
#[derive(Debug, Default)]
pub(super) struct Family {
    pub(super) kind: String,
    pub(super) help: String,
    pub(super) unit: String,
    pub(super) samples: Vec<Sample>,
}

/// One line of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    /// What its name has beyond that of the metric.
    pub(super) suffix: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) value: f64,
}

/// Reads an exposition.
pub(super) fn read(text: &str) -> Result<Families, String> {
    let body = text
        .strip_suffix("# EOF\n")
        .ok_or("it does not end with # EOF")?;
    let mut families = Families::new();
    let mut current = String::new();
    for line in body.split_terminator('\n') {
        let fail = |reason: &str| format!("{reason}: {line}");
        if let Some(rest) = line.strip_prefix("# ") {
            let (keyword, rest) = rest.split_once(' ').ok_or_else(|| fail("no metadata"))?;
            let (name, what) = rest.split_once(' ').ok_or_else(|| fail("no metadata"))?;
            if name != current {
                is_name(name).then_some(()).ok_or_else(|| fail("no name"))?;
                if families.contains_key(name) {
                    return Err(fail("a family in two places"));
                }
                name.clone_into(&mut current);
            }
            let family = families.entry(name.to_owned()).or_default();
            if !family.samples.is_empty() {
                return Err(fail("metadata behind samples"));
            }
            let place = match keyword {
                "HELP" => &mut family.help,
                "TYPE" => &mut family.kind,
                "UNIT" => &mut family.unit,
                _ => return Err(fail("no keyword")),
            };
            if !place.is_empty() {
                return Err(fail("said twice"));
            }
            what.clone_into(place);
        } else {
            let sample = sample(line, &current).ok_or_else(|| fail("no sample"))?;
            let family = families.get_mut(&current);
            let family = family.ok_or_else(|| fail("a sample without a type"))?;
            family.samples.push(sample);
        }
    }
    for (name, family) in &families {
        judge(name, family).map_err(|reason| format!("{name}: {reason}"))?;
    }
    Ok(families)
}

fn is_name(text: &str) -> bool {
    let is_first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || byte == b':';
    let mut bytes = text.bytes();
    bytes.next().is_some_and(is_first) && bytes.all(|byte| is_first(byte) || byte.is_ascii_digit())
}

/// `name{label="value",..} number`, without a time and an exemplar.
fn sample(line: &str, family: &str) -> Option<Sample> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let suffix = name.strip_prefix(family)?.to_owned();
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            if !labels.is_empty() {
                rest = rest.strip_prefix(',')?;
            }
            let (label, behind) = rest.split_once("=\"")?;
            let (value, behind) = quoted(behind)?;
            let is_new = labels.insert(label.to_owned(), value).is_none();
            (is_name(label) && !label.contains(':') && is_new).then_some(())?;
            rest = behind;
        }
        rest = &rest[1..];
    }
    Some(Sample {
        suffix,
        labels,
        value: number(rest.strip_prefix(' ')?)?,
    })
}

/// A text up to its closing quotation mark, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, next)) = chars.next() {
        match next {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                escaped @ ('"' | '\\') => escaped,
                _ => return None,
            }),
            other => value.push(other),
        }
    }
    None
}

fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        _ => {
            let is_of_number = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
            text.bytes().all(is_of_number).then(|| text.parse().ok())?
        }
    }
}

fn judge(name: &str, family: &Family) -> Result<(), String> {
    if !family.unit.is_empty() && !name.ends_with(&format!("_{}", family.unit)) {
        return Err(format!(
            "its name does not end with its unit {}",
            family.unit
        ));
    }
    let mut seen = BTreeSet::new();
    for sample in &family.samples {
        let series = format!("{}{:?}", sample.suffix, sample.labels);
        if !seen.insert(series) {
            return Err(format!("twice: {sample:?}"));
        }
        let suffixes: &[&str] = match &*family.kind {
            "counter" => &["_total"],
            "gauge" => &[""],
            "histogram" => &["_sum", "_count", "_bucket"],
            _ => return Err(format!("a kind that is none here: {}", family.kind)),
        };
        if !suffixes.contains(&&*sample.suffix) {
            return Err(format!("a suffix of another kind: {sample:?}"));
        }
        if family.kind != "gauge" && (sample.value < 0.0 || sample.value.is_nan()) {
            return Err(format!("less than nothing was counted: {sample:?}"));
        }
    }
    match &*family.kind {
        "histogram" => judge_histogram(family),
        _ => Ok(()),
    }
}

/// Sum, count, and buckets by their bounds.
type Histogram = (Option<f64>, Option<f64>, Vec<(f64, f64)>);

/// Its buckets are cumulative, end without end, and agree with the count.
fn judge_histogram(family: &Family) -> Result<(), String> {
    let mut by_labels: BTreeMap<_, Histogram> = BTreeMap::new();
    for sample in &family.samples {
        let mut labels = sample.labels.clone();
        let le = labels.remove("le");
        let (sum, count, buckets) = by_labels.entry(labels).or_default();
        match &*sample.suffix {
            "_sum" => *sum = Some(sample.value),
            "_count" => *count = Some(sample.value),
            _ => {
                let le = le
                    .as_deref()
                    .and_then(number)
                    .ok_or("a bucket without a bound")?;
                buckets.push((le, sample.value));
            }
        }
    }
    for (labels, (sum, count, buckets)) in by_labels {
        let grows = buckets
            .windows(2)
            .all(|two| two[0].0 < two[1].0 && two[0].1 <= two[1].1);
        let last = buckets.last().copied();
        if !grows || sum.is_none() || last != count.map(|count| (f64::INFINITY, count)) {
            return Err(format!(
                "{labels:?}: {buckets:?}, sum {sum:?}, count {count:?}"
            ));
        }
    }
    Ok(())
}

#[test]
fn what_is_wrong_is_found() {
    let good = "# TYPE a_seconds histogram\n# UNIT a_seconds seconds\n\
                a_seconds_bucket{le=\"0.5\"} 1\n\
                a_seconds_bucket{le=\"+Inf\"} 2\na_seconds_sum 3.5\na_seconds_count 2\n\
                # TYPE b counter\nb_total{x=\"\\\"\\\\\\n\"} 1\n# EOF\n";
    let families = read(good).unwrap();
    assert_eq!(families["b"].samples[0].labels["x"], "\"\\\n");
    for (from, to) in [
        ("# EOF\n", ""),
        ("_total", ""),
        ("b_total{", "c_total{"),
        ("le=\"0.5\"} 1", "le=\"0.5\"} 3"),
        ("a_seconds_count 2", "a_seconds_count 1"),
        ("a_seconds_sum 3.5\n", ""),
        ("+Inf", "1"),
        ("UNIT a_seconds seconds", "UNIT a_seconds bytes"),
        ("} 1\n# EOF", "} one\n# EOF"),
        ("\\n\"", "\\t\""),
        ("# TYPE b counter", "# TYPE a_seconds counter"),
        ("# TYPE b counter\n", ""),
        ("b_total{x=\"\\\"\\\\\\n\"} 1\n", "b_total 1\nb_total 1\n"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert!(bad != good && read(&bad).is_err(), "{from} -> {to}");
    }
}
