//! A spark as a future holds it.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use allspark_protocol::http::Query;
use allspark_protocol::primus::SparkId;
use futures_util::Sink;

use super::answer::Answer;
use super::ends::EndOptions;
use super::error::SparkError;
use super::handle::{Handle, SparkHandle};
use super::headers::{Headers, KeptRequest};
use super::host::{Host, LocalCall, LocalDesk};
use super::life::{Life, MayWrite};
use super::message::Message;
use super::spark::Spark;
use crate::config::KeepHeaders;
use crate::guard;
use crate::memory::Key;
use crate::tasks::{Executor, Sleep};

impl Spark<'_> {
    /// The spark for an `async` block, to be held while that waits.
    ///
    /// ```
    /// fn connected(spark: &mut allspark_engine::Spark<'_>) {
    ///     let local = spark.local();
    ///     spark.spawn(async move {
    ///         local.sleep(std::time::Duration::from_secs(1)).await;
    ///         drop(local.write("you are here for a second now").await);
    ///     });
    /// }
    /// ```
    pub fn local(&mut self) -> LocalSpark {
        let key = self.key;
        let life = match self.host.life(key) {
            Some(life) => Rc::clone(life),
            None => self.new_life(),
        };
        LocalSpark {
            life,
            desk: Rc::clone(self.host.desk()),
            handle: self.handle(),
            key,
        }
    }

    fn new_life(&mut self) -> Rc<Life> {
        let request = match self.head {
            Some(head) => KeptRequest::new(head, &KeepHeaders::All),
            None => self.host.spark(self.key).request.clone(),
        };
        let life = Rc::new(Life::new(self.address(), request));
        match self.host.has_open(self.key) {
            true => self.host.set_life(self.key, Rc::clone(&life)),
            false => life.end(),
        }
        life
    }

    /// Runs a future on the shard of this spark, between the messages of others. It goes on when
    /// the spark has ended, so that it can put things in order; if it panics, the spark ends.
    ///
    /// A shard keeps 65,536 futures whose sparks have ended; beyond that the oldest are dropped.
    /// While a spark has 256 futures or more, its connection is not listened to.
    pub fn spawn(&mut self, future: impl Future<Output = ()> + 'static) {
        self.host.spawn(self.key, Box::pin(future));
    }
}

/// One client on its shard, as [`Spark`], but owned: it can be held by an `async` block while that
/// waits. It stays on the thread of its shard; [`LocalSpark::handle`] does not.
///
/// What it is asked to do is done once the block waits, in the order in which it was asked.
///
/// It is a [`Sink`] of messages, too. Closing the sink ends the spark, as the end of a Node.js
/// stream ends what it is piped into.
#[derive(Clone)]
pub struct LocalSpark {
    life: Rc<Life>,
    desk: Rc<LocalDesk>,
    handle: SparkHandle,
    key: Key,
}

impl LocalSpark {
    /// As [`Spark::id`].
    pub fn id(&self) -> SparkId {
        self.handle.id()
    }

