//! Keys, and which of them a token means.

use std::fmt;

use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};

use super::algorithm::JwtAlgorithm;

/// Keys of a set beyond which it is refused: issuers have a handful.
const KEYS_MAX: usize = 64;

/// Bytes of a secret, at the least: as many as the digest has (RFC 7518, 3.2).
const SECRET_BYTES_MIN: usize = 32;

/// Bytes of the modulus of an RSA key, at the least (RFC 7518, 3.3).
const RSA_BYTES_MIN: usize = 256;

/// A key with what it may be used for.
#[derive(Clone)]
pub(in crate::auth) struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    decoding: DecodingKey,
}

/// Why a key can't be used. Nothing of it is quoted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::auth) enum KeyError {
    #[error("a secret has at least {SECRET_BYTES_MIN} bytes (RFC 7518, 3.2)")]
    ShortSecret,
    #[error("an RSA key has at least 2048 bits (RFC 7518, 3.3)")]
    ShortRsa,
    #[error(
        "it is no public key in PEM format (BEGIN PUBLIC KEY or BEGIN RSA PUBLIC KEY) for RSA, \
         P-256, P-384 or Ed25519"
    )]
    NotPem,
    #[error("it holds a private key, which a server must not have: write the public one")]
    Private,
    #[error("it is no set of keys in JSON (RFC 7517): {0}")]
    NotJwks(String),
    #[error("no key in it can verify signatures")]
    NoKey,
    #[error("it has more than {KEYS_MAX} keys")]
    TooMany,
    #[error("key {index} in it: {reason}")]
    InSet { index: usize, reason: Box<Self> },
    #[error("none of the algorithms that are allowed goes with any key")]
    NoAlgorithm,
}

impl Key {
    /// A secret that issuer and server share.
    pub(in crate::auth) fn secret(secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < SECRET_BYTES_MIN {
            return Err(KeyError::ShortSecret);
        }
        let decoding = DecodingKey::from_secret(secret).map_err(|_| KeyError::ShortSecret)?;
        Ok(Self::new(None, vec![Algorithm::HS256], decoding))
    }

    /// A public key in PEM format.
    pub(in crate::auth) fn pem(text: &str) -> Result<Self, KeyError> {
        if text.contains("PRIVATE KEY-----") {
            return Err(KeyError::Private);
        }
        if !text.contains("BEGIN PUBLIC KEY") && !text.contains("BEGIN RSA PUBLIC KEY") {
            return Err(KeyError::NotPem);
        }
        let bytes = text.as_bytes();
        if let Ok(key) = DecodingKey::from_ec_pem(bytes) {
            let algorithm = match key.try_get_as_bytes().map_or(0, <[u8]>::len) {
                65 => Algorithm::ES256,
                97 => Algorithm::ES384,
                _ => return Err(KeyError::NotPem),
            };
            return Ok(Self::new(None, vec![algorithm], key));
        }
        if let Ok(key) = DecodingKey::from_ed_pem(bytes) {
            return match key.try_get_as_bytes().map_or(0, <[u8]>::len) {
                32 => Ok(Self::new(None, vec![Algorithm::EdDSA], key)),
                _ => Err(KeyError::NotPem),
            };
        }
        let key = DecodingKey::from_rsa_pem(bytes).map_err(|_| KeyError::NotPem)?;
        match key.try_get_as_bytes().map_or(0, <[u8]>::len) {
            // The exponent and what DER adds are a few bytes.
            length if length < RSA_BYTES_MIN => Err(KeyError::ShortRsa),
            _ => Ok(Self::new(None, vec![Algorithm::RS256], key)),
        }
    }

    fn new(id: Option<String>, algorithms: Vec<Algorithm>, decoding: DecodingKey) -> Self {
        Self {
            id,
            algorithms,
            decoding,
        }
    }

    /// A key of a set; nothing if it is one for other purposes or of a kind that is not known,
    /// which is to be passed over (RFC 7517, 5).
    fn jwk(jwk: &Jwk) -> Result<Option<Self>, KeyError> {
        let is_for_signatures = jwk.common.public_key_use.as_ref();
        if is_for_signatures.is_some_and(|purpose| *purpose != PublicKeyUse::Signature) {
            return Ok(None);
        }
        let Some(usual) = usual_algorithm(jwk)? else {
            return Ok(None);
        };
        let algorithm = match jwk.common.key_algorithm {
            None => usual,
            Some(named) => match signature_algorithm(named) {
                Some(algorithm) if algorithm.family() == usual.family() => algorithm,
                _ => return Ok(None),
            },
        };
        let Ok(decoding) = DecodingKey::from_jwk(jwk) else {
            return Err(KeyError::NotJwks("its numbers are no base64url".to_owned()));
        };
        let id = jwk.common.key_id.clone();
        Ok(Some(Self::new(id, vec![algorithm], decoding)))
    }

