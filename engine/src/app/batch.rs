//! Many things that are asked of a server at once.

use std::sync::Arc;

use allspark_protocol::primus::SparkId;

use super::act::{Act, Acts, Deed};
use super::ends::EndOptions;
use super::error::SparkError;
use super::handle::Handle;
use super::host::Command;
use super::message::Message;
use super::room_names::{self, RoomNames};
use super::rooms::Room;
use super::target::{AwaitedPublish, Publish, Target};
use super::transform::Written;

impl Handle {
    /// Things that are asked of the server together. Each shard is told once, and does all of them
    /// in one turn, in their order, unless that would take it too long: after 16,384 sparks that
    /// were written to one by one, rooms that were joined and names that were looked up it goes on
    /// in its next turn, before anything else that other threads ask of it.
    ///
    /// ```
    /// fn tell(primus: &allspark_engine::Handle) -> Result<(), allspark_engine::SparkError> {
    ///     let mut batch = primus.batch();
    ///     for cents in [1999, 2001] {
    ///         batch.write_in(&primus.room("ticker"), cents)?;
    ///     }
    ///     batch.write("that was all")?;
    ///     batch.send();
    ///     Ok(())
    /// }
    /// ```
    pub fn batch(&self) -> Batch {
        Batch {
            primus: self.clone(),
            acts: Vec::new(),
        }
    }
}

/// Things that are asked of a server together, see [`Handle::batch`]. Nothing of it happens before
/// [`Batch::send`].
#[derive(Debug)]
#[must_use = "nothing happens before it is sent"]
pub struct Batch {
    primus: Handle,
    acts: Vec<Act>,
}

impl Batch {
    /// As [`Handle::write`].
    ///
    /// # Errors
    /// As [`Handle::write`]. Nothing is added then.
    pub fn write(&mut self, message: impl Message) -> Result<(), SparkError> {
        self.acts.extend(match self.primus.encode(message)? {
            Written::Now((kind, payload)) => Some(Act::Broadcast { kind, payload }),
            Written::Later(awaited) => Some(Act::BroadcastLater(awaited)),
            Written::Nothing => None,
        });
        Ok(())
    }

    /// As [`Handle::write_except`].
    ///
    /// # Errors
    /// As [`Batch::write`].
    pub fn write_except(
        &mut self,
        except: impl IntoIterator<Item = SparkId>,
        message: impl Message,
    ) -> Result<(), SparkError> {
        let except: Vec<SparkId> = except.into_iter().collect();
        if except.is_empty() {
            return self.write(message);
        }
        let target = Target {
            is_for_all: true,
            except,
            ..Target::default()
        };
        self.publish(target, message)
    }

    /// As [`Room::write`].
    ///
    /// # Errors
    /// As [`Batch::write`].
    pub fn write_in(&mut self, room: &Room, message: impl Message) -> Result<(), SparkError> {
        self.publish(room.target().clone(), message)
    }

    /// As [`SparkHandle::write`](crate::SparkHandle::write), to several sparks. It is encoded once.
    ///
    /// # Errors
    /// As [`Batch::write`].
    pub fn write_to(
        &mut self,
        sparks: impl IntoIterator<Item = SparkId>,
        message: impl Message,
    ) -> Result<(), SparkError> {
        let deed = match self.primus.encode(message)? {
            Written::Now((kind, payload)) => Deed::Write { kind, payload },
            Written::Later(awaited) => Deed::WriteLater(awaited),
            Written::Nothing => return Ok(()),
        };
        self.each(sparks, deed);
        Ok(())
    }

    /// As [`SparkHandle::join`](crate::SparkHandle::join), for several sparks.
    pub fn join(&mut self, sparks: impl IntoIterator<Item = SparkId>, rooms: impl RoomNames) {
        self.each(sparks, Deed::Join(room_names::list(&rooms)));
    }

    /// As [`SparkHandle::leave`](crate::SparkHandle::leave), for several sparks.
    pub fn leave(&mut self, sparks: impl IntoIterator<Item = SparkId>, rooms: impl RoomNames) {
        self.each(sparks, Deed::Leave(Some(room_names::list(&rooms))));
    }

    /// As [`SparkHandle::leave_all`](crate::SparkHandle::leave_all), for several sparks.
    pub fn leave_all(&mut self, sparks: impl IntoIterator<Item = SparkId>) {
        self.each(sparks, Deed::Leave(None));
    }

    /// As [`SparkHandle::end_with`](crate::SparkHandle::end_with), for several sparks.
    pub fn end(&mut self, sparks: impl IntoIterator<Item = SparkId>, options: EndOptions) {
        self.each(sparks, Deed::End(options));
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.acts.is_empty()
    }

    /// Has all of it done. Waits while the inbox of a shard is full, but never on a shard.
    pub fn send(self) {
        if self.acts.is_empty() {
            return;
        }
        let bytes = self.acts.iter().map(Act::bytes).sum();
        let list = self.acts.into();
        let acts = Arc::new(Acts { list, bytes });
        self.primus
            .send_to_all(|| Command::Together(Arc::clone(&acts)));
    }

    fn publish(&mut self, target: Target, message: impl Message) -> Result<(), SparkError> {
        self.acts.extend(match self.primus.encode(message)? {
            Written::Now((kind, payload)) => Some(Act::Publish(Publish {
                target,
                kind,
                payload,
            })),
            Written::Later(awaited) => Some(Act::PublishLater(AwaitedPublish {
                target: Arc::new(target),
                awaited,
            })),
            Written::Nothing => None,
        });
        Ok(())
    }

    fn each(&mut self, sparks: impl IntoIterator<Item = SparkId>, deed: Deed) {
        let sparks: Box<[SparkId]> = sparks.into_iter().collect();
        if !sparks.is_empty() {
            self.acts.push(Act::Each { sparks, deed });
        }
    }
}
