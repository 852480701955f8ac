//! The new process: takes the sockets of the running server over, if there is one.

use std::fmt;
use std::io;
use std::mem;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use allspark::Handle;

use super::VERSION;
use super::channel::Channel;
use super::giver::Giver;
use super::socket_file::SocketFile;
use crate::drain::Sockets;

/// How long the running server may take to say anything.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// What was taken over, or nothing, and the socket file of this process.
pub(crate) struct Taken {
    path: PathBuf,
    file: SocketFile,
    /// The running server, which waits to hear that this one is ready, and its driver.
    old: Option<(Channel, String)>,
    sockets: Sockets,
}

/// Takes over what a server that listens at this path has, if there is one.
///
/// # Errors
/// There is one and it does not hand over, or this process can't listen there: in one line.
pub(crate) fn take(path: &Path) -> Result<Taken, String> {
    let old = match Channel::connect(path) {
        Ok(channel) => Some(channel),
        Err(error) if is_nobody(&error) => None,
        Err(error) => return Err(failed(path, "the running server can't be reached", &error)),
    };
    let file = SocketFile::beside(path)
        .map_err(|error| failed(path, "nobody could take over from this server", &error))?;
    let mut taken = Taken {
        path: path.to_owned(),
        file,
        old: None,
        sockets: Vec::new(),
    };
    if let Some(channel) = old {
        let asked = taken
            .ask(&channel)
            .map_err(|error| failed(path, "the running server does not hand over", &error))?;
        taken.old = Some((channel, asked));
    }
    Ok(taken)
}

/// Nobody listens there: there is no file, or one that a server has left behind.
fn is_nobody(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, NotFound};
    matches!(error.kind(), NotFound | ConnectionRefused)
}

fn failed(path: &Path, what: &str, error: &dyn fmt::Display) -> String {
    format!("handover {}: {what}: {error}", path.display())
}

impl Taken {
    /// Asks for the sockets. Returns the name of the driver that they are used with.
    fn ask(&mut self, channel: &Channel) -> io::Result<String> {
        channel.check_peer()?;
        channel.wait_at_most(ANSWER_TIMEOUT)?;
        channel.say(&format!("take {VERSION}"))?;
        let answer = channel.hear()?.words;
        let driver = match answer.split_once(' ') {
            Some(("give", rest)) => rest.strip_prefix(VERSION).map(str::trim_start),
            Some(("refused", reason)) => return Err(io::Error::other(reason.to_owned())),
            _ => None,
        };
        let driver = driver.ok_or_else(|| unexpected(&answer))?.to_owned();
        loop {
            let said = channel.hear()?;
            match said.words.split_once(' ') {
                Some(("place", name)) => self.add(name, said.descriptors),
                None if said.words == "all" => return Ok(driver),
                _ => return Err(unexpected(&said.words)),
            }
        }
    }

    fn add(&mut self, name: &str, mut sockets: Vec<OwnedFd>) {
        match self.sockets.last_mut().filter(|(last, _)| last == name) {
            Some((_, last)) => last.append(&mut sockets),
            None => self.sockets.push((name.to_owned(), sockets)),
        }
    }

    /// The driver that the sockets are used with, if there are any.
    pub(crate) fn driver(&self) -> Option<&str> {
        self.old.as_ref().map(|(_, driver)| driver.as_str())
    }

    /// The sockets of the place of this name, if the running server listens there.
    pub(crate) fn sockets(&mut self, name: &str) -> Option<Vec<OwnedFd>> {
        let mut places = self.sockets.iter_mut();
        let (_, sockets) = places.find(|(other, sockets)| other == name && !sockets.is_empty())?;
        Some(mem::take(sockets))
    }

    /// This server accepts: the running one may stop. From now on another process can take over
    /// from this one.
    ///
    /// # Errors
    /// The running server does not answer: it has not stopped, so this one must not go on.
    pub(crate) fn complete(mut self, server: &Handle, giver: Giver) -> Result<Listening, String> {
        if let Some((channel, _)) = self.old.take() {
            self.relieve(&channel)?;
            tracing::info!("took over the listening sockets of the server that ran before");
            look_again(server.clone());
        }
        let path = &self.path;
        self.file
            .take_place()
            .and_then(|()| giver.listen(&self.file))
            .map_err(|error| failed(path, "nobody could take over from this server", &error))?;
        Ok(Listening { _file: self.file })
    }

    fn relieve(&self, channel: &Channel) -> Result<(), String> {
        // Whom nobody takes over is let go.
        let said = channel.say("ready").and_then(|()| channel.hear());
        match said {
            Ok(said) if said.words == "go" => Ok(()),
            // It has ended meanwhile, and left its clients to this one.
            Err(error) if is_gone(&error) => Ok(()),
            Ok(said) => Err(unexpected(&said.words)),
            Err(error) => Err(error),
        }
        .map_err(|error| failed(&self.path, "the running server does not stop", &error))
    }
}

fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

fn unexpected(words: &str) -> io::Error {
    io::Error::other(format!("it said {words:?}"))
}

/// When shards look again whether somebody waits, after the other server was told to stop.
const LOOKS_MS: [u64; 3] = [0, 100, 1_000];

/// The kernel tells one process of a connection. If that is the other one, which does not accept
/// any more by the time it hears of it, nobody hears of it again: so it is looked for.
fn look_again(server: Handle) {
    let look = move || {
        for pause_ms in LOOKS_MS {
            thread::sleep(Duration::from_millis(pause_ms));
            server.accept_again();
        }
    };
    let thread = thread::Builder::new().name("handover-look".to_owned());
    if let Err(error) = thread.spawn(look) {
        tracing::warn!(%error, "a connection may wait until the next one comes");
    }
}

/// The socket file of a server, which goes with it.
pub(crate) struct Listening {
    _file: SocketFile,
}
