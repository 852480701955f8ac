//! Secrets of a list that an operator keeps: each stands there itself, or as its digest, so that
//! the list gives nobody away. One is found by a keyed hash of its digest, with a key that nobody
//! else has: how long that takes says nothing of any secret in the list.

use ring::{digest, hmac};

/// SHA-256 of a secret.
pub(crate) type Digest = [u8; digest::SHA256_OUTPUT_LEN];

/// What stands before a digest.
const PREFIX: &str = "sha256:";

/// Secrets of fewer bytes are refused when they are read: they can be guessed.
pub(crate) const SECRET_BYTES_MIN: usize = 16;

/// Why a word of a list is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It can be guessed.
    Short,
    /// It should be a digest, and is none.
    Digest,
}

/// The digest that a word of a list means.
///
/// # Errors
/// See [`Wrong`].
pub(crate) fn of_word(word: &str) -> Result<Digest, Wrong> {
    match word.strip_prefix(PREFIX) {
        Some(digits) => from_hex(digits).ok_or(Wrong::Digest),
        None if word.len() < SECRET_BYTES_MIN => Err(Wrong::Short),
        None => Ok(of_secret(word)),
    }
}

/// The digest of a secret.
pub(crate) fn of_secret(secret: &str) -> Digest {
    let digest = digest::digest(&digest::SHA256, secret.as_bytes());
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// A digest in hexadecimal digits.
pub(crate) fn from_hex(digits: &str) -> Option<Digest> {
    let mut digest = Digest::default();
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits.len() != 2 * digest.len() || !is_hex {
        return None;
    }
    for (place, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(digest)
}

/// Where digests stand in a map. Clones have the same places.
#[derive(Clone)]
pub(crate) struct Places(hmac::Key);

impl Places {
    /// Those that nobody else knows.
    pub(crate) fn new() -> Self {
        let mut seed = [0; 32];
        for part in seed.chunks_mut(8) {
            part.copy_from_slice(&allspark_engine::random().to_le_bytes());
        }
        Self(hmac::Key::new(hmac::HMAC_SHA256, &seed))
    }

    pub(crate) fn of(&self, digest: &Digest) -> Digest {
        let tag = hmac::sign(&self.0, digest);
        tag.as_ref().try_into().expect("it is as long as a digest")
    }
}
