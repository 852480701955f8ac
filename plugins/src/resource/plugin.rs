//! The plugin.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use allspark_engine::{Attach, ClientPlugin, Handle, Plugin, PluginError, Setup};
use serde::Deserialize;

use super::methods::{Resource, ResourceError, Way};
use crate::emitter::Emitter;
use crate::multiplex::Multiplex;

/// Resources, whose methods clients call. Clones are the same resources.
///
/// ```
/// use std::sync::Arc;
///
/// use allspark_plugins::emitter::Emitter;
/// use allspark_plugins::multiplex::Multiplex;
/// use allspark_plugins::resource::Resources;
///
/// fn add(primus: &allspark_engine::Primus) -> Result<(), Box<dyn std::error::Error>> {
///     let resources = Resources::new();
///     primus.plugin(Arc::new(Multiplex::new()))?;
///     primus.plugin(Arc::new(Emitter::new()))?;
///     primus.plugin(Arc::new(resources.clone()))?;
///     let creature = resources.resource("creature")?;
///     creature.method("command", |call| {
///         let command = call.args()[0].as_str().unwrap_or_default().to_owned();
///         call.answer(format!("Creature just got command: {command}"));
///     })?;
///     creature.broadcast("born", ("Grimlock", 3))?;
///     Ok(())
/// }
/// ```
#[derive(Clone, Default)]
pub struct Resources(Arc<Mutex<State>>);

/// The options of [`Resources`]: none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResourceOptions {}

#[derive(Default)]
struct State {
    server: Option<Server>,
    resources: HashMap<Box<str>, Resource>,
}

/// What resources need of a server that the plugin was added to.
#[derive(Clone)]
struct Server {
    attach: Attach,
    primus: Handle,
    emitter: Arc<Emitter>,
    multiplex: Option<Arc<Multiplex>>,
}

impl Resources {
    /// Its name.
    pub const NAME: &'static str = "resource";

    /// The plugin.
    pub fn new() -> Self {
        Self::default()
    }

    /// The plugin with these options.
    pub fn with_options(ResourceOptions {}: ResourceOptions) -> Self {
        Self::default()
    }

    /// The resource of this name. If there is none it is made, with a channel of its name.
    ///
    /// # Errors
    /// The plugin was not added to a server, or the server has no channels.
    pub fn resource(&self, name: &str) -> Result<Resource, ResourceError> {
        self.find_or_make(name, |server| {
            let multiplex = server.multiplex.as_ref();
            let channel = multiplex.map(|multiplex| multiplex.channel(name));
            channel.map(Way::Channel).ok_or(ResourceError::NoMultiplex)
        })
    }

    /// The same; if it is made, then without a channel: `primus.resource(name, object, false)` in
    /// npm. Clients must say `false`, too.
    ///
    /// # Errors
    /// The plugin was not added to a server.
    pub fn resource_without_channel(&self, name: &str) -> Result<Resource, ResourceError> {
        self.find_or_make(name, |server| {
            let emitter = Emitter::clone(&server.emitter);
            Ok(Way::Events(emitter, server.primus.clone()))
        })
    }

    fn find_or_make(
        &self,
        name: &str,
        way: impl FnOnce(&Server) -> Result<Way, ResourceError>,
    ) -> Result<Resource, ResourceError> {
        if name.is_empty() {
            return Err(ResourceError::NoName);
        }
        let server = {
            let state = self.lock();
            if let Some(resource) = state.resources.get(name) {
                return Ok(resource.clone());
            }
            state.server.clone().ok_or(ResourceError::NotAdded)?
        };
        // To attach something may take as long as shards do, so nobody else waits for it.
        let resource = Resource::new(name, way(&server)?, &server.attach);
        self.lock().resources.insert(name.into(), resource.clone());
        Ok(resource)
    }

    /// Lets go of the server, which has the plugin.
    fn forget(&self) {
        let state = std::mem::take(&mut *self.lock());
        drop(state);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

impl Plugin for Resources {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn server(&self, setup: &mut Setup<'_>) -> Result<(), PluginError> {
        let emitter = setup
            .plugin::<Emitter>()
            .ok_or_else(|| PluginError::Needs {
                plugin: Self::NAME.into(),
                needs: Emitter::NAME.into(),
            })?;
        let attach: &Attach = setup;
        let server = Server {
            attach: attach.clone(),
            primus: setup.handle(),
            emitter,
            multiplex: setup.plugin::<Multiplex>(),
        };
        self.lock().server = Some(server);
        let resources = self.clone();
        setup.on_close(move |_| resources.forget());
        Ok(())
    }

    fn client(&self) -> ClientPlugin {
        include_str!("client.js").into()
    }

    fn removed(&self) {
        self.forget();
    }
}

impl std::fmt::Debug for Resources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.lock();
        let names = state.resources.keys();
        f.debug_set().entries(names).finish()
    }
}
