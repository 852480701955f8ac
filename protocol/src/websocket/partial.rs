//! An item that has not come whole, or not in one frame.

use super::deflate::Inflater;
use super::frame::{HEADER_BYTES_MAX, Header, Opcode};
use super::item::{Item, control_item, inflated_item};
use super::rules::Rules;
use super::utf8::Utf8;
use super::{Violation, mask};
use crate::collected::Collected;
use crate::input::{Input, Payload};
use crate::transformer::{Kind, Meter, Progress};

/// What a decoder remembers between two reads, unless it is between two items.
#[derive(Debug, Default)]
pub(super) struct Partial {
    /// The begin of a header whose end has not come yet; its first `head_bytes` bytes count.
    head: [u8; HEADER_BYTES_MAX],
    head_bytes: u8,
    /// The frame whose payload is coming.
    frame: Option<Frame>,
    /// The payload of that frame, if it is a control frame.
    control: Vec<u8>,
    /// The message that is under way.
    message: Option<Message>,
    /// How fast it comes.
    meter: Meter,
}

impl Partial {
    /// Consumes from `input` up to the end of the next item, or all of it.
    pub(super) fn next<'i>(
        &mut self,
        input: &mut Input<'i>,
        rules: Rules,
        mut inflater: Option<&mut Inflater>,
    ) -> Result<Option<Item<'i>>, Violation> {
        loop {
            let mut frame = match self.frame.take() {
                Some(frame) => frame,
                None => match self.begin_frame(input, rules)? {
                    Some(frame) => frame,
                    None => return Ok(None),
                },
            };
            let part = frame.take(input);
            let item = if frame.header.opcode.is_control() {
                self.push_control(&frame, part)?
            } else {
                self.push_message(&frame, part, rules, inflater.as_deref_mut())?
            };
            if !frame.is_complete() {
                self.frame = Some(frame);
                return Ok(None);
            }
            if item.is_some() {
                return Ok(item);
            }
        }
    }

    /// Whether there is nothing to remember.
    pub(super) fn is_idle(&self) -> bool {
        self.head_bytes == 0 && self.frame.is_none() && self.message.is_none()
    }

    /// What came of the message since the last call.
    pub(super) fn take_progress(&mut self) -> Progress {
        self.meter.take()
    }

    /// How many bytes of payload there is room for.
    pub(super) fn held_bytes(&self) -> usize {
        self.control.capacity()
            + self
                .message
                .as_ref()
                .map_or(0, |message| message.collected.held_bytes())
    }

    fn begin_frame(
        &mut self,
        input: &mut Input<'_>,
        rules: Rules,
    ) -> Result<Option<Frame>, Violation> {
        let Some(header) = self.take_header(input)? else {
            return Ok(None);
        };
        rules.admit(
            &header,
            self.message.as_ref().map(|message| message.collected.len()),
        )?;
        match header.opcode {
            Opcode::Text => self.message = Some(Message::new(Kind::Text, header.rsv1)),
            Opcode::Binary => self.message = Some(Message::new(Kind::Binary, header.rsv1)),
            _ => {}
        }
        Ok(Some(Frame {
            header,
            received_bytes: 0,
        }))
    }

    /// Takes the rest of a header, or all of `input` if the header goes on after it.
    fn take_header(&mut self, input: &mut Input<'_>) -> Result<Option<Header>, Violation> {
        let before = usize::from(self.head_bytes);
        let present = input.peek();
        let added = present.len().min(HEADER_BYTES_MAX - before);
        self.head[before..before + added].copy_from_slice(&present[..added]);
        let known = &self.head[..before + added];
        if let Some((header, header_bytes)) = Header::parse(known)? {
            input.take(header_bytes - before);
            self.head_bytes = 0;
            return Ok(Some(header));
        }
        // No header is longer than `head`, so all of the input fitted in.
        input.take_all();
        self.head_bytes = known.len() as u8;
        Ok(None)
    }

    fn push_control<'i>(
        &mut self,
        frame: &Frame,
        part: &'i mut [u8],
    ) -> Result<Option<Item<'i>>, Violation> {
        let payload = if frame.is_complete() && self.control.is_empty() {
            Payload::Borrowed(part)
        } else {
            self.control.extend_from_slice(part);
            if !frame.is_complete() {
                return Ok(None);
            }
            Payload::Owned(std::mem::take(&mut self.control))
        };
        control_item(frame.header.opcode, payload).map(Some)
    }

    fn push_message<'i>(
        &mut self,
        frame: &Frame,
        part: &[u8],
        rules: Rules,
        inflater: Option<&mut Inflater>,
    ) -> Result<Option<Item<'i>>, Violation> {
        let Some(message) = &mut self.message else {
            return Err(Violation::ContinuationUnexpected);
        };
        message.push(part, frame)?;
        self.meter.add(part.len());
        if !(frame.is_complete() && frame.header.fin) {
            return Ok(None);
        }
        let message = self.message.take();
        message
            .map(|message| message.finish(rules, inflater))
            .transpose()
    }
}

/// A frame whose payload is coming.
#[derive(Debug)]
struct Frame {
    header: Header,
    received_bytes: u64,
}

impl Frame {
    /// Takes as much of the payload as `input` holds, and unmasks it.
    fn take<'i>(&mut self, input: &mut Input<'i>) -> &'i mut [u8] {
        let missing_bytes = usize::try_from(self.missing_bytes()).unwrap_or(usize::MAX);
        let part = input.take(missing_bytes);
        if let Some(key) = self.header.mask {
            mask::apply(part, key, (self.received_bytes % 4) as usize);
        }
        self.received_bytes += part.len() as u64;
        part
    }

    fn missing_bytes(&self) -> u64 {
        self.header.payload_bytes - self.received_bytes
    }

    fn is_complete(&self) -> bool {
        self.missing_bytes() == 0
    }
}

/// A message that is put together.
#[derive(Debug)]
struct Message {
    kind: Kind,
    /// Whether the bytes are to be inflated.
    compressed: bool,
    utf8: Utf8,
    collected: Collected,
}

impl Message {
    fn new(kind: Kind, compressed: bool) -> Self {
        Self {
            kind,
            compressed,
            utf8: Utf8::default(),
            collected: Collected::default(),
        }
    }

    /// Appends the next part of the message, which came in `frame`.
    fn push(&mut self, part: &[u8], frame: &Frame) -> Result<(), Violation> {
        if self.kind == Kind::Text && !self.compressed {
            self.utf8.push(part).map_err(|_| Violation::InvalidUtf8)?;
        }
        // The end of the message is known once its last frame has begun.
        let missing_bytes = usize::try_from(frame.missing_bytes()).unwrap_or(usize::MAX);
        let missing_bytes = frame.header.fin.then_some(missing_bytes);
        self.collected.append(part, missing_bytes);
        Ok(())
    }

    fn finish<'i>(
        mut self,
        rules: Rules,
        inflater: Option<&mut Inflater>,
    ) -> Result<Item<'i>, Violation> {
        if self.compressed {
            // The rules admit no compressed message unless there is an inflater.
            let inflater = inflater.ok_or(Violation::ReservedBit)?;
            return inflated_item(self.kind, &self.collected.take(), rules, inflater);
        }
        self.utf8.finish().map_err(|_| Violation::InvalidUtf8)?;
        Ok(Item::Message {
            kind: self.kind,
            payload: Payload::Owned(self.collected.take()),
        })
    }
}
