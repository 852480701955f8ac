//! PKCS #12: a key and its certificates in one encrypted file.

use std::sync::Arc;

use p12_keystore::{KeyStore, KeyStoreEntry};
use rustls::pki_types::CertificateDer;
use rustls::sign::SigningKey;

use super::key;

/// What such a file holds.
pub(super) struct Pfx {
    pub(super) key: Arc<dyn SigningKey>,
    pub(super) chain: Vec<CertificateDer<'static>>,
}

impl Pfx {
    /// Decrypts it.
    ///
    /// # Errors
    /// A sentence in which nothing of it stands.
    pub(super) fn open(bytes: &[u8], passphrase: Option<&str>) -> Result<Self, String> {
        let store = KeyStore::from_pkcs12(bytes, passphrase.unwrap_or_default());
        let store = store.map_err(|_| match passphrase {
            Some(_) => "it is no PKCS #12 file, or the passphrase is another one",
            None => "it is no PKCS #12 file, or it has a passphrase (tls-passphrase-file)",
        })?;
        let mut chains = store.entries().filter_map(|(_, entry)| match entry {
            KeyStoreEntry::PrivateKeyChain(chain) => Some(chain),
            _ => None,
        });
        let chain = chains.next().ok_or("it holds no private key")?;
        if chains.next().is_some() {
            return Err("it holds several private keys".to_owned());
        }
        let certificates = chain.chain().iter();
        Ok(Self {
            key: key::of_pkcs8(chain.key().to_vec())?,
            chain: certificates
                .map(|certificate| CertificateDer::from(certificate.as_der().to_vec()))
                .collect(),
        })
    }
}
