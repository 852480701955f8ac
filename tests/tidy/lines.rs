//! Lines of the log that somebody can cause as often as he wants are written once per second, and
//! say how many were not.

use crate::repository::Repository;
use crate::{Complaint, Rule};

pub(crate) const RULES: &[Rule] = &[Rule {
    says: "a line of the log at info or above says how many were not logged, or \
           tests/tidy/lines.rs knows why there are few",
    check: lines_are_counted,
    bad: &[
        (
            "engine/src/shard/a.rs",
            "tracing::warn!(shard, \"unlogged\");",
        ),
        (
            "server/b.rs",
            "if x { tracing::error!(unlogged, \"one\"); }\ntracing::info!(\"two\");",
        ),
    ],
    good: &[
        ("web/src/a.rs", "tracing::debug!(\"any number\");"),
        (
            "server/b.rs",
            "tracing::warn!(f(1), unlogged = line.unlogged, \"{}\", 1);\n\
             #[cfg(test)]\nmod tests { tracing::warn!(\"one\"); }",
        ),
        ("server/hooks/tests/c.rs", "tracing::warn!(\"one\");"),
    ],
}];

/// Where peers are served.
const FOLDERS: &[&str] = &["engine/src/", "plugins/src/", "server/", "web/src/"];

const MACROS: &[&str] = &["tracing::info!(", "tracing::warn!(", "tracing::error!("];

/// Files with lines of which there are few, and why.
const FEW: &[(&str, &str)] = &[
    (
        "engine/src/app/emit.rs",
        "once, when a server begins or ends",
    ),
    (
        "engine/src/app/plugins.rs",
        "whenever the application adds or removes a plugin",
    ),
    ("engine/src/http/proxies.rs", "once per process"),
    ("engine/src/io/uring/close.rs", "once per process"),
    ("engine/src/seat.rs", "once per shard"),
    (
        "plugins/src/metroplex/events.rs",
        "when Redis comes and goes",
    ),
    ("plugins/src/metroplex/plugin.rs", "once per server"),
    (
        "plugins/src/metroplex/worker.rs",
        "when Redis comes and goes",
    ),
    (
        "server/access/file.rs",
        "whenever an operator has it opened anew",
    ),
    (
        "server/access/mod.rs",
        "once per second, and says how many lines are lost",
    ),
    ("server/admin/desk.rs", "what an operator does to a spark"),
    (
        "server/admin/door.rs",
        "whenever an operator logs in or out; wrong guesses every five seconds",
    ),
    ("server/admin/way.rs", "once per server"),
    (
        "server/api/gate.rs",
        "every ten seconds, and says how many requests",
    ),
    ("server/api/mod.rs", "once per server"),
    ("server/auth/authorizer.rs", "whenever keys are read anew"),
    ("server/builder.rs", "once per server"),
    ("server/drain.rs", "once per server"),
    (
        "server/handover/giver.rs",
        "whenever a process of the same user wants to take over",
    ),
    ("server/handover/taker.rs", "once per process"),
    ("server/hooks/dead_letters.rs", "at 1, 2, 4, 8 .. of them"),
    ("server/hooks/hooks.rs", "once per server"),
    (
        "server/notify.rs",
        "whenever the service manager is told something",
    ),
    (
        "server/reconfigure.rs",
        "whenever an operator changes options",
    ),
    (
        "server/reload.rs",
        "whenever an operator has the file read anew",
    ),
    ("server/serve.rs", "when a server begins or ends"),
    ("server/signals.rs", "once per signal"),
    (
        "server/tls/acceptor.rs",
        "whenever certificates are read anew",
    ),
    (
        "server/trace/export.rs",
        "once in a while, by its own clock",
    ),
    ("server/traced.rs", "whenever an operator asks for it"),
    (
        "web/src/proxy/health.rs",
        "once per health check that changes something",
    ),
];

fn lines_are_counted(repository: &Repository) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (path, code) in repository.rust_code() {
        let is_judged = FOLDERS.iter().any(|folder| path.starts_with(folder))
            && !path.contains("tests")
            && !FEW.iter().any(|(few, _)| *few == path);
        if !is_judged {
            continue;
        }
        let code = code.split("#[cfg(test)]").next().unwrap_or_default();
        for at in uncounted(code) {
            let line = 1 + code[..at].matches('\n').count();
            complaints.push(Complaint::new(path, line, "it does not say `unlogged`"));
        }
    }
    complaints
}

/// Where lines are logged that say nothing of others.
fn uncounted(code: &str) -> impl Iterator<Item = usize> {
    MACROS
        .iter()
        .flat_map(|name| code.match_indices(name))
        .filter(|(at, name)| !arguments(&code[at + name.len()..]).contains("unlogged"))
        .map(|(at, _)| at)
}

/// What comes before the parenthesis that closes.
fn arguments(code: &str) -> &str {
    let mut depth = 1;
    let end = code.find(|char| {
        match char {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    &code[..end.unwrap_or(code.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_exception_is_left_over() {
        let repository = Repository::read();
        for (path, _) in FEW {
            let file = repository.file(path).unwrap_or_default();
            let logs = MACROS.iter().any(|name| file.contains(name));
            assert!(logs, "{path} logs nothing");
        }
    }
}
