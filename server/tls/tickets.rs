//! Tickets with which a client resumes its session (RFC 5077, RFC 8446): all shards and all
//! certificates take each other's, and so do other machines that have the same files.
//!
//! # Invariants
//! - A ticket counts for no longer than was said, whoever has issued it.
//! - One that was issued under another rule about clients' certificates does not count: who is
//!   resumed shows no certificate.
//! - Each ticket is encrypted with a key of its own, so that there is no bound on how many a secret
//!   makes.

use std::sync::{Arc, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use ring::rand::{SecureRandom, SystemRandom};
use rustls::server::ProducesTickets;

/// Bytes of the name of a secret in a ticket.
const NAME_BYTES: usize = 16;

/// Bytes in each ticket that no other one has.
const SALT_BYTES: usize = 32;

/// Bytes of the time at which it was issued, in seconds.
const TIME_BYTES: usize = 8;

/// Bytes of a session, at the most. One that holds many certificates of a client is not resumed.
const SESSION_BYTES_MAX: usize = 16 * 1024;

/// Bytes of a file of a secret, at the least: what nginx and Node want.
pub(super) const SECRET_BYTES_MIN: usize = 48;

/// Seconds by which the clocks of machines that share secrets may differ.
const CLOCKS_DIFFER_S: u64 = 60;

/// What keys of tickets are made of.
struct Secret {
    name: [u8; NAME_BYTES],
    key: Prk,
}

impl Secret {
    fn new(bytes: &[u8]) -> Self {
        let key = Salt::new(HKDF_SHA256, b"allspark tickets").extract(bytes);
        let mut name = [0; NAME_BYTES];
        expand(&key, &[b"name"], &mut name);
        Self { name, key }
    }

    fn random() -> Option<Self> {
        let mut bytes = [0; SECRET_BYTES_MIN];
        SystemRandom::new().fill(&mut bytes).ok()?;
        Some(Self::new(&bytes))
    }

    /// The key of one ticket.
    fn key_of(&self, rule: &[u8], salt: &[u8]) -> LessSafeKey {
        let mut key = [0; 32];
        expand(&self.key, &[b"key", rule, salt], &mut key);
        let key = UnboundKey::new(&CHACHA20_POLY1305, &key).expect("it has the right length");
        LessSafeKey::new(key)
    }
}

/// The length of what a key is expanded to.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand(key: &Prk, about: &[&[u8]], into: &mut [u8]) {
    let expanded = key.expand(about, Length(into.len()));
    let filled = expanded.and_then(|expanded| expanded.fill(into));
    filled.expect("it is short");
}

/// The secrets of a server: of files, or of its own that change once per lifetime of a ticket.
pub(super) struct TicketSecrets {
    lifetime_s: u64,
    clock: fn() -> u64,
    secrets: RwLock<Secrets>,
}

struct Secrets {
    /// The first one encrypts.
    all: Vec<Secret>,
    /// When there has to be another one; never if they are of files.
    until_s: Option<u64>,
}

impl TicketSecrets {
    /// Secrets of its own.
    pub(super) fn own(lifetime_s: u64) -> Self {
        Self::with_clock(&[], lifetime_s, unix_s)
    }

    /// The secrets of files, the newest first; of its own if there are none.
    pub(super) fn of(files: &[Arc<[u8]>], lifetime_s: u64) -> Self {
        Self::with_clock(files, lifetime_s, unix_s)
    }

    fn with_clock(files: &[Arc<[u8]>], lifetime_s: u64, clock: fn() -> u64) -> Self {
        let all: Vec<Secret> = files.iter().map(|bytes| Secret::new(bytes)).collect();
        // The first ticket finds that there has to be one.
        let until_s = all.is_empty().then_some(0);
        Self {
            lifetime_s,
            clock,
            secrets: RwLock::new(Secrets { all, until_s }),
        }
    }

    /// Sees to it that the first secret is not too old.
    fn renew(&self, now_s: u64) {
        let is_due = |secrets: &Secrets| secrets.until_s.is_some_and(|until_s| until_s <= now_s);
        let read = |secrets: &RwLock<Secrets>| secrets.read().is_ok_and(|found| is_due(&found));
        if !read(&self.secrets) {
            return;
        }
        let Ok(mut secrets) = self.secrets.write() else {
            return;
        };
        if let Some(secret) = Some(())
            .filter(|()| is_due(&secrets))
            .and_then(|()| Secret::random())
        {
            secrets.all.insert(0, secret);
            // What the one before the last has issued has expired.
            secrets.all.truncate(2);
            secrets.until_s = Some(now_s + self.lifetime_s);
        }
    }

    fn seal(&self, rule: &[u8], session: &[u8]) -> Option<Vec<u8>> {
        if session.len() > SESSION_BYTES_MAX {
            return None;
        }
        let now_s = (self.clock)();
        self.renew(now_s);
        let secrets = self.secrets.read().ok()?;
        let secret = secrets.all.first()?;
        let mut salt = [0; SALT_BYTES];
        SystemRandom::new().fill(&mut salt).ok()?;
        let mut sealed = [&now_s.to_be_bytes(), session].concat();
        let key = secret.key_of(rule, &salt);
        key.seal_in_place_append_tag(nonce(), Aad::from(secret.name), &mut sealed)
            .ok()?;
        Some([&secret.name[..], &salt, &sealed].concat())
    }

