//! A server whose user may have no further thread, and so its kernel can make none for it.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, pipe};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use allspark_engine::io::probe_release;
use rustix::process::Signal;

use crate::confined::{as_nobody, place};
use crate::server::Server;

const SAID: &str = "the kernel can make no thread for io_uring to shut connections down with";

/// Root may have any number, so it becomes nobody. Until the limit counts nobody connects: a
/// thread that the kernel has made for an earlier shutdown would do those that follow, too.
#[test]
fn that_shutdowns_have_no_thread_is_said_once_and_they_are_done() {
    if let Err(reason) = probe_release() {
        return eprintln!("without io_uring: {reason}");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let program = place(&folder, Path::new(env!("CARGO_BIN_EXE_allspark")));
    let mut command = as_nobody(&program);
    command
        .args(["--driver", "uring", "--shards", "2"])
        .env_clear();
    let (reader, writer) = pipe().unwrap();
    let mut server = Server::spawn_silently(&mut command, writer);
    drop(command);
    let (mut log, mut said) = (BufReader::new(reader), String::new());
    while !said.contains("serving on") {
        assert!(log.read_line(&mut said).unwrap() > 0, "{said}");
    }
    // Only who has its user, or may do anything, may limit it.
    let mut limit = as_nobody("prlimit");
    limit.args(["--pid", &server.pid().to_string(), "--nproc=1:1"]);
    assert!(limit.status().unwrap().success());
    for _ in 0..20 {
        server.assert_serves();
        assert!(server.get("/stats").contains("\"sparks\""));
    }
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), Some(0));
    log.read_to_string(&mut said).unwrap();
    let warnings: Vec<&str> = said.lines().filter(|line| line.contains(SAID)).collect();
    assert_eq!(warnings.len(), 1, "{said}");
    assert!(warnings[0].contains("WARN"), "{said}");
}