    pub(super) fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }
}

/// With which algorithm a key of a set is used that names none.
fn usual_algorithm(jwk: &Jwk) -> Result<Option<Algorithm>, KeyError> {
    let bytes_of = |base64url: &str| base64url.trim_end_matches('=').len() * 3 / 4;
    Ok(Some(match &jwk.algorithm {
        AlgorithmParameters::RSA(key) if bytes_of(&key.n) < RSA_BYTES_MIN => {
            return Err(KeyError::ShortRsa);
        }
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => Algorithm::ES256,
            EllipticCurve::P384 => Algorithm::ES384,
            _ => return Ok(None),
        },
        AlgorithmParameters::OctetKeyPair(key) => match key.curve {
            EllipticCurve::Ed25519 => Algorithm::EdDSA,
            _ => return Ok(None),
        },
        AlgorithmParameters::OctetKey(key) if bytes_of(&key.value) < SECRET_BYTES_MIN => {
            return Err(KeyError::ShortSecret);
        }
        AlgorithmParameters::OctetKey(_) => Algorithm::HS256,
        _ => return Ok(None),
    }))
}

fn signature_algorithm(named: KeyAlgorithm) -> Option<Algorithm> {
    named
        .to_string()
        .parse::<JwtAlgorithm>()
        .ok()
        .map(JwtAlgorithm::get)
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("algorithms", &self.algorithms)
            .finish_non_exhaustive()
    }
}

/// The keys of a server.
#[derive(Clone, Debug, Default)]
pub(in crate::auth) struct Keys(Vec<Key>);

impl Keys {
    /// Adds a key.
    pub(in crate::auth) fn add(&mut self, key: Key) {
        self.0.push(key);
    }

    /// Adds the keys of a set (RFC 7517).
    ///
    /// # Errors
    /// It is none, or one of its keys can't be used.
    pub(in crate::auth) fn add_set(&mut self, json: &str) -> Result<(), KeyError> {
        let set: JwkSet =
            serde_json::from_str(json).map_err(|error| KeyError::NotJwks(place_of(&error)))?;
        if set.keys.len() > KEYS_MAX {
            return Err(KeyError::TooMany);
        }
        let before = self.0.len();
        for (index, jwk) in set.keys.iter().enumerate() {
            let key = Key::jwk(jwk).map_err(|reason| KeyError::InSet {
                index,
                reason: Box::new(reason),
            })?;
            self.0.extend(key);
        }
        match self.0.len() > before {
            true => Ok(()),
            false => Err(KeyError::NoKey),
        }
    }

    /// Has only these algorithms be used, each with the keys that it goes with.
    ///
    /// # Errors
    /// Then no key is of use.
    pub(in crate::auth) fn allow(&mut self, algorithms: &[JwtAlgorithm]) -> Result<(), KeyError> {
        for key in &mut self.0 {
            let family = key.decoding.family();
            let goes_with = |algorithm: &&JwtAlgorithm| {
                algorithm.family() == family
                    && (family != AlgorithmFamily::Ec || key.algorithms.contains(&algorithm.get()))
            };
            let algorithms = algorithms.iter().filter(goes_with);
            key.algorithms = algorithms.map(|algorithm| algorithm.get()).collect();
        }
        self.0.retain(|key| !key.algorithms.is_empty());
        match self.0.is_empty() {
            true => Err(KeyError::NoAlgorithm),
            false => Ok(()),
        }
    }

    /// How many there are.
    pub(in crate::auth) fn len(&self) -> usize {
        self.0.len()
    }

    /// The key of this name that goes with the algorithm. A key without a name goes with every
    /// token, and a token that names none means the only key for its algorithm: to try several
    /// would have a stranger choose how much work there is.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&Key> {
        let mut fitting = self
            .0
            .iter()
            .filter(|key| key.algorithms.contains(&algorithm));
        if let Some(id) = id {
            let named = fitting.clone().find(|key| key.id.as_deref() == Some(id));
            return named.or_else(|| fitting.find(|key| key.id.is_none()));
        }
        let first = fitting.next();
        first.filter(|_| fitting.next().is_none())
    }
}

/// Where JSON is wrong: the message of serde may quote what it found, which may be a secret.
fn place_of(error: &serde_json::Error) -> String {
    format!("see line {}, column {}", error.line(), error.column())
}
