//! Requests that bring many messages, or many at once.

mod cost;
mod overlap;
mod world;
