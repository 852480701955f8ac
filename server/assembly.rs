//! What the server is put together from. Each part of it adds what is its own, and none knows
//! another one: routes, options of the builder, plugins, what happens once there is a server, and
//! what is read anew on SIGHUP.

use allspark::{Builder, Plugin, Primus, RequestHead, Response, Routes, Server};

use crate::metrics::registry::Metrics;

type WhenBuilt = Box<dyn FnOnce(&Primus) -> Result<(), String>>;
type WhenStarted = Box<dyn FnOnce(&Server) -> Result<(), String>>;
type Reload = Box<dyn Fn() -> Result<bool, String> + Send>;

/// Bytes of a body that nobody looks at; with more the answer is 413.
const IGNORED_BODY_BYTES_MAX: usize = 64 * 1024;

/// A server before it is built.
pub(crate) struct Assembly {
    /// Routes for everybody.
    pub(crate) public: Routes,
    /// What parts count with.
    pub(crate) metrics: Metrics,
    internal: Routes,
    has_internal: bool,
    builder: Builder,
    when_built: Vec<WhenBuilt>,
    then: Then,
}

/// What remains to be done once it was built.
#[derive(Default)]
pub(crate) struct Then {
    when_started: Vec<WhenStarted>,
    reloads: Reloads,
}

/// What is read anew on SIGHUP, by name.
#[derive(Default)]
pub(crate) struct Reloads(Vec<(&'static str, Reload)>);

impl Assembly {
    /// The server that `builder` makes; `has_internal` says whether it has internal listeners.
    pub(crate) fn new(builder: Builder, has_internal: bool) -> Self {
        Self {
            public: Routes::new(),
            metrics: Metrics::default(),
            internal: Routes::new(),
            has_internal,
            builder,
            when_built: Vec::new(),
            then: Then::default(),
        }
    }

    /// Routes for those who run the server: they come through an internal listener if there is one,
    /// and like everybody otherwise.
    pub(crate) fn for_operators(&mut self) -> &mut Routes {
        match self.has_internal {
            true => &mut self.internal,
            false => &mut self.public,
        }
    }

    /// Changes what the server is built with.
    pub(crate) fn builder(&mut self, change: impl FnOnce(Builder) -> Builder) {
        self.builder = change(std::mem::take(&mut self.builder));
    }

    /// Adds a plugin.
    pub(crate) fn plugin(&mut self, plugin: Box<dyn Plugin>) {
        self.builder(|builder| builder.plugin_boxed(plugin));
    }

    /// Calls `then` as soon as there is a server, which does not serve yet.
    pub(crate) fn when_built(
        &mut self,
        then: impl FnOnce(&Primus) -> Result<(), String> + 'static,
    ) {
        self.when_built.push(Box::new(then));
    }

    /// Calls `then` once it serves.
    pub(crate) fn when_started(
        &mut self,
        then: impl FnOnce(&Server) -> Result<(), String> + 'static,
    ) {
        self.then.when_started.push(Box::new(then));
    }

    /// Calls `reload` on SIGHUP, on the thread of signals. It says whether anything has changed, or
    /// why nothing could be: then all stays as it is.
    pub(crate) fn on_reload(
        &mut self,
        name: &'static str,
        reload: impl Fn() -> Result<bool, String> + Send + 'static,
    ) {
        self.then.reloads.0.push((name, Box::new(reload)));
    }

    /// Builds the server.
    ///
    /// # Errors
    /// Why it can't be, in one line.
    pub(crate) fn build(self) -> Result<(Primus, Then), String> {
        let builder = self.builder.routes(self.public);
        let builder = builder.internal_routes(self.internal);
        let primus = builder.build().map_err(|error| error.to_string())?;
        for then in self.when_built {
            then(&primus)?;
        }
        Ok((primus, self.then))
    }
}

impl Then {
    /// It serves.
    ///
    /// # Errors
    /// Why a part of it can't, in one line.
    pub(crate) fn started(self, server: &Server) -> Result<Reloads, String> {
        for then in self.when_started {
            then(server)?;
        }
        Ok(self.reloads)
    }
}

impl Reloads {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Has everything read anew, and tells the log how that went.
    pub(crate) fn reload_and_tell(&self) {
        for (name, reload) in &self.0 {
            match reload() {
                Ok(true) => tracing::info!("{name}: read anew"),
                Ok(false) => tracing::info!("{name}: nothing has changed"),
                Err(reason) => tracing::error!("{name}: not read anew: {reason}"),
            }
        }
    }
}

/// Adds what answers requests of all methods, whatever their body is.
///
/// # Panics
/// If the path has a route.
pub(crate) fn add(
    routes: &mut Routes,
    path: &str,
    answer: impl Fn(&RequestHead<'_>) -> Response + Send + Sync + 'static,
) {
    routes
        .add_with_body("*", path, IGNORED_BODY_BYTES_MAX, move |request| {
            answer(request.head()).into()
        })
        .expect("these paths differ");
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn one_part_that_cannot_be_read_anew_keeps_no_other_from_it() {
        let reloads = Arc::new(AtomicU32::new(0));
        let count = |result: Result<bool, String>| -> Reload {
            let reloads = Arc::clone(&reloads);
            Box::new(move || {
                reloads.fetch_add(1, Ordering::Relaxed);
                result.clone()
            })
        };
        let parts = [Err("no file".to_owned()), Ok(true), Ok(false)];
        Reloads(parts.map(|result| ("part", count(result))).into()).reload_and_tell();
        assert_eq!(reloads.load(Ordering::Relaxed), 3);
    }
}
