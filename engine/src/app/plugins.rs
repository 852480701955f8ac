//! The plugins of a server: they are added and removed.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::handle::Handle;
use super::host::{Added, Command, Listeners, OnPlugin, Server};
use super::listen::Attach;
use super::plugin::Plugin;
use super::plugin_error::PluginError;
use super::setup::Setup;
use super::share::{self, Share};
use super::spark::Spark;
use crate::config::Files;
use crate::guard;
use crate::layers::Layer;

/// What [`Added`] holds.
struct Entry {
    plugin: Arc<dyn Plugin>,
    share: Arc<Share>,
}

/// Adds a plugin: has it set itself up, then everything that it has attached counts.
///
/// # Errors
/// There is one of this name, or it says why not. Then nothing of it is attached.
fn add(server: &Arc<Server>, plugin: Arc<dyn Plugin>) -> Result<(), PluginError> {
    let name = Arc::<str>::from(plugin.name());
    if name.is_empty() {
        return Err(PluginError::Unnamed);
    }
    if find(&server.listeners(), &name).is_some() {
        return Err(PluginError::Duplicate(name.to_string()));
    }
    let share = Arc::<Share>::default();
    let attach = Attach::of_plugin(server, Arc::clone(&share));
    let set_up = guard::call(|| plugin.server(&mut Setup::new(&attach, server)));
    let set_up = set_up.map_err(|panicked| PluginError::other(format!("it panicked: {panicked}")));
    let entry = Entry {
        plugin,
        share: Arc::clone(&share),
    };
    let added = set_up
        .flatten()
        .and_then(|()| go_live(server, &name, entry));
    match &added {
        Ok(()) => tell(&server.listeners().plugin, &name),
        Err(_) => detach(server, &share),
    }
    added
}

/// What a plugin has attached counts from now on.
fn go_live(server: &Arc<Server>, name: &Arc<str>, entry: Entry) -> Result<(), PluginError> {
    let (share, mut result) = (Arc::clone(&entry.share), Ok(()));
    let added = Added {
        name: Arc::clone(name),
        entry: Arc::new(entry),
    };
    let change = |listeners: &mut Listeners| {
        // Somebody else may have been faster.
        if find(listeners, name).is_some() {
            result = Err(PluginError::Duplicate(name.to_string()));
            return;
        }
        share.set_live();
        share::append(listeners, &share.own());
        Arc::make_mut(&mut listeners.plugins).push(added);
        note_transforms(server, listeners);
    };
    server.attach(change, || Command::Listeners);
    result
}

/// Removes a plugin, with everything that it has attached. `None` if there is none of this name.
fn remove(server: &Arc<Server>, name: &str) -> Option<Arc<dyn Plugin>> {
    let mut removed = None;
    let change = |listeners: &mut Listeners| {
        let mut plugins = listeners.plugins.iter();
        if let Some(place) = plugins.position(|added| *added.name == *name) {
            let added = Arc::make_mut(&mut listeners.plugins).remove(place);
            let detached = detach_from(server, listeners, &entry_of(&added).share);
            removed = Some((added, detached));
        }
    };
    server.attach(change, || Command::Listeners);
    let (added, detached) = removed?;
    guard::drop_value(detached);
    let entry = entry_of(&added);
    tell(&server.listeners().plugout, name);
    if let Err(panicked) = guard::call(|| entry.plugin.removed()) {
        tracing::error!(
            panicked,
            plugin = name,
            "a plugin panicked when it was removed"
        );
    }
    Some(Arc::clone(&entry.plugin))
}

/// Serves other files beside the transport than those of its options.
pub(crate) fn serve_files(server: &Server, files: Files) {
    let change = |listeners: &mut Listeners| listeners.files = Some(files);
    server.attach(change, || Command::Listeners);
}

/// A plugin that could not be added has attached layers, perhaps.
fn detach(server: &Arc<Server>, share: &Share) {
    let mut detached = None;
    let change = |listeners: &mut Listeners| {
        detached = Some(detach_from(server, listeners, share));
    };
    server.attach(change, || Command::Listeners);
    guard::drop_value(detached);
}

