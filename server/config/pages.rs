//! What is made of the table of options before the program is: the commented file and its schema.

/// Every option with its default.
pub(super) const EXAMPLE: &str = include_str!("../../docs/allspark.toml");

/// What a file may say, for editors.
pub(super) const SCHEMA: &str = include_str!("../../docs/allspark.schema.json");