    fn open(&self, rule: &[u8], ticket: &[u8]) -> Option<Vec<u8>> {
        let longest =
            NAME_BYTES + SALT_BYTES + TIME_BYTES + SESSION_BYTES_MAX + CHACHA20_POLY1305.tag_len();
        let (name, rest) = ticket.split_at_checked(NAME_BYTES)?;
        let (salt, sealed) = rest.split_at_checked(SALT_BYTES)?;
        if ticket.len() > longest {
            return None;
        }
        let secrets = self.secrets.read().ok()?;
        let secret = secrets.all.iter().find(|secret| secret.name == name)?;
        let mut sealed = sealed.to_vec();
        let key = secret.key_of(rule, salt);
        let opened = key
            .open_in_place(nonce(), Aad::from(secret.name), &mut sealed)
            .ok()?;
        let (issued_s, session) = opened.split_first_chunk::<TIME_BYTES>()?;
        let (issued_s, now_s) = (u64::from_be_bytes(*issued_s), (self.clock)());
        let is_fresh = now_s < issued_s.saturating_add(self.lifetime_s);
        (is_fresh && issued_s <= now_s + CLOCKS_DIFFER_S).then(|| session.to_vec())
    }
}

/// A key encrypts one ticket, so its nonce need not differ from others.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

fn unix_s() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// Tickets under one rule about clients' certificates.
pub(super) struct Ticketer {
    pub(super) secrets: Arc<TicketSecrets>,
    /// A digest of the rule.
    pub(super) rule: [u8; 32],
}

impl std::fmt::Debug for Ticketer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticketer").finish_non_exhaustive()
    }
}

impl ProducesTickets for Ticketer {
    fn enabled(&self) -> bool {
        self.secrets.lifetime_s > 0
    }

    fn lifetime(&self) -> u32 {
        self.secrets.lifetime_s.try_into().unwrap_or(u32::MAX)
    }

    fn encrypt(&self, session: &[u8]) -> Option<Vec<u8>> {
        self.secrets.seal(&self.rule, session)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        self.secrets.open(&self.rule, ticket)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static NOW_S: Cell<u64> = const { Cell::new(1_000_000) };
    }

    fn now_s() -> u64 {
        NOW_S.get()
    }

    fn secrets(files: &[&[u8]]) -> TicketSecrets {
        let files: Vec<Arc<[u8]>> = files.iter().map(|bytes| Arc::from(*bytes)).collect();
        TicketSecrets::with_clock(&files, 100, now_s)
    }

    #[test]
    fn a_ticket_counts_for_its_time_and_its_rule() {
        let ours = secrets(&[]);
        let ticket = ours.seal(b"a", b"session").unwrap();
        assert_eq!(ours.open(b"a", &ticket).as_deref(), Some(&b"session"[..]));
        assert_eq!(ours.open(b"b", &ticket), None);
        assert_eq!(secrets(&[]).open(b"a", &ticket), None);
        NOW_S.set(1_000_099);
        assert!(ours.open(b"a", &ticket).is_some());
        // There is another secret by now, but the old one is still known.
        NOW_S.set(1_000_100);
        let other = ours.seal(b"a", b"").unwrap();
        assert_ne!(other[..NAME_BYTES], ticket[..NAME_BYTES]);
        NOW_S.set(1_000_099);
        assert!(ours.open(b"a", &ticket).is_some());
        NOW_S.set(1_000_100);
        assert_eq!(ours.open(b"a", &ticket), None);
        assert_eq!(ours.secrets.read().unwrap().all.len(), 2);
    }

    #[test]
    fn machines_with_the_same_files_take_each_others_tickets() {
        let (old, new) = ([1; SECRET_BYTES_MIN], [2; SECRET_BYTES_MIN]);
        let (before, after) = (secrets(&[&old]), secrets(&[&new, &old]));
        let ticket = before.seal(b"", b"session").unwrap();
        assert!(after.open(b"", &ticket).is_some());
        let ticket = after.seal(b"", b"session").unwrap();
        assert_eq!(before.open(b"", &ticket), None);
        // One of the future is of a clock that is wrong by more than clocks may be.
        NOW_S.set(now_s() - CLOCKS_DIFFER_S - 1);
        assert_eq!(after.open(b"", &ticket), None);
    }

    #[test]
    fn what_was_changed_or_is_too_long_is_no_ticket() {
        let ours = secrets(&[]);
        let ticket = ours.seal(b"", b"session").unwrap();
        for at in 0..ticket.len() {
            assert_eq!(ours.open(b"", &ticket[..at]), None);
            let mut other = ticket.clone();
            other[at] ^= 1;
            assert_eq!(ours.open(b"", &other), None, "byte {at}");
        }
        assert_eq!(ours.seal(b"", &[0; SESSION_BYTES_MAX + 1]), None);
        assert!(ours.seal(b"", &[0; SESSION_BYTES_MAX]).is_some());
        assert_ne!(ours.seal(b"", b"a"), ours.seal(b"", b"a"));
    }
}
