//! Who somebody is, or why nobody may come in.

use std::fmt;

use allspark_engine::LayerError;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// How a client has shown who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// A static token.
    Token,
    /// A JSON Web Token.
    Jwt,
    /// The signed cookie of a session.
    Session,
    /// A URL of the operator's has allowed it.
    Url,
}

impl Method {
    /// Its name in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Jwt => "jwt",
            Self::Session => "session",
            Self::Url => "url",
        }
    }
}

/// Who a spark is: what its credential said when it connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    method: Method,
    subject: Option<Box<str>>,
    expires_at_ms: Option<u64>,
    /// As JSON text, which takes the least memory for as long as nobody asks.
    claims: Box<str>,
}

impl Auth {
    /// Somebody without claims.
    pub(super) fn new(method: Method) -> Self {
        Self {
            method,
            subject: None,
            expires_at_ms: None,
            claims: "{}".into(),
        }
    }

    pub(super) fn subject_of(mut self, subject: Option<&str>) -> Self {
        self.subject = subject.map(Into::into);
        self
    }

    pub(super) fn until(mut self, expires_at_ms: Option<u64>) -> Self {
        self.expires_at_ms = expires_at_ms;
        self
    }

    pub(super) fn with_claims(mut self, claims: &Map<String, Value>) -> Self {
        self.claims = serde_json::to_string(claims)
            .expect("it came from JSON")
            .into();
        self
    }

    /// How the client has shown who it is.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Who it is: `sub` of a JWT or of what the URL answered, the name beside a static token.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// When the credential expires, in milliseconds since 1970. `None` if it does not.
    pub fn expires_at_ms(&self) -> Option<u64> {
        self.expires_at_ms
    }

    /// What the credential says, as JSON: the claims of a JWT, the content of a cookie-session,
    /// what the URL answered. An empty object if it says nothing.
    pub fn claims_json(&self) -> &str {
        &self.claims
    }

    /// The same as a value of the application's.
    ///
    /// # Errors
    /// It is not of this type.
    ///
    /// ```
    /// #[derive(serde::Deserialize)]
    /// struct Claims {
    ///     role: String,
    /// }
    ///
    /// fn is_admin(auth: &allspark::auth::Auth) -> bool {
    ///     auth.claims::<Claims>().is_ok_and(|claims| claims.role == "admin")
    /// }
    /// ```
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, ClaimsError> {
        serde_json::from_str(&self.claims).map_err(|error| ClaimsError(error.to_string()))
    }
}

/// Claims are not of the type that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the claims are not of this type: {0}")]
pub struct ClaimsError(String);

/// Why a request is refused, as its client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// It brings no credential.
    Missing,
    /// Nobody knows the credential, or it is forged, or it is longer than any that is right.
    Invalid,
    /// It was valid once.
    Expired,
    /// It will be valid later.
    TooEarly,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "authorization required",
            Self::Invalid => "the credential is not valid",
            Self::Expired => "the credential has expired",
            Self::TooEarly => "the credential is not valid yet",
        })
    }
}

/// A refusal as Primus words it: 401, `{"error": ..}`, and, if a bearer token would help,
/// `WWW-Authenticate` (RFC 6750, 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// Whether a bearer token would be a credential here.
    pub takes_bearer: bool,
}

impl Refusal {
    /// What follows `WWW-Authenticate:`, if something does.
    pub fn challenge(&self) -> Option<String> {
        const SCHEME: &str = "Bearer realm=\"allspark\"";
        let challenge = match self.reason {
            Reason::Missing => SCHEME.to_owned(),
            reason => {
                format!("{SCHEME}, error=\"invalid_token\", error_description=\"{reason}\"")
            }
        };
        self.takes_bearer.then_some(challenge)
    }

    /// The same as a layer says it.
    pub fn error(&self) -> LayerError {
        let error = LayerError::new(self.reason.to_string()).status(401);
        match self.challenge() {
            Some(challenge) => error.authenticate(challenge),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(reason: Reason, takes_bearer: bool) -> Option<String> {
        let refusal = Refusal {
            reason,
            takes_bearer,
        };
        refusal.challenge()
    }

    #[test]
    fn a_challenge_says_what_is_wrong_with_a_token() {
        let missing = challenge(Reason::Missing, true);
        assert_eq!(missing.as_deref(), Some("Bearer realm=\"allspark\""));
        let expired = challenge(Reason::Expired, true).unwrap();
        assert!(expired.contains("error=\"invalid_token\""), "{expired}");
        assert!(
            expired.ends_with("\"the credential has expired\""),
            "{expired}"
        );
        assert_eq!(challenge(Reason::Invalid, false), None);
    }

    #[test]
    fn claims_become_a_type_of_the_application() {
        let claims = serde_json::json!({ "role": "admin", "n": 1 });
        let auth = Auth::new(Method::Jwt).with_claims(claims.as_object().unwrap());
        let found: std::collections::HashMap<String, Value> = auth.claims().unwrap();
        assert_eq!(found["role"], "admin");
        assert!(auth.claims::<Vec<u8>>().is_err());
        assert_eq!(Auth::new(Method::Token).claims_json(), "{}");
    }
}
