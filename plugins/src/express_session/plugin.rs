//! The plugin, and the store of the application.

use std::fmt;
use std::sync::Arc;

use allspark_engine::{Plugin, PluginError, Setup, Spark};
use ring::hmac;
use serde_json::Value;
use thiserror::Error;

use super::cookie::{cookie_in, unsign};

/// The longest cookie that is looked at, in bytes. Browsers keep no longer ones.
const COOKIE_BYTES_MAX: usize = 8 * 1024;

/// The sessions of an application of express or connect. Clones are the same.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::{Arc, Mutex};
///
/// use allspark_plugins::express_session::{ExpressSession, Found, SessionSpark, SessionStore};
///
/// /// Where a real one would ask Redis, on a thread of its own.
/// #[derive(Default)]
/// struct Memory(Mutex<HashMap<String, serde_json::Value>>);
///
/// impl SessionStore for Memory {
///     fn get(&self, id: &str, found: Found) {
///         found.answer(Ok(self.0.lock().unwrap().get(id).cloned()));
///     }
/// }
///
/// fn add(primus: &allspark_engine::Attach) -> Result<(), Box<dyn std::error::Error>> {
///     let session = ExpressSession::new(["your secret here"])?.store(Memory::default());
///     primus.plugin(Arc::new(session))?;
///     primus.on_connection(|spark| {
///         spark.get_session(|spark, session| match session {
///             Ok(session) => println!("{} is {}", spark.id(), session["username"]),
///             Err(error) => println!("{}: {error}", spark.id()),
///         });
///     });
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct ExpressSession {
    keys: Arc<[hmac::Key]>,
    cookie: Option<Arc<str>>,
    pub(super) store: Option<Arc<dyn SessionStore>>,
}

/// Where an application keeps its sessions.
pub trait SessionStore: Send + Sync + 'static {
    /// Looks for the session with this id, and gives `found` the answer: at once, or later from any
    /// thread. It must not block: all sparks of the shard wait for it.
    fn get(&self, id: &str, found: Found);
}

/// Takes the answer of a store. One that is dropped without it says that the store has failed.
#[must_use = "somebody waits for the answer"]
pub struct Found(Option<Box<Answer>>);

/// No session is there if it is `None`; the error says why the store can't tell.
type Answer = dyn FnOnce(Result<Option<Value>, String>) + Send;

impl Found {
    pub(super) fn new(answer: impl FnOnce(Result<Option<Value>, String>) + Send + 'static) -> Self {
        Self(Some(Box::new(answer)))
    }

    /// Answers: with the session, with `None` if there is no such session (any more), or with why
    /// the store can't tell.
    pub fn answer(mut self, session: Result<Option<Value>, String>) {
        if let Some(answer) = self.0.take() {
            answer(session);
        }
    }
}

impl Drop for Found {
    fn drop(&mut self) {
        if let Some(answer) = self.0.take() {
            answer(Err("it has forgotten the question".to_owned()));
        }
    }
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found").finish_non_exhaustive()
    }
}

/// There is no secret, or an empty one: then anybody could sign cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("sessions need a secret")]
pub struct NoSecret;

/// What the cookie of a spark said: the id of a session, or the session itself.
pub(super) struct Signed(pub(super) Box<str>);

impl ExpressSession {
    /// Its name.
    pub const NAME: &'static str = "express-session";

    /// With the secrets of the application, the newest first.
    ///
    /// # Errors
    /// There is none, or an empty one.
    pub fn new<S: AsRef<str>>(secrets: impl IntoIterator<Item = S>) -> Result<Self, NoSecret> {
        let mut keys = Vec::new();
        for secret in secrets {
            match secret.as_ref() {
                "" => return Err(NoSecret),
                secret => keys.push(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())),
            }
        }
        match keys.is_empty() {
            true => Err(NoSecret),
            false => Ok(Self {
                keys: keys.into(),
                cookie: None,
                store: None,
            }),
        }
    }

    /// Where sessions are found by what the cookie says. Without a store the cookie is the session
    /// itself, as connect's `cookieSession` writes it.
    pub fn store(mut self, store: impl SessionStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// The name of the cookie. Default: `connect.sid` with a store, `connect.sess` without.
    #[doc(alias = "key")]
    pub fn cookie(mut self, name: &str) -> Self {
        self.cookie = Some(name.into());
        self
    }

    fn name_of_cookie(&self) -> &str {
        match (&self.cookie, &self.store) {
            (Some(name), _) => name,
            (None, Some(_)) => "connect.sid",
            (None, None) => "connect.sess",
        }
    }

    /// Reads the cookie of a new spark, while its headers are there.
    fn read(&self, spark: &mut Spark<'_>) {
        let name = self.name_of_cookie();
        let in_query = spark.query().get("cookie");
        // npm's plugin looks into the query, too, where there is no header.
        let header = spark.headers().get("cookie").or(in_query.as_deref());
        let cookie = header.and_then(|header| cookie_in(header, name));
        let cookie = cookie.filter(|cookie| cookie.len() <= COOKIE_BYTES_MAX);
        let signed = cookie.and_then(|cookie| unsign(&self.keys, cookie));
        if let Some(signed) = signed {
            let signed = Box::<str>::from(signed);
            spark.charge(signed.len());
            spark.set_own(Signed(signed));
        }
    }
}

impl Plugin for ExpressSession {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn server(&self, setup: &mut Setup<'_>) -> Result<(), PluginError> {
        let session = self.clone();
        setup.on_connection(move |spark| session.read(spark));
        Ok(())
    }
}

/// The secrets are not part of it.
impl fmt::Debug for ExpressSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExpressSession")
            .field("cookie", &self.name_of_cookie())
            .finish_non_exhaustive()
    }
}
