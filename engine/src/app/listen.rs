//! Attaches functions that every spark goes through.

use std::sync::Arc;

use allspark_protocol::http::RequestHead;

use super::data::Data;
use super::ends::Destroy;
use super::error::SparkError;
use super::handle::Handle;
use super::host::{Command, EverySpark, Host, Listeners, Server};
use super::layers::Layers;
use super::share::Share;
use super::spark::Spark;
use crate::layers::{LayerRequest, Verdict};
use crate::memory::Key;

/// Attaches functions that every spark of a server goes through. Unlike those that are attached to
/// one spark they cost nothing per spark. They are called before its own.
///
/// Those that are attached to a running server are called for what happens from then on.
#[derive(Clone)]
pub struct Attach {
    server: Arc<Server>,
    /// Of the plugin that attaches.
    share: Option<Arc<Share>>,
}

impl Attach {
    pub(crate) fn new(server: &Arc<Server>) -> Self {
        let server = Arc::clone(server);
        Self {
            server,
            share: None,
        }
    }

    /// What it attaches is detached with the plugin that has this share.
    pub(super) fn of_plugin(server: &Arc<Server>, share: Arc<Share>) -> Self {
        let (server, share) = (Arc::clone(server), Some(share));
        Self { server, share }
    }

    /// Asks `authorization` about every request and upgrade for Primus, in the place of the one
    /// that was asked before. It runs on the shard and must not block: what takes long is decided
    /// later, with [`LayerRequest::later`](crate::LayerRequest::later). Who is refused gets 401, or
    /// the status of the error, with `{"error":message}`.
    ///
    /// Of a session that polls every request is asked, not only the one that opens it.
    #[doc(alias = "authorization")]
    pub fn authorize<V: Into<Verdict>>(
        &self,
        authorization: impl Fn(&mut LayerRequest<'_>) -> V + Send + Sync + 'static,
    ) {
        self.layers().authorize(authorization);
    }

    /// The layers of the server.
    pub fn layers(&self) -> Layers {
        Layers::new(&self.server, self.share.clone())
    }

    /// Calls `listener` with every new spark.
    pub fn on_connection(&self, listener: impl Fn(&mut Spark<'_>) + Send + Sync + 'static) {
        self.attach(|listeners| {
            let listener = Arc::new(
                move |host: &mut dyn Host, key: Key, head: Option<&RequestHead<'_>>| {
                    listener(&mut Spark::opening(host, key, head));
                    None
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

    /// `readyStateChange`: calls `listener` with every spark whose [`Spark::ready_state`] has
    /// changed. As in Primus a spark is open from its `connection` on, so that happens once, right
    /// before its `end`.
    #[doc(alias = "readyStateChange")]
    pub fn on_ready_state_change(&self, listener: impl Fn(&mut Spark<'_>) + Send + Sync + 'static) {
        self.attach(|listeners| listeners.ready_state_change.push(with_spark(listener)));
    }

    /// `outgoing::ping`: calls `listener` with every spark that is about to be pinged, and with
    /// what the ping says: the time of the server, in milliseconds since the Unix epoch. What the
    /// listener writes arrives before the ping.
    #[doc(alias = "outgoing::ping")]
    pub fn on_outgoing_ping(&self, listener: impl Fn(&mut Spark<'_>, u64) + Send + Sync + 'static) {
        self.attach(|listeners| {
            let listener = Arc::new(move |host: &mut dyn Host, key: Key, unix_ms: u64| {
                listener(&mut Spark::new(host, key), unix_ms);
            });
            listeners.outgoing_ping.push(listener);
        });
    }

    /// `incoming::pong`: calls `listener` with every pong of a client, after `heartbeat`, and with
    /// what it says: what the ping said, if the client is honest. `None` if that is no number, and
    /// for a ping of the WebSocket, which counts as a pong.
    #[doc(alias = "incoming::pong")]
    pub fn on_incoming_pong(
        &self,
        listener: impl Fn(&mut Spark<'_>, Option<u64>) + Send + Sync + 'static,
    ) {
        self.attach(|listeners| {
            let listener = Arc::new(move |host: &mut dyn Host, key: Key, unix_ms: Option<u64>| {
                listener(&mut Spark::new(host, key), unix_ms);
            });
            listeners.incoming_pong.push(listener);
        });
    }

    /// Calls `listener` with every spark whose client has sent a new credential in the place of the
    /// one that it connected with: the message `primus::authorization::<credential>`. Nothing is
    /// known of it but that it is text of the client's, as long as a message may be.
    pub fn on_authorization(
        &self,
        listener: impl Fn(&mut Spark<'_>, &str) + Send + Sync + 'static,
    ) {
        self.attach(|listeners| {
            let listener = Arc::new(move |host: &mut dyn Host, key: Key, credential: &str| {
                listener(&mut Spark::new(host, key), credential);
            });
            listeners.authorization.push(listener);
        });
    }

    /// `initialised`: calls `listener` once the server accepts connections, on the thread that
    /// starts it.
    pub fn on_initialised(&self, listener: impl Fn(&Handle) + Send + Sync + 'static) {
        self.attach(|listeners| {
            let listener = Arc::new(move |server: &Arc<Server>| listener(&Handle::new(server)));
            listeners.initialised.push(listener);
        });
    }

    /// `close`: calls `listener` when the server was destroyed: once, on the thread of its last
    /// shard, after the last `disconnection` and before [`Server::join`](crate::Server::join)
    /// returns. After a [`Destroy`] without `close`, once all sparks have ended. If a shard has
    /// failed, the others were told to end with `reconnect`. A shard that a handler holds up for
    /// ever has no end, so nobody hears of it.
    pub fn on_close(&self, listener: impl Fn(&Destroy) + Send + Sync + 'static) {
        self.attach(|listeners| listeners.close.push(Arc::new(listener)));
    }

    pub(super) fn server(&self) -> &Arc<Server> {
        &self.server
    }

    pub(super) fn attach(&self, change: impl FnOnce(&mut Listeners)) {
        match &self.share {
            None => self.server.attach(change, || Command::Listeners),
            Some(share) => share.attach(&self.server, change),
        }
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
