//! What an application has decided about a client.

use serde_json::Value;

use super::reply::{Rate, Refuse};

/// What becomes of a spark.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Verdict {
    pub(super) refuse: Option<Refuse>,
    pub(super) data: Option<Value>,
    pub(super) rooms: Vec<String>,
    pub(super) rate: Option<Rate>,
    /// Of a client that has no spark yet: what it is written once it has one, and the id of the
    /// event that was answered so.
    pub(super) write: Vec<Value>,
    pub(super) answered: Option<String>,
}

impl Verdict {
    /// It may come again when the application is there.
    pub(super) fn later() -> Self {
        let refuse = Some(Refuse {
            reconnect: true,
            ..Refuse::default()
        });
        Self {
            refuse,
            ..Self::default()
        }
    }
}
