//! Listening sockets: one per shard on the same address, the kernel spreads connections.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

pub use allspark_protocol::http::UNIX_PEER;

use super::interface::Interface;

/// Connections that may wait to be accepted. The kernel lowers it to `net.core.somaxconn`.
pub(crate) const BACKLOG: i32 = 65_535;

/// How often a taken address is looked at, and how long to wait in between: two seconds in all.
const TAKEN_PROBES: u32 = 100;
const PROBE_PAUSE: Duration = Duration::from_millis(20);

/// Binds `count` listeners to one address with `SO_REUSEPORT`. With port 0 the kernel chooses a
/// port for the first and the others share it. Accepted sockets inherit `TCP_NODELAY`.
///
/// # Errors
/// [`io::ErrorKind::AddrInUse`] also if another server listens there with `SO_REUSEPORT`: without
/// this the two would share the connections, and nobody would notice. The kernel closes what an
/// `io_uring` held only some time after its process has ended, so an address is refused when it is
/// still taken after two seconds.
pub fn bind(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    bind_with(address, count, TcpOptions::default())
}

/// What can be said about a listener of TCP beside its address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpOptions {
    /// Whether an address of IPv6 is for IPv6 alone. Without, what the system has
    /// (`net.ipv6.bindv6only`): `[::]` takes connections of both on nearly every machine.
    pub ipv6_only: Option<bool>,
    /// Connections that may wait to be accepted; the kernel lowers it to `net.core.somaxconn`.
    /// Without, as many as that allows.
    pub backlog: Option<u16>,
    /// Only what comes through this interface is accepted (`SO_BINDTODEVICE`). Without, what comes
    /// through any.
    pub interface: Option<Interface>,
}

/// As [`bind`], with options.
///
/// # Errors
/// As [`bind`].
pub fn bind_with(
    address: SocketAddr,
    count: usize,
    options: TcpOptions,
) -> io::Result<Vec<TcpListener>> {
    bind_within(TAKEN_PROBES, address, count, options)
}

fn bind_within(
    probes: u32,
    address: SocketAddr,
    count: usize,
    options: TcpOptions,
) -> io::Result<Vec<TcpListener>> {
    wait_until_free(probes, address, options)?;
    let mut listeners = Vec::with_capacity(count);
    let mut address = address;
    for _ in 0..count {
        let listener = bind_one(address, options)?;
        address = listener.local_addr()?;
        listeners.push(listener);
    }
    Ok(listeners)
}

/// Binds for a moment without `SO_REUSEPORT`, which fails as long as anybody listens there.
fn wait_until_free(probes: u32, address: SocketAddr, options: TcpOptions) -> io::Result<()> {
    for _ in 1..probes {
        match stream_socket(address, options)?.bind(&address.into()) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => thread::sleep(PROBE_PAUSE),
            result => return result,
        }
    }
    stream_socket(address, options)?.bind(&address.into())
}

fn bind_one(address: SocketAddr, options: TcpOptions) -> io::Result<TcpListener> {
    let socket = stream_socket(address, options)?;
    socket.set_reuse_port(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(options.backlog.map_or(BACKLOG, i32::from))?;
    Ok(socket.into())
}

/// A socket for which connections that linger in `TIME_WAIT` do not occupy the address.
fn stream_socket(address: SocketAddr, options: TcpOptions) -> io::Result<Socket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if let Some(only) = options.ipv6_only.filter(|_| address.is_ipv6()) {
        socket.set_only_v6(only)?;
    }
    if let Some(interface) = options.interface {
        socket.bind_device(Some(interface.name().as_bytes()))?;
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_listeners_share_the_port() {
        let listeners = bind("127.0.0.1:0".parse().unwrap(), 3).unwrap();
        let port = listeners[0].local_addr().unwrap().port();
        assert!(
            listeners
                .iter()
                .all(|l| l.local_addr().unwrap().port() == port)
        );
    }

    #[test]
    fn an_address_that_another_server_has_is_refused() {
        let taken = bind("127.0.0.1:0".parse().unwrap(), 2).unwrap();
        let address = taken[0].local_addr().unwrap();
        let refused = bind_within(2, address, 1, TcpOptions::default()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        drop(taken);
        assert!(bind(address, 1).is_ok());
    }

    #[test]
    fn an_interface_that_there_is_not_is_refused_and_another_has_the_address_for_itself() {
        let address = "127.0.0.1:0".parse().unwrap();
        let through = |name: &str| TcpOptions {
            interface: Some(name.parse().unwrap()),
            ..TcpOptions::default()
        };
        let error = bind_with(address, 1, through("none-such")).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENODEV), "{error}");
        let listeners = bind_with(address, 2, through("lo")).unwrap();
        let address = listeners[0].local_addr().unwrap();
        std::net::TcpStream::connect(address).unwrap();
        let refused = bind_within(2, address, 1, through("lo")).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
    }
}
