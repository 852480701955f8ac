//! The running server: listens for a process that wants to take over, and hands its sockets to it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, TryLockError};
use std::thread;
use std::time::Duration;

use allspark::Drain;
use rustix::net::{SocketFlags, accept_with};

use super::VERSION;
use super::channel::{Channel, DESCRIPTORS_MAX};
use super::socket_file::SocketFile;
use crate::drain::{End, Sockets};

/// How long a process that has connected may take to say what it wants.
const WANT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long it may take to be ready: it makes the client library and a driver for each shard.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// How long, after it has stopped accepting, the server serves those whom it has accepted in that
/// moment: their request is on its way.
const LINGER_MS: u64 = 2_000;

/// What can be handed over, and what comes after that.
pub(crate) struct Giver {
    end: Arc<End>,
    driver: &'static str,
}

impl Giver {
    /// Hands the sockets of a server with this driver to whoever comes and may, and ends it then.
    pub(crate) fn new(end: Arc<End>, driver: &'static str) -> Self {
        Self { end, driver }
    }

    /// Listens, on a thread of its own, for as long as the process lives.
    pub(super) fn listen(self, file: &SocketFile) -> io::Result<()> {
        let socket = file.socket.try_clone()?;
        let giver = Arc::new(self);
        let listen = move || {
            loop {
                if let Err(error) = giver.admit(&socket) {
                    tracing::warn!(%error, "a process that wants to take over can't be heard");
                    // There may be no descriptors; whoever waits is heard later.
                    thread::sleep(WANT_TIMEOUT);
                }
            }
        };
        let thread = thread::Builder::new().name("handover".to_owned());
        thread.spawn(listen).map(drop)
    }

    /// Each is heard on a thread of its own: one that says nothing must not keep the next one
    /// waiting, which may be told that another takes over.
    fn admit(self: &Arc<Self>, socket: &OwnedFd) -> io::Result<()> {
        let channel = Channel::of(accept_with(socket, SocketFlags::CLOEXEC)?);
        let giver = Arc::clone(self);
        let hear = move || {
            if let Err(error) = giver.hear(&channel) {
                tracing::warn!(%error, "a process did not take over; this one goes on");
            }
        };
        let thread = thread::Builder::new().name("handover-to".to_owned());
        thread.spawn(hear).map(drop)
    }

    /// Hears what a process wants.
    fn hear(&self, channel: &Channel) -> io::Result<()> {
        channel.check_peer()?;
        channel.wait_at_most(WANT_TIMEOUT)?;
        let wanted = channel.hear()?.words;
        if wanted != format!("take {VERSION}") {
            let reason = format!("the running server speaks version {VERSION}, not \"{wanted}\"");
            return channel.say(&format!("refused {reason}"));
        }
        let mut sockets = match self.end.sockets.try_lock() {
            Ok(sockets) => sockets,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return channel.say("refused another process takes over just now");
            }
        };
        let given = match &*sockets {
            Some(found) => self.give(channel, found),
            None => channel.say("refused the running server has been told to end"),
        };
        if self.end.server.is_draining() {
            *sockets = None;
        }
        given
    }

    /// Hands them over, and drains once the other side accepts.
    fn give(&self, channel: &Channel, sockets: &Sockets) -> io::Result<()> {
        channel.say(&format!("give {VERSION} {}", self.driver))?;
        for (name, sockets) in sockets {
            for part in sockets.chunks(DESCRIPTORS_MAX) {
                let part: Vec<_> = part.iter().map(AsFd::as_fd).collect();
                channel.say_with(&format!("place {name}"), &part)?;
            }
        }
        channel.say("all")?;
        channel.wait_at_most(READY_TIMEOUT)?;
        let said = channel.hear()?.words;
        if said != "ready" {
            return Err(io::Error::other(format!("it said {said:?}")));
        }
        tracing::info!("another process has taken over the listening sockets");
        self.end.begin_with(Drain {
            // The new one accepts already, so nobody has to notice anything.
            delay_ms: 0,
            linger_ms: LINGER_MS,
            ..self.end.options()
        });
        channel.say("go")
    }
}
