//! One connection in the sense of Primus: a client half, and what its links are called outside.

use allspark_protocol::Instant;
use allspark_protocol::transformer::{
    ClientOutput, ClientOutputs, ClientTransport, End, Kind, Link,
};
use smallvec::SmallVec;

use super::Outputs;

/// A connection and its links.
pub(super) struct Connection {
    half: Box<dyn ClientTransport>,
    /// What the half calls its links, and what everybody else does. Client halves number theirs
    /// each from 0, and a late word about a link of an old one must not be taken for the new one's.
    links: SmallVec<[(Link, Link); 2]>,
}

/// Gives numbers to links, each once (in four billion).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LinkNumbers(u32);

/// What a client half tells, beside [`End`].
#[derive(Debug)]
pub(super) enum Told<'h> {
    Open,
    Message(Kind, &'h [u8]),
}

impl Connection {
    pub(super) fn new(half: Box<dyn ClientTransport>) -> Self {
        Self {
            half,
            links: SmallVec::new(),
        }
    }

    /// What the half calls a link; `None` if it has no such link, or no more.
    pub(super) fn link(&self, outside: Link) -> Option<Link> {
        let mut links = self.links.iter();
        links
            .find(|(_, own)| *own == outside)
            .map(|(half, _)| *half)
    }

    /// The link is gone.
    pub(super) fn forget(&mut self, outside: Link) {
        self.links.retain(|(_, own)| *own != outside);
    }

    pub(super) fn session_id(&self) -> Option<&str> {
        self.half.session_id()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.half.deadline()
    }

    /// Calls the half, passes on what it wants and tells what it tells. If that is the end, its
    /// links are closed.
    pub(super) fn call(
        &mut self,
        numbers: &mut LinkNumbers,
        out: &mut Outputs,
        call: impl FnOnce(&mut dyn ClientTransport, &mut ClientOutputs),
        mut tell: impl FnMut(Told<'_>, &mut Outputs),
    ) -> Option<End> {
        let mut half = out.take_half();
        call(&mut *self.half, &mut half);
        let mut end = None;
        for output in half.list() {
            match output {
                ClientOutput::Connect(link) => self.connect(*link, numbers, out),
                ClientOutput::Write(link, bytes) => {
                    if let Some(own) = self.own(*link) {
                        out.write(own, half.bytes(bytes.clone()));
                    }
                }
                ClientOutput::Close(link) => self.close(*link, out),
                ClientOutput::Open => tell(Told::Open, out),
                ClientOutput::Message { kind, bytes } => {
                    tell(Told::Message(*kind, half.bytes(bytes.clone())), out);
                }
                ClientOutput::Ended(reason) => end = Some(reason.clone()),
            }
        }
        out.recycle_half(half);
        if end.is_some() {
            self.close_all(out);
        }
        end
    }

    /// Closes every link that there still is.
    pub(super) fn close_all(&mut self, out: &mut Outputs) {
        for (_, own) in self.links.drain(..) {
            out.close(own);
        }
    }

    fn connect(&mut self, link: Link, numbers: &mut LinkNumbers, out: &mut Outputs) {
        let own = numbers.next();
        self.links.push((link, own));
        out.connect(own);
    }

    fn close(&mut self, link: Link, out: &mut Outputs) {
        if let Some(own) = self.own(link) {
            self.forget(own);
            out.close(own);
        }
    }

    fn own(&self, link: Link) -> Option<Link> {
        let mut links = self.links.iter();
        links.find(|(half, _)| *half == link).map(|(_, own)| *own)
    }
}

impl LinkNumbers {
    fn next(&mut self) -> Link {
        let link = Link(self.0);
        self.0 = self.0.wrapping_add(1);
        link
    }
}
