//! Private keys: every kind that ring signs with, and a sentence about each other kind.

use std::sync::Arc;

use pem::Pem;
use pkcs8::{EncryptedPrivateKeyInfo, Error, pkcs5};
use ring::signature::RsaKeyPair;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use rustls::sign::SigningKey;

use super::pem::{blocks, tags};

/// The one private key of a PEM file, which may hold certificates beside it.
///
/// # Errors
/// A sentence about what is there instead. Nothing of the key is in it.
pub(super) fn in_pem(
    bytes: &[u8],
    passphrase: Option<&[u8]>,
) -> Result<Arc<dyn SigningKey>, String> {
    let all = blocks(bytes)?;
    let mut keys: Vec<Pem> = all.clone();
    keys.retain(|block| block.tag().ends_with("PRIVATE KEY"));
    match keys.len() {
        0 => Err(format!("it holds no private key, but {}", tags(&all))),
        1 => of_der(der_of(keys.remove(0), passphrase)?),
        many => Err(format!(
            "it holds {many} private keys, and which one is meant is not said"
        )),
    }
}

/// A key that was decoded, ready to sign.
///
/// # Errors
/// A sentence about why ring does not sign with it.
pub(super) fn of_der(der: PrivateKeyDer<'_>) -> Result<Arc<dyn SigningKey>, String> {
    any_supported_type(&der).map_err(|_| reason(&der))
}

/// A key of PKCS #8.
pub(super) fn of_pkcs8(der: Vec<u8>) -> Result<Arc<dyn SigningKey>, String> {
    of_der(PrivatePkcs8KeyDer::from(der).into())
}

fn der_of(block: Pem, passphrase: Option<&[u8]>) -> Result<PrivateKeyDer<'static>, String> {
    if block.headers().get("DEK-Info").is_some() {
        return Err(format!(
            "it is encrypted in the old way of OpenSSL (DEK-Info): {ANEW}"
        ));
    }
    let tag = block.tag().to_owned();
    let der = block.into_contents();
    Ok(match &*tag {
        "PRIVATE KEY" => PrivatePkcs8KeyDer::from(der).into(),
        "RSA PRIVATE KEY" => PrivatePkcs1KeyDer::from(der).into(),
        "EC PRIVATE KEY" => PrivateSec1KeyDer::from(der).into(),
        "ENCRYPTED PRIVATE KEY" => PrivatePkcs8KeyDer::from(decrypt(&der, passphrase)?).into(),
        "OPENSSH PRIVATE KEY" => {
            return Err("it is a key of ssh, not of TLS".to_owned());
        }
        _ => return Err(format!("a {tag:?} is no key that can be used: {KINDS}")),
    })
}

fn decrypt(der: &[u8], passphrase: Option<&[u8]>) -> Result<Vec<u8>, String> {
    let passphrase = passphrase.ok_or(
        "it is encrypted: name the file of its passphrase (tls-passphrase-file), or give it in \
         ALLSPARK_TLS_PASSPHRASE",
    )?;
    let unknown = || format!("it is damaged, or encrypted in a way that is not known: {ANEW}");
    let encrypted = EncryptedPrivateKeyInfo::try_from(der).map_err(|_| unknown())?;
    match encrypted.decrypt(passphrase) {
        Ok(key) => Ok(key.as_bytes().to_vec()),
        Err(Error::EncryptedPrivateKey(
            pkcs5::Error::UnsupportedAlgorithm { .. }
            | pkcs5::Error::NoPbes1CryptSupport
            | pkcs5::Error::AlgorithmParametersInvalid { .. },
        )) => Err(unknown()),
        Err(_) => Err("it can't be decrypted: the passphrase is another one".to_owned()),
    }
}

/// What to do with a key that is encrypted in an old way.
const ANEW: &str = "write it anew with openssl pkcs8 -topk8 -in FILE -out FILE";

/// What can be used, for the end of a refusal.
const KINDS: &str = "there are RSA (2048 to 4096 bits), P-256, P-384 and Ed25519";

/// Object identifiers of what ring does not sign with, as they stand in a key.
const OTHERS: &[(&[u8], &str)] = &[
    (
        &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23],
        "on the curve P-521",
    ),
    (
        &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a],
        "on the curve secp256k1",
    ),
    (&[0x06, 0x03, 0x2b, 0x65, 0x71], "for Ed448"),
    (
        &[0x06, 0x03, 0x2b, 0x65, 0x6e],
        "for X25519, which signs nothing",
    ),
    (
        &[
            0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a,
        ],
        "for RSA-PSS alone; one for RSA does that, too",
    ),
    (
        &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01],
        "for DSA",
    ),
];

/// Why ring does not sign with a key.
fn reason(der: &PrivateKeyDer<'_>) -> String {
    let (bytes, rsa) = match der {
        PrivateKeyDer::Pkcs1(key) => {
            let key = key.secret_pkcs1_der();
            (key, RsaKeyPair::from_der(key).err())
        }
        PrivateKeyDer::Pkcs8(key) => {
            let key = key.secret_pkcs8_der();
            (key, RsaKeyPair::from_pkcs8(key).err())
        }
        PrivateKeyDer::Sec1(key) => (key.secret_sec1_der(), None),
        _ => (&[][..], None),
    };
    match rsa.map(|error| error.to_string()).as_deref() {
        Some("TooSmall") => {
            return format!("its RSA key has less than 2048 bits, which can be broken: {KINDS}");
        }
        Some("TooLarge") => return format!("its RSA key has more than 4096 bits: {KINDS}"),
        _ => {}
    }
    let has = |id: &[u8]| bytes.windows(id.len()).any(|window| window == id);
    match OTHERS.iter().find(|(id, _)| has(id)) {
        Some((_, what)) => format!("it is a key {what}: {KINDS}"),
        None => format!("it is damaged, or of a kind that is not known: {KINDS}"),
    }
}
