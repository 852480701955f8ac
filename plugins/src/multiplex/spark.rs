//! A subscription, as the application sees it.

use std::sync::Arc;

use allspark_engine::{Json, Message, Spark, SparkError, SparkHandle, Value};

use super::core::{Channel, Member};
use super::framed::Framed;
use super::subscriptions::{self, By, Handlers, OnAck, OnEvent, Subscriptions};
use crate::emitter::wire::EventPacket;
use crate::emitter::{AckError, Emitter};
use crate::events::{Args, Arguments, Envelope, is_local};

/// One subscription of a client to a channel, for as long as a handler runs: the `spark` of a
/// channel in npm. To reach it from elsewhere or later, keep its [`ChannelSpark::handle`].
pub struct ChannelSpark<'s, 'a> {
    spark: &'s mut Spark<'a>,
    member: Arc<Member>,
}

impl<'s, 'a> ChannelSpark<'s, 'a> {
    pub(super) fn new(spark: &'s mut Spark<'a>, member: &Arc<Member>) -> Self {
        let member = Arc::clone(member);
        Self { spark, member }
    }

    /// The id of the subscription, which the client has made. Another client may have the same.
    pub fn id(&self) -> &str {
        &self.member.address.id
    }

    /// The channel.
    pub fn channel(&self) -> &Channel {
        &self.member.channel
    }

