//! The files of `deploy/` that are made of its list of system calls, and what systemd says of its
//! unit. `UPDATE_DOCS=1` writes them anew.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::confined::{of_uring, system_calls};
use crate::server::allspark;

/// As far as `systemd-analyze security` may rate the exposure of the service, of 100: what a
/// server needs that speaks to everybody.
const EXPOSURE_MAX: &str = "20";

/// What `runc` itself calls between the filter and the program, beside what is in the list: it
/// becomes the user of the container.
const OF_RUNC: &[&str] = &[
    "capget",
    "capset",
    "chdir",
    "fchdir",
    "fstatfs",
    "setgid",
    "setgroups",
    "setuid",
    "statfs",
];

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(name)
}

/// Asserts that a file is as it is made, or makes it.
fn assert_made(name: &str, make: impl FnOnce(&str) -> String) {
    let old = fs::read_to_string(deploy(name)).unwrap_or_default();
    let made = make(&old);
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(deploy(name), made).unwrap();
    } else {
        assert_eq!(old, made, "UPDATE_DOCS=1 writes deploy/{name} anew");
    }
}

#[test]
fn the_list_names_each_call_once() {
    let calls = system_calls();
    let different: BTreeSet<_> = calls.iter().collect();
    assert_eq!(different.len(), calls.len(), "{calls:?}");
}

#[test]
fn the_filter_of_the_unit_is_the_list() {
    assert_made("allspark.service", |old| {
        let is_filter = |line: &&str| line.starts_with("SystemCallFilter=");
        let mut lines: Vec<String> = Vec::new();
        let mut has_filter = false;
        for line in old.lines() {
            if !is_filter(&line) {
                lines.push(line.to_owned());
            } else if !has_filter {
                has_filter = true;
                lines.extend(filter_lines());
            }
        }
        lines.join("\n") + "\n"
    });
}

/// Each adds to those before it.
fn filter_lines() -> Vec<String> {
    const COLUMNS: usize = 96;
    let mut lines = vec!["SystemCallFilter=".to_owned()];
    for call in system_calls() {
        let line = lines.last_mut().unwrap();
        if line.len() + call.len() >= COLUMNS {
            lines.push(format!("SystemCallFilter={call}"));
        } else {
            let gap = if line.ends_with('=') { "" } else { " " };
            line.push_str(gap);
            line.push_str(call);
        }
    }
    lines
}

#[test]
fn the_profile_of_containers_is_the_list() {
    let uring = of_uring();
    let mut ours = system_calls();
    ours.retain(|call| !uring.contains(call));
    assert_made("seccomp.json", |_| {
        let profile = json!({
            "defaultAction": "SCMP_ACT_ERRNO",
            "defaultErrnoRet": 1,
            "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
            "syscalls": [
                allowed(&ours, "what AllSpark calls, from deploy/system-calls"),
                allowed(
                    &uring,
                    "the faster driver; Docker's own profile refuses it, as io_uring has been the \
                     way to faults of the kernel; without these three AllSpark takes epoll",
                ),
                allowed(OF_RUNC, "what runc calls before the program begins"),
            ],
        });
        serde_json::to_string_pretty(&profile).unwrap() + "\n"
    });
}

fn allowed(names: &[&str], comment: &str) -> Value {
    json!({ "names": names, "action": "SCMP_ACT_ALLOW", "comment": comment })
}

/// As it is delivered, and with everything that it proposes.
#[test]
fn the_options_of_the_package_are_right() {
    let text = fs::read_to_string(deploy("allspark.toml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let is_option = |line: &&str| line.starts_with("# ") && line.contains(" = ");
    let proposed: Vec<_> = text
        .lines()
        .filter(is_option)
        .map(|line| &line[2..])
        .collect();
    assert!(proposed.len() > 1, "{proposed:?}");
    let whole = format!("{}\n{text}", proposed.join("\n"));
    for text in [&text, &whole] {
        let path = folder.path().join("allspark.toml");
        fs::write(&path, text).unwrap();
        let mut check = allspark(&["config", "check", path.to_str().unwrap()]);
        let output = check.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn systemd_understands_the_unit_and_rates_it() {
    let folder = tempfile::tempdir().unwrap();
    let unit = fs::read_to_string(deploy("allspark.service")).unwrap();
    let unit = unit.replace(
        "=allspark ",
        concat!("=", env!("CARGO_BIN_EXE_allspark"), " "),
    );
    // Who is here without the package has no such user.
    let unit = unit.replace("User=allspark", "User=nobody");
    let path = folder.path().join("allspark.service");
    fs::write(&path, unit).unwrap();
    let security = ["security", "--offline=true", "--threshold", EXPOSURE_MAX];
    for words in [&["verify", "--man=no"][..], &security] {
        let mut command = Command::new("systemd-analyze");
        let Ok(output) = command.args(words).arg(&path).output() else {
            return eprintln!("systemd is not here to be asked");
        };
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(output.status.success(), "{said}");
        // Of other units of this machine it may say what it likes.
        let is_complaint = |line: &&str| line.contains("allspark.service:") && !line.contains('→');
        let complaint = said.lines().find(is_complaint);
        assert_eq!(complaint, None, "{said}");
    }
}
