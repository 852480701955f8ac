//! The server's side of a connection: bytes in, requests out.

use super::body::{Body, Piece};
use super::error::Error;
use super::framing::Framing;
use super::gather::{FirstLine, Gathered, gather};
use super::head::RequestHead;
use super::owned_head::OwnedHead;
use crate::collected::Collected;
use crate::input::{Input, Payload};

/// A complete request.
#[derive(Debug)]
pub struct Request<'r> {
    /// Request line and headers.
    pub head: RequestHead<'r>,
    /// The body, without transfer coding. It lies in the input if it arrived in one piece.
    pub body: Payload<'r>,
}

/// A piece of a body that is given out as it comes.
#[derive(Debug)]
pub enum BodyPiece<'i> {
    /// A part of the body, without transfer coding; never empty.
    Data(&'i mut [u8]),
    /// The input is used up.
    More,
    /// The body is complete.
    End,
}

/// Cuts a stream of bytes into requests.
///
/// Call [`Reader::next`] until it returns `None` or an error, or until a request upgrades the
/// connection: between requests the reader then holds no memory of its own.
#[derive(Debug)]
pub struct Reader {
    body_bytes_max: u32,
    /// Before the next request.
    empty_lines: u8,
    partial: Option<Box<Partial>>,
}

impl Reader {
    /// A reader that refuses bodies of more than `body_bytes_max` bytes after decoding; with
    /// `u32::MAX` bytes or more it refuses none, which is for those that are given out as they
    /// come.
    pub fn new(body_bytes_max: usize) -> Self {
        Self {
            body_bytes_max: u32::try_from(body_bytes_max).unwrap_or(u32::MAX),
            empty_lines: 0,
            partial: None,
        }
    }

