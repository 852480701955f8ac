//! Authorization that is configured, of a server.

use std::sync::Arc;

use crate::auth::{self, Authorizer, Watch};
use crate::error::{Error, OptionError};
use crate::primus::Primus;

impl Primus {
    /// The server with the authorization that its options describe, if they do.
    pub(crate) fn with_keys(mut self, has_function: bool) -> Result<Self, Error> {
        let options = &self.options.authorization;
        if !options.is_on() {
            return Ok(self);
        }
        if has_function {
            return Err(Error::of("authorization")(OptionError::AuthorizationTwice));
        }
        let authorizer = Authorizer::start(options);
        let authorizer = authorizer.map_err(|error| Error::of(error.option())(error))?;
        let watch = Watch::start(Arc::new(authorizer));
        let watch = Arc::new(watch.map_err(|error| Error::Watch(error.to_string()))?);
        // Both functions live as long as the server does, which may be longer than this.
        let (judge, keeper) = (Arc::clone(&watch), Arc::clone(&watch));
        self.authorize(move |request| auth::decide(judge.authorizer(), request));
        self.on_connection(move |spark| auth::connected(keeper.authorizer(), spark));
        self.keys = Some(watch);
        Ok(self)
    }

    /// A function that has the keys of authorization be read anew, on the thread that calls it, and
    /// tells the log how that went. Where none are configured it tells that.
    pub fn key_reloader(&self) -> impl Fn() + Send + Sync + use<> + 'static {
        let keys = self.keys.clone();
        move || match &keys {
            Some(watch) => watch.authorizer().reload_and_tell(),
            None => tracing::info!("there are no keys to be read anew"),
        }
    }
}
