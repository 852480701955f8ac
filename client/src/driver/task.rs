//! The task of a client: it gives the machine what happens and carries out what it wants.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use allspark_protocol::parser::ParserKind;
use allspark_protocol::{Input, Instant};
use tokio::sync::oneshot;
use tokio::time::{self, Sleep};

use super::connect::Connector;
use super::error::Error;
use super::event::{Data, Event};
use super::limits::{ABANDONED_TIMEOUT, UNSENT_BYTES_MAX};
use super::links::{Heard, Links};
use super::mailbox::{Command, Item, Mailbox};
use crate::core::{self, Client, ClientError, ClientOptions, Output, Outputs};

/// Everything that a client is made of.
pub(super) struct Task {
    client: Client,
    outputs: Outputs,
    parser: ParserKind,
    mailbox: Arc<Mailbox>,
    links: Links,
    clock: Clock,
    /// Who asked for the id of the spark and has no answer yet.
    asking: Vec<oneshot::Sender<String>>,
    /// Who waits for the connection to be gone.
    leaving: Vec<oneshot::Sender<()>>,
    /// Why the last link was lost, until something is heard of another one: a transport may try
    /// several before it gives up.
    cause: Option<Arc<io::Error>>,
    /// Takes turns, so that neither keeps the other waiting.
    are_commands_first: bool,
    /// Whether only the strategy `online` can bring the client back, and it will.
    awaits_network: bool,
    is_online_strategy: bool,
    is_destroyed: bool,
    /// When a client that nobody holds has had its time.
    gives_up_at: Option<Instant>,
}

/// What the task wakes up for.
enum Turn {
    Command(Command),
    Heard(Heard),
    Due,
}

impl Task {
    pub(super) fn new(
        client: Client,
        options: &ClientOptions,
        mailbox: Arc<Mailbox>,
        connector: Connector,
    ) -> Self {
        Self {
            client,
            outputs: Outputs::default(),
            parser: options.parser,
            mailbox,
            links: Links::new(connector),
            clock: Clock::new(),
            asking: Vec::new(),
            leaving: Vec::new(),
            cause: None,
            are_commands_first: true,
            awaits_network: false,
            is_online_strategy: options.strategy.online,
            is_destroyed: false,
            gives_up_at: None,
        }
    }

    /// Runs until nobody wants the client any more.
    pub(super) async fn run(mut self) {
        while !self.is_done() {
            match poll_fn(|cx| self.poll(cx)).await {
                Turn::Command(command) => self.command(command),
                Turn::Heard(heard) => self.heard(heard),
                Turn::Due => self.due(),
            }
            self.carry_out();
            if self.links.is_empty() {
                self.leaving.clear();
            }
        }
    }

    fn is_done(&self) -> bool {
        let is_late = self.gives_up_at.is_some_and(|at| at <= self.clock.now());
        let is_unwanted = self.is_destroyed || self.gives_up_at.is_some();
        is_late || is_unwanted && self.links.is_empty() && self.client.is_idle()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        self.mailbox.register_task(cx);
        if self.gives_up_at.is_none() && self.mailbox.is_abandoned() {
            self.gives_up_at = Some(self.clock.now() + ABANDONED_TIMEOUT);
        }
        let deadlines = [self.client.deadline(), self.gives_up_at];
        let deadline = deadlines.into_iter().flatten().min();
        if self.clock.poll_until(cx, deadline).is_ready() {
            return Poll::Ready(Turn::Due);
        }
        self.are_commands_first = !self.are_commands_first;
        if self.are_commands_first
            && let Poll::Ready(command) = self.poll_command(cx)
        {
            return Poll::Ready(Turn::Command(command));
        }
        if let Poll::Ready(heard) = self.poll_links(cx) {
            return Poll::Ready(Turn::Heard(heard));
        }
        // In any case after the links, which may have made room for it.
        if let Poll::Ready(command) = self.poll_command(cx) {
            return Poll::Ready(Turn::Command(command));
        }
        self.mailbox.set_sending(self.links.unsent_bytes() > 0);
        Poll::Pending
    }

    fn poll_command(&mut self, cx: &mut Context<'_>) -> Poll<Command> {
        if self.links.unsent_bytes() >= UNSENT_BYTES_MAX {
            return Poll::Pending;
        }
        self.mailbox.poll_command(cx)
    }

    fn poll_links(&mut self, cx: &mut Context<'_>) -> Poll<Heard> {
        self.links.poll(cx, self.mailbox.has_room_for_events())
    }

    fn command(&mut self, command: Command) {
        let (now, out) = (self.clock.now(), &mut self.outputs);
        match command {
            Command::Write(kind, encoded) => self.client.write(now, kind, &encoded, out),
            Command::Transform(direction, transform) => {
                self.client.transform(direction, transform);
            }
            Command::Id(asker) => {
                self.asking.push(asker);
                self.client.ask_id(now, out);
            }
            Command::Renew(credential) => self.client.renew_authorization(now, &credential, out),
            Command::Open => {
                self.leaving.clear();
                self.client.open(now, out);
            }
            Command::End(waiter) => {
                self.leaving.push(waiter);
                self.client.end(now, out);
            }
            Command::Destroy(waiter) => {
                self.leaving.push(waiter);
                self.client.destroy(now, out);
                self.is_destroyed = true;
            }
            Command::Network(online) => {
                self.awaits_network = !online && self.is_online_strategy;
                self.client.network(now, online, out);
            }
            Command::Abandon => self.client.end(now, out),
        }
    }

