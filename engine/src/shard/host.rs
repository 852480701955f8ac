//! What a [`Spark`](crate::Spark) may do to its shard, whatever the transformer.

use std::net::SocketAddr;

use allspark_protocol::parser::ParserKind;
use allspark_protocol::transformer::{Kind, Transformer};

use super::close::EndReason;
use super::core::{Core, Deferred};
use crate::memory::{FrameTooLong, Key};
use crate::mesh::{self, Command};
use crate::primus::Handle;
use crate::spark::{EndOptions, ReadyState, SparkError, SparkState};

/// A shard as its handlers see it.
pub(crate) trait Host {
    fn spark(&self, key: Key) -> &SparkState;
    fn spark_mut(&mut self, key: Key) -> &mut SparkState;
    fn peer(&self, key: Key) -> SocketAddr;
    fn send_queue_bytes(&self, key: Key) -> usize;
    fn parser(&self) -> ParserKind;
    fn primus(&self) -> Handle;
    fn take_scratch(&mut self) -> Vec<u8>;
    fn put_scratch(&mut self, scratch: Vec<u8>);
    /// Writes an encoded message to an open spark.
    fn write_packet(&mut self, key: Key, kind: Kind, payload: &[u8]);
    /// Writes an encoded message to every spark of the server.
    fn broadcast_packet(&mut self, kind: Kind, payload: &[u8]) -> Result<(), SparkError>;
    /// Returns false when the spark has ended already.
    fn end_spark(&mut self, key: Key, options: EndOptions) -> bool;
    /// Reports an error to the handlers of the spark, after the handler that runs now.
    fn report(&mut self, key: Key, error: SparkError);
}

impl<T: Transformer> Host for Core<T> {
    fn spark(&self, key: Key) -> &SparkState {
        &self
            .sparks
            .get(key)
            .expect("a spark stays while its handlers run")
            .state
    }

    fn spark_mut(&mut self, key: Key) -> &mut SparkState {
        &mut self
            .sparks
            .get_mut(key)
            .expect("a spark stays while its handlers run")
            .state
    }

    fn peer(&self, key: Key) -> SocketAddr {
        let slot = self.sparks.get(key);
        let slot = slot.expect("a spark stays while its handlers run");
        match (&slot.carried, slot.state.stream) {
            (Some(carried), _) => carried.peer,
            (None, Some(stream)) => self.connection(stream).peer,
            (None, None) => unreachable!("a spark without a connection is carried"),
        }
    }

    fn send_queue_bytes(&self, key: Key) -> usize {
        self.waiting_bytes(key)
    }

    fn parser(&self) -> ParserKind {
        self.shared.options.parser
    }

    fn primus(&self) -> Handle {
        Handle(self.shared.clone())
    }

    fn take_scratch(&mut self) -> Vec<u8> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch
    }

    fn put_scratch(&mut self, scratch: Vec<u8>) {
        // A rare huge message must not stay in memory.
        if scratch.capacity() <= SCRATCH_BYTES_MAX {
            self.scratch = scratch;
        }
    }

    fn write_packet(&mut self, key: Key, kind: Kind, payload: &[u8]) {
        if mesh::has_outgoing() {
            // Something this handler sent through a handle comes first.
            let id = self.spark(key).id;
            self.mesh().send(
                self.shard,
                Command::Write {
                    id,
                    kind,
                    payload: payload.into(),
                },
            );
        } else {
            self.write_message(key, kind, payload);
        }
    }

    fn broadcast_packet(&mut self, kind: Kind, payload: &[u8]) -> Result<(), SparkError> {
        if mesh::has_outgoing() {
            let payload: std::sync::Arc<[u8]> = payload.into();
            for shard in 0..self.mesh().shards() {
                let payload = payload.clone();
                self.mesh()
                    .send(shard, Command::Broadcast { kind, payload });
            }
            return Ok(());
        }
        self.broadcast_here(kind, payload)
            .map_err(|FrameTooLong| SparkError::TooLong)?;
        if self.outbox.len() > 1 {
            let payload: std::sync::Arc<[u8]> = payload.into();
            for shard in 0..self.mesh().shards() {
                if shard != self.shard {
                    let payload = payload.clone();
                    self.send_to_shard(shard, Command::Broadcast { kind, payload });
                }
            }
        }
        Ok(())
    }

    fn end_spark(&mut self, key: Key, options: EndOptions) -> bool {
        let state = self.spark(key);
        if state.ready == ReadyState::Closed {
            return false;
        }
        if mesh::has_outgoing() {
            let id = state.id;
            self.mesh().send(self.shard, Command::End { id, options });
            return true;
        }
        self.end(key, options, EndReason::Application);
        true
    }

    fn report(&mut self, key: Key, error: SparkError) {
        self.deferred.push_back(Deferred::Error(key, error));
    }
}

/// Bytes up to which the scratch space for encoding is kept.
const SCRATCH_BYTES_MAX: usize = 64 * 1024;
