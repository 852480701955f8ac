//! A spark: one connected client, as the application sees it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use allspark_protocol::Instant;
use allspark_protocol::http::{Query, RequestHead};
use allspark_protocol::primus::SparkId;
use allspark_protocol::primus::reserved::reserved_spark;

use super::data::Data;
use super::end_reason::EndReason;
use super::ends::{EndOptions, ReadyState};
use super::error::SparkError;
use super::headers::Headers;
use super::host::{Extras, Handler, Host, OnSpark, SparkState};
use super::message::Message;
use crate::io::Secure;
use crate::memory::Key;

/// One connected client, on its shard, for as long as a handler runs. To reach it from elsewhere
/// or later, keep its [`Spark::handle`].
///
/// ```
/// fn connected(spark: &mut allspark_engine::Spark<'_>) {
///     let room = spark.query().get("room").unwrap_or_default().into_owned();
///     spark.on_data(move |spark, data| {
///         // To everybody, in the words of the client.
///         drop(spark.primus().write(data));
///         drop(spark.write(format!("passed on in {room}")));
///     });
///     spark.on_end(|spark| println!("{} has left", spark.id()));
/// }
/// ```
pub struct Spark<'a> {
    pub(super) host: &'a mut dyn Host,
    pub(super) key: Key,
    /// The request that opened it, while the `connection` event runs.
    pub(super) head: Option<&'a RequestHead<'a>>,
}

impl<'a> Spark<'a> {
    pub(super) fn new(host: &'a mut dyn Host, key: Key) -> Self {
        let head = None;
        Self { host, key, head }
    }

    /// The place of the spark on its shard.
    pub(super) fn key(&self) -> Key {
        self.key
    }

    /// While its `connection` event runs.
    pub(super) fn opening(
        host: &'a mut dyn Host,
        key: Key,
        head: Option<&'a RequestHead<'a>>,
    ) -> Self {
        Self { host, key, head }
    }

    /// The id: 21 characters, unlike that of any other spark.
    pub fn id(&self) -> SparkId {
        self.inner().id
    }

