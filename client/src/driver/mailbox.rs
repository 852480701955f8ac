//! What lies between the handles of a client and the task that drives it: commands one way, events
//! the other, both bounded in bytes.
//!
//! It never blocks: the lock is held for a few moves of memory. It holds no socket.
//!
//! # Invariants
//! - Commands are carried out in the order in which they were given.
//! - Whoever waits is woken when the reason is gone, and when the task is over.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker, ready};

use allspark_protocol::transformer::Kind;
use tokio::sync::oneshot;

use super::error::WriteError;
use super::event::Event;
use super::limits::{EVENT_BYTES_MAX, EVENTS_MAX, WAITING_BYTES_MAX};
use crate::core::{Direction, ReadyState, Transform};

/// What the application wants of its client.
pub(super) enum Command {
    /// Write a message, which the parser has encoded.
    Write(Kind, Vec<u8>),
    /// Ask the server for the id of the spark.
    Id(oneshot::Sender<String>),
    /// Send a new credential.
    Renew(String),
    /// Connect, again or for the first time.
    Open,
    /// End the connection; the sender is dropped when nothing of it is left.
    End(oneshot::Sender<()>),
    /// End the client for good; the sender as for `End`.
    Destroy(oneshot::Sender<()>),
    /// The network of the host came or went.
    Network(bool),
    /// Add a message transform.
    Transform(Direction, Transform),
    /// End the connection, because nobody holds the client any more.
    Abandon,
}

/// What a reader of events is given.
#[derive(Debug)]
pub(super) enum Item {
    /// Something happened.
    Event(Event),
    /// Nothing more happens unless the application opens the client again.
    Pause,
}

/// The commands and events of one client. Handles and task share it.
pub(super) struct Mailbox(Mutex<State>);

struct State {
    commands: VecDeque<Command>,
    /// Bytes of the messages among the commands.
    waiting_bytes: usize,
    /// Whether the task or its links hold something that the kernel has not taken yet.
    is_sending: bool,
    task: Option<Waker>,
    /// Handles that wait for room, or for everything to be sent.
    writers: Vec<Waker>,
    writers_held: usize,
    events: VecDeque<Item>,
    event_bytes: usize,
    reader: Option<Waker>,
    is_read: bool,
    is_over: bool,
    ready_state: ReadyState,
}

/// The task is over: the client was destroyed, or its runtime is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Over;

impl From<Over> for WriteError {
    fn from(_: Over) -> Self {
        Self::Gone
    }
}

