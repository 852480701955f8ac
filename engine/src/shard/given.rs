//! Ids that the application gives to sparks. Each shard knows those of its own sparks.

use std::sync::Arc;

use allspark_protocol::http::RequestHead;
use allspark_protocol::transformer::Transformer;

use super::core::Core;
use crate::app::host::{Command, Extras, Finder};
use crate::app::{self, IdRequest};
use crate::guard;
use crate::limits::GIVEN_ID_BYTES_MAX;
use crate::lines::Line;
use crate::memory::Key;

impl<T: Transformer> Core<T> {
    /// Gives a new spark its id, if the application gives ids.
    pub(super) fn give_id(&mut self, spark: Key, head: &RequestHead<'_>) {
        let listeners = self.listeners.as_ref();
        let Some(generate) = listeners.and_then(|listeners| listeners.id_generator.clone()) else {
            return;
        };
        let slot = self.sessions.get(spark);
        let extras = slot.and_then(|slot| slot.state.extras.as_deref());
        let notes = extras.and_then(|extras| extras.notes.as_deref());
        match guard::call(|| generate(&IdRequest::new(head, notes))) {
            Ok(id) if (1..=GIVEN_ID_BYTES_MAX).contains(&id.len()) => self.set_id(spark, id.into()),
            Ok(id) => self.tell_id_refused(id.len()),
            Err(panicked) => {
                let what = "the id generator panicked; its spark has only its own id";
                self.tell_panic(&panicked, what);
            }
        }
    }

    fn set_id(&mut self, spark: Key, id: Arc<str>) {
        if let Some(slot) = self.sessions.get_mut(spark) {
            let extras = slot.state.extras.get_or_insert_default();
            extras.given_id = Some(Arc::clone(&id));
            self.given_ids.insert(id, spark);
        }
    }

    fn tell_id_refused(&self, bytes: usize) {
        if let Some(line) = self.may_log(Line::IdRefused) {
            let (shard, unlogged) = (self.shard, line.unlogged);
            tracing::warn!(
                shard,
                bytes,
                unlogged,
                "a generated id is empty or too long; its spark has only its own id"
            );
        }
    }

    /// A spark that has ended is not found any more, unless another one has its id by now.
    pub(super) fn take_id(&mut self, spark: Key) {
        if self.given_ids.is_empty() {
            return;
        }
        let slot = self.sessions.get(spark);
        let id = slot.and_then(|slot| given_id(slot.state.extras.as_deref()));
        if let Some(id) = id
            && self.given_ids.get(&id) == Some(&spark)
        {
            self.given_ids.remove(&id);
        }
    }

    /// Looks for a spark by its given id, here and then on the next shard.
    pub(super) fn find_given(&mut self, id: Box<str>, finder: Finder) {
        let next = self.shard + 1;
        match self.given_ids.get(&*id).copied() {
            Some(spark) if self.is_open(spark) => {
                app::find(self, spark, |host, key| finder(Some((host, key))));
            }
            _ if usize::from(next) < usize::from(self.mesh().shards()) => {
                self.send_to_shard(next, Command::FindGiven { id, finder });
            }
            _ => self.guard_alone(|| finder(None)),
        }
    }
}

fn given_id(extras: Option<&Extras>) -> Option<Arc<str>> {
    extras?.given_id.clone()
}
