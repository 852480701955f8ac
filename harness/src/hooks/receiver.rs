//! The application: an HTTP server with a thread for each connection, of which a server with hooks
//! opens few.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::audit::Audit;

/// What it answers: everything was taken, and nobody is refused.
const TAKEN: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

/// See above.
pub(super) struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    audit: Arc<Audit>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    connections: Vec<TcpStream>,
    is_away: bool,
    is_silent: bool,
}

impl Receiver {
    pub(super) fn start(address: SocketAddr, audit: Arc<Audit>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            audit,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let mut receiver = Self {
            address,
            shared,
            accepting: None,
        };
        receiver.start_again()?;
        Ok(receiver)
    }

    /// It is back.
    pub(super) fn start_again(&mut self) -> io::Result<()> {
        let listener = TcpListener::bind(self.address)?;
        self.shared.lock().is_away = false;
        let shared = Arc::clone(&self.shared);
        self.accepting = Some(thread::spawn(move || accept(&listener, &shared)));
        Ok(())
    }

    /// As if its process had been killed.
    pub(super) fn stop(&mut self) {
        let mut state = self.shared.lock();
        state.is_away = true;
        for connection in state.connections.drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
        drop(state);
        // The thread that accepts looks when somebody comes.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }

    /// From now on it reads and says nothing, or answers again.
    pub(super) fn silence(&self, is_silent: bool) {
        self.shared.lock().is_silent = is_silent;
        self.shared.changed.notify_all();
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming().map_while(Result::ok) {
        let mut state = shared.lock();
        if state.is_away {
            return;
        }
        // Those that are gone.
        state
            .connections
            .retain(|stream| stream.take_error().is_ok_and(|error| error.is_none()));
        if let Ok(stream) = stream.try_clone() {
            state.connections.push(stream);
        }
        drop(state);
        let shared = Arc::clone(shared);
        thread::spawn(move || serve(&stream, &shared));
    }
}

/// Until the connection ends.
fn serve(stream: &TcpStream, shared: &Shared) {
    let (mut reader, mut body) = (BufReader::with_capacity(1 << 16, stream), Vec::new());
    let _ = stream.set_nodelay(true);
    let mut writer = stream;
    while read(&mut reader, &mut body).is_ok() {
        let mut state = shared.lock();
        let was_silent = state.is_silent;
        while state.is_silent {
            let waited = shared.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        let is_away = state.is_away;
        drop(state);
        // Whoever sent a request that was not answered in time sends it again elsewhere.
        if is_away || was_silent {
            return;
        }
        shared.audit.request(&body);
        if writer.write_all(TAKEN).is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end().split_once(':') {
            None if line.trim_end().is_empty() => break,
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
            _ => {}
        }
    }
    body.resize(length, 0);
    reader.read_exact(body)
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