impl Mailbox {
    /// A mailbox with one writer and a reader.
    pub(super) fn new() -> Self {
        Self(Mutex::new(State {
            commands: VecDeque::new(),
            waiting_bytes: 0,
            is_sending: false,
            task: None,
            writers: Vec::new(),
            writers_held: 1,
            events: VecDeque::new(),
            event_bytes: 0,
            reader: None,
            is_read: true,
            is_over: false,
            ready_state: ReadyState::Closed,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock; and the state is whole at any moment.
        self.0.lock().unwrap_or_else(|poison| poison.into_inner())
    }

    /// Gives a command. Writes wait for [`Mailbox::poll_room`] first.
    pub(super) fn give(&self, command: Command) -> Result<(), Over> {
        let mut state = self.state();
        if state.is_over {
            return Err(Over);
        }
        state.give(command);
        Ok(())
    }

    /// Gives a write as soon as there is room for it. One larger than all room passes when the room
    /// is not full.
    pub(super) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        kind: Kind,
        encoded: &mut Option<Vec<u8>>,
    ) -> Poll<Result<(), Over>> {
        let mut state = self.state();
        ready!(state.poll_room(cx))?;
        if let Some(encoded) = encoded.take() {
            state.give(Command::Write(kind, encoded));
        }
        Poll::Ready(Ok(()))
    }

    /// Whether a message may be written.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<Result<(), Over>> {
        self.state().poll_room(cx)
    }

    /// Whether the kernel has taken everything that was written while the client was open.
    pub(super) fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<Result<(), Over>> {
        let mut state = self.state();
        if state.is_over {
            Poll::Ready(Err(Over))
        } else if state.commands.is_empty() && !state.is_sending {
            Poll::Ready(Ok(()))
        } else {
            state.wait(cx);
            Poll::Pending
        }
    }

    /// The next thing that happened. `None` as [`Item::Pause`] says, and when the task is over.
    pub(super) fn poll_event(&self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut state = self.state();
        match state.events.pop_front() {
            Some(item) => {
                state.event_bytes -= item.bytes();
                if let Some(task) = state.task.take() {
                    task.wake();
                }
                match item {
                    Item::Event(event) => Poll::Ready(Some(event)),
                    Item::Pause => Poll::Ready(None),
                }
            }
            None if state.is_over => Poll::Ready(None),
            None => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Whether nothing can come any more.
    pub(super) fn is_over(&self) -> bool {
        let state = self.state();
        state.is_over && state.events.is_empty()
    }

    pub(super) fn ready_state(&self) -> ReadyState {
        self.state().ready_state
    }

    /// One more handle that can write.
    pub(super) fn add_writer(&self) {
        self.state().writers_held += 1;
    }

    /// One handle fewer that can write.
    pub(super) fn drop_writer(&self) {
        let mut state = self.state();
        state.writers_held -= 1;
        state.abandon();
    }

    /// Nobody wants the events any more.
    pub(super) fn drop_reader(&self) {
        let mut state = self.state();
        state.is_read = false;
        state.event_bytes = 0;
        let unread = std::mem::take(&mut state.events);
        state.abandon();
        drop(state);
        drop(unread);
    }

    /// The next command, for the task, which has registered itself.
    pub(super) fn poll_command(&self, cx: &mut Context<'_>) -> Poll<Command> {
        let mut state = self.state();
        if state.commands.is_empty() {
            return Poll::Pending;
        }
        // Those who write must not keep the task from everything else that its thread has to do.
        ready!(tokio::task::coop::poll_proceed(cx)).made_progress();
        let Some(command) = state.commands.pop_front() else {
            return Poll::Pending;
        };
        if let Command::Write(_, bytes) = &command {
            state.waiting_bytes -= bytes.len();
            // Until the task has found out, or a flush would overlook what it has in hand.
            state.is_sending = true;
        }
        state.wake_writers();
        Poll::Ready(command)
    }

    /// Has the task woken by the next command, and when events were read. It comes before the task
    /// looks at either, so that nothing happens unnoticed in between.
    pub(super) fn register_task(&self, cx: &Context<'_>) {
        self.state().task = Some(cx.waker().clone());
    }

    /// Whether nobody holds the client any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.state().is_abandoned()
    }

    /// Whether there is room for the events of one more read.
    pub(super) fn has_room_for_events(&self) -> bool {
        let state = self.state();
        state.events.len() < EVENTS_MAX && state.event_bytes < EVENT_BYTES_MAX
    }

    /// Tells the application, unless nobody listens.
    pub(super) fn tell(&self, item: Item) {
        let mut state = self.state();
        if state.is_read {
            state.event_bytes += item.bytes();
            state.events.push_back(item);
            if let Some(reader) = state.reader.take() {
                reader.wake();
            }
        }
    }

    /// How far the connection has come, for whoever asks.
    pub(super) fn set_ready_state(&self, ready_state: ReadyState) {
        self.state().ready_state = ready_state;
    }

    /// Whether links hold bytes that the kernel has not taken yet.
    pub(super) fn set_sending(&self, is_sending: bool) {
        let mut state = self.state();
        if std::mem::replace(&mut state.is_sending, is_sending) && !is_sending {
            state.wake_writers();
        }
    }

    /// The task is over. What it told can still be read.
    pub(super) fn finish(&self) {
        let mut state = self.state();
        state.is_over = true;
        state.ready_state = ReadyState::Closed;
        state.wake_writers();
        if let Some(reader) = state.reader.take() {
            reader.wake();
        }
        // Whoever waits for the end of what was asked for learns that there is nobody left.
        let commands = std::mem::take(&mut state.commands);
        drop(state);
        drop(commands);
    }
}

impl State {
    fn give(&mut self, command: Command) {
        if let Command::Write(_, bytes) = &command {
            self.waiting_bytes += bytes.len();
        }
        self.commands.push_back(command);
        if let Some(task) = self.task.take() {
            task.wake();
        }
    }

    fn poll_room(&mut self, cx: &Context<'_>) -> Poll<Result<(), Over>> {
        if self.is_over {
            Poll::Ready(Err(Over))
        } else if self.waiting_bytes < WAITING_BYTES_MAX {
            Poll::Ready(Ok(()))
        } else {
            self.wait(cx);
            Poll::Pending
        }
    }

    fn abandon(&mut self) {
        if self.is_abandoned() && !self.is_over {
            self.give(Command::Abandon);
        }
    }

    fn is_abandoned(&self) -> bool {
        self.writers_held == 0 && !self.is_read
    }

    fn wait(&mut self, cx: &Context<'_>) {
        if !self.writers.iter().any(|waker| waker.will_wake(cx.waker())) {
            self.writers.push(cx.waker().clone());
        }
    }

    fn wake_writers(&mut self) {
        self.writers.drain(..).for_each(Waker::wake);
    }
}

impl Item {
    fn bytes(&self) -> usize {
        match self {
            Self::Event(Event::Data(data)) => data.encoded().len(),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests;
