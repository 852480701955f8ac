//! To be filled.
/// Placeholder.
#[derive(Debug)]
pub struct Value;
