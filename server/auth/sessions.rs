//! Signed cookies of the sessions of express and connect.
//!
//! - `express` (express-session, connect.session, cookie-parser): what the plugin
//!   [`allspark_plugins::express_session`] reads, too.
//! - `cookie-session`: the cookie is base64 of JSON, and a second one, `<name>.sig`, has the
//!   signature: base64url of HMAC-SHA1 of `<name>=<value>` (npm `keygrip`).
//!
//! A signature is all that can be judged here. Whether a session of express still exists, and when
//! it ends, only its store knows, and a cookie-session has no end but the browser's: who must know
//! asks a URL instead. Several secrets are tried in order, so that they can be changed.

use std::fmt;
use std::str::FromStr;

use allspark_plugins::express_session::unsign;
use allspark_protocol::http::RequestHead;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use serde_json::{Map, Value};

use super::sources::{CREDENTIAL_BYTES_MAX, cookie};
use super::verdict::{Auth, Method, Reason};

/// Bytes of a secret, at the least. express takes any, and people have short ones; with fewer,
/// whoever has one cookie finds the secret by trying.
const SECRET_BYTES_MIN: usize = 8;

/// Secrets that are tried.
const SECRETS_MAX: usize = 16;

/// Who has signed a cookie, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionKind {
    /// express-session, `connect.session`, and signed cookies of cookie-parser.
    #[default]
    Express,
    /// cookie-session: the session is in the cookie itself.
    CookieSession,
}

const KINDS: &[(&str, SessionKind)] = &[
    ("express", SessionKind::Express),
    ("cookie-session", SessionKind::CookieSession),
];

impl SessionKind {
    /// The name of the cookie that the npm package uses unless it is told otherwise.
    pub fn usual_cookie(self) -> &'static str {
        match self {
            Self::Express => "connect.sid",
            Self::CookieSession => "session",
        }
    }

    fn algorithm(self) -> hmac::Algorithm {
        match self {
            Self::Express => hmac::HMAC_SHA256,
            Self::CookieSession => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        }
    }
}

impl FromStr for SessionKind {
    type Err = allspark_protocol::options::UnknownChoice;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        allspark_protocol::options::choose(text, KINDS)
    }
}

impl fmt::Display for SessionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = KINDS.iter().find(|(_, kind)| kind == self);
        f.write_str(named.expect("every one has a name").0)
    }
}

/// Secrets that can't be used. None is quoted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SecretsError {
    #[error("line {0}: a secret has at least {SECRET_BYTES_MIN} bytes, or it can be guessed")]
    Short(usize),
    #[error("there is no secret in it")]
    Empty,
    #[error("there are more than {SECRETS_MAX} secrets in it")]
    TooMany,
}

/// Judges the cookies of one application.
pub(super) struct Sessions {
    kind: SessionKind,
    cookie: String,
    keys: Vec<hmac::Key>,
}

impl Sessions {
    /// `secrets` has one per line, the newest first.
    ///
    /// # Errors
    /// A secret is too short, or there is none, or there are too many.
    pub(super) fn new(
        kind: SessionKind,
        cookie: Option<&str>,
        secrets: &str,
    ) -> Result<Self, SecretsError> {
        let mut keys = Vec::new();
        for (index, line) in secrets.lines().enumerate() {
            match line.len() {
                0 => {}
                1..SECRET_BYTES_MIN => return Err(SecretsError::Short(index + 1)),
                _ => keys.push(hmac::Key::new(kind.algorithm(), line.as_bytes())),
            }
        }
        match keys.len() {
            0 => Err(SecretsError::Empty),
            1..=SECRETS_MAX => Ok(Self {
                kind,
                cookie: cookie.unwrap_or(kind.usual_cookie()).to_owned(),
                keys,
            }),
            _ => Err(SecretsError::TooMany),
        }
    }

    /// How many secrets there are.
    pub(super) fn secrets(&self) -> usize {
        self.keys.len()
    }

    /// Whose session a request belongs to.
    ///
    /// # Errors
    /// Why to none.
    pub(super) fn judge(&self, head: &RequestHead<'_>) -> Result<Auth, Reason> {
        let value = cookie(head, &self.cookie).filter(|value| !value.is_empty());
        let value = value.ok_or(Reason::Missing)?;
        if value.len() > CREDENTIAL_BYTES_MAX {
            return Err(Reason::Invalid);
        }
        let claims = match self.kind {
            SessionKind::Express => self.express(value),
            SessionKind::CookieSession => {
                let signature = cookie(head, &format!("{}.sig", self.cookie));
                signature.and_then(|signature| self.cookie_session(value, signature))
            }
        };
        let claims = claims.ok_or(Reason::Invalid)?;
        let subject = claims.get("sub").and_then(Value::as_str);
        let auth = Auth::new(Method::Session).subject_of(subject);
        Ok(auth.with_claims(&claims))
    }

