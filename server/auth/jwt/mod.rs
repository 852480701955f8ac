//! JSON Web Tokens (RFC 7519), over the crate `jsonwebtoken`.
//!
//! | file | what it is |
//! |---|---|
//! | here | [`Jwt`]: the judge |
//! | [`algorithm`] | the names of algorithms |
//! | [`keys`] | keys, and which of them a token means |
//! | [`provider`] | the cryptography, which is ring's as everywhere in AllSpark |
//!
//! # Invariants
//! - The key decides which algorithms it may be used with, never the token: what is signed with the
//!   text of a public key as if that were a secret fits no key. `none` is no algorithm at all.
//! - What says how long it counts is asked of the time that the caller gives.

mod algorithm;
mod keys;
mod provider;
#[cfg(test)]
mod tests;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Validation, decode, decode_header};
use serde_json::{Map, Number, Value};

use super::verdict::{Auth, Method, Reason};
pub use algorithm::{JwtAlgorithm, UnknownJwtAlgorithm};
pub(super) use keys::{Key, KeyError, Keys};

/// What is asked of a token besides its signature.
#[derive(Clone, Debug, Default)]
pub(super) struct Demands {
    /// If there are any, one of them must be its `iss`.
    pub(super) issuers: Vec<String>,
    /// If there are any, one of them must be in its `aud`; if there are none, it must have no
    /// `aud` (RFC 7519, 4.1.3).
    pub(super) audiences: Vec<String>,
    /// Seconds by which clocks may differ.
    pub(super) leeway_s: u64,
    /// Whether it may go without `exp`, so that it counts for ever.
    pub(super) may_be_endless: bool,
}

/// Judges tokens.
#[derive(Debug)]
pub(super) struct Jwt {
    keys: Keys,
    validation: Validation,
    leeway_s: u64,
    may_be_endless: bool,
}

impl Jwt {
    pub(super) fn new(keys: Keys, demands: &Demands) -> Self {
        provider::install();
        Self {
            keys,
            validation: validation(demands),
            leeway_s: demands.leeway_s,
            may_be_endless: demands.may_be_endless,
        }
    }

    /// Until when a token claims to count, in milliseconds since 1970, whoever may have signed it.
    /// `None` if that is for ever.
    ///
    /// # Errors
    /// It is no token.
    pub(super) fn claims_to_count_until(&self, token: &str) -> Result<Option<u64>, Reason> {
        /// All that is looked at. Claims that stand twice are an error here, too.
        #[derive(serde::Deserialize)]
        struct Expiring {
            exp: Option<Number>,
        }
        let claims = token.split('.').nth(1).ok_or(Reason::Invalid)?;
        let json = URL_SAFE_NO_PAD.decode(claims);
        let json = json.map_err(|_| Reason::Invalid)?;
        let claims: Expiring = serde_json::from_slice(&json).map_err(|_| Reason::Invalid)?;
        self.counts_until(claims.exp.as_ref())
    }

    /// Who has this token, at `now_ms` since 1970.
    ///
    /// # Errors
    /// Why it does not count.
    pub(super) fn judge(&self, token: &str, now_ms: u64) -> Result<Auth, Reason> {
        let header = decode_header(token).map_err(|_| Reason::Invalid)?;
        let key = self.keys.find(header.kid.as_deref(), header.alg);
        let key = key.ok_or(Reason::Invalid)?;
        let mut validation = self.validation.clone();
        validation.algorithms = vec![header.alg];
        let decoded = decode::<Map<String, Value>>(token, key.decoding(), &validation);
        let claims = decoded.map_err(|error| reason(error.kind()))?.claims;
        let expires_at_ms = self.check_times(&claims, now_ms)?;
        let subject = claims.get("sub").and_then(Value::as_str);
        Ok(Auth::new(Method::Jwt)
            .subject_of(subject)
            .until(expires_at_ms)
            .with_claims(&claims))
    }

    /// How many keys there are.
    pub(super) fn keys(&self) -> usize {
        self.keys.len()
    }

    fn leeway_ms(&self) -> u64 {
        self.leeway_s.saturating_mul(1000)
    }

    /// Until when a token with this `exp` counts. `None` if that is for ever.
    fn counts_until(&self, exp: Option<&Number>) -> Result<Option<u64>, Reason> {
        match exp {
            Some(at) => {
                let at_ms = ms(at).ok_or(Reason::Invalid)?;
                Ok(Some(at_ms.saturating_add(self.leeway_ms())))
            }
            None if self.may_be_endless => Ok(None),
            None => Err(Reason::Invalid),
        }
    }

    /// Judges `exp` and `nbf`. Returns when the token expires, in milliseconds since 1970.
    fn check_times(&self, claims: &Map<String, Value>, now_ms: u64) -> Result<Option<u64>, Reason> {
        let leeway_ms = self.leeway_ms();
        let exp = match claims.get("exp") {
            Some(Value::Number(at)) => Some(at),
            Some(_) => return Err(Reason::Invalid),
            None => None,
        };
        let counts_until_ms = self.counts_until(exp)?;
        if counts_until_ms.is_some_and(|at_ms| at_ms <= now_ms) {
            return Err(Reason::Expired);
        }
        match claims.get("nbf") {
            None => {}
            Some(Value::Number(at)) => {
                let begins_at_ms = ms(at).ok_or(Reason::Invalid)?;
                if begins_at_ms > now_ms.saturating_add(leeway_ms) {
                    return Err(Reason::TooEarly);
                }
            }
            Some(_) => return Err(Reason::Invalid),
        }
        Ok(counts_until_ms)
    }
}

/// A `NumericDate` (RFC 7519, 2), in milliseconds. None if no date of ours can be that.
fn ms(seconds: &Number) -> Option<u64> {
    let seconds = seconds.as_f64()?;
    // Whatever is later is never.
    (seconds >= 0.0).then_some((seconds * 1000.0) as u64)
}

/// What the crate looks at: names alone, as it would ask the clock itself for the rest.
fn validation(demands: &Demands) -> Validation {
    let mut validation = Validation {
        validate_exp: false,
        validate_nbf: false,
        ..Validation::default()
    };
    // Whether there has to be an `exp` is judged with the time.
    let mut required = vec![];
    if !demands.issuers.is_empty() {
        validation.set_issuer(&demands.issuers);
        required.push("iss");
    }
    if !demands.audiences.is_empty() {
        validation.set_audience(&demands.audiences);
        required.push("aud");
    }
    validation.set_required_spec_claims(&required);
    validation
}

fn reason(kind: &ErrorKind) -> Reason {
    match kind {
        ErrorKind::ExpiredSignature => Reason::Expired,
        ErrorKind::ImmatureSignature => Reason::TooEarly,
        _ => Reason::Invalid,
    }
}
