//! Where an upstream is, and how it is reached.

use std::fmt;
use std::io;
use std::str::FromStr;

use http::uri::Authority;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::body::Outgoing;

/// Bytes of an upstream's answer that are read at a time, and so the longest head.
const READ_BYTES_MAX: usize = 64 * 1024;

/// Headers of an upstream's answer.
const HEADERS_MAX: usize = 200;

/// Where an upstream is: `http://host:port`, `host:port`, `unix:/path` or `unix:@name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream(Address);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Address {
    /// Host and port.
    Tcp(String),
    /// What begins with a NUL is a name in the abstract namespace.
    Unix(String),
}

/// What names no upstream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no upstream: http://HOST:PORT, HOST:PORT, unix:PATH or unix:@NAME is")]
pub struct UpstreamError(String);

impl Upstream {
    /// A Unix socket; a path that begins with `@` is a name in the abstract namespace.
    pub fn unix(path: &str) -> Self {
        Self(Address::Unix(match path.strip_prefix('@') {
            Some(name) => format!("\0{name}"),
            None => path.to_owned(),
        }))
    }

    /// What it is called where a request has no `Host`.
    pub(super) fn host(&self) -> &str {
        match &self.0 {
            Address::Tcp(address) => address,
            Address::Unix(_) => "localhost",
        }
    }

    /// Connects to it.
    pub(super) async fn connect(&self) -> io::Result<SendRequest<Outgoing>> {
        match &self.0 {
            Address::Tcp(address) => {
                let stream = TcpStream::connect(address.as_str()).await?;
                stream.set_nodelay(true)?;
                begin(stream).await
            }
            Address::Unix(path) => begin(UnixStream::connect(path).await?).await,
        }
    }
}

async fn begin(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> io::Result<SendRequest<Outgoing>> {
    let mut builder = http1::Builder::new();
    builder
        .max_buf_size(READ_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    let connected = builder.handshake(TokioIo::new(stream)).await;
    let (sender, connection) = connected.map_err(io::Error::other)?;
    tokio::spawn(async {
        // Whoever waits for an answer learns of its end, too.
        drop(connection.with_upgrades().await);
    });
    Ok(sender)
}

impl FromStr for Upstream {
    type Err = UpstreamError;

    fn from_str(text: &str) -> Result<Self, UpstreamError> {
        let wrong = || UpstreamError(text.to_owned());
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return match path.is_empty() || path == "@" || path.contains('\0') {
                true => Err(wrong()),
                false => Ok(Self::unix(path)),
            };
        }
        let address = text.strip_prefix("http://").unwrap_or(text);
        let address = address.strip_suffix('/').unwrap_or(address);
        let authority: Authority = address.parse().map_err(|_| wrong())?;
        if address.contains('@') || authority.host().is_empty() {
            return Err(wrong());
        }
        let address = match (authority.port_u16(), text.starts_with("http://")) {
            (Some(_), _) => address.to_owned(),
            (None, true) if !address.ends_with(':') => format!("{address}:80"),
            (None, _) => return Err(wrong()),
        };
        Ok(Self(Address::Tcp(address)))
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Address::Tcp(address) => write!(f, "http://{address}"),
            Address::Unix(path) => match path.strip_prefix('\0') {
                Some(name) => write!(f, "unix:@{name}"),
                None => write!(f, "unix:{path}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_and_said() {
        for (text, said) in [
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("http://app/", "http://app:80"),
            ("[::1]:3000", "http://[::1]:3000"),
            ("unix:/run/app.sock", "unix:/run/app.sock"),
            ("unix:///run/app.sock", "unix:/run/app.sock"),
            ("unix:@app", "unix:@app"),
        ] {
            assert_eq!(text.parse::<Upstream>().unwrap().to_string(), said);
        }
        for text in [
            "",
            "app",
            "http://",
            "https://app:1",
            "http://app/path",
            "app:",
            "http://app:",
            "unix:",
            "unix:@",
            "http://a@b:1",
            "app:99999",
            "http://:80",
        ] {
            assert!(text.parse::<Upstream>().is_err(), "{text}");
        }
    }
}
