//! Style is a test: the rules of this repository that no compiler and no lint enforces.
//!
//! Each [`Rule`] carries a sample that breaks it and one that keeps it, so a rule that has stopped
//! finding anything is found itself. An exception is a line in a list beside its rule, with its
//! reason; there is no way to switch a rule off in the file that it complains about.

mod borders;
mod builds;
mod calls;
mod circles;
mod code;
mod compatibility;
mod dependencies;
mod imports;
mod layers;
mod lines;
mod links;
mod names;
mod reach;
mod repository;
mod style;
mod unsafety;

use repository::Repository;

/// One rule, with the proof that it works.
struct Rule {
    /// The rule in words, for whoever broke it.
    says: &'static str,
    check: fn(&Repository) -> Vec<Complaint>,
    /// A repository in which every file breaks the rule, unless it is part of the good one too.
    bad: Sample,
    /// A repository that keeps the rule.
    good: Sample,
}

/// Paths and contents of files.
type Sample = &'static [(&'static str, &'static str)];

/// Where a rule was broken.
struct Complaint {
    path: String,
    /// Counted from 1; 0 means the file as a whole.
    line: usize,
    what: String,
}

impl Complaint {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            what: what.into(),
        }
    }
}

fn rules() -> impl Iterator<Item = &'static Rule> {
    [
        borders::RULES,
        builds::RULES,
        calls::RULES,
        circles::RULES,
        compatibility::RULES,
        dependencies::RULES,
        layers::RULES,
        lines::RULES,
        links::RULES,
        names::RULES,
        reach::RULES,
        style::RULES,
        unsafety::RULES,
    ]
    .into_iter()
    .flatten()
}

#[test]
fn the_repository_keeps_every_rule() {
    let repository = Repository::read();
    let mut report = String::new();
    for rule in rules() {
        for Complaint { path, line, what } in (rule.check)(&repository) {
            report += &format!("{path}:{line}: {what} ({})\n", rule.says);
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn every_rule_finds_its_bad_sample() {
    for rule in rules() {
        let complaints = (rule.check)(&Repository::of(rule.bad));
        for (path, _) in rule.bad.iter().filter(|file| !rule.good.contains(file)) {
            let found = complaints.iter().any(|complaint| complaint.path == *path);
            assert!(found, "'{}' overlooks {path}", rule.says);
        }
    }
}

#[test]
fn every_rule_accepts_its_good_sample() {
    for rule in rules() {
        let complaints = (rule.check)(&Repository::of(rule.good));
        if let Some(Complaint { path, line, what }) = complaints.first() {
            panic!("'{}' refuses {path}:{line}: {what}", rule.says);
        }
    }
}
