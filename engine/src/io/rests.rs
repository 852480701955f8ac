//! What the kernel did not take of a send.

use super::driver::Completion;
use super::token::Token;
use crate::memory::Slice;

/// Reports what is left of several slices of which the first `taken` bytes were taken.
pub(super) fn report_rests(
    token: Token,
    slices: &[Slice],
    mut taken: usize,
    completions: &mut Vec<Completion>,
) {
    let first = slices.iter().position(|bytes| {
        let is_whole = taken >= bytes.len();
        taken -= if is_whole { bytes.len() } else { 0 };
        !is_whole
    });
    let Some(first) = first else {
        return;
    };
    for (index, bytes) in slices.iter().enumerate().skip(first).rev() {
        let count = if index == first { taken } else { 0 };
        let rest = bytes.clone().skip(count);
        completions.push(Completion::SendStalled { token, rest });
    }
}
