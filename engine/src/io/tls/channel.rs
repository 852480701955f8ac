//! The record layer of an open connection: which keys, how far, and what a record means. It sees
//! bytes only.
//!
//! # Invariants
//! - No two records that leave the machine are sealed with the same key and number. The number is
//!   set back only for records of which no byte was sent ([`Channel::unseal`]).
//! - A record is opened where it lies, and moved to where the one before it ends.

use ring::aead::{self, Aad, LessSafeKey, Nonce};
use ring::hkdf;
use rustls::{CipherSuite, ConnectionTrafficSecrets, ExtractedSecrets};
use zeroize::Zeroize;

use super::fault::{TlsFault, alert};
use super::secrets::{Secret, Told};

/// Bytes of a message in one record.
pub(super) const PLAIN_BYTES_MAX: usize = 16 * 1024;

/// What a record may have beside that: padding, tags and numbers.
const EXPANSION_MAX: usize = 256;

pub(super) const HEADER_BYTES: usize = 5;

/// Bytes of the longest record.
pub(super) const RECORD_BYTES_MAX: usize = HEADER_BYTES + PLAIN_BYTES_MAX + EXPANSION_MAX;

const TAG_BYTES: usize = 16;

/// Bytes of its number that a record of TLS 1.2 shows, with AES.
const EXPLICIT_BYTES: usize = 8;

/// Blocks of 16 bytes that are encrypted with one key of AES at most: 2^24 of the longest records
/// (RFC 8446, 5.5).
const BLOCKS_MAX: u64 = (1 << 24) * (PLAIN_BYTES_MAX as u64 / 16);

/// Types of records.
pub(super) mod kind {
    pub(crate) const ALERT: u8 = 21;
    pub(crate) const HANDSHAKE: u8 = 22;
    pub(crate) const DATA: u8 = 23;
}

/// How records are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Suite {
    aead: Aead,
    is_tls13: bool,
    /// The hash is SHA-384, not SHA-256.
    is_sha384: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aead {
    Aes128,
    Aes256,
    ChaCha20,
}

impl Suite {
    pub(super) fn new(suite: CipherSuite, is_tls13: bool, secrets: &ExtractedSecrets) -> Self {
        let aead = match &secrets.tx.1 {
            ConnectionTrafficSecrets::Aes128Gcm { .. } => Aead::Aes128,
            ConnectionTrafficSecrets::Aes256Gcm { .. } => Aead::Aes256,
            _ => Aead::ChaCha20,
        };
        Self {
            aead,
            is_tls13,
            is_sha384: suite == CipherSuite::TLS13_AES_256_GCM_SHA384,
        }
    }

    fn algorithm(self) -> &'static aead::Algorithm {
        match self.aead {
            Aead::Aes128 => &aead::AES_128_GCM,
            Aead::Aes256 => &aead::AES_256_GCM,
            Aead::ChaCha20 => &aead::CHACHA20_POLY1305,
        }
    }

    fn hash(self) -> hkdf::Algorithm {
        match self.is_sha384 {
            true => hkdf::HKDF_SHA384,
            false => hkdf::HKDF_SHA256,
        }
    }

    /// Bytes of each record that show its number.
    fn explicit_bytes(self) -> usize {
        match self.is_tls13 || self.aead == Aead::ChaCha20 {
            true => 0,
            false => EXPLICIT_BYTES,
        }
    }

    /// By how much a record is longer than what is in it.
    pub(super) fn overhead(self) -> usize {
        HEADER_BYTES + self.explicit_bytes() + usize::from(self.is_tls13) + TAG_BYTES
    }
}

/// The keys of one direction, and the number of its next record.
struct Direction {
    secret: Secret,
    key: [u8; 32],
    iv: [u8; 12],
    number: u64,
}

impl Drop for Direction {
    fn drop(&mut self) {
        self.key.zeroize();
        self.iv.zeroize();
    }
}

