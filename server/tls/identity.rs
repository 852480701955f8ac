//! A certificate with its key, judged before anybody sees it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::pki_types::CertificateDer;
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::{Error, InconsistentKeys};

use super::certificate::Certificate;
use super::error::TlsError;
use super::options::{CertificateOptions, Whose};
use super::pem::{blocks, tags};
use super::pfx::Pfx;
use super::reader::{Read, Reader};
use super::source::Source;
use super::{key, ocsp};

/// How long before its end a certificate deserves a word: authorities that issue for 90 days renew
/// 30 days before.
const SOON: Duration = Duration::from_secs(10 * 24 * 60 * 60);

/// A certificate, with everything that is needed to show it.
pub(super) struct Identity {
    pub(super) certificate: Certificate,
    pub(super) certified: Arc<CertifiedKey>,
}

/// A key and its certificate, before they were judged, and which file has it.
struct Pair {
    key: Arc<dyn SigningKey>,
    chain: Vec<CertificateDer<'static>>,
    key_from: Read,
    chain_from: Read,
}

impl Identity {
    /// Reads it. `further` are certificates that its chain may be completed with.
    ///
    /// # Errors
    /// What can't be read or does not go together.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        whose: Whose,
        options: &CertificateOptions,
        further: &[Certificate],
        now: SystemTime,
    ) -> Result<Self, TlsError> {
        let pair = pair(reader, whose, options)?;
        let (key_from, chain_from) = (pair.key_from, pair.chain_from);
        let mut chain = Vec::new();
        for der in &pair.chain {
            let certificate = Certificate::of_der(der.to_vec());
            chain.push(certificate.map_err(|error| chain_from.error(error.to_string()))?);
        }
        let mut certified = CertifiedKey::new(pair.chain, pair.key);
        match certified.keys_match() {
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(Error::InconsistentKeys(_)) => {
                return Err(key_from.error(mismatch(&certified)));
            }
            Err(_) => return Err(chain_from.error("its first certificate is no X.509 version 3")),
        }
        complete(&mut chain, &mut certified.cert, further);
        for words in remarks(&chain, now) {
            reader.note(&chain_from, words);
        }
        if let Some(source) = &options.ocsp {
            let read = reader.read(whose.option("tls-ocsp"), source)?;
            let response = ocsp::check(&read.bytes, chain[0].serial_number());
            response.map_err(|reason| read.error(reason))?;
            certified.ocsp = Some(read.bytes.to_vec());
        }
        Ok(Self {
            certificate: chain.swap_remove(0),
            certified: Arc::new(certified),
        })
    }
}

/// Reads a key and its certificate from one file or two.
fn pair(
    reader: &mut Reader<'_>,
    whose: Whose,
    options: &CertificateOptions,
) -> Result<Pair, TlsError> {
    let passphrase = passphrase(reader, whose, options)?;
    let passphrase = passphrase.as_deref();
    let (key, cert) = match (&options.pfx, &options.key, &options.cert) {
        (Some(source), None, None) => return of_pfx(reader, whose, source, passphrase),
        (None, Some(key), Some(cert)) => (key, cert),
        (Some(_), ..) => {
            let reason = "a key and a certificate stand in it: no other file can be named for them";
            return Err(TlsError::of(whose.option("tls-pfx"), reason));
        }
        (None, Some(_), None) => {
            let reason = "its certificate is missing: name its file in tls-cert";
            return Err(TlsError::of(whose.option("tls-key"), reason));
        }
        (None, None, _) => {
            let reason = "its key is missing: name its file in tls-key";
            return Err(TlsError::of(whose.option("tls-cert"), reason));
        }
    };
    let chain_from = reader.read(whose.option("tls-cert"), cert)?;
    let chain = certificates(&chain_from)?;
    let key_from = reader.secret(whose.option("tls-key"), key)?;
    let key = key::in_pem(&key_from.bytes, passphrase.map(str::as_bytes));
    Ok(Pair {
        key: key.map_err(|reason| key_from.error(reason))?,
        chain,
        key_from,
        chain_from,
    })
}

