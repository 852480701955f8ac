//! What can be wrong with a message, and whose fault it is.

/// Why a message was refused. After any of these the place where the next message would start is
/// unknown, so the connection must be closed once the answer is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // The peer broke the grammar.
    /// Not `method SP target SP HTTP/x.y` (RFC 9112, 3).
    #[error("the request line is malformed")]
    RequestLine,
    /// The target has none of the forms that its method allows (RFC 9112, 3.2).
    #[error("the request target is malformed or does not suit the method")]
    Target,
    /// A line feed without carriage return, or the other way round (RFC 9112, 2.2).
    #[error("a line of the head does not end with CR LF")]
    LineEnding,
    /// More than [`HTTP_EMPTY_LINES_MAX`](crate::limits::HTTP_EMPTY_LINES_MAX) before a message.
    #[error("there are too many empty lines before the message")]
    EmptyLines,
    /// A header continues on a second line (RFC 9112, 5.2).
    #[error("a header is folded over several lines")]
    LineFolding,
    /// A header name is empty or holds a byte that names cannot hold (RFC 9112, 5.1).
    #[error("a header name is malformed or followed by white space")]
    HeaderName,
    /// A header value holds a control character (RFC 9110, 5.5).
    #[error("a header value holds a control character")]
    HeaderValue,
    /// HTTP/1.1 demands a Host header (RFC 9112, 3.2).
    #[error("the Host header is missing")]
    HostMissing,
    /// More than one Host header (RFC 9112, 3.2).
    #[error("the Host header is repeated")]
    HostRepeated,
    /// The host is not a host name or address with an optional port (RFC 9110, 7.2).
    #[error("the host is malformed")]
    Host,
    /// Content-Length is anything but one decimal number (RFC 9112, 6.3).
    #[error("Content-Length is not a decimal number")]
    ContentLength,
    /// Several Content-Length headers. RFC 9110, 8.6 lets equal ones pass; nobody needs them.
    #[error("Content-Length is repeated")]
    ContentLengthRepeated,
    /// Two statements about where the body ends (RFC 9112, 6.3).
    #[error("Content-Length and Transfer-Encoding contradict each other")]
    LengthAndTransferEncoding,
    /// `chunked` is not the last coding, or is repeated, or the list is empty (RFC 9112, 6.1).
    #[error("Transfer-Encoding does not end with exactly one chunked")]
    TransferEncoding,
    /// HTTP/1.0 has no transfer codings (RFC 9112, 6.1).
    #[error("Transfer-Encoding does not exist in HTTP/1.0")]
    TransferEncodingVersion,
    /// A chunk does not start with a hexadecimal size (RFC 9112, 7.1).
    #[error("a chunk size is malformed")]
    ChunkSize,
    /// A chunk extension holds a byte that it cannot hold (RFC 9112, 7.1.1).
    #[error("a chunk extension is malformed")]
    ChunkExtension,
    /// A chunk is not followed by CR LF (RFC 9112, 7.1).
    #[error("a chunk does not end with CR LF")]
    ChunkEnd,
    /// A line after the last chunk is not a header line (RFC 9112, 7.1.2).
    #[error("a trailer is malformed")]
    Trailer,

    // The peer asked for what we do not offer.
    /// A transfer coding other than `chunked` (RFC 9112, 6.1).
    #[error("the transfer coding is not supported")]
    TransferCodingUnknown,
    /// A version other than 1.0 and 1.1.
    #[error("the HTTP version is not supported")]
    Version,
    /// An expectation other than `100-continue` (RFC 9110, 10.1.1).
    #[error("the expectation is not supported")]
    Expectation,

    // The peer went beyond a limit.
    /// More than [`HTTP_HEAD_BYTES_MAX`](crate::limits::HTTP_HEAD_BYTES_MAX).
    #[error("the head is too large")]
    HeadTooLarge,
    /// More than [`HTTP_TARGET_BYTES_MAX`](crate::limits::HTTP_TARGET_BYTES_MAX).
    #[error("the request target is too long")]
    TargetTooLong,
    /// More than the bound that the reader was made with.
    #[error("the body is too large")]
    BodyTooLarge,
    /// More than [`HTTP_CHUNK_LINE_BYTES_MAX`](crate::limits::HTTP_CHUNK_LINE_BYTES_MAX) in one
    /// line, or
    /// [`HTTP_CHUNK_EXTENSION_BYTES_MAX`](crate::limits::HTTP_CHUNK_EXTENSION_BYTES_MAX) in all.
    #[error("the chunk extensions are too large")]
    ChunkExtensionsTooLarge,
    /// More than [`HTTP_TRAILER_BYTES_MAX`](crate::limits::HTTP_TRAILER_BYTES_MAX).
    #[error("the trailers are too large")]
    TrailersTooLarge,

    // The server that we are a client of broke the grammar.
    /// Not `HTTP/x.y SP status SP reason` (RFC 9112, 4).
    #[error("the status line is malformed")]
    StatusLine,
    /// The connection ended before the response did (RFC 9112, 8).
    #[error("the connection ended in the middle of the response")]
    Truncated,
}

impl Error {
    /// The status to answer with. A broken response maps to `502`: what a gateway would say.
    pub fn status(self) -> u16 {
        match self {
            Self::BodyTooLarge => 413,
            Self::TargetTooLong => 414,
            Self::Expectation => 417,
            Self::HeadTooLarge | Self::TrailersTooLarge => 431,
            Self::TransferCodingUnknown => 501,
            Self::StatusLine | Self::Truncated => 502,
            Self::Version => 505,
            _ => 400,
        }
    }
}

/// Why something that the application wants to send was left out: it would change the structure of
/// the message. The application is at fault, perhaps because it passed on what a peer had sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// The name is empty or holds a byte that names cannot hold.
    #[error("a header name holds a byte that names cannot hold")]
    HeaderName,
    /// The value holds a control character, for instance CR or LF.
    #[error("a header value holds a control character")]
    HeaderValue,
    /// The header says where the message ends, which is for this module to say.
    #[error("Content-Length, Transfer-Encoding, Connection and Host are not set as plain headers")]
    HeaderReserved,
    /// The method is not a token.
    #[error("the method holds a byte that methods cannot hold")]
    Method,
    /// The target is empty or holds white space, a control character or a fragment.
    #[error("the request target holds a byte that targets cannot hold")]
    Target,
    /// The host is not a host name or address with an optional port.
    #[error("the host is malformed")]
    Host,
}
