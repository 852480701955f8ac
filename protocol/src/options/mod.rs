//! What the options of a server are made of: types that cannot be wrong, and one way in which the
//! text of an option becomes a value, whoever wrote it.
//!
//! An option is read from text (a flag, a variable of the environment) or from whatever serde
//! reads (a file). Both end in `FromStr`, so that they take and refuse the same, with the same
//! words. A refusal is one line that names the text and what would be right; the caller adds where
//! the text came from. Foreign text is quoted, so that it cannot break the line.

mod bounded;
mod text;

pub use bounded::{Bounded, MaxLength, OutOfBounds};
pub use text::{UnknownChoice, choose, deserialize, deserialize_switch, list, read, switch};
