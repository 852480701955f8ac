//! Where a server listens: addresses, and listeners that the application has.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;

use rustix::net::{AddressFamily, SocketAddrAny, SocketAddrUnix, getsockname};
use socket2::SockRef;

use crate::io::{self as driver, BACKLOG, ProxyProtocol, TcpOptions, TlsAcceptor, UnixSocket};
use crate::limits::LISTENERS_MAX;
use crate::purpose::Purpose;
use crate::start_error::StartError;

/// Where a server listens. An address is bound by each shard for itself (`SO_REUSEPORT`), and the
/// kernel spreads connections evenly. A [`TcpListener`] of the application's, which it was given by
/// whoever has started it or has bound in its own way, is one socket that all shards accept from:
/// who is free takes the next connection.
///
/// What is said to whoever comes in there is decided by its [`Purpose`].
///
/// ```
/// use std::net::TcpListener;
///
/// use allspark_engine::Place;
///
/// let places: [Place; 3] = [
///     "127.0.0.1:8080".into(),
///     "[::1]:8080".into(),
///     TcpListener::bind("127.0.0.1:0")?.into(),
/// ];
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Place {
    at: At,
    options: ListenerOptions,
    tcp: TcpOptions,
}

/// What is special about one of a server's listeners.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListenerOptions {
    pub(crate) purpose: Purpose,
    /// Connections begin with a handshake of TLS, although nobody there encrypts them: for
    /// simulations.
    pub(crate) shakes_hands: bool,
    pub(crate) proxy: ProxyProtocol,
    pub(crate) encryption: Encryption,
}

/// Whether a listener speaks TLS.
#[derive(Clone, Debug, Default)]
pub(crate) enum Encryption {
    /// It does not, as nothing was said.
    #[default]
    Unsaid,
    /// It does not, whatever others do.
    Plain,
    /// It does.
    Tls(TlsAcceptor),
}

impl ListenerOptions {
    /// What connections are accepted with that speak TLS.
    pub(crate) fn tls(&self) -> Option<&TlsAcceptor> {
        match &self.encryption {
            Encryption::Tls(acceptor) => Some(acceptor),
            Encryption::Unsaid | Encryption::Plain => None,
        }
    }
}

#[derive(Debug)]
enum At {
    /// An address in words, which may hold a name. It is looked up when the server starts.
    Name(String),
    /// The first of them that can be bound.
    Addresses(String, Vec<SocketAddr>),
    Listener(OwnedFd),
    Unix(UnixSocket),
    /// Sockets that a server has listened on, and its name for the place.
    Taken(String, Vec<OwnedFd>),
}

/// Where a server listens, as the system says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// An address of TCP.
    Tcp(SocketAddr),
    /// A Unix socket: `unix:` and its path, or `unix:@` and a name without a file.
    Unix(String),
}

impl Place {
    /// The first of these addresses that can be bound, as [`TcpListener::bind`] has it.
    ///
    /// # Errors
    /// It is a name that nobody knows.
    pub fn first_of(address: &(impl ToSocketAddrs + ToString)) -> Result<Self, StartError> {
        let name = address.to_string();
        match address.to_socket_addrs() {
            Ok(addresses) => Ok(At::Addresses(name, addresses.collect()).into()),
            Err(error) => Err(refused(name, error)),
        }
    }

    /// The sockets of a place that another server listens on and is about to leave, all of them:
    /// each has a backlog of its own, in which clients may wait. Every one of them is accepted
    /// from, by one shard or by several. What the other server called the place is for messages.
    ///
    /// Both servers must use the same driver.
    pub fn taken(name: impl Into<String>, sockets: Vec<OwnedFd>) -> Self {
        At::Taken(name.into(), sockets).into()
    }

    /// Says what is served there.
    #[must_use]
    pub fn purpose(mut self, purpose: Purpose) -> Self {
        self.options.purpose = purpose;
        self
    }

    /// Says whether connections begin with a header of the PROXY protocol, from whom. Without they
    /// do not.
    #[must_use]
    pub fn proxy_protocol(mut self, wanted: ProxyProtocol) -> Self {
        self.options.proxy = wanted;
        self
    }

    /// Says how an address is to be listened on. It says nothing about a Unix socket, or about a
    /// listener that is there already.
    #[must_use]
    pub fn tcp_options(mut self, options: TcpOptions) -> Self {
        self.tcp = options;
        self
    }

    /// Serves only [`Options::internal_routes`](crate::Options::internal_routes) there.
    #[must_use]
    pub fn internal(self) -> Self {
        self.purpose(Purpose::Internal)
    }

