//! What an application does with a channel.

use std::sync::Arc;

use allspark_engine::{Batch, Json, Message, Spark, SparkError, Value};

use super::core::{Channel, Member, OfData, OfEvent, OfMember};
use super::framed::{Encoded, Framed};
use super::spark::{ChannelSpark, ChannelSparkHandle};
use crate::emitter::wire::EventPacket;
use crate::events::{Args, Arguments};

impl Channel {
    /// Calls `listener` with every new subscription.
    pub fn on_connection(
        &self,
        listener: impl Fn(&mut ChannelSpark<'_, '_>) + Send + Sync + 'static,
    ) {
        let listener = of_member(listener);
        self.0
            .attach(|all| all.connection.push(Arc::clone(&listener)));
    }

    /// Calls `listener` with every subscription that is over.
    pub fn on_disconnection(
        &self,
        listener: impl Fn(&mut ChannelSpark<'_, '_>) + Send + Sync + 'static,
    ) {
        let listener = of_member(listener);
        self.0
            .attach(|all| all.disconnection.push(Arc::clone(&listener)));
    }

    /// Calls `listener` with every message of every subscription, before the subscription's own
    /// handlers. It costs nothing per subscription.
    pub fn on_data(
        &self,
        listener: impl Fn(&mut ChannelSpark<'_, '_>, &Value) + Send + Sync + 'static,
    ) {
        let listener: Arc<OfData> = Arc::new(
            move |spark: &mut Spark<'_>, member: &Arc<Member>, value: &Value| {
                listener(&mut ChannelSpark::new(spark, member), value);
            },
        );
        self.0.attach(|all| all.data.push(Arc::clone(&listener)));
    }

    /// Calls `listener` with every event of this name, of every subscription, if the server has
    /// primus-emitter.
    pub fn on(
        &self,
        event: &str,
        listener: impl Fn(&mut ChannelSpark<'_, '_>, Args<'_>) + Send + Sync + 'static,
    ) {
        let listener: Arc<OfEvent> = Arc::new(
            move |spark: &mut Spark<'_>, member: &Arc<Member>, args: Args<'_>| {
                listener(&mut ChannelSpark::new(spark, member), args);
            },
        );
        self.0
            .attach(|all| all.events.push((event.into(), Arc::clone(&listener))));
    }

    /// Calls `listener` when the channel was destroyed.
    pub fn on_close(&self, listener: impl Fn() + Send + Sync + 'static) {
        let listener: Arc<dyn Fn() + Send + Sync> = Arc::new(listener);
        self.0.attach(|all| all.close.push(Arc::clone(&listener)));
    }

    /// Writes a message to every subscription. It is encoded once; what stands around it, once for
    /// each. Each shard is told once, however many there are.
    ///
    /// # Errors
    /// It can't be encoded, is too long, or was refused by a transform. Nothing is written then.
    pub fn write(&self, message: impl Message) -> Result<(), SparkError> {
        let Some(shared) = self.0.shared.upgrade() else {
            return Ok(());
        };
        let Some(parser) = shared.parser.get().copied() else {
            return Ok(());
        };
        let mut scratch = Vec::new();
        let encoded = message.encode(parser, &mut scratch);
        let (kind, message) = encoded.map_err(SparkError::Encode)?;
        let encoded = Encoded { kind, message };
        let members = self.0.members();
        // A server knows nothing of the sparks of another one, and passes them over.
        let batches = shared.servers().into_iter().map(|server| {
            let mut batch = server.batch();
            for (spark, address) in &members {
                batch.write_to([spark.id()], Framed::new(&encoded, address))?;
            }
            Ok(batch)
        });
        let batches = batches.collect::<Result<Vec<_>, SparkError>>()?;
        batches.into_iter().for_each(Batch::send);
        Ok(())
    }

    /// Emits an event at every client with a subscription.
    ///
    /// # Errors
    /// As [`Channel::write`].
    pub fn send(&self, event: &str, args: impl Arguments) -> Result<(), SparkError> {
        let (args, id) = (&args, None);
        self.write(Json(EventPacket { event, args, id }))
    }

    /// Calls `visit` with every subscription that there is now, on its shard.
    #[doc(alias = "forEach")]
    pub fn for_each(&self, visit: impl Fn(&mut ChannelSpark<'_, '_>) + Send + Sync + 'static) {
        let visit = Arc::new(visit);
        for (spark, address) in self.0.members() {
            let visit = Arc::clone(&visit);
            ChannelSparkHandle::new(spark, address).with(move |spark| visit(spark));
        }
    }

    /// The subscription with this id, if there is one. Ids are made by clients: if several have
    /// made the same one it is any of these.
    pub fn spark(&self, id: &str) -> Option<ChannelSparkHandle> {
        let (spark, address) = self.0.find(id)?;
        Some(ChannelSparkHandle::new(spark, address))
    }

    /// Ends all subscriptions; nobody can subscribe any more, until there is a new channel of that
    /// name. Returns false when it was destroyed already.
    pub fn destroy(&self) -> bool {
        if !self.0.close() {
            return false;
        }
        for (spark, address) in self.0.members() {
            ChannelSparkHandle::new(spark, address).end();
        }
        let listeners = self.0.listeners.load_full();
        listeners.close.iter().for_each(|listener| listener());
        true
    }
}

pub(super) fn of_member(
    listener: impl Fn(&mut ChannelSpark<'_, '_>) + Send + Sync + 'static,
) -> Arc<OfMember> {
    Arc::new(move |spark: &mut Spark<'_>, member: &Arc<Member>| {
        listener(&mut ChannelSpark::new(spark, member));
    })
}
