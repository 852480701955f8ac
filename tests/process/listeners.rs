//! Every kind of listener of one process, on each driver: Unix sockets, the PROXY protocol,
//! internal listeners, redirects, and sockets that systemd passes.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::server::{NEVER, Server, allspark};

const UPGRADE: &[u8] = b"GET /primus HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

fn unix(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(NEVER)).unwrap();
    stream
}

/// Sends the bytes in front of a request for a WebSocket, one by one, and has a message echoed.
fn echo(mut stream: impl Read + Write, before: &[u8]) {
    for byte in before {
        stream.write_all(&[*byte]).unwrap();
    }
    stream.write_all(UPGRADE).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    stream.write_all(b"\x81\x83\0\0\0\0\"a\"").unwrap();
    let mut frame = [0; 5];
    stream.read_exact(&mut frame).unwrap();
    assert_eq!(&frame, b"\x81\x03\"a\"");
}

/// Everything that a request is answered with.
fn ask(mut stream: impl Read + Write, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
    // Whoever is not listened to may be closed before.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

/// A header of version 2: from 192.0.2.2, with TLS.
fn block() -> Vec<u8> {
    let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x1e".to_vec();
    bytes.extend([192, 0, 2, 2, 198, 51, 100, 1, 0x12, 0x67, 0x01, 0xbb]);
    bytes.extend(b"\x20\0\x0f\x01\0\0\0\0\x21\0\x07TLSv1.3");
    bytes
}

fn serves_on_every_kind_of_listener(driver: &str) {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let listen = |name: &str, options: &str| format!("unix:{}{options}", path(name).display());
    let log = path("log");
    let mut command = allspark(&["--shards", "2", "--driver", driver, "--log", "debug"]);
    // A ping would come at a moment of its own among what is expected.
    command.args(["--trusted-proxies", "unix", "--ping-interval", "off"]);
    // Only root gives a file away.
    let owner = match rustix::process::geteuid().is_root() {
        true => "?owner=65534:65533",
        false => "",
    };
    for (name, options) in [
        ("public", "?mode=600"),
        ("owned", owner),
        ("proxied", "?proxy-protocol=required"),
        ("optional", "?proxy-protocol=optional"),
        ("internal", "?internal&mode=0660"),
        ("redirect", "?redirect=8443"),
    ] {
        command.args(["--listen", &listen(name, options)]);
    }
    let has_ipv6 = TcpListener::bind("[::1]:0").is_ok();
    if has_ipv6 {
        command.args(["--listen", "[::1]:0"]);
    }
    let mut server = Server::start_with(&mut command, File::create(&log).unwrap());
    server.assert_serves();

    assert_owners(folder.path(), !owner.is_empty());
    echo(unix(&path("public")), b"");
    echo(unix(&path("owned")), b"");
    if has_ipv6 {
        echo(TcpStream::connect(address_in_ipv6(&log)).unwrap(), b"");
    }
    echo(
        unix(&path("proxied")),
        b"PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n",
    );
    echo(unix(&path("proxied")), &block());
    echo(unix(&path("optional")), &block());
    echo(unix(&path("optional")), b"");
    let refused = ask(unix(&path("proxied")), "/primus/spec");
    assert_eq!(refused, "", "without a header nothing is answered");
    let stats = ask(unix(&path("internal")), "/stats");
    assert!(stats.contains("\"sparks\":"), "{stats}");
    let spec = ask(unix(&path("internal")), "/primus/spec");
    assert!(spec.starts_with("HTTP/1.1 404 "), "{spec}");
    assert!(server.get("/stats").starts_with("Not Found"));
    let moved = ask(unix(&path("redirect")), "/a?b");
    assert!(
        moved.contains("Location: https://a.example:8443/a?b\r\n"),
        "{moved}"
    );

    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), Some(0));
    let log = fs::read_to_string(log).unwrap();
    for line in [
        "peer=192.0.2.1:4711",
        "peer=192.0.2.2:4711",
        "peer=0.0.0.0:0",
        "it does not begin with a header of the PROXY protocol",
        "/internal (internal)",
        "(PROXY protocol required)",
        "(redirects to https, port 8443)",
    ] {
        assert!(log.contains(line), "{line}: {log}");
    }
}