    /// Takes the next request from the input, or all of the input if that does not complete one.
    /// Bytes behind the request stay in the input, for the session that reads the connection after
    /// an upgrade.
    ///
    /// # Errors
    /// The request is to be answered with [`Error::status`], and the connection closed: every
    /// further call takes nothing and returns the same error.
    pub fn next<'r, 'i: 'r>(
        &'r mut self,
        input: &mut Input<'i>,
    ) -> Result<Option<Request<'r>>, Error> {
        match self.advance(input) {
            Ok(Progress::More(partial)) => {
                self.partial = partial;
                Ok(None)
            }
            Ok(Progress::InPlace(request)) => {
                self.empty_lines = 0;
                Ok(Some(request))
            }
            Ok(Progress::Kept(head, body)) => {
                self.empty_lines = 0;
                let partial = self.partial.insert(Box::new(Partial::Delivered(head)));
                Ok(partial.head().map(|head| Request { head, body }))
            }
            Err(error) => {
                self.partial = Some(Box::new(Partial::Failed(error)));
                Err(error)
            }
        }
    }

    /// Whether the peer waits for `100 Continue` before it sends the body. True only once for each
    /// request. To be called when [`Reader::next`] has returned `None`.
    pub fn take_continue(&mut self) -> bool {
        match self.partial.as_deref_mut() {
            Some(Partial::Body(_, collector)) => std::mem::take(&mut collector.is_awaited),
            _ => false,
        }
    }

    /// Whether no request has begun. An empty line, or half of one, is no beginning.
    pub fn is_idle(&self) -> bool {
        self.partial.as_deref().is_none_or(|partial| match partial {
            Partial::Delivered(_) => true,
            Partial::Head(head) => head == b"\r",
            Partial::Body(..) | Partial::Failed(_) => false,
        })
    }

    /// Whether the head of a request is complete and its body is not.
    pub fn awaits_body(&self) -> bool {
        matches!(self.partial.as_deref(), Some(Partial::Body(..)))
    }

    /// The head of a request whose body is not complete.
    pub fn begun(&self) -> Option<RequestHead<'_>> {
        let partial = self.partial.as_deref()?;
        partial.head().filter(|_| self.awaits_body())
    }

    /// If the head of a request is complete and its body is not: how many bytes of the body came
    /// since the last call. The caller judges by this how fast the body comes. Bytes that frame the
    /// body do not count, because a peer could send nothing else.
    pub fn take_progress(&mut self) -> Option<usize> {
        match self.partial.as_deref_mut() {
            Some(Partial::Body(_, collector)) => {
                Some(std::mem::take(&mut collector.progress_bytes))
            }
            _ => None,
        }
    }

    /// Lowers the bound of the body that is still to come.
    ///
    /// # Errors
    /// The body is longer. The request is to be answered, and the connection closed.
    pub fn limit_body(&mut self, bytes_max: usize) -> Result<(), Error> {
        let Some(Partial::Body(_, collector)) = self.partial.as_deref_mut() else {
            return Ok(());
        };
        collector.bytes_max = collector.bytes_max.min(bytes_max);
        let left = match collector.body {
            Body::Length(left) => left,
            Body::Chunked(_) | Body::UntilClose => 0,
        };
        match collector.collected.len() as u64 + left > collector.bytes_max as u64 {
            true => Err(Error::BodyTooLarge),
            false => Ok(()),
        }
    }

    /// If the head of a request is complete and its body is not: how many bytes of the body may
    /// still come, without what frames them.
    pub fn missing_bytes_max(&self) -> usize {
        let Some(Partial::Body(_, collector)) = self.partial.as_deref() else {
            return 0;
        };
        let bytes_max = collector
            .bytes_max
            .saturating_sub(collector.collected.len());
        match collector.body {
            Body::Length(left) => usize::try_from(left).unwrap_or(usize::MAX).min(bytes_max),
            Body::Chunked(_) | Body::UntilClose => bytes_max,
        }
    }

    /// From now on the body whose request has begun is given out as it comes
    /// ([`Reader::next_piece`]). Returns what came of it so far.
    pub fn begin_pieces(&mut self) -> Vec<u8> {
        match self.partial.as_deref_mut() {
            Some(Partial::Body(_, collector)) => collector.collected.take(),
            _ => Vec::new(),
        }
    }

    /// Takes the next piece of a body that is given out as it comes. Behind its end the reader
    /// stands before the next request.
    ///
    /// # Errors
    /// As [`Reader::next`].
    pub fn next_piece<'i>(&mut self, input: &mut Input<'i>) -> Result<BodyPiece<'i>, Error> {
        let piece = match self.partial.as_deref_mut() {
            Some(Partial::Body(_, collector)) => collector.body.next(input),
            Some(Partial::Failed(error)) => Err(*error),
            _ => Ok(Piece::End),
        };
        match piece {
            Ok(Piece::Data(data)) => Ok(BodyPiece::Data(data)),
            Ok(Piece::More) => Ok(BodyPiece::More),
            Ok(Piece::End) => {
                self.partial = None;
                self.empty_lines = 0;
                Ok(BodyPiece::End)
            }
            Err(error) => {
                self.partial = Some(Box::new(Partial::Failed(error)));
                Err(error)
            }
        }
    }

    /// Bytes of heap memory that the reader holds: none between requests, and never more than
    /// twice what the limits allow a request to have. A body whose length is known takes no more
    /// than that in the end.
    pub fn held_bytes(&self) -> usize {
        let Some(partial) = self.partial.as_deref() else {
            return 0;
        };
        let bytes = match partial {
            Partial::Head(head) => head.capacity(),
            Partial::Body(head, collector) => head.held_bytes() + collector.collected.held_bytes(),
            Partial::Delivered(head) => head.held_bytes(),
            Partial::Failed(_) => 0,
        };
        size_of::<Partial>() + bytes
    }

    fn advance<'i>(&mut self, input: &mut Input<'i>) -> Result<Progress<'i>, Error> {
        let Some(partial) = self.partial.take() else {
            return self.read_head(Vec::new(), input);
        };
        match *partial {
            Partial::Head(head) => self.read_head(head, input),
            Partial::Body(head, collector) => read_body(head, collector, input),
            Partial::Delivered(_) => self.read_head(Vec::new(), input),
            Partial::Failed(error) => Err(error),
        }
    }

    fn read_head<'i>(
        &mut self,
        mut kept: Vec<u8>,
        input: &mut Input<'i>,
    ) -> Result<Progress<'i>, Error> {
        match gather(&mut kept, input, REQUEST_LINE, &mut self.empty_lines)? {
            Gathered::InPlace(bytes) => self.read_in_place(bytes, input),
            Gathered::Kept => {
                let head = OwnedHead::parse_delimited(kept)?;
                let collector = Collector::new(&head.head(), self.body_bytes_max)?;
                read_body(head, collector, input)
            }
            Gathered::More if kept.is_empty() => Ok(Progress::More(None)),
            Gathered::More => Ok(Progress::More(Some(Box::new(Partial::Head(kept))))),
        }
    }

    fn read_in_place<'i>(
        &self,
        bytes: &'i [u8],
        input: &mut Input<'i>,
    ) -> Result<Progress<'i>, Error> {
        let head = RequestHead::parse_delimited(bytes)?;
        let mut collector = Collector::new(&head, self.body_bytes_max)?;
        Ok(match collector.collect(input)? {
            Some(body) => Progress::InPlace(Request { head, body }),
            None => Progress::More(Some(Partial::body(head.into(), collector))),
        })
    }
}

