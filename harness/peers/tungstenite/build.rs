//! Tells the peer the version of the library that it measures.

use std::path::Path;

fn main() {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    let text = std::fs::read_to_string(lock).unwrap_or_default();
    let version = |name: &str| {
        let entry = text.split("[[package]]").find(|entry| {
            entry
                .lines()
                .any(|line| line == format!("name = \"{name}\""))
        });
        entry
            .and_then(|entry| entry.split("version = \"").nth(1))
            .and_then(|rest| rest.split('"').next())
            .unwrap_or("of unknown version")
            .to_owned()
    };
    println!(
        "cargo::rustc-env=PEER_VERSION=tokio-tungstenite {}, tokio {}",
        version("tokio-tungstenite"),
        version("tokio")
    );
}
