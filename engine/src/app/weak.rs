//! A handle that keeps nothing alive.

use std::sync::Weak;

use super::handle::Handle;
use super::host::Server;

/// Reaches a server as long as somebody else has a [`Handle`] to it, or it runs. For functions that
/// are attached to the server itself: with a [`Handle`] in them the server would keep itself in
/// memory for good.
///
/// ```
/// fn remember(setup: &allspark_engine::Setup<'_>) {
///     let primus = setup.handle().downgrade();
///     setup.on_plugout(move |name| {
///         if let Some(primus) = primus.upgrade() {
///             drop(primus.write(format!("{name} is gone")));
///         }
///     });
/// }
/// ```
#[derive(Clone, Debug)]
pub struct WeakHandle(Weak<Server>);

impl Handle {
    /// The same without keeping the server in memory.
    pub fn downgrade(&self) -> WeakHandle {
        WeakHandle(std::sync::Arc::downgrade(self.server()))
    }
}

impl WeakHandle {
    /// Reaches the server, if it is still there.
    pub fn upgrade(&self) -> Option<Handle> {
        self.0.upgrade().map(|server| Handle::new(&server))
    }
}
