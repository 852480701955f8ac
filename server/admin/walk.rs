//! A walk over all sparks of the server, in portions, as the engine does it. What each shard finds
//! is put together when the last of them is done.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use allspark::{Handle, Spark};

/// Shards that find something by themselves; of more of them some share.
const PARTS: usize = 64;

type Then<P> = Box<dyn FnOnce(Vec<P>) + Send>;

/// What was found so far. It is gone when no shard visits any more.
struct Walk<P: Default> {
    parts: [Mutex<P>; PARTS],
    then: Mutex<Option<Then<P>>>,
}

/// Calls `visit` with every spark and what its shard has found, until it says false, and `then`
/// with all that was found, on a shard. Neither may wait.
pub(super) fn walk<P: Default + Send + 'static>(
    server: &Handle,
    visit: impl Fn(&mut Spark<'_>, &mut P) -> bool + Send + Sync + 'static,
    then: impl FnOnce(Vec<P>) + Send + 'static,
) {
    let walk = Walk {
        parts: std::array::from_fn(|_| Mutex::default()),
        then: Mutex::new(Some(Box::new(then))),
    };
    server.for_each(move |spark| {
        // A shard has it for itself, so nobody waits here.
        let part = walk.parts[place_of_thread() % PARTS].lock();
        visit(spark, &mut part.unwrap_or_else(PoisonError::into_inner))
    });
}

impl<P: Default> Drop for Walk<P> {
    fn drop(&mut self) {
        let then = self.then.get_mut().unwrap_or_else(PoisonError::into_inner);
        let parts = self.parts.iter_mut();
        let parts = parts
            .map(|part| std::mem::take(part.get_mut().unwrap_or_else(PoisonError::into_inner)));
        if let Some(then) = then.take() {
            then(parts.collect());
        }
    }
}

/// A number that this thread has, and few others.
fn place_of_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static PLACE: Cell<Option<usize>> = const { Cell::new(None) };
    }
    PLACE.with(|place| {
        let own = place
            .get()
            .unwrap_or_else(|| NEXT.fetch_add(1, Ordering::Relaxed));
        place.set(Some(own));
        own
    })
}