/// Returns what is detached: dropping it is for who holds no lock.
fn detach_from(
    server: &Server,
    listeners: &mut Listeners,
    share: &Share,
) -> (Listeners, Vec<Layer>) {
    let (own, layers) = share.take();
    share::remove(listeners, &own);
    if !layers.is_empty() {
        let chain = Arc::make_mut(&mut listeners.layers);
        layers.iter().for_each(|layer| chain.remove_same(layer));
    }
    note_transforms(server, listeners);
    (own, layers)
}

/// Whether messages are transformed that are written from any thread.
fn note_transforms(server: &Server, listeners: &Listeners) {
    let transforms = listeners.transforms.as_ref();
    let some = transforms.is_some_and(|transforms| !transforms.outgoing.is_empty());
    server.transforms.store(some, Ordering::Release);
}

fn tell(listeners: &[Arc<OnPlugin>], name: &str) {
    for listener in listeners {
        if let Err(panicked) = guard::call(|| listener(name)) {
            tracing::error!(panicked, plugin = name, "a listener of plugins panicked");
        }
    }
}

fn find<'l>(listeners: &'l Listeners, name: &str) -> Option<&'l Entry> {
    let mut plugins = listeners.plugins.iter();
    plugins.find(|added| *added.name == *name).map(entry_of)
}

fn entry_of(added: &Added) -> &Entry {
    let entry = added.entry.downcast_ref();
    entry.expect("only this file makes entries")
}

impl Handle {
    /// The plugin of this name.
    pub fn plugin_named(&self, name: &str) -> Option<Arc<dyn Plugin>> {
        let listeners = self.server().listeners();
        find(&listeners, name).map(|entry| Arc::clone(&entry.plugin))
    }

    /// The plugin of this type, the first one if there are several.
    pub fn plugin<P: Plugin>(&self) -> Option<Arc<P>> {
        of_type(&self.server().listeners().plugins)
    }

    /// The names of all plugins, in the order in which they were added.
    pub fn plugins(&self) -> Vec<String> {
        let listeners = self.server().listeners();
        let names = listeners.plugins.iter().map(|added| added.name.to_string());
        names.collect()
    }
}

impl Spark<'_> {
    /// As [`Handle::plugin`], from the shard's own list.
    pub fn plugin<P: Plugin>(&self) -> Option<Arc<P>> {
        of_type(self.host.plugins())
    }
}

fn of_type<P: Plugin>(plugins: &[Added]) -> Option<Arc<P>> {
    let is_it = |plugin: &&Arc<dyn Plugin>| {
        let plugin: &dyn Any = &***plugin;
        plugin.is::<P>()
    };
    let mut plugins = plugins.iter().map(|added| &entry_of(added).plugin);
    let plugin: Arc<dyn Plugin> = Arc::clone(plugins.find(is_it)?);
    let plugin: Arc<dyn Any + Send + Sync> = plugin;
    plugin.downcast().ok()
}

impl Setup<'_> {
    /// A plugin of this type that was added before.
    pub fn plugin<P: Plugin>(&self) -> Option<Arc<P>> {
        self.handle().plugin()
    }
}

impl Attach {
    /// Adds a plugin: what it attaches counts once it has set itself up, all at once.
    ///
    /// # Errors
    /// There is one of its name, or it says why not. Then nothing of it is attached.
    pub fn plugin(&self, plugin: Arc<dyn Plugin>) -> Result<(), PluginError> {
        add(self.server(), plugin)
    }

    /// Removes a plugin and what it has attached. `None` if there is none of this name.
    pub fn plugout(&self, name: &str) -> Option<Arc<dyn Plugin>> {
        remove(self.server(), name)
    }

    /// `plugin`: calls `listener` with the name of each plugin that was added, on the thread that
    /// has added it.
    #[doc(alias = "plugin")]
    pub fn on_plugin(&self, listener: impl Fn(&str) + Send + Sync + 'static) {
        self.attach(|listeners| listeners.plugin.push(Arc::new(listener)));
    }

    /// `plugout`: calls `listener` with the name of each plugin that was removed, on the thread
    /// that has removed it.
    #[doc(alias = "plugout")]
    pub fn on_plugout(&self, listener: impl Fn(&str) + Send + Sync + 'static) {
        self.attach(|listeners| listeners.plugout.push(Arc::new(listener)));
    }
}
