//! Every Rust file is reached from a target of its crate, or nobody would notice that it rots.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use crate::repository::Repository;
use crate::{Complaint, Rule};

pub(crate) const RULES: &[Rule] = &[Rule {
    says: "every .rs file is reached by a mod or is a target",
    check: every_file_is_reached,
    bad: &[
        ROOT_MANIFEST,
        ROOT_LIBRARY,
        ("server/deep/odd-name.rs", ""),
        ("server/forgotten.rs", ""),
        ("tests/stray.rs", ""),
        ("nowhere/src/lib.rs", ""),
    ],
    good: &[
        ROOT_MANIFEST,
        ROOT_LIBRARY,
        (
            "server/odd-name.rs",
            "#[path = \"../shared/far.rs\"]\nmod far;",
        ),
        ("shared/far.rs", ""),
        ("server/deep/mod.rs", "pub(crate) mod below;"),
        ("server/deep/below.rs", "mod bottom;"),
        ("server/deep/below/bottom.rs", ""),
        ("tests/tidy/main.rs", ""),
        ("examples/echo.rs", ""),
        ("member/Cargo.toml", "[package]"),
        ("member/src/lib.rs", ""),
        ("member/src/bin/tool.rs", ""),
        ("member/benches/speed.rs", ""),
    ],
}];

const ROOT_MANIFEST: (&str, &str) = (
    "Cargo.toml",
    "[package]\nautotests=false\n[lib]\npath='server/lib.rs'\n[[test]]\nname='tidy'",
);

const ROOT_LIBRARY: (&str, &str) = (
    "server/lib.rs",
    "// mod forgotten;\npub mod deep;\n#[path = \"odd-name.rs\"]\nmod odd;",
);

/// Where Cargo looks for targets: the manifest's name for the kind, the folder, and the key that
/// switches the search off.
const TARGET_FOLDERS: &[(&str, &str, &str)] = &[
    ("bin", "src/bin", "autobins"),
    ("example", "examples", "autoexamples"),
    ("test", "tests", "autotests"),
    ("bench", "benches", "autobenches"),
];

fn every_file_is_reached(repository: &Repository) -> Vec<Complaint> {
    let sources: BTreeMap<_, _> = repository.rust_code().collect();
    let mut reached = BTreeSet::new();
    for root in targets(repository, &sources) {
        follow(repository, &sources, root, true, &mut reached);
    }
    let unreached = sources.keys().filter(|path| !reached.contains(**path));
    unreached
        .map(|path| Complaint::new(path, 0, "nothing reaches this file"))
        .collect()
}

/// The paths of the root files of all targets of all crates.
fn targets(repository: &Repository, sources: &BTreeMap<&str, String>) -> Vec<String> {
    let mut roots = Vec::new();
    for (path, text) in repository.files() {
        let Some(folder) = path.strip_suffix("Cargo.toml") else {
            continue;
        };
        let manifest: Table = text.parse().unwrap_or_default();
        let mut names = vec![
            "src/lib.rs".to_owned(),
            "src/main.rs".into(),
            "build.rs".into(),
        ];
        names.extend(named_target(manifest.get("lib"), ""));
        for (kind, subfolder, switch) in TARGET_FOLDERS {
            let named = manifest.get(*kind).and_then(Value::as_array);
            names.extend(
                named
                    .into_iter()
                    .flatten()
                    .flat_map(|one| named_target(Some(one), subfolder)),
            );
            let package = manifest.get("package");
            if package.and_then(|package| package.get(*switch)) != Some(&Value::Boolean(false)) {
                names.extend(found_targets(sources, folder, subfolder));
            }
        }
        roots.extend(names.into_iter().map(|name| format!("{folder}{name}")));
    }
    roots
}

/// Where the file of a target with a name may lie, from the folder of the crate.
fn named_target(target: Option<&Value>, subfolder: &str) -> Vec<String> {
    let text = |key| {
        target
            .and_then(|target| target.get(key))
            .and_then(Value::as_str)
    };
    match (text("path"), text("name")) {
        (Some(path), _) => vec![path.to_owned()],
        (None, Some(name)) => {
            vec![
                format!("{subfolder}/{name}.rs"),
                format!("{subfolder}/{name}/main.rs"),
            ]
        }
        (None, None) => Vec::new(),
    }
}

/// The files that Cargo takes for targets because of where they lie, from the folder of the crate.
fn found_targets(sources: &BTreeMap<&str, String>, folder: &str, subfolder: &str) -> Vec<String> {
    let prefix = format!("{folder}{subfolder}/");
    let inside = sources.keys().filter_map(|path| path.strip_prefix(&prefix));
    inside
        .filter(|rest| match rest.split_once('/') {
            None => true,
            Some((_, file)) => file == "main.rs",
        })
        .map(|rest| format!("{subfolder}/{rest}"))
        .collect()
}

/// Adds `path` and every file that its `mod` lines lead to.
fn follow(
    repository: &Repository,
    sources: &BTreeMap<&str, String>,
    path: String,
    is_root: bool,
    reached: &mut BTreeSet<String>,
) {
    let Some(code) = sources.get(path.as_str()) else {
        return;
    };
    if !reached.insert(path.clone()) {
        return;
    }
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    // Attributes lie in literals, so they are read from the text, where lines stand as in the code.
    let text: Vec<_> = repository.file(&path).unwrap_or_default().lines().collect();
    for (index, line) in code.lines().enumerate() {
        let Some(name) = module_name(line) else {
            continue;
        };
        let above = index.checked_sub(1).map_or("", |above| text[above].trim());
        let given = above
            .strip_prefix("#[path = \"")
            .and_then(|rest| rest.strip_suffix("\"]"));
        let candidates = match given {
            Some(given) => vec![beside(folder, given)],
            None => module_files(&path, is_root, name).into(),
        };
        for candidate in candidates {
            follow(repository, sources, candidate, false, reached);
        }
    }
}

/// Where the file of the module may lie that the file `parent` declares by `mod name;`.
pub(crate) fn module_files(parent: &str, is_root: bool, name: &str) -> [String; 2] {
    let (folder, file) = parent.rsplit_once('/').unwrap_or(("", parent));
    let stem = file.trim_end_matches(".rs");
    let below = if is_root || stem == "mod" {
        folder.to_owned()
    } else {
        format!("{folder}/{stem}")
    };
    [
        format!("{below}/{name}.rs"),
        format!("{below}/{name}/mod.rs"),
    ]
}

/// The path that `given` leads to from `folder`.
fn beside(folder: &str, given: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in given.split('/') {
        match part {
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// The name in `mod name;`, whatever its visibility.
fn module_name(line: &str) -> Option<&str> {
    let declaration = line.trim().strip_suffix(';')?;
    let (before, name) = declaration.rsplit_once("mod ")?;
    let visible = before.trim_end();
    (visible.is_empty() || visible.starts_with("pub")).then_some(name.trim())
}
