//! Version 2: a signature, what follows, addresses of a length that their family says, and extras.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::crc32c::crc32c;
use super::error::Error;
use super::extras::{Checksum, Extras};
use super::header::{Addresses, Header, Progress};
use crate::limits::PROXY_HEADER_BYTES_MAX;

/// How a block begins: no protocol in use begins so.
pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The signature, version and command, family and transport, and the length of the rest.
const FIXED_BYTES: usize = 16;

const INET_BYTES: usize = 12;
const INET6_BYTES: usize = 36;
const UNIX_BYTES: usize = 216;

pub(super) fn parse(bytes: &[u8]) -> Result<Progress, Error> {
    let Some((fixed, rest)) = bytes.split_at_checked(FIXED_BYTES) else {
        return begun(bytes).map(|()| Progress::Incomplete);
    };
    begun(bytes)?;
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if FIXED_BYTES + length > PROXY_HEADER_BYTES_MAX {
        return Err(Error::TooLong);
    }
    let Some(rest) = rest.get(..length) else {
        return Ok(Progress::Incomplete);
    };
    let all = &bytes[..FIXED_BYTES + length];
    let (is_proxied, family) = (fixed[12] & 0xf == 1, fixed[13]);
    let header = Box::new(match is_proxied {
        true => proxied(family, rest, all)?,
        // The proxy speaks for itself, to see whether somebody is there. The paper has the rest
        // skipped, whatever it is.
        false => Header::default(),
    });
    Ok(Progress::Complete(header, all.len()))
}

/// Judges the first bytes, as far as they have come: who sends rubbish is not waited for.
fn begun(bytes: &[u8]) -> Result<(), Error> {
    if let Some(version) = bytes.get(12) {
        match (version >> 4, version & 0xf) {
            (2, 0 | 1) => {}
            (2, _) => return Err(Error::Kind),
            _ => return Err(Error::Version),
        }
    }
    match bytes.get(13) {
        Some(family) if family >> 4 > 3 || family & 0xf > 2 => Err(Error::Kind),
        _ => Ok(()),
    }
}

/// What a proxy says of somebody else's connection.
fn proxied(family: u8, rest: &[u8], all: &[u8]) -> Result<Header, Error> {
    let (family, is_stream) = (family >> 4, family & 0xf == 1);
    let length = match family {
        1 => INET_BYTES,
        2 => INET6_BYTES,
        3 => UNIX_BYTES,
        _ => 0,
    };
    let (addresses, extras) = rest.split_at_checked(length).ok_or(Error::TooShort)?;
    let addresses = match family {
        1 if is_stream => inet(addresses),
        2 if is_stream => inet6(addresses),
        // Unix sockets and datagrams have no address that could be the client's.
        _ => None,
    };
    let extras = Extras::parse(extras)?;
    if let Some(checksum) = extras.checksum {
        check(all, checksum)?;
    }
    Ok(Header { addresses, extras })
}

fn inet(bytes: &[u8]) -> Option<Addresses> {
    let ip = |at: usize| {
        let octets: [u8; 4] = bytes[at..at + 4].try_into().expect("four of them");
        Ipv4Addr::from(octets)
    };
    let source = SocketAddr::new(ip(0).into(), port(bytes, 8));
    Addresses::of(source, SocketAddr::new(ip(4).into(), port(bytes, 10)))
}

fn inet6(bytes: &[u8]) -> Option<Addresses> {
    let ip = |at: usize| {
        let octets: [u8; 16] = bytes[at..at + 16].try_into().expect("sixteen of them");
        Ipv6Addr::from(octets)
    };
    let source = SocketAddr::new(ip(0).into(), port(bytes, 32));
    Addresses::of(source, SocketAddr::new(ip(16).into(), port(bytes, 34)))
}

fn port(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// The checksum is that of the whole header with zeros in its own place.
fn check(all: &[u8], checksum: Checksum) -> Result<(), Error> {
    let at = all.len() - checksum.before_end;
    let parts = [&all[..at], &[0; 4], &all[at + 4..]];
    match crc32c(&parts) == checksum.value {
        true => Ok(()),
        false => Err(Error::Checksum),
    }
}