    /// As [`Spark::query`].
    pub fn query(&self) -> Query<'_> {
        Query::new(self.life.request.query())
    }

    /// The headers of the request that opened the connection: all of them if the spark was held so
    /// for the first time in its `connection` event, otherwise those that are kept
    /// ([`crate::Options::keep_headers`]).
    pub fn headers(&self) -> Headers<'_> {
        Headers::kept(&self.life.request)
    }

    /// As [`Spark::address`].
    pub fn address(&self) -> SocketAddr {
        self.life.peer
    }

    /// Whether the spark has ended.
    pub fn has_ended(&self) -> bool {
        self.life.has_ended()
    }

    /// As [`Spark::handle`].
    pub fn handle(&self) -> SparkHandle {
        self.handle.clone()
    }

    /// The server.
    pub fn primus(&self) -> Handle {
        self.handle.primus().clone()
    }

    /// What runs futures on this shard.
    pub fn executor(&self) -> Executor {
        self.desk.executor().clone()
    }

    /// As [`Spark::spawn`].
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        self.desk.executor().spawn_for(self.key, future);
    }

    /// As [`Executor::sleep`].
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.desk.executor().sleep(duration)
    }

    /// Writes a [`Message`], and waits before while the client reads so slowly that half of what
    /// makes its connection pause waits for it: 512 KiB, or a quarter of
    /// [`crate::Options::send_queue_bytes_max`] if that is less.
    ///
    /// # Errors
    /// The message can't be encoded or is longer than a frame can be; or the spark has ended.
    pub async fn write(&self, message: impl Message) -> Result<(), SparkError> {
        poll_fn(|context| self.poll_may_write(context)).await?;
        self.write_now(message)
    }

    /// Writes a message without waiting; what waits for the client is bounded by the send policy.
    ///
    /// # Errors
    /// As [`LocalSpark::write`].
    pub fn write_now(&self, message: impl Message) -> Result<(), SparkError> {
        if self.has_ended() {
            return Err(SparkError::Ended);
        }
        let bytes = self.handle.write_counted(message)?;
        self.life.wrote(bytes);
        Ok(())
    }

    /// Calls a function with the spark, once this block waits, and waits for what it returns.
    /// `None` if the spark has ended, or the function panicked, which ends the spark.
    ///
    /// ```
    /// async fn score(spark: allspark_engine::LocalSpark) -> Option<u64> {
    ///     spark.visit(|spark| spark.state::<u64>().copied()).await?
    /// }
    /// ```
    pub async fn visit<R: 'static>(
        &self,
        call: impl FnOnce(&mut Spark<'_>) -> R + 'static,
    ) -> Option<R> {
        let answer = Rc::new(Answer::default());
        let (key, given) = (self.key, Rc::clone(&answer));
        self.ask(Box::new(move |host| {
            if !host.has_open(key) {
                return given.give(None);
            }
            match guard::call(|| call(&mut Spark::new(host, key))) {
                Ok(result) => given.give(Some(result)),
                Err(panicked) => {
                    host.panicked(key, &panicked);
                    given.give(None);
                }
            }
        }));
        poll_fn(|context| answer.poll(context)).await
    }

    /// As [`Spark::end`]; what was written before is sent.
    pub fn end(&self) {
        self.handle.end();
    }

    /// As [`Spark::end_with`].
    pub fn end_with(&self, options: EndOptions) {
        self.handle.end_with(options);
    }

    fn poll_may_write(&self, context: &mut Context<'_>) -> Poll<Result<(), SparkError>> {
        ready!(self.desk.executor().step(context));
        let may_write = self.life.may_write(context);
        if may_write == (MayWrite::Later { must_ask: true }) {
            let (key, life) = (self.key, Rc::clone(&self.life));
            self.ask(Box::new(move |host| when_drained(host, key, life)));
        }
        match ready!(may_write.poll()) {
            true => Poll::Ready(Ok(())),
            false => Poll::Ready(Err(SparkError::Ended)),
        }
    }

    pub(super) fn ask(&self, call: LocalCall) {
        self.desk.ask(call);
    }

    pub(super) fn life(&self) -> &Rc<Life> {
        &self.life
    }

    pub(super) fn desk(&self) -> &Rc<LocalDesk> {
        &self.desk
    }

    pub(super) fn key(&self) -> Key {
        self.key
    }
}

fn when_drained(host: &mut dyn Host, key: Key, life: Rc<Life>) {
    let credit = host.write_credit();
    let given = Box::new(move || life.give_credit(credit));
    host.when_drained(key, given);
}

impl<M: Message> Sink<M> for LocalSpark {
    type Error = SparkError;

    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SparkError>> {
        self.poll_may_write(context)
    }

    fn start_send(self: Pin<&mut Self>, message: M) -> Result<(), SparkError> {
        self.write_now(message)
    }

    /// What was written leaves at the end of the turn.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SparkError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), SparkError>> {
        self.end();
        Poll::Ready(Ok(()))
    }
}

impl std::fmt::Debug for LocalSpark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalSpark")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}
