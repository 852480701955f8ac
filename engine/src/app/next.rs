//! Visits to all sparks, each of which may take its time.

use std::error::Error;
use std::sync::Arc;

use super::handle::Handle;
use super::host::{Command, Host, Step, StepVisitor};
use super::legs::{Course, Leg};
use super::local::LocalPrimus;
use super::spark::Spark;
use crate::memory::Key;

impl Handle {
    /// Calls `visit` with every spark, on its shard, each time once it is told to go on with the
    /// [`Next`] of the spark before; then calls `done`. So work that takes long can be done for one
    /// spark after the other: a database is asked, a file is written.
    ///
    /// The shards do this beside each other, so as many sparks are being visited at a time as there
    /// are shards. Sparks that connect meanwhile are visited, too, those that have ended are not.
    /// `done` is called once, on any thread: with `Ok` when everybody was visited, the server has
    /// ended, or one was told to [`Next::stop`]; with the error of the first [`Next::fail`]; with
    /// an error, too, if more than 1,024 such visits are under way.
    ///
    /// ```
    /// fn greet_all(primus: &allspark_engine::Handle) {
    ///     primus.for_each_async(
    ///         |spark, next| {
    ///             let spark = spark.handle();
    ///             std::thread::spawn(move || {
    ///                 let name = "asked of a database";
    ///                 match spark.write(name) {
    ///                     Ok(()) => next.forward(),
    ///                     Err(error) => next.fail(error),
    ///                 }
    ///             });
    ///         },
    ///         |result| println!("done: {result:?}"),
    ///     );
    /// }
    /// ```
    #[doc(alias = "forEach")]
    pub fn for_each_async(
        &self,
        visit: impl Fn(&mut Spark<'_>, Next) + Send + Sync + 'static,
        done: impl FnOnce(Result<(), Box<dyn Error + Send + Sync>>) + Send + 'static,
    ) {
        let course = Course::new(self.shards(), Box::new(done));
        let visitor = visitor(Arc::clone(&course), visit);
        self.send_to_all(|| {
            let visitor = Arc::clone(&visitor);
            let leg = Leg::new(&course);
            Command::ForEach(Step { visitor, leg })
        });
    }
}

impl LocalPrimus<'_> {
    /// As [`Handle::for_each_async`], once the handler that runs now has returned.
    #[doc(alias = "forEach")]
    pub fn for_each_async(
        &self,
        visit: impl Fn(&mut Spark<'_>, Next) + Send + Sync + 'static,
        done: impl FnOnce(Result<(), Box<dyn Error + Send + Sync>>) + Send + 'static,
    ) {
        self.handle().for_each_async(visit, done);
    }
}

fn visitor(
    course: Arc<Course>,
    visit: impl Fn(&mut Spark<'_>, Next) + Send + Sync + 'static,
) -> StepVisitor {
    Arc::new(move |host: &mut dyn Host, key: Key, walk: Key| {
        let mut spark = Spark::new(host, key);
        let next = Next {
            shard: spark.handle(),
            walk,
            course: Arc::clone(&course),
        };
        visit(&mut spark, next);
    })
}

/// Goes on with a visit to all sparks, from any thread and at any time. Dropped without a word it
/// goes on as well, so that no visit stands still because of a mistake.
#[must_use = "dropped it goes on with the next spark at once"]
pub struct Next {
    /// The spark that is visited, whose shard waits; it may have ended.
    shard: super::handle::SparkHandle,
    walk: Key,
    course: Arc<Course>,
}

impl Next {
    /// Goes on with the next spark: Primus's `next()`.
    pub fn forward(self) {
        drop(self);
    }

    /// Visits nobody else: Primus's `next(null, false)`. Other shards may be at a spark each.
    pub fn stop(self) {
        self.course.stop(Ok(()));
    }

    /// Visits nobody else, because something went wrong: Primus's `next(err)`.
    pub fn fail(self, error: impl Into<Box<dyn Error + Send + Sync>>) {
        self.course.stop(Err(error.into()));
    }
}

impl Drop for Next {
    fn drop(&mut self) {
        let walk = self.walk;
        self.shard.send(Command::StepOn { walk });
    }
}

impl std::fmt::Debug for Next {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Next").finish_non_exhaustive()
    }
}
