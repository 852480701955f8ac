//! Where other servers reach this one.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// The address that a server shows to others. One that listens everywhere shows the address from
/// which this machine reaches others, where npm's plugin shows that of the first interface.
pub(super) fn shown(listens: SocketAddr) -> String {
    let ip = match listens.ip() {
        ip if ip.is_unspecified() => outgoing().unwrap_or(Ipv4Addr::LOCALHOST.into()),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, listens.port()))
}

/// The address from which this machine would send to a documentation address. Nothing is sent.
fn outgoing() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified()).then_some(ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_others_can_reach_is_shown() {
        let of = |address: &str| shown(address.parse().unwrap());
        assert_eq!(of("10.0.0.1:80"), "http://10.0.0.1:80");
        assert_eq!(of("[::1]:8080"), "http://[::1]:8080");
        for everywhere in ["0.0.0.0:80", "[::]:80"] {
            let shown = of(everywhere);
            assert!(
                shown.ends_with(":80") && !shown.contains("0.0.0.0"),
                "{shown}"
            );
        }
    }
}
