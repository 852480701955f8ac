//! What an axis shows.

use super::unit::Unit;

/// What an axis shows.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    pub(crate) label: &'static str,
    pub(crate) unit: Unit,
}

impl Axis {
    pub(crate) const fn new(label: &'static str, unit: Unit) -> Self {
        Self { label, unit }
    }
}
