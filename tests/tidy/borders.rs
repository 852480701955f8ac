//! The machines of the engine have borders: each knows only what it is told about here.

use std::collections::BTreeSet;

use crate::imports::{Import, Sources, imports};
use crate::repository::Repository;
use crate::{Complaint, Rule};

pub(crate) const RULES: &[Rule] = &[Rule {
    says: "a machine imports only those that its row in tests/tidy/borders.rs names",
    check: machines_keep_to_themselves,
    bad: &[
        ROOT,
        IO,
        MEMORY,
        LIMITS,
        OTHERS[0],
        OTHERS[1],
        OTHERS[2],
        OTHERS[3],
        OTHERS[4],
        OTHERS[5],
        OTHERS[6],
        OTHERS[7],
        OTHERS[8],
        OTHERS[9],
        OTHERS[10],
        OTHERS[11],
        ("engine/src/io/ring.rs", "use crate::shard::Shard;"),
        ("engine/src/memory/pool.rs", "fn f() { crate::shard::g() }"),
    ],
    good: &[
        ROOT,
        IO,
        MEMORY,
        LIMITS,
        OTHERS[0],
        OTHERS[1],
        OTHERS[2],
        OTHERS[3],
        OTHERS[4],
        OTHERS[5],
        OTHERS[6],
        OTHERS[7],
        OTHERS[8],
        OTHERS[9],
        OTHERS[10],
        OTHERS[11],
        (
            "engine/src/io/ring.rs",
            "use crate::memory::pool::Pool;\n#[cfg(test)]\nuse crate::shard::Shard;",
        ),
        ("engine/src/memory/pool.rs", "pub struct Pool;"),
    ],
}];

const ROOT: (&str, &str) = (
    "engine/src/lib.rs",
    "mod io;\nmod memory;\nmod shard { pub struct Shard; }",
);
const IO: (&str, &str) = ("engine/src/io/mod.rs", "mod ring;");
const LIMITS: (&str, &str) = ("engine/src/limits.rs", "");
const MEMORY: (&str, &str) = ("engine/src/memory/mod.rs", "mod pool;");

/// The rest of what the table below names.
const OTHERS: [(&str, &str); 12] = [
    ("engine/src/app.rs", ""),
    ("engine/src/config.rs", ""),
    ("engine/src/fanout.rs", ""),
    ("engine/src/guard.rs", ""),
    ("engine/src/http.rs", ""),
    ("engine/src/lines.rs", ""),
    ("engine/src/mesh.rs", ""),
    ("engine/src/net.rs", ""),
    ("engine/src/session.rs", ""),
    ("engine/src/shared.rs", ""),
    ("engine/src/stats.rs", ""),
    ("engine/src/wheel.rs", ""),
];

/// A folder of a crate, or a file beside its root, and what it may know of the same crate.
struct Machine {
    name: &'static str,
    may_import: &'static [&'static str],
}

/// The root file of the crate that the table below is about.
const ENGINE: &str = "engine/src/lib.rs";

/// Who may import whom in engine/src. Who has no row may import everybody and is imported by those
/// only whose rows name it, and by others without a row.
const MACHINES: &[Machine] = &[
    // Talks to the kernel.
    Machine {
        name: "io",
        may_import: &["limits", "memory"],
    },
    // Owns bytes and pages. Of `io` it knows the token by which an operation finds its slot again.
    Machine {
        name: "memory",
        may_import: &["io", "limits"],
    },
    // Owns connections. It knows no spark, no session and no HTTP.
    Machine {
        name: "net",
        may_import: &["config", "io", "limits", "memory", "mesh", "stats", "wheel"],
    },
    // The front door. It knows no connection and no spark.
    Machine {
        name: "http",
        may_import: &["config", "limits"],
    },
    // From one to many. It knows no connection and no session.
    Machine {
        name: "fanout",
        may_import: &["limits", "memory"],
    },
    // The side of the application. It knows no connection and no session.
    Machine {
        name: "app",
        may_import: &[
            "config", "guard", "memory", "mesh", "shared", "stats", "wheel",
        ],
    },
    // Owns sessions. Of `net` it knows queues and the memory for them, but no connection.
    Machine {
        name: "session",
        may_import: &["app", "memory", "net", "wheel"],
    },
    // The way between threads, for whatever is sent. What travels has passed the door.
    Machine {
        name: "mesh",
        may_import: &["guard", "http", "io", "limits", "memory", "stats"],
    },
    // What all shards share, whatever they are.
    Machine {
        name: "shared",
        may_import: &["config", "lines", "mesh"],
    },
];

