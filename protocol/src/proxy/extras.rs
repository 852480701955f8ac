//! What a header may say beside the addresses: type, length and value (TLV), one after the other.

use super::error::Error;
use crate::http::is_host;

const ALPN: u8 = 0x01;
const AUTHORITY: u8 = 0x02;
const CRC32C: u8 = 0x03;
const UNIQUE_ID: u8 = 0x05;
const SSL: u8 = 0x20;

const SSL_VERSION: u8 = 0x21;
const SSL_CN: u8 = 0x22;
const SSL_CIPHER: u8 = 0x23;

/// Bits of what a proxy says of TLS: the client spoke it, and has shown a certificate on this
/// connection, or at the beginning of its session.
const CLIENT_SSL: u8 = 1;
const CLIENT_CERT: u8 = 2 | 4;

/// The longest name of a host.
const AUTHORITY_BYTES_MAX: usize = 255;

/// The longest id of a connection, as the paper has it.
const UNIQUE_ID_BYTES_MAX: usize = 128;

/// What a proxy says beside the addresses. What is not known is skipped; of what is said twice the
/// last one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// The protocol that was agreed upon within TLS.
    pub alpn: Option<Box<[u8]>>,
    /// The host that the client has asked for, by SNI for instance.
    pub authority: Option<Box<str>>,
    /// What the proxy calls the connection in its own log.
    pub unique_id: Option<Box<[u8]>>,
    /// How the connection to the proxy is encrypted, if it is.
    pub tls: Option<Tls>,
    pub(super) checksum: Option<Checksum>,
}

/// How a connection is encrypted up to a proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The version, as OpenSSL calls it; empty if it is not said.
    pub version: Box<str>,
    /// The cipher suite; empty if it is not said.
    pub cipher: Box<str>,
    /// The client has shown a certificate.
    pub has_certificate: bool,
    /// The certificate was found to be valid.
    pub is_valid: bool,
    /// The common name of its subject.
    pub common_name: Option<Box<str>>,
}

/// The checksum of a header, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Checksum {
    pub(super) value: u32,
    /// From the end of the header.
    pub(super) before_end: usize,
}

impl Extras {
    /// Reads what stands behind the addresses, up to the end of the header.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut extras = Self::default();
        let mut rest = bytes;
        while let Some((kind, value, behind)) = next(rest)? {
            match kind {
                ALPN => extras.alpn = Some(value.into()),
                AUTHORITY => extras.authority = Some(authority(value)?),
                UNIQUE_ID if value.len() > UNIQUE_ID_BYTES_MAX => return Err(Error::Extra),
                UNIQUE_ID => extras.unique_id = Some(value.into()),
                SSL => extras.tls = Tls::parse(value)?,
                // Two of them can't both be right.
                CRC32C if extras.checksum.is_some() => return Err(Error::Extra),
                CRC32C => {
                    let value = value.try_into().map_err(|_| Error::Extra)?;
                    extras.checksum = Some(Checksum {
                        value: u32::from_be_bytes(value),
                        before_end: behind.len() + 4,
                    });
                }
                _ => {}
            }
            rest = behind;
        }
        Ok(extras)
    }
}

impl Tls {
    fn parse(bytes: &[u8]) -> Result<Option<Self>, Error> {
        let Some(([client, verify @ ..], mut rest)) = bytes.split_first_chunk::<5>() else {
            return Err(Error::Extra);
        };
        let has_certificate = client & CLIENT_CERT != 0;
        let mut tls = Self {
            has_certificate,
            is_valid: has_certificate && *verify == [0; 4],
            ..Self::default()
        };
        while let Some((kind, value, behind)) = next(rest)? {
            match kind {
                SSL_VERSION => tls.version = word(value)?,
                SSL_CIPHER => tls.cipher = word(value)?,
                SSL_CN => tls.common_name = std::str::from_utf8(value).ok().map(Box::from),
                _ => {}
            }
            rest = behind;
        }
        Ok((client & CLIENT_SSL != 0).then_some(tls))
    }
}

/// A type, a value, and what is behind them.
type Extra<'b> = (u8, &'b [u8], &'b [u8]);

/// The first of the extras, if there is one.
fn next(bytes: &[u8]) -> Result<Option<Extra<'_>>, Error> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let Some(([kind, length @ ..], rest)) = bytes.split_first_chunk::<3>() else {
        return Err(Error::Extra);
    };
    let length = usize::from(u16::from_be_bytes(*length));
    let (value, behind) = rest.split_at_checked(length).ok_or(Error::Extra)?;
    Ok(Some((*kind, value, behind)))
}

/// The name of a host, as it may stand in a request.
fn authority(value: &[u8]) -> Result<Box<str>, Error> {
    match std::str::from_utf8(value) {
        Ok(text) if is_host(value) && value.len() <= AUTHORITY_BYTES_MAX => Ok(text.into()),
        _ => Err(Error::Extra),
    }
}

/// A name that a library gives: it goes into logs.
fn word(value: &[u8]) -> Result<Box<str>, Error> {
    let is_plain = value.iter().all(u8::is_ascii_graphic);
    match std::str::from_utf8(value) {
        Ok(text) if is_plain => Ok(text.into()),
        _ => Err(Error::Extra),
    }
}
