//! `unsafe` lies in few folders, and each use says why it is sound.

use crate::code::has_word;
use crate::repository::Repository;
use crate::{Complaint, Rule};

pub(crate) const RULES: &[Rule] = &[
    Rule {
        says: "unsafe lies in engine/src/io, engine/src/memory and the bare ring of the floor only",
        check: unsafe_lies_in_few_folders,
        bad: &[
            ("engine/src/shard/a.rs", "fn f() { unsafe { g() } }"),
            ("harness/peers/floor/src/epoll.rs", "unsafe fn f() {}"),
            ("tests/b.rs", "unsafe fn f() {}"),
        ],
        good: &[
            ("engine/src/io/a.rs", "unsafe {}"),
            ("harness/peers/floor/src/uring/a.rs", "unsafe {}"),
            ("b.rs", "// unsafe\n#![forbid(unsafe_code)]"),
        ],
    },
    Rule {
        says: "each unsafe has a SAFETY comment above it, or a Safety section if others call it",
        check: unsafe_says_why,
        bad: &[
            (
                "engine/src/io/a.rs",
                "// SAFETY: of another.\nf();\nlet x = unsafe { g() };",
            ),
            ("engine/src/io/b.rs", "/// Does it.\nunsafe fn f() {}"),
            (
                "engine/src/io/c.rs",
                "// Why not.\nunsafe impl Send for X {}",
            ),
        ],
        good: &[
            (
                "engine/src/io/a.rs",
                "// SAFETY: it is,\n// because.\nlet x = f(\n    unsafe { g() },\n);",
            ),
            (
                "engine/src/io/b.rs",
                "/// # Safety\n/// Hold it.\n#[inline]\npub unsafe fn f() {}",
            ),
            (
                "engine/src/io/c.rs",
                "// SAFETY: no state.\nunsafe impl Send for X {}",
            ),
        ],
    },
];

/// The third is no part of AllSpark: it is what `io_uring` reaches with nothing around it, so it
/// can't use the engine's safe border to the kernel.
const FOLDERS: &[&str] = &[
    "engine/src/io/",
    "engine/src/memory/",
    "harness/peers/floor/src/uring/",
];

fn unsafe_lies_in_few_folders(repository: &Repository) -> Vec<Complaint> {
    uses_of_unsafe(repository)
        .into_iter()
        .filter(|(path, _)| !FOLDERS.iter().any(|folder| path.starts_with(folder)))
        .map(|(path, index)| Complaint::new(path, index + 1, "unsafe"))
        .collect()
}

fn unsafe_says_why(repository: &Repository) -> Vec<Complaint> {
    uses_of_unsafe(repository)
        .into_iter()
        .filter(|(path, index)| {
            let lines: Vec<_> = repository.file(path).unwrap_or_default().lines().collect();
            !is_explained(&lines[..*index])
        })
        .map(|(path, index)| Complaint::new(path, index + 1, "no reason above"))
        .collect()
}

/// Path and index of each line of code that says `unsafe`.
fn uses_of_unsafe(repository: &Repository) -> Vec<(&str, usize)> {
    let mut uses = Vec::new();
    for (path, code) in repository.rust_code() {
        let lines = code.lines().enumerate();
        uses.extend(
            lines
                .filter(|(_, line)| has_word(line, "unsafe"))
                .map(|(index, _)| (path, index)),
        );
    }
    uses
}

/// Whether the comment above the statement that begins in or before the next line gives a reason.
fn is_explained(above: &[&str]) -> bool {
    let comment = above
        .iter()
        .rev()
        .map(|line| line.trim())
        // The lines of a statement before the one with `unsafe`, and the attributes of an item.
        .skip_while(|line| {
            !line.starts_with("//") && !line.is_empty() && !line.ends_with([';', '{', '}'])
        })
        .take_while(|line| line.starts_with("//"));
    comment
        .into_iter()
        .any(|line| line.contains("SAFETY:") || line.contains("# Safety"))
}
