//! Where the body of a message ends (RFC 9112, 6.3). Two readers that disagree about it are what
//! request smuggling lives on, so everything doubtful is refused.

use super::error::Error;
use super::fields::{Fields, list};

/// Where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// After that many bytes.
    Length(u64),
    /// After the last chunk.
    Chunked,
}

/// What the headers say about the body; `None` if they say nothing.
pub(super) fn framing(fields: Fields<'_>, minor_version: u8) -> Result<Option<Framing>, Error> {
    let mut length = None;
    let mut has_coding = false;
    for (name, value) in fields.iter() {
        if name.eq_ignore_ascii_case("content-length") {
            if length.is_some() {
                return Err(Error::ContentLengthRepeated);
            }
            length = Some(content_length(value)?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            has_coding = true;
        }
    }
    match (length, has_coding) {
        (None, false) => Ok(None),
        (Some(length), false) => Ok(Some(Framing::Length(length))),
        (Some(_), true) => Err(Error::LengthAndTransferEncoding),
        (None, true) if minor_version == 0 => Err(Error::TransferEncodingVersion),
        (None, true) => only_chunked(fields).map(Some),
    }
}

/// Digits only: no sign, no list, no white space inside, nothing beyond 64 bits.
fn content_length(value: &[u8]) -> Result<u64, Error> {
    if value.is_empty() {
        return Err(Error::ContentLength);
    }
    value.iter().try_fold(0u64, |length, byte| {
        if !byte.is_ascii_digit() {
            return Err(Error::ContentLength);
        }
        length
            .checked_mul(10)
            .and_then(|length| length.checked_add(u64::from(byte - b'0')))
            .ok_or(Error::ContentLength)
    })
}

/// The one acceptable list of codings is `chunked`.
fn only_chunked(fields: Fields<'_>) -> Result<Framing, Error> {
    let mut codings = 0u32;
    let mut chunked = 0u32;
    let mut chunked_is_last = false;
    let values = fields
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("transfer-encoding"));
    for coding in values.flat_map(|(_, value)| list(value)) {
        chunked_is_last = coding.eq_ignore_ascii_case(b"chunked");
        codings += 1;
        chunked += u32::from(chunked_is_last);
    }
    match (codings, chunked) {
        (1, 1) => Ok(Framing::Chunked),
        (0, _) | (_, 2..) => Err(Error::TransferEncoding),
        (_, 1) if !chunked_is_last => Err(Error::TransferEncoding),
        _ => Err(Error::TransferCodingUnknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_one_length_or_chunked() {
        let of = |lines: &'static str| framing(Fields::new(lines.as_bytes()), 1);
        assert_eq!(of(""), Ok(None));
        assert_eq!(of("Content-Length: 0\r\n"), Ok(Some(Framing::Length(0))));
        assert_eq!(of("content-length:007\r\n"), Ok(Some(Framing::Length(7))));
        assert_eq!(
            of("Content-Length: 18446744073709551615\r\n"),
            Ok(Some(Framing::Length(u64::MAX)))
        );
        assert_eq!(
            of("Transfer-Encoding: Chunked\r\n"),
            Ok(Some(Framing::Chunked))
        );
    }

    #[test]
    fn refuses_every_other_length() {
        for value in [
            "",
            "+5",
            "-5",
            "0x5",
            "5,5",
            "5, 5",
            "5 5",
            "5.0",
            "a",
            "18446744073709551616",
        ] {
            let lines = format!("Content-Length: {value}\r\n");
            let result = framing(Fields::new(lines.as_bytes()), 1);
            assert_eq!(result, Err(Error::ContentLength), "{value:?}");
        }
    }

    #[test]
    fn refuses_every_other_coding() {
        let cases = [
            ("gzip", Error::TransferCodingUnknown),
            ("gzip, chunked", Error::TransferCodingUnknown),
            ("xchunked", Error::TransferCodingUnknown),
            ("chunked;q=1", Error::TransferCodingUnknown),
            ("identity", Error::TransferCodingUnknown),
            ("chunked, gzip", Error::TransferEncoding),
            ("chunked, chunked", Error::TransferEncoding),
            (
                "chunked\r\nTransfer-Encoding: chunked",
                Error::TransferEncoding,
            ),
            ("", Error::TransferEncoding),
            (",", Error::TransferEncoding),
        ];
        for (value, error) in cases {
            let lines = format!("Transfer-Encoding: {value}\r\n");
            let result = framing(Fields::new(lines.as_bytes()), 1);
            assert_eq!(result, Err(error), "{value:?}");
        }
    }
}
