//! What all shards of a server share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::config::Options;
use crate::lines::Lines;
use crate::mesh::{Mesh, Weigh};

/// A server, as its shards and its handles see it. `C` is what a shard can be asked to do, `L` the
/// functions of the application that every spark goes through.
pub(crate) struct Shared<C, L> {
    pub(crate) options: Options,
    pub(crate) mesh: Arc<Mesh<C>>,
    /// Makes the owner of a spark unreadable in its id.
    pub(crate) id_key: u64,
    /// Lines of the log that peers can cause.
    pub(crate) lines: Lines,
    /// Every shard has a copy, and is told when they change.
    listeners: Mutex<Arc<L>>,
    /// Whether the shards run, or did.
    started: AtomicBool,
}

impl<C: Weigh, L: Clone + Default> Shared<C, L> {
    pub(crate) fn new(options: Options, shards: usize, id_key: u64) -> Arc<Self> {
        options.assert_sound();
        let mesh = Mesh::new(shards);
        Arc::new(Self {
            options,
            mesh,
            id_key,
            lines: Lines::default(),
            listeners: Mutex::default(),
            started: AtomicBool::new(false),
        })
    }

    /// The server is being started. Returns whether it was not yet.
    pub(crate) fn begin(&self) -> bool {
        !self.started.swap(true, Ordering::SeqCst)
    }

    /// The server could not be started; unless it has failed, it can be tried again.
    pub(crate) fn withdraw(&self) {
        if !self.mesh.is_failing() {
            self.started.store(false, Ordering::SeqCst);
        }
    }

    /// The listeners that are attached now.
    pub(crate) fn listeners(&self) -> Arc<L> {
        Arc::clone(
            &self
                .listeners
                .lock()
                .expect("nothing panics while it holds the lock"),
        )
    }

    /// Changes the listeners, and tells every shard that runs, with what `tell` makes.
    pub(crate) fn attach(&self, change: impl FnOnce(&mut L), tell: impl Fn() -> C) {
        let mut listeners = self
            .listeners
            .lock()
            .expect("nothing panics while it holds the lock");
        let mut changed = L::clone(&listeners);
        change(&mut changed);
        *listeners = Arc::new(changed);
        drop(listeners);
        // Shards that start after this look for themselves.
        if self.started.load(Ordering::SeqCst) {
            for shard in 0..self.mesh.shards() {
                self.mesh.send(shard, tell());
            }
        }
    }
}
