//! What the server is put together from. Each part of it adds what is its own, and none knows
//! another one: routes, options of the builder, plugins, what happens once there is a server, and
//! what is read anew on SIGHUP.

use allspark::{Builder, Plugin, Primus, RequestHead, Response, Routes, Server};

use crate::api::more::More;
use crate::metrics::registry::Metrics;
use crate::said::Said;
use crate::trace::tracer::Tracer;

type WhenBuilt = Box<dyn FnOnce(&Primus) -> Result<(), String>>;
type WhenStarted = Box<dyn FnOnce(&Server) -> Result<(), String>>;
type Reload = Box<dyn Fn(&Said) -> Result<Reloaded, String> + Send>;

/// Bytes of a body that nobody looks at; with more the answer is 413.
const IGNORED_BODY_BYTES_MAX: usize = 64 * 1024;

/// What has become of a part that was to be read anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reloaded {
    /// What is other than it was, in words that begin with what was read; nothing if nothing is.
    pub(crate) changed: Option<String>,
    /// Options whose new value counts only after a restart, although they are
    /// [live](crate::setting::Setting::live); each begins with its name.
    pub(crate) needs_restart: Vec<String>,
}

impl Reloaded {
    /// Something is other than it was.
    pub(crate) fn changed(words: impl Into<String>) -> Self {
        Self {
            changed: Some(words.into()),
            needs_restart: Vec::new(),
        }
    }
}

/// A server before it is built.
pub(crate) struct Assembly {
    /// Routes for everybody.
    pub(crate) public: Routes,
    /// What parts count with.
    pub(crate) metrics: Metrics,
    /// What spans are begun with; nothing unless traces are on, and complete only once every part
    /// before has been assembled.
    pub(crate) tracer: Tracer,
    internal: Routes,
    has_internal: bool,
    /// Routes of the API beside its own.
    pub(crate) api: More,
    builder: Builder,
    when_built: Vec<WhenBuilt>,
    then: Then,
}

/// What remains to be done once it was built.
#[derive(Default)]
pub(crate) struct Then {
    when_started: Vec<WhenStarted>,
    reloads: Reloads,
    /// What parts count with.
    pub(crate) metrics: Metrics,
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
            tracer: Tracer::default(),
            internal: Routes::new(),
            has_internal,
            api: More::default(),
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

    /// Calls `reload` on SIGHUP, on the thread of reloads. It says whether anything has changed, or
    /// why nothing could be: then all stays as it is.
    pub(crate) fn on_reload(
        &mut self,
        name: &'static str,
        reload: impl Fn() -> Result<bool, String> + Send + 'static,
    ) {
        let reload = move |_: &Said| {
            let changed = reload()?.then(|| format!("{name}: read anew"));
            Ok(Reloaded {
                changed,
                ..Reloaded::default()
            })
        };
        self.then.reloads.add(name, reload);
    }

    /// The same with the options as they are told now, which were judged: those that are not
    /// [live](crate::setting::Setting::live) are as they were at the start. What has changed of
    /// options need not be said.
    pub(crate) fn on_options(
        &mut self,
        name: &'static str,
        reload: impl Fn(&Said) -> Result<Reloaded, String> + Send + 'static,
    ) {
        self.then.reloads.add(name, reload);
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
        let metrics = self.metrics;
        Ok((
            primus,
            Then {
                metrics,
                ..self.then
            },
        ))
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
    /// Adds a part, as [`Assembly::on_options`].
    pub(crate) fn add(
        &mut self,
        name: &'static str,
        reload: impl Fn(&Said) -> Result<Reloaded, String> + Send + 'static,
    ) {
        self.0.push((name, Box::new(reload)));
    }

    /// Has everything read anew: each part by its name, and what has become of it.
    pub(crate) fn run(
        &self,
        said: &Said,
    ) -> impl Iterator<Item = (&'static str, Result<Reloaded, String>)> {
        self.0.iter().map(|(name, reload)| (*name, reload(said)))
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
    use super::*;

    #[test]
    fn a_part_says_whether_it_has_changed_or_why_it_could_not() {
        let mut assembly = Assembly::new(Builder::default(), false);
        let parts = [Err("no file".to_owned()), Ok(true), Ok(false)];
        for part in parts {
            assembly.on_reload("keys", move || part.clone());
        }
        assembly.on_options("limits", |_| Ok(Reloaded::default()));
        let said = Said::nothing();
        let done: Vec<_> = assembly.then.reloads.run(&said).collect();
        let expected = [
            ("keys", Err("no file".to_owned())),
            ("keys", Ok(Reloaded::changed("keys: read anew"))),
            ("keys", Ok(Reloaded::default())),
            ("limits", Ok(Reloaded::default())),
        ];
        assert_eq!(done, expected);
    }
}
