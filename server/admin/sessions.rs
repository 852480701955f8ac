//! Sessions of operators: cookies that are signed, so that nothing is kept for them.
//!
//! The key is drawn when the process starts, so a session ends with it at the latest. Those that
//! were logged out are remembered until they would have expired.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

use super::bounds::ENDED_SESSIONS_MAX;
use super::chance::random_bytes;
use super::guesses::BrowserId;

/// Somebody who has logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    id: [u8; 16],
    /// Which keys it was read under.
    generation: u64,
    /// Who it is.
    pub(super) operator: String,
    /// When it ends, in seconds since the Unix epoch.
    pub(super) expires_s: u64,
}

/// What sessions are read by.
pub(super) struct Sessions(Mutex<Keys>);

struct Keys {
    key: hmac::Key,
    generation: u64,
    /// Those that were logged out, and when they would have expired.
    ended: HashMap<[u8; 16], u64>,
}

impl Sessions {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Keys {
            key: new_key(),
            generation: 0,
            ended: HashMap::new(),
        }))
    }

    /// Begins one: the value of its cookie.
    pub(super) fn open(&self, operator: &str, expires_s: u64) -> String {
        let id = URL_SAFE_NO_PAD.encode(random_bytes::<16>());
        let name = URL_SAFE_NO_PAD.encode(operator);
        signed(&self.keys().key, &format!("{id}.{expires_s}.{name}"))
    }

    /// The session of a cookie, if it is one and has not ended.
    pub(super) fn read(&self, cookie: &str, now_s: u64) -> Option<Session> {
        let keys = self.keys();
        let mut parts = verified(&keys.key, cookie)?.split('.');
        let mut part = || parts.next();
        let id = URL_SAFE_NO_PAD.decode(part()?).ok()?.try_into().ok()?;
        let expires_s = part()?.parse().ok()?;
        let operator = String::from_utf8(URL_SAFE_NO_PAD.decode(part()?).ok()?).ok()?;
        let session = Session {
            id,
            generation: keys.generation,
            operator,
            expires_s,
        };
        keys.has(&session, now_s).then_some(session)
    }

    /// Whether one that was read before has not ended since.
    pub(super) fn lives(&self, session: &Session, now_s: u64) -> bool {
        self.keys().has(session, now_s)
    }

    /// Its operator has logged out.
    pub(super) fn end(&self, session: &Session, now_s: u64) {
        let mut keys = self.keys();
        keys.ended.retain(|_, expires_s| *expires_s > now_s);
        match keys.ended.len() < ENDED_SESSIONS_MAX {
            true => drop(keys.ended.insert(session.id, session.expires_s)),
            false => keys.change(),
        }
    }

    /// Everybody has to log in again.
    pub(super) fn end_all(&self) {
        self.keys().change();
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keys {
    fn has(&self, session: &Session, now_s: u64) -> bool {
        session.generation == self.generation
            && session.expires_s > now_s
            && !self.ended.contains_key(&session.id)
    }

    fn change(&mut self) {
        self.key = new_key();
        self.generation += 1;
        self.ended.clear();
    }
}

/// Browsers that have logged in before. Who knows the key can only be judged apart from strangers.
pub(super) struct Browsers(hmac::Key);

impl Browsers {
    /// `secret` is the same after a restart, so that browsers are still known.
    pub(super) fn new(secret: &[u8; 32]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derived = hmac::sign(&key, b"browsers that allspark knows");
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    /// The value of the cookie of a browser that is known from now on.
    pub(super) fn meet(&self) -> String {
        signed(&self.0, &URL_SAFE_NO_PAD.encode(random_bytes::<16>()))
    }

    /// The browser of a cookie.
    pub(super) fn read(&self, cookie: &str) -> Option<BrowserId> {
        let id = URL_SAFE_NO_PAD.decode(verified(&self.0, cookie)?);
        id.ok()?.try_into().ok()
    }
}

fn new_key() -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &random_bytes::<32>())
}

fn signed(key: &hmac::Key, text: &str) -> String {
    let tag = URL_SAFE_NO_PAD.encode(hmac::sign(key, text.as_bytes()));
    format!("{text}.{tag}")
}

/// What was signed. It is compared in a time that says nothing.
fn verified<'t>(key: &hmac::Key, text: &'t str) -> Option<&'t str> {
    let (text, tag) = text.rsplit_once('.')?;
    let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
    hmac::verify(key, text.as_bytes(), &tag).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_who_it_was_opened_for_until_it_expires() {
        let sessions = Sessions::new();
        let cookie = sessions.open("Änn; Path=/", 1_000);
        assert!(
            cookie
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b';')
        );
        let session = sessions.read(&cookie, 999).unwrap();
        assert_eq!(
            (&*session.operator, session.expires_s),
            ("Änn; Path=/", 1_000)
        );
        assert!(sessions.lives(&session, 999));
        assert!(!sessions.lives(&session, 1_000));
        assert_eq!(sessions.read(&cookie, 1_000), None);
    }

    #[test]
    fn whatever_was_changed_is_no_session() {
        let sessions = Sessions::new();
        let cookie = sessions.open("ann", 1_000);
        for place in 0..cookie.len() {
            let mut bytes = cookie.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            // The last character of base64 has bits that mean nothing, and must be zero.
            assert_eq!(sessions.read(&changed, 0), None, "{place}");
        }
        for text in [
            "",
            ".",
            "a.b.c.d",
            &cookie[1..],
            &cookie[..cookie.len() - 1],
        ] {
            assert_eq!(sessions.read(text, 0), None, "{text}");
        }
        assert_eq!(Sessions::new().read(&cookie, 0), None, "another process");
    }

    #[test]
    fn who_logs_out_is_out_and_alone() {
        let sessions = Sessions::new();
        let [ann, bob] = ["ann", "bob"].map(|name| sessions.open(name, 1_000));
        let session = sessions.read(&ann, 0).unwrap();
        sessions.end(&session, 0);
        assert!(!sessions.lives(&session, 0));
        assert_eq!(sessions.read(&ann, 0), None);
        let session = sessions.read(&bob, 0).unwrap();
        sessions.end_all();
        assert!(!sessions.lives(&session, 0));
        assert_eq!(sessions.read(&bob, 0), None);
    }

    #[test]
    fn those_that_were_logged_out_are_bounded() {
        let sessions = Sessions::new();
        for n in 0..=ENDED_SESSIONS_MAX as u64 {
            let session = sessions.read(&sessions.open("ann", 1_000 + n), 0).unwrap();
            sessions.end(&session, 0);
        }
        // One too many: all are out.
        let keys = sessions.keys();
        assert_eq!((keys.ended.len(), keys.generation), (0, 1));
    }

    #[test]
    fn a_browser_is_known_as_long_as_the_users_are_the_same() {
        let cookie = Browsers::new(&[1; 32]).meet();
        assert!(Browsers::new(&[1; 32]).read(&cookie).is_some());
        assert!(Browsers::new(&[2; 32]).read(&cookie).is_none());
        assert!(Browsers::new(&[1; 32]).read(&cookie[1..]).is_none());
    }
}
