//! A visit to all sparks that goes from each to the next only when it is told to
//! ([`Handle::for_each_async`](super::Handle::for_each_async)). Each shard walks a leg of it.

use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::guard;

/// Is called once, when everybody was visited or the visitor wants no more.
pub(crate) type Done = Box<dyn FnOnce(Result<(), Box<dyn Error + Send + Sync>>) + Send>;

/// What the legs of one visit share.
pub(crate) struct Course {
    stopped: AtomicBool,
    /// How many legs are not at their end.
    legs: AtomicUsize,
    /// Until it is called.
    done: Mutex<Option<Done>>,
}

impl Course {
    /// A visit in so many legs, one of which is made with each call of the result.
    pub(crate) fn new(legs: u16, done: Done) -> Arc<Self> {
        assert!(legs > 0, "the last leg says that all is done");
        Arc::new(Self {
            stopped: AtomicBool::new(false),
            legs: AtomicUsize::new(usize::from(legs)),
            done: Mutex::new(Some(done)),
        })
    }

    /// Nobody else is visited.
    pub(crate) fn stop(&self, result: Result<(), Box<dyn Error + Send + Sync>>) {
        self.stopped.store(true, Ordering::Relaxed);
        let done = self.done.lock();
        let done = done.expect("nothing panics while it holds the lock").take();
        let Some(done) = done else {
            return;
        };
        if let Err(panicked) = guard::call(|| done(result)) {
            guard::tell(&panicked, "the last function of a for_each_async panicked");
        }
    }
}

/// The part of a visit that one shard makes. It ends when it is dropped, so that the end of a shard
/// is the end of its legs.
pub(crate) struct Leg(Arc<Course>);

impl Leg {
    /// One of those that the course was made for.
    pub(crate) fn new(course: &Arc<Course>) -> Self {
        Self(Arc::clone(course))
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Relaxed)
    }

    /// The shard has too many of them already.
    pub(crate) fn refuse(self) {
        let reason = "too many visits of this kind are under way";
        self.0.stop(Err(reason.into()));
    }
}

impl Drop for Leg {
    fn drop(&mut self) {
        let before = self.0.legs.fetch_sub(1, Ordering::AcqRel);
        assert!(before > 0, "a course has the legs that it was made for");
        if before == 1 {
            self.0.stop(Ok(()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    fn course(legs: u16) -> (Arc<Course>, Receiver<Result<(), String>>) {
        let (send, results) = channel();
        let done: Done = Box::new(move |result| {
            send.send(result.map_err(|error| error.to_string()))
                .expect("the test waits for it");
        });
        (Course::new(legs, done), results)
    }

    #[test]
    fn is_done_when_its_last_leg_is() {
        let (course, results) = course(3);
        let legs = [(); 3].map(|()| Leg::new(&course));
        for leg in legs {
            assert!(results.try_recv().is_err() && !leg.is_stopped());
        }
        assert_eq!(results.try_recv(), Ok(Ok(())));
    }

    #[test]
    fn the_first_error_is_the_result() {
        let (course, results) = course(2);
        let legs = [(); 2].map(|()| Leg::new(&course));
        course.stop(Err("one".into()));
        course.stop(Err("two".into()));
        assert!(legs.iter().all(Leg::is_stopped));
        drop(legs);
        let results: Vec<_> = results.try_iter().collect();
        assert_eq!(results, [Err("one".to_owned())]);
    }
}
