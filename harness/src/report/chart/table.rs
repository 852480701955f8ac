//! The numbers behind a picture.

/// The numbers of a chart, to be read rather than seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}
