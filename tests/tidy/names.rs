//! A user of Primus finds everything under its own name: the search of rustdoc knows the names of
//! items, whatever their case and underscores, and what `#[doc(alias = "..")]` adds to them.

use std::collections::BTreeSet;

use crate::repository::Repository;
use crate::{Complaint, Rule};

pub(crate) const RULES: &[Rule] = &[Rule {
    says: "every name of Primus's README leads somewhere in rustdoc",
    check: names_lead_somewhere,
    bad: &[(
        "server/error.rs",
        "#[doc(alias = \"PrimusErrors\")]\npub enum Error {}",
    )],
    good: &[
        (
            "server/error.rs",
            "/// Docs.\n#[doc(alias(\"a\", \"PrimusError\"))]\npub enum Error {}",
        ),
        (
            "engine/src/layers/verdict.rs",
            "pub fn status_code() {}\npub authenticate: u8,",
        ),
    ],
}];

/// The names of Primus 8's README (its tables of options and events, its methods and properties),
/// and the file whose items have them.
///
/// Not here, because nothing is here: `spark.socket` and `emits` (docs/COMPATIBILITY.md says why),
/// the event `log` (the crate `tracing`), `iknowhttpsisbetter` (a flag alone) and events that are
/// private in Primus.
const NAMES: &[(&str, &[&str])] = &[
    (
        "server/builder.rs",
        &[
            "authorization",
            "pathname",
            "parser",
            "transformer",
            "plugin",
            "pingInterval",
            "global",
            "compression",
            "maxLength",
            "transport",
            "idGenerator",
        ],
    ),
    (
        "server/builder/cors.rs",
        &[
            "cors",
            "origins",
            "methods",
            "credentials",
            "maxAge",
            "headers",
            "exposed",
        ],
    ),
    (
        "server/primus.rs",
        &[
            "createServer",
            "library",
            "save",
            "connection",
            "disconnection",
            "data",
            "heartbeat",
            "error",
            "write",
            "forEach",
            "spark",
            "destroy",
            "end",
            "authorize",
            "use",
            "middleware",
            "pipe",
        ],
    ),
    (
        "server/events.rs",
        &[
            "initialised",
            "close",
            "plugin",
            "plugout",
            "outgoing::ping",
            "incoming::pong",
            "readyStateChange",
            "connected",
            "reserved",
            "forEach",
        ],
    ),
    ("server/ark.rs", &["plugin", "plugout", "ark"]),
    ("server/transforms.rs", &["transform"]),
    ("server/socket.rs", &["Socket", "createSocket"]),
    ("server/error.rs", &["PrimusError"]),
    (
        "server/tls/options.rs",
        &[
            "root",
            "key",
            "cert",
            "ca",
            "pfx",
            "passphrase",
            "crl",
            "ciphers",
        ],
    ),
    (
        "engine/src/app/spark.rs",
        &[
            "id",
            "headers",
            "address",
            "query",
            "readyState",
            "alive",
            "online",
            "latency",
            "write",
            "end",
            "reconnect",
            "reserved",
            "data",
            "error",
            "heartbeat",
            "readyStateChange",
            "outgoing::ping",
            "incoming::pong",
            "Spark",
            "Spark.prototype",
        ],
    ),
    ("engine/src/app/attached.rs", &["request"]),
    ("engine/src/app/spark_stream.rs", &["pipe"]),
    ("engine/src/app/ends.rs", &["close", "reconnect", "timeout"]),
    ("engine/src/app/error.rs", &["ParserError"]),
    (
        "engine/src/app/packet.rs",
        &["Packet", "data", "raw", "next"],
    ),
    (
        "engine/src/app/layers.rs",
        &[
            "use",
            "remove",
            "enable",
            "disable",
            "indexOfLayer",
            "forwarded",
            "cors",
            "primus.js",
            "spec",
            "x-xss",
            "no-cache",
        ],
    ),
    (
        "engine/src/layers/verdict.rs",
        &["statusCode", "authenticate"],
    ),
    (
        "client/src/driver/event.rs",
        &[
            "reconnect scheduled",
            "reconnect",
            "reconnected",
            "reconnect timeout",
            "reconnect failed",
            "timeout",
            "open",
            "destroy",
            "error",
            "data",
            "end",
            "close",
            "online",
            "offline",
            "readyStateChange",
            "incoming::ping",
            "outgoing::pong",
        ],
    ),
    (
        "client/src/driver/builder.rs",
        &[
            "reconnect",
            "timeout",
            "pingTimeout",
            "strategy",
            "manual",
            "queueSize",
            "open",
            "transform",
        ],
    ),
    (
        "protocol/src/primus/backoff.rs",
        &["max", "min", "retries", "reconnect timeout", "factor"],
    ),
];

fn names_lead_somewhere(repository: &Repository) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (path, names) in NAMES {
        let Some(text) = repository.file(path) else {
            // The samples of other rules have few files.
            if repository.file("Cargo.toml").is_some() {
                complaints.push(Complaint::new(path, 0, "it is not there"));
            }
            continue;
        };
        let known = known(text);
        for name in names.iter().filter(|name| !known.contains(&plain(name))) {
            let what = format!("neither an item nor an alias is called {name:?}");
            complaints.push(Complaint::new(path, 0, what));
        }
    }
    complaints
}

/// How the search of rustdoc sees a name.
fn plain(name: &str) -> String {
    name.replace('_', "").to_lowercase()
}

/// The names of public items, of fields and variants, and their aliases.
fn known(text: &str) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("#[doc(alias") {
            known.extend(line.split('"').skip(1).step_by(2).map(plain));
        }
        let item = line.strip_prefix("pub ").unwrap_or(line);
        let item = [
            "const ", "async ", "fn ", "struct ", "enum ", "trait ", "type ",
        ]
        .iter()
        .fold(item, |item, word| item.strip_prefix(word).unwrap_or(item));
        let is_word = |char: char| char.is_alphanumeric() || char == '_';
        let name = item.split(|char| !is_word(char)).next().unwrap_or_default();
        let is_public = line.starts_with("pub ") || name.starts_with(char::is_uppercase);
        if is_public && !name.is_empty() {
            known.insert(plain(name));
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_aliases_fields_and_variants_are_names() {
        let known = known(
            "#[doc(alias(\"in\", \"a::b\"))]\npub async fn for_each(\n    pub max: u8,\n\
             \x20   Ready(u8),\n    fn hidden() {}\n// pub fn said() {}\npub(crate) fn own() {}",
        );
        let expected = ["a::b", "foreach", "in", "max", "ready"].map(str::to_owned);
        assert_eq!(known, BTreeSet::from(expected));
    }
}
