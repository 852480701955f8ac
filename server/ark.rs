//! The plugins of a server: added, found and removed.

use std::sync::Arc;

use allspark_client::library::LibraryError;
use allspark_engine::{Plugin, PluginError};

use crate::error::Error;
use crate::library::with_client;
use crate::primus::Primus;

impl Primus {
    /// Adds a plugin: Primus's `plugin`. To a running server, too: its server half counts for what
    /// comes from then on, its client half for who loads the client library from then on.
    ///
    /// ```
    /// # fn main() -> Result<(), allspark::Error> {
    /// use allspark::{ClientPlugin, Plugin, PluginError, Primus, Setup};
    ///
    /// /// Answers `"ping"`.
    /// struct Pong;
    ///
    /// impl Plugin for Pong {
    ///     fn name(&self) -> &str {
    ///         "pong"
    ///     }
    ///
    ///     fn server(&self, setup: &mut Setup<'_>) -> Result<(), PluginError> {
    ///         setup.transform_incoming(|spark, packet| {
    ///             let is_ping = packet.data().encoded() == b"\"ping\"";
    ///             if is_ping {
    ///                 spark.write("pong");
    ///             }
    ///             !is_ping
    ///         });
    ///         Ok(())
    ///     }
    ///
    ///     fn client(&self) -> ClientPlugin {
    ///         "function client(primus) { primus.write('ping'); }".into()
    ///     }
    /// }
    ///
    /// let primus = Primus::builder().build()?;
    /// primus.plugin(Pong)?;
    /// assert_eq!(primus.plugins(), ["pong"]);
    /// assert!(primus.library().contains("primus.write('ping')"));
    /// assert!(primus.plugout("pong"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Plugin`]: there is one of its name, or its client half is no JavaScript, or it says
    /// why not. Then nothing of it is added.
    pub fn plugin(&self, plugin: impl Plugin) -> Result<&Self, Error> {
        self.plugin_boxed(Box::new(plugin))
    }

    /// The same for a plugin whose type is not known, for instance one that was chosen by its name.
    ///
    /// # Errors
    /// As [`Primus::plugin`].
    pub fn plugin_boxed(&self, plugin: Box<dyn Plugin>) -> Result<&Self, Error> {
        let plugin = Arc::<dyn Plugin>::from(plugin);
        let add = |library| with_client(library, &*plugin);
        let files = self.library.change(add).map_err(refused)?;
        if let Err(error) = self.engine.plugin(Arc::clone(&plugin)) {
            if !matches!(error, PluginError::Duplicate(_)) {
                self.forget_client(plugin.name());
            }
            return Err(error.into());
        }
        self.engine.serve_files(files);
        self.tell_library();
        Ok(self)
    }

    /// Removes a plugin: Primus's `plugout`. What it has attached to the server is detached, and
    /// its client half is no longer in the client library. Returns false if there is none of this
    /// name.
    pub fn plugout(&self, name: &str) -> bool {
        let removed = self.engine.plugout(name);
        if removed.is_some() {
            self.forget_client(name);
        }
        removed.is_some()
    }

    fn forget_client(&self, name: &str) {
        let changed = self.library.change(|library| library.without_plugin(name));
        let files = changed.expect("it was accepted with more in it");
        self.engine.serve_files(files);
    }

    /// The plugin of this name.
    #[doc(alias = "ark")]
    pub fn plugin_named(&self, name: &str) -> Option<Arc<dyn Plugin>> {
        self.handle().plugin_named(name)
    }

    /// The names of all plugins, in the order in which they were added: the keys of Primus's `ark`.
    #[doc(alias = "ark")]
    pub fn plugins(&self) -> Vec<String> {
        self.handle().plugins()
    }
}

fn refused(error: LibraryError) -> PluginError {
    match error {
        LibraryError::PluginTwice(name) => PluginError::Duplicate(name),
        LibraryError::PluginUnnamed => PluginError::Unnamed,
        error => PluginError::other(error),
    }
}
