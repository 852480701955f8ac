//! The layers of a server, as the application changes them.

use std::sync::Arc;

use super::host::{Command, Listeners, Server};
use super::share::Share;
use crate::layers::{Chain, Layer, LayerRequest, Verdict, function_of};

/// The layers of a server: what requests for Primus go through before a transport sees them, in
/// this order. Primus calls them middleware, and its own stand here under its names: `forwarded`,
/// `cors`, `primus.js`, `spec`, `x-xss`, `no-cache`, `authorization`. Each of them can be replaced,
/// switched off or removed, as those of the application.
///
/// They cost requests, never messages. Changes of a running server count for requests that come
/// from then on: those that wait for a layer go on by the layers that there were.
///
/// To remove `cors` switches off all that `origins` and the like say, for upgrades too; without
/// `authorization` everybody is let in.
///
/// ```
/// use allspark_engine::{Layer, Layers, LayerError};
///
/// fn set_up(layers: &Layers) {
///     layers.add(Layer::new("maintenance", |_| {
///         Err::<(), _>(LayerError::new("come back later").status(503))
///     }));
///     layers.disable("maintenance");
///     layers.insert(0, Layer::new("served-by", |request| {
///         request.set_header("X-Served-By", "allspark");
///     }));
/// }
/// ```
#[doc(alias = "middleware")]
#[doc(alias("forwarded", "cors", "primus.js", "spec", "x-xss", "no-cache"))]
#[derive(Clone)]
pub struct Layers {
    server: Arc<Server>,
    /// Of the plugin that adds them.
    share: Option<Arc<Share>>,
}

impl Layers {
    pub(super) fn new(server: &Arc<Server>, share: Option<Arc<Share>>) -> Self {
        let server = Arc::clone(server);
        Self { server, share }
    }

    /// Adds a layer behind all others. One that has the name of another takes its place, and is
    /// enabled even if that was not.
    #[doc(alias = "use")]
    pub fn add(&self, layer: Layer) {
        self.add_at(layer, |_| None);
    }

    /// Adds a layer before the one that has this index, counted from 0; behind all others if there
    /// is none. One that has the name of another takes the place of that, whatever the index.
    #[doc(alias = "use")]
    pub fn insert(&self, index: usize, layer: Layer) {
        self.add_at(layer, |_| Some(index));
    }

    /// Adds a layer before the one that has this name; behind all others if there is none.
    #[doc(alias = "before")]
    pub fn insert_before(&self, name: &str, layer: Layer) {
        self.add_at(layer, |chain| chain.index(name));
    }

    fn add_at(&self, layer: Layer, index: impl FnOnce(&Chain) -> Option<usize>) {
        let share = self.share.as_ref();
        if share.is_none_or(|share| share.note_layer(&layer)) {
            self.change(|chain| chain.add(index(chain), layer));
        }
    }

    /// Removes a layer. Returns false if there is none of this name.
    pub fn remove(&self, name: &str) -> bool {
        self.change(|chain| chain.remove(name))
    }

    /// Switches a layer on again. Returns false if there is none of this name.
    pub fn enable(&self, name: &str) -> bool {
        self.change(|chain| chain.enable(name, true))
    }

    /// Switches a layer off, which stays where it is. Returns false if there is none of this name.
    pub fn disable(&self, name: &str) -> bool {
        self.change(|chain| chain.enable(name, false))
    }

    /// The index of a layer, counted from 0.
    #[doc(alias = "indexOfLayer")]
    pub fn index(&self, name: &str) -> Option<usize> {
        self.server.listeners().layers.index(name)
    }

    /// The names of all layers, in their order.
    pub fn names(&self) -> Vec<String> {
        self.server.listeners().layers.names()
    }

    /// Whether Primus's layer `authorization` asks somebody.
    pub(crate) fn has_authorization(&self) -> bool {
        self.server.listeners().layers.authorization().is_some()
    }

    /// Sets whom Primus's layer `authorization` asks.
    pub(crate) fn authorize<V: Into<Verdict>>(
        &self,
        authorization: impl Fn(&mut LayerRequest<'_>) -> V + Send + Sync + 'static,
    ) {
        let authorization = function_of(authorization);
        match &self.share {
            None => self.change(|chain| chain.authorize(authorization)),
            Some(share) => share.attach(&self.server, |listeners| {
                Arc::make_mut(&mut listeners.layers).authorize(authorization);
            }),
        }
    }

    fn change<R>(&self, change: impl FnOnce(&mut Chain) -> R) -> R {
        let mut result = None;
        let change = |listeners: &mut Listeners| {
            result = Some(change(Arc::make_mut(&mut listeners.layers)));
        };
        self.server.attach(change, || Command::Listeners);
        result.expect("the change is made at once")
    }
}

impl std::fmt::Debug for Layers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Layers").field(&self.names()).finish()
    }
}