const REQUEST_LINE: FirstLine = FirstLine {
    malformed: Error::RequestLine,
    too_long: Error::TargetTooLong,
};

/// What one call led to.
enum Progress<'i> {
    More(Option<Box<Partial>>),
    InPlace(Request<'i>),
    /// A request whose head had to be kept.
    Kept(OwnedHead, Payload<'i>),
}

/// A request that is not complete, or that was delivered from here.
#[derive(Debug)]
enum Partial {
    /// The head is not complete.
    Head(Vec<u8>),
    /// The head is complete, the body is not.
    Body(OwnedHead, Collector),
    /// The request was given out and borrows from here until the next call.
    Delivered(OwnedHead),
    /// Where the next request would start is unknown.
    Failed(Error),
}

impl Partial {
    fn body(head: OwnedHead, collector: Collector) -> Box<Self> {
        Box::new(Self::Body(head, collector))
    }

    /// The head, once it is complete.
    fn head(&self) -> Option<RequestHead<'_>> {
        match self {
            Self::Body(head, _) | Self::Delivered(head) => Some(head.head()),
            Self::Head(_) | Self::Failed(_) => None,
        }
    }
}

fn read_body<'i>(
    head: OwnedHead,
    mut collector: Collector,
    input: &mut Input<'i>,
) -> Result<Progress<'i>, Error> {
    Ok(match collector.collect(input)? {
        Some(body) => Progress::Kept(head, body),
        None => Progress::More(Some(Partial::body(head, collector))),
    })
}

/// Puts a body together.
#[derive(Debug)]
struct Collector {
    body: Body,
    collected: Collected,
    bytes_max: usize,
    /// Collected since somebody asked last.
    progress_bytes: usize,
    /// The peer sends nothing of the body before it is told to.
    is_awaited: bool,
}

impl Collector {
    fn new(head: &RequestHead<'_>, bytes_max: u32) -> Result<Self, Error> {
        let bytes_max = match bytes_max {
            u32::MAX => usize::MAX,
            bytes_max => bytes_max as usize,
        };
        if matches!(head.framing(), Framing::Length(length) if length > bytes_max as u64) {
            return Err(Error::BodyTooLarge);
        }
        Ok(Self {
            body: Body::from(head.framing()),
            collected: Collected::default(),
            bytes_max,
            progress_bytes: 0,
            is_awaited: head.expects_continue(),
        })
    }

    /// The body, once it is complete.
    fn collect<'i>(&mut self, input: &mut Input<'i>) -> Result<Option<Payload<'i>>, Error> {
        // A peer that has begun to send the body waits for no `100 Continue`.
        self.is_awaited &= input.is_empty();
        loop {
            match self.body.next(input)? {
                Piece::Data(data) => {
                    if self.collected.is_empty() && matches!(self.body, Body::Length(0)) {
                        return Ok(Some(Payload::Borrowed(data)));
                    }
                    if data.len() > self.bytes_max - self.collected.len() {
                        return Err(Error::BodyTooLarge);
                    }
                    let missing = match self.body {
                        Body::Length(left) => usize::try_from(left).ok(),
                        _ => None,
                    };
                    self.collected.append(data, missing);
                    self.progress_bytes += data.len();
                }
                Piece::More => return Ok(None),
                Piece::End => {
                    return Ok(Some(Payload::Owned(self.collected.take())));
                }
            }
        }
    }
}

// One in each connection that waits for a request.
const _: () = assert!(size_of::<Reader>() == 16);
