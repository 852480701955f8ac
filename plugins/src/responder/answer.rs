//! The answer that a client waits for.

use allspark_engine::{Json, Spark, SparkError, SparkHandle};
use serde::Serialize;

use super::wire::Response;

/// The answer to a question of a client: the `done` of JavaScript. Given once, because giving it
/// takes it; also later, from another thread. One that is dropped is never given.
#[derive(Debug)]
#[must_use = "the client waits for it"]
pub struct Answer {
    id: Box<str>,
}

impl Answer {
    pub(super) fn new(id: &str) -> Self {
        Self { id: id.into() }
    }

    /// Gives it. Returns false when the spark has ended.
    pub fn send(self, spark: &mut Spark<'_>, data: impl Serialize) -> bool {
        let (id, data) = (&*self.id, &data);
        spark.write(Json(Response { id, data }))
    }

    /// The same from anywhere.
    ///
    /// # Errors
    /// As [`SparkHandle::write`].
    pub fn send_to(self, spark: &SparkHandle, data: impl Serialize) -> Result<(), SparkError> {
        let (id, data) = (&*self.id, &data);
        spark.write(Json(Response { id, data }))
    }
}
