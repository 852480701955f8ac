//! The plugins of Primus.

#[cfg(feature = "fleet")]
pub mod metroplex;
#[cfg(feature = "fleet")]
pub mod omega;
