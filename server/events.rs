//! Events of a server and of all of its sparks, beside those that an application begins with
//! ([`Primus::on_connection`] and its like).

use allspark_engine::{Destroy, Handle, Next, Spark};

use crate::primus::Primus;

impl Primus {
    /// `readyStateChange`: calls `listener` with every spark whose [`Spark::ready_state`] has
    /// changed. As in Primus a spark is open from its `connection` on, so that happens once, right
    /// before its `end`.
    ///
    /// ```
    /// # fn main() -> Result<(), allspark::Error> {
    /// let primus = allspark::Primus::builder().build()?;
    /// primus.on_ready_state_change(|spark| println!("{}: {:?}", spark.id(), spark.ready_state()));
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "readyStateChange")]
    pub fn on_ready_state_change(
        &self,
        listener: impl Fn(&mut Spark<'_>) + Send + Sync + 'static,
    ) -> &Self {
        self.engine.attach().on_ready_state_change(listener);
        self
    }

    /// `outgoing::ping`: calls `listener` with every spark that is about to be pinged, and with
    /// what the ping says: the time of the server, in milliseconds since the Unix epoch. What the
    /// listener writes arrives before the ping.
    ///
    /// ```
    /// # fn main() -> Result<(), allspark::Error> {
    /// let primus = allspark::Primus::builder().build()?;
    /// primus.on_outgoing_ping(|spark, unix_ms| println!("{} is pinged: {unix_ms}", spark.id()));
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "outgoing::ping")]
    pub fn on_outgoing_ping(
        &self,
        listener: impl Fn(&mut Spark<'_>, u64) + Send + Sync + 'static,
    ) -> &Self {
        self.engine.attach().on_outgoing_ping(listener);
        self
    }

    /// `incoming::pong`: calls `listener` with every pong of a client, after `heartbeat`, and with
    /// what it says: what the ping said, if the client is honest. `None` if that is no number, and
    /// for a ping of the WebSocket, which counts as a pong. How long the client took says
    /// [`Spark::latency`].
    ///
    /// ```
    /// # fn main() -> Result<(), allspark::Error> {
    /// let primus = allspark::Primus::builder().build()?;
    /// primus.on_incoming_pong(|spark, _| println!("{}: {:?}", spark.id(), spark.latency()));
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "incoming::pong")]
    pub fn on_incoming_pong(
        &self,
        listener: impl Fn(&mut Spark<'_>, Option<u64>) + Send + Sync + 'static,
    ) -> &Self {
        self.engine.attach().on_incoming_pong(listener);
        self
    }

    /// Calls `listener` with every spark whose client has sent a new credential in the place of the
    /// one that it connected with, with what it sent. With an authorization that is configured
    /// there is one already, which takes JWTs ([`Expiry`](crate::auth::Expiry)); this is for an
    /// application that decides by itself. The credential is text of the client's, as long as a
    /// message may be, and to be trusted as little as any other one.
    ///
    /// Clients write the text `primus::authorization::<credential>`; those of AllSpark have a
    /// method, `renewAuthorization(credential)`. No listener of data and no transform sees it.
    ///
    /// ```
    /// # fn main() -> Result<(), allspark::Error> {
    /// # fn still_valid(_: &str) -> bool { true }
    /// let primus = allspark::Primus::builder().build()?;
    /// primus.on_authorization(|spark, credential| {
    ///     if !still_valid(credential) {
    ///         spark.end();
    ///     }
    /// });
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_authorization(
        &self,
        listener: impl Fn(&mut Spark<'_>, &str) + Send + Sync + 'static,
    ) -> &Self {
        self.engine.attach().on_authorization(listener);
        self
    }

    /// `initialised`: calls `listener` once the server accepts connections, on the thread that
    /// starts it.
    ///
    /// ```
    /// # fn main() -> Result<(), allspark::Error> {
    /// let primus = allspark::Primus::builder().build()?;
    /// primus.on_initialised(|primus| println!("{} sparks so far", primus.connected()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_initialised(&self, listener: impl Fn(&Handle) + Send + Sync + 'static) -> &Self {
        self.engine.attach().on_initialised(listener);
        self
    }

    /// `close`: calls `listener` when the server was destroyed: once, on the thread of its last
    /// shard, after the last `disconnection` and before [`Server::join`](crate::Server::join)
    /// returns. After a [`Destroy`] without `close`, once all sparks have ended. If a shard has
    /// failed, the others were told to end with `reconnect`. A shard that a handler holds up for
    /// ever has no end, so nobody hears of it.
    ///
    /// ```
    /// # fn main() -> Result<(), allspark::Error> {
    /// let primus = allspark::Primus::builder().build()?;
    /// primus.on_close(|options| println!("closed; clients come back: {}", options.reconnect));
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_close(&self, listener: impl Fn(&Destroy) + Send + Sync + 'static) -> &Self {
        self.engine.attach().on_close(listener);
        self
    }

    /// `plugin`: calls `listener` with the name of each plugin that was added, on the thread that
    /// has added it. Those that the builder was given were added before anybody could listen.
    #[doc(alias = "plugin")]
    pub fn on_plugin(&self, listener: impl Fn(&str) + Send + Sync + 'static) -> &Self {
        self.engine.attach().on_plugin(listener);
        self
    }

    /// `plugout`: calls `listener` with the name of each plugin that was removed, on the thread
    /// that has removed it.
    #[doc(alias = "plugout")]
    pub fn on_plugout(&self, listener: impl Fn(&str) + Send + Sync + 'static) -> &Self {
        self.engine.attach().on_plugout(listener);
        self
    }

    /// As [`Handle::for_each_async`]: calls `visit` with one spark after the other, each time once
    /// it is told to go on, then calls `done`.
    #[doc(alias = "forEach")]
    pub fn for_each_async(
        &self,
        visit: impl Fn(&mut Spark<'_>, Next) + Send + Sync + 'static,
        done: impl FnOnce(Result<(), Box<dyn std::error::Error + Send + Sync>>) + Send + 'static,
    ) {
        self.handle().for_each_async(visit, done);
    }

    /// As [`Handle::connected`]: how many sparks are connected now.
    pub fn connected(&self) -> u64 {
        self.handle().connected()
    }

    /// Whether an event of this name belongs to Primus's server, as [`Handle::reserved`].
    pub fn reserved(&self, event: &str) -> bool {
        self.handle().reserved(event)
    }
}
