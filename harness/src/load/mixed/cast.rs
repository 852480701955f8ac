//! Which client does what in a mixed load.

use allspark_protocol::Dice;

use super::plan::{Share, Shares};

/// What a client does.
pub(in crate::load) type Role = Share;

impl Role {
    /// Whether it does something to its connection now and then.
    pub(in crate::load) const fn disturbs(self) -> bool {
        matches!(self, Self::Stall | Self::Vanish | Self::Reconnect)
    }
}

/// All clients in the order of what they do: whoever comes before a limit does what it says.
#[derive(Debug)]
pub(super) struct Cast {
    /// Clients by place.
    order: Vec<u32>,
    /// Places by client.
    places: Vec<u32>,
    /// Where each role ends, in the order of [`Share::ALL`].
    ends: [u32; Share::ALL.len()],
}

impl Cast {
    /// Gives each client a role, by dice.
    pub(super) fn draw(clients: u32, shares: &Shares, dice: &mut Dice) -> Self {
        let mut order: Vec<u32> = (0..clients).collect();
        for place in (1..order.len()).rev() {
            order.swap(place, dice.below(place as u64 + 1) as usize);
        }
        let mut places = vec![0; order.len()];
        for (place, &client) in order.iter().enumerate() {
            places[client as usize] = place as u32;
        }
        let mut end = 0;
        let ends = shares.counts(clients).map(|count| {
            end += count;
            end
        });
        Self {
            order,
            places,
            ends,
        }
    }

    pub(super) fn role(&self, client: u32) -> Role {
        let place = self.places[client as usize];
        let position = self.ends.iter().position(|&end| place < end);
        Share::ALL[position.expect("the last role ends with the last client")]
    }

    /// How many clients do this.
    pub(super) fn count(&self, share: Share) -> u32 {
        let position = share as usize;
        let begin = position
            .checked_sub(1)
            .map_or(0, |before| self.ends[before]);
        self.ends[position] - begin
    }

    /// Clients that send messages.
    pub(super) fn senders(&self) -> &[u32] {
        let idle = self.count(Share::Idle) as usize;
        &self.order[..self.order.len() - idle]
    }

    /// The number of a client as a sender: publishers come first, and everybody else after them by
    /// the number of the client.
    pub(super) fn sender_of(&self, client: u32) -> u32 {
        match self.role(client) {
            Role::Publish => self.places[client as usize],
            _ => self.count(Share::Publish) + client,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_has_one_role_and_the_seed_says_which() {
        let cast = |seed| Cast::draw(100, &Shares::default(), &mut Dice::new(seed));
        let roles = |cast: &Cast| (0..100).map(|client| cast.role(client)).collect::<Vec<_>>();
        let first = cast(7);
        for share in Share::ALL {
            let count = roles(&first).iter().filter(|&&role| role == share).count();
            assert_eq!(count as u32, first.count(share), "{share:?}");
        }
        assert_eq!(roles(&first), roles(&cast(7)));
        assert_ne!(roles(&first), roles(&cast(8)));
        assert_eq!(first.senders().len(), 60);
        let is_sender = |client: &u32| first.role(*client) != Role::Idle;
        assert!(first.senders().iter().all(is_sender));
    }

    #[test]
    fn senders_have_numbers_of_their_own() {
        let cast = Cast::draw(50, &Shares::default(), &mut Dice::new(1));
        let publishers = cast.count(Share::Publish);
        let mut numbers: Vec<u32> = (0..50).map(|client| cast.sender_of(client)).collect();
        for client in 0..50 {
            let is_publisher = cast.role(client) == Role::Publish;
            assert_eq!(cast.sender_of(client) < publishers, is_publisher);
        }
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 50);
    }
}
