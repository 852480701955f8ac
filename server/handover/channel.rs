//! One end of the dialogue: words with descriptors, each message as a whole.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::cmsg_space;
use rustix::net::sockopt::{Timeout, set_socket_timeout, socket_peercred};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
    connect, recvmsg, sendmsg, socket_with,
};
use rustix::process::geteuid;

/// Descriptors of one message. The kernel takes 253.
pub(super) const DESCRIPTORS_MAX: usize = 64;

/// Bytes of the words of one message: the name of a place, or a sentence.
const WORDS_BYTES_MAX: usize = 4096;

/// What somebody says.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) words: String,
    pub(super) descriptors: Vec<OwnedFd>,
}

/// See above.
#[derive(Debug)]
pub(super) struct Channel(OwnedFd);

/// A socket whose messages stay whole.
pub(super) fn socket() -> io::Result<OwnedFd> {
    let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
    Ok(socket_with(family, kind, SocketFlags::CLOEXEC, None)?)
}

impl Channel {
    /// Connects to whoever listens at a path.
    pub(super) fn connect(path: &Path) -> io::Result<Self> {
        let socket = socket()?;
        connect(&socket, &SocketAddrUnix::new(path)?)?;
        Ok(Self(socket))
    }

    /// An end that is connected.
    pub(super) fn of(socket: OwnedFd) -> Self {
        Self(socket)
    }

    /// From now on the other side is waited for so long, and no longer.
    pub(super) fn wait_at_most(&self, time: Duration) -> io::Result<()> {
        set_socket_timeout(&self.0, Timeout::Recv, Some(time))?;
        set_socket_timeout(&self.0, Timeout::Send, Some(time))?;
        Ok(())
    }

    /// The other side must run as this process does, or as root: who can hand sockets over, or take
    /// them, can read what clients say.
    ///
    /// # Errors
    /// It does not, or the kernel does not know.
    pub(super) fn check_peer(&self) -> io::Result<()> {
        let uid = socket_peercred(&self.0)?.uid;
        match uid.is_root() || uid == geteuid() {
            true => Ok(()),
            false => Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!("the other side runs as user {}", uid.as_raw()),
            )),
        }
    }

    /// Says something.
    pub(super) fn say(&self, words: &str) -> io::Result<()> {
        self.say_with(words, &[])
    }

    /// Says something, and hands over descriptors with it.
    pub(super) fn say_with(&self, words: &str, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let rights = SendAncillaryMessage::ScmRights(descriptors);
        let is_said = match descriptors.len() {
            0 => true,
            1..=DESCRIPTORS_MAX => control.push(rights),
            _ => false,
        };
        if !is_said {
            return Err(io::Error::other("these are too many descriptors"));
        }
        let words = [IoSlice::new(words.as_bytes())];
        sendmsg(self.0.as_fd(), &words, &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Hears something.
    ///
    /// # Errors
    /// The other side is gone, says nothing in time, or something that does not fit.
    pub(super) fn hear(&self) -> io::Result<Said> {
        let mut bytes = vec![0; WORDS_BYTES_MAX];
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let heard = recvmsg(
            self.0.as_fd(),
            &mut [IoSliceMut::new(&mut bytes)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        )?;
        let descriptors = control.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        });
        let descriptors = descriptors.flatten().collect();
        if heard.bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if heard
            .flags
            .intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC)
        {
            return Err(io::Error::other("a message does not fit"));
        }
        bytes.truncate(heard.bytes);
        let words = String::from_utf8(bytes);
        let words = words.map_err(|_| io::Error::other("a message is no text"))?;
        Ok(Said { words, descriptors })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write, pipe};

    use rustix::net::socketpair;

    use super::*;

    fn pair() -> (Channel, Channel) {
        let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
        let (one, other) = socketpair(family, kind, SocketFlags::CLOEXEC, None).unwrap();
        (Channel::of(one), Channel::of(other))
    }

    #[test]
    fn descriptors_come_with_the_words_they_belong_to() {
        let (here, there) = pair();
        let (mut reader, writer) = pipe().unwrap();
        let many = vec![writer.as_fd(); DESCRIPTORS_MAX];
        here.say_with("place a", &many).unwrap();
        here.say("all").unwrap();
        let place = there.hear().unwrap();
        assert_eq!(place.words, "place a");
        assert_eq!(place.descriptors.len(), DESCRIPTORS_MAX);
        let all = there.hear().unwrap();
        assert_eq!((all.words.as_str(), all.descriptors.len()), ("all", 0));
        drop(writer);
        let mut copies: Vec<std::fs::File> =
            place.descriptors.into_iter().map(From::from).collect();
        copies[0].write_all(b"through a copy").unwrap();
        drop(copies);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "through a copy");
        let too_many = vec![reader.as_fd(); DESCRIPTORS_MAX + 1];
        assert!(here.say_with("place b", &too_many).is_err());
    }

    #[test]
    fn who_is_gone_or_says_nothing_is_not_waited_for() {
        let (here, there) = pair();
        there.check_peer().unwrap();
        there.wait_at_most(Duration::from_millis(1)).unwrap();
        let error = there.hear().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        drop(here);
        let error = there.hear().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (here, there) = pair();
        here.say(&"x".repeat(WORDS_BYTES_MAX + 1)).unwrap();
        assert!(there.hear().is_err());
    }
}