    /// The query string of the URL that the client connected with.
    pub fn query(&self) -> Query<'_> {
        Query::new(self.inner().request.query())
    }

    /// The headers of the request that opened the connection. All of them while the `connection`
    /// event runs, later those that [`crate::Options::keep_headers`] names.
    pub fn headers(&self) -> Headers<'_> {
        match self.head {
            Some(head) => Headers::live(head),
            None => Headers::kept(&self.inner().request),
        }
    }

    /// The address of the client: of the peer of its connection, or as trusted proxies say. Port 0
    /// if they don't name it; `0.0.0.0:0` for who came through a Unix socket.
    pub fn address(&self) -> SocketAddr {
        self.host.peer(self.key)
    }

    /// How its connection is encrypted, if it is: by this server, or by a proxy that says so by the
    /// PROXY protocol. Of a session that polls it is the connection that opened it.
    pub fn secure(&self) -> Option<&Secure> {
        self.host.known(self.key)?.secure.as_ref()
    }

    /// Whether its connection is encrypted, see [`Spark::secure`].
    pub fn is_secure(&self) -> bool {
        self.secure().is_some()
    }

    /// The name that the client has asked a proxy for, if that says so by the PROXY protocol.
    pub fn authority(&self) -> Option<&str> {
        self.host.known(self.key)?.authority.as_deref()
    }

    /// Where it stands.
    #[doc(alias = "readyState")]
    pub fn ready_state(&self) -> ReadyState {
        self.inner().ready
    }

    /// Whether it has not ended.
    pub fn is_open(&self) -> bool {
        self.inner().ready == ReadyState::Open
    }

    /// Whether the client has answered its last ping, as far as it had to by now: Primus's
    /// `spark.alive`. One that has not is ended an interval after the ping.
    #[doc(alias = "alive")]
    #[doc(alias = "online")]
    pub fn is_alive(&self) -> bool {
        self.is_open() && !self.inner().heartbeat.is_waiting()
    }

    /// How long the client took to answer its last ping: from the turn in which the ping was queued
    /// to the one in which the pong was read, by a clock that does not jump, to a tenth of a
    /// millisecond. For a client that polls that includes the wait for its polls. `None` until the
    /// first answer.
    ///
    /// ```
    /// fn connected(spark: &mut allspark_engine::Spark<'_>) {
    ///     spark.on_heartbeat(|spark| {
    ///         let ms = spark.latency().map(|latency| latency.as_millis());
    ///         println!("{} answers in {ms:?} ms", spark.id());
    ///     });
    /// }
    /// ```
    pub fn latency(&self) -> Option<Duration> {
        self.inner().latency.last()
    }

    /// Whether an event of this name belongs to Primus's sparks, or to a plugin: an application
    /// that names events of its own, or lets its clients name some, must not use it.
    ///
    /// ```
    /// fn connected(spark: &mut allspark_engine::Spark<'_>) {
    ///     assert!(spark.reserved("data") && spark.reserved("outgoing::ping"));
    ///     assert!(!spark.reserved("news"));
    /// }
    /// ```
    pub fn reserved(&self, event: &str) -> bool {
        reserved_spark(event) || self.host.is_reserved(event)
    }

    /// What time it is by the clock that timers go by: it begins with the server, does not jump,
    /// and stands still while a handler runs.
    pub fn now(&self) -> Instant {
        self.host.now()
    }

    pub(super) fn trace_if_of(&mut self, address: IpAddr) {
        self.host.trace_if_of(self.key, address);
    }

    /// Why the spark has ended: for listeners of its end ([`Attach::on_disconnection`] and the
    /// like, [`Spark::on_end`]). `None` before.
    ///
    /// [`Attach::on_disconnection`]: crate::Attach::on_disconnection
    pub fn end_reason(&self) -> Option<EndReason> {
        self.host.end_reason(self.key)
    }

    /// Bytes that wait to be sent, because the client reads more slowly than it is written to.
    pub fn send_queue_bytes(&self) -> usize {
        self.host.send_queue_bytes(self.key)
    }

    /// Writes a [`Message`]: text, a number, bytes, a [`crate::Value`], a [`crate::Json`] of
    /// something that can be serialised, or the [`Data`] that just came in (which is passed on as
    /// it is).
    ///
    /// ```
    /// fn greet(spark: &mut allspark_engine::Spark<'_>) {
    ///     spark.write("hello");
    ///     spark.write(42);
    ///     spark.write(allspark_engine::Json(["a", "b"]));
    /// }
    /// ```
    ///
    /// Returns false when the spark has ended. A message that can't be encoded, that no frame can
    /// hold, or that a transform refuses emits `error` and leaves the spark open, as in Primus.
    pub fn write(&mut self, message: impl Message) -> bool {
        self.host.write(self.key, &message)
    }

    /// Ends the spark; its client does not reconnect. What was written before is still sent.
    /// Returns false when it has ended already.
    pub fn end(&mut self) -> bool {
        self.end_with(EndOptions::default())
    }

    /// Ends the spark. Returns false when it has ended already.
    #[doc(alias = "reconnect")]
    pub fn end_with(&mut self, options: EndOptions) -> bool {
        self.host.end_spark(self.key, options)
    }

    /// Calls `handler` with every message. It must not block: all sparks of the shard wait for it.
    ///
    /// ```
    /// fn connected(spark: &mut allspark_engine::Spark<'_>) {
    ///     let mut count = 0;
    ///     spark.on_data(move |spark, data| {
    ///         count += 1;
    ///         match data.parse::<u64>() {
    ///             Ok(number) => drop(spark.write(number + count)),
    ///             Err(error) => drop(spark.write(error.to_string())),
    ///         }
    ///     });
    /// }
    /// ```
    #[doc(alias = "data")]
    pub fn on_data(&mut self, mut handler: impl FnMut(&mut Spark<'_>, Data<'_>) + 'static) {
        self.attach(Handler::Data(Box::new(move |host, key, data| {
            handler(&mut Spark::new(host, key), data);
        })));
    }

    /// Calls `handler` when the spark has ended, before the server's `disconnection`.
    #[doc(alias = "end")]
    pub fn on_end(&mut self, handler: impl FnMut(&mut Spark<'_>) + 'static) {
        self.attach(Handler::End(on_spark(handler)));
    }

    /// Calls `handler` when the client answered a ping.
    #[doc(alias = "heartbeat")]
    pub fn on_heartbeat(&mut self, handler: impl FnMut(&mut Spark<'_>) + 'static) {
        self.attach(Handler::Heartbeat(on_spark(handler)));
    }

    /// `readyStateChange`: calls `handler` when [`Spark::ready_state`] has changed, which happens
    /// once, right before `end`.
    #[doc(alias = "readyStateChange")]
    pub fn on_ready_state_change(&mut self, handler: impl FnMut(&mut Spark<'_>) + 'static) {
        self.attach(Handler::ReadyStateChange(on_spark(handler)));
    }

    /// `outgoing::ping`: calls `handler` when the spark is about to be pinged, with what the ping
    /// says: the time of the server, in milliseconds since the Unix epoch.
    #[doc(alias = "outgoing::ping")]
    pub fn on_outgoing_ping(&mut self, mut handler: impl FnMut(&mut Spark<'_>, u64) + 'static) {
        self.attach(Handler::OutgoingPing(Box::new(move |host, key, ms| {
            handler(&mut Spark::new(host, key), ms);
        })));
    }

    /// `incoming::pong`: calls `handler` with every pong, after `heartbeat`, and with what it
    /// says, if that is a number; see [`Attach::on_incoming_pong`](crate::Attach).
    #[doc(alias = "incoming::pong")]
    pub fn on_incoming_pong(
        &mut self,
        mut handler: impl FnMut(&mut Spark<'_>, Option<u64>) + 'static,
    ) {
        self.attach(Handler::IncomingPong(Box::new(move |host, key, ms| {
            handler(&mut Spark::new(host, key), ms);
        })));
    }

    /// Calls `handler` with every error of this spark: a message that is no value of the parser, a
    /// broken transport, a full send queue.
    #[doc(alias = "error")]
    pub fn on_error(&mut self, mut handler: impl FnMut(&mut Spark<'_>, &SparkError) + 'static) {
        self.attach(Handler::Error(Box::new(move |host, key, error| {
            handler(&mut Spark::new(host, key), error);
        })));
    }

    /// Keeps a value with the spark, in the place of one of any type that it had before. It is
    /// dropped when the spark has ended, after its `disconnection`.
    ///
    /// ```
    /// struct Player {
    ///     score: u64,
    /// }
    ///
    /// fn connected(spark: &mut allspark_engine::Spark<'_>) {
    ///     spark.set_state(Player { score: 0 });
    /// }
    ///
    /// fn scored(spark: &mut allspark_engine::Spark<'_>) {
    ///     if let Some(player) = spark.state_mut::<Player>() {
    ///         player.score += 1;
    ///     }
    /// }
    /// ```
    #[doc(alias = "Spark.prototype")]
    pub fn set_state<S: 'static>(&mut self, state: S) {
        self.extras().values.set_state(Box::new(state));
    }

    /// The value that was kept with the spark, if it is of this type.
    pub fn state<S: 'static>(&self) -> Option<&S> {
        self.inner().extras.as_ref()?.values.state()
    }

    /// The same, to be changed.
    pub fn state_mut<S: 'static>(&mut self) -> Option<&mut S> {
        let extras = self.host.spark_mut(self.key).extras.as_mut()?;
        extras.values.state_mut()
    }

    /// Takes the value that was kept with the spark; `None`, and it stays, if it is not of this
    /// type.
    pub fn take_state<S: 'static>(&mut self) -> Option<S> {
        let extras = self.host.spark_mut(self.key).extras.as_mut()?;
        let state = extras.values.take_state();
        self.host.spark_mut(self.key).tidy_extras();
        state
    }

    /// Calls `handler` once after this time, to the millisecond, unless the spark has ended or the
    /// timer was cancelled by then.
    ///
    /// ```
    /// fn connected(spark: &mut allspark_engine::Spark<'_>) {
    ///     let late = std::time::Duration::from_secs(10);
    ///     let timer = spark.after(late, |spark| drop(spark.write("are you still there?")));
    ///     spark.on_data(move |spark, _| drop(spark.cancel(timer)));
    /// }
    /// ```
    pub fn after(
        &mut self,
        delay: Duration,
        handler: impl FnOnce(&mut Spark<'_>) + 'static,
    ) -> Timer {
        let mut handler = Some(handler);
        let call = on_spark(move |spark| {
            if let Some(handler) = handler.take() {
                handler(spark);
            }
        });
        self.add_timer(delay, None, call)
    }

    /// Calls `handler` again and again, at this interval (a millisecond at least), until the spark
    /// has ended or the timer was cancelled. When the shard was late, calls that are past are left
    /// out.
    pub fn every(
        &mut self,
        interval: Duration,
        handler: impl FnMut(&mut Spark<'_>) + 'static,
    ) -> Timer {
        let interval = whole_ms(interval).max(Duration::from_millis(1));
        self.add_timer(interval, Some(interval), on_spark(handler))
    }

    /// Cancels a timer of this spark. Returns false when it is one of another spark, or was called
    /// for the last time, or cancelled, already.
    pub fn cancel(&mut self, timer: Timer) -> bool {
        if timer.spark != self.id() {
            return false;
        }
        self.host.spark_mut(self.key).forget_timer(timer.key);
        self.host.spark_mut(self.key).tidy_extras();
        self.host.cancel_timer(timer.key)
    }

    fn add_timer(&mut self, delay: Duration, interval: Option<Duration>, call: OnSpark) -> Timer {
        let at = self.host.now() + whole_ms(delay);
        Timer {
            spark: self.id(),
            key: self.host.add_timer(self.key, at, interval, call),
        }
    }

    pub(super) fn extras(&mut self) -> &mut Extras {
        let state = self.host.spark_mut(self.key);
        state.extras.get_or_insert_default()
    }

    pub(super) fn inner(&self) -> &SparkState {
        self.host.spark(self.key)
    }

    pub(super) fn attach(&mut self, handler: Handler) {
        self.extras().handlers.push(handler);
    }
}

/// A timer of a spark. It means nothing to other sparks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    spark: SparkId,
    /// Other shards may have the same.
    key: Key,
}

fn on_spark(mut handler: impl FnMut(&mut Spark<'_>) + 'static) -> OnSpark {
    Box::new(move |host, key| handler(&mut Spark::new(host, key)))
}

/// In whole milliseconds, rounded up, so that nothing is early.
fn whole_ms(duration: Duration) -> Duration {
    let ms = duration.as_nanos().div_ceil(1_000_000);
    Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX))
}

impl std::fmt::Debug for Spark<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spark")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}
