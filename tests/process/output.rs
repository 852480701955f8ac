//! Commands that end at once, and whose readers are gone.

use std::fs::File;
use std::io::{Read, pipe};
use std::net::TcpListener;

use crate::server::allspark;

#[test]
fn a_reader_who_has_seen_enough_is_no_error() {
    for args in [&["--help"][..], &["--version"], &["library"]] {
        let output = allspark(args).stdout(pipe().unwrap().1).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {stderr}");
        assert!(stderr.is_empty(), "{args:?}: {stderr}");
    }
}

#[test]
fn what_could_not_be_printed_is_one_line_and_exit_code_1() {
    for args in [&["--help"][..], &["--version"], &["library"]] {
        let disk = File::options().write(true).open("/dev/full").unwrap();
        let output = allspark(args).stdout(disk).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(
            stderr.starts_with("allspark: standard output: "),
            "{stderr}"
        );
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
}

#[test]
fn the_exit_code_is_right_although_nobody_can_be_told_why() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (args, code) in [
        (&["--nonsense"][..], 2),
        (&["library", "--out", "/nowhere/primus.js"], 1),
        (&["--listen", &address], 1),
    ] {
        let disk = File::options().write(true).open("/dev/full").unwrap();
        let gone = pipe().unwrap().1;
        let full = allspark(args).stderr(disk).status().unwrap();
        let closed = allspark(args).stderr(gone).status().unwrap();
        assert_eq!(full.code(), Some(code), "{args:?}");
        assert_eq!(closed.code(), Some(code), "{args:?}");
    }
}

/// It is no line of the log: `--log off` does not take it away.
#[test]
fn why_a_server_can_not_start_is_told_whatever_the_level() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (mut reader, writer) = pipe().unwrap();
    let args = ["--log", "off", "--listen", &address];
    let status = allspark(&args).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(1));
    let mut told = String::new();
    reader.read_to_string(&mut told).unwrap();
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(
        told.starts_with("allspark: ") && told.contains(&address),
        "{told}"
    );
}