fn of_pfx(
    reader: &mut Reader<'_>,
    whose: Whose,
    source: &Source,
    passphrase: Option<&str>,
) -> Result<Pair, TlsError> {
    let read = reader.secret(whose.option("tls-pfx"), source)?;
    let pfx = Pfx::open(&read.bytes, passphrase).map_err(|reason| read.error(reason))?;
    if pfx.chain.is_empty() {
        return Err(read.error("it holds a key, but no certificate of it"));
    }
    Ok(Pair {
        key: pfx.key,
        chain: pfx.chain,
        chain_from: reader.read(read.option, source)?,
        key_from: read,
    })
}

/// The passphrase, which stands in one place.
fn passphrase(
    reader: &mut Reader<'_>,
    whose: Whose,
    options: &CertificateOptions,
) -> Result<Option<String>, TlsError> {
    let option = whose.option("tls-passphrase-file");
    let given = options
        .passphrase
        .as_ref()
        .map(|secret| secret.expose().to_owned());
    let Some(path) = &options.passphrase_file else {
        return Ok(given);
    };
    if given.is_some() {
        return Err(TlsError::of(
            option,
            "the passphrase itself is there, too: write one of them",
        ));
    }
    let read = reader.secret(option, &Source::File(path.clone()))?;
    let text = std::str::from_utf8(&read.bytes).map_err(|_| read.error("it is not UTF-8"))?;
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// The certificates of a PEM file, at least one.
///
/// # Errors
/// There are none.
pub(super) fn certificates(read: &Read) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all = blocks(&read.bytes).map_err(|reason| read.error(reason))?;
    let kinds = tags(&all);
    let is_certificate = |tag: &str| matches!(tag, "CERTIFICATE" | "X509 CERTIFICATE");
    let found = all.into_iter().filter(|block| is_certificate(block.tag()));
    let found: Vec<_> = found.map(|block| block.into_contents().into()).collect();
    match found.is_empty() {
        true => Err(read.error(format!("it holds no certificate, but {kinds}"))),
        false => Ok(found),
    }
}

/// Why a key and the first certificate do not belong together.
fn mismatch(certified: &CertifiedKey) -> &'static str {
    let fits = |der: &CertificateDer<'static>| {
        let other = CertifiedKey::new(vec![der.clone()], certified.key.clone());
        other.keys_match().is_ok()
    };
    match certified.cert.iter().skip(1).any(fits) {
        true => "its certificate is not the first one of its file: the server's own comes first",
        false => "it does not belong to the certificate",
    }
}

/// Adds what leads from the last certificate of a chain to an authority, but not the authority
/// itself, which a client has or does not trust.
fn complete(
    chain: &mut Vec<Certificate>,
    ders: &mut Vec<CertificateDer<'static>>,
    further: &[Certificate],
) {
    while let Some(last) = chain.last().filter(|last| !last.is_self_issued()) {
        let issuer = last.raw_issuer.clone();
        let is_next = |other: &&Certificate| {
            other.raw_subject == issuer && !other.is_self_issued() && !chain.contains(*other)
        };
        let Some(next) = further.iter().find(is_next) else {
            return;
        };
        ders.push(next.der().to_vec().into());
        chain.push(next.clone());
    }
}

/// What deserves a word about a chain.
fn remarks(chain: &[Certificate], now: SystemTime) -> Vec<String> {
    let mut remarks = Vec::new();
    let first = &chain[0];
    if first.valid_to() <= now {
        remarks.push("it has expired: clients will refuse it".to_owned());
    } else if first.valid_to() <= now + SOON {
        let left = first.valid_to().duration_since(now).unwrap_or_default();
        let hours = left.as_secs() / 3600;
        remarks.push(format!(
            "it expires in {} days and {} hours",
            hours / 24,
            hours % 24
        ));
    } else if first.valid_from() > now {
        remarks.push("it is not valid yet: clients will refuse it".to_owned());
    }
    if first.alt_names().is_empty() {
        remarks.push("it has no name (subjectAltName): clients will refuse it".to_owned());
    }
    for (index, pair) in chain.windows(2).enumerate() {
        if pair[0].raw_issuer != pair[1].raw_subject {
            let (one, two) = (index + 1, index + 2);
            remarks.push(format!(
                "certificate {two} of it has not issued certificate {one}"
            ));
        } else if pair[1].valid_to() <= now {
            remarks.push(format!("certificate {} of it has expired", index + 2));
        }
    }
    remarks
}
