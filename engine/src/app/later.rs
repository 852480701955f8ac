//! Listeners that are `async`.

use std::fmt::Display;
use std::rc::Rc;
use std::sync::Arc;

use allspark_protocol::http::RequestHead;

use super::host::{Host, Later};
use super::listen::Attach;
use super::local_spark::LocalSpark;
use super::spark::Spark;
use super::spark_stream::SparkStream;
use crate::memory::Key;

/// How a listener that is `async` ends: well, or with an error, which is told by its text. `()` is
/// always well.
pub trait Outcome {
    /// The text of the error, if it is one.
    fn into_result(self) -> Result<(), String>;
}

impl Outcome for () {
    fn into_result(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: Display> Outcome for Result<(), E> {
    fn into_result(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}

impl Attach {
    /// Calls `listener` with every new spark. The listeners that were attached later are called
    /// once what it returns is done, and data that comes before all are done waits, in order; with
    /// more than 64 KiB of it the spark's connection is not listened to meanwhile. So a listener
    /// must not wait for data of its spark: see [`Attach::on_stream`].
    ///
    /// With an error the spark gets the event `error` and ends, without reconnect. If the spark
    /// ends meanwhile, what the listener does goes on, but no later listener is called.
    pub fn on_connection_async<F>(&self, listener: impl Fn(LocalSpark) -> F + Send + Sync + 'static)
    where
        F: Future<Output: Outcome> + 'static,
    {
        self.attach(|listeners| {
            let listener = Arc::new(
                move |host: &mut dyn Host, key: Key, head: Option<&RequestHead<'_>>| {
                    let spark = Spark::opening(host, key, head).local();
                    let future = listener(spark);
                    let later: Later = Box::pin(async move { future.await.into_result() });
                    Some(later)
                },
            );
            listeners.connection.push(listener);
        });
    }

    /// Runs `handler` for every new spark, with the stream of its data. Nobody waits for it. With
    /// an error the spark gets the event `error` and ends, without reconnect.
    pub fn on_stream<F>(&self, handler: impl Fn(SparkStream) -> F + Send + Sync + 'static)
    where
        F: Future<Output: Outcome> + 'static,
    {
        self.on_connection(move |spark| {
            let stream = spark.stream();
            let local = stream.spark().clone();
            let future = handler(stream);
            spark.spawn(async move {
                if let Err(why) = future.await.into_result() {
                    let key = local.key();
                    local.ask(Box::new(move |host| host.failed(key, why)));
                }
            });
        });
    }
}

/// Runs what a `connection` listener still does, and tells the shard when it is done.
pub(super) fn run_later(host: &mut dyn Host, key: Key, later: Later) {
    let desk = Rc::clone(host.desk());
    let run = async move {
        let result = later.await;
        desk.ask(Box::new(move |host| host.end_opening(key, result)));
    };
    host.spawn(key, Box::pin(run));
}