    /// The spark of the connection.
    pub fn spark(&mut self) -> &mut Spark<'a> {
        self.spark
    }

    /// Whether it is not over.
    pub fn is_open(&self) -> bool {
        self.spark.is_open() && subscriptions::is_open(self.spark, &self.member)
    }

    /// Writes a message to this subscription. Returns false when it is over. As in npm, what
    /// JavaScript takes for false (null, `false`, 0, an empty text) arrives as `undefined`.
    pub fn write(&mut self, message: impl Message) -> bool {
        let address = Arc::clone(&self.member.address);
        self.is_open() && self.spark.write(Framed::new(&message, &address))
    }

    /// Emits an event at the client, which has primus-emitter. Returns false when the subscription
    /// is over, or if the name belongs to Primus or a plugin.
    pub fn send(&mut self, event: &str, args: impl Arguments) -> bool {
        let (args, id) = (&args, None);
        !is_local(self.spark, event) && self.write(Json(EventPacket { event, args, id }))
    }

    /// The same; calls `call` once, with what the client acknowledges the event with, or with why
    /// it does not. `call` runs at once if the event can't be sent. How long and for how many it is
    /// waited, the options of [`Emitter`](crate::emitter::EmitterOptions) say.
    pub fn send_with_ack(
        &mut self,
        event: &str,
        args: impl Arguments,
        call: impl FnOnce(&mut ChannelSpark<'_, '_>, Result<Args<'_>, AckError>) + 'static,
    ) {
        if is_local(self.spark, event) {
            return call(self, Err(AckError::Reserved));
        }
        if !self.is_open() {
            return call(self, Err(AckError::Ended));
        }
        let emitter = self.spark.primus().handle().plugin::<Emitter>();
        let options = emitter.map(|emitter| emitter.options().clone());
        let options = options.unwrap_or_default();
        let call: OnAck = Box::new(move |spark, member, answer| {
            call(&mut ChannelSpark::new(spark, member), answer);
        });
        let (max, timeout) = (options.acks_max, options.timeout());
        let member = Arc::clone(&self.member);
        match subscriptions::begin_ack(self.spark, &member, max, timeout, call) {
            Ok(id) => {
                let (args, id) = (&args, Some(id));
                self.write(Json(EventPacket { event, args, id }));
            }
            Err(call) => call(self.spark, &member, Err(AckError::TooMany)),
        }
    }

    /// Ends the subscription; the connection stays open. Returns false when it is over already.
    pub fn end(&mut self) -> bool {
        subscriptions::end(self.spark, &self.member, By::Server)
    }

    /// Writes a last message and ends the subscription.
    pub fn end_with(&mut self, message: impl Message) -> bool {
        self.write(message) && self.end()
    }

    /// Calls `handler` with every message of this subscription; null if the client has sent none.
    pub fn on_data(
        &mut self,
        mut handler: impl FnMut(&mut ChannelSpark<'_, '_>, &Value) + 'static,
    ) {
        if let Some(handlers) = self.handlers() {
            handlers.data.push(Box::new(move |spark, member, value| {
                handler(&mut ChannelSpark::new(spark, member), value);
            }));
        }
    }

    /// Calls `handler` with every event of this name that the client emits, if the server has
    /// primus-emitter.
    pub fn on(
        &mut self,
        event: &str,
        mut handler: impl FnMut(&mut ChannelSpark<'_, '_>, Args<'_>) + 'static,
    ) {
        if let Some(handlers) = self.handlers() {
            let handler: OnEvent = Box::new(move |spark, member, args| {
                handler(&mut ChannelSpark::new(spark, member), args);
            });
            handlers.events.push((event.into(), handler));
        }
    }

    /// Calls `handler` when the subscription is over: because the client or the server has ended
    /// it, the channel was destroyed, or the spark has ended.
    pub fn on_end(&mut self, mut handler: impl FnMut(&mut ChannelSpark<'_, '_>) + 'static) {
        if let Some(handlers) = self.handlers() {
            handlers.end.push(Box::new(move |spark, member| {
                handler(&mut ChannelSpark::new(spark, member));
            }));
        }
    }

    /// A way to reach it from any thread and at any time.
    pub fn handle(&self) -> ChannelSparkHandle {
        ChannelSparkHandle {
            spark: self.spark.handle(),
            address: Arc::clone(&self.member.address),
        }
    }

    fn handlers(&mut self) -> Option<&mut Handlers> {
        self.spark
            .own_mut::<Subscriptions>()?
            .handlers_mut(&self.member)
    }
}

/// One subscription, from any thread and at any time. What is asked of one that is over is ignored.
#[derive(Clone, Debug)]
pub struct ChannelSparkHandle {
    spark: SparkHandle,
    address: Arc<Envelope>,
}

impl ChannelSparkHandle {
    pub(super) fn new(spark: SparkHandle, address: Arc<Envelope>) -> Self {
        Self { spark, address }
    }

    /// The id of the subscription.
    pub fn id(&self) -> &str {
        &self.address.id
    }

    /// The spark of the connection.
    pub fn spark(&self) -> &SparkHandle {
        &self.spark
    }

    /// Writes a message.
    ///
    /// # Errors
    /// It can't be encoded, is too long, or was refused by a transform.
    pub fn write(&self, message: impl Message) -> Result<(), SparkError> {
        let Self { spark, address } = self;
        spark.write(Framed::new(&message, address))
    }

    /// Emits an event at the client.
    ///
    /// # Errors
    /// As [`ChannelSparkHandle::write`].
    pub fn send(&self, event: &str, args: impl Arguments) -> Result<(), SparkError> {
        let (args, id) = (&args, None);
        self.write(Json(EventPacket { event, args, id }))
    }

    /// Ends the subscription.
    pub fn end(&self) {
        self.with(|spark| {
            spark.end();
        });
    }

    /// Calls `visit` with the subscription, on its shard, unless it is over by then.
    pub fn with(&self, visit: impl FnOnce(&mut ChannelSpark<'_, '_>) + Send + 'static) {
        let address = Arc::clone(&self.address);
        self.spark.with(move |spark| {
            let Envelope { id, channel } = &*address;
            if let Some(member) = subscriptions::find(spark, channel, id) {
                visit(&mut ChannelSpark::new(spark, &member));
            }
        });
    }
}

impl std::fmt::Debug for ChannelSpark<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChannelSpark")
            .field("id", &self.id())
            .field("channel", &self.channel().name())
            .finish_non_exhaustive()
    }
}
