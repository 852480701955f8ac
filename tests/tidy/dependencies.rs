//! What everything is built from is allowed by `deny.toml`: each licence, each name, each source.
//!
//! The file is in the format of cargo-deny, which would take minutes to compile on a fresh machine.
//! What it says is enforced here in whole: a setting that this test does not know is a complaint.

use std::collections::BTreeSet;
use std::env;
use std::process::Command;

use serde::{Deserialize, Serialize};
use spdx::{Expression, Licensee, ParseMode};

use crate::repository::Repository;
use crate::{Complaint, Rule};

pub(crate) const RULES: &[Rule] = &[
    Rule {
        says: "deny.toml holds what cargo-deny and this test both understand",
        check: policy_is_understood,
        bad: &[("deny.toml", "[bans]\nwildcards = 'deny'")],
        good: &[POLICY],
    },
    Rule {
        says: "every dependency has a licence that deny.toml allows",
        check: licences_are_allowed,
        bad: &[
            POLICY,
            ("dependencies/a", r#"{"name": "a"}"#),
            ("dependencies/b", r#"{"name": "b", "license": "GPL-3.0"}"#),
            ("dependencies/c", r#"{"name": "c", "license": "MIT AND X"}"#),
            (
                "dependencies/d",
                r#"{"name": "d", "license": "MIT AND GPL-3.0"}"#,
            ),
            (
                "dependencies/e",
                r#"{"name": "e", "license": "Apache-2.0 WITH LLVM-exception"}"#,
            ),
        ],
        good: &[
            POLICY,
            ("dependencies/f", r#"{"name": "f", "license": "MIT"}"#),
            (
                "dependencies/g",
                r#"{"name": "g", "license": "GPL-3.0 / Apache-2.0"}"#,
            ),
            (
                "dependencies/h",
                r#"{"name": "h", "license": "(GPL-3.0 OR MIT) AND Apache-2.0"}"#,
            ),
            (
                "dependencies/i",
                r#"{"name": "i", "license": "Apache-2.0 WITH LLVM-exception OR MIT"}"#,
            ),
        ],
    },
    Rule {
        says: "every licence that deny.toml allows is needed",
        check: licences_are_needed,
        bad: &[
            (
                "deny.toml",
                "graph.targets = ['any']\n\
                 bans.deny = []\n\
                 sources = { unknown-registry = 'deny', unknown-git = 'deny' }\n\
                 licenses.include-dev = true\n\
                 licenses.unused-allowed-license = 'deny'\n\
                 licenses.allow = ['MIT', 'Apache-2.0', 'Zlib']",
            ),
            EITHER,
        ],
        good: &[POLICY, EITHER],
    },
    Rule {
        says: "no dependency is banned by deny.toml",
        check: nothing_is_banned,
        bad: &[POLICY, ("dependencies/banned", r#"{"name": "banned"}"#)],
        good: &[POLICY, ("dependencies/other", r#"{"name": "other"}"#)],
    },
    Rule {
        says: "every dependency is from the usual registry or of this workspace",
        check: sources_are_known,
        bad: &[
            POLICY,
            OWN,
            (
                "dependencies/b",
                r#"{"name": "b", "source": "registry+another"}"#,
            ),
            ("dependencies/c", r#"{"name": "c", "source": "git+x#1"}"#),
            (
                "dependencies/d",
                r#"{"name": "d", "source": "sparse+usual"}"#,
            ),
        ],
        good: &[
            POLICY,
            OWN,
            (
                "dependencies/b",
                r#"{"name": "b", "source": "registry+usual"}"#,
            ),
        ],
    },
];

/// The rules for dependencies in the samples.
const POLICY: (&str, &str) = (
    "deny.toml",
    "graph.targets = ['any']\n\
     [licenses]\n\
     include-dev = true\n\
     unused-allowed-license = 'deny'\n\
     allow = ['MIT', 'Apache-2.0']\n\
     [bans]\n\
     deny = [{ crate = 'banned', reason = 'a reason' }]\n\
     [sources]\n\
     unknown-registry = 'deny'\n\
     unknown-git = 'deny'\n",
);

/// Neither of two licences is in vain.
const EITHER: (&str, &str) = (
    "dependencies/a",
    r#"{"name": "a", "license": "MIT OR Apache-2.0"}"#,
);

/// A package of the workspace in the samples. Two of what it depends on are refused where they
/// come in themselves.
const OWN: (&str, &str) = (
    "dependencies/a",
    r#"{"name": "a", "dependencies": [
        {"source": "registry+usual"},
        {"source": "registry+another", "registry": "another"},
        {"source": "git+x"}
    ]}"#,
);

/// Where the packages stand among the files of the repository.
const FOLDER: &str = "dependencies/";

/// `deny.toml`, with those settings of cargo-deny that are in use.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Policy {
    graph: Graph,
    licenses: Licenses,
    bans: Bans,
    #[serde(rename = "sources")]
    _sources: Sources,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Graph {
    targets: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Licenses {
    allow: Vec<String>,
    include_dev: bool,
    #[serde(rename = "unused-allowed-license")]
    _unused_allowed_license: Verdict,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sources {
    #[serde(rename = "unknown-registry")]
    _unknown_registry: Verdict,
    #[serde(rename = "unknown-git")]
    _unknown_git: Verdict,
}

/// Nothing is a warning here.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Deny,
}

/// What cargo knows about everything that is built.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize, Serialize)]
struct Package {
    name: String,
    #[serde(default)]
    version: String,
    license: Option<String>,
    /// Nothing if it lies in the workspace.
    source: Option<String>,
    #[serde(default)]
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize, Serialize)]
struct Dependency {
    source: Option<String>,
    /// Nothing if the manifest names none.
    registry: Option<String>,
}

/// A file for each package, with what cargo knows about it; none if there is no policy.
///
/// Cargo asks no network: all of this was fetched when the workspace was built. It may ask if only
/// this test was built, which needs less than the workspace; so it is not told `--offline`.
pub(crate) fn read(policy: Option<&str>) -> Vec<(String, String)> {
    let Ok(policy) = parse(policy) else {
        return Vec::new();
    };
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(["metadata", "--locked", "--format-version", "1"]);
    for target in &policy.graph.targets {
        cargo.args(["--filter-platform", target]);
    }
    let output = cargo.output().expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata: {errors}");
    let metadata: Metadata = serde_json::from_slice(&output.stdout).expect("metadata of cargo");
    let file = |package: &Package| {
        let path = format!("{FOLDER}{}@{}", package.name, package.version);
        (path, serde_json::to_string(package).expect("plain data"))
    };
    metadata.packages.iter().map(file).collect()
}

fn parse(text: Option<&str>) -> Result<Policy, String> {
    let text = text.ok_or("there is none")?;
    let policy: Policy = toml::from_str(text).map_err(|error| error.to_string())?;
    if policy.graph.targets.is_empty() || !policy.licenses.include_dev {
        return Err("leaves out what this test looks at".to_owned());
    }
    for allowed in &policy.licenses.allow {
        Licensee::parse(allowed).map_err(|error| error.to_string())?;
    }
    for Ban { name, reason } in &policy.bans.deny {
        if !name.chars().all(is_name_char) || reason.is_empty() {
            return Err(format!("{name:?} is no mere name, or has no reason"));
        }
    }
    Ok(policy)
}

fn is_name_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '_' | '-')
}

/// The policy and all packages, each with its path. If the policy is no good, one rule says so.
fn read_sample(repository: &Repository) -> Option<(Policy, Vec<(&str, Package)>)> {
    let policy = parse(repository.file("deny.toml")).ok()?;
    let files = repository
        .files()
        .filter(|(path, _)| path.starts_with(FOLDER));
    let package = |(path, text)| (path, serde_json::from_str(text).expect("a package"));
    Some((policy, files.map(package).collect()))
}

fn policy_is_understood(repository: &Repository) -> Vec<Complaint> {
    let fault = parse(repository.file("deny.toml")).err();
    fault
        .into_iter()
        .map(|fault| Complaint::new("deny.toml", 0, fault))
        .collect()
}

fn judge(
    repository: &Repository,
    fault: impl Fn(&Policy, &Package) -> Option<String>,
) -> Vec<Complaint> {
    let Some((policy, packages)) = read_sample(repository) else {
        return Vec::new();
    };
    let complaint = |(path, package): &(&str, Package)| {
        fault(&policy, package).map(|what| Complaint::new(path, 0, what))
    };
    packages.iter().filter_map(complaint).collect()
}

/// The licence as a condition; `/` is how `OR` was written once.
fn expression(package: &Package) -> Result<Expression, String> {
    let text = package.license.as_deref().ok_or("has no licence")?;
    let parsed = Expression::parse_mode(text, ParseMode::LAX);
    parsed.map_err(|error| format!("the licence {text:?} is none of SPDX: {}", error.reason))
}

fn licensees(policy: &Policy) -> impl Iterator<Item = (&str, Licensee)> {
    let allowed = policy.licenses.allow.iter();
    allowed.map(|text| (text.as_str(), Licensee::parse(text).expect("judged before")))
}

fn licences_are_allowed(repository: &Repository) -> Vec<Complaint> {
    judge(repository, |policy, package| {
        let expression = match expression(package) {
            Ok(expression) => expression,
            Err(fault) => return Some(fault),
        };
        let is_allowed = expression
            .evaluate(|license| licensees(policy).any(|(_, allowed)| allowed.satisfies(license)));
        (!is_allowed).then(|| format!("the licence is {expression}"))
    })
}

fn licences_are_needed(repository: &Repository) -> Vec<Complaint> {
    let Some((policy, packages)) = read_sample(repository) else {
        return Vec::new();
    };
    let expressions: Vec<_> = packages
        .iter()
        .filter_map(|(_, package)| expression(package).ok())
        .collect();
    let is_needed = |allowed: &Licensee| {
        let mut licenses = expressions.iter().flat_map(Expression::requirements);
        licenses.any(|license| allowed.satisfies(&license.req))
    };
    licensees(&policy)
        .filter(|(_, allowed)| !is_needed(allowed))
        .map(|(text, _)| Complaint::new("deny.toml", 0, format!("nothing is under {text}")))
        .collect()
}

fn nothing_is_banned(repository: &Repository) -> Vec<Complaint> {
    judge(repository, |policy, package| {
        let mut bans = policy.bans.deny.iter();
        let Ban { name, reason } = bans.find(|ban| ban.name == package.name)?;
        Some(format!(
            "{reason}; `cargo tree -i {name}` says who needs it"
        ))
    })
}

fn sources_are_known(repository: &Repository) -> Vec<Complaint> {
    let Some((_, packages)) = read_sample(repository) else {
        return Vec::new();
    };
    let own = packages
        .iter()
        .filter(|(_, package)| package.source.is_none());
    // The usual registry has a name, which this repository does not repeat.
    let usual: BTreeSet<_> = own
        .flat_map(|(_, package)| &package.dependencies)
        .filter(|dependency| dependency.registry.is_none())
        .filter_map(|dependency| dependency.source.as_deref())
        .filter(|source| source.starts_with("registry+"))
        .collect();
    let source = |(path, package): &(&str, Package)| {
        let source = package.source.as_deref()?;
        (!usual.contains(source)).then(|| Complaint::new(path, 0, format!("is from {source}")))
    };
    packages.iter().filter_map(source).collect()
}

#[test]
fn a_policy_that_would_not_be_kept_is_refused() {
    for (kept, other) in [
        ("['any']", "[]"),
        ("= true", "= false"),
        ("'MIT'", "'no licence'"),
        ("'banned'", "'banned@1.0'"),
        ("'a reason'", "''"),
        ("unknown-git = 'deny'", "unknown-git = 'warn'"),
    ] {
        let changed = POLICY.1.replace(kept, other);
        assert!(parse(Some(POLICY.1)).is_ok() && parse(Some(&changed)).is_err());
    }
    assert!(parse(None).is_err());
}
