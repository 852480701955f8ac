//! A call of a method.

use allspark_engine::Spark;
use allspark_protocol::value::Misfit;
use serde::de::DeserializeOwned;

use crate::events::{Ack, Args, Arguments};

/// A client calls a method of a resource.
pub struct Call<'c, 'a> {
    spark: &'c mut Spark<'a>,
    args: Args<'c>,
}

impl<'c, 'a> Call<'c, 'a> {
    pub(super) fn new(spark: &'c mut Spark<'a>, args: Args<'c>) -> Self {
        Self { spark, args }
    }

    /// Who calls.
    pub fn spark(&mut self) -> &mut Spark<'a> {
        self.spark
    }

    /// What it is called with. A function at its end, with which the client waits for an answer, is
    /// none of it.
    pub fn args(&self) -> Args<'c> {
        self.args
    }

    /// The arguments as types of the application: a tuple.
    ///
    /// # Errors
    /// They are others, or more or fewer.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Misfit> {
        self.args.parse()
    }

    /// Whether the client waits for an answer that nobody has given yet.
    pub fn wants_answer(&self) -> bool {
        self.args.wants_ack()
    }

    /// Answers. Returns false if the client does not wait for an answer (any more).
    pub fn answer(&mut self, results: impl Arguments) -> bool {
        self.args.ack(self.spark, results)
    }

    /// The answer, to be given later, also from another thread: `ack.send_to(&handle, ..)`.
    pub fn later(&self) -> Option<Ack> {
        self.args.take_ack()
    }
}

impl std::fmt::Debug for Call<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call")
            .field("spark", &self.spark.id())
            .field("args", &self.args)
            .finish()
    }
}