impl Direction {
    fn new((number, secrets): &(u64, ConnectionTrafficSecrets), secret: Secret) -> Option<Self> {
        let (key, iv) = match secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv }
            | ConnectionTrafficSecrets::Aes256Gcm { key, iv }
            | ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (key, iv),
            _ => return None,
        };
        let mut direction = Self {
            secret,
            key: [0; 32],
            iv: iv.as_ref().try_into().ok()?,
            number: *number,
        };
        direction.key[..key.as_ref().len()].copy_from_slice(key.as_ref());
        Some(direction)
    }

    /// Goes on with the next key.
    fn update(&mut self, suite: Suite) {
        let hash = suite.hash();
        self.secret = self.secret.next(hash);
        let key_bytes = suite.algorithm().key_len();
        self.secret.expand(hash, b"key", &mut self.key[..key_bytes]);
        self.secret.expand(hash, b"iv", &mut self.iv);
        self.number = 0;
    }

    fn make_key(&self, suite: Suite) -> LessSafeKey {
        let algorithm = suite.algorithm();
        let bytes = &self.key[..algorithm.key_len()];
        let key = aead::UnboundKey::new(algorithm, bytes).expect("it is as long as it has to be");
        LessSafeKey::new(key)
    }

    fn nonce(&self) -> [u8; 12] {
        let mut nonce = self.iv;
        for (byte, number) in nonce[4..].iter_mut().zip(self.number.to_be_bytes()) {
            *byte ^= number;
        }
        nonce
    }
}

/// Both directions of a connection.
pub(super) struct Channel {
    suite: Suite,
    rx: Direction,
    tx: Direction,
    /// Blocks that were sealed with the present key.
    blocks: u64,
}

/// What a record was, once it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) kind: u8,
    pub(super) len: usize,
}

/// How long the record is that begins here; `None` if that is not known yet.
pub(super) fn record_len(bytes: &[u8]) -> Result<Option<usize>, TlsFault> {
    let Some(&[_, _, _, high, low]) = bytes.first_chunk() else {
        return Ok(None);
    };
    let len = usize::from(u16::from_be_bytes([high, low]));
    if len > PLAIN_BYTES_MAX + EXPANSION_MAX {
        return Err(TlsFault::new(
            alert::RECORD_OVERFLOW,
            "a record is too long",
        ));
    }
    Ok(Some(HEADER_BYTES + len))
}

const NO_RECORD: &str = "a record is of no known kind";
const BROKEN: &str = "a record can't be decrypted";

impl Channel {
    pub(super) fn new(
        suite: Suite,
        secrets: &ExtractedSecrets,
        told: Told,
        is_server: bool,
    ) -> Option<Self> {
        let Told { client, server, .. } = told;
        let (rx, tx) = if is_server {
            (client, server)
        } else {
            (server, client)
        };
        Some(Self {
            suite,
            rx: Direction::new(&secrets.rx, rx)?,
            tx: Direction::new(&secrets.tx, tx)?,
            blocks: 0,
        })
    }

    /// The other end of it, as far as this one has got.
    #[cfg(test)]
    pub(super) fn mirrored(&self) -> Self {
        let copy = |direction: &Direction| Direction {
            secret: direction.secret.clone(),
            key: direction.key,
            iv: direction.iv,
            number: direction.number,
        };
        Self {
            suite: self.suite,
            rx: copy(&self.tx),
            tx: copy(&self.rx),
            blocks: 0,
        }
    }

    pub(super) fn suite(&self) -> Suite {
        self.suite
    }

    pub(super) fn is_tls13(&self) -> bool {
        self.suite.is_tls13
    }

    pub(super) fn opening_key(&self) -> LessSafeKey {
        self.rx.make_key(self.suite)
    }

    pub(super) fn sealing_key(&self) -> LessSafeKey {
        self.tx.make_key(self.suite)
    }

    /// From now on the peer uses its next key.
    pub(super) fn update_opening(&mut self) {
        self.rx.update(self.suite);
    }

    /// From now on the next key is used.
    pub(super) fn update_sealing(&mut self) {
        self.tx.update(self.suite);
        self.blocks = 0;
    }

    /// Whether so much was sealed with the present key that it is time for another one.
    pub(super) fn is_key_used_up(&self) -> bool {
        self.suite.aead != Aead::ChaCha20 && self.blocks >= BLOCKS_MAX
    }

    /// Opens the record that begins at `at` and is the rest of `bytes`. What is in it then lies at
    /// the beginning of `bytes`.
    pub(super) fn open(
        &mut self,
        key: &LessSafeKey,
        bytes: &mut [u8],
        at: usize,
    ) -> Result<Opened, TlsFault> {
        let header: [u8; HEADER_BYTES] = *bytes[at..].first_chunk().expect("a whole record");
        let [kind, 3, 3, ..] = header else {
            return Err(TlsFault::new(alert::DECODE_ERROR, NO_RECORD));
        };
        let is_encrypted = match self.suite.is_tls13 {
            true => kind == kind::DATA,
            false => matches!(kind, kind::ALERT | kind::HANDSHAKE | kind::DATA),
        };
        if !is_encrypted {
            return Err(TlsFault::new(alert::UNEXPECTED_MESSAGE, NO_RECORD));
        }
        let opened = match self.suite.is_tls13 {
            true => self.open_tls13(key, bytes, at, header)?,
            false => self.open_tls12(key, bytes, at, header)?,
        };
        if opened.len > PLAIN_BYTES_MAX {
            return Err(TlsFault::new(
                alert::RECORD_OVERFLOW,
                "a record is too long",
            ));
        }
        self.rx.number += 1;
        Ok(opened)
    }

