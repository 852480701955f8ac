//! No circle of files is left: whoever reads a file needs to know what it imports, and that ends
//! somewhere.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::imports::{Import, Sources, imports};
use crate::repository::Repository;
use crate::{Complaint, Rule};

pub(crate) const RULES: &[Rule] = &[Rule {
    says: "files import each other in no circle: what both need belongs into a file below them",
    check: no_circle_is_left,
    bad: &[
        ROOT,
        (
            "protocol/src/below.rs",
            "use crate::Shared;\npub fn f(_: Shared) {}",
        ),
    ],
    good: &[ROOT, ("protocol/src/below.rs", "pub fn f(_: Shared) {}")],
}];

const ROOT: (&str, &str) = (
    "protocol/src/lib.rs",
    "mod below;\npub struct Shared;\nfn g() { below::f(Shared) }",
);

/// The root files of the crates that are judged: all but the plugins, and the peers and the
/// reactors of the harness, which are programs of a few files.
const CRATES: &[&str] = &[
    "client/src/lib.rs",
    "engine/src/lib.rs",
    "harness/src/main.rs",
    "protocol/src/lib.rs",
    "server/lib.rs",
    "server/main.rs",
    "transformers/src/lib.rs",
    "web/src/lib.rs",
];

/// Circles that are still there, by the root file of their crate, each with all its files. This
/// list only becomes shorter: what is mended is removed from it, and what is new is mended.
const LEFT: &[(&str, &[&str])] = &[
    // One object that many files add functions to.
    (
        "harness/src/main.rs",
        &[
            "harness/src/load/cables.rs",
            "harness/src/load/churn.rs",
            "harness/src/load/mod.rs",
            "harness/src/load/rooms/mod.rs",
            "harness/src/load/runner.rs",
            "harness/src/load/sessions/mod.rs",
            "harness/src/load/storm/mod.rs",
            "harness/src/load/storm/weather.rs",
            "harness/src/load/traffic.rs",
        ],
    ),
    (
        "harness/src/main.rs",
        &[
            "harness/src/sim/app.rs",
            "harness/src/sim/faults.rs",
            "harness/src/sim/nodes.rs",
            "harness/src/sim/questions.rs",
            "harness/src/sim/rooms.rs",
            "harness/src/sim/script.rs",
            "harness/src/sim/villains.rs",
            "harness/src/sim/world.rs",
        ],
    ),
];

fn no_circle_is_left(repository: &Repository) -> Vec<Complaint> {
    let sources: Sources = repository.rust_code().collect();
    let roots = CRATES.iter().filter(|root| sources.contains_key(**root));
    roots
        .flat_map(|root| {
            let left = LEFT.iter().filter(|(crate_, _)| crate_ == root);
            let left: Vec<_> = left.map(|(_, files)| *files).collect();
            judge(root, &imports(&sources, root), &left)
        })
        .collect()
}

/// Complains of circles that are not in the list, and of those in the list that are not there.
fn judge(root: &str, imports: &[Import], left: &[&[&str]]) -> Vec<Complaint> {
    let knots = knots(imports);
    let is_listed = |knot: &BTreeSet<&str>| left.iter().any(|files| knot.iter().eq(files.iter()));
    let is_there = |files: &&&[&str]| knots.iter().any(|knot| knot.iter().eq(files.iter()));
    let unlisted = knots.iter().filter(|knot| !is_listed(knot));
    let unlisted = unlisted.map(|knot| complain(knot, imports));
    let mended = left.iter().filter(|files| !is_there(files)).map(|files| {
        let what = format!(
            "this circle is no more, or not as it was: {}",
            files.join(", ")
        );
        Complaint::new(root, 0, what)
    });
    unlisted.chain(mended).collect()
}

/// The sets of files, as large as they can be, each of which imports each other one of its set, be
/// it through others.
fn knots(imports: &[Import]) -> Vec<BTreeSet<&str>> {
    let files: BTreeSet<&str> = imports.iter().map(|import| import.from.as_str()).collect();
    let reached: BTreeMap<&str, BTreeSet<&str>> = files
        .iter()
        .map(|file| (*file, reachable(imports, file)))
        .collect();
    let mut knots = BTreeSet::new();
    for file in &files {
        let is_mutual = |other: &&&str| {
            let back = reached.get(**other);
            back.is_some_and(|back| back.contains(file))
        };
        let knot: BTreeSet<&str> = reached[file].iter().filter(is_mutual).copied().collect();
        if !knot.is_empty() {
            knots.insert(knot);
        }
    }
    knots.into_iter().collect()
}

