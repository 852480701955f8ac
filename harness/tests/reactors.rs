//! `harness compare reactors` with programs that can't take part: each is left out with its reason,
//! and the comparison ends by itself. What the reactors do right they prove to the auditor, in the
//! trials of every comparison.

use std::fs::write;
use std::path::Path;
use std::process::Command;

/// Listens, says so, and does nothing for anybody. Perl is part of every Debian.
const DEAF: &str = r#"#!/usr/bin/perl
use IO::Socket::INET;
my $listener = IO::Socket::INET->new(
    LocalPort => $ARGV[0], Listen => 128, ReuseAddr => 1) or die "no port: $!\n";
$| = 1;
print "version deaf 1\nlistening $ARGV[0]\n";
sleep 600;
"#;

const UNABLE: &str = "#!/bin/sh\necho 'reactor: the kernel has no ring' >&2\nexit 1\n";

/// Compares glommio alone, whose program is what lies in this folder, and returns the exit code and
/// the error stream.
fn compare(directory: &Path) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_harness"))
        .args([
            "compare",
            "reactors",
            "--reactor",
            "glommio",
            "--rounds",
            "1",
        ])
        .args([
            "--scenario",
            "echo",
            "--server-cpu",
            "0",
            "--client-cpu",
            "0",
        ])
        .arg("--reactors-directory")
        .arg(directory)
        .output()
        .unwrap();
    let complaints = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), complaints)
}

fn compare_with(program: &str) -> (Option<i32>, String) {
    let directory = tempfile::tempdir().unwrap();
    let written = directory.path().join("written");
    write(&written, program).unwrap();
    // Another process makes it a program: a child that another test has just forked would keep a
    // file open for writing that was so here, and it could not be started.
    let mut install = Command::new("install");
    let path = directory.path().join("reactor-glommio");
    let made = install.arg("--mode=755").arg(&written).arg(&path).status();
    assert!(made.unwrap().success());
    compare(directory.path())
}

#[test]
fn one_that_was_not_built_is_left_out_with_the_command_that_builds_it() {
    let directory = tempfile::tempdir().unwrap();
    let (code, complaints) = compare(directory.path());
    assert_eq!(code, Some(1));
    assert!(complaints.contains("glommio is not there"), "{complaints}");
    assert!(
        complaints.contains("`scripts/compare-reactors`"),
        "{complaints}"
    );
}

#[test]
fn one_that_can_not_run_here_is_left_out_in_its_own_words() {
    let (code, complaints) = compare_with(UNABLE);
    assert_eq!(code, Some(1));
    assert!(
        complaints.contains("glommio can't run here"),
        "{complaints}"
    );
    assert!(
        complaints.contains("the kernel has no ring"),
        "{complaints}"
    );
}

#[test]
fn one_that_hangs_does_not_hang_the_comparison() {
    let (code, complaints) = compare_with(DEAF);
    assert_eq!(code, Some(1));
    assert!(
        complaints.contains("glommio did not finish"),
        "{complaints}"
    );
}
