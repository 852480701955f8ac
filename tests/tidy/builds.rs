//! What is built for one purpose is not compiled again for another. Cargo compiles a package anew
//! for every set of features that it is asked for, and all that depends on it: so scripts and pages
//! name the same packages, and what these need together is what the server needs alone.

use std::collections::BTreeSet;
use std::env;
use std::process::Command;

use crate::repository::Repository;
use crate::{Complaint, Rule};

pub(crate) const RULES: &[Rule] = &[Rule {
    says: "who builds the harness for release builds the server with it, and not everything",
    check: builds_are_shared,
    bad: &[
        ("scripts/a", "x\n    cargo build --release --workspace"),
        ("b.md", "cargo build --release -p allspark-harness"),
    ],
    good: &[
        (
            "scripts/a",
            "cargo build --release -p allspark -p allspark-harness \\",
        ),
        ("b.md", "cargo build --release\ncargo test --workspace"),
    ],
}];

fn builds_are_shared(repository: &Repository) -> Vec<Complaint> {
    let is_read = |path: &str| path.starts_with("scripts/") || path.ends_with(".md");
    let files = repository.files().filter(|(path, _)| is_read(path));
    let mut complaints = Vec::new();
    for (path, text) in files {
        for (number, line) in (1..).zip(text.lines()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let has = |word| words.contains(&word);
            let is_build = line.trim_start().starts_with("cargo build") && has("--release");
            if is_build && (has("--workspace") || has("allspark-harness") && !has("allspark")) {
                let what = "compiles again what `-p allspark -p allspark-harness` has compiled";
                complaints.push(Complaint::new(path, number, what));
            }
        }
    }
    complaints
}

/// The packages that are compiled for these arguments, each with its features.
fn compiled(args: &[&str]) -> BTreeSet<String> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(["tree", "--locked", "--edges", "normal,build"]);
    cargo.args(["--no-dedupe", "--prefix", "none", "--format", "{p} {f}"]);
    let output = cargo.args(args).output().expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree: {errors}");
    let lines = String::from_utf8(output.stdout).expect("names of packages");
    lines.lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn what_is_compiled_beside_the_harness_is_what_is_compiled_alone() {
    let alone = compiled(&[]);
    let beside = ["-p", "allspark", "-p", "allspark-harness"];
    let peers = [
        "-p",
        "allspark-peer-floor",
        "-p",
        "allspark-peer-tungstenite",
    ];
    for packages in [&beside[..], &[beside, peers].concat()] {
        let again: Vec<_> = alone.difference(&compiled(packages)).cloned().collect();
        assert!(
            again.is_empty(),
            "compiled again for {packages:?}: {again:?}"
        );
    }
}
