//! A small WebSocket server on threads, which breaks one rule on purpose.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tungstenite::{Message, WebSocket};

/// Between two pings of [`Conduct::Ping`].
pub(crate) const PING_INTERVAL_MS: u64 = 50;

/// Every so many messages of a connection, the rule is broken.
const MISTAKE_EVERY: usize = 5;

/// How the server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// Every message goes back to its sender.
    Echo,
    /// Every message goes to everyone.
    Broadcast,
    /// A broadcast that forgets one of its receivers now and then.
    BroadcastForget,
    /// A broadcast that reaches one of its receivers twice now and then.
    BroadcastRepeat,
    /// A broadcast that changes a byte for one of its receivers now and then.
    BroadcastGarble,
    /// Primus's pings are sent, and pongs counted.
    Ping,
    /// An echo that forgets a message now and then.
    Forget,
    /// An echo that sends a message twice now and then.
    Repeat,
    /// An echo that exchanges two messages now and then.
    Swap,
    /// An echo that changes a byte now and then.
    Garble,
    /// It closes the socket in the middle.
    HangUp,
    /// It closes the WebSocket in the middle.
    SayGoodbye,
    /// It masks what it sends, as only clients may.
    Mask,
    /// It answers the upgrade with an error.
    Refuse,
    /// It never reads anything after the handshake.
    Deaf,
    /// It answers a goodbye by closing the socket.
    LeaveWithoutGoodbye,
}

impl Conduct {
    fn is_broadcast(self) -> bool {
        matches!(
            self,
            Self::Broadcast | Self::BroadcastForget | Self::BroadcastRepeat | Self::BroadcastGarble
        )
    }
}

/// A server that lives as long as its process.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    conduct: Conduct,
    pongs: AtomicUsize,
    /// Everyone's connection, for broadcasts. Whole frames are written under the lock.
    everyone: Mutex<Vec<TcpStream>>,
}

impl Shared {
    /// Keeps a connection open and does nothing with it.
    fn hold_forever(&self, socket: &WebSocket<TcpStream>) -> io::Result<()> {
        let own = socket.get_ref().try_clone()?;
        self.everyone.lock().unwrap().push(own);
        Ok(())
    }
}

impl Server {
    pub(crate) fn start(conduct: Conduct) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            conduct,
            pongs: AtomicUsize::new(0),
            everyone: Mutex::new(Vec::new()),
        });
        let server = Self {
            address,
            shared: Arc::clone(&shared),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                // A client that leaves early is an error here and of no interest.
                std::thread::spawn(move || drop(serve(stream, &shared)));
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Pongs that clients have sent.
    pub(crate) fn pongs(&self) -> usize {
        self.shared.pongs.load(Ordering::Relaxed)
    }
}

type Served = Result<(), Box<dyn std::error::Error>>;

fn serve(mut stream: TcpStream, shared: &Shared) -> Served {
    stream.set_nodelay(true)?;
    if wants_spec(&stream)? {
        return Ok(answer(
            &mut stream,
            "200 OK",
            &format!(r#"{{"pingInterval":{PING_INTERVAL_MS},"pathname":"/primus"}}"#),
        )?);
    }
    if shared.conduct == Conduct::Refuse {
        return Ok(answer(&mut stream, "503 Service Unavailable", "{}")?);
    }
    let mut socket = accept(stream, shared)?;
    let served = match shared.conduct {
        Conduct::Ping => ping(&mut socket, shared),
        conduct if conduct.is_broadcast() => broadcast(&mut socket, shared),
        Conduct::Deaf => {
            shared.hold_forever(&socket)?;
            return Ok(());
        }
        conduct => echo(&mut socket, conduct),
    };
    // In a broadcast others hold this connection too.
    socket.get_ref().shutdown(Shutdown::Both)?;
    served
}

/// In a broadcast, nobody may be told of being connected before everyone's messages reach them.
fn accept(
    stream: TcpStream,
    shared: &Shared,
) -> Result<WebSocket<TcpStream>, Box<dyn std::error::Error>> {
    if !shared.conduct.is_broadcast() {
        return Ok(tungstenite::accept(stream)?);
    }
    let own = stream.try_clone()?;
    let mut everyone = shared.everyone.lock().unwrap();
    let socket = tungstenite::accept(stream)?;
    everyone.push(own);
    Ok(socket)
}

fn wants_spec(stream: &TcpStream) -> io::Result<bool> {
    const SPEC: &[u8] = b"GET /primus/spec ";
    let mut begin = [0; SPEC.len()];
    while stream.peek(&mut begin)? < begin.len() {
        std::thread::yield_now();
    }
    Ok(begin == SPEC)
}

fn answer(stream: &mut TcpStream, status: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )?;
    stream.shutdown(Shutdown::Write)?;
    // What the client sent must be read, or closing would reset the connection.
    stream.read_to_end(&mut Vec::new())?;
    Ok(())
}