    fn open_tls13(
        &self,
        key: &LessSafeKey,
        bytes: &mut [u8],
        at: usize,
        header: [u8; HEADER_BYTES],
    ) -> Result<Opened, TlsFault> {
        let nonce = Nonce::assume_unique_for_key(self.rx.nonce());
        let plain = key
            .open_within(nonce, Aad::from(header), bytes, at + HEADER_BYTES..)
            .map_err(|_| TlsFault::new(alert::BAD_RECORD_MAC, BROKEN))?;
        // The type lies behind the content and before padding of zeros.
        let last = plain.iter().rposition(|byte| *byte != 0);
        let Some(last) = last else {
            return Err(TlsFault::new(alert::UNEXPECTED_MESSAGE, NO_RECORD));
        };
        let (kind, len) = (plain[last], last);
        Ok(Opened { kind, len })
    }

    fn open_tls12(
        &self,
        key: &LessSafeKey,
        bytes: &mut [u8],
        at: usize,
        header: [u8; HEADER_BYTES],
    ) -> Result<Opened, TlsFault> {
        let explicit_bytes = self.suite.explicit_bytes();
        let begin = at + HEADER_BYTES + explicit_bytes;
        let Some(len) = bytes.len().checked_sub(begin + TAG_BYTES) else {
            return Err(TlsFault::new(alert::BAD_RECORD_MAC, BROKEN));
        };
        let mut nonce = self.rx.nonce();
        if explicit_bytes > 0 {
            nonce[..4].copy_from_slice(&self.rx.iv[..4]);
            nonce[4..].copy_from_slice(&bytes[begin - explicit_bytes..begin]);
        }
        let nonce = Nonce::assume_unique_for_key(nonce);
        let aad = Aad::from(tls12_aad(self.rx.number, header[0], len));
        key.open_within(nonce, aad, bytes, begin..)
            .map_err(|_| TlsFault::new(alert::BAD_RECORD_MAC, BROKEN))?;
        let kind = header[0];
        Ok(Opened { kind, len })
    }

    /// Appends one record whose content is what `fill` appends, `len` bytes.
    pub(super) fn seal(
        &mut self,
        key: &LessSafeKey,
        kind: u8,
        len: usize,
        out: &mut Vec<u8>,
        fill: impl FnOnce(&mut Vec<u8>),
    ) {
        assert!(len <= PLAIN_BYTES_MAX, "a record has a bound");
        let suite = self.suite;
        let outer = if suite.is_tls13 { kind::DATA } else { kind };
        let [high, low] = ((suite.overhead() - HEADER_BYTES + len) as u16).to_be_bytes();
        let header = [outer, 3, 3, high, low];
        let nonce = self.tx.nonce();
        out.extend_from_slice(&header);
        out.extend_from_slice(&nonce[12 - suite.explicit_bytes()..]);
        let begin = out.len();
        fill(out);
        assert!(out.len() == begin + len, "it fills in what it said");
        let nonce = Nonce::assume_unique_for_key(nonce);
        let content = |out: &mut Vec<u8>| -> std::ops::RangeFrom<usize> {
            if suite.is_tls13 {
                out.push(kind);
            }
            begin..
        };
        let range = content(out);
        let tag = match suite.is_tls13 {
            true => key.seal_in_place_separate_tag(nonce, Aad::from(header), &mut out[range]),
            false => {
                let aad = Aad::from(tls12_aad(self.tx.number, kind, len));
                key.seal_in_place_separate_tag(nonce, aad, &mut out[range])
            }
        };
        out.extend_from_slice(tag.expect("far shorter than what a key may seal").as_ref());
        self.tx.number += 1;
        self.blocks += 1 + len as u64 / 16;
    }

    /// So many records that were sealed last will never be sent.
    pub(super) fn unseal(&mut self, records: usize) {
        self.tx.number -= records as u64;
    }
}

/// What is authenticated beside the content in TLS 1.2.
fn tls12_aad(number: u64, kind: u8, len: usize) -> [u8; 13] {
    let mut aad = [0; 13];
    aad[..8].copy_from_slice(&number.to_be_bytes());
    aad[8..11].copy_from_slice(&[kind, 3, 3]);
    aad[11..].copy_from_slice(&(len as u16).to_be_bytes());
    aad
}
