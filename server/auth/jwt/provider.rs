//! The cryptography behind `jsonwebtoken`: ring, which AllSpark has for TLS, too. Its own choices
//! are a second library in C, or a dozen more crates.
//!
//! It verifies. To sign is the issuer's business, and a server holds no key with which it could.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind, new_error};
use jsonwebtoken::signature::{self, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::hmac;
use ring::signature as ring_signature;
use ring::signature::{
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

/// Has `jsonwebtoken` use ring in this process, unless the application has made a choice.
pub(super) fn install() {
    static RING: CryptoProvider = CryptoProvider {
        signer_factory: signer,
        verifier_factory: verifier,
        key_utils: KeyUtils::new_unimplemented(),
    };
    if CryptoProvider::try_get_default().is_none() {
        // Another thread may have been faster, with the same.
        let _ = RING.install_default();
    }
}

fn signer(_: &Algorithm, _: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    Err(new_error(ErrorKind::UnsupportedAlgorithm))
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    if algorithm.family() != key.family() {
        return Err(new_error(ErrorKind::InvalidAlgorithm));
    }
    Ok(Box::new(Ring {
        algorithm: *algorithm,
        key: key.clone(),
    }))
}

struct Ring {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl JwtVerifier for Ring {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl Verifier<Vec<u8>> for Ring {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        match self.is_right(message, signature) {
            true => Ok(()),
            false => Err(signature::Error::new()),
        }
    }
}

/// What ring knows the algorithm by.
enum Way {
    Hmac(hmac::Algorithm),
    Rsa(&'static RsaParameters),
    Other(&'static dyn VerificationAlgorithm),
}

impl Ring {
    fn is_right(&self, message: &[u8], signature: &[u8]) -> bool {
        match (way(self.algorithm), self.key.kind()) {
            (Some(Way::Hmac(algorithm)), DecodingKeyKind::SecretOrDer(secret)) => {
                let key = hmac::Key::new(algorithm, secret);
                hmac::verify(&key, message, signature).is_ok()
            }
            (Some(Way::Rsa(parameters)), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                let key = RsaPublicKeyComponents {
                    n: without_zeros(n),
                    e: without_zeros(e),
                };
                key.verify(parameters, message, signature).is_ok()
            }
            (Some(Way::Rsa(parameters)), DecodingKeyKind::SecretOrDer(der)) => {
                verifies(parameters, der, message, signature)
            }
            (Some(Way::Other(algorithm)), DecodingKeyKind::SecretOrDer(key)) => {
                verifies(algorithm, key, message, signature)
            }
            _ => false,
        }
    }
}

fn verifies(
    algorithm: &'static dyn VerificationAlgorithm,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    let key = UnparsedPublicKey::new(algorithm, key);
    key.verify(message, signature).is_ok()
}

/// ring wants none in front; some issuers write one.
fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

fn way(algorithm: Algorithm) -> Option<Way> {
    Some(match algorithm {
        Algorithm::HS256 => Way::Hmac(hmac::HMAC_SHA256),
        Algorithm::HS384 => Way::Hmac(hmac::HMAC_SHA384),
        Algorithm::HS512 => Way::Hmac(hmac::HMAC_SHA512),
        Algorithm::RS256 => Way::Rsa(&ring_signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Way::Rsa(&ring_signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Way::Rsa(&ring_signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Way::Rsa(&ring_signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Way::Rsa(&ring_signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Way::Rsa(&ring_signature::RSA_PSS_2048_8192_SHA512),
        Algorithm::ES256 => Way::Other(&ring_signature::ECDSA_P256_SHA256_FIXED),
        Algorithm::ES384 => Way::Other(&ring_signature::ECDSA_P384_SHA384_FIXED),
        Algorithm::EdDSA => Way::Other(&ring_signature::ED25519),
        _ => return None,
    })
}
