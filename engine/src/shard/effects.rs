//! What must not happen inside something else waits here, and is carried out between messages and
//! between phases.

use std::collections::VecDeque;

use allspark_protocol::transformer::Carrier;

use crate::app::host::Command;
use crate::app::target::RoomEvent;
use crate::app::{EndReason, SparkError};
use crate::memory::{GiveBack, Key};
use crate::mesh::Parcel;

/// Something that is to be done soon.
pub(crate) enum Effect {
    /// The application is told that the spark has ended.
    Ended(Key, EndReason),
    /// The application is told that something went wrong with the spark.
    Error(Key, SparkError),
    /// The application is told what happened to the spark in rooms.
    Room(Key, RoomEvent),
    /// The spark was ended in words: its client is told, unless it shall reconnect, and its session
    /// says goodbye.
    End {
        spark: Key,
        reconnect: bool,
        reason: EndReason,
    },
    /// The session of a spark that has ended says goodbye.
    Goodbye(Key),
    /// A carrier of the spark's session is gone.
    CarrierLost(Key, Carrier),
    /// A connection is gone that came from another shard with a request that had begun.
    CutOff(Box<Parcel>),
    /// The spark's session is over.
    Forget(Key),
    /// The next message of the spark that waited for a transform has its turn.
    Intake(Key),
    /// A handler of this shard asked for something.
    Command(Command),
    /// A `connection` listener that others waited for is done.
    Opened(Key, Result<(), String>),
    /// Data that came before the end of the `connection` event is handed on.
    Early(Key),
}

/// Effects in the order in which they came up.
#[derive(Default)]
pub(crate) struct Effects {
    queue: VecDeque<Effect>,
    /// How many of them are commands.
    commands: usize,
}

impl Effects {
    pub(super) fn push(&mut self, effect: Effect) {
        self.commands += usize::from(matches!(effect, Effect::Command(_)));
        self.queue.push_back(effect);
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<Effect> {
        let effect = self.queue.pop_front()?;
        self.commands -= usize::from(matches!(effect, Effect::Command(_)));
        Some(effect)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether a command waits: what a handler writes then waits behind it, as it asked for both in
    /// this order.
    #[inline]
    pub(super) fn has_commands(&self) -> bool {
        self.commands > 0
    }

    pub(super) fn give_back(&mut self) {
        self.queue.give_back();
    }
}
