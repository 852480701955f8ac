//! Commands of other threads, and what the application answers to requests that are not for Primus.

use allspark_protocol::http::{RequestHead, Response};
use allspark_protocol::transformer::Transformer;

use super::core::Core;
use crate::app::Destroy;
use crate::app::host::Command;
use crate::guard;
use crate::limits::{INBOX_COMMANDS_PER_TURN, MOVES_PER_TURN};
use crate::lines::Line;

impl<T: Transformer> Core<T> {
    /// Carries out commands that wait, and tries again to pass on those that other shards had no
    /// room for.
    pub(super) fn drain_inbox(&mut self) {
        if self.must_end() {
            let options = Destroy {
                reconnect: true,
                ..Destroy::default()
            };
            self.destroying.plan(options, self.clock.now);
            self.begin_destroy();
        }
        self.outbox.flush(&self.server.mesh);
        let mut arrivals = 0;
        for _ in 0..INBOX_COMMANDS_PER_TURN {
            // Broadcasts must not pile up behind a long walk: they wait in the bounded inbox.
            if self.fanout.is_full() || arrivals == MOVES_PER_TURN {
                return;
            }
            let Some(command) = self.mesh().receive(self.shard) else {
                return;
            };
            arrivals += usize::from(matches!(command, Command::Arrive(_)));
            self.carry_out_command(command);
            self.settle();
        }
    }

    /// What a request that is not for Primus gets.
    pub(super) fn fallback(&self, head: &RequestHead<'_>) -> Response {
        let Some(answer) = &self.server.options.fallback else {
            return Response::text(404, "Not Found\n");
        };
        guard::call(|| answer(head)).unwrap_or_else(|panicked| {
            self.counters().handlers_panicked.add(1);
            if let Some(line) = self.may_log(Line::Panicked) {
                let (shard, unlogged) = (self.shard, line.unlogged);
                tracing::error!(
                    shard,
                    panicked,
                    unlogged,
                    "the fallback panicked; the request is answered with 500"
                );
            }
            Response::text(500, "Internal Server Error\n")
        })
    }
}
