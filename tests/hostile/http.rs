//! The little that an attacker needs of HTTP and WebSocket.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::time::{Duration, Instant};

use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::encode;

use crate::server::Server;
use crate::stream::Stream;

/// A POST as a browser would send it.
pub(crate) fn post(path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {content_type}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// What lets somebody in where tokens are asked for: tests/hostile/tokens.txt has it.
const TOKEN: &str = "the-token-of-the-witness";

/// A request for a WebSocket.
pub(crate) fn upgrade(target: &str) -> Vec<u8> {
    format!(
        "GET {target} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    .into_bytes()
}

/// A GET as a browser would send it.
pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes()
}

/// Sends what the server takes until it takes nothing for a moment, at most until `end`. Returns
/// how much that was; an error of the connection, which the server may have closed, ends it too.
pub(crate) fn push(stream: &mut Stream, bytes: &[u8], end: Instant) -> usize {
    let patience = Some(Duration::from_millis(200));
    let socket = stream.socket();
    socket.set_write_timeout(patience).expect("a valid time");
    let mut sent = 0;
    while sent < bytes.len() && Instant::now() < end {
        match stream.write(&bytes[sent..]) {
            Ok(count) if count > 0 => sent += count,
            Ok(_) | Err(_) => break,
        }
    }
    sent
}

/// A connection whose answers are read.
pub(crate) struct Client(BufReader<Stream>, Speech);

/// What the messages of a server are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speech {
    Json,
    /// With a parser whose messages are bytes: what short texts begin with, their length added.
    Packed(u8),
}

impl Client {
    pub(crate) fn connect(server: &Server) -> Self {
        Self(BufReader::new(server.connect()), server.speech)
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.get_mut().write_all(bytes)
    }

    /// Sends one request and reads its answer.
    pub(crate) fn ask(&mut self, request: &[u8]) -> io::Result<(u16, Vec<u8>)> {
        self.send(request)?;
        self.read_answer()
    }

    /// The status and the body of one answer with a `Content-Length`, or that is chunked.
    pub(crate) fn read_answer(&mut self) -> io::Result<(u16, Vec<u8>)> {
        let head = self.read_head()?;
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| bad(&head))?;
        if header(&head, "transfer-encoding").is_some() {
            return Ok((status, self.read_chunks()?));
        }
        let len = header(&head, "content-length").and_then(|len| len.parse().ok());
        let mut body = vec![0; len.unwrap_or(0)];
        self.0.read_exact(&mut body)?;
        Ok((status, body))
    }

    fn read_head(&mut self) -> io::Result<String> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.0.read_line(&mut head)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(head)
    }

    fn read_chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line)?;
            let len = usize::from_str_radix(line.trim_end(), 16).map_err(|_| bad(&line))?;
            let mut chunk = vec![0; len + 2];
            self.0.read_exact(&mut chunk)?;
            if len == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&chunk[..len]);
        }
    }

    /// Opens a spark over a WebSocket.
    pub(crate) fn open_websocket(server: &Server) -> Self {
        let (head, client) = Self::ask_for_websocket(server).expect("the server answers");
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        client
    }

    /// The same, unless the server has no room for one more.
    pub(crate) fn try_open_websocket(server: &Server) -> Option<Self> {
        let (head, client) = Self::ask_for_websocket(server).ok()?;
        head.starts_with("HTTP/1.1 101").then_some(client)
    }

    fn ask_for_websocket(server: &Server) -> io::Result<(String, Self)> {
        let mut client = Self::connect(server);
        client.send(&upgrade(&format!("/primus?token={TOKEN}")))?;
        Ok((client.read_head()?, client))
    }

    /// Writes a message as a client: JSON, which must be a short string if it is to be packed.
    pub(crate) fn write_message(&mut self, text: &str) -> io::Result<()> {
        match self.1 {
            Speech::Json => self.write_frame(Kind::Text, text.as_bytes()),
            Speech::Packed(head) => self.write_frame(Kind::Binary, &packed(head, text)),
        }
    }

    /// Writes a message of any bytes.
    pub(crate) fn write_frame(&mut self, kind: Kind, message: &[u8]) -> io::Result<()> {
        let mut frame = Vec::new();
        encode::message(kind, message, Some([1, 2, 3, 4]), &mut frame);
        self.send(&frame)
    }

    /// Reads one message, as JSON, and answers a ping; the server never sends one in parts.
    pub(crate) fn read_message(&mut self) -> io::Result<String> {
        let mut head = [0; 2];
        self.0.read_exact(&mut head)?;
        let len = match head[1] {
            126 => {
                let mut len = [0; 2];
                self.0.read_exact(&mut len)?;
                u64::from(u16::from_be_bytes(len))
            }
            127 => {
                let mut len = [0; 8];
                self.0.read_exact(&mut len)?;
                u64::from_be_bytes(len)
            }
            short => u64::from(short),
        };
        let mut message = Vec::new();
        (&mut self.0).take(len).read_to_end(&mut message)?;
        let text = match self.1 {
            Speech::Json => String::from_utf8(message).map_err(|_| bad("it is no text"))?,
            Speech::Packed(head) => unpacked(head, &message),
        };
        if text.starts_with("\"primus::ping::") {
            self.write_message(&text.replace("ping", "pong"))?;
        }
        Ok(text)
    }

    /// A socket that only sends, while everything that comes is thrown away.
    pub(crate) fn deafen(self) -> Deaf {
        let stream = self.0.into_inner();
        let ears = stream.socket().try_clone();
        let mut ears = ears.expect("a socket can be shared");
        std::thread::spawn(move || io::copy(&mut ears, &mut io::sink()));
        Deaf(stream)
    }
}

/// See [`Client::deafen`].
pub(crate) struct Deaf(pub(crate) Stream);

impl Drop for Deaf {
    fn drop(&mut self) {
        // It may be closed already; then its reader has ended, too.
        let _ = self.0.socket().shutdown(std::net::Shutdown::Both);
    }
}

/// The longest text that both parsers have behind one byte.
const PACKED_BYTES_MAX: usize = 15;

/// A string as `msgpack` or `binary` has it.
fn packed(head: u8, json: &str) -> Vec<u8> {
    let text = json.trim_matches('"');
    assert!(text.len() <= PACKED_BYTES_MAX, "{json} is long");
    [&[head | text.len() as u8], text.as_bytes()].concat()
}

/// A string as JSON; of whatever else comes only that it is none.
fn unpacked(head: u8, message: &[u8]) -> String {
    match message.split_first() {
        Some((first, text)) if *first == head | text.len().min(PACKED_BYTES_MAX) as u8 => {
            format!("\"{}\"", text.escape_ascii())
        }
        _ => format!("{} bytes", message.len()),
    }
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| {
        let (field, value) = line.split_once(':')?;
        field.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}
