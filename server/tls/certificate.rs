//! What stands in an X.509 certificate, as Node's `getPeerCertificate` has it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ring::digest::{self, Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

/// A certificate: whose it is, who says so, and for how long.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Arc<[u8]>,
    subject: Vec<(String, String)>,
    issuer: Vec<(String, String)>,
    alt_names: Vec<AltName>,
    serial_number: String,
    valid_from_s: i64,
    valid_to_s: i64,
    pub(super) raw_subject: Vec<u8>,
    pub(super) raw_issuer: Vec<u8>,
}

/// A name that a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AltName {
    /// The name of a host, which may begin with `*.`.
    Dns(String),
    /// An address of a host.
    Ip(IpAddr),
    /// Somebody's address.
    Email(String),
    /// A URI, such as a SPIFFE id.
    Uri(String),
}

/// It is no certificate that can be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no X.509 certificate, or a damaged one")]
pub struct NoCertificate;

impl Certificate {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// It is none.
    pub fn of_der(der: impl Into<Arc<[u8]>>) -> Result<Self, NoCertificate> {
        let der = der.into();
        let (rest, parsed) = X509Certificate::from_der(&der).map_err(|_| NoCertificate)?;
        if !rest.is_empty() {
            return Err(NoCertificate);
        }
        let names = parsed.subject_alternative_name();
        let names = names.map_err(|_| NoCertificate)?;
        let names = names.iter().flat_map(|names| &names.value.general_names);
        let (validity, serial) = (parsed.validity(), parsed.raw_serial());
        Ok(Self {
            subject: attributes(parsed.subject()),
            issuer: attributes(parsed.issuer()),
            alt_names: names.filter_map(alt_name).collect(),
            serial_number: hex(serial.strip_prefix(&[0]).unwrap_or(serial), ""),
            valid_from_s: validity.not_before.timestamp(),
            valid_to_s: validity.not_after.timestamp(),
            raw_subject: parsed.subject().as_raw().to_vec(),
            raw_issuer: parsed.issuer().as_raw().to_vec(),
            der: der.clone(),
        })
    }

    /// The certificate itself, in DER (`raw`).
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whose it is: attributes by their short names (`CN`, `O`, `OU`, ..), in order.
    pub fn subject(&self) -> &[(String, String)] {
        &self.subject
    }

    /// The common name of its subject (`subject.CN`).
    pub fn common_name(&self) -> Option<&str> {
        let mut names = self.subject.iter();
        names.find_map(|(name, value)| (name == "CN").then_some(value.as_str()))
    }

    /// Who has issued it.
    pub fn issuer(&self) -> &[(String, String)] {
        &self.issuer
    }

    /// The names that it is for (`subjectaltname`).
    pub fn alt_names(&self) -> &[AltName] {
        &self.alt_names
    }

