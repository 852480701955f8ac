//! Authorization, as a server has it: asked in its layer, kept with each spark, and with an end.

use std::time::Duration;

use allspark_engine::{EndOptions, Json, LayerRequest, Spark, Verdict};

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
    let Some(expires_at_ms) = auth.expires_at_ms() else {
        return;
    };
    let expiry = authorizer.options().expiry;
    if expiry == Expiry::Refresh {
        let left_ms = expires_at_ms.saturating_sub(unix_ms());
        let at_ms = expires_at_ms - REFRESH_MS.min(left_ms / 2);
        at(spark, at_ms, move |spark| {
            ask_to_refresh(spark, expires_at_ms);
        });
    }
    let reconnect = match expiry {
        Expiry::Ignore => return,
        Expiry::End => false,
        Expiry::Reconnect | Expiry::Refresh => true,
    };
    at(spark, expires_at_ms, move |spark| {
        tracing::debug!(spark = %spark.id(), "its credential has expired");
        spark.end_with(EndOptions { reconnect });
    });
}

fn ask_to_refresh(spark: &mut Spark<'_>, expires_at_ms: u64) {
    spark.write(Json(serde_json::json!({
        "authorization": "refresh",
        "expires": expires_at_ms,
    })));
}

/// Calls `handler` once the clock says `at_ms`.
fn at(spark: &mut Spark<'_>, at_ms: u64, handler: impl FnOnce(&mut Spark<'_>) + 'static) {
    let left_ms = at_ms.saturating_sub(unix_ms());
    let delay = Duration::from_millis(left_ms.min(LOOK_AGAIN_MS));
    spark.after(delay, move |spark| match unix_ms() < at_ms {
        true => at(spark, at_ms, handler),
        false => handler(spark),
    });
}
