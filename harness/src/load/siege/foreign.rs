//! Connections from an address of one's own choice, which a driver can't make: the socket is bound
//! here, and handed over while it connects.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::net::{bind, connect, ipproto, socket_with, sockopt};

/// Addresses of the loopback network that connections come from.
const ADDRESSES: u32 = 1_000;

/// The first of them.
const FIRST: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 1);

/// A socket that connects to `address`, on the loopback network from the address of this number.
pub(super) fn open(address: SocketAddr, number: Option<u32>) -> io::Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    if let Some(number) = number
        && let SocketAddr::V4(v4) = address
        && v4.ip().is_loopback()
    {
        bind(&socket, &SocketAddr::from((own_address(number), 0)))?;
    }
    match connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => Ok(socket),
        Err(error) => Err(error.into()),
    }
}

/// The address of this number.
fn own_address(number: u32) -> Ipv4Addr {
    // The last byte is none that looks like a network or everybody on it.
    let (row, column) = (number % ADDRESSES / 250, number % 250);
    Ipv4Addr::from_bits(FIRST.to_bits() + (row << 8) + column)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn there_are_a_thousand_addresses() {
        let all: HashSet<Ipv4Addr> = (0..5_000).map(own_address).collect();
        assert_eq!(all.len(), ADDRESSES as usize);
        assert!(all.iter().all(Ipv4Addr::is_loopback));
    }

    #[test]
    fn a_connection_comes_from_the_address_of_its_number() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let _sockets = [1, 999].map(|number| open(address, Some(number)).unwrap());
        let mut peers = [(); 2].map(|()| listener.accept().unwrap().1.ip().to_string());
        peers.sort();
        assert_eq!(peers, ["127.1.0.2", "127.1.3.250"]);
    }
}
