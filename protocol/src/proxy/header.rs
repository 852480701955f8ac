//! What a header says, and how far it has come.

use std::net::SocketAddr;

use super::extras::Extras;

/// What a proxy says of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The addresses, unless the proxy speaks for itself (`LOCAL`), does not know them, or they are
    /// none of TCP.
    pub addresses: Option<Addresses>,
    /// What else it says.
    pub extras: Extras,
}

/// The two ends of a connection, as the proxy has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The client.
    pub source: SocketAddr,
    /// What the client has connected to.
    pub destination: SocketAddr,
}

impl Addresses {
    /// An address of IPv4 that is written as one of IPv6 is one of IPv4. `None` if nobody can have
    /// that address.
    pub(super) fn of(source: SocketAddr, destination: SocketAddr) -> Option<Self> {
        let plain = |at: SocketAddr| SocketAddr::new(at.ip().to_canonical(), at.port());
        let (source, destination) = (plain(source), plain(destination));
        (!source.ip().is_unspecified()).then_some(Self {
            source,
            destination,
        })
    }
}

/// How far a connection has got with its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// What has come may be the beginning of a header.
    Incomplete,
    /// There is no header: these bytes are something else.
    Absent,
    /// The header, and how many bytes it has.
    Complete(Box<Header>, usize),
}
