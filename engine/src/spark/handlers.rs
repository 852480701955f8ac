//! The functions that an application attached to one spark.

use smallvec::SmallVec;

use super::{Data, Spark, SparkError};

type Listeners<F> = SmallVec<[Box<F>; 1]>;
type OnData = dyn FnMut(&mut Spark<'_>, Data<'_>);
type OnSpark = dyn FnMut(&mut Spark<'_>);
type OnError = dyn FnMut(&mut Spark<'_>, &SparkError);

/// Allocated with the first handler, dropped when the spark has ended.
#[derive(Default)]
pub(crate) struct Handlers {
    pub(crate) data: Listeners<OnData>,
    pub(crate) end: Listeners<OnSpark>,
    pub(crate) heartbeat: Listeners<OnSpark>,
    pub(crate) error: Listeners<OnError>,
}

impl Handlers {
    /// Adds what was attached while these were running.
    pub(crate) fn append(&mut self, mut later: Self) {
        self.data.append(&mut later.data);
        self.end.append(&mut later.end);
        self.heartbeat.append(&mut later.heartbeat);
        self.error.append(&mut later.error);
    }
}
