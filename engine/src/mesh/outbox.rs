//! Commands of one shard for others that had no room for them.

use std::collections::VecDeque;

use super::{Mesh, Weigh};
use crate::memory::GiveBack;

/// What waits, by the shard that it is for.
pub(crate) struct Outbox<C> {
    waiting: Vec<VecDeque<C>>,
    len: usize,
}

impl<C: Weigh> Outbox<C> {
    pub(crate) fn new(shards: u16) -> Self {
        Self {
            waiting: (0..shards).map(|_| VecDeque::new()).collect(),
            len: 0,
        }
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Sends a command, or keeps it until there is room, behind those that are kept already.
    pub(crate) fn send(&mut self, mesh: &Mesh<C>, shard: u16, command: C) {
        let waiting = &mut self.waiting[usize::from(shard)];
        let command = if waiting.is_empty() {
            let Err(refused) = mesh.try_send(shard, command) else {
                return;
            };
            refused
        } else {
            command
        };
        waiting.push_back(command);
        self.len += 1;
    }

    /// Tries again.
    pub(crate) fn flush(&mut self, mesh: &Mesh<C>) {
        if self.len == 0 {
            return;
        }
        for (shard, waiting) in (0..).zip(&mut self.waiting) {
            while let Some(command) = waiting.pop_front() {
                if let Err(refused) = mesh.try_send(shard, command) {
                    waiting.push_front(refused);
                    break;
                }
                self.len -= 1;
            }
        }
    }

    pub(crate) fn give_back(&mut self) {
        self.waiting.iter_mut().for_each(GiveBack::give_back);
    }
}