fn machines_keep_to_themselves(repository: &Repository) -> Vec<Complaint> {
    let sources: Sources = repository.rust_code().collect();
    if !sources.contains_key(ENGINE) {
        return Vec::new();
    }
    let parts: BTreeSet<&str> = sources.keys().filter_map(|path| part(path)).collect();
    let imports = imports(&sources, ENGINE);
    let mut complaints = unknown(MACHINES, &parts);
    complaints.extend(judge(MACHINES, &imports));
    complaints
}

/// The machine that a file belongs to: the first name of its path below the root of the crate.
fn part(path: &str) -> Option<&str> {
    let folder = ENGINE.trim_end_matches("lib.rs");
    let below = path.strip_prefix(folder)?;
    let first = below.split('/').next()?;
    Some(first.trim_end_matches(".rs"))
}

/// A row says nothing about what is not there.
fn unknown(machines: &[Machine], parts: &BTreeSet<&str>) -> Vec<Complaint> {
    let names = machines
        .iter()
        .flat_map(|machine| machine.may_import.iter().chain([&machine.name]));
    let unknown: BTreeSet<_> = names.filter(|name| !parts.contains(**name)).collect();
    let complain = |name| {
        let what = format!("the table in tests/tidy/borders.rs names {name}, which is not there");
        Complaint::new(ENGINE, 0, what)
    };
    unknown.into_iter().map(complain).collect()
}

/// Complains of each import that no row allows.
fn judge(machines: &[Machine], imports: &[Import]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for import in imports {
        let (Some(from), Some(to)) = (part(&import.from), part(&import.to)) else {
            continue;
        };
        let row = machines.iter().find(|machine| machine.name == from);
        if row.is_some_and(|row| from != to && !row.may_import.contains(&to)) {
            let what = format!("{from} must not import {to} ({})", import.to);
            complaints.push(Complaint::new(&import.from, import.line, what));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Machine] = &[
        Machine {
            name: "net",
            may_import: &["limits"],
        },
        Machine {
            name: "shard",
            may_import: &["limits", "net"],
        },
    ];

    fn complaints(from: &str, to: &str) -> Vec<String> {
        let import = Import {
            from: format!("engine/src/{from}"),
            to: format!("engine/src/{to}"),
            line: 7,
        };
        let complaints = judge(TABLE, &[import]);
        let words = |one: Complaint| format!("{}:{}: {}", one.path, one.line, one.what);
        complaints.into_iter().map(words).collect()
    }

    #[test]
    fn a_row_says_what_a_machine_may_import() {
        for (from, to) in [
            ("net/queue.rs", "net/mod.rs"),
            ("net/queue.rs", "limits.rs"),
            ("shard/mod.rs", "net/queue.rs"),
            ("sim.rs", "shard/mod.rs"),
        ] {
            assert_eq!(complaints(from, to), [""; 0]);
        }
        let expected = "engine/src/net/queue.rs:7: net must not import shard \
                        (engine/src/shard/mod.rs)";
        assert_eq!(complaints("net/queue.rs", "shard/mod.rs"), [expected]);
    }

    #[test]
    fn a_row_of_what_is_not_there_is_found() {
        let there = BTreeSet::from(["limits", "shard"]);
        let found = unknown(TABLE, &there);
        assert_eq!(found.len(), 1);
        assert!(found[0].what.contains("names net"), "{}", found[0].what);
    }
}
