//! The result of a run does not hang on who reads it.

use std::fs::File;
use std::io::pipe;
use std::process::{Command, Output, Stdio};

fn backoff(stdout: impl Into<Stdio>, stderr: impl Into<Stdio>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.args(["sim", "--scenario", "backoff", "--clients", "10"]);
    command.args(["--seed", "1"]).stdout(stdout).stderr(stderr);
    command.output().unwrap()
}

#[test]
fn a_reader_who_has_seen_enough_changes_no_verdict() {
    let output = backoff(pipe().unwrap().1, Stdio::piped());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stderr.is_empty(), "{stderr}");
}

#[test]
fn a_report_that_can_not_be_written_is_told_and_fails() {
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let output = backoff(full(), Stdio::piped());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    // And if that can't be told either, by the exit code alone.
    assert_eq!(backoff(full(), full()).status.code(), Some(1));
}
