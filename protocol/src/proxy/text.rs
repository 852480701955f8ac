//! Version 1: `PROXY TCP4 192.0.2.1 198.51.100.1 4711 443` and the end of a line.

use std::net::{IpAddr, SocketAddr};

use super::error::Error;
use super::header::{Addresses, Header, Progress};

/// How a line begins.
pub(super) const PREFIX: &[u8] = b"PROXY ";

/// The longest line, its end included.
const LINE_BYTES_MAX: usize = 107;

pub(super) fn parse(bytes: &[u8]) -> Result<Progress, Error> {
    let window = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
    let Some(end) = window.windows(2).position(|pair| pair == b"\r\n") else {
        return match window.len() < LINE_BYTES_MAX {
            true => Ok(Progress::Incomplete),
            false => Err(Error::Endless),
        };
    };
    let line = std::str::from_utf8(&bytes[PREFIX.len()..end]).map_err(|_| Error::Line)?;
    let header = Header {
        addresses: addresses(line)?,
        ..Header::default()
    };
    Ok(Progress::Complete(Box::new(header), end + 2))
}

fn addresses(line: &str) -> Result<Option<Addresses>, Error> {
    let (family, rest) = line.split_once(' ').unwrap_or((line, ""));
    let is_v4 = match family {
        "TCP4" => true,
        "TCP6" => false,
        // Whatever follows is not looked at.
        "UNKNOWN" => return Ok(None),
        _ => return Err(Error::Line),
    };
    let mut words = rest.split(' ');
    let mut word = || words.next().ok_or(Error::Line);
    let ip = |word: &str| match word.parse::<IpAddr>() {
        Ok(ip) if ip.is_ipv4() == is_v4 => Ok(ip),
        _ => Err(Error::Line),
    };
    let (source, destination) = (ip(word()?)?, ip(word()?)?);
    let (source_port, destination_port) = (port(word()?)?, port(word()?)?);
    match words.next() {
        None => Ok(Addresses::of(
            SocketAddr::new(source, source_port),
            SocketAddr::new(destination, destination_port),
        )),
        Some(_) => Err(Error::Line),
    }
}

/// Decimal digits without a zero in front.
fn port(word: &str) -> Result<u16, Error> {
    let has_digits = word.bytes().all(|byte| byte.is_ascii_digit());
    let has_zero_in_front = word.len() > 1 && word.starts_with('0');
    match word.parse() {
        Ok(port) if has_digits && !has_zero_in_front => Ok(port),
        _ => Err(Error::Line),
    }
}