fn echo(socket: &mut WebSocket<TcpStream>, conduct: Conduct) -> Served {
    let mut kept = None;
    for count in 1.. {
        let message = socket.read()?;
        if message.is_close() && conduct == Conduct::LeaveWithoutGoodbye {
            return Ok(socket.get_ref().shutdown(Shutdown::Both)?);
        }
        if !message.is_text() {
            continue;
        }
        if count % MISTAKE_EVERY == 0 {
            mistake(socket, conduct, message, &mut kept)?;
        } else {
            socket.send(message)?;
            if let Some(late) = kept.take() {
                socket.send(late)?;
            }
        }
    }
    Ok(())
}

fn mistake(
    socket: &mut WebSocket<TcpStream>,
    conduct: Conduct,
    message: Message,
    kept: &mut Option<Message>,
) -> Served {
    match conduct {
        Conduct::Forget => {}
        Conduct::Swap => *kept = Some(message),
        Conduct::Repeat => {
            socket.send(message.clone())?;
            socket.send(message)?;
        }
        Conduct::Garble => {
            let text = message.into_text()?.replacen('A', "B", 1);
            socket.send(Message::text(text))?;
        }
        Conduct::HangUp => socket.get_ref().shutdown(Shutdown::Both)?,
        Conduct::SayGoodbye => socket.close(None)?,
        Conduct::Mask => socket.get_mut().write_all(b"\x81\x82\0\0\0\0hi")?,
        _ => socket.send(message)?,
    }
    Ok(())
}

fn broadcast(socket: &mut WebSocket<TcpStream>, shared: &Shared) -> Served {
    for count in 1.. {
        let Message::Text(text) = socket.read()? else {
            continue;
        };
        let length = u8::try_from(text.len())?;
        let mut frame = vec![0x81];
        match length {
            0..126 => frame.push(length),
            _ => frame.extend_from_slice(&[126, 0, length]),
        }
        frame.extend_from_slice(text.as_bytes());
        let mut everyone = shared.everyone.lock().unwrap();
        let (last, others) = everyone.split_last_mut().expect("the sender is there");
        // Somebody who has left gets nothing.
        for stream in others {
            let _ = stream.write_all(&frame);
        }
        if count % MISTAKE_EVERY == 0 {
            break_rule(shared.conduct, &mut frame);
        }
        let _ = last.write_all(&frame);
    }
    Ok(())
}

/// What one receiver gets in the place of a frame.
fn break_rule(conduct: Conduct, frame: &mut Vec<u8>) {
    match conduct {
        Conduct::BroadcastForget => frame.clear(),
        Conduct::BroadcastRepeat => frame.extend_from_within(..),
        Conduct::BroadcastGarble => {
            let padding = frame.len() - 4;
            frame[padding] ^= 1;
        }
        _ => {}
    }
}

fn ping(socket: &mut WebSocket<TcpStream>, shared: &Shared) -> Served {
    let interval = Duration::from_millis(PING_INTERVAL_MS);
    let mut next = Instant::now() + interval;
    loop {
        let wait = next.saturating_duration_since(Instant::now());
        if wait.is_zero() {
            socket.send(Message::text("\"primus::ping::1700000000000\""))?;
            next += interval;
            continue;
        }
        socket.get_ref().set_read_timeout(Some(wait))?;
        match socket.read() {
            Ok(Message::Text(text)) if text.as_str() == "\"primus::pong::1700000000000\"" => {
                shared.pongs.fetch_add(1, Ordering::Relaxed);
            }
            Ok(Message::Close(_)) => return Ok(socket.flush()?),
            Ok(_) => {}
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
}
