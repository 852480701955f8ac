//! What no server can undercut: a loop that receives bytes and sends bytes, on one thread, bare on
//! `io_uring` or on epoll. It keeps no session, knows no parser, checks no text, sends no
//! heartbeat and has no limits but those of its memory. It is no server for anything else than
//! `harness compare peers`.
//!
//! - **echo**: each frame is unmasked in the buffer that it came in, and sent from there.
//! - **broadcast**: each frame is unmasked and appended once to a log; everyone is sent what he has
//!   not seen of it, in one send per turn. A turn makes at most 256 of these sends, as AllSpark
//!   does, so both coalesce alike.
//!
//! | module | what it knows |
//! |---|---|
//! | [`frames`] | where a frame begins and ends, and how it is unmasked |
//! | [`connection`] | one client, whatever carries its bytes |
//! | [`opening`] | as much HTTP as a WebSocket needs |
//! | [`broadcast`] | the log of broadcasts, and the walk over everyone |
//! | [`epoll`], [`uring`] | the two loops |
//!
//! `peer-floor uring|epoll PORT echo|broadcast`

mod broadcast;
mod connection;
mod epoll;
mod frames;
mod opening;
mod uring;

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::ExitCode;

use broadcast::Broadcast;
use connection::App;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 65_535;

/// How a loop talks to the kernel.
#[derive(Clone, Copy, Debug)]
enum Loop {
    Uring,
    Epoll,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((kind, port, app)) = parse(&arguments) else {
        complain("usage: peer-floor uring|epoll PORT echo|broadcast");
        return ExitCode::from(2);
    };
    match serve(kind, port, app) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("peer-floor: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Unlike `eprintln!` it does not panic when nobody reads any more.
fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn parse(arguments: &[String]) -> Option<(Loop, u16, App)> {
    let [kind, port, app] = arguments else {
        return None;
    };
    let kind = match &**kind {
        "uring" => Loop::Uring,
        "epoll" => Loop::Epoll,
        _ => return None,
    };
    let app = match &**app {
        "echo" => App::Echo,
        "broadcast" => App::Broadcast(Broadcast::default()),
        _ => return None,
    };
    Some((kind, port.parse().ok()?, app))
}

fn serve(kind: Loop, port: u16, app: App) -> io::Result<()> {
    let listener = listen(port)?;
    let version = env!("CARGO_PKG_VERSION");
    let mut stdout = io::stdout();
    writeln!(stdout, "version bare loop {version}, {kind:?}")?;
    writeln!(stdout, "listening {}", listener.local_addr()?.port())?;
    match kind {
        Loop::Uring => uring::serve(listener, app),
        Loop::Epoll => epoll::serve(listener, app),
    }
}

/// Accepted connections inherit `TCP_NODELAY`.
fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
