//! Attaches functions that every spark goes through.

use std::sync::Arc;

use allspark_protocol::http::RequestHead;

use super::data::Data;
use super::error::SparkError;
use super::host::{Command, EverySpark, Host, Listeners, Server};
use super::spark::Spark;
use crate::memory::Key;

/// Attaches functions that every spark of a server goes through. Unlike those that are attached to
/// one spark they cost nothing per spark. They are called before its own.
///
/// Those that are attached to a running server are called for what happens from then on.
#[derive(Clone)]
pub struct Attach(Arc<Server>);

impl Attach {
    pub(crate) fn new(server: &Arc<Server>) -> Self {
        Self(Arc::clone(server))
    }

    /// Calls `listener` with every new spark.
    pub fn on_connection(&self, listener: impl Fn(&mut Spark<'_>) + Send + Sync + 'static) {
        self.attach(|listeners| {
            let listener = Arc::new(
                move |host: &mut dyn Host, key: Key, head: &RequestHead<'_>| {
                    listener(&mut Spark::opening(host, key, head));
                },
            );
            listeners.connection.push(listener);
        });
    }

    /// Calls `listener` with every spark that has ended.
    pub fn on_disconnection(&self, listener: impl Fn(&mut Spark<'_>) + Send + Sync + 'static) {
        self.attach(|listeners| listeners.disconnection.push(with_spark(listener)));
    }

    /// Calls `listener` with every message of every spark.
    pub fn on_data(&self, listener: impl Fn(&mut Spark<'_>, Data<'_>) + Send + Sync + 'static) {
        self.attach(|listeners| {
            let listener = Arc::new(move |host: &mut dyn Host, key: Key, data: Data<'_>| {
                listener(&mut Spark::new(host, key), data);
            });
            listeners.data.push(listener);
        });
    }

    /// Calls `listener` whenever a client has answered a ping.
    pub fn on_heartbeat(&self, listener: impl Fn(&mut Spark<'_>) + Send + Sync + 'static) {
        self.attach(|listeners| listeners.heartbeat.push(with_spark(listener)));
    }

    /// Calls `listener` with every error of every spark.
    pub fn on_error(&self, listener: impl Fn(&mut Spark<'_>, &SparkError) + Send + Sync + 'static) {
        self.attach(|listeners| {
            let listener = Arc::new(move |host: &mut dyn Host, key: Key, error: &SparkError| {
                listener(&mut Spark::new(host, key), error);
            });
            listeners.error.push(listener);
        });
    }

    pub(super) fn attach(&self, change: impl FnOnce(&mut Listeners)) {
        self.0.attach(change, || Command::Listeners);
    }
}

fn with_spark(listener: impl Fn(&mut Spark<'_>) + Send + Sync + 'static) -> Arc<EverySpark> {
    Arc::new(move |host: &mut dyn Host, key: Key| listener(&mut Spark::new(host, key)))
}

impl std::fmt::Debug for Attach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attach").finish_non_exhaustive()
    }
}
