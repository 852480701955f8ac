//! What was decided about a request whose body is still to come.

use crate::http::Way;
use crate::mesh::Address;

/// Where it goes once it is complete.
pub(crate) struct Judged {
    pub(super) way: Way,
    /// Where its session lives, if that is known.
    pub(super) address: Option<Address>,
}
