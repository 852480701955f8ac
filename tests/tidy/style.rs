//! How files look: their length, their width, their first words, and what they must not hold.

use crate::repository::Repository;
use crate::{Complaint, Rule};

pub(crate) const RULES: &[Rule] = &[
    Rule {
        says: "a file is one subject: at most 700 lines",
        check: files_are_short,
        bad: &[("a.rs", LONG), ("b.js", LONG)],
        good: &[("a.rs", "short"), ("Cargo.lock", LONG)],
    },
    Rule {
        says: "a line fits beside another file: at most 100 columns",
        check: lines_are_narrow,
        bad: &[("a.rs", WIDE), ("scripts/b", WIDE), ("c/d.js", WIDE)],
        good: &[
            ("a.rs", "// äöü äöü äöü"),
            ("README.md", WIDE),
            ("client/js/legacy/made/a.js", WIDE),
        ],
    },
    Rule {
        says: "code is finished, and an exception to a lint says why",
        check: nothing_is_left_open,
        bad: &[
            ("a.rs", "#[allow(dead_code)]\nfn f() {}"),
            ("b.rs", "#![allow(dead_code)]"),
            ("c.rs", "fn f() { todo!() }"),
            ("d.rs", "fn f() { unimplemented!(\"\") }"),
            ("e.rs", "fn f() { dbg!(1); }"),
            ("f.rs", "#[ignore]\n#[test]\nfn f() {}"),
        ],
        good: &[(
            "a.rs",
            "// todo!\n#[expect(dead_code, reason = \"#[allow(..)]\")]\nfn f() {}",
        )],
    },
    Rule {
        says: "numbers that need not be secret come from one generator, allspark_protocol::Dice",
        check: dice_are_made_once,
        bad: &[
            (
                "a.rs",
                "let z = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);",
            ),
            ("b.rs", "const STEP: u64 = 0x9E3779B97F4A7C15;"),
            ("c.rs", "x * 6_364_136_223_846_793_005_u64"),
            ("d.rs", "x = x.wrapping_mul(1664525)"),
        ],
        good: &[
            ("a.rs", "// 0x9e37_79b9\nconst OTHER: u64 = 0x9e37;"),
            (
                "protocol/src/dice.rs",
                "const STEP: u64 = 0x9e37_79b9_7f4a_7c15;",
            ),
        ],
    },
    Rule {
        says: "a module says what it is for",
        check: modules_have_docs,
        bad: &[
            ("protocol/src/a/mod.rs", "mod b;"),
            ("engine/src/lib.rs", "// no docs"),
        ],
        good: &[
            ("protocol/src/a/mod.rs", "//! For this."),
            ("engine/src/b.rs", ""),
        ],
    },
    Rule {
        says: "every limit has its reason",
        check: limits_have_reasons,
        bad: &[(
            "protocol/src/limits.rs",
            "/// Docs.\npub const A: u8 = 1;\npub const B: u8 = 1;",
        )],
        good: &[(
            "protocol/src/limits.rs",
            "/// Docs.\npub const A: u8 = 1;\nconst _: () = ();",
        )],
    },
    Rule {
        says: "a script begins with what it does",
        check: scripts_say_what_they_do,
        bad: &[
            ("scripts/a", "#!/bin/sh\nset -e"),
            ("scripts/b", "# Only words.\n"),
        ],
        good: &[
            ("scripts/a", "#!/bin/sh\n# Does a thing.\nset -e"),
            ("docs/b", "text"),
        ],
    },
    Rule {
        says: "users are told what changed: CHANGELOG.md has an Unreleased section",
        check: changelog_is_open,
        bad: &[("CHANGELOG.md", "# Changelog\n## [0.1.0]\n")],
        good: &[("CHANGELOG.md", "# Changelog\n## [Unreleased]\n")],
    },
];

const FILE_LINES_MAX: usize = 700;
const LINE_COLUMNS_MAX: usize = 100;

/// Files that may be longer, each with the reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// What must not occur in code, and what to do instead.
const BANNED: &[(&str, &str)] = &[
    ("#[allow", "use #[expect(.., reason = \"..\")]"),
    ("#![allow", "use #![expect(.., reason = \"..\")]"),
    ("#[ignore", "mend the test or remove it"),
    ("todo!", "do it"),
    ("unimplemented!", "do it, or make it an error"),
    ("dbg!", "remove it"),
];

/// The one file that makes such numbers.
const DICE: &str = "protocol/src/dice.rs";

/// Numbers by which the usual small generators are known: splitmix64, PCG and Knuth's, those of
/// Numerical Recipes and of C, xorshift64*.
const GENERATORS: &[&str] = &[
    "9e3779b9",
    "bf58476d1ce4e5b9",
    "6364136223846793005",
    "5851f42d4c957f2d",
    "1664525",
    "1103515245",
    "2545f4914f6cdd1d",
];

