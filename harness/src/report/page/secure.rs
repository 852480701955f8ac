//! The page of a comparison over TLS: that of any comparison, and what idle connections cost.

use super::{Page, transformers};
use crate::peers::secure::SecureComparison;
use crate::report::{Report, Run};

impl Report for SecureComparison {
    fn is_ok(&self) -> bool {
        self.comparison.ok
    }

    fn page(&self, run: &Run) -> Page {
        let mut page = self.comparison.page(run);
        if !self.idle.is_empty() {
            page.sections
                .push(transformers::idle_section("Idle connections", &self.idle));
        }
        page
    }
}
