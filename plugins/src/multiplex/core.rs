//! What channels and subscriptions are. Functions of the application take a
//! [`ChannelSpark`](super::ChannelSpark); here they are kept as functions of a spark and a member,
//! from which one is made when they are called.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, RwLock, Weak};

use allspark_engine::{Handle, Spark, SparkHandle, SparkId, Value, WeakHandle};
use allspark_protocol::parser::ParserKind;
use arc_swap::ArcSwap;

use super::options::MultiplexOptions;
use crate::events::{Args, Envelope};

/// What all channels of a server share.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) options: MultiplexOptions,
    /// Known once the plugin was added to a server.
    pub(super) parser: OnceLock<ParserKind>,
    /// Those that it was added to: one, unless an application has several.
    pub(super) servers: Mutex<Vec<WeakHandle>>,
    pub(super) channels: RwLock<HashMap<Box<str>, Channel>>,
    pub(super) subscribe: Hooks,
    pub(super) unsubscribe: Hooks,
}

/// What every subscription goes through, whatever its channel.
pub(super) type Hooks = ArcSwap<Vec<Arc<OfMember>>>;

impl Shared {
    pub(super) fn find(&self, name: &str) -> Option<Channel> {
        self.channels.read().expect(UNPOISONED).get(name).cloned()
    }

    /// The plugin was added to a server.
    pub(super) fn added_to(&self, server: &Handle) {
        let mut servers = self.servers.lock().expect(UNPOISONED);
        servers.retain(|server| server.upgrade().is_some());
        servers.push(server.downgrade());
    }

    /// The servers that are still there.
    pub(super) fn servers(&self) -> Vec<Handle> {
        let servers = self.servers.lock().expect(UNPOISONED);
        servers.iter().filter_map(WeakHandle::upgrade).collect()
    }
}

const UNPOISONED: &str = "nothing panics while it holds the lock";

/// A channel of a server: what is written to it reaches all its subscriptions. Clones are the same
/// channel.
#[derive(Clone)]
pub struct Channel(pub(super) Arc<Inner>);

/// See [`Channel`].
pub(super) struct Inner {
    pub(super) name: Box<str>,
    /// It has the channel, too.
    pub(super) shared: Weak<Shared>,
    pub(super) listeners: ArcSwap<Listeners>,
    members: Mutex<Members>,
}

/// One subscription of a client to a channel.
pub(super) struct Member {
    pub(super) channel: Channel,
    /// Its id and the channel's name, which stand around its messages.
    pub(super) address: Arc<Envelope>,
    /// Whether what comes may be an event of primus-emitter.
    pub(super) has_events: bool,
}

impl Member {
    /// Bytes that a channel has for one subscription of a spark that has no other one there.
    pub(super) const SEAT_BYTES: usize =
        2 * size_of::<(SparkId, Seat)>() + size_of::<Arc<Envelope>>();
}

pub(super) type OfMember = dyn Fn(&mut Spark<'_>, &Arc<Member>) + Send + Sync;
pub(super) type OfData = dyn Fn(&mut Spark<'_>, &Arc<Member>, &Value) + Send + Sync;
pub(super) type OfEvent = dyn Fn(&mut Spark<'_>, &Arc<Member>, Args<'_>) + Send + Sync;

/// What all subscriptions of a channel go through.
#[derive(Clone, Default)]
pub(super) struct Listeners {
    pub(super) connection: Vec<Arc<OfMember>>,
    pub(super) disconnection: Vec<Arc<OfMember>>,
    pub(super) data: Vec<Arc<OfData>>,
    pub(super) events: Vec<(Box<str>, Arc<OfEvent>)>,
    pub(super) close: Vec<Arc<dyn Fn() + Send + Sync>>,
}

/// A spark with its subscriptions to one channel: seldom more than one.
type Seat = (SparkHandle, Vec<Arc<Envelope>>);

#[derive(Default)]
struct Members {
    /// Clones of the channel may be kept, but nobody gets in any more.
    is_destroyed: bool,
    sparks: HashMap<SparkId, Seat>,
}

impl Channel {
    pub(super) fn new(name: &str, shared: &Arc<Shared>) -> Self {
        Self(Arc::new(Inner {
            name: name.into(),
            shared: Arc::downgrade(shared),
            listeners: ArcSwap::default(),
            members: Mutex::default(),
        }))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// How many subscriptions it has.
    pub fn len(&self) -> usize {
        let members = self.0.lock();
        members.sparks.values().map(|(_, ids)| ids.len()).sum()
    }

    /// Whether nobody is subscribed.
    pub fn is_empty(&self) -> bool {
        self.0.lock().sparks.is_empty()
    }
}

impl Inner {
    /// Attaches a listener.
    pub(super) fn attach(&self, change: impl Fn(&mut Listeners)) {
        self.listeners.rcu(|listeners| {
            let mut listeners = Listeners::clone(listeners);
            change(&mut listeners);
            listeners
        });
    }

    /// Somebody gets in; returns false if the channel was destroyed.
    pub(super) fn enter(&self, spark: &Spark<'_>, address: &Arc<Envelope>) -> bool {
        let mut members = self.lock();
        if members.is_destroyed {
            return false;
        }
        let seat = members.sparks.entry(spark.id());
        let (_, ids) = seat.or_insert_with(|| (spark.handle(), Vec::with_capacity(1)));
        ids.push(Arc::clone(address));
        true
    }

    /// Somebody gets out.
    pub(super) fn leave(&self, spark: SparkId, address: &Arc<Envelope>) {
        let mut members = self.lock();
        let Some((_, ids)) = members.sparks.get_mut(&spark) else {
            return;
        };
        ids.retain(|other| !Arc::ptr_eq(other, address));
        if ids.is_empty() {
            members.sparks.remove(&spark);
        }
    }

    /// Who is in now. What is done with them is done without the lock, since it may wait for their
    /// shards, which may wait for the lock.
    pub(super) fn members(&self) -> Vec<(SparkHandle, Arc<Envelope>)> {
        let members = self.lock();
        let seats = members.sparks.values();
        let each = |(spark, ids): &Seat| {
            let spark = spark.clone();
            let ids: Vec<_> = ids.clone();
            ids.into_iter().map(move |id| (spark.clone(), id))
        };
        seats.flat_map(each).collect()
    }

    /// The subscription with this id, of whatever client has it.
    pub(super) fn find(&self, id: &str) -> Option<(SparkHandle, Arc<Envelope>)> {
        let members = self.lock();
        members.sparks.values().find_map(|(spark, ids)| {
            let address = ids.iter().find(|address| *address.id == *id)?;
            Some((spark.clone(), Arc::clone(address)))
        })
    }

    /// Nobody gets in any more, and another channel may have the name. Returns false if that was so
    /// already.
    pub(super) fn close(&self) -> bool {
        let was_destroyed = std::mem::replace(&mut self.lock().is_destroyed, true);
        if !was_destroyed && let Some(shared) = self.shared.upgrade() {
            shared
                .channels
                .write()
                .expect(UNPOISONED)
                .remove(&self.name);
        }
        !was_destroyed
    }

    fn lock(&self) -> MutexGuard<'_, Members> {
        self.members.lock().expect(UNPOISONED)
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Channel").field(&self.name()).finish()
    }
}