/// The sockets in the folder are whose, and for whom, they are to be.
fn assert_owners(folder: &Path, is_given: bool) {
    let socket = |name: &str| fs::metadata(folder.join(name)).unwrap();
    let mode = |name: &str| socket(name).permissions().mode() & 0o777;
    assert_eq!((mode("public"), mode("internal")), (0o600, 0o660));
    if is_given {
        let owned = socket("owned");
        assert_eq!((owned.uid(), owned.gid()), (65534, 65533));
        assert_eq!(socket("public").uid(), 0);
    }
}

/// Where the server says that it listens.
fn address_in_ipv6(log: &Path) -> SocketAddr {
    let log = fs::read_to_string(log).unwrap();
    let (_, after) = log.split_once("http://[::1]:").expect("it says so");
    let port: String = after.chars().take_while(char::is_ascii_digit).collect();
    format!("[::1]:{port}").parse().unwrap()
}

#[test]
fn epoll_serves_on_every_kind_of_listener() {
    serves_on_every_kind_of_listener("epoll");
}

#[test]
fn io_uring_serves_on_every_kind_of_listener() {
    if allspark_engine::io::probe_release().is_ok() {
        serves_on_every_kind_of_listener("uring");
    }
}

/// As systemd does it: the sockets are 3 and 4.
fn passed(sockets: [&dyn AsFd; 2], args: &str) -> Command {
    let numbers = sockets.map(|socket| {
        fcntl_setfd(socket, FdFlags::empty()).unwrap();
        socket.as_fd().as_raw_fd()
    });
    let [first, second] = numbers;
    // Of a number that is not its own the shell makes a copy.
    let script = format!(
        "exec 98<&{first} 99<&{second} 3<&98 4<&99; export LISTEN_FDS=2 LISTEN_PID=$$ \
         LISTEN_FDNAMES=web:admin; exec {} --shards 2 {args} \"$@\"",
        env!("CARGO_BIN_EXE_allspark")
    );
    let mut command = Command::new("bash");
    command.env_clear().args(["-c", &script, "allspark"]);
    command
}

#[test]
fn sockets_that_systemd_passes_are_served_by_their_names() {
    let folder = TempDir::new().unwrap();
    let web = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = web.local_addr().unwrap();
    let admin = UnixListener::bind(folder.path().join("admin")).unwrap();
    let args = "--listen 'systemd:admin?internal' --listen systemd:web --ping-interval off";
    let mut command = passed([&web, &admin], args);
    let log = folder.path().join("log");
    let mut server = Server::start_with(&mut command, File::create(&log).unwrap());
    drop((web, admin));
    echo(TcpStream::connect(address).unwrap(), b"");
    let stats = ask(unix(&folder.path().join("admin")), "/stats");
    assert!(stats.contains("\"sparks\":"), "{stats}");
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), Some(0));
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains(&format!("http://{address}/primus")), "{log}");
}

/// What is no place to listen in is one line, before anything is served.
#[test]
fn a_listener_that_cannot_be_is_one_line() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "text").unwrap();
    for (listen, sentence, code) in [
        ("systemd:web", "systemd passes no socket named \"web\"", 1),
        (&format!("unix:{}", file.display()), "that is no socket", 1),
        (
            "unix:/a?owner=nobody-at-all",
            "there is no user \"nobody-at-all\"",
            1,
        ),
        ("8080?proxy-protocol=required", "--trusted-proxies", 2),
        ("8080?internal", "nobody could reach Primus", 2),
    ] {
        let output = allspark(&["--listen", listen]).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            stderr.contains(sentence) && stderr.lines().count() == 1,
            "{stderr}"
        );
        assert_eq!(output.status.code(), Some(code), "{stderr}");
    }
}