    /// Sends whoever comes there to `https` at this port.
    #[must_use]
    pub fn redirect_to_https(self, port: u16) -> Self {
        self.purpose(Purpose::Redirect { port })
    }

    /// Speaks TLS there.
    #[must_use]
    pub fn tls(mut self, acceptor: TlsAcceptor) -> Self {
        self.options.encryption = Encryption::Tls(acceptor);
        self
    }

    /// Speaks no TLS there, whatever [`Place::tls_by_default`] says.
    #[must_use]
    pub fn plain(mut self) -> Self {
        self.options.encryption = Encryption::Plain;
        self
    }

    /// Speaks TLS there unless something else was said, it is a Unix socket, between whose ends
    /// nobody can read, or those who come are sent to `https`.
    #[must_use]
    pub fn tls_by_default(self, acceptor: TlsAcceptor) -> Self {
        let is_redirect = matches!(self.options.purpose, Purpose::Redirect { .. });
        let is_plain = is_redirect || matches!(self.at, At::Unix(_));
        match self.options.encryption {
            Encryption::Unsaid if !is_plain => self.tls(acceptor),
            _ => self,
        }
    }

    pub(crate) fn into_options(self) -> ListenerOptions {
        self.options
    }
}

impl At {
    /// Copies of the sockets, if they are there already.
    fn sockets(&self) -> Option<Result<Vec<OwnedFd>, StartError>> {
        match self {
            Self::Listener(listener) => Some(copies(std::slice::from_ref(listener))),
            Self::Taken(_, sockets) => Some(copies(sockets)),
            Self::Name(_) | Self::Addresses(..) | Self::Unix(_) => None,
        }
    }

    /// A listener for each shard, or the same number of them for each, those of the first one
    /// first.
    fn bind(self, shards: usize, options: TcpOptions) -> Result<Vec<OwnedFd>, StartError> {
        let (name, addresses) = match self {
            Self::Listener(listener) => return share(listener, shards),
            Self::Taken(name, sockets) => return deal(&name, sockets, shards),
            Self::Unix(socket) => {
                let backlog = options.backlog.map_or(BACKLOG, i32::from);
                let bound = socket.bind(backlog);
                let bound = bound.map_err(|error| refused(socket.to_string(), error))?;
                return share(bound, shards);
            }
            Self::Addresses(name, addresses) => (name, addresses),
            Self::Name(name) => match name.to_socket_addrs() {
                Ok(addresses) => (name, addresses.collect()),
                Err(error) => return Err(refused(name, error)),
            },
        };
        let mut last = io::ErrorKind::AddrNotAvailable.into();
        for address in addresses {
            match driver::bind_with(address, shards, options) {
                Ok(listeners) => return Ok(listeners.into_iter().map(Into::into).collect()),
                Err(error) => last = error,
            }
        }
        Err(refused(name, last))
    }
}

/// A descriptor for each shard of one socket.
fn share(listener: OwnedFd, shards: usize) -> Result<Vec<OwnedFd>, StartError> {
    let shared = || -> io::Result<Vec<OwnedFd>> {
        // Connections inherit it. How it blocks is the drivers' affair.
        if let ListenAddress::Tcp(_) = ListenAddress::of(&listener)? {
            SockRef::from(&listener).set_tcp_nodelay(true)?;
        }
        let others = (1..shards).map(|_| listener.try_clone());
        others.collect()
    };
    match shared() {
        Ok(mut listeners) => {
            listeners.push(listener);
            Ok(listeners)
        }
        Err(error) => Err(refused(format!("{listener:?}"), error)),
    }
}

impl ListenAddress {
    fn of(listener: &OwnedFd) -> io::Result<Self> {
        let address = getsockname(listener)?;
        match address.address_family() {
            AddressFamily::UNIX => Ok(Self::Unix(name_of(address))),
            _ => Ok(Self::Tcp(address.try_into()?)),
        }
    }

    /// The address of TCP, if it is one.
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }
}

fn name_of(address: SocketAddrAny) -> String {
    let Ok(address) = SocketAddrUnix::try_from(address) else {
        return "unix:".to_owned();
    };
    match (address.path(), address.abstract_name()) {
        (Some(path), _) => format!("unix:{}", path.to_string_lossy()),
        (None, Some(name)) => format!("unix:@{}", String::from_utf8_lossy(name)),
        (None, None) => "unix:".to_owned(),
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(name) => f.write_str(name),
        }
    }
}

