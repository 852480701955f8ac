//! What a plugin has said of rooms.

/// Bounds of rooms that a plugin has set: those of the server count for nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RoomBounds {
    pub(crate) per_spark_max: Option<usize>,
    pub(crate) name_bytes_max: Option<usize>,
}
