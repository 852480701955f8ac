//! Who was refused, for the application.

use super::handle::Handle;
use crate::refusals::Refusal;

impl Handle {
    /// Who was refused lately, by a bound, by TLS or by a layer, or ended because of a bound: the
    /// last of each reason, the latest first. How many there were is in [`Handle::stats`]; a few
    /// may be missing here of many that came at the same time.
    pub fn recent_refusals(&self) -> Vec<Refusal> {
        self.server().refusals.recent()
    }

    /// How many refusals are missing there because several shards noted one at the same time.
    pub fn refusals_missed(&self) -> u64 {
        self.server().refusals.missed()
    }
}
