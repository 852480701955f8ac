//! Commands of other threads.

use allspark_protocol::transformer::Transformer;

use super::core::Core;
use super::destroying::Order;
use super::unfinished::Unfinished;
use crate::app::Destroy;
use crate::app::host::Command;
use crate::limits::{INBOX_COMMANDS_PER_TURN, MOVES_PER_TURN};

impl<T: Transformer> Core<T> {
    /// Carries out commands that wait, and tries again to pass on those that other shards had no
    /// room for.
    pub(super) fn drain_inbox(&mut self) {
        if self.must_end() {
            let options = Destroy {
                reconnect: true,
                ..Destroy::default()
            };
            self.plan_end(Order::Destroy(options));
            self.begin_destroy();
        }
        self.outbox.flush(&self.server.mesh);
        let mut arrivals = 0;
        for _ in 0..INBOX_COMMANDS_PER_TURN {
            // Broadcasts must not pile up behind a long walk: they wait in the bounded inbox.
            if self.fanout.is_full() || arrivals == MOVES_PER_TURN {
                return;
            }
            if !self.go_on_with_batch() {
                return;
            }
            let Some(command) = self.mesh().receive(self.shard) else {
                return;
            };
            if let Command::Together(acts) = command {
                self.batch = Some(Unfinished::new(acts));
                continue;
            }
            arrivals += usize::from(matches!(command, Command::Arrive(_)));
            self.carry_out_command(command);
            self.settle();
        }
    }
}
