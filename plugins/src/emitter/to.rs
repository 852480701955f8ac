//! Events go out.

use allspark_engine::{Handle, Json, LocalPrimus, LocalRoom, Room, Spark, SparkError, SparkHandle};

use super::asked::{self, AckError};
use super::plugin::{Emitter, EmitterOptions};
use super::wire::EventPacket;
use crate::events::{Args, Arguments, check_free, is_local};

/// Sends events to the client of a spark.
pub trait SendSpark {
    /// Writes an event: `spark.send(name, ..)` of JavaScript. Returns false, and writes nothing,
    /// when the spark has ended, or if the name belongs to Primus or a plugin
    /// ([`Spark::reserved`]): a client would not tell its application of it.
    fn send(&mut self, event: &str, args: impl Arguments) -> bool;

    /// The same; calls `call` once, with what the client acknowledges the event with, or with why
    /// it does not. `call` runs at once if the event can't be sent. See [`EmitterOptions`] for how
    /// long and for how many it is waited.
    fn send_with_ack(
        &mut self,
        event: &str,
        args: impl Arguments,
        call: impl FnOnce(&mut Spark<'_>, Result<Args<'_>, AckError>) + 'static,
    );
}

impl SendSpark for Spark<'_> {
    fn send(&mut self, event: &str, args: impl Arguments) -> bool {
        !is_local(self, event) && self.write(packet(event, &args, None))
    }

    fn send_with_ack(
        &mut self,
        event: &str,
        args: impl Arguments,
        call: impl FnOnce(&mut Spark<'_>, Result<Args<'_>, AckError>) + 'static,
    ) {
        if is_local(self, event) {
            return call(self, Err(AckError::Reserved));
        }
        if !self.is_open() {
            return call(self, Err(AckError::Ended));
        }
        let emitter = self.plugin::<Emitter>();
        let default = EmitterOptions::default();
        let options = emitter.as_deref().map_or(&default, Emitter::options);
        match asked::begin(self, options.acks_max, options.timeout(), Box::new(call)) {
            Ok(id) => drop(self.write(packet(event, &args, Some(id)))),
            Err(call) => call(self, Err(AckError::TooMany)),
        }
    }
}

/// Sends events to whom a handle leads: one spark, all sparks, rooms.
///
/// ```
/// use allspark_plugins::emitter::SendTo;
///
/// /// `primus.send("news", "a", 1)`
/// fn tell(primus: &allspark_engine::Handle) -> Result<(), allspark_engine::SparkError> {
///     primus.send("news", ("a", 1))
/// }
/// ```
///
/// To have each of many acknowledge it, visit them: `primus.for_each(|spark| ..)`.
pub trait SendTo {
    /// Writes an event. It is encoded once, however many get it.
    ///
    /// # Errors
    /// The name is one that Primus uses itself; or as [`Handle::write`].
    fn send(self, event: &str, args: impl Arguments) -> Result<(), SparkError>;
}

/// Where a message is written with `write`.
macro_rules! send_by_write {
    ($($type:ty),* $(,)?) => {$(
        impl SendTo for $type {
            fn send(self, event: &str, args: impl Arguments) -> Result<(), SparkError> {
                check_free(event)?;
                self.write(packet(event, &args, None))
            }
        }
    )*};
}

send_by_write!(
    &Handle,
    &SparkHandle,
    &Room,
    &mut LocalPrimus<'_>,
    &mut LocalRoom<'_>,
);

fn packet<'a, A>(event: &'a str, args: &'a A, id: Option<u64>) -> Json<EventPacket<'a, A>> {
    Json(EventPacket { event, args, id })
}
