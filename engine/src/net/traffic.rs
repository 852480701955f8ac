//! How many bytes came in and went out.

/// Bytes of all connections of a shard, as it and its driver exchange them: heads, frames and
/// bodies, without what TLS and the kernel add.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    received: u64,
    /// What the kernel was offered, and what of that it has refused.
    offered: u64,
    refused: u64,
    sent: u64,
}

impl Traffic {
    #[inline]
    pub(crate) fn received(&mut self, bytes: usize) {
        self.received += bytes as u64;
    }

    #[inline]
    pub(super) fn offered(&mut self, bytes: usize) {
        self.offered += bytes as u64;
    }

    #[inline]
    pub(super) fn refused(&mut self, bytes: usize) {
        self.refused += bytes as u64;
    }

    /// How many were received so far.
    pub(crate) fn received_bytes(&self) -> u64 {
        self.received
    }

    /// How many were sent so far. What is offered counts at once, and what the kernel refuses of it
    /// is known a turn later; the number never falls, it stands still until that is sent.
    pub(crate) fn sent_bytes(&mut self) -> u64 {
        self.sent = self.sent.max(self.offered.saturating_sub(self.refused));
        self.sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_counts_once_it_is_sent_and_the_number_never_falls() {
        let mut traffic = Traffic::default();
        traffic.offered(100);
        assert_eq!(traffic.sent_bytes(), 100);
        traffic.refused(60);
        assert_eq!(traffic.sent_bytes(), 100);
        traffic.offered(60);
        traffic.offered(5);
        assert_eq!(traffic.sent_bytes(), 105);
    }
}
