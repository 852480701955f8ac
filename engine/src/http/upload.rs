//! The body of a request that is handed on as it comes, or everything that comes behind an upgrade.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use allspark_protocol::Input;
use allspark_protocol::http::{BodyPiece, Error, Reader};

use crate::limits::HELD_BYTES_MIN;
use crate::routes::BodySender;

/// Who gets what a peer sends.
#[derive(Debug)]
pub(crate) struct Upload {
    sender: BodySender,
    /// Has the shard look whether there is room again.
    waker: Waker,
    /// The waker was woken since the shard looked last, and has no need to say so again.
    told: Arc<AtomicBool>,
    /// Bytes that may still come; none if everything is handed on as it is.
    left: Option<usize>,
    /// Bytes that came since the peer was judged last.
    progress_bytes: usize,
    /// Its peer had to wait since then.
    has_waited: bool,
}

/// Whether a peer has to wait until something was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    No,
    Yes,
    /// It has sent so much more than that, that it can't be meant well.
    Over,
}

impl Upload {
    /// A body of at most so many bytes. Whoever has woken `waker` sets `told`.
    pub(crate) fn body(
        sender: BodySender,
        (waker, told): (Waker, Arc<AtomicBool>),
        bytes_max: usize,
    ) -> Self {
        Self {
            sender,
            waker,
            told,
            left: Some(bytes_max),
            progress_bytes: 0,
            has_waited: false,
        }
    }

    /// Everything that comes.
    pub(crate) fn bytes(sender: BodySender, waker: (Waker, Arc<AtomicBool>)) -> Self {
        let body = Self::body(sender, waker, 0);
        Self { left: None, ..body }
    }

    /// Whether it is a body, and not everything.
    pub(crate) fn is_body(&self) -> bool {
        self.left.is_some()
    }

    /// Hands on what came. Returns whether that is the end; what follows stays in the input.
    ///
    /// # Errors
    /// It can't be read, or there is too much of it.
    pub(crate) fn take(
        &mut self,
        reader: &mut Reader,
        input: &mut Input<'_>,
    ) -> Result<bool, Error> {
        if self.left.is_none() {
            self.sender.push(input.take_all().to_vec());
            return Ok(false);
        }
        let mut part = Vec::new();
        let end = loop {
            match reader.next_piece(input) {
                Ok(BodyPiece::Data(data)) => part.extend_from_slice(data),
                Ok(BodyPiece::More) => break Ok(false),
                Ok(BodyPiece::End) => break Ok(true),
                Err(error) => break Err(error),
            }
        };
        self.hand_on(part)?;
        end
    }

    /// Hands on what was there before anybody took it.
    ///
    /// # Errors
    /// There is too much of it.
    pub(crate) fn hand_on(&mut self, part: Vec<u8>) -> Result<(), Error> {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(part.len()).ok_or(Error::BodyTooLarge)?;
        }
        self.progress_bytes = self.progress_bytes.saturating_add(part.len());
        self.sender.push(part);
        Ok(())
    }

    /// Whether the peer has to wait. If so, or if enough waits to be noted, the shard is told when
    /// something of it was taken.
    pub(crate) fn look(&mut self, cost_highest: usize) -> Full {
        if self.sender.cost() < HELD_BYTES_MIN {
            return Full::No;
        }
        self.told.store(false, Ordering::SeqCst);
        // Before it looks, so that it does not miss what is taken meanwhile.
        self.sender.when_taken(&self.waker);
        if self.sender.has_room() {
            return Full::No;
        }
        self.has_waited = true;
        match self.sender.cost() > cost_highest {
            true => Full::Over,
            false => Full::Yes,
        }
    }

    /// What waits costs so much.
    pub(crate) fn cost(&self) -> usize {
        self.sender.cost()
    }

    /// How much came since this was asked last; nothing is said if the peer had to wait.
    pub(crate) fn take_progress(&mut self) -> Option<usize> {
        let has_waited = std::mem::replace(&mut self.has_waited, !self.sender.has_room());
        let bytes = std::mem::take(&mut self.progress_bytes);
        (!has_waited).then_some(bytes)
    }

    /// Everything has come.
    pub(crate) fn finish(self) {
        self.sender.finish();
    }
}
