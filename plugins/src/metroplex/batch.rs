//! Sparks that have come and gone, in as few commands as possible.

use std::collections::HashMap;

use allspark_engine::{Spark, SparkId};

/// The id under which other servers know a spark: the one that the application has given to it,
/// else its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Id {
    Own(SparkId),
    Given(Box<str>),
}

impl Id {
    pub(super) fn of(spark: &Spark<'_>) -> Self {
        match spark.given_id() {
            Some(id) => Self::Given(id.into()),
            None => Self::Own(spark.id()),
        }
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Own(id) => id.fmt(f),
            Self::Given(id) => id.fmt(f),
        }
    }
}

/// What changes in the registry.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) came: Vec<String>,
    pub(super) went: Vec<String>,
}

/// Gathers what has happened, in its order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Whether a spark has come, at first and at last.
    sparks: HashMap<Id, (bool, bool)>,
}

impl Batch {
    pub(super) fn add(&mut self, id: Id, has_come: bool) {
        let entry = self.sparks.entry(id).or_insert((has_come, has_come));
        entry.1 = has_come;
    }

    /// What is left of it. Who has come and gone again leaves nothing.
    pub(super) fn changes(self) -> Changes {
        let mut changes = Changes::default();
        for (id, (first, last)) in self.sparks {
            match (first, last) {
                (_, true) => changes.came.push(id.to_string()),
                (false, false) => changes.went.push(id.to_string()),
                (true, false) => {}
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_come_and_gone_leaves_nothing() {
        let mut batch = Batch::default();
        let given = |id: &str| Id::Given(id.into());
        for (id, has_come) in [
            ("stays", true),
            ("leaves", false),
            ("visits", true),
            ("visits", false),
            ("comes back", false),
            ("comes back", true),
            ("goes again", false),
            ("goes again", true),
            ("goes again", false),
        ] {
            batch.add(given(id), has_come);
        }
        let mut changes = batch.changes();
        changes.came.sort_unstable();
        changes.went.sort_unstable();
        assert_eq!(changes.came, ["comes back", "stays"]);
        assert_eq!(changes.went, ["goes again", "leaves"]);
    }
}
