//! The `Dockerfile`, as far as it can be judged where there is no Docker: that it is made of what
//! there is, that the image runs without rights, and that our program understands what it is told.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::server::allspark;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Each instruction and what follows it, without remarks, in one line.
fn instructions() -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join("Dockerfile")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let text = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let split = |line: &str| {
        let (name, rest) = line.split_once(' ').unwrap();
        (name.to_owned(), rest.trim().to_owned())
    };
    lines.map(split).collect()
}

/// The instructions of the stage that becomes the image.
fn of_image() -> Vec<(String, String)> {
    let mut all = instructions();
    let begin = all.iter().rposition(|(name, _)| name == "FROM").unwrap();
    all.split_off(begin)
}

fn only(name: &str) -> String {
    let mut found = of_image();
    found.retain(|(other, _)| other == name);
    match &found[..] {
        [(_, rest)] => rest.clone(),
        other => panic!("{name}: {other:?}"),
    }
}

/// The words of what is started without a shell.
fn words(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap_or_else(|_| panic!("a shell would be needed: {json}"))
}

#[test]
fn the_image_is_one_program_without_rights() {
    // No shell, and the C library of the release of Debian that the program is built on.
    assert_eq!(only("FROM"), "gcr.io/distroless/cc-debian12:nonroot");
    assert_eq!(instructions()[0].1, "rust:1.95-bookworm AS build");
    assert_eq!(only("COPY"), "--from=build /image /");
    let user = only("USER");
    let numbers = user.split(':').map(|number| number.parse().unwrap_or(0));
    assert!(numbers.min().is_some_and(|least: u32| least > 0), "{user}");
    let known = [
        "FROM",
        "RUN",
        "ENV",
        "WORKDIR",
        "COPY",
        "USER",
        "EXPOSE",
        "STOPSIGNAL",
        "HEALTHCHECK",
        "ENTRYPOINT",
        "CMD",
    ];
    for (name, rest) in instructions() {
        assert!(known.contains(&&*name), "{name} {rest}");
    }
}

#[test]
fn what_the_image_is_told_is_understood() {
    let program = words(&only("ENTRYPOINT")).remove(0);
    let health = only("HEALTHCHECK");
    let (_, check) = health.split_once("CMD ").unwrap();
    let check = words(check);
    assert_eq!(check[0], program);
    for command in [&words(&only("CMD"))[..], &check[1..]] {
        let [command] = command else {
            panic!("{command:?}")
        };
        let status = allspark(&[command, "--help"]).output().unwrap().status;
        assert!(status.success(), "{command}");
    }
    let settings = only("ENV");
    let settings = settings
        .split_whitespace()
        .map(|word| word.split_once('=').unwrap());
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut check = allspark(&["config", "check", file.path().to_str().unwrap()]);
    let output = check.envs(settings).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// What is left out of the build is nothing that it needs.
#[test]
fn the_build_finds_its_sources() {
    let ignored = fs::read_to_string(root().join(".dockerignore")).unwrap();
    for line in ignored.lines().filter(|line| !line.starts_with('#')) {
        let is_needed = ["Cargo", "scripts", "server", "web", "client", "docs"];
        assert!(!is_needed.contains(&line), "{line}");
    }
    let mut builds = instructions().into_iter().filter(|(name, _)| name == "RUN");
    assert!(builds.any(|(_, rest)| rest.starts_with("cargo build --release --locked ")));
}

#[test]
fn the_program_runs_with_what_the_image_has() {
    let judge = root().join("tests/package/image");
    let output = Command::new(&judge)
        .arg(env!("CARGO_BIN_EXE_allspark"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    // A shell needs libraries that the image has not.
    let refused = Command::new(&judge).arg("/bin/bash").output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("the image has no libtinfo"), "{said}");
}
