//! Opens one connection to the server: over TCP or a unix socket, with or without TLS.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

/// How long one address may keep the next one waiting (RFC 8305, 8: 250 ms is recommended).
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);

/// A connection, whatever it is made of.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// Opens connections to one server, as often as the transport asks.
#[derive(Clone)]
pub(super) struct Connector {
    place: Place,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// Where the server listens.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// Name or address, and port. A name is resolved for each connection, so that a server may
    /// move while its clients reconnect.
    Tcp(String, u16),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl Connector {
    pub(super) fn new(place: Place, tls: Option<(Arc<ClientConfig>, ServerName<'static>)>) -> Self {
        let tls = tls.map(|(config, name)| (TlsConnector::from(config), name));
        Self { place, tls }
    }

    /// Opens a connection. It has no time-out of its own: the client has one.
    pub(super) async fn connect(self) -> io::Result<Box<dyn Duplex>> {
        match self.place {
            Place::Unix(path) => secure(UnixStream::connect(path).await?, self.tls).await,
            Place::Tcp(host, port) => {
                let addresses = lookup_host((host.as_str(), port)).await?;
                secure(connect_first(addresses).await?, self.tls).await
            }
        }
    }
}

async fn secure(
    stream: impl Duplex + 'static,
    tls: Option<(TlsConnector, ServerName<'static>)>,
) -> io::Result<Box<dyn Duplex>> {
    match tls {
        None => Ok(Box::new(stream)),
        Some((connector, name)) => Ok(Box::new(connector.connect(name, stream).await?)),
    }
}

/// The first connection that opens, as RFC 8305 wants it: families alternate, and an address that
/// fails or takes its time does not keep the others waiting.
async fn connect_first(addresses: impl Iterator<Item = SocketAddr>) -> io::Result<TcpStream> {
    let mut waiting = alternate(addresses);
    let mut attempts = FuturesUnordered::new();
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    loop {
        if let Some(address) = waiting.pop_front() {
            attempts.push(connect_tcp(address));
        } else if attempts.is_empty() {
            return Err(failed);
        }
        let is_last = waiting.is_empty();
        tokio::select! {
            Some(attempt) = attempts.next() => match attempt {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = error,
            },
            () = tokio::time::sleep(NEXT_ADDRESS_AFTER), if !is_last => {}
        }
    }
}

async fn connect_tcp(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // Messages are small and go out as they come; to wait for more would only delay them.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The family of the first address goes first, then one of each in turn (RFC 8305, 4).
fn alternate(addresses: impl Iterator<Item = SocketAddr>) -> VecDeque<SocketAddr> {
    let addresses: Vec<_> = addresses.collect();
    let is_first_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == is_first_v6);
    let mut second = second.into_iter();
    let mut mixed = VecDeque::new();
    for address in first {
        mixed.push_back(address);
        mixed.extend(second.next());
    }
    mixed.extend(second);
    mixed
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn addresses(text: &str) -> Vec<SocketAddr> {
        let addresses = text.split_whitespace();
        addresses.map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_alternate_and_none_is_lost() {
        let sorted = addresses("[::1]:1 [::2]:1 1.0.0.1:1 1.0.0.2:1 1.0.0.3:1");
        let mixed = addresses("[::1]:1 1.0.0.1:1 [::2]:1 1.0.0.2:1 1.0.0.3:1");
        assert_eq!(alternate(sorted.into_iter()), mixed);
        assert!(alternate(std::iter::empty()).is_empty());
    }

    #[tokio::test]
    async fn an_address_that_refuses_gives_way_to_the_next() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (good, bad) = (listener.local_addr().unwrap(), gone.local_addr().unwrap());
        drop(gone);
        let stream = connect_first([bad, good].into_iter()).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
        assert!(stream.nodelay().unwrap());
    }

    #[tokio::test]
    async fn the_last_refusal_is_the_error() {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let bad = gone.local_addr().unwrap();
        drop(gone);
        let error = connect_first([bad].into_iter()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let none = connect_first(std::iter::empty()).await.unwrap_err();
        assert_eq!(none.kind(), io::ErrorKind::NotFound);
    }
}
