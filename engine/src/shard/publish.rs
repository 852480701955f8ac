//! Messages to rooms on their way to them: through the transforms, and behind what a handler has
//! asked for before.

use std::sync::Arc;

use allspark_protocol::transformer::{Kind, Transformer};

use super::core::Core;
use super::effects::Effect;
use crate::app::host::{Command, Transforms};
use crate::app::target::{AwaitedPublish, Publish, Target};
use crate::app::{self, SparkError, Written};

impl<T: Transformer> Core<T> {
    /// Writes a message to rooms, here and on all other shards.
    pub(super) fn publish_in_order(
        &mut self,
        target: &Target,
        kind: Kind,
        payload: &[u8],
    ) -> Result<(), SparkError> {
        self.take_sent();
        let waits = self.effects.has_commands();
        if !waits && self.publish_here(target, kind, payload) > 0 {
            return Err(SparkError::TooLong);
        }
        if waits || self.server.mesh.shards() > 1 {
            let publish = Arc::new(Publish {
                target: target.clone(),
                kind,
                payload: payload.into(),
            });
            if waits {
                let command = Command::Publish(Arc::clone(&publish));
                self.effects.push(Effect::Command(command));
            }
            self.send_elsewhere(|| Command::Publish(Arc::clone(&publish)));
        }
        Ok(())
    }

    /// The same, after the transforms that do not know for whom it is.
    #[cold]
    pub(super) fn publish_transformed(
        &mut self,
        transforms: &Arc<Transforms>,
        target: &Target,
        kind: Kind,
        payload: &[u8],
    ) -> Result<(), SparkError> {
        let server = Arc::clone(&self.server);
        let written = app::outgoing(&server, transforms, kind, payload, |kind, payload| {
            self.publish_in_order(target, kind, payload)
        });
        match written? {
            Written::Now(result) => result,
            Written::Nothing => Ok(()),
            Written::Later(awaited) => {
                let target = Arc::new(target.clone());
                let publish = Arc::new(AwaitedPublish { target, awaited });
                self.send_elsewhere(|| Command::PublishLater(Arc::clone(&publish)));
                self.do_in_order(Command::PublishLater(publish));
                Ok(())
            }
        }
    }

    fn send_elsewhere(&mut self, command: impl Fn() -> Command) {
        for shard in 0..self.server.mesh.shards() {
            if shard != self.shard {
                self.send_to_shard(shard, command());
            }
        }
    }
}
