//! The access log: a line for each request, in a file that may be moved away, or full.

use std::io::{BufRead, BufReader, pipe};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::server::{NEVER, Server, allspark};

fn start(file: &Path, more: &[&str]) -> (Server, BufReader<std::io::PipeReader>) {
    let (reader, writer) = pipe().unwrap();
    let args = ["--access-log-file", file.to_str().unwrap()];
    let server = Server::start(&[&args, more].concat(), writer);
    (server, BufReader::new(reader))
}

fn await_line(log: &mut impl BufRead, words: &str) -> String {
    loop {
        let mut line = String::new();
        assert!(
            log.read_line(&mut line).unwrap() > 0,
            "{words} was not logged"
        );
        if line.contains(words) {
            return line;
        }
    }
}

/// Another thread writes the file.
fn await_text(file: &Path) {
    let end = Instant::now() + NEVER;
    while std::fs::metadata(file).unwrap().len() == 0 {
        assert!(Instant::now() < end, "nothing is written");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Everything is written before the process ends.
#[test]
fn a_file_that_is_moved_away_is_opened_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (file, moved) = (folder.path().join("access.log"), folder.path().join("old"));
    let (mut server, mut log) = start(&file, &["--access-log-format", "json"]);
    server.assert_serves();
    await_text(&file);
    std::fs::rename(&file, &moved).unwrap();
    server.signal(Signal::USR1);
    await_line(&mut log, "the access log is opened anew");
    server.assert_serves();
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), Some(0));
    for file in [moved, file] {
        let text = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert!(!lines.is_empty(), "{file:?}");
        assert!(
            lines
                .iter()
                .all(|line| line["status"].is_u64() && line["method"] == "GET")
        );
    }
}

#[test]
fn a_full_disk_keeps_nobody_waiting_and_is_told() {
    let (mut server, mut log) = start(Path::new("/dev/full"), &[]);
    for _ in 0..3 {
        server.assert_serves();
    }
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), Some(0));
    let line = await_line(&mut log, "the access log are lost");
    assert!(line.contains("lost="), "{line}");
}

#[test]
fn a_file_that_cannot_be_opened_keeps_the_server_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let (reader, writer) = pipe().unwrap();
    let args = ["--access-log-file", folder.path().to_str().unwrap()];
    let mut server = Server::spawn_silently(&mut allspark(&args), writer);
    assert_eq!(server.exit_code(), Some(1));
    await_line(&mut BufReader::new(reader), "access-log-file");
}
