//! A restart without a gap: a new process takes the listening sockets over from the running one.

use std::io::{self, IoSlice, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendFlags, SocketAddrUnix, SocketFlags,
    SocketType, connect, recv, sendmsg, socket_with,
};
use tempfile::TempDir;

use crate::server::{NEVER, Server, allspark};

const ECHO: &[u8] = b"\"hello\"";

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("handover");
    (folder, path)
}

fn arguments<'a>(path: &'a Path, shards: &'a str) -> [&'a str; 4] {
    ["--handover", path.to_str().unwrap(), "--shards", shards]
}

/// A server that can be taken over from.
fn start(path: &Path, shards: &str) -> Server {
    start_with(allspark(&[]).args(arguments(path, shards)), path)
}

fn start_with(command: &mut Command, path: &Path) -> Server {
    let mut server = Server::start_with(command, Stdio::null());
    // It answers before it listens there.
    server.wait_until(|_| Taker::try_connect(path).ok());
    server
}

/// A process that is to take over from this server, and what it said if it did not.
fn take_over(server: &Server, path: &Path, shards: &str) -> Server {
    let mut command = allspark(&[]);
    server.successor(command.args(arguments(path, shards)), Stdio::null())
}

/// What a process says that can't take over.
fn refusal(server: &Server, path: &Path, more: &[&str]) -> String {
    let mut command = allspark(&arguments(path, "1"));
    let command = command.args(["--listen", &server.address().to_string()]);
    let output = command.args(more).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

/// A client comes, says something, and hears it again, or is told to reconnect.
fn visit(address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(NEVER))?;
    let request = "GET /primus HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
                   Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    let frame = [&[0x81, 0x80 | ECHO.len() as u8, 0, 0, 0, 0], ECHO].concat();
    stream.write_all(&[request.as_bytes(), &frame].concat())?;
    let mut heard = Vec::new();
    let has_heard = |heard: &[u8], words: &[u8]| heard.windows(words.len()).any(|at| at == words);
    loop {
        let mut bytes = [0; 1024];
        let count = stream.read(&mut bytes)?;
        heard.extend_from_slice(&bytes[..count]);
        if count == 0 || !heard.starts_with(&b"HTTP/1.1 101 "[..heard.len().min(13)]) {
            return Err(io::Error::other(format!(
                "{:?}",
                String::from_utf8_lossy(&heard)
            )));
        }
        if has_heard(&heard, ECHO) || has_heard(&heard, b"\r\n\r\n\x88") {
            return Ok(());
        }
    }
}

/// Clients that connect all the time, while `work` goes on. Returns how many there were.
fn beside_clients(address: SocketAddr, work: impl FnOnce(&dyn Fn())) -> usize {
    let (is_over, visits) = (AtomicBool::new(false), AtomicUsize::new(0));
    let visit_again = || {
        while !is_over.load(Ordering::Relaxed) {
            visit(address).unwrap_or_else(|error| panic!("a client was let down: {error}"));
            visits.fetch_add(1, Ordering::Relaxed);
        }
    };
    // A number of visits passes: whoever serves now has served some of them.
    let some_pass = || {
        let until = visits.load(Ordering::Relaxed) + 20;
        while visits.load(Ordering::Relaxed) < until {
            thread::yield_now();
        }
    };
    thread::scope(|scope| {
        let clients = [scope.spawn(visit_again), scope.spawn(visit_again)];
        some_pass();
        work(&|| {
            assert!(clients.iter().all(|client| !client.is_finished()));
            some_pass();
        });
        is_over.store(true, Ordering::Relaxed);
    });
    visits.into_inner()
}

#[test]
fn clients_that_connect_all_the_time_notice_nothing_of_three_restarts() {
    let (_folder, path) = folder();
    let mut server = start(&path, "2");
    let mut resident = server.connect();
    let visits = beside_clients(server.address(), |some_pass| {
        // Sockets are as many as before, whatever the number of shards.
        for shards in ["1", "3", "2"] {
            let next = take_over(&server, &path, shards);
            assert_eq!(resident.rest(), [""; 0], "it shall reconnect");
            resident = next.connect();
            let mut old = std::mem::replace(&mut server, next);
            assert_eq!(old.exit_code(), Some(0));
            some_pass();
        }
    });
    assert!(visits >= 80);
    assert!(path.exists(), "the next one can take over");
}

/// The dialogue, as a process speaks it.
struct Taker(OwnedFd);

impl Taker {
    fn connect(path: &Path) -> Self {
        Self::try_connect(path).unwrap()
    }

    fn try_connect(path: &Path) -> io::Result<Self> {
        let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
        let socket = socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
        connect(&socket, &SocketAddrUnix::new(path)?)?;
        Ok(Self(socket))
    }

    fn say(&self, words: &str) {
        let words = [IoSlice::new(words.as_bytes())];
        let mut control = SendAncillaryBuffer::default();
        sendmsg(&self.0, &words, &mut control, SendFlags::NOSIGNAL).unwrap();
    }

    /// The kernel drops the descriptors that come with it.
    fn hear(&self) -> String {
        let mut bytes = [0; 4096];
        let (count, _) = recv(&self.0, &mut bytes, RecvFlags::empty()).unwrap();
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    }

    /// Takes everything, and is not ready yet.
    fn take(&self) {
        self.say("take 1");
        assert!(self.hear().starts_with("give 1 "));
        while self.hear() != "all" {}
    }
}

#[test]
fn a_server_lives_on_if_the_new_one_does_not_start() {
    let (_folder, path) = folder();
    // A server that was killed has left a file.
    drop(start(&path, "1"));
    assert!(path.exists());
    let server = start(&path, "2");

    let other_version = Taker::connect(&path);
    other_version.say("take 2");
    let refused = other_version.hear();
    assert!(
        refused.starts_with("refused ") && refused.contains("version 1"),
        "{refused}"
    );

    let slow = Taker::connect(&path);
    slow.take();
    let reason = refusal(&server, &path, &[]);
    assert!(
        reason.contains("another process takes over just now"),
        "{reason}"
    );
    server.assert_serves();

    // It dies half-way. The server learns that at once, but not before the kernel has closed it.
    drop(slow);
    let taken = std::iter::repeat_with(|| {
        let taker = Taker::connect(&path);
        taker.say("take 1");
        taker.hear().starts_with("give ").then_some(taker)
    });
    let taker = taken.flatten().next();
    server.assert_serves();
    drop(taker);
}

#[test]
fn a_driver_that_differs_is_refused_and_a_place_that_differs_is_bound() {
    let (_folder, path) = folder();
    let mut command = allspark(&["--driver", "epoll"]);
    let mut server = start_with(command.args(arguments(&path, "2")), &path);
    let reason = refusal(&server, &path, &["--driver", "uring"]);
    assert!(
        reason.contains("--driver epoll takes them over"),
        "{reason}"
    );
    server.assert_serves();
    // Its sockets are not asked for, but it is the next one.
    let elsewhere = start(&path, "1");
    assert_eq!(server.exit_code(), Some(0));
    assert!(TcpStream::connect(server.address()).is_err());
    elsewhere.assert_serves();
}
