//! Imports go one way, and what is sans-IO stays so.

use toml::{Table, Value};

use crate::code::has_word;
use crate::repository::Repository;
use crate::{Complaint, Rule};

pub(crate) const RULES: &[Rule] = &[
    Rule {
        says: "imports go one way: see Layout in docs/ARCHITECTURE.md",
        check: imports_go_one_way,
        bad: &[
            (
                "protocol/Cargo.toml",
                "package.name='allspark-protocol'\n\
                 [dependencies]\nallspark-engine.workspace=true",
            ),
            (
                "harness/Cargo.toml",
                "package.name='allspark-harness'\n\
                 [target.'cfg(unix)'.dependencies]\nallspark={path='..'}",
            ),
            (
                "new/Cargo.toml",
                "package.name='allspark-new'\n[dependencies]\nallspark-protocol.workspace=true",
            ),
            ("broken/Cargo.toml", "["),
        ],
        good: &[
            (
                "Cargo.toml",
                "package.name='allspark'\n\
                 [dependencies]\nallspark-engine.workspace=true\n\
                 [workspace.dependencies]\nallspark-harness={path='harness'}",
            ),
            (
                "protocol/Cargo.toml",
                "package.name='allspark-protocol'\n\
                 [dependencies]\nmemchr='2'\n\
                 [dev-dependencies]\nallspark-transformers.workspace=true",
            ),
        ],
    },
    Rule {
        says: "sans-IO code takes bytes and a clock reading, and reaches for nothing else",
        check: sans_io_code_reaches_for_nothing,
        bad: &[
            ("protocol/src/a.rs", "fn f() { std::time::Instant::now(); }"),
            (
                "transformers/src/b.rs",
                "use std::net::{IpAddr, TcpStream};",
            ),
            ("client/src/core/c.rs", "use std::thread;"),
        ],
        good: &[
            (
                "protocol/src/a.rs",
                "// Instant::now()\nuse crate::Instant;\nuse std::net::IpAddr;",
            ),
            ("engine/src/b.rs", "fn f() { std::time::Instant::now(); }"),
            ("protocol/src/a/tests.rs", "use std::thread;"),
            ("protocol/src/a/tests/b.rs", "use std::thread;"),
        ],
    },
];

/// Each crate, and those of this workspace that it may depend on; any other may depend on none.
/// Tests may look at a crate from outside, so dev-dependencies are free.
const IMPORTS: &[(&str, &[&str])] = &[
    ("allspark-protocol", &[]),
    ("allspark-transformers", &["allspark-protocol"]),
    (
        "allspark-client",
        &["allspark-protocol", "allspark-transformers"],
    ),
    ("allspark-engine", &["allspark-protocol"]),
    (
        "allspark-plugins",
        &["allspark-protocol", "allspark-engine"],
    ),
    ("allspark-web", &["allspark-protocol", "allspark-engine"]),
    (
        "allspark",
        &[
            "allspark-web",
            "allspark-protocol",
            "allspark-transformers",
            "allspark-client",
            "allspark-engine",
            "allspark-plugins",
        ],
    ),
    // What an application may write: it needs nothing else.
    ("allspark-quota", &["allspark"]),
    (
        "allspark-harness",
        &[
            "allspark-protocol",
            "allspark-transformers",
            "allspark-client",
            "allspark-engine",
            "allspark-plugins",
        ],
    ),
    // Its handshake is no part of what it measures.
    ("allspark-peer-floor", &["allspark-protocol"]),
    (
        "allspark-reactors",
        &["allspark-protocol", "allspark-transformers"],
    ),
];

/// Folders whose code never touches the world. Tests in files of their own may: one of them runs in
/// a thread, to see how much stack is used.
const SANS_IO: &[&str] = &["protocol/src/", "transformers/src/", "client/src/core/"];

/// What such code must not name, and what it has instead.
const WORLD: &[(&str, &str)] = &[
    ("Instant::now", "an Instant that the caller hands in"),
    ("SystemTime", "a clock reading that the caller hands in"),
    ("TcpStream", "bytes in and bytes out"),
    ("TcpListener", "bytes in and bytes out"),
    ("UdpSocket", "bytes in and bytes out"),
    ("UnixStream", "bytes in and bytes out"),
    ("UnixListener", "bytes in and bytes out"),
    ("std::thread", "a state machine"),
    ("thread::spawn", "a state machine"),
    ("std::fs", "bytes in and bytes out"),
    ("std::env", "options that the caller hands in"),
    ("unsafe", "safe code"),
];

fn imports_go_one_way(repository: &Repository) -> Vec<Complaint> {
    let manifests = repository
        .files()
        .filter(|(path, _)| path.ends_with("Cargo.toml"));
    manifests
        .flat_map(|(path, text)| judge_manifest(path, text))
        .collect()
}

fn judge_manifest(path: &str, text: &str) -> Vec<Complaint> {
    let Ok(manifest) = text.parse::<Table>() else {
        return vec![Complaint::new(path, 0, "is no TOML")];
    };
    let package = manifest
        .get("package")
        .and_then(|package| package.get("name"));
    let Some(name) = package.and_then(Value::as_str) else {
        return Vec::new();
    };
    let imported = dependencies(&manifest)
        .into_iter()
        .filter(|other| other.starts_with("allspark"));
    let known = IMPORTS.iter().find(|(known, _)| *known == name);
    let allowed = known.map_or(&[][..], |(_, allowed)| *allowed);
    imported
        .filter(|other| !allowed.contains(&other.as_str()))
        .map(|other| Complaint::new(path, 0, format!("{name} must not import {other}")))
        .collect()
}

/// The names of what a product of this manifest is built from, for any target.
fn dependencies(manifest: &Table) -> Vec<String> {
    let tables = |key| manifest.get(key).and_then(Value::as_table);
    let mut names: Vec<_> = ["dependencies", "build-dependencies"]
        .into_iter()
        .filter_map(tables)
        .flat_map(|table| table.keys().cloned())
        .collect();
    for target in tables("target").into_iter().flat_map(Table::values) {
        names.extend(target.as_table().into_iter().flat_map(dependencies));
    }
    names
}

fn sans_io_code_reaches_for_nothing(repository: &Repository) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (path, code) in repository.rust_code() {
        let is_test = path.contains("/tests/") || path.ends_with("/tests.rs");
        if is_test || !SANS_IO.iter().any(|folder| path.starts_with(folder)) {
            continue;
        }
        for (index, line) in code.lines().enumerate() {
            for (word, instead) in WORLD.iter().filter(|(word, _)| has_word(line, word)) {
                let what = format!("names {word}; it has {instead}");
                complaints.push(Complaint::new(path, index + 1, what));
            }
        }
    }
    complaints
}
