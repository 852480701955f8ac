//! The machines of the engine have borders: each knows only what it is told about here.

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
        ("engine/src/io/ring.rs", "use crate::shard::Shard;"),
        ("engine/src/memory/pool.rs", "fn f() { crate::shard::g() }"),
    ],
    good: &[
        ROOT,
        IO,
        MEMORY,
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
const MEMORY: (&str, &str) = ("engine/src/memory/mod.rs", "mod pool;");

/// A folder of a crate, or a file beside its root, and what it may know of the same crate.
struct Machine {
    name: &'static str,
    may_import: &'static [&'static str],
}

/// The root file of the crate that the table below is about.
const ENGINE: &str = "engine/src/lib.rs";

/// Who may import whom in engine/src: as little as can be. Who has no row may import everybody (the
/// root of the crate, and what starts and runs a whole server).
const MACHINES: &[Machine] = &[
    // Joins the machines, and is imported by none of them.
    Machine {
        name: "shard",
        may_import: &[
            "access",
            "app",
            "config",
            "distribution",
            "fanout",
            "guard",
            "http",
            "io",
            "known",
            "layers",
            "limits",
            "lines",
            "memory",
            "mesh",
            "net",
            "purpose",
            "refusals",
            "rooms",
            "routes",
            "session",
            "stats",
            "tasks",
            "throttle",
        ],
    },
    // Connections. Knows no spark, no HTTP and nobody's owner.
    Machine {
        name: "net",
        may_import: &[
            "budget", "config", "io", "limits", "memory", "mesh", "stats", "wheel",
        ],
    },
    // The front door. Knows no spark and no socket.
    Machine {
        name: "http",
        may_import: &[
            "config", "guard", "known", "layers", "limits", "routes", "tasks",
        ],
    },
    // Touches no socket: of `net` it knows what waits to be sent. Of `app` it knows what is kept of
    // a spark, and of `mesh` the addresses of sessions.
    Machine {
        name: "session",
        may_import: &["app", "config", "memory", "mesh", "net", "wheel"],
    },
    // From one to many. Knows neither sockets nor sessions.
    Machine {
        name: "fanout",
        may_import: &["limits", "memory"],
    },
    // Who is in which room. Knows neither sessions nor messages.
    Machine {
        name: "rooms",
        may_import: &["limits", "memory"],
    },
    // The side of the application. Decides nothing about bytes.
    Machine {
        name: "app",
        may_import: &[
            "budget",
            "config",
            "distribution",
            "guard",
            "io",
            "known",
            "layers",
            "limits",
            "memory",
            "mesh",
            "refusals",
            "rooms",
            "routes",
            "shared",
            "stats",
            "tasks",
            "wheel",
        ],
    },
    // Futures of the application. Knows no spark: a task has an owner, which is a key.
    Machine {
        name: "tasks",
        may_import: &["guard", "io", "limits", "memory", "wheel"],
    },
    // The way between threads.
    Machine {
        name: "mesh",
        may_import: &[
            "distribution",
            "guard",
            "http",
            "io",
            "known",
            "limits",
            "memory",
            "stats",
        ],
    },
    // What shards record beside what they count.
    Machine {
        name: "distribution",
        may_import: &["stats"],
    },
    // How much may be held for peers, and how much is.
    Machine {
        name: "budget",
        may_import: &["config", "limits", "mesh"],
    },
    // What all shards of a server share.
    Machine {
        name: "shared",
        may_import: &[
            "config", "io", "lines", "mesh", "net", "place", "purpose", "refusals",
        ],
    },
    // Talks to the kernel.
    Machine {
        name: "io",
        may_import: &["guard", "limits", "memory"],
    },
    // Owns bytes and pages. Of `io` it knows the token by which an operation finds its slot again.
    Machine {
        name: "memory",
        may_import: &["io"],
    },
    Machine {
        name: "config",
        may_import: &["access", "limits", "rooms", "routes"],
    },
    // What is known of a connection beside its peer.
    Machine {
        name: "known",
        may_import: &["io"],
    },
    Machine {
        name: "purpose",
        may_import: &[],
    },
    // Where a server listens.
    Machine {
        name: "place",
        may_import: &["io", "limits", "purpose", "start_error"],
    },
    Machine {
        name: "start_error",
        may_import: &["io", "limits"],
    },
    // What requests for Primus go through.
    Machine {
        name: "layers",
        may_import: &["guard", "io", "known", "routes", "tasks"],
    },
    // The application's routes, and answers that come later.
    Machine {
        name: "routes",
        may_import: &["guard", "io", "known", "limits"],
    },
    Machine {
        name: "lines",
        may_import: &["throttle"],
    },
    Machine {
        name: "access",
        may_import: &["limits", "memory"],
    },
    Machine {
        name: "refusals",
        may_import: &["limits"],
    },
    Machine {
        name: "guard",
        may_import: &["throttle"],
    },
    Machine {
        name: "limits",
        may_import: &[],
    },
    Machine {
        name: "machine",
        may_import: &[],
    },
    Machine {
        name: "stats",
        may_import: &[],
    },
    Machine {
        name: "throttle",
        may_import: &["limits"],
    },
    Machine {
        name: "wheel",
        may_import: &[],
    },
];

fn machines_keep_to_themselves(repository: &Repository) -> Vec<Complaint> {
    let sources: Sources = repository.rust_code().collect();
    judge(MACHINES, &imports(&sources, ENGINE))
}

/// The machine that a file belongs to: the first name of its path below the root of the crate.
fn part(path: &str) -> Option<&str> {
    let folder = ENGINE.trim_end_matches("lib.rs");
    let below = path.strip_prefix(folder)?;
    let first = below.split('/').next()?;
    Some(first.trim_end_matches(".rs"))
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
    use std::collections::BTreeSet;

    use super::*;

    /// The parts of the engine that have no row.
    const FREE: &[&str] = &["lib", "seat", "server", "sim", "start"];

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
    fn every_part_of_the_engine_has_a_row_or_needs_none() {
        let repository = Repository::read();
        let files = repository.files().map(|(path, _)| path);
        let parts: BTreeSet<&str> = files.filter_map(part).collect();
        let rows = MACHINES.iter().map(|machine| machine.name);
        let named: BTreeSet<&str> = rows.chain(FREE.iter().copied()).collect();
        assert_eq!(parts, named);
    }

    #[test]
    fn no_row_allows_more_than_is_needed() {
        let repository = Repository::read();
        let sources: Sources = repository.rust_code().collect();
        let imports = imports(&sources, ENGINE);
        let needed: BTreeSet<_> = imports
            .iter()
            .map(|import| (part(&import.from), part(&import.to)))
            .collect();
        for Machine { name, may_import } in MACHINES {
            for other in *may_import {
                let is_needed = needed.contains(&(Some(name), Some(other)));
                assert!(is_needed, "{name} does not import {other} any more");
            }
        }
    }
}
