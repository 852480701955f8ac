//! Names of events that never go over the wire.

use allspark_engine::{Spark, SparkError};
use allspark_protocol::primus::reserved::reserved_spark;

/// Names that an event emitter of JavaScript uses itself.
const OF_EMITTERS: [&str; 2] = ["newListener", "removeListener"];

/// Whether an event of this name is one of Primus, of a plugin, or of event emitters.
pub(crate) fn is_local(spark: &Spark<'_>, event: &str) -> bool {
    spark.reserved(event) || OF_EMITTERS.contains(&event)
}

/// The same for those who have no spark at hand and know no plugins.
///
/// # Errors
/// The name is taken.
pub(crate) fn check_free(event: &str) -> Result<(), SparkError> {
    match reserved_spark(event) || OF_EMITTERS.contains(&event) {
        true => Err(SparkError::Reserved(event.into())),
        false => Ok(()),
    }
}
