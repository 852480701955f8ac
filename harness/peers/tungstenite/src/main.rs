//! tokio-tungstenite as a server on one thread: what a Rust programmer would write who wants it
//! fast, with the runtime's current-thread scheduler, one task per connection, and one flush for
//! everything that is pending.
//!
//! `peer-tungstenite PORT echo|broadcast`

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, accept_async_with_config};

mod broadcast;
mod echo;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 65_535;

/// Bytes of read buffer per connection. The library's own 128 KiB would make the comparison of
/// memory a comparison of this one number.
const READ_BUFFER_BYTES: usize = 16 * 1024;

#[derive(Clone)]
enum Mode {
    Echo,
    Broadcast(broadcast::Audience),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let parsed = match arguments.as_slice() {
        [port, mode] => port.parse().ok().zip(parse_mode(mode)),
        _ => None,
    };
    let Some((port, mode)) = parsed else {
        complain("usage: peer-tungstenite PORT echo|broadcast");
        return ExitCode::from(2);
    };
    match serve(port, mode) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("peer-tungstenite: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Unlike `eprintln!` it does not panic when nobody reads any more.
fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn parse_mode(mode: &str) -> Option<Mode> {
    match mode {
        "echo" => Some(Mode::Echo),
        "broadcast" => Some(Mode::Broadcast(broadcast::Audience::default())),
        _ => None,
    }
}

fn serve(port: u16, mode: Mode) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async move {
        let listener = listen(port)?;
        let mut stdout = io::stdout();
        writeln!(stdout, "version {}", env!("PEER_VERSION"))?;
        writeln!(stdout, "listening {}", listener.local_addr()?.port())?;
        accept(listener, mode).await
    })
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

async fn accept(listener: TcpListener, mode: Mode) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let mode = mode.clone();
        tokio::task::spawn_local(async move {
            // A connection that fails ends; the load generator sees it and says so.
            if let Ok(stream) = upgrade(stream).await {
                match mode {
                    Mode::Echo => echo::run(stream).await,
                    Mode::Broadcast(audience) => broadcast::run(stream, audience).await,
                }
            }
        });
    }
}

async fn upgrade(
    stream: TcpStream,
) -> Result<WebSocketStream<TcpStream>, tokio_tungstenite::tungstenite::Error> {
    stream.set_nodelay(true)?;
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES);
    accept_async_with_config(stream, Some(config)).await
}
