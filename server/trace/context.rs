//! Which trace a span belongs to, as W3C writes it: `00-TRACE-SPAN-FLAGS` in the header
//! `traceparent` (Trace Context, level 1).

/// The header.
pub(super) const TRACEPARENT: &str = "traceparent";

/// The flag that says that whoever came before records the trace.
const SAMPLED: u8 = 1;

/// A span, as its children know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Context {
    pub(super) trace: u128,
    pub(super) span: u64,
    pub(super) is_sampled: bool,
    /// A client, or a proxy, has said it.
    pub(super) is_foreign: bool,
}

impl Context {
    /// What such a header says, of this version or a later one, of which the beginning is known.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('-');
        let (version, trace) = (hex::<2>(parts.next()?)?, hex::<32>(parts.next()?)?);
        let (span, flags) = (hex::<16>(parts.next()?)?, hex::<2>(parts.next()?)?);
        let is_whole = version > 0 || parts.next().is_none();
        if !is_whole || version == 0xff || trace == 0 || span == 0 {
            return None;
        }
        Some(Self {
            trace,
            span: u64::try_from(span).ok()?,
            is_sampled: flags as u8 & SAMPLED != 0,
            is_foreign: true,
        })
    }

    /// The header that says it to others.
    pub(crate) fn traceparent(&self) -> String {
        let Self { trace, span, .. } = self;
        format!(
            "00-{trace:032x}-{span:016x}-{:02x}",
            u8::from(self.is_sampled)
        )
    }
}

/// A number of so many digits, in lower case.
fn hex<const DIGITS: usize>(text: &str) -> Option<u128> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_number = text.len() == DIGITS && text.bytes().all(is_digit);
    is_number.then(|| u128::from_str_radix(text, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn it_is_read_and_written_as_w3c_says() {
        let context = Context::parse(TEXT).unwrap();
        assert_eq!(context.traceparent(), TEXT);
        assert!(context.is_sampled && context.is_foreign);
        let unsampled = Context::parse(&TEXT.replace("-01", "-02")).unwrap();
        assert!(!unsampled.is_sampled);
        let later = Context::parse(&TEXT.replacen("00", "cc", 1).replace("-01", "-01-more"));
        assert_eq!(later, Some(context));
    }

    #[test]
    fn whatever_else_a_client_sends_is_nothing() {
        for (from, to) in [
            ("00-", "ff-"),
            ("0af7", "0AF7"),
            ("-01", "-01-more"),
            ("-01", "-1"),
            ("-01", ""),
            ("b7ad6b7169203331", "0000000000000000"),
            (
                "0af7651916cd43dd8448eb211c80319c",
                "00000000000000000000000000000000",
            ),
            ("0af7", "+af7"),
            ("00-0af7", "\u{20ac}"),
        ] {
            let text = TEXT.replacen(from, to, 1);
            assert_eq!(Context::parse(&text), None, "{text}");
        }
        assert_eq!(Context::parse(""), None);
    }
}