const LONG: &str = match std::str::from_utf8(&[b'\n'; FILE_LINES_MAX + 1]) {
    Ok(text) => text,
    Err(_) => "",
};

const WIDE: &str = match std::str::from_utf8(&[b'-'; LINE_COLUMNS_MAX + 1]) {
    Ok(text) => text,
    Err(_) => "",
};

fn files_are_short(repository: &Repository) -> Vec<Complaint> {
    let long = |(path, text): &(&str, &str)| {
        let excepted = LONG_FILES.iter().any(|(known, _)| known == path);
        is_source(path) && !excepted && text.lines().count() > FILE_LINES_MAX
    };
    repository
        .files()
        .filter(long)
        .map(|(path, text)| Complaint::new(path, 0, format!("{} lines", text.lines().count())))
        .collect()
}

fn lines_are_narrow(repository: &Repository) -> Vec<Complaint> {
    judge_lines(
        repository.files().filter(|(path, _)| is_source(path)),
        |line| {
            let columns = line.chars().count();
            (columns > LINE_COLUMNS_MAX).then(|| format!("{columns} columns"))
        },
    )
}

fn nothing_is_left_open(repository: &Repository) -> Vec<Complaint> {
    let sources: Vec<_> = repository.rust_code().collect();
    judge_lines(
        sources.iter().map(|(path, code)| (*path, code.as_str())),
        |line| {
            let found = BANNED.iter().find(|(word, _)| has_start(line, word));
            found.map(|(word, instead)| format!("{word}: {instead}"))
        },
    )
}

fn dice_are_made_once(repository: &Repository) -> Vec<Complaint> {
    let sources: Vec<_> = repository
        .rust_code()
        .filter(|(path, _)| *path != DICE)
        .collect();
    judge_lines(
        sources.iter().map(|(path, code)| (*path, code.as_str())),
        |line| {
            let plain = line.replace('_', "").to_ascii_lowercase();
            let found = GENERATORS.iter().find(|number| plain.contains(**number));
            found.map(|number| format!("{number} is a generator of its own"))
        },
    )
}

fn modules_have_docs(repository: &Repository) -> Vec<Complaint> {
    let is_module = |path: &str| path.ends_with("/mod.rs") || path.ends_with("src/lib.rs");
    repository
        .files()
        .filter(|(path, text)| is_module(path) && !text.starts_with("//! "))
        .map(|(path, _)| Complaint::new(path, 1, "does not begin with //!"))
        .collect()
}

fn limits_have_reasons(repository: &Repository) -> Vec<Complaint> {
    let path = "protocol/src/limits.rs";
    let lines: Vec<_> = repository.file(path).unwrap_or_default().lines().collect();
    let named = |line: &str| line.contains("const ") && !line.starts_with("const _:");
    (0..lines.len())
        .filter(|index| named(lines[*index]))
        .filter(|index| {
            !index
                .checked_sub(1)
                .is_some_and(|above| lines[above].starts_with("///"))
        })
        .map(|index| Complaint::new(path, index + 1, "no documentation above"))
        .collect()
}

fn scripts_say_what_they_do(repository: &Repository) -> Vec<Complaint> {
    let explains = |text: &str| {
        let mut lines = text.lines();
        lines.next().is_some_and(|line| line.starts_with("#!"))
            && lines.next().is_some_and(|line| line.starts_with("# "))
    };
    repository
        .files()
        .filter(|(path, text)| is_script(path) && !explains(text))
        .map(|(path, _)| Complaint::new(path, 1, "no #! and then a comment"))
        .collect()
}

fn changelog_is_open(repository: &Repository) -> Vec<Complaint> {
    let open = |text: &str| text.lines().any(|line| line == "## [Unreleased]");
    match repository.file("CHANGELOG.md") {
        Some(text) if !open(text) => vec![Complaint::new("CHANGELOG.md", 0, "no Unreleased")],
        _ => Vec::new(),
    }
}

/// What a tool has made is nobody's source.
fn is_source(path: &str) -> bool {
    let is_code = [".rs", ".js", ".css", ".html"]
        .iter()
        .any(|end| path.ends_with(end));
    is_script(path) || is_code && !path.starts_with(MADE)
}

const MADE: &str = "client/js/legacy/made/";

fn is_script(path: &str) -> bool {
    path.starts_with("scripts/") || path.starts_with(".ci/")
}

/// Whether `word`, whose own last character ends it, occurs where a word may begin.
fn has_start(line: &str, word: &str) -> bool {
    let inside_a_word = |char: char| char.is_alphanumeric() || char == '_';
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(inside_a_word))
}

fn judge_lines<'r>(
    files: impl Iterator<Item = (&'r str, &'r str)>,
    judge: impl Fn(&str) -> Option<String>,
) -> Vec<Complaint> {
    files
        .flat_map(|(path, text)| text.lines().enumerate().map(move |line| (path, line)))
        .filter_map(|(path, (index, line))| {
            judge(line).map(|what| Complaint::new(path, index + 1, what))
        })
        .collect()
}
