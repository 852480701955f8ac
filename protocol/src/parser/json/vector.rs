//! Skips strings and numbers by vectors of 32 bytes, with instructions that not every CPU has: who
//! calls these functions has asked for them. They are as [`super::skip`] says.

use std::arch::x86_64::{
    __m256i, _mm256_cmpeq_epi8, _mm256_min_epu8, _mm256_movemask_epi8, _mm256_or_si256,
    _mm256_set1_epi8, _mm256_sub_epi8,
};

use super::skip;

type Block = [u8; size_of::<__m256i>()];

/// Skips to the first quote, backslash or control character, or to the end.
#[inline]
#[target_feature(enable = "avx2,bmi1")]
pub(super) fn plain(text: &[u8], mut at: usize) -> usize {
    while let Some(block) = text[at..].first_chunk() {
        let specials = specials(block);
        if specials != 0 {
            return at + specials.trailing_zeros() as usize;
        }
        at += size_of::<Block>();
    }
    last_plain(text, at)
}

/// The same where less than a block is left: it lies in the last block of the text, behind what was
/// seen before.
#[inline]
#[target_feature(enable = "avx2,bmi1")]
fn last_plain(text: &[u8], at: usize) -> usize {
    let Some(block) = text.last_chunk() else {
        return skip::plain_words(text, at);
    };
    let seen = at + size_of::<Block>() - text.len();
    let end = 1 << size_of::<Block>();
    let specials = (u64::from(specials(block)) | end) >> seen;
    at + specials.trailing_zeros() as usize
}

/// Skips a number from its first character, if one block of the text shows all of it and what
/// follows. It is `None` for whatever is not that, be it a longer number or none.
///
/// The block is looked at once, for where digits are: what depends on each other here is bits of
/// that, not further looks at the text. It begins with the number, or is the last one of the text.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2")]
pub(super) fn number(text: &[u8], at: usize) -> Option<usize> {
    let start = at.min(text.len().checked_sub(size_of::<Block>())?);
    let block: &Block = text[start..].first_chunk()?;
    let others = others_than_digits(block);
    let digits_from = |begin: usize| (others >> begin).trailing_zeros() as usize;

    let first = at - start;
    let begin = first + usize::from(*block.get(first)? == b'-');
    let whole = digits_from(begin);
    if whole == 0 || whole > 1 && *block.get(begin)? == b'0' {
        return None;
    }
    let mut end = begin + whole;
    if *block.get(end)? == b'.' {
        let fraction = digits_from(end + 1);
        if fraction == 0 {
            return None;
        }
        end += 1 + fraction;
    }
    if let b'e' | b'E' = block.get(end)? {
        let sign = matches!(block.get(end + 1)?, b'+' | b'-');
        let begin = end + 1 + usize::from(sign);
        let exponent = digits_from(begin);
        if exponent == 0 {
            return None;
        }
        end = begin + exponent;
    }
    (end < block.len()).then_some(start + end)
}

/// A bit for each byte that ends a plain run.
#[inline]
#[target_feature(enable = "avx2")]
fn specials(block: &Block) -> u32 {
    let bytes = load(block);
    let quotes = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b'"' as i8));
    let backslashes = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b'\\' as i8));
    let either = _mm256_or_si256(quotes, backslashes);
    bits(_mm256_or_si256(either, up_to(bytes, 0x1f)))
}

/// A bit for each byte that is no digit, and for whatever lies behind the block.
#[inline]
#[target_feature(enable = "avx2")]
fn others_than_digits(block: &Block) -> u64 {
    let values = _mm256_sub_epi8(load(block), _mm256_set1_epi8(b'0' as i8));
    !u64::from(bits(up_to(values, 9)))
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(block: &Block) -> __m256i {
    bytemuck::cast(*block)
}

/// Which bytes are at most `limit`.
#[inline]
#[target_feature(enable = "avx2")]
fn up_to(bytes: __m256i, limit: u8) -> __m256i {
    _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, _mm256_set1_epi8(limit as i8)), bytes)
}

/// A bit for each byte, the lowest for the first.
#[inline]
#[target_feature(enable = "avx2")]
fn bits(flags: __m256i) -> u32 {
    _mm256_movemask_epi8(flags) as u32
}
