//! Every bound on what a peer can make us hold, in one place, each with its reason.

/// Bytes of a request or response head (request line and all headers). Node.js allows 16 KiB too.
/// Nothing else bounds the number of header lines: identity proxies add many.
pub const HTTP_HEAD_BYTES_MAX: usize = 16 * 1024;

/// Empty lines before a message. Some old clients send one behind a body (RFC 9112, 2.2); a client
/// that sends nothing else asks for nothing.
pub const HTTP_EMPTY_LINES_MAX: u8 = 4;

/// Header lines of a message that is parsed without a heap allocation. Browsers send about 20;
/// proxies add some.
pub const HTTP_HEADERS_IN_PLACE: usize = 64;

/// Bytes of a request target. Every URL that a Primus client makes is far shorter.
pub const HTTP_TARGET_BYTES_MAX: usize = 8 * 1024;

/// Bytes of one chunk-size line, extensions included.
pub const HTTP_CHUNK_LINE_BYTES_MAX: usize = 256;

/// Bytes of all chunk extensions of one body. Nobody uses them, but without a bound a body of
/// one-byte chunks could carry hundreds of times its own size.
pub const HTTP_CHUNK_EXTENSION_BYTES_MAX: usize = 4 * 1024;

/// Bytes of all trailers after a chunked body.
pub const HTTP_TRAILER_BYTES_MAX: usize = 4 * 1024;

/// Bytes of a control frame's payload (RFC 6455, 5.5).
pub const WEBSOCKET_CONTROL_BYTES_MAX: usize = 125;

/// Bytes of a message from which on it is handed on with its frame
/// ([`Payload::Framed`](crate::Payload::Framed)), so that it need not be copied to be sent on. A
/// shorter message costs less to copy than to hand on so.
pub const WEBSOCKET_FRAMED_BYTES_MIN: usize = 2 * 1024;

/// Bytes of one message unless `maxLength` says otherwise (Primus: 10 MiB).
pub const MESSAGE_BYTES_MAX_DEFAULT: usize = 10 * 1024 * 1024;

/// The highest `maxLength`. No JavaScript engine can hold a longer string.
pub const MESSAGE_BYTES_MAX_HIGHEST: usize = 512 * 1024 * 1024;

/// Milliseconds between two pings, at most: a day. The clients wait half as long again, and their
/// timers overflow at 2^31 ms.
pub const PING_INTERVAL_MS_HIGHEST: u64 = 24 * 60 * 60 * 1000;

/// Bytes of an answer to a poll that is still compressed. The shard compresses it for each session
/// apart, and does nothing else meanwhile: some tens of milliseconds for so many bytes.
pub const HTTP_COMPRESSION_BYTES_MAX: usize = 1024 * 1024;

/// Messages in one request, of the transports that join what waits (engine.io, sockjs). A message
/// may have only two bytes there, but the application is called for each. No client collects as
/// many between two requests: it would have to write that many within one round trip.
pub const REQUEST_MESSAGES_MAX: usize = 128 * 1024;

/// Messages of one request that are handed to the application before others get their turn: some
/// tenths of a millisecond of work.
pub const PORTION_MESSAGES: usize = 1024;

/// Bytes of messages after which the same happens. A larger message is handed on alone.
pub const PORTION_BYTES: usize = 64 * 1024;

/// Bytes of the pathname. Every request target starts with it and has to leave room for the rest.
pub const PATHNAME_BYTES_MAX: usize = 1024;

/// Shards of one process. More than any machine has CPUs, and a shard's number has to fit into the
/// ids of its sparks.
pub const SHARDS_MAX: usize = 1024;

/// Levels of arrays and objects in one message of any parser. Deep nesting costs stack when it is
/// decoded. The JavaScript parsers have the same bound.
pub const VALUE_DEPTH_MAX: usize = 512;

/// Bytes of the largest message whose working memory for decoding is kept for the next one. It is
/// some 20 times the message, once per thread.
pub const DECODE_SCRATCH_BYTES_KEPT_MAX: usize = 64 * 1024;

/// Fields of a form in which a client of JSONP sends its messages, all of them in one field.
/// Further fields are not looked at.
pub const JSONP_FORM_FIELDS_MAX: usize = 64;

/// Messages in one frame of a WebSocket of SockJS. Its clients put one into each; a few other
/// libraries put those that wait into one.
pub const SOCKJS_WEBSOCKET_FRAME_MESSAGES_MAX: usize = 1024;

/// Bytes of waiting messages after which a SockJS frame ends that is sent to a request. What waits
/// beyond that goes into the next frame, so that not all of a long queue is copied at once.
pub const SOCKJS_FRAME_BYTES_MAX: usize = 1024 * 1024;
/// Bytes after which a back channel of browserchannel is over and its client opens another one,
/// with which it acknowledges what it has: as in the npm package, so that nothing that holds the
/// body of an answer (a browser, a proxy) holds much.
pub const BROWSERCHANNEL_BACK_CHANNEL_BYTES: usize = 10 * 1024;

/// Bytes of messages after which browserchannel ends a chunk. All of it is kept until the client
/// acknowledges it, and sent again if it does not. Large enough that a client that is 100 ms away
/// gets a megabyte per second.
pub const BROWSERCHANNEL_CHUNK_BYTES: usize = 128 * 1024;

/// Maps in one request of browserchannel. Its clients put up to 1000 into one, and so does ours.
pub const BROWSERCHANNEL_MAPS_MAX: usize = 4096;

/// Pairs in a form of browserchannel: up to four for each map, though clients have one, and those
/// that say how many maps there are.
pub const BROWSERCHANNEL_FORM_FIELDS_MAX: usize = 4 * BROWSERCHANNEL_MAPS_MAX + 16;

/// Bytes per session that a client of browserchannel sent out of order, and that wait for what
/// comes before them. Clients have one request under way at a time, so this is rare.
pub const BROWSERCHANNEL_EARLY_BYTES: usize = 1024 * 1024;

/// Bytes of a request body that browserchannel takes however small messages must be: clients put up
/// to 1000 messages into one, in which up to three bytes stand for one.
pub const BROWSERCHANNEL_BODY_BYTES_MIN: usize = 4 * 1024 * 1024;

/// UTF-16 code units that a client of browserchannel takes in one chunk, beside a message that is
/// as long as messages may be: servers put everything that waits into one.
pub const BROWSERCHANNEL_CLIENT_CHUNK_UNITS: usize = 16 * 1024 * 1024;

/// Connections of one client that still say goodbye. Each is given up after some seconds anyway;
/// only a client that opens and ends again and again has more than one.
pub const CLIENT_GOODBYES_MAX: usize = 8;

const _: () = assert!(HTTP_TARGET_BYTES_MAX < HTTP_HEAD_BYTES_MAX);
const _: () = assert!(PATHNAME_BYTES_MAX < HTTP_TARGET_BYTES_MAX);
const _: () = assert!(MESSAGE_BYTES_MAX_DEFAULT <= MESSAGE_BYTES_MAX_HIGHEST);
const _: () = assert!(PING_INTERVAL_MS_HIGHEST * 3 / 2 < 1 << 31);
const _: () = assert!(BROWSERCHANNEL_BACK_CHANNEL_BYTES <= BROWSERCHANNEL_CHUNK_BYTES);

/// Bytes of a header of the PROXY protocol: a line has 107 at most, a block this many with its
/// extras, as with nginx. A certificate of the client fits, a chain of them does not.
pub const PROXY_HEADER_BYTES_MAX: usize = 4096;
