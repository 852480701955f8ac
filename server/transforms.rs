//! Message transforms: functions through which messages go.

use allspark_engine::{Packet, Spark, Transformed};

use crate::primus::Primus;

impl Primus {
    /// Calls `transform` with every message that a client has sent, before the application gets it
    /// as `data`: Primus's `transform('incoming', ..)`. Transforms are called in the order in which
    /// they were attached.
    ///
    /// A transform looks at the message ([`Packet::data`]) or replaces it ([`Packet::set`]). What
    /// it returns says what becomes of the message: nothing or `true` that it goes on; `false`, as
    /// in Primus, that nobody gets it; an `Err` that nobody gets it and that `error` is emitted,
    /// with [`SparkError::Transform`](crate::SparkError::Transform). One that panics ends the
    /// spark. A transform that has to ask somebody takes a ticket, [`Packet::later`].
    ///
    /// Messages of Primus itself are not transformed. A function that is attached twice is called
    /// twice: Rust can't tell whether two closures are the same one.
    ///
    /// ```
    /// # fn main() -> Result<(), allspark::Error> {
    /// let primus = allspark::Primus::builder().build()?;
    /// // Only numbers, and twice as much of them.
    /// primus.transform_incoming(|_, packet| {
    ///     let number: u64 = packet.data().parse().map_err(|error| error.to_string())?;
    ///     packet.set(2 * number).map_err(|error| error.to_string())
    /// });
    /// // A command of an operator that the application shall not see.
    /// primus.transform_incoming(|spark, packet| {
    ///     let is_command = packet.data().encoded() == b"\"reconnect\"";
    ///     if is_command {
    ///         spark.end_with(allspark::EndOptions { reconnect: true });
    ///     }
    ///     !is_command
    /// });
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "transform")]
    pub fn transform_incoming<R: Into<Transformed>>(
        &self,
        transform: impl Fn(&mut Spark<'_>, &mut Packet<'_>) -> R + Send + Sync + 'static,
    ) -> &Self {
        self.engine.attach().transform_incoming(transform);
        self
    }

    /// Calls `transform` with every message that is written: Primus's `transform('outgoing', ..)`.
    /// It does not know for whom the message is, so it is called once for a message that goes to
    /// many, on the thread that writes it, and a broadcast costs what it did.
    ///
    /// It returns what an incoming one may ([`Primus::transform_incoming`]). An `Err` emits `error`
    /// on the spark that a handler writes to; whoever writes to all or through a handle gets it
    /// back. Primus calls transforms before the parser; here the message is encoded already, and
    /// decoded only if the transform looks at its value. So what a transform sees is what the
    /// client would get, and what the parser can't express never comes here.
    ///
    /// ```
    /// # fn main() -> Result<(), allspark::Error> {
    /// let primus = allspark::Primus::builder().build()?;
    /// primus.transform_outgoing(|packet| packet.data().encoded() != b"null");
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "transform")]
    pub fn transform_outgoing<R: Into<Transformed>>(
        &self,
        transform: impl Fn(&mut Packet<'_>) -> R + Send + Sync + 'static,
    ) -> &Self {
        self.engine.attach().transform_outgoing(transform);
        self
    }

    /// The same with the spark that the message is for, which costs as much as it says: once one is
    /// attached, a broadcast is transformed, framed, compressed and copied for each spark, and each
    /// new spark takes an allocation. Before, use a loop of your own only over those sparks that
    /// need another message.
    ///
    /// It is called after those that know no spark, reads what the spark knows, and can't change
    /// it. What it returns means the same; an `Err` emits `error` on the spark. One that panics
    /// ends the spark.
    ///
    /// It may take its time ([`Packet::later`]), as Primus's with two arguments. Then what is
    /// written to this spark waits behind it, by itself, to all or to rooms, and other sparks do
    /// not. What waits is bounded as what waits to be sent ([`Builder::send_queue`]), by the same
    /// policy; a client for which 64 KiB wait is not listened to meanwhile. Messages of Primus
    /// itself, as pings, pass. When the spark ends, what waits is not sent, as in Primus.
    ///
    /// [`Builder::send_queue`]: crate::Builder::send_queue
    ///
    /// ```
    /// # fn main() -> Result<(), allspark::Error> {
    /// let primus = allspark::Primus::builder().build()?;
    /// // Guests get no news.
    /// primus.transform_outgoing_per_spark(|spark, packet| {
    ///     spark.query().get("name").is_some() || packet.data().encoded() != b"\"news\""
    /// });
    /// // Each gets its language, which another thread knows.
    /// primus.transform_outgoing_per_spark(|spark, packet| {
    ///     let Some(language) = spark.query().get("language").map(|name| name.into_owned()) else {
    ///         return allspark::Transformed::Next;
    ///     };
    ///     let mut ticket = packet.later();
    ///     std::thread::spawn(move || {
    ///         let translated = format!("what another service says in {language}");
    ///         match ticket.set(translated) {
    ///             Ok(()) => ticket.next(),
    ///             Err(error) => ticket.fail(error),
    ///         }
    ///     });
    ///     allspark::Transformed::Later
    /// });
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "transform")]
    pub fn transform_outgoing_per_spark<R: Into<Transformed>>(
        &self,
        transform: impl Fn(&Spark<'_>, &mut Packet<'_>) -> R + Send + Sync + 'static,
    ) -> &Self {
        self.engine.attach().transform_outgoing_per_spark(transform);
        self
    }
}
