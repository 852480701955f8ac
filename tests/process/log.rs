//! The log cannot be written: to a pipe without a reader, a full disk, a pipe that nobody reads, a
//! terminal that is gone.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionbio};
use rustix::process::{Resource, Rlimit, Signal, prlimit};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::server::{NEVER, Server};

/// What comes at once and is written back at once is this many messages of so many bytes..
const MESSAGES: usize = 60;
const MESSAGE_BYTES: usize = 1_000;

/// .. and more than twice as much as may wait, so that it is too much whatever the kernel takes.
const NARROW: &str = "10000";

/// Clients come and leave, and one is ended because it reads nothing, of which there is a line at
/// every level of logging.
fn assert_serves_slow_readers_and_others(server: &mut Server) {
    let mut deaf = server.connect();
    deaf.send_many(&[b'1'; MESSAGE_BYTES], MESSAGES);
    server.wait_until(|server| {
        let stats = server.get("/stats");
        stats.contains("\"sparksOverflowed\":1").then_some(())
    });
    for _ in 0..3 {
        server.assert_serves();
    }
}

/// Serves at every level of logging, and ends when it is told to, as if nothing were the matter.
fn assert_unharmed(stderr: impl Fn() -> OwnedFd) {
    for (level, signal) in [
        ("info", Signal::TERM),
        ("debug", Signal::INT),
        ("trace", Signal::TERM),
    ] {
        let args = ["--log", level, "--send-queue", NARROW];
        let mut server = Server::start(&args, stderr());
        assert_serves_slow_readers_and_others(&mut server);
        server.signal(signal);
        assert_eq!(server.exit_code(), Some(0), "{level} {signal:?}");
    }
}

#[test]
fn a_pipe_whose_reader_is_gone() {
    assert_unharmed(|| pipe().unwrap().1.into());
}

#[test]
fn a_full_disk() {
    assert_unharmed(|| {
        let disk = File::options().write(true).open("/dev/full");
        disk.unwrap().into()
    });
}

/// The pipes outlive the servers: closed, they would be the case above.
#[test]
fn a_full_pipe_that_nobody_reads() {
    let (_reader, writer) = full_pipe();
    assert_unharmed(|| writer.try_clone().unwrap().into());
}

/// As above, but the pipe says so instead of making who writes wait.
#[test]
fn a_full_pipe_that_does_not_block() {
    let (_reader, writer) = full_pipe();
    ioctl_fionbio(&writer, true).unwrap();
    assert_unharmed(|| writer.try_clone().unwrap().into());
}

#[test]
fn a_terminal_that_is_gone() {
    assert_unharmed(|| {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let name = ptsname(&controller, Vec::new()).unwrap();
        let terminal = File::options()
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        drop(controller);
        let error = (&terminal).write(b"x").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(Errno::IO.raw_os_error()));
        terminal.into()
    });
}

/// The kernel tells it by a signal that would end the process.
#[test]
fn a_file_that_may_not_grow() {
    let folder = tempfile::tempdir().unwrap();
    let log = File::create(folder.path().join("log")).unwrap();
    let mut server = Server::start(&["--log", "info", "--send-queue", NARROW], log);
    let nothing = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    prlimit(Some(server.pid()), Resource::Fsize, nothing).unwrap();
    assert_serves_slow_readers_and_others(&mut server);
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn the_second_signal_ends_at_once_although_the_log_is_stuck() {
    let (_reader, writer) = full_pipe();
    let mut server = Server::start(&["--log", "debug"], writer);
    // It never says goodbye, so the server waits for it.
    let _mute = server.connect();
    server.signal(Signal::TERM);
    server.signal(Signal::INT);
    let code = server.exit_code();
    assert!(matches!(code, Some(130 | 143)), "{code:?}");
}

/// Nobody reads the log while a client makes the server write more lines than may wait.
#[test]
fn what_was_lost_meanwhile_is_counted_and_told_later() {
    const ERRORS: usize = 20_000;
    let (mut reader, writer) = full_pipe();
    let mut server = Server::start(&["--log", "debug"], writer);
    let mut client = server.connect();
    for _ in 0..ERRORS {
        client.send(b"no JSON");
    }
    client.send(b"1");
    assert_eq!(client.receive(), b"1");
    let stats = server.get("/stats");
    assert!(!stats.contains(r#""logLinesLost":0"#), "{stats}");

    // Read from now on, the log tells how many lines are missing.
    let mut log = Log::default();
    while log.errors + log.lost < ERRORS {
        let timeout = Timespec::try_from(NEVER).unwrap();
        let mut fds = [PollFd::new(&reader, PollFlags::IN)];
        assert_eq!(poll(&mut fds, Some(&timeout)), Ok(1), "{log:?}");
        let mut bytes = [0; 4096];
        let read = reader.read(&mut bytes).unwrap();
        log.take(&bytes[..read]);
    }
    assert!(log.lost > 0, "{log:?}");
    // What else was logged meanwhile may be lost, too.
    assert!(log.errors + log.lost <= ERRORS + 100, "{log:?}");
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), Some(0));
}

/// What was read of a log.
#[derive(Debug, Default)]
struct Log {
    incomplete: Vec<u8>,
    errors: usize,
    lost: usize,
}

impl Log {
    fn take(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte != b'\n' {
                self.incomplete.push(byte);
                continue;
            }
            let line = String::from_utf8(std::mem::take(&mut self.incomplete)).unwrap();
            if line.contains("spark error") {
                self.errors += 1;
            } else if let Some((_, lost)) = line.split_once("stderr did not take them: ") {
                self.lost += lost.parse::<usize>().unwrap();
            }
        }
    }
}

/// Both ends of a pipe without room.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = pipe().unwrap();
    ioctl_fionbio(&writer, true).unwrap();
    for filling in [&[b'\n'; 4096][..], b"\n"] {
        while writer.write(filling).is_ok() {}
    }
    ioctl_fionbio(&writer, false).unwrap();
    (reader, writer)
}
