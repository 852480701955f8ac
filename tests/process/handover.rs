//! A restart without a gap: a new process takes the listening sockets over from the running one.

use std::fs;
use std::io::{self, IoSlice, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{self, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rcgen::{CertificateParams, KeyPair};
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendFlags, SocketAddrUnix, SocketFlags,
    SocketType, connect, recv, sendmsg, socket_with,
};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;

use crate::server::{NEVER, Server, allspark, free_address};

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
    await_handover(&mut server, path);
    server
}

/// Waits until a server can be taken over from: it answers before it listens there.
pub(crate) fn await_handover(server: &mut Server, path: &Path) {
    server.wait_until(|_| Taker::try_connect(path).ok());
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

/// How a client comes once.
type Visit<'v> = &'v (dyn Fn() -> io::Result<()> + Sync);

/// Clients that come all the time, each in its way, while `work` goes on. Returns how often they
/// came.
fn beside_clients(ways: &[Visit<'_>], work: impl FnOnce(&dyn Fn())) -> usize {
    let is_over = AtomicBool::new(false);
    let visits: Vec<_> = ways.iter().map(|_| AtomicUsize::new(0)).collect();
    let visit_again = |visit: Visit<'_>, visits: &AtomicUsize| {
        while !is_over.load(Ordering::Relaxed) {
            visit().unwrap_or_else(|error| panic!("a client was let down: {error}"));
            visits.fetch_add(1, Ordering::Relaxed);
        }
    };
    // Some visits pass: whoever serves now has served some of them.
    let some_pass = || {
        for visits in &visits {
            let until = visits.load(Ordering::Relaxed) + 10;
            while visits.load(Ordering::Relaxed) < until {
                assert!(!is_over.load(Ordering::Relaxed));
                thread::yield_now();
            }
        }
    };
    thread::scope(|scope| {
        let pairs = ways.iter().zip(&visits);
        let clients = pairs.map(|(visit, visits)| scope.spawn(|| visit_again(*visit, visits)));
        let clients: Vec<_> = clients.collect();
        some_pass();
        work(&|| {
            assert!(clients.iter().all(|client| !client.is_finished()));
            some_pass();
        });
        is_over.store(true, Ordering::Relaxed);
    });
    visits.into_iter().map(AtomicUsize::into_inner).sum()
}

#[test]
fn clients_that_connect_all_the_time_notice_nothing_of_three_restarts() {
    let (_folder, path) = folder();
    let mut server = start(&path, "2");
    let mut resident = server.connect();
    let address = server.address();
    let visit = || visit(address);
    let visits = beside_clients(&[&visit, &visit], |some_pass| {
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

const STATS: &[u8] = b"GET /stats HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// Asks for something, and reads the head of the answer.
pub(crate) fn ask(stream: &mut (impl Read + Write)) -> io::Result<()> {
    stream.write_all(STATS)?;
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    match head.starts_with(b"HTTP/1.1 200 ") {
        true => Ok(()),
        false => Err(io::Error::other(String::from_utf8_lossy(&head))),
    }
}

/// A client of a certificate that lies in this folder from now on, beside its key.
pub(crate) fn trusting(folder: &Path) -> Arc<ClientConfig> {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let made = params.self_signed(&key).unwrap();
    fs::write(folder.join("cert.pem"), made.pem() + &key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.der().clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(default_provider().into());
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

/// A file, a name without one, and TLS: their listeners go over with all who wait in them.
#[test]
fn listeners_of_every_kind_are_taken_over() {
    let (folder, path) = folder();
    let config = trusting(folder.path());
    let (encrypted, file) = (free_address(), folder.path().join("socket"));
    let abstract_name = format!("allspark-handover-{}", std::process::id());
    let cert = folder.path().join("cert.pem");
    let section = format!("inner={{\"cert\":{cert:?},\"key\":{cert:?}}}");
    let more = [
        format!("--listen=unix:{}", file.display()),
        format!("--listen=unix:@{abstract_name}"),
        format!("--listen={encrypted}?tls=inner"),
        format!("--tls-sections={section}"),
    ];
    let command = |shards| {
        let mut command = allspark(&[]);
        command.args(arguments(&path, shards)).args(&more);
        command
    };
    let by_file = || ask(&mut UnixStream::connect(&file)?);
    let by_name = || {
        let name = net::SocketAddr::from_abstract_name(&abstract_name)?;
        ask(&mut UnixStream::connect_addr(&name)?)
    };
    let by_tls = || {
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let client = ClientConnection::new(config.clone(), name).unwrap();
        let socket = TcpStream::connect(encrypted)?;
        socket.set_read_timeout(Some(NEVER))?;
        ask(&mut StreamOwned::new(client, socket))
    };
    let mut server = start_with(&mut command("2"), &path);
    beside_clients(&[&by_file, &by_name, &by_tls], |some_pass| {
        for shards in ["1", "2"] {
            let next = server.successor(&mut command(shards), Stdio::null());
            let mut old = std::mem::replace(&mut server, next);
            assert_eq!(old.exit_code(), Some(0));
            some_pass();
        }
    });
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
