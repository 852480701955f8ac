//! A server process whose stderr is anything at all, and a client of it.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Nothing here takes this long, unless it never comes.
pub(crate) const NEVER: Duration = Duration::from_secs(60);

/// A server, killed when the test is over.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
}

pub(crate) fn allspark(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_allspark"));
    command.args(args).env_clear().stdin(Stdio::null());
    command
}

impl Server {
    /// Starts an echo on one shard and waits until it answers, which stderr need not tell.
    pub(crate) fn start(args: &[&str], stderr: impl Into<Stdio>) -> Self {
        Self::start_with(allspark(args).args(["--shards", "1"]), stderr)
    }

    /// Starts an echo and waits until it answers. That somebody listens is not enough: a child that
    /// another test has just forked still has the listener that reserved the port.
    pub(crate) fn start_with(command: &mut Command, stderr: impl Into<Stdio>) -> Self {
        let mut server = Self::spawn_silently(command, stderr);
        server.await_answer();
        server
    }

    /// The same on every interface.
    pub(crate) fn start_everywhere(command: &mut Command, stderr: impl Into<Stdio>) -> Self {
        let address = free_address();
        command.args(["--app", "echo", "--listen"]);
        Self::spawn(command.arg(format!(":{}", address.port())), address, stderr)
    }

