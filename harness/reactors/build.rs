//! Tells each program the version of the runtime that it stands for.

use std::path::Path;

/// The variable of each version, and the package that it is of.
const VERSIONS: [(&str, &str); 4] = [
    ("COMPIO_VERSION", "compio"),
    ("GLOMMIO_VERSION", "glommio"),
    ("TOKIO_VERSION", "tokio"),
    ("TOKIO_URING_VERSION", "tokio-uring"),
];

fn main() {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    let text = std::fs::read_to_string(lock).unwrap_or_default();
    for (variable, package) in VERSIONS {
        let version = version(&text, package);
        println!("cargo::rustc-env={variable}={package} {version}");
    }
}

fn version<'t>(lock: &'t str, package: &str) -> &'t str {
    let name = format!("name = \"{package}\"");
    lock.split("[[package]]")
        .find(|entry| entry.lines().any(|line| line == name))
        .and_then(|entry| entry.split("version = \"").nth(1))
        .and_then(|rest| rest.split('"').next())
        .unwrap_or("of unknown version")
}
