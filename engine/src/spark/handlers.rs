//! The functions that an application attached to one spark.

use smallvec::SmallVec;

use super::{Data, Spark, SparkError};

type OnData = dyn FnMut(&mut Spark<'_>, Data<'_>);
type OnSpark = dyn FnMut(&mut Spark<'_>);
type OnError = dyn FnMut(&mut Spark<'_>, &SparkError);

/// One function, and what it is called for.
pub(crate) enum Handler {
    Data(Box<OnData>),
    End(Box<OnSpark>),
    Heartbeat(Box<OnSpark>),
    Error(Box<OnError>),
}

/// In the order in which they were attached. Allocated with the first one, dropped when the spark
/// has ended. One list for all events, because most sparks have a single handler.
pub(crate) type Handlers = SmallVec<[Handler; 1]>;
