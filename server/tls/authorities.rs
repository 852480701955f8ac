//! Authorities of certificates and their lists of revoked ones, as files have them.

use std::time::SystemTime;

use ring::digest::{Context, SHA256};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::certificate::{Certificate, time};
use super::error::TlsError;
use super::identity::certificates;
use super::options::TlsOptions;
use super::pem::{blocks, tags};
use super::reader::{Read, Reader};

/// What files say of authorities.
#[derive(Default)]
pub(super) struct Authorities {
    /// Their certificates, and others that stand in those files.
    pub(super) certificates: Vec<Certificate>,
    pub(super) crls: Vec<CertificateRevocationListDer<'static>>,
}

impl Authorities {
    /// Reads them.
    ///
    /// # Errors
    /// A file that can't be used.
    pub(super) fn read(reader: &mut Reader<'_>, options: &TlsOptions) -> Result<Self, TlsError> {
        let mut authorities = Self::default();
        let mut roots = RootCertStore::empty();
        for source in &options.ca {
            let read = reader.read("tls-ca", source)?;
            for der in certificates(&read)? {
                let certificate = Certificate::of_der(der.to_vec());
                let certificate = certificate.map_err(|error| read.error(error.to_string()))?;
                let added = roots.add(der);
                added
                    .map_err(|_| read.error("it holds a certificate that can't be an authority"))?;
                authorities.certificates.push(certificate);
            }
        }
        let now = SystemTime::now();
        for source in &options.crl {
            let read = reader.read("tls-crl", source)?;
            for der in lists(&read)? {
                let expires = expires(&der).map_err(|reason| read.error(reason))?;
                if expires.is_some_and(|at| at <= now) {
                    let words = "it has expired: no client of its authority is let in";
                    reader.note(&read, words);
                }
                authorities.crls.push(der);
            }
        }
        Ok(authorities)
    }

    /// Those that clients' certificates may come from.
    pub(super) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        for certificate in &self.certificates {
            let added = roots.add(CertificateDer::from(certificate.der()));
            added.expect("it was added once already");
        }
        roots
    }

    /// A digest of who may come in with which certificate: sessions under another rule are not
    /// resumed.
    pub(super) fn rule(&self, options: &TlsOptions) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        context.update(&[
            options.request_cert.into(),
            options.reject_unauthorized.into(),
        ]);
        let ders = self.certificates.iter().map(Certificate::der);
        for der in ders.chain(self.crls.iter().map(AsRef::as_ref)) {
            context.update(&(der.len() as u64).to_be_bytes());
            context.update(der);
        }
        let digest = context.finish();
        digest.as_ref().try_into().expect("it has 32 bytes")
    }
}

const NO_LIST: &str = "it holds no list of revoked certificates";

/// The lists of a file in PEM or DER.
fn lists(read: &Read) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    let Ok(all) = blocks(&read.bytes) else {
        return Ok(vec![read.bytes.to_vec().into()]);
    };
    let kinds = tags(&all);
    let lists = all.into_iter().filter(|block| block.tag() == "X509 CRL");
    let lists: Vec<_> = lists.map(|block| block.into_contents().into()).collect();
    match lists.is_empty() {
        true => Err(read.error(format!("{NO_LIST}, but {kinds}"))),
        false => Ok(lists),
    }
}

/// Until when a list counts. One that does not say so does not expire.
///
/// # Errors
/// It is no list.
fn expires(der: &CertificateRevocationListDer<'_>) -> Result<Option<SystemTime>, &'static str> {
    let (_, list) = CertificateRevocationList::from_der(der).map_err(|_| NO_LIST)?;
    Ok(list.next_update().map(|at| time(at.timestamp())))
}
