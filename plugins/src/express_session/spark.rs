//! The session of a spark.

use allspark_engine::Spark;
use serde_json::Value;
use thiserror::Error;

use super::plugin::{ExpressSession, Found, Signed};

/// What sparks have with the plugin [`ExpressSession`].
pub trait SessionSpark {
    /// Calls `then` once with the session: at once if it is in the cookie, if there is none, or if
    /// the store answers at once; else when it has answered, unless the spark has ended by then.
    fn get_session(
        &mut self,
        then: impl FnOnce(&mut Spark<'_>, Result<Value, SessionError>) + Send + 'static,
    );
}

/// Why there is no session.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The server has no plugin [`ExpressSession`].
    #[error("the server has no plugin named express-session")]
    NoPlugin,
    /// The client has sent no cookie, or none that the application has signed.
    #[error("the client has no signed cookie")]
    NoCookie,
    /// There is no such session (any more).
    #[error("the session is gone")]
    Gone,
    /// The cookie of a session without a store is none.
    #[error("the cookie holds no session")]
    NoSession,
    /// The store can't tell.
    #[error("the store of sessions failed: {0}")]
    Store(String),
}

impl SessionSpark for Spark<'_> {
    fn get_session(
        &mut self,
        then: impl FnOnce(&mut Spark<'_>, Result<Value, SessionError>) + Send + 'static,
    ) {
        let Some(plugin) = self.primus().handle().plugin::<ExpressSession>() else {
            return then(self, Err(SessionError::NoPlugin));
        };
        let Some(Signed(signed)) = self.own::<Signed>() else {
            return then(self, Err(SessionError::NoCookie));
        };
        let Some(store) = &plugin.store else {
            let session = in_cookie(signed);
            return then(self, session);
        };
        let (id, spark) = (signed.clone(), self.handle());
        store.get(
            &id,
            Found::new(move |answer| {
                let session = match answer {
                    Ok(Some(session)) => Ok(session),
                    Ok(None) => Err(SessionError::Gone),
                    Err(why) => Err(SessionError::Store(why)),
                };
                spark.with(move |spark| then(spark, session));
            }),
        );
    }
}

/// A session that is JSON behind `j:`, as connect writes cookies that are no text.
fn in_cookie(cookie: &str) -> Result<Value, SessionError> {
    let json = cookie.strip_prefix("j:").ok_or(SessionError::NoSession)?;
    serde_json::from_str(json).map_err(|_| SessionError::NoSession)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_without_a_store_is_json() {
        let session = in_cookie(r#"j:{"user":"ann"}"#).unwrap();
        assert_eq!(session["user"], "ann");
        for wrong in ["", "j:", "j:{", r#"{"user":1}"#] {
            assert_eq!(in_cookie(wrong), Err(SessionError::NoSession), "{wrong}");
        }
    }
}
