//! Which of the clients send. Senders are spread evenly, so that they fall on all shards.

/// So many clients, of which so many send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Senders {
    clients: u32,
    count: u32,
}

impl Senders {
    /// # Panics
    /// If there are more senders than clients.
    pub(crate) fn new(clients: u32, count: u32) -> Self {
        assert!(count <= clients, "a sender is a client");
        Self { clients, count }
    }

    /// How many clients send.
    pub(crate) fn count(self) -> u32 {
        self.count
    }

    /// Which client is the sender of this number.
    pub(crate) fn client_of(self, sender: u32) -> u32 {
        (u64::from(sender) * u64::from(self.clients) / u64::from(self.count)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_are_spread_evenly_and_are_all_different() {
        let senders = Senders::new(1000, 4);
        let clients: Vec<u32> = (0..4).map(|sender| senders.client_of(sender)).collect();
        assert_eq!(clients, [0, 250, 500, 750]);
        for (clients, count) in [(1, 1), (7, 3), (200, 200), (100_001, 333)] {
            let senders = Senders::new(clients, count);
            let found: Vec<u32> = (0..count).map(|sender| senders.client_of(sender)).collect();
            assert!(found.is_sorted_by(|a, b| a < b), "{count} of {clients}");
            assert!(found.iter().all(|&client| client < clients));
        }
    }
}
