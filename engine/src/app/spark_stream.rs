//! A spark as a stream of its data.

use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use futures_util::{Sink, Stream, StreamExt};

use super::error::SparkError;
use super::host::{Handler, Host};
use super::inbox::{Changed, Inbox};
use super::local_spark::LocalSpark;
use super::message::Message;
use super::owned::OwnedData;
use super::spark::Spark;

impl Spark<'_> {
    /// The spark as a stream of its data, from now on, for an `async` block.
    ///
    /// ```
    /// use futures_util::StreamExt;
    ///
    /// fn connected(spark: &mut allspark_engine::Spark<'_>) {
    ///     let mut stream = spark.stream();
    ///     spark.spawn(async move {
    ///         while let Some(data) = stream.next().await {
    ///             drop(stream.write(data).await);
    ///         }
    ///     });
    /// }
    /// ```
    pub fn stream(&mut self) -> SparkStream {
        let spark = self.local();
        let inbox = Rc::new(Inbox::default());
        if spark.has_ended() {
            inbox.end();
        } else {
            spark.life().add_inbox(Rc::clone(&inbox));
            self.attach(take_in(&spark, &inbox));
        }
        SparkStream { spark, inbox }
    }
}

/// Puts data of a spark into an inbox.
fn take_in(spark: &LocalSpark, inbox: &Rc<Inbox>) -> Handler {
    let (inbox, desk) = (Rc::clone(inbox), Rc::clone(spark.desk()));
    Handler::Data(Box::new(move |host, key, data| {
        if let Some(changed) = inbox.push(|| OwnedData::new(data)) {
            desk.hold(changed.cost_before, changed.cost);
            host.untaken(key, changed.cost, changed.is_turned);
        }
    }))
}

/// One client on its shard as a stream of its data: a [`LocalSpark`], and a [`Stream`] that ends
/// when the spark has ended and everything that came before was taken. It is a [`Sink`], too, so
/// that it can be split, or another stream forwarded to it.
///
/// Data that is not taken waits. With more than 64 KiB of it the spark's connection is not listened
/// to until half of that was taken; requests of a polling client wait, and are answered then.
/// Handlers of the spark, and listeners, get all data as well. Dropping the stream ends nothing.
pub struct SparkStream {
    spark: LocalSpark,
    inbox: Rc<Inbox>,
}

impl SparkStream {
    /// Writes everything that comes to a sink, for instance to another spark, and closes the sink
    /// when the spark has ended: what `spark.pipe(sink)` does in Primus. For another sink, or
    /// another way to end, there is `forward` of the crate `futures-util`, and a loop.
    ///
    /// # Errors
    /// The sink's first one, after which nothing more is written.
    pub async fn pipe<S: Sink<OwnedData>>(self, sink: S) -> Result<(), S::Error> {
        self.map(Ok).forward(sink).await
    }

    /// The spark without its data.
    pub fn spark(&self) -> &LocalSpark {
        &self.spark
    }

    fn changed(&self, changed: &Changed) {
        self.spark.desk().hold(changed.cost_before, changed.cost);
        if changed.is_turned {
            let key = self.spark.key();
            self.spark
                .ask(Box::new(move |host: &mut dyn Host| host.taken(key)));
        }
    }
}

impl Stream for SparkStream {
    type Item = OwnedData;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<OwnedData>> {
        ready!(self.spark.desk().executor().step(context));
        match ready!(self.inbox.poll_pop(context)) {
            Some((data, changed)) => {
                self.changed(&changed);
                Poll::Ready(Some(data))
            }
            None => Poll::Ready(None),
        }
    }
}

impl Drop for SparkStream {
    fn drop(&mut self) {
        let changed = self.inbox.close();
        self.spark.life().remove_inbox(&self.inbox);
        self.changed(&changed);
    }
}

impl Deref for SparkStream {
    type Target = LocalSpark;

    fn deref(&self) -> &LocalSpark {
        &self.spark
    }
}

impl<M: Message> Sink<M> for SparkStream {
    type Error = SparkError;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), SparkError>> {
        Sink::<M>::poll_ready(Pin::new(&mut self.spark), context)
    }

    fn start_send(mut self: Pin<&mut Self>, message: M) -> Result<(), SparkError> {
        Pin::new(&mut self.spark).start_send(message)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), SparkError>> {
        Sink::<M>::poll_flush(Pin::new(&mut self.spark), context)
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), SparkError>> {
        Sink::<M>::poll_close(Pin::new(&mut self.spark), context)
    }
}

impl std::fmt::Debug for SparkStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SparkStream")
            .field("id", &self.spark.id())
            .finish_non_exhaustive()
    }
}