    fn heard(&mut self, heard: Heard) {
        let (now, out) = (self.clock.now(), &mut self.outputs);
        match heard {
            Heard::Received(link, count) => {
                self.cause = None;
                let mut input = Input::new(self.links.received(count));
                self.client.receive(now, link, &mut input, out);
            }
            Heard::Lost(link, cause) => {
                self.cause = cause.map(Arc::new).or(self.cause.take());
                self.client.lost(now, link, out);
            }
            Heard::Gone => {}
        }
    }

    fn due(&mut self) {
        let now = self.clock.now();
        if self.client.deadline().is_some_and(|due| due <= now) {
            self.client.expired(now, &mut self.outputs);
        }
    }

    /// Does what the machine wants, in order.
    fn carry_out(&mut self) {
        let mut outputs = std::mem::take(&mut self.outputs);
        self.mailbox.set_ready_state(self.client.ready_state());
        let mut is_over = false;
        for output in outputs.list() {
            match output {
                Output::Connect(link) => self.links.connect(*link),
                Output::Write(link, bytes) => {
                    self.links.write(*link, outputs.bytes(bytes.clone()));
                }
                Output::Close(link) => self.links.close(*link),
                Output::Event(event) => {
                    is_over |= *event == core::Event::End;
                    self.tell(event, &outputs);
                }
            }
        }
        if is_over && !self.awaits_network {
            self.mailbox.tell(Item::Pause);
        }
        outputs.clear();
        self.outputs = outputs;
    }

    fn tell(&mut self, event: &core::Event, outputs: &Outputs) {
        match event {
            // What was asked on a connection is answered on it, or not at all.
            core::Event::Close | core::Event::End => self.asking.clear(),
            core::Event::Id(id) => {
                for asker in self.asking.drain(..) {
                    // Who asked may not wait any more.
                    let _ = asker.send(id.clone());
                }
            }
            _ => {}
        }
        let event = self.translate(event, outputs);
        self.mailbox.tell(Item::Event(event));
    }

    fn translate(&self, event: &core::Event, outputs: &Outputs) -> Event {
        use core::Event as Said;
        match event {
            Said::ReadyState(state) => Event::ReadyState(*state),
            Said::Open => Event::Open,
            Said::Data { kind, bytes } => {
                let encoded = outputs.bytes(bytes.clone()).to_vec();
                Event::Data(Data::new(self.parser, *kind, encoded))
            }
            Said::Close => Event::Close,
            Said::End => Event::End,
            Said::Error(error) => Event::Error(self.error(error)),
            Said::Timeout => Event::Timeout,
            Said::Offline => Event::Offline,
            Said::Online => Event::Online,
            Said::ReconnectScheduled(attempt) => Event::ReconnectScheduled(*attempt),
            Said::Reconnect(attempt) => Event::Reconnect(*attempt),
            Said::ReconnectTimeout(attempt) => Event::ReconnectTimeout(*attempt),
            Said::Reconnected(attempt) => Event::Reconnected(*attempt),
            Said::ReconnectFailed(attempt) => Event::ReconnectFailed(*attempt),
            Said::Ping(time) => Event::Ping(*time),
            Said::Pong(time) => Event::Pong(*time),
            Said::Id(id) => Event::Id(id.clone()),
            Said::Destroy => Event::Destroy,
        }
    }

    fn error(&self, error: &ClientError) -> Error {
        let cause = match error {
            ClientError::Transport(_) => self.cause.clone(),
            _ => None,
        };
        Error {
            error: error.clone(),
            cause,
        }
    }
}

impl Drop for Task {
    /// Also when the runtime is shut down.
    fn drop(&mut self) {
        self.mailbox.finish();
    }
}

/// The time as the machine has it, and an alarm.
struct Clock {
    begun: time::Instant,
    alarm: Pin<Box<Sleep>>,
    set_to: Option<Instant>,
}

impl Clock {
    fn new() -> Self {
        let begun = time::Instant::now();
        Self {
            begun,
            alarm: Box::pin(time::sleep_until(begun)),
            set_to: None,
        }
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.begun.elapsed()
    }

    /// Ready when the moment has come; never without one.
    fn poll_until(&mut self, cx: &mut Context<'_>, moment: Option<Instant>) -> Poll<()> {
        let since = moment.map(|moment| moment - Instant::ZERO);
        // A moment that no clock will show does not come.
        let Some(at) = since.and_then(|since| self.begun.checked_add(since)) else {
            return Poll::Pending;
        };
        if self.set_to != moment {
            self.set_to = moment;
            self.alarm.as_mut().reset(at);
        }
        let due = self.alarm.as_mut().poll(cx);
        if due.is_ready() {
            // It is to be set anew, even to the same moment.
            self.set_to = None;
        }
        due
    }
}
