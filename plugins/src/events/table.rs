//! Listeners that events of every spark reach.

use std::collections::HashMap;
use std::sync::Arc;

use allspark_engine::Spark;
use arc_swap::ArcSwap;

use super::args::Args;
use super::own;

type Listener = dyn Fn(&mut Spark<'_>, Args<'_>) + Send + Sync;

#[derive(Clone, Default)]
struct Table(HashMap<Box<str>, Vec<Arc<Listener>>>);

/// Listeners by the name of their event. Clones are the same listeners.
///
/// Who looks takes no lock and shares no memory with other shards that is written to; who adds a
/// listener copies the table. So add listeners when the server is made, not per spark.
#[derive(Clone, Default)]
pub struct Events(Arc<ArcSwap<Table>>);

impl Events {
    /// Nobody listens.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `listener` with every event of this name, of every spark.
    pub fn on(
        &self,
        event: &str,
        listener: impl Fn(&mut Spark<'_>, Args<'_>) + Send + Sync + 'static,
    ) {
        let listener: Arc<Listener> = Arc::new(listener);
        self.0.rcu(|table| {
            let mut table = Table::clone(table);
            let listeners = table.0.entry(event.into()).or_default();
            listeners.push(Arc::clone(&listener));
            table
        });
    }

    /// Removes the listeners of this event. Returns whether there were any.
    pub fn off(&self, event: &str) -> bool {
        let before = self.0.rcu(|table| {
            let mut table = Table::clone(table);
            table.0.remove(event);
            table
        });
        before.0.contains_key(event)
    }

    /// Whether somebody listens to this event, for all sparks.
    pub fn has(&self, event: &str) -> bool {
        self.0.load().0.contains_key(event)
    }

    /// Calls the listeners of this event until the spark ends, then the spark's own handlers.
    pub fn call(&self, spark: &mut Spark<'_>, event: &str, args: Args<'_>) {
        self.call_listeners(spark, event, args);
        own::call(spark, event, args);
    }

    /// The same without the spark's own.
    pub fn call_listeners(&self, spark: &mut Spark<'_>, event: &str, args: Args<'_>) {
        let table = self.0.load();
        for listener in table.0.get(event).into_iter().flatten() {
            if !spark.is_open() {
                return;
            }
            listener(spark, args);
        }
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let table = self.0.load();
        f.debug_set().entries(table.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_are_the_same_listeners() {
        let events = Events::new();
        let clone = events.clone();
        events.on("a", |_, _| {});
        events.on("a", |_, _| {});
        assert!(clone.has("a") && !clone.has("b"));
        assert_eq!(format!("{clone:?}"), r#"{"a"}"#);
        assert!(clone.off("a") && !clone.off("a") && !events.has("a"));
    }
}
