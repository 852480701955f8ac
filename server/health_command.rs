//! `allspark health`: asks a server whether it is well, and says so by the exit code. It is for
//! those who watch containers without a shell and without curl.
//!
//! Without a URL it asks where a server of the same file and environment listens: at an internal
//! listener if there is one, as only that answers then.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixStream};
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::health;
use crate::listen::Listen;
use crate::listener::{At, Listener, Proxy};
use crate::output;
use crate::places::Places;

/// How long it waits for the whole answer. Who watches has a time-out, too, and is told more by us.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of an answer that are read, at most: its first line is less.
const ANSWER_BYTES_MAX: usize = 4096;

/// Whom it asks, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    place: Place,
    path: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// A host or an address, and a port.
    Tcp(String),
    /// A path, or `@` and a name.
    Unix(String),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let forms = "write http://127.0.0.1:8080/healthz or unix:/run/allspark.sock";
        if let Some(name) = text.strip_prefix("unix:").filter(|name| !name.is_empty()) {
            return Ok(Self::of(Place::Unix(name.to_owned())));
        }
        if text.starts_with("https:") {
            return Err(format!("{text:?}: {NO_TLS}"));
        }
        let rest = text.strip_prefix("http://");
        let rest = rest.ok_or_else(|| format!("{text:?} can't be asked: {forms}"))?;
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let is_plain = |char: char| char.is_ascii_graphic() && char != '@';
        if host.is_empty() || !rest.chars().all(is_plain) {
            return Err(format!("{text:?} can't be asked: {forms}"));
        }
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| {
            !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
        });
        let host = match has_port {
            true => host.to_owned(),
            false => format!("{host}:80"),
        };
        let mut target = Self::of(Place::Tcp(host));
        if path.len() > 1 {
            path.clone_into(&mut target.path);
        }
        Ok(target)
    }
}

/// What is said of TLS, with which nothing is asked here.
const NO_TLS: &str = "without TLS only: let it listen at a place for this, such as \
                      127.0.0.1:8081?internal, and name that";

impl Target {
    fn of(place: Place) -> Self {
        let path = health::PATHS[0].to_owned();
        Self { place, path }
    }

    /// A listener of a server with these listeners, which has a certificate or has none.
    ///
    /// # Errors
    /// None of them can be asked; a sentence.
    pub(crate) fn of_server(listeners: &Places, has_tls: bool) -> Result<Self, String> {
        let asks_internal = listeners.has_internal();
        let found = listeners.iter().find_map(|listener| {
            let fits = listener.internal == asks_internal && can_be_asked(listener, has_tls);
            fits.then(|| place_of(&listener.at)).flatten()
        });
        let found = found.ok_or_else(|| format!("no listener can be asked {NO_TLS}"))?;
        Ok(Self::of(found))
    }
}

fn can_be_asked(listener: &Listener, has_tls: bool) -> bool {
    let is_plain = !listener.speaks_tls(has_tls) && listener.redirect.is_none();
    is_plain && listener.proxy != Proxy::Required
}

/// Where somebody on this machine finds a listener. Where systemd listens is not known here.
fn place_of(at: &At) -> Option<Place> {
    match at {
        At::Tcp(Listen::Every(port)) => Some(Place::Tcp(format!("127.0.0.1:{port}"))),
        At::Tcp(Listen::Address(address)) => Some(Place::Tcp(on_this_machine(*address))),
        At::Tcp(Listen::Name(name, port)) => Some(Place::Tcp(format!("{name}:{port}"))),
        At::Unix(name) => Some(Place::Unix(name.clone())),
        At::Systemd(_) => None,
    }
}

fn on_this_machine(mut address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address.to_string()
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Tcp(host) => write!(f, "http://{host}{}", self.path),
            Place::Unix(name) => write!(f, "unix:{name}"),
        }
    }
}

/// Asks, and prints what was answered.
///
/// # Errors
/// It is not well, or can't be asked: a line that says why.
pub(crate) fn run(target: &Target) -> Result<(), String> {
    let status = target.ask().map_err(|error| match error.kind() {
        // What the kernel calls a receive that took too long.
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!("{target} did not answer within {} s", PATIENCE.as_secs())
        }
        _ => format!("{target}: {error}"),
    })?;
    match status.starts_with("200 ") {
        true => output::print(format!("{status}\n").as_bytes()),
        false => Err(format!("{target} answers {}", status.escape_debug())),
    }
}

impl Target {
    /// The status of the answer, and its reason.
    fn ask(&self) -> io::Result<String> {
        let deadline = Instant::now() + PATIENCE;
        match &self.place {
            Place::Tcp(host) => {
                let stream = connect(host)?;
                stream.set_write_timeout(Some(PATIENCE))?;
                let patience = |left| stream.set_read_timeout(Some(left));
                self.ask_on(&stream, host, deadline, patience)
            }
            Place::Unix(name) => {
                let address = match name.strip_prefix('@') {
                    Some(name) => UnixAddress::from_abstract_name(name)?,
                    None => UnixAddress::from_pathname(name)?,
                };
                let stream = UnixStream::connect_addr(&address)?;
                stream.set_write_timeout(Some(PATIENCE))?;
                let patience = |left| stream.set_read_timeout(Some(left));
                self.ask_on(&stream, "localhost", deadline, patience)
            }
        }
    }

    fn ask_on(
        &self,
        mut stream: impl Read + Write,
        host: &str,
        deadline: Instant,
        set_patience: impl Fn(Duration) -> io::Result<()>,
    ) -> io::Result<String> {
        let path = &self.path;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        let mut bytes = [0; 512];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            set_patience(left)?;
            let length = match stream.read(&mut bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            answer.extend_from_slice(&bytes[..length]);
            if let Some(status) = status_of(&answer) {
                return Ok(status);
            }
            if length == 0 || answer.len() > ANSWER_BYTES_MAX {
                return Err(io::Error::other("it does not answer as a server of HTTP"));
            }
        }
    }
}

fn connect(host: &str) -> io::Result<TcpStream> {
    let mut failure = io::Error::other("the name means no address");
    for address in host.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// What stands behind the version in the first line, once that is there.
fn status_of(answer: &[u8]) -> Option<String> {
    let end = answer.iter().position(|byte| *byte == b'\r')?;
    let line = str::from_utf8(&answer[..end]).ok()?;
    let (_, status) = line.strip_prefix("HTTP/1.")?.split_once(' ')?;
    Some(status.to_owned())
}

#[cfg(test)]
#[path = "health_command/tests.rs"]
mod tests;
