//! Authorization, as a server has it: asked in its layer, kept with each spark, and with an end.

use std::time::Duration;

use allspark_engine::{EndOptions, LayerRequest, Message, Spark, Verdict};
use allspark_protocol::parser::{EncodeError, Parser, ParserKind};
use allspark_protocol::transformer::Kind;
use serde::Serialize;

use super::authorizer::{Authorizer, Decision, unix_ms};
use super::options::Expiry;
use super::verdict::Auth;

/// How long before its end a spark is told of it, at the most.
const REFRESH_MS: u64 = 60_000;

/// The longest time until the clock is asked again: it may have been set meanwhile.
const LOOK_AGAIN_MS: u64 = 60 * 60 * 1000;

/// What a spark is known by, where authorization is configured.
pub trait Authorized {
    /// Who this is; `None` where everybody may connect, or an application decides by itself.
    ///
    /// ```
    /// use allspark::auth::Authorized;
    ///
    /// fn connected(spark: &mut allspark::Spark<'_>) {
    ///     let name = spark.auth().and_then(|auth| auth.subject()).unwrap_or("somebody");
    ///     let greeting = format!("hello {name}");
    ///     spark.write(greeting);
    /// }
    /// ```
    fn auth(&self) -> Option<&Auth>;
}

impl Authorized for Spark<'_> {
    fn auth(&self) -> Option<&Auth> {
        self.attached()
    }
}

/// Decides about a request, in the layer `authorization`.
pub(crate) fn decide(authorizer: &Authorizer, request: &mut LayerRequest<'_>) -> Verdict {
    let decision = authorizer.decide(request.head(), request.address(), || {
        let mut ticket = request.later();
        move |verdict| match verdict {
            Ok(auth) => {
                ticket.attach(auth);
                ticket.next();
            }
            Err(response) => ticket.answer(response),
        }
    });
    match decision {
        Decision::Allowed(auth) => {
            request.attach(auth);
            Verdict::Next
        }
        Decision::Lapsed(error) => {
            request.refuse_newcomers(error);
            Verdict::Next
        }
        Decision::Refused(verdict) => verdict,
        Decision::Later => Verdict::Later,
    }
}

/// Tells the log who has connected, and sees to the end of what allowed it.
pub(crate) fn connected(authorizer: &Authorizer, spark: &mut Spark<'_>) {
    let Some(auth) = spark.auth() else { return };
    tracing::debug!(
        spark = %spark.id(),
        by = auth.method().name(),
        sub = auth.subject(),
        "authorized"
    );
    Deadline::of(spark, authorizer.options().expiry).look(spark);
}

/// Takes a new credential in the place of the one that the spark came with. A wrong one ends the
/// spark as if the old one had expired.
pub(crate) fn renew(authorizer: &Authorizer, spark: &mut Spark<'_>, credential: &str) {
    // Nobody has asked this spark for one.
    let Some(auth) = spark.attached_mut::<Auth>() else {
        return;
    };
    match authorizer.renew(auth, credential) {
        Ok(None) => {}
        Ok(Some(renewed)) => {
            let expires = renewed.expires_at_ms();
            *auth = renewed;
            tracing::debug!(spark = %spark.id(), "its authorization was renewed");
            spark.write(Notice {
                authorization: "renewed",
                expires,
            });
        }
        Err(reason) => {
            tracing::debug!(spark = %spark.id(), %reason, "its new credential is refused");
            end(spark, authorizer.options().expiry);
        }
    }
}

/// When the credential of a spark expires, and what is to be done before. One timer looks at it,
/// however often the credential is renewed meanwhile.
#[derive(Clone, Copy)]
struct Deadline {
    expiry: Expiry,
    /// What it was worked out for. `None` if that does not expire.
    expires_at_ms: Option<u64>,
    /// When the client is to be asked for another one, unless it was.
    ask_at_ms: Option<u64>,
}

impl Deadline {
    fn of(spark: &Spark<'_>, expiry: Expiry) -> Self {
        let expires_at_ms = spark.auth().and_then(Auth::expires_at_ms);
        let ask_at_ms = expires_at_ms
            .filter(|_| expiry == Expiry::Refresh)
            .map(|at_ms| {
                let left_ms = at_ms.saturating_sub(unix_ms());
                at_ms - REFRESH_MS.min(left_ms / 2)
            });
        Self {
            expiry,
            expires_at_ms,
            ask_at_ms,
        }
    }

    /// Does what is due, and comes back when something else is.
    fn look(mut self, spark: &mut Spark<'_>) {
        if self.expires_at_ms != spark.auth().and_then(Auth::expires_at_ms) {
            self = Self::of(spark, self.expiry);
        }
        let Some(expires_at_ms) = self.expires_at_ms.filter(|_| self.expiry != Expiry::Ignore)
        else {
            return;
        };
        let now_ms = unix_ms();
        if expires_at_ms <= now_ms {
            tracing::debug!(spark = %spark.id(), "its credential has expired");
            return end(spark, self.expiry);
        }
        if self.ask_at_ms.is_some_and(|at_ms| at_ms <= now_ms) {
            self.ask_at_ms = None;
            ask_to_refresh(spark, expires_at_ms);
        }
        let next_ms = self.ask_at_ms.unwrap_or(expires_at_ms);
        let left_ms = next_ms.saturating_sub(now_ms).min(LOOK_AGAIN_MS);
        spark.after(Duration::from_millis(left_ms), move |spark| {
            self.look(spark);
        });
    }
}

/// Ends a spark whose credential counts no more.
fn end(spark: &mut Spark<'_>, expiry: Expiry) {
    let reconnect = matches!(expiry, Expiry::Reconnect | Expiry::Refresh);
    spark.end_with(EndOptions { reconnect });
}

fn ask_to_refresh(spark: &mut Spark<'_>, expires_at_ms: u64) {
    spark.write(Notice {
        authorization: "refresh",
        expires: Some(expires_at_ms),
    });
}

/// What is said to a client about its credential.
#[derive(Serialize)]
struct Notice {
    authorization: &'static str,
    /// In milliseconds since 1970; null if it never does.
    expires: Option<u64>,
}

/// Where messages are text and bytes, it is the text of its JSON.
impl Message for Notice {
    fn encode<'m>(
        &'m self,
        parser: ParserKind,
        scratch: &'m mut Vec<u8>,
    ) -> Result<(Kind, &'m [u8]), EncodeError> {
        let kind = match parser {
            ParserKind::Raw => ParserKind::Json.encode_serialize(self, scratch)?,
            parser => parser.encode_serialize(self, scratch)?,
        };
        Ok((kind, scratch))
    }
}
