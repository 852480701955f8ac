//! `harness sim` as a person runs it: what it prints, how it ends, and the seeds that once failed.

use std::process::{Command, Output};

fn sim(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_harness"))
        .arg("sim")
        .args(arguments)
        .output()
        .expect("the harness runs")
}

fn lines(output: &Output) -> Vec<String> {
    let text = String::from_utf8(output.stdout.clone()).expect("a report is text");
    text.lines().map(str::to_owned).collect()
}

const SMALL: [&str; 6] = ["--clients", "100", "--scenario", "outage", "--seed", "11"];

#[test]
fn begins_with_the_seed_and_ends_with_the_trace() {
    let (first, second) = (sim(&SMALL), sim(&SMALL));
    assert_eq!(first.status.code(), Some(0), "{first:?}");
    let (first, second) = (lines(&first), lines(&second));
    assert_eq!(first[0], "seed 11");
    let trace = first.last().and_then(|line| line.strip_prefix("trace "));
    let trace = trace.expect("the last line is the trace");
    assert!(trace.len() == 16 && u64::from_str_radix(trace, 16).is_ok());
    assert_eq!(first.last(), second.last(), "the same seed, the same trace");
}

#[test]
fn a_finding_is_the_exit_code_and_comes_with_the_command_that_replays_it() {
    let mut arguments = SMALL.to_vec();
    arguments.extend(["--sabotage", "duplicates", "--duration", "250s"]);
    let output = sim(&arguments);
    assert_eq!(output.status.code(), Some(1));
    let lines = lines(&output);
    let replay = lines.iter().find(|line| line.starts_with("replay"));
    let replay = replay.expect("it says how to see it again");
    assert!(
        replay.contains("--scenario outage --clients 100 --seed 11 --duration 250000ms"),
        "{replay}"
    );
    assert!(lines.iter().any(|line| line.contains("duplicated")));
}

#[test]
fn misuse_is_exit_code_2() {
    for wrong in [["--clients", "0"], ["--nodes", "9"], ["--scenario", "war"]] {
        assert_eq!(sim(&wrong).status.code(), Some(2), "{wrong:?}");
    }
    for about_servers in ["--nodes=2", "--duration=10s", "--ping-interval=25000"] {
        let output = sim(&["--scenario", "backoff", "--clients", "1", about_servers]);
        assert_eq!(output.status.code(), Some(2), "{about_servers}");
    }
}

#[test]
fn delays_are_compared_with_the_algorithm_attempt_by_attempt() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let [json, html] = ["json", "html"].map(|end| folder.path().join(format!("report.{end}")));
    let path = |path: &std::path::Path| path.to_str().expect("a path is text").to_owned();
    let files = [path(&json), path(&html)];
    let plan = ["--scenario", "backoff", "--clients", "2000", "--seed", "3"];
    let mut arguments = plan.to_vec();
    arguments.extend(["--json", &files[0], "--html", &files[1]]);
    let output = sim(&arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(lines(&output).last(), lines(&sim(&plan)).last());
    let text = std::fs::read(&json).expect("the report is there");
    let report: serde_json::Value = serde_json::from_slice(&text).expect("it is JSON");
    for (attempt, delay) in (2..=10).zip(report["delays"].as_array().expect("a list")) {
        assert_eq!(delay["attempt"], attempt);
        assert_eq!(delay["count"], 2000);
        assert_eq!(delay["tests"]["fits"], true);
    }
    let page = std::fs::read_to_string(&html).expect("the page is there");
    assert!(page.contains("Attempt 10") && page.contains("expected"));
}

#[test]
fn the_report_holds_what_the_text_says() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("report.json");
    let mut arguments = SMALL.to_vec();
    arguments.extend(["--json", path.to_str().expect("a path is text")]);
    let output = sim(&arguments);
    let text = std::fs::read(&path).expect("the report is there");
    let report: serde_json::Value = serde_json::from_slice(&text).expect("it is JSON");
    let trace = format!("trace {}", report["trace"].as_str().unwrap_or_default());
    assert_eq!(lines(&output).last(), Some(&trace));
    assert_eq!((&report["ok"], &report["seed"]), (&true.into(), &11.into()));
    assert!(!report["series"].as_array().is_none_or(Vec::is_empty));
    assert_eq!(report["delays"][0]["attempt"], 2);
}

#[test]
fn seeds_that_once_failed_pass() {
    for line in include_str!("seeds.txt").lines() {
        let mut words = line.split(' ').filter(|_| !line.starts_with('#'));
        let (Some(seed), Some(clients)) = (words.next(), words.next()) else {
            continue;
        };
        let output = sim(&["--scenario", "faults", "--seed", seed, "--clients", clients]);
        assert_eq!(output.status.code(), Some(0), "{:#?}", lines(&output));
    }
}
