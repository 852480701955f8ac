//! The traffic secrets of TLS 1.3, of which the next keys are made when a peer changes its keys.
//!
//! rustls gives keys away, but not what they are made of; for that it would keep some 800 bytes per
//! connection (`KernelConnection`), more than twice as much as everything else here. It tells the
//! secrets to a key log, during the handshake, on the thread of the handshake. So a key log of our
//! own takes them, and passes on what the application's wants to have. The name that a client asks
//! for is learnt in the same way, from who chooses a certificate by it.

use std::cell::RefCell;
use std::sync::Arc;

use ring::hkdf::{self, KeyType, Prk};
use rustls::KeyLog;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use zeroize::Zeroize;

/// Bytes of the longest secret.
pub(super) const SECRET_BYTES_MAX: usize = 48;

/// A traffic secret; as long as the hash of its suite, zeros behind it.
#[derive(Clone)]
pub(super) struct Secret([u8; SECRET_BYTES_MAX]);

impl Default for Secret {
    fn default() -> Self {
        Self([0; SECRET_BYTES_MAX])
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Secret {
    /// What comes after this secret (RFC 8446, 7.2).
    pub(super) fn next(&self, hash: hkdf::Algorithm) -> Self {
        let mut next = Self::default();
        let len = hkdf_len(hash);
        self.expand(hash, b"traffic upd", &mut next.0[..len]);
        next
    }

    /// Fills in a key or an initialization vector.
    pub(super) fn expand(&self, hash: hkdf::Algorithm, label: &[u8], out: &mut [u8]) {
        let prk = Prk::new_less_safe(hash, &self.0[..hkdf_len(hash)]);
        let len = (out.len() as u16).to_be_bytes();
        let label_len = [6 + label.len() as u8];
        let info = [&len[..], &label_len, b"tls13 ", label, &[0]];
        let filled = prk
            .expand(&info, Len(out.len()))
            .and_then(|okm| okm.fill(out));
        filled.expect("far shorter than 255 hashes");
    }
}

fn hkdf_len(hash: hkdf::Algorithm) -> usize {
    hash.hmac_algorithm().digest_algorithm().output_len()
}

struct Len(usize);

impl KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

/// What rustls told during a handshake: the first secrets of both directions, and the name that the
/// client asks for.
#[derive(Clone, Default)]
pub(super) struct Told {
    pub(super) client: Secret,
    pub(super) server: Secret,
    pub(super) server_name: Option<Box<str>>,
}

thread_local! {
    /// Where secrets go while a handshake is being driven.
    static TOLD: RefCell<Option<Told>> = const { RefCell::new(None) };
}

/// Calls rustls, and keeps what it tells.
pub(super) fn tapped<R>(told: &mut Told, call: impl FnOnce() -> R) -> R {
    TOLD.set(Some(std::mem::take(told)));
    let result = call();
    *told = TOLD.take().unwrap_or_default();
    result
}

/// The key log that takes them.
#[derive(Debug)]
pub(super) struct Tap(Arc<dyn KeyLog>);

impl Tap {
    pub(super) fn into(others: Arc<dyn KeyLog>) -> Arc<dyn KeyLog> {
        Arc::new(Self(others))
    }
}

const CLIENT: &str = "CLIENT_TRAFFIC_SECRET_0";
const SERVER: &str = "SERVER_TRAFFIC_SECRET_0";

impl KeyLog for Tap {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        if matches!(label, CLIENT | SERVER) && secret.len() <= SECRET_BYTES_MAX {
            TOLD.with_borrow_mut(|told| {
                if let Some(told) = told {
                    let place = match label {
                        CLIENT => &mut told.client,
                        _ => &mut told.server,
                    };
                    place.0[..secret.len()].copy_from_slice(secret);
                }
            });
        }
        if self.0.will_log(label) {
            self.0.log(label, client_random, secret);
        }
    }

    fn will_log(&self, label: &str) -> bool {
        matches!(label, CLIENT | SERVER) || self.0.will_log(label)
    }
}

/// Who chooses certificates, and hears for which name.
#[derive(Debug)]
pub(super) struct Ear(Arc<dyn ResolvesServerCert>);

impl Ear {
    pub(super) fn into(chooser: Arc<dyn ResolvesServerCert>) -> Arc<dyn ResolvesServerCert> {
        Arc::new(Self(chooser))
    }
}

impl ResolvesServerCert for Ear {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let Some(name) = hello.server_name() {
            TOLD.with_borrow_mut(|told| {
                if let Some(told) = told {
                    told.server_name = Some(name.into());
                }
            });
        }
        self.0.resolve(hello)
    }

    fn only_raw_public_keys(&self) -> bool {
        self.0.only_raw_public_keys()
    }
}
