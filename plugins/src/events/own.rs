//! Handlers of one spark for events of its client.

use allspark_engine::Spark;

use super::args::Args;

type Handler = Box<dyn FnMut(&mut Spark<'_>, Args<'_>)>;

/// Handlers of events, of one spark. A spark without has nothing of it.
#[derive(Default)]
struct Own {
    /// In the order in which they were attached.
    handlers: Vec<(Box<str>, Handler)>,
    /// Events whose handlers were removed while handlers ran.
    removed: Vec<Box<str>>,
    /// Handlers run, and are not in the list meanwhile.
    runs: bool,
}

/// Events of one client: the `spark.on(name, fn)` of JavaScript.
///
/// They cost an allocation per spark and handler; listeners for all sparks
/// ([`Emit::on`](crate::emit::Emit::on), [`Emitter::on`](crate::emitter::Emitter::on)) cost nothing
/// per spark.
pub trait SparkEvents {
    /// Calls `handler` with every event of this name that the client sends, after the listeners
    /// for all sparks.
    fn on(&mut self, event: &str, handler: impl FnMut(&mut Spark<'_>, Args<'_>) + 'static);

    /// Removes the spark's own handlers of this event.
    fn off(&mut self, event: &str);

    /// Whether the spark has handlers of its own for this event.
    fn has_own(&self, event: &str) -> bool;
}

impl SparkEvents for Spark<'_> {
    fn on(&mut self, event: &str, handler: impl FnMut(&mut Spark<'_>, Args<'_>) + 'static) {
        let handler: Handler = Box::new(handler);
        if self.own::<Own>().is_none() {
            self.set_own(Own::default());
        }
        if let Some(own) = self.own_mut::<Own>() {
            own.handlers.push((event.into(), handler));
        }
    }

    fn off(&mut self, event: &str) {
        if let Some(own) = self.own_mut::<Own>() {
            own.handlers.retain(|(name, _)| &**name != event);
            if own.runs {
                own.removed.push(event.into());
            }
        }
    }

    fn has_own(&self, event: &str) -> bool {
        self.own::<Own>()
            .is_some_and(|own| own.handlers.iter().any(|(name, _)| &**name == event))
    }
}

/// Calls the spark's own handlers of this event until it ends. If one of them panics the spark
/// ends, and they with it.
pub(super) fn call(spark: &mut Spark<'_>, event: &str, args: Args<'_>) {
    let Some(own) = spark.own_mut::<Own>() else {
        return;
    };
    if own.handlers.is_empty() {
        return;
    }
    own.runs = true;
    let mut handlers = std::mem::take(&mut own.handlers);
    for (name, handler) in &mut handlers {
        if &**name == event && spark.is_open() && !is_removed(spark, event) {
            handler(spark, args);
        }
    }
    put_back(spark, handlers);
}

fn is_removed(spark: &Spark<'_>, event: &str) -> bool {
    let own = spark.own::<Own>();
    own.is_some_and(|own| own.removed.iter().any(|name| &**name == event))
}

/// Behind the handlers that were there come those that they attached.
fn put_back(spark: &mut Spark<'_>, mut handlers: Vec<(Box<str>, Handler)>) {
    let Some(own) = spark.own_mut::<Own>() else {
        return;
    };
    let removed = std::mem::take(&mut own.removed);
    handlers.retain(|(name, _)| !removed.contains(name));
    handlers.append(&mut own.handlers);
    own.handlers = handlers;
    own.runs = false;
}
