//! The methods of the shard's one object call each other in no ring, whichever of its files they
//! stand in: whoever reads one knows that what it calls does not come back to it. What would is an
//! effect, or is handed up as a result.
//!
//! Calls are told by `self.` and a name, so one that goes through the application and its handlers
//! ([`Host`](../../engine/src/app/host.rs)) is not seen: a handler may write, and a write only
//! queues.

use std::collections::{BTreeMap, BTreeSet};

use crate::repository::Repository;
use crate::{Complaint, Rule};

pub(crate) const RULES: &[Rule] = &[Rule {
    says: "methods of `Core` call each other in no ring: push an effect, or return what is left",
    check: no_ring_is_left,
    bad: &[
        (
            "engine/src/shard/a.rs",
            "impl<T: Transformer> Core<T> {\n    fn f(&self) {\n        self.g();\n    }\n}\n",
        ),
        (
            "engine/src/shard/b.rs",
            "impl<T> Core<T> {\n    fn g(&self) {\n        self\n            .f()\n    }\n}\n",
        ),
    ],
    good: &[
        (
            "engine/src/shard/a.rs",
            "impl<T: Transformer> Core<T> {\n    fn f(&self) {\n        self.g();\n    }\n}\n",
        ),
        (
            "engine/src/shard/b.rs",
            "impl<T> Core<T> {\n    fn g(&self) {}\n}\n\nfn f(core: &Core) {\n    core.f()\n}\n",
        ),
    ],
}];

const FOLDER: &str = "engine/src/shard/";

/// A method, where it begins, and the names of those that it calls.
struct Method {
    path: String,
    line: usize,
    name: String,
    calls: BTreeSet<String>,
}

fn no_ring_is_left(repository: &Repository) -> Vec<Complaint> {
    let files = repository.rust_code();
    let files = files.filter(|(path, _)| path.starts_with(FOLDER));
    let methods: Vec<Method> = files
        .flat_map(|(path, code)| methods_of(path, &code))
        .collect();
    let mut calls: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for method in &methods {
        let called = method.calls.iter().map(String::as_str);
        calls.entry(&method.name).or_default().extend(called);
    }
    let comes_back = |method: &&Method| reachable(&calls, &method.name).contains(&*method.name);
    let complaint = |method: &Method| {
        let what = format!("`{}` is called by what it calls", method.name);
        Complaint::new(&method.path, method.line, what)
    };
    methods.iter().filter(comes_back).map(complaint).collect()
}

/// What a method calls, be it through others.
fn reachable<'c>(calls: &BTreeMap<&str, BTreeSet<&'c str>>, from: &str) -> BTreeSet<&'c str> {
    let mut reached = BTreeSet::new();
    let mut waiting: Vec<&str> = calls[from].iter().copied().collect();
    while let Some(name) = waiting.pop() {
        // What is not among the methods of `Core` is one of something that it owns.
        if let Some((_, called)) = calls.get_key_value(name)
            && let Some(name) = called_name(calls, name)
            && reached.insert(name)
        {
            waiting.extend(called);
        }
    }
    reached
}

/// The name as those write it who call it.
fn called_name<'c>(calls: &BTreeMap<&str, BTreeSet<&'c str>>, name: &str) -> Option<&'c str> {
    calls.values().find_map(|called| called.get(name).copied())
}

/// The methods in the blocks of `Core`, as rustfmt lays them out.
fn methods_of(path: &str, code: &str) -> Vec<Method> {
    let mut methods: Vec<Method> = Vec::new();
    let mut body = String::new();
    let (mut is_inside, mut has_method) = (false, false);
    for (index, line) in code.lines().enumerate() {
        if line.starts_with("impl") {
            is_inside = line.contains("Core<T>");
        } else if line == "}" {
            is_inside = false;
        }
        if !is_inside {
            continue;
        }
        if let Some(name) = begun(line) {
            has_method = true;
            body.clear();
            methods.push(Method {
                path: path.to_owned(),
                line: index + 1,
                name: name.to_owned(),
                calls: BTreeSet::new(),
            });
        }
        body += line;
        if line == "    }" || line.starts_with("    ") && line.ends_with("{}") {
            if let Some(method) = methods.last_mut().filter(|_| has_method) {
                method.calls = calls_in(&body);
            }
            has_method = false;
        }
    }
    methods
}

/// The name of the method that begins on this line of a block.
fn begun(line: &str) -> Option<&str> {
    let item = line
        .strip_prefix("    ")
        .filter(|item| !item.starts_with(' '))?;
    let (before, after) = item.split_once("fn ")?;
    let is_plain = before.is_empty() || before.starts_with("pub");
    let end = after.find(['(', '<']).filter(|_| is_plain)?;
    Some(&after[..end])
}

/// The names of what is called on `self`.
fn calls_in(body: &str) -> BTreeSet<String> {
    let mut calls = BTreeSet::new();
    for (at, word) in body.match_indices("self") {
        let rest = body[at + word.len()..].trim_start();
        let Some(rest) = rest.strip_prefix('.') else {
            continue;
        };
        let end = rest.find(|char: char| !char.is_alphanumeric() && char != '_');
        let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
        if after.starts_with('(') || after.starts_with("::<") {
            calls.insert(name.to_owned());
        }
    }
    calls
}
