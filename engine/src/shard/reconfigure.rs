//! What the server is told has changed while it runs.
//!
//! A shard has its own copy of the options, and looks at the newest ones when it is told to: no
//! message and no turn costs more for it. What was made of options when the shard began is made
//! anew; all else looks at the options when it needs them.

use allspark_protocol::transformer::Transformer;

use super::core::Core;
use crate::net::{Pace, Rules};
use crate::session::Rates;

impl<T: Transformer> Core<T> {
    #[cold]
    pub(super) fn look_at_options(&mut self) {
        let options = self.server.options();
        let old = std::mem::replace(&mut self.options, options);
        let options = &self.options;
        self.net.set_rules(Rules::new(options));
        self.rooms.set_options(options.rooms);
        self.accept_pace = Pace::of_accepts(options);
        if options.message_rates != old.message_rates {
            Rates::reconfigure(&mut self.rates, &options.message_rates, self.clock.now);
        }
        // Who asks next looks at all shards again, at these bounds.
        self.room.begin_turn();
    }
}