fn copies(sockets: &[impl AsFd]) -> Result<Vec<OwnedFd>, StartError> {
    let copies = sockets
        .iter()
        .map(|socket| socket.as_fd().try_clone_to_owned());
    let copies: io::Result<Vec<_>> = copies.collect();
    copies.map_err(|error| refused("a copy of a socket".to_owned(), error))
}

/// Deals sockets out to shards: as many to each, so that some of them may go to several. With more
/// sockets than shards each shard gets several.
fn deal(name: &str, sockets: Vec<OwnedFd>, shards: usize) -> Result<Vec<OwnedFd>, StartError> {
    if sockets.is_empty() {
        return Err(refused(name.to_owned(), io::ErrorKind::NotConnected.into()));
    }
    let of_each = sockets.len().div_ceil(shards);
    let numbers = (0..shards).flat_map(|shard| (0..of_each).map(move |round| (shard, round)));
    let numbers = numbers.map(|(shard, round)| (round * shards + shard) % sockets.len());
    let dealt: io::Result<Vec<OwnedFd>> =
        numbers.map(|number| sockets[number].try_clone()).collect();
    dealt.map_err(|error| refused(name.to_owned(), error))
}

fn refused(address: String, source: io::Error) -> StartError {
    StartError::Listen { address, source }
}

/// The listeners of each shard, the addresses that they have, and what is special about them.
pub(crate) struct Bound {
    pub(crate) of_shards: Vec<Vec<OwnedFd>>,
    pub(crate) addresses: Vec<ListenAddress>,
    pub(crate) options: Vec<ListenerOptions>,
    /// Copies of the sockets of each place, if somebody may take them over.
    pub(crate) kept: Vec<Vec<OwnedFd>>,
}

impl Bound {
    /// `keeps` says that somebody may take the sockets over.
    ///
    /// # Errors
    /// The first place that can't be listened on, or their number.
    pub(crate) fn at(places: Vec<Place>, shards: usize, keeps: bool) -> Result<Self, StartError> {
        if !(1..=LISTENERS_MAX).contains(&places.len()) {
            return Err(StartError::Places(places.len()));
        }
        let mut bound = Self {
            of_shards: std::iter::repeat_with(Vec::new).take(shards).collect(),
            addresses: Vec::new(),
            options: Vec::new(),
            kept: Vec::new(),
        };
        for place in places {
            let own = place.at.sockets();
            let listeners = place.at.bind(shards, place.tcp)?;
            let of_each = listeners.len() / shards;
            for _ in 0..of_each {
                bound.options.push(place.options.clone());
            }
            if bound.options.len() > LISTENERS_MAX {
                return Err(StartError::Sockets(bound.options.len()));
            }
            let address = ListenAddress::of(&listeners[0]);
            let address = address.map_err(|error| refused(format!("{:?}", listeners[0]), error))?;
            bound.addresses.push(address);
            if keeps {
                bound.kept.push(match own {
                    Some(own) => own?,
                    None => copies(&listeners)?,
                });
            }
            for (number, listener) in listeners.into_iter().enumerate() {
                bound.of_shards[number / of_each].push(listener);
            }
        }
        Ok(bound)
    }
}

impl From<&str> for Place {
    fn from(address: &str) -> Self {
        address.to_owned().into()
    }
}

impl From<String> for Place {
    fn from(address: String) -> Self {
        At::Name(address).into()
    }
}

impl From<SocketAddr> for Place {
    fn from(address: SocketAddr) -> Self {
        At::Addresses(address.to_string(), vec![address]).into()
    }
}

impl From<TcpListener> for Place {
    fn from(listener: TcpListener) -> Self {
        OwnedFd::from(listener).into()
    }
}

impl From<UnixListener> for Place {
    fn from(listener: UnixListener) -> Self {
        OwnedFd::from(listener).into()
    }
}

/// A socket that is listened on already, TCP or Unix.
impl From<OwnedFd> for Place {
    fn from(listener: OwnedFd) -> Self {
        At::Listener(listener).into()
    }
}

impl From<UnixSocket> for Place {
    fn from(socket: UnixSocket) -> Self {
        At::Unix(socket).into()
    }
}

impl From<At> for Place {
    fn from(at: At) -> Self {
        Self {
            at,
            options: ListenerOptions::default(),
            tcp: TcpOptions::default(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            At::Name(name) | At::Addresses(name, _) | At::Taken(name, _) => f.write_str(name),
            At::Listener(listener) => match ListenAddress::of(listener) {
                Ok(address) => address.fmt(f),
                Err(_) => write!(f, "{listener:?}"),
            },
            At::Unix(socket) => socket.fmt(f),
        }
    }
}
