//! What an answer means.

use allspark_protocol::http::Response;
use serde_json::{Map, Value};

use super::super::verdict::{Auth, Method};

/// What the URL has said about somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::auth) enum Answer {
    Allowed(Auth),
    Refused(Refused),
    /// It has said nothing that can be understood, or nothing at all.
    Unavailable,
}

/// A refusal, which the client gets as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::auth) struct Refused {
    status: u16,
    content_type: String,
    body: Vec<u8>,
    challenge: Option<String>,
}

/// What was answered, before anybody looked at it.
pub(super) struct Raw {
    pub(super) status: u16,
    pub(super) content_type: Option<String>,
    pub(super) challenge: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// 2xx allows, and a body in JSON says who that is: `sub`, until when (`exp`, in seconds since
    /// 1970, as in a JWT), and whatever else. 401 and 403 refuse. Everything else says nothing
    /// about the client.
    pub(super) fn of(raw: Raw) -> Self {
        match raw.status {
            200..=299 => allowed(&raw).map_or(Self::Unavailable, Self::Allowed),
            401 | 403 => Self::Refused(Refused {
                status: raw.status,
                content_type: raw.content_type.unwrap_or_else(|| "text/plain".to_owned()),
                body: raw.body,
                challenge: raw.challenge.filter(|_| raw.status == 401),
            }),
            _ => Self::Unavailable,
        }
    }

    /// About how many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Allowed(auth) => auth.claims_json().len(),
                Self::Refused(refused) => refused.body.len() + refused.content_type.len(),
                Self::Unavailable => 0,
            }
    }
}

impl Refused {
    /// The answer to the client.
    pub(in crate::auth) fn response(&self) -> Response {
        let response = Response::new(self.status).body(&self.content_type, self.body.clone());
        match &self.challenge {
            Some(challenge) => response.header("WWW-Authenticate", challenge),
            None => response,
        }
    }
}

/// Who is allowed. None if the body claims to be JSON and can't be understood: it may have been
/// meant to say that this ends soon.
fn allowed(raw: &Raw) -> Option<Auth> {
    let auth = Auth::new(Method::Url);
    let content_type = raw.content_type.as_deref().unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    if raw.body.is_empty() || !kind.eq_ignore_ascii_case("application/json") {
        return Some(auth);
    }
    let claims: Map<String, Value> = serde_json::from_slice(&raw.body).ok()?;
    let expires_at_ms = match claims.get("exp") {
        None | Some(Value::Null) => None,
        Some(at) => {
            let seconds = at.as_f64().filter(|seconds| *seconds >= 0.0)?;
            Some((seconds * 1000.0) as u64)
        }
    };
    let subject = claims.get("sub").and_then(Value::as_str);
    let auth = auth.subject_of(subject).until(expires_at_ms);
    Some(auth.with_claims(&claims))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, content_type: &str, body: &str) -> Answer {
        Answer::of(Raw {
            status,
            content_type: Some(content_type.to_owned()),
            challenge: Some("Bearer".to_owned()),
            body: body.as_bytes().to_vec(),
        })
    }

    #[test]
    fn two_hundred_allows_and_says_who() {
        let body = r#"{"sub":"ann","exp":1700000000.5,"role":"admin"}"#;
        let Answer::Allowed(auth) = answer(200, "Application/JSON; charset=utf-8", body) else {
            panic!()
        };
        assert_eq!(auth.subject(), Some("ann"));
        assert_eq!(auth.expires_at_ms(), Some(1_700_000_000_500));
        assert!(auth.claims_json().contains("admin"));
        for (content_type, body) in [("text/plain", "{"), ("application/json", "")] {
            let Answer::Allowed(auth) = answer(204, content_type, body) else {
                panic!("{content_type}")
            };
            assert_eq!((auth.subject(), auth.expires_at_ms()), (None, None));
        }
        for body in ["{", "[]", "7", r#"{"exp":"soon"}"#, r#"{"exp":-1}"#] {
            let answer = answer(200, "application/json", body);
            assert_eq!(answer, Answer::Unavailable, "{body}");
        }
    }

    #[test]
    fn a_refusal_is_passed_on_and_everything_else_says_nothing() {
        let Answer::Refused(refused) = answer(401, "application/json", r#"{"error":"no"}"#) else {
            panic!()
        };
        let response = refused.response();
        assert_eq!(
            (response.status(), response.body_bytes()),
            (401, &br#"{"error":"no"}"#[..])
        );
        assert!(
            response
                .headers()
                .any(|(name, _)| name == "WWW-Authenticate")
        );
        let Answer::Refused(refused) = answer(403, "text/html", "<p>no") else {
            panic!()
        };
        let response = refused.response();
        assert!(
            !response
                .headers()
                .any(|(name, _)| name == "WWW-Authenticate")
        );
        for status in [302, 400, 404, 429, 500, 503] {
            assert_eq!(answer(status, "text/plain", "no"), Answer::Unavailable);
        }
    }
}
