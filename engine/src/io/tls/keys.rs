//! Keys as the processor wants them, of connections that were active lately. Expanded, the two keys
//! of a connection take 1.1 KB; as they are kept with an idle one, 64 bytes. To expand one takes
//! some 200 ns.

use ring::aead::LessSafeKey;

use super::channel::Channel;
use crate::memory::Key;

/// Connections whose keys are kept, by the lowest bits of their number: 1.1 MB per shard.
const KEPT_MAX: usize = 1024;

/// The keys of one connection.
struct Pair {
    owner: Key,
    opening: Option<LessSafeKey>,
    sealing: Option<LessSafeKey>,
}

/// All that are kept.
#[derive(Default)]
pub(super) struct Keys(Vec<Option<Box<Pair>>>);

impl Keys {
    /// The key that opens what this connection receives.
    pub(super) fn opening(&mut self, owner: Key, channel: &Channel) -> &LessSafeKey {
        let pair = self.pair(owner);
        let key = &mut pair.opening;
        key.get_or_insert_with(|| channel.opening_key())
    }

    /// The key that seals what it sends.
    pub(super) fn sealing(&mut self, owner: Key, channel: &Channel) -> &LessSafeKey {
        let pair = self.pair(owner);
        let key = &mut pair.sealing;
        key.get_or_insert_with(|| channel.sealing_key())
    }

    /// A key of this connection was changed, or the connection is gone.
    pub(super) fn forget(&mut self, owner: Key) {
        if let Some(place) = self.0.get_mut(owner.index as usize % KEPT_MAX) {
            place.take_if(|pair| pair.owner == owner);
        }
    }

    /// Forgets all, until they are needed again.
    pub(super) fn give_back(&mut self) {
        self.0 = Vec::new();
    }

    fn pair(&mut self, owner: Key) -> &mut Pair {
        let place = owner.index as usize % KEPT_MAX;
        if place >= self.0.len() {
            self.0.resize_with(place + 1, || None);
        }
        let fresh = Pair {
            owner,
            opening: None,
            sealing: None,
        };
        match &mut self.0[place] {
            Some(pair) => {
                if pair.owner != owner {
                    **pair = fresh;
                }
                pair
            }
            empty => empty.insert(Box::new(fresh)),
        }
    }
}
