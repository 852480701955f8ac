//! `scripts/tune-kernel` on copies of the kernel's values.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Values as a fresh machine has them, some of them good enough already.
const VALUES: &[(&str, &str)] = &[
    ("fs/nr_open", "1048576\n"),
    ("fs/file-max", "9223372036854775807\n"),
    ("kernel/io_uring_disabled", "2\n"),
    ("net/core/somaxconn", "4096\n"),
    ("net/ipv4/tcp_max_syn_backlog", "2048\n"),
    ("net/ipv4/tcp_mem", "1\t2\t3\n"),
    ("net/ipv4/tcp_rmem", "4096\t131072\t33554432\n"),
    ("net/ipv4/tcp_wmem", "4096\t16384\t262144\n"),
    ("net/ipv4/ip_local_port_range", "32768\t60999\n"),
    ("net/ipv4/tcp_max_tw_buckets", "2000000\n"),
    ("net/ipv4/tcp_max_orphans", "131072\n"),
];

struct Machine {
    directory: TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        for (name, value) in VALUES {
            let path = machine.path(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, value).unwrap();
        }
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// All values, with single spaces.
    fn values(&self) -> Vec<String> {
        let read = |(name, _): &(&str, _)| std::fs::read_to_string(self.path(name)).unwrap();
        let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        VALUES.iter().map(read).map(words).collect()
    }

    fn tune(&self, options: &[&str]) -> (i32, String) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/tune-kernel");
        let output = Command::new(script)
            .args(options)
            .env("TUNE_KERNEL_VALUES", self.directory.path())
            .env("TUNE_KERNEL_SAVED", self.path("saved"))
            .output()
            .unwrap();
        let complaints = String::from_utf8(output.stderr).unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        (output.status.code().unwrap(), said + &complaints)
    }
}

#[test]
fn what_is_changed_is_printed_and_can_be_undone() {
    let machine = Machine::new();
    let before = machine.values();
    let (code, said) = machine.tune(&[]);
    assert_eq!(code, 0, "{said}");
    for line in [
        "net.core.somaxconn: 4096 -> 65535",
        "net.ipv4.tcp_rmem: 4096 131072 33554432 -> 4096 131072 1048576",
        "net.ipv4.ip_local_port_range: 32768 60999 -> 1024 65535",
        "net.ipv4.tcp_wmem: 4096 16384 262144 is low enough",
        "net.ipv4.tcp_max_tw_buckets: 2000000 is enough",
        "net.ipv4.tcp_migrate_req: unknown to this kernel",
    ] {
        assert!(said.lines().any(|said| said == line), "{line}: {said}");
    }
    let after = machine.values();
    assert_eq!((after[3].as_str(), after[2].as_str()), ("65535", "2"));
    // The second time there is nothing to do, and the first old values stay saved.
    let (_, said) = machine.tune(&[]);
    assert!(!said.contains(" -> "), "{said}");
    let (code, said) = machine.tune(&["--undo"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("net.core.somaxconn: 65535 -> 4096"), "{said}");
    assert_eq!(machine.values(), before);
    let (code, said) = machine.tune(&["--undo"]);
    assert!(code == 0 && said.contains("nothing to undo"), "{said}");
}

#[test]
fn a_dry_run_changes_nothing_and_says_the_same() {
    let machine = Machine::new();
    let before = machine.values();
    let (code, dry) = machine.tune(&["--dry-run"]);
    assert_eq!((code, machine.values()), (0, before));
    assert!(!machine.path("saved").exists());
    assert_eq!(machine.tune(&[]), (0, dry));
}

#[test]
fn a_wrong_option_is_misuse() {
    let machine = Machine::new();
    let before = machine.values();
    for options in [&["--redo"][..], &["--undo", "--dry-run"]] {
        let (code, said) = machine.tune(options);
        assert_eq!((code, machine.values()), (2, before.clone()), "{said}");
        assert!(said.starts_with("usage: "), "{said}");
    }
}
