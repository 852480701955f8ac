//! Attaches message transforms.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::host::{Host, Listeners, Transforms};
use super::listen::Attach;
use super::packet::{Packet, Transformed};
use super::spark::Spark;
use crate::memory::Key;

impl Attach {
    /// Calls `transform` with every message that a client has sent, before the application gets it
    /// as `data`: Primus's `transform('incoming', ..)`. It may replace, drop or refuse the message.
    /// One that panics ends the spark.
    #[doc(alias = "transform")]
    pub fn transform_incoming<R: Into<Transformed>>(
        &self,
        transform: impl Fn(&mut Spark<'_>, &mut Packet<'_>) -> R + Send + Sync + 'static,
    ) {
        self.attach_transform(|transforms| {
            let transform = move |host: &mut dyn Host, key: Key, packet: &mut Packet<'_>| {
                transform(&mut Spark::new(host, key), packet).into()
            };
            transforms.incoming.push(Arc::new(transform));
        });
    }

    /// Calls `transform` with every message that is written: Primus's `transform('outgoing', ..)`.
    /// It does not know for whom the message is, so it is called once for a message that goes to
    /// many, on the thread that writes it.
    #[doc(alias = "transform")]
    pub fn transform_outgoing<R: Into<Transformed>>(
        &self,
        transform: impl Fn(&mut Packet<'_>) -> R + Send + Sync + 'static,
    ) {
        self.attach_transform(|transforms| {
            let transform = move |packet: &mut Packet<'_>| transform(packet).into();
            transforms.outgoing.push(Arc::new(transform));
        });
        self.server().transforms.store(true, Ordering::Release);
    }

    /// The same with the spark that the message is for, which costs as much as it says: once one is
    /// attached, a broadcast is transformed, framed, compressed and copied for each spark, and each
    /// new spark takes an allocation. It comes after those that know no spark, may read what the
    /// spark knows, and can't change it. While one takes its time ([`Packet::later`]), what is
    /// written to this spark waits behind it, within the bound and by the policy of a send queue,
    /// and other sparks do not wait. One that panics ends the spark.
    #[doc(alias = "transform")]
    pub fn transform_outgoing_per_spark<R: Into<Transformed>>(
        &self,
        transform: impl Fn(&Spark<'_>, &mut Packet<'_>) -> R + Send + Sync + 'static,
    ) {
        self.attach_transform(|transforms| {
            let transform = move |host: &mut dyn Host, key: Key, packet: &mut Packet<'_>| {
                transform(&Spark::new(host, key), packet).into()
            };
            transforms.outgoing_per_spark.push(Arc::new(transform));
        });
    }

    fn attach_transform(&self, change: impl FnOnce(&mut Transforms)) {
        self.attach(|listeners: &mut Listeners| {
            let transforms = listeners.transforms.get_or_insert_default();
            change(Arc::make_mut(transforms));
        });
    }
}