    /// The id of a session, which the application finds in its store, as `{"sid": ..}`.
    fn express(&self, value: &str) -> Option<Map<String, Value>> {
        let id = unsign(&self.keys, value)?;
        Some(Map::from_iter([("sid".to_owned(), id.into())]))
    }

    fn cookie_session(&self, value: &str, signature: &str) -> Option<Map<String, Value>> {
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        if !self.verify(&format!("{}={value}", self.cookie), &signature) {
            return None;
        }
        let json = STANDARD.decode(value).ok()?;
        serde_json::from_slice(&json).ok()
    }

    fn verify(&self, text: &str, signature: &[u8]) -> bool {
        let mut keys = self.keys.iter();
        keys.any(|key| hmac::verify(key, text.as_bytes(), signature).is_ok())
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sessions({} {})", self.kind, self.cookie)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(sessions: &Sessions, cookies: &str) -> Result<Auth, Reason> {
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\nCookie: {cookies}\r\n\r\n");
        sessions.judge(&RequestHead::parse(head.as_bytes()).unwrap())
    }

    fn express(secrets: &str) -> Sessions {
        Sessions::new(SessionKind::Express, None, secrets).unwrap()
    }

    /// Made with `require('cookie-signature').sign('hello', 'tobiiscool')` of cookie-signature 1.2,
    /// whose own tests have it, too.
    const SIGNED: &str = "s%3Ahello.DGDUkGlIkCzPz%2BC0B064FNgHdEjox7ch8tOBGslZ5QI";

    #[test]
    fn a_cookie_of_express_is_known_by_its_signature() {
        let sessions = express("another-secret\ntobiiscool\n");
        let auth = judge(&sessions, &format!("a=b; connect.sid={SIGNED}")).unwrap();
        assert_eq!(auth.claims_json(), r#"{"sid":"hello"}"#);
        assert_eq!((auth.subject(), auth.expires_at_ms()), (None, None));
        let plain = "connect.sid=s:hello.DGDUkGlIkCzPz+C0B064FNgHdEjox7ch8tOBGslZ5QI";
        assert!(judge(&sessions, plain).is_ok());
        for wrong in [
            "s%3Ahella.DGDUkGlIkCzPz%2BC0B064FNgHdEjox7ch8tOBGslZ5QI",
            "s%3Ahello.DGDUkGlIkCzPz%2BC0B064FNgHdEjox7ch8tOBGslZ5QJ",
            "s%3Ahello.DGDUkGlIkCzPz%2BC0B064FNgHdEjox7ch8tOBGslZ5QI%3D",
            "hello.DGDUkGlIkCzPz%2BC0B064FNgHdEjox7ch8tOBGslZ5QI",
            "s%3Ahello",
            "s%3Ahello.",
            "%",
        ] {
            let verdict = judge(&sessions, &format!("connect.sid={wrong}"));
            assert_eq!(verdict, Err(Reason::Invalid), "{wrong}");
        }
        assert_eq!(judge(&sessions, "a=b"), Err(Reason::Missing));
        let others = judge(&express("not-the-secret"), &format!("connect.sid={SIGNED}"));
        assert_eq!(others, Err(Reason::Invalid));
    }

    fn keygrip(text: &str, secret: &str) -> String {
        let algorithm = hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY;
        let key = hmac::Key::new(algorithm, secret.as_bytes());
        URL_SAFE_NO_PAD.encode(hmac::sign(&key, text.as_bytes()))
    }

    #[test]
    fn a_cookie_session_is_what_it_says() {
        let kind = SessionKind::CookieSession;
        let sessions = Sessions::new(kind, None, "some secret\n").unwrap();
        let value = STANDARD.encode(r#"{"sub":"ann","views":3}"#);
        let signature = keygrip(&format!("session={value}"), "some secret");
        let auth = judge(
            &sessions,
            &format!("session={value}; session.sig={signature}"),
        )
        .unwrap();
        assert_eq!(auth.subject(), Some("ann"));
        assert_eq!(auth.claims_json(), r#"{"sub":"ann","views":3}"#);
        // Signed for another name, not at all, and no object.
        let other = keygrip(&format!("other={value}"), "some secret");
        let list = STANDARD.encode("[1]");
        let of_list = keygrip(&format!("session={list}"), "some secret");
        for wrong in [
            format!("session={value}; session.sig={other}"),
            format!("session={value}"),
            format!("session={list}; session.sig={of_list}"),
        ] {
            assert_eq!(judge(&sessions, &wrong), Err(Reason::Invalid), "{wrong}");
        }
    }

    #[test]
    fn secrets_that_can_be_guessed_are_refused() {
        let error = |secrets: &str| Sessions::new(SessionKind::Express, None, secrets).unwrap_err();
        assert_eq!(error(""), SecretsError::Empty);
        assert_eq!(error("long enough\nhush"), SecretsError::Short(2));
        assert_eq!(error(&"long enough\n".repeat(17)), SecretsError::TooMany);
        assert!(!error("long enough\nhush").to_string().contains("hush"));
    }
}
