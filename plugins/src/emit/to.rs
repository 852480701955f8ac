//! Events go out.

use allspark_engine::{Handle, Json, LocalPrimus, LocalRoom, Room, Spark, SparkError, SparkHandle};

use super::wire::Emitted;
use crate::events::{Arguments, check_free, is_local};

/// Emits to the client of a spark.
pub trait EmitSpark {
    /// Writes an event: `spark.emit(name, ..)` of JavaScript. Returns false, and writes nothing,
    /// when the spark has ended, or if the name belongs to Primus or a plugin
    /// ([`Spark::reserved`]): such an event stays on its side in JavaScript, too.
    fn emit(&mut self, event: &str, args: impl Arguments) -> bool;
}

impl EmitSpark for Spark<'_> {
    fn emit(&mut self, event: &str, args: impl Arguments) -> bool {
        let args = &args;
        !is_local(self, event) && self.write(Json(Emitted { event, args }))
    }
}

/// Emits to whom a handle leads: one spark, all sparks, rooms.
///
/// ```
/// use allspark_plugins::emit::EmitTo;
///
/// fn tell(primus: &allspark_engine::Handle) -> Result<(), allspark_engine::SparkError> {
///     primus.emit("news", ("a", 1))
/// }
/// ```
pub trait EmitTo {
    /// Writes an event. It is encoded once, however many get it.
    ///
    /// # Errors
    /// The name is one that Primus uses itself; or as [`Handle::write`].
    fn emit(self, event: &str, args: impl Arguments) -> Result<(), SparkError>;
}

/// Where a message is written with `write`.
macro_rules! emit_by_write {
    ($($type:ty),* $(,)?) => {$(
        impl EmitTo for $type {
            fn emit(self, event: &str, args: impl Arguments) -> Result<(), SparkError> {
                let args = &args;
                check_free(event)?;
                self.write(Json(Emitted { event, args }))
            }
        }
    )*};
}

emit_by_write!(
    &Handle,
    &SparkHandle,
    &Room,
    &mut LocalPrimus<'_>,
    &mut LocalRoom<'_>,
);
