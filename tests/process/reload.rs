//! A file that changes while the server runs.

use std::fs;
use std::io::{BufRead, BufReader, PipeReader, pipe};
use std::path::PathBuf;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::server::{Server, allspark};

const FRIEND: &str = "http://friend.example";
const FOE: &str = "http://foe.example";

struct Rig {
    server: Server,
    log: BufReader<PipeReader>,
    folder: TempDir,
}

impl Rig {
    fn start(text: &str, args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        fs::write(&path, text).unwrap();
        let (reader, writer) = pipe().unwrap();
        let mut command = allspark(args);
        command.arg("--config").arg(&path).args(["--shards", "2"]);
        Self {
            server: Server::start_with(&mut command, writer),
            log: BufReader::new(reader),
            folder,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("a.toml")
    }

    /// Reads the log until a line has these words.
    fn await_line(&mut self, words: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.log.read_line(&mut line).unwrap() > 0, "{words}");
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Has the server take this file. Returns what the log says of it.
    fn reload(&mut self, text: &str) -> String {
        fs::write(self.path(), text).unwrap();
        self.server.signal(Signal::HUP);
        self.await_line("reloaded")
    }

    /// The status of upgrades from these origins, on whatever shard.
    fn statuses(&self) -> [u16; 2] {
        [FRIEND, FOE].map(|origin| {
            let head = self.server.head_of(&format!(
                "GET /primus HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
                 Origin: {origin}\r\n\r\n"
            ));
            head.split(' ').nth(1).unwrap().parse().unwrap()
        })
    }

    fn end(mut self) {
        self.server.signal(Signal::TERM);
        assert_eq!(self.server.exit_code(), Some(0));
    }
}

#[test]
fn a_changed_file_counts_from_the_signal_on_and_a_wrong_one_changes_nothing() {
    let mut rig = Rig::start("", &[]);
    let mut client = rig.server.connect();
    assert_eq!(rig.statuses(), [101, 101]);
    let listed = format!("shards = 4\n[cors]\norigins = ['{FRIEND}']\n");
    let line = rig.reload(&listed);
    let expected = format!("reloaded: changed: origins (* -> {FRIEND})");
    assert!(line.contains(&expected), "{line}");
    // The flag outranks the file, so that nothing needs a restart.
    assert!(
        line.contains(" INFO ") && !line.contains("restart"),
        "{line}"
    );
    for _ in 0..4 {
        assert_eq!(rig.statuses(), [101, 403]);
    }
    let line = rig.reload("[cors]\norigins = ['nothing']\napp = 1\n");
    assert!(
        line.contains(" ERROR ") && line.contains("a.toml:3: cors.app: "),
        "{line}"
    );
    assert!(
        line.contains("(and 1 more: allspark config check)"),
        "{line}"
    );
    assert_eq!(rig.statuses(), [101, 403]);
    let line = rig.reload("driver = 'epoll'\nlog = 'debug'\n");
    assert!(line.contains("log (info -> debug)"), "{line}");
    assert!(line.contains("needs a restart: driver"), "{line}");
    assert_eq!(rig.statuses(), [101, 101]);
    // Who was there noticed nothing.
    client.send(b"\"hello\"");
    assert_eq!(client.receive(), b"\"hello\"");
    rig.end();
}

#[test]
fn a_thousand_signals_and_a_file_that_is_none_keep_nobody_from_anything() {
    let mut rig = Rig::start("", &[]);
    for count in 0..1_000 {
        if count % 10 == 0 {
            let text = format!("sessions-max = {}", count + 1);
            fs::write(rig.path(), text).unwrap();
        }
        rig.server.signal(Signal::HUP);
    }
    rig.server.assert_serves();
    fs::write(rig.path(), "sessions-max = 7").unwrap();
    rig.server.signal(Signal::HUP);
    rig.await_line("-> 7)");
    fs::remove_file(rig.path()).unwrap();
    mknodat(CWD, rig.path(), FileType::Fifo, Mode::RWXU, 0).unwrap();
    rig.server.signal(Signal::HUP);
    let line = rig.await_line("not reloaded");
    assert!(line.contains("it is no regular file"), "{line}");
    rig.server.assert_serves();
    rig.end();
}

#[test]
fn a_server_that_drains_reloads_nothing() {
    let mut rig = Rig::start("", &["--drain-delay", "60"]);
    rig.server.signal(Signal::TERM);
    rig.await_line("draining");
    rig.server.signal(Signal::HUP);
    rig.await_line("SIGHUP is ignored: the server drains");
    rig.server.signal(Signal::TERM);
    assert_eq!(rig.server.exit_code(), Some(128 + 15));
}