    /// Starts an echo, and waits for nothing.
    pub(crate) fn spawn_silently(command: &mut Command, stderr: impl Into<Stdio>) -> Self {
        let address = free_address();
        command.args(["--app", "echo", "--listen"]);
        let command = command.arg(address.to_string());
        let child = command.stderr(stderr).spawn().unwrap();
        Self { child, address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts another one where this one listens. Until that one has taken over, this one answers.
    pub(crate) fn successor(&self, command: &mut Command, stderr: impl Into<Stdio>) -> Self {
        command.args(["--app", "echo", "--listen"]);
        Self::spawn(command.arg(self.address.to_string()), self.address, stderr)
    }

    /// Starts a server that listens at this address, and waits until it answers.
    pub(crate) fn spawn(
        command: &mut Command,
        address: SocketAddr,
        stderr: impl Into<Stdio>,
    ) -> Self {
        let child = command.stderr(stderr).spawn().unwrap();
        let mut server = Self { child, address };
        server.await_answer();
        server
    }

    fn await_answer(&mut self) {
        self.wait_until(|server| {
            if let Some(status) = server.child.try_wait().unwrap() {
                panic!("the server ended before it answered: {status}");
            }
            server.try_get("/stats").is_ok().then_some(())
        });
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Its exit code; `None` if a signal ended it.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        let status = self.wait_until(|server| server.child.try_wait().unwrap());
        status.code()
    }

    /// A client comes, is answered, and leaves.
    pub(crate) fn assert_serves(&self) {
        let mut client = self.connect();
        client.send(b"\"hello\"");
        assert_eq!(client.receive(), b"\"hello\"");
    }

    pub(crate) fn connect(&self) -> Client {
        self.connect_to("/primus")
    }

    pub(crate) fn connect_to(&self, target: &str) -> Client {
        self.try_connect_to(target).unwrap()
    }

    /// A client, or the head of the answer that refuses it.
    pub(crate) fn try_connect_to(&self, target: &str) -> Result<Client, String> {
        Client::enter(self.knock(target))
    }

    /// Asks for a WebSocket, and does not wait for the answer.
    pub(crate) fn knock(&self, target: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(NEVER)).unwrap();
        stream.set_write_timeout(Some(NEVER)).unwrap();
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// The head of the answer to a request.
    pub(crate) fn head_of(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(NEVER)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        read_head(&mut stream)
    }

    /// Everything that is answered until the connection is closed, which this request asks for or
    /// brings about.
    pub(crate) fn whole_answer(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(NEVER)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // That it is reset is no matter: what was answered was read.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The body of what it answers.
    pub(crate) fn get(&self, path: &str) -> String {
        self.try_get(path).unwrap()
    }

    fn try_get(&self, path: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(NEVER))?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let body = answer.split_once("\r\n\r\n");
        let (_, body) = body.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(body.to_owned())
    }

    pub(crate) fn wait_until<R>(&mut self, mut is_so: impl FnMut(&mut Self) -> Option<R>) -> R {
        let begun = Instant::now();
        loop {
            if let Some(result) = is_so(self) {
                return result;
            }
            assert!(begun.elapsed() < NEVER, "it never comes");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Nobody else uses this address: each test process and each server has one of its own.
pub(crate) fn free_address() -> SocketAddr {
    static SERVERS: AtomicU8 = AtomicU8::new(1);
    let [high, low] = (std::process::id() as u16).to_be_bytes();
    let address = Ipv4Addr::new(127, high, low, SERVERS.fetch_add(1, Ordering::Relaxed));
    let listener = TcpListener::bind((address, 0)).unwrap();
    listener.local_addr().unwrap()
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// A frame that begins with this byte.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = match u8::try_from(payload.len()) {
        Ok(length) if length < 126 => vec![first, 0x80 | length],
        _ => {
            let length = u16::try_from(payload.len()).unwrap();
            [&[first, 0x80 | 126][..], &length.to_be_bytes()].concat()
        }
    };
    // The mask.
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

/// A WebSocket whose messages are short.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    answer: String,
}

impl Client {
    /// Who has knocked and is let in, or the head of the answer that refuses it.
    pub(crate) fn enter(mut stream: TcpStream) -> Result<Self, String> {
        let answer = read_head(&mut stream);
        match answer.starts_with("HTTP/1.1 101") {
            true => Ok(Self { stream, answer }),
            false => Err(answer),
        }
    }

    /// Where it is seen to be.
    pub(crate) fn address(&self) -> SocketAddr {
        self.stream.local_addr().unwrap()
    }

    /// The head of the answer that opened it.
    pub(crate) fn answer(&self) -> &str {
        &self.answer
    }

    pub(crate) fn send(&mut self, text: &[u8]) {
        self.send_frame(0x81, text);
    }

    /// Sends a message as often as this, all at once.
    pub(crate) fn send_many(&mut self, text: &[u8], count: usize) {
        let frames = frame(0x81, text).repeat(count);
        self.stream.write_all(&frames).unwrap();
    }

    /// Sends a frame that begins with this byte.
    pub(crate) fn send_frame(&mut self, first: u8, payload: &[u8]) {
        self.stream.write_all(&frame(first, payload)).unwrap();
    }

    /// The texts of all messages but pings until the server says goodbye.
    pub(crate) fn rest(&mut self) -> Vec<String> {
        let mut texts = Vec::new();
        loop {
            let mut head = [0; 2];
            self.stream.read_exact(&mut head).unwrap();
            let mut payload = vec![0; usize::from(head[1])];
            self.stream.read_exact(&mut payload).unwrap();
            let text = String::from_utf8_lossy(&payload).into_owned();
            match head[0] {
                0x81 if !text.contains("primus::ping::") => texts.push(text),
                0x88 => return texts,
                _ => {}
            }
        }
    }

    /// The text of the next message that is none of Primus's own.
    pub(crate) fn receive(&mut self) -> Vec<u8> {
        self.try_receive().expect("the spark is open")
    }

    /// The same, or `None` once the spark has ended.
    pub(crate) fn try_receive(&mut self) -> Option<Vec<u8>> {
        loop {
            let mut head = [0; 2];
            self.stream.read_exact(&mut head).ok()?;
            let mut payload = vec![0; usize::from(head[1])];
            self.stream.read_exact(&mut payload).ok()?;
            match head[0] {
                0x81 if !payload.starts_with(b"\"primus::") => return Some(payload),
                0x88 => return None,
                _ => {}
            }
        }
    }
}
