//! Who hears of what the registry does, and the log: one line for each change.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

type Listener = Arc<dyn Fn(&str) + Send + Sync>;

/// Listeners of the plugin. They are called on its thread.
#[derive(Default)]
pub(super) struct Events {
    pub(super) register: Listeners,
    pub(super) unregister: Listeners,
    pub(super) error: Listeners,
    /// It was told that Redis is away, and not yet that it is back.
    is_lost: AtomicBool,
}

#[derive(Default)]
pub(super) struct Listeners(Mutex<Vec<Listener>>);

impl Listeners {
    pub(super) fn add(&self, listener: impl Fn(&str) + Send + Sync + 'static) {
        let listeners = self.0.lock();
        let mut listeners = listeners.unwrap_or_else(PoisonError::into_inner);
        listeners.push(Arc::new(listener));
    }

    fn call(&self, what: &str) {
        let listeners = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for listener in listeners {
            let call = std::panic::AssertUnwindSafe(|| listener(what));
            if std::panic::catch_unwind(call).is_err() {
                tracing::error!("a listener of metroplex has panicked");
            }
        }
    }
}

impl Events {
    pub(super) fn registered(&self, address: &str) {
        self.is_lost.store(false, Ordering::Relaxed);
        tracing::info!(address, "metroplex has registered this server in Redis");
        self.register.call(address);
    }

    pub(super) fn unregistered(&self, address: &str) {
        tracing::info!(address, "metroplex has unregistered this server");
        self.unregister.call(address);
    }

    /// Redis does not answer, or refuses.
    pub(super) fn lost(&self, failure: &dyn Display) {
        if !self.is_lost.swap(true, Ordering::Relaxed) {
            let failure = failure.to_string();
            tracing::warn!(failure, "metroplex can't use Redis; it tries again");
            self.error.call(&failure);
        }
    }
}
