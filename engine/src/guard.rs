//! Functions of the application, and the values that they captured, may panic. That harms nobody
//! but the spark they were called for.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

use crate::throttle::Throttle;

/// Calls a function that may panic.
///
/// # Errors
/// What it panicked with, as far as that is text.
pub(crate) fn call<R>(function: impl FnOnce() -> R) -> Result<R, String> {
    // Whoever calls looks after the state that the function leaves behind.
    catch_unwind(AssertUnwindSafe(function)).map_err(|payload| {
        let text = describe(&*payload);
        // The payload is a value of the application, too.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(payload))).map_err(std::mem::forget);
        text
    })
}

/// Drops a value that holds something of the application, whose `Drop` may panic.
pub(crate) fn drop_value<V>(value: V) {
    if let Err(panicked) = call(|| drop(value)) {
        tell(
            &panicked,
            "a value of the application panicked when it was dropped",
        );
    }
}

/// Wakes somebody, which may call a function of the application.
pub(crate) fn wake(waker: Waker) {
    if let Err(panicked) = call(|| waker.wake()) {
        tell(&panicked, "a waker of the application panicked");
    }
}

/// Says in the log what panicked, where no shard says it.
pub(crate) fn tell(panicked: &str, what: &str) {
    static PANICS: Throttle = Throttle::new();
    if let Some(line) = PANICS.admit() {
        tracing::error!(panicked, unlogged = line.unlogged, "{what}");
    }
}

fn describe(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("something that is no text").to_owned()
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::*;

    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }

    #[test]
    fn says_what_it_was() {
        assert_eq!(call(|| 7), Ok(7));
        assert_eq!(call(|| panic!("why")), Err::<(), _>("why".to_owned()));
        let number = 3;
        assert_eq!(
            call(|| panic!("why {number}")),
            Err::<(), _>("why 3".to_owned())
        );
    }

    #[test]
    fn neither_a_value_nor_a_payload_harms_anybody_when_it_is_dropped() {
        drop_value(Bomb);
        assert_eq!(
            call(|| panic_any(Bomb)),
            Err::<(), _>("something that is no text".to_owned())
        );
    }
}