fn reachable<'i>(imports: &'i [Import], from: &str) -> BTreeSet<&'i str> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(file) = waiting.pop() {
        for import in imports.iter().filter(|import| import.from == file) {
            if reached.insert(import.to.as_str()) {
                waiting.push(&import.to);
            }
        }
    }
    reached
}

/// Names the shortest circle of a knot, from the outermost of its files on.
fn complain(knot: &BTreeSet<&str>, imports: &[Import]) -> Complaint {
    let inside: Vec<&Import> = imports
        .iter()
        .filter(|import| knot.contains(import.from.as_str()) && knot.contains(import.to.as_str()))
        .collect();
    let mut starts: Vec<&str> = knot.iter().copied().collect();
    starts.sort_by_key(|path| (depth(path), *path));
    let circles = starts.iter().map(|start| circle(&inside, start));
    let circle = circles.min_by_key(Vec::len).expect("a knot has files");
    let (closing, before) = circle.split_last().expect("a circle has imports");
    let mut what = String::new();
    for Import { from, line, to } in before {
        what += &format!("{from}:{line} imports {to}, ");
    }
    what += &format!("and this imports {}", closing.to);
    let others: Vec<_> = knot
        .iter()
        .copied()
        .filter(|file| circle.iter().all(|import| import.from != *file))
        .collect();
    if !others.is_empty() {
        what += &format!("; tied up with them: {}", others.join(", "));
    }
    Complaint::new(&closing.from, closing.line, what)
}

/// How far from the root of its crate the module of a file is.
fn depth(path: &str) -> usize {
    let module = path.trim_end_matches("/mod.rs");
    let is_root = path.ends_with("/lib.rs") || path.ends_with("/main.rs");
    module.matches('/').count() - usize::from(is_root)
}

/// The shortest way from a file back to itself.
fn circle<'i>(imports: &[&'i Import], start: &str) -> Vec<&'i Import> {
    let mut waiting = VecDeque::from([(start, Vec::new())]);
    let mut seen = BTreeSet::new();
    while let Some((file, way)) = waiting.pop_front() {
        for import in imports.iter().filter(|import| import.from == file) {
            let mut way = way.clone();
            way.push(*import);
            if import.to == start {
                return way;
            }
            if seen.insert(import.to.as_str()) {
                waiting.push_back((&import.to, way));
            }
        }
    }
    unreachable!("each file of a knot comes back to itself")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(from: &str, line: usize, to: &str) -> Import {
        Import {
            from: from.to_owned(),
            to: to.to_owned(),
            line,
        }
    }

    fn words(complaints: &[Complaint]) -> Vec<String> {
        let words = |one: &Complaint| format!("{}:{}: {}", one.path, one.line, one.what);
        complaints.iter().map(words).collect()
    }

    #[test]
    fn what_goes_one_way_is_no_circle() {
        let imports = [
            import("a.rs", 1, "b.rs"),
            import("a.rs", 2, "c.rs"),
            import("b.rs", 3, "c.rs"),
        ];
        assert_eq!(words(&judge("lib.rs", &imports, &[])), [""; 0]);
    }

    #[test]
    fn a_circle_is_named_in_order_with_the_import_that_closes_it() {
        let imports = [
            import("a/mod.rs", 1, "a/b.rs"),
            import("a/b.rs", 2, "a/c.rs"),
            import("a/c.rs", 3, "a/mod.rs"),
            import("x.rs", 4, "a/mod.rs"),
        ];
        let expected = "a/c.rs:3: a/mod.rs:1 imports a/b.rs, a/b.rs:2 imports a/c.rs, \
                        and this imports a/mod.rs";
        assert_eq!(words(&judge("lib.rs", &imports, &[])), [expected]);
    }

    #[test]
    fn of_a_knot_the_shortest_circle_is_named() {
        let imports = [
            import("a.rs", 1, "b.rs"),
            import("b.rs", 2, "c.rs"),
            import("c.rs", 3, "a.rs"),
            import("c.rs", 4, "b.rs"),
        ];
        let expected = "c.rs:4: b.rs:2 imports c.rs, and this imports b.rs; \
                        tied up with them: a.rs";
        assert_eq!(words(&judge("lib.rs", &imports, &[])), [expected]);
    }

    #[test]
    fn a_listed_circle_is_accepted_for_as_long_as_it_is_there() {
        let circle = [import("a.rs", 1, "b.rs"), import("b.rs", 2, "a.rs")];
        let left: &[&[&str]] = &[&["a.rs", "b.rs"]];
        assert_eq!(words(&judge("lib.rs", &circle, left)), [""; 0]);
        let expected = "lib.rs:0: this circle is no more, or not as it was: a.rs, b.rs";
        assert_eq!(words(&judge("lib.rs", &circle[..1], left)), [expected]);
    }
}
