//! The report of a comparison over TLS.

use std::fmt;

use super::transformers::fmt_idle;
use crate::peers::secure::SecureComparison;

impl fmt::Display for SecureComparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.comparison.fmt(f)?;
        match self.idle.is_empty() {
            true => Ok(()),
            false => fmt_idle(f, &self.idle),
        }
    }
}
