//! Placeholder until the uring driver is merged.
use super::DriverKind;
/// Placeholder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DriverChoice {
    /// auto
    #[default]
    Auto,
    /// uring
    Uring,
    /// epoll
    Epoll,
}
/// Placeholder.
#[derive(Debug, thiserror::Error)]
#[error("unavailable")]
pub struct Unavailable;
/// Placeholder.
pub fn choose(_choice: DriverChoice) -> Result<(DriverKind, Option<Unavailable>), Unavailable> {
    Ok((
        if _choice == DriverChoice::Epoll {
            DriverKind::Epoll
        } else {
            DriverKind::Uring
        },
        None,
    ))
}
