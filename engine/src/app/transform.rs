//! Message transforms: functions through which messages go, in both directions, in the order in
//! which they were attached. Messages of Primus itself do not.

use super::error::SparkError;
use super::host::{Host, Transforms};
use super::packet::{Packet, Transformed};
use crate::memory::Key;

/// What becomes of a message that was transformed: whether it goes on.
///
/// # Errors
/// A transform has refused it.
pub(crate) type Outcome = Result<bool, SparkError>;

/// Has a message that is written transformed by the functions that do not know for whom it is.
///
/// # Panics
/// If one of them does: whoever writes has called it.
pub(crate) fn outgoing(transforms: &Transforms, packet: &mut Packet<'_>) -> Outcome {
    for transform in &transforms.outgoing {
        if !goes_on(transform(packet))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The same by those that know the spark.
///
/// # Panics
/// If one of them does.
pub(crate) fn outgoing_per_spark(
    host: &mut dyn Host,
    key: Key,
    transforms: &Transforms,
    packet: &mut Packet<'_>,
) -> Outcome {
    for transform in &transforms.outgoing_per_spark {
        if !goes_on(transform(host, key, packet))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a transform has said.
pub(crate) fn goes_on(transformed: Transformed) -> Outcome {
    match transformed {
        Transformed::Next => Ok(true),
        Transformed::Drop => Ok(false),
        Transformed::Fail(error) => Err(SparkError::Transform(error)),
    }
}
