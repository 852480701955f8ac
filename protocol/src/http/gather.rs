//! Puts a head together: where it lies if it is whole, in a buffer if it is not.

use super::error::Error;
use super::fields::is_token_byte;
use super::head::head_end;
use crate::input::Input;
use crate::limits::{HTTP_EMPTY_LINES_MAX, HTTP_HEAD_BYTES_MAX};

/// What was found of a head.
#[derive(Debug)]
pub(super) enum Gathered<'i> {
    /// All of it, in one piece.
    InPlace(&'i [u8]),
    /// All of it, in the buffer.
    Kept,
    /// A part of it, which is in the buffer. If that is empty, no message has begun.
    More,
}

/// The errors of a first line. Those of requests and of responses differ.
#[derive(Clone, Copy, Debug)]
pub(super) struct FirstLine {
    pub(super) malformed: Error,
    pub(super) too_long: Error,
}

/// Takes a head from the input, and not one byte of what follows it. `kept` holds what earlier
/// calls took; it stays below the limit of heads. `empty_lines` counts the empty lines before the
/// message, those of earlier calls included.
pub(super) fn gather<'i>(
    kept: &mut Vec<u8>,
    input: &mut Input<'i>,
    first_line: FirstLine,
    empty_lines: &mut u8,
) -> Result<Gathered<'i>, Error> {
    skip_empty_lines(kept, input, first_line, empty_lines)?;
    if !kept.is_empty() {
        return gather_kept(kept, input, first_line);
    }
    match find_end(input.peek(), 0, first_line)? {
        Some(end) => Ok(Gathered::InPlace(input.take(end))),
        None => {
            kept.extend_from_slice(input.take_all());
            Ok(Gathered::More)
        }
    }
}

/// Skips a few empty lines before a message (RFC 9112, 2.2) and looks at the byte with which it
/// begins, so that a peer that speaks TLS is refused at once and not after the time-out. A CR
/// whose LF has not arrived is kept.
fn skip_empty_lines(
    kept: &mut Vec<u8>,
    input: &mut Input<'_>,
    first_line: FirstLine,
    empty_lines: &mut u8,
) -> Result<(), Error> {
    let mut count = || {
        *empty_lines += 1;
        match *empty_lines > HTTP_EMPTY_LINES_MAX {
            true => Err(Error::EmptyLines),
            false => Ok(()),
        }
    };
    if kept == b"\r" && input.peek().starts_with(b"\n") {
        count()?;
        input.take(1);
        kept.clear();
    }
    if !kept.is_empty() {
        return Ok(());
    }
    while input.peek().starts_with(b"\r\n") {
        count()?;
        input.take(2);
    }
    match input.peek() {
        [] | [b'\r'] => Ok(()),
        [b'\r' | b'\n', ..] => Err(Error::LineEnding),
        [first, ..] if is_token_byte(*first) => Ok(()),
        _ => Err(first_line.malformed),
    }
}

/// Appends to the buffer up to the end of the head.
fn gather_kept<'i>(
    kept: &mut Vec<u8>,
    input: &mut Input<'i>,
    first_line: FirstLine,
) -> Result<Gathered<'i>, Error> {
    let before = kept.len();
    let room = HTTP_HEAD_BYTES_MAX - before;
    kept.extend_from_slice(&input.peek()[..room.min(input.len())]);
    if kept.len() > 1 && kept.starts_with(b"\r") {
        return Err(Error::LineEnding);
    }
    let end = find_end(kept, before, first_line)?;
    kept.truncate(end.unwrap_or(kept.len()));
    input.take(kept.len() - before);
    Ok(end.map_or(Gathered::More, |_| Gathered::Kept))
}

fn find_end(bytes: &[u8], from: usize, first_line: FirstLine) -> Result<Option<usize>, Error> {
    head_end(bytes, from).map_err(|error| {
        if error == Error::HeadTooLarge && !bytes[..HTTP_HEAD_BYTES_MAX].contains(&b'\n') {
            first_line.too_long
        } else {
            error
        }
    })
}
