//! All judges of a server, asked in turn.

use allspark_protocol::http::RequestHead;

use super::jwt::Jwt;
use super::sessions::Sessions;
use super::sources::{CREDENTIAL_BYTES_MAX, Found, Sources};
use super::tokens::Tokens;
use super::verdict::{Auth, Method, Reason, Refusal};

/// The judges of a server, with the keys that they have at the moment.
#[derive(Debug, Default)]
pub struct Judges {
    pub(super) sources: Sources,
    pub(super) tokens: Option<Tokens>,
    pub(super) jwt: Option<Jwt>,
    pub(super) sessions: Option<Sessions>,
}

impl Judges {
    /// Who has sent this request, at `now_ms` since 1970. One of the judges has to know.
    ///
    /// # Errors
    /// None does. Of several reasons the client is told the one that says the most.
    pub fn judge(&self, head: &RequestHead<'_>, now_ms: u64) -> Result<Auth, Refusal> {
        let reason = match self.by_credential(head, now_ms) {
            Ok(auth) => return Ok(auth),
            Err(reason) => reason,
        };
        let of_session = match &self.sessions {
            Some(sessions) => match sessions.judge(head) {
                Ok(auth) => return Ok(auth),
                Err(reason) => reason,
            },
            None => Reason::Missing,
        };
        let reason = match reason {
            Reason::Missing => of_session,
            reason => reason,
        };
        Err(self.refusal(reason))
    }

    fn by_credential(&self, head: &RequestHead<'_>, now_ms: u64) -> Result<Auth, Reason> {
        if self.tokens.is_none() && self.jwt.is_none() {
            return Err(Reason::Missing);
        }
        let credential = match self.sources.find(head) {
            Found::Nothing => return Err(Reason::Missing),
            Found::Unusable => return Err(Reason::Invalid),
            Found::Credential(credential) => credential,
        };
        if let Some(auth) = self.tokens.as_ref().and_then(|t| t.judge(&credential)) {
            return Ok(auth);
        }
        match &self.jwt {
            Some(jwt) => jwt.judge(&credential, now_ms),
            None => Err(Reason::Invalid),
        }
    }

    /// Who a spark is that has sent this credential in the place of the one that made it `auth`, at
    /// `now_ms` since 1970. `None` if it would not count for longer than that: then nothing of it
    /// is verified, so that a client can't have one signature be verified again and again.
    ///
    /// # Errors
    /// It is no JWT that counts, or one of somebody else's.
    pub fn renew(
        &self,
        auth: &Auth,
        credential: &str,
        now_ms: u64,
    ) -> Result<Option<Auth>, Reason> {
        let jwt = self.jwt.as_ref().ok_or(Reason::Invalid)?;
        if credential.len() > CREDENTIAL_BYTES_MAX {
            return Err(Reason::Invalid);
        }
        let ever = |at_ms: Option<u64>| at_ms.unwrap_or(u64::MAX);
        if ever(jwt.claims_to_count_until(credential)?) <= ever(auth.expires_at_ms()) {
            return Ok(None);
        }
        let renewed = jwt.judge(credential, now_ms)?;
        let is_the_same = auth.method() == Method::Jwt && renewed.subject() == auth.subject();
        is_the_same.then_some(Some(renewed)).ok_or(Reason::Invalid)
    }

    /// What is said to who is refused for this reason.
    pub(super) fn refusal(&self, reason: Reason) -> Refusal {
        let takes_credentials = self.tokens.is_some() || self.jwt.is_some();
        Refusal {
            reason,
            takes_bearer: takes_credentials && self.sources.take_bearer(),
        }
    }

    /// What there is to judge by, for the log: numbers, no keys.
    pub fn summary(&self) -> String {
        let mut parts = Vec::new();
        if let Some(tokens) = &self.tokens {
            parts.push(format!("{} tokens", tokens.len()));
        }
        if let Some(jwt) = &self.jwt {
            parts.push(format!("{} JWT keys", jwt.keys()));
        }
        if let Some(sessions) = &self.sessions {
            parts.push(format!("{} session secrets", sessions.secrets()));
        }
        parts.join(", ")
    }
}
