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
}

/// Judges tokens.
#[derive(Debug)]
pub(super) struct Jwt {
    keys: Keys,
    validation: Validation,
    leeway_s: u64,
}

impl Jwt {
    pub(super) fn new(keys: Keys, demands: &Demands) -> Self {
        provider::install();
        Self {
            keys,
            validation: validation(demands),
            leeway_s: demands.leeway_s,
        }
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
            .until(Some(expires_at_ms))
            .with_claims(&claims))
    }

    /// How many keys there are.
    pub(super) fn keys(&self) -> usize {
        self.keys.len()
    }

    /// Judges `exp`, which a token must have, and `nbf`. Returns when the token expires, in
    /// milliseconds since 1970.
    fn check_times(&self, claims: &Map<String, Value>, now_ms: u64) -> Result<u64, Reason> {
        let leeway_ms = self.leeway_s.saturating_mul(1000);
        let expires_at_ms = match claims.get("exp") {
            Some(Value::Number(at)) => ms(at).ok_or(Reason::Invalid)?,
            _ => return Err(Reason::Invalid),
        };
        let counts_until_ms = expires_at_ms.saturating_add(leeway_ms);
        if counts_until_ms <= now_ms {
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
    let mut required = vec!["exp"];
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