    /// The names of hosts that it is for.
    pub(super) fn host_names(&self) -> impl Iterator<Item = &str> {
        self.alt_names.iter().filter_map(|name| match name {
            AltName::Dns(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Its number, in hexadecimal digits (`serialNumber`).
    pub fn serial_number(&self) -> &str {
        &self.serial_number
    }

    /// From when on it is valid.
    pub fn valid_from(&self) -> SystemTime {
        time(self.valid_from_s)
    }

    /// Until when it is valid.
    pub fn valid_to(&self) -> SystemTime {
        time(self.valid_to_s)
    }

    /// Its SHA-1 digest (`fingerprint`): pairs of digits with colons between them.
    pub fn fingerprint(&self) -> String {
        self.digest(&SHA1_FOR_LEGACY_USE_ONLY)
    }

    /// Its SHA-256 digest (`fingerprint256`), in the same form.
    pub fn fingerprint256(&self) -> String {
        self.digest(&SHA256)
    }

    /// Its SHA-512 digest (`fingerprint512`), in the same form.
    pub fn fingerprint512(&self) -> String {
        self.digest(&SHA512)
    }

    fn digest(&self, algorithm: &'static Algorithm) -> String {
        hex(digest::digest(algorithm, &self.der).as_ref(), ":")
    }

    /// Whether it was issued by itself.
    pub(super) fn is_self_issued(&self) -> bool {
        self.raw_subject == self.raw_issuer
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.subject)
            .field("alt_names", &self.alt_names)
            .field("serial_number", &self.serial_number)
            .finish_non_exhaustive()
    }
}

fn attributes(name: &X509Name<'_>) -> Vec<(String, String)> {
    let attributes = name.iter_attributes();
    let attributes = attributes.map(|attribute| {
        let id = attribute.attr_type();
        let short = oid2abbrev(id, oid_registry()).map(str::to_owned);
        let value = attribute.as_str().map(str::to_owned);
        let value = value.unwrap_or_else(|_| hex(attribute.as_slice(), ""));
        (short.unwrap_or_else(|_| id.to_id_string()), value)
    });
    attributes.collect()
}

fn alt_name(name: &GeneralName<'_>) -> Option<AltName> {
    Some(match name {
        GeneralName::DNSName(name) => AltName::Dns((*name).to_owned()),
        GeneralName::RFC822Name(name) => AltName::Email((*name).to_owned()),
        GeneralName::URI(name) => AltName::Uri((*name).to_owned()),
        GeneralName::IPAddress(bytes) => AltName::Ip(address(bytes)?),
        _ => return None,
    })
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes)
            .ok()
            .map(|bytes| Ipv4Addr::from(bytes).into()),
        _ => <[u8; 16]>::try_from(bytes)
            .ok()
            .map(|bytes| Ipv6Addr::from(bytes).into()),
    }
}

/// A time that certificates say in seconds.
pub(super) fn time(unix_s: i64) -> SystemTime {
    match u64::try_from(unix_s) {
        Ok(after) => UNIX_EPOCH + Duration::from_secs(after),
        Err(_) => UNIX_EPOCH - Duration::from_secs(unix_s.unsigned_abs()),
    }
}

fn hex(bytes: &[u8], between: &str) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    digits.join(between)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    #[test]
    fn it_is_read_as_node_reads_it() {
        let mut params = CertificateParams::new(["a.example.org".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "ann");
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Chat");
        let uri = "spiffe://a/b".try_into().unwrap();
        params.subject_alt_names.push(SanType::URI(uri));
        params
            .subject_alt_names
            .push(SanType::IpAddress("::1".parse().unwrap()));
        params.serial_number = Some(vec![0x80, 1, 0xff].into());
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let read = Certificate::of_der(made.der().to_vec()).unwrap();
        assert_eq!(read.common_name(), Some("ann"));
        assert!(
            read.subject()
                .contains(&("O".to_owned(), "Chat".to_owned()))
        );
        assert_eq!(read.issuer(), read.subject());
        let names = [
            AltName::Dns("a.example.org".to_owned()),
            AltName::Uri("spiffe://a/b".to_owned()),
            AltName::Ip("::1".parse().unwrap()),
        ];
        assert_eq!(read.alt_names(), names);
        assert_eq!(read.serial_number(), "8001FF");
        assert!(read.valid_from() < SystemTime::now() && read.valid_to() > SystemTime::now());
        assert_eq!(read.fingerprint().len(), 20 * 3 - 1);
        assert_eq!(read.fingerprint256().len(), 32 * 3 - 1);
        assert!(read.is_self_issued());
    }

    #[test]
    fn whatever_bytes_there_are_it_does_not_panic() {
        let made = rcgen::generate_simple_self_signed(["a.org".to_owned()]).unwrap();
        let der = made.cert.der().to_vec();
        for at in 0..der.len() {
            assert!(Certificate::of_der(&der[..at]).is_err());
            let mut other = der.clone();
            other[at] ^= 0xff;
            drop(Certificate::of_der(other));
        }
        let longer = [&der[..], &[0]].concat();
        assert_eq!(Certificate::of_der(longer), Err(NoCertificate));
    }
}
