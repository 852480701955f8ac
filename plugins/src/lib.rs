//! The plugins of Primus.
