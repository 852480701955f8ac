//! The engine's own bounds, each with its reason.

use std::num::NonZeroU32;

/// Milliseconds that a connection has for the head of a request, unless options say otherwise.
/// Within as much a body, and what is sent, must move by the least rate.
pub const REQUEST_TIMEOUT_MS_DEFAULT: u64 = 30_000;

/// Milliseconds that a connection may wait between two requests, unless options say otherwise.
/// Longer than load balancers keep theirs (60 s is common): whoever closes an idle connection first
/// must be the one who sends requests on it, or some meet the close and fail.
pub const KEEP_ALIVE_TIMEOUT_MS_DEFAULT: u64 = 75_000;

/// What both may be set to, at most: a day.
pub const TIMEOUT_MS_HIGHEST: u64 = 24 * 60 * 60 * 1000;

/// Bytes per second that a peer must send of a body, and take of what it is sent, unless options
/// say otherwise. The slowest line that anybody still has brings several times as much.
pub const MIN_RATE_BYTES_PER_S_DEFAULT: u32 = 500;

/// What that may be raised to: with more, hardly anybody would be fast enough.
pub const MIN_RATE_BYTES_PER_S_HIGHEST: u64 = 1024 * 1024;

/// Milliseconds that a peer has to answer a goodbye before its connection is closed.
pub const GOODBYE_TIMEOUT_MS: u64 = 5_000;

/// Milliseconds for which a connection that is being closed still reads, so that the peer gets what
/// was sent last instead of a reset.
pub const LINGER_MS: u64 = 2_000;

/// Bytes behind a request that is not answered yet after which the connection is not listened to:
/// clients that send their next request before the answer are rare, and it is small.
pub const PENDING_BYTES_MAX: usize = 64 * 1024;

/// Bytes behind a request at which the connection is closed. After it is not listened to any more,
/// what is under way still comes in: with epoll 128 KiB at most, with `io_uring` 192 KiB, so that
/// nobody is closed for that; before Linux 6.17, if a peer sends as fast as memory can be copied,
/// all that the ring has buffers for, which is 4 MiB. That is too much to be kept for everybody who
/// does so.
pub const PENDING_BYTES_HIGHEST: usize = 256 * 1024;

/// Bytes of messages of one receive after which the rest of it waits for a later turn, while others
/// have theirs. Only compressed messages become so many: at worst some 5 million instructions.
pub const SHARE_BYTES: usize = 128 * 1024;

/// Such rests of which a share is looked at in one turn.
pub const SHARES_PER_TURN: usize = 4;

/// Bytes at which a connection is closed whose earlier ones wait for their turn. It is not listened
/// to meanwhile, but as long as it takes to tell the driver, more comes in: with `io_uring`, from a
/// peer that sends as fast as memory can be copied, all that the ring has buffers for, which is 4
/// MiB.
pub const BACKLOG_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Connections of a shard that may be on their way to others at a time.
pub const LUGGAGE_PARCELS_MAX: usize = 4096;

/// Bytes of requests that they may take along, and what came behind these.
pub const LUGGAGE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Times per second that a connection may change its shard, on the average. A move costs both
/// shards together about 23 microseconds (`cargo run --release --example moves`), so one connection
/// can take a fortieth of the time of one of them.
pub const MOVES_PER_SECOND_MAX: u32 = 1000;

/// Times that it may do so without a pause, if it has not done so before.
pub const MOVES_AT_ONCE_MAX: u32 = 100;

/// Connections that a shard lets go in one turn, and that it takes in, so that its own connections
/// get a turn.
pub const MOVES_PER_TURN: usize = 64;

/// Connections of all shards, unless an option says otherwise: what one process is built for. Idle
/// and over WebSocket they take 0.4 GiB of the process, and of the kernel some GiB.
pub const CONNECTIONS_MAX_DEFAULT: usize = 1 << 20;

/// Sessions of polling transports of all shards that no connection belongs to, unless an option
/// says otherwise. A client is between two polls for a moment only, so these are few, except when
/// all were just sent a broadcast; and nothing but this bounds how many one connection opens. At
/// about 1.5 KiB each they take 200 MB.
pub const SESSIONS_MAX_DEFAULT: usize = 1 << 17;

/// The part of the memory of the machine, or of the control group, that may be held for peers
/// unless an option says otherwise: one half. The kernel's buffers of sockets need the other, and
/// so does what an idle connection costs.
pub const MEMORY_DIVISOR_DEFAULT: u64 = 2;

/// Bytes that a shard may take in for its peers in one turn before it looks again at what is held:
/// its receive buffers, where these are most (`io_uring` before Linux 6.17). For each shard so much
/// of the bound of the server is kept free, or half of it if that is less, so that it is not
/// exceeded by the turn that comes up to it.
pub const TURN_HELD_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Bytes below which it is not noted what is held for a peer: as much as a connection may take
/// anyhow.
pub const HELD_BYTES_MIN: usize = 1024;

/// Bytes that a peer sends before its TLS handshake is over: two of the longest messages, among
/// them the certificates of a client.
pub const TLS_HANDSHAKE_BYTES_MAX: usize = 128 * 1024;

/// Handshakes of TLS that are driven on in one turn, the others in the next. Each takes 100 to 300
/// microseconds, most of it for a signature and a key exchange, in which nobody else is served.
pub const TLS_HANDSHAKES_PER_TURN: usize = 8;

/// Records of TLS without content that a peer may send in a row.
pub const TLS_EMPTY_RECORDS_MAX: u8 = 32;

/// How often a peer may change its keys without sending anything meanwhile.
pub const TLS_KEY_UPDATES_MAX: u8 = 32;

/// Records that are encrypted for one connection in one turn, 16 KiB each. It begins with one, and
/// twice as many follow as long as the kernel takes them: what it does not take was in vain.
pub const TLS_RECORDS_PER_SEND: u8 = 7;

/// Addresses and listeners that one server serves. An `io_uring` shares 64 accepts that are pending
/// among them, so that each has four at least.
pub const LISTENERS_MAX: usize = 16;

/// Connections per shard that are refused and not closed yet, but wait for the peer's request and
/// for its end, so that it gets to read why. Further ones are closed at once.
pub const TURNED_AWAY_MAX: usize = 1024;

/// Seconds after which a request that nobody has answered may come back. A text, as it stands in a
/// header.
pub const RETRY_AFTER_S: &str = "10";

/// Seconds after which who is refused may come back, at the least and at the most. Each is told
/// another number between, or all would come back at once. Clients of Primus do not look at it:
/// they come back by their own back-off, each at another moment, too.
pub const RETRY_AFTER_LEAST_S: u32 = 5;
/// See [`RETRY_AFTER_LEAST_S`].
pub const RETRY_AFTER_MOST_S: u32 = 15;

/// Connections from one address unless an option says otherwise: a quarter of what one address can
/// have to one port. Not even the addresses that a mobile network shares among its customers come
/// near that at one server, and a proxy is to be named by `trusted-proxies`.
pub const CONNECTIONS_PER_ADDRESS_DEFAULT: u64 = 1 << 14;

/// What that may be raised to.
pub const CONNECTIONS_PER_ADDRESS_HIGHEST: u64 = 1 << 20;

/// Slots of 8 bytes for what is known of an address, while so many suffice. Each level has four
/// times as many as the one before.
pub const ADDRESS_SLOTS_FIRST: usize = 1 << 12;

/// Levels at most: 22 million slots, for more than sixteen million addresses.
pub const ADDRESS_LEVELS: usize = 7;

/// Milliseconds whose worth of new connections may come at once.
pub const ACCEPT_BURST_MS: u64 = 1_000;

/// Something per second, at most: what a number of nanoseconds can tell apart.
pub const RATE_HIGHEST: u64 = 1_000_000_000;

/// Milliseconds whose worth of messages may come at once, unless an option says otherwise: what a
/// client has saved up while its network was away for a moment.
pub const RATE_BURST_MS_DEFAULT: u64 = 2_000;

/// What that may be raised to.
pub const RATE_BURST_MS_HIGHEST: u64 = 60_000;

/// Handshakes of TLS under way of all shards, unless an option says otherwise: what some shards get
/// done in the seconds that clients wait. More would only make all of them late.
pub const HANDSHAKES_MAX_DEFAULT: u64 = 1 << 13;

/// Bytes to which the head of a request may be bounded, at the least: a browser's is about 500.
pub const HEAD_BYTES_MAX_LEAST: u64 = 256;

/// Requests under way of all shards, unless an option says otherwise. An ordinary request comes
/// whole and is answered at once, and is never one of them; a machine has so many only if somebody
/// holds them back, or if the application can't keep up.
pub const REQUESTS_MAX_DEFAULT: u64 = 1 << 16;

/// Commands that may wait in the inbox of a shard.
pub const INBOX_COMMANDS_MAX: usize = 64 * 1024;

/// Bytes of all commands that may wait in the inbox of a shard.
pub const INBOX_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Commands that a shard takes from its inbox in one turn, so that its own connections get a turn.
pub const INBOX_COMMANDS_PER_TURN: usize = 1024;

/// What a batch of another thread does in one turn: messages and names of rooms and sparks in it,
/// and sparks that are written to one by one, each counted once. Each takes some 100 ns, so this is
/// less than three milliseconds; the batch goes on in the next turn, before other commands.
pub const BATCH_WORK_PER_TURN: usize = 16 * 1024;

/// Timers of a kind that fire in one turn: each can be a send, see [`SPARKS_PER_TURN`].
pub const TIMERS_PER_TURN: usize = 256;

/// Sparks about which walks over all of them do something in one turn: write a broadcast, visit,
/// end. A send costs 4 to 5 microseconds, so this is about a millisecond in which nothing else
/// happens.
pub const SPARKS_PER_TURN: usize = 256;

/// The same while timers are late: heartbeats go first, or a broadcast to a million makes sparks
/// look dead, but it goes on.
pub const SPARKS_PER_TURN_BESIDE_TIMERS: usize = 32;

/// Sparks that walks look at in one turn, those among them that have a broadcast already. To look
/// at one costs a miss in the cache at worst, so this is less than half a millisecond.
pub const WALK_VISITS_PER_TURN: usize = 4096;

/// Connections whose queues are sent in one turn; the rest follows in the next.
pub const SENDS_PER_TURN: usize = 1024;

/// Bytes that the kernel is offered in one turn from queues, and as many from broadcasts; the rest
/// follows in the next turn. What it takes it copies, at some GB per second.
pub const SEND_BYTES_PER_TURN: usize = 64 * 1024 * 1024;

/// Bytes that may wait for one client and that no send policy bounds: pings, answers to requests
/// for the id and to pings of the transport, closing frames. They are 5 to 135 bytes each, and
/// those that one answer can stand for are not repeated, so an honest client never has 500 of them.
pub const EXEMPT_BYTES_MAX: usize = 64 * 1024;

/// Bytes of an id that the application gives to a spark. A client may ask for it again and again,
/// and the answers are of those that no policy bounds.
pub const GIVEN_ID_BYTES_MAX: usize = 128;

/// What answers may cost that wait for the peer of one HTTP connection when it asks for more. An
/// answer may be longer, but who asks behind one must read it.
pub const ANSWERS_COST_MAX: usize = 2 * 1024 * 1024;

/// Bytes that wait for a peer beyond which it is not listened to, unless the bound of its send
/// queue is so small that half of it comes first.
pub const PAUSE_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of a send queue beside two of the longest messages, unless it is told otherwise: for what
/// their frames cost, and for short messages between them.
pub const SEND_QUEUE_SLACK_BYTES: usize = 1024 * 1024;

/// Bytes of a send queue, unless it is told otherwise, however short messages are.
pub const SEND_QUEUE_BYTES_LEAST: usize = 4 * 1024 * 1024;

/// Milliseconds between two lines of the log of one kind that a peer can cause. What is not logged
/// is counted, and the next line says how many there were.
pub const LOG_LINE_INTERVAL_MS: u64 = 1_000;

/// Sparks of a shard about which everything is logged, at most: an operator looks at few.
pub const TRACED_SPARKS_MAX: usize = 1_000;

/// Addresses whose sparks are.
pub const TRACED_ADDRESSES_MAX: usize = 64;

/// Lines per second about them that a shard logs. Further ones are counted.
pub const TRACED_LINES_PER_S: u32 = 1_000;

/// Bytes of the target of a request that an access log is told.
pub const ACCESS_TARGET_BYTES_MAX: usize = 1024;

/// Bytes of each of its headers.
pub const ACCESS_TEXT_BYTES_MAX: usize = 256;

/// Refusals that are kept of each reason, for whoever asks who was refused: as many as a person
/// reads.
pub const REFUSALS_KEPT: usize = 32;

/// Bytes of a text in one of them.
pub const REFUSAL_TEXT_BYTES_MAX: usize = 200;

/// How often a ring is asked for again when the kernel has no memory for it, and the pause before
/// each time: 0.2 s in all. The kernel gives back what a ring that is gone had locked only some
/// time after, be it the one of the probe or those of a server that has just ended.
pub const RING_ATTEMPTS_MAX: u32 = 10;
/// See [`RING_ATTEMPTS_MAX`].
pub const RING_RETRY_MS: u64 = 20;

/// Milliseconds that the shards of a server of which one has failed get to tell their clients to
/// reconnect, before nobody waits for them any more. A shard that ends takes 10 s at most; one that
/// takes longer is held up by the application.
pub const FAILURE_TIMEOUT_MS: u64 = 15_000;

/// Milliseconds after its last work at which a shard gives back what it does not need any more, and
/// as often while it works. Longer than the second for which mimalloc keeps freed memory.
pub const GIVE_BACK_INTERVAL_MS: u64 = 2_000;

/// Sparks and connections that must be gone before less than half of them counts as the end of a
/// peak.
pub const PEAK_ENTRIES_MIN: usize = 1024;

/// Milliseconds by which a turn must be late before everybody is given time anew. A shard under
/// load is late by less, and what it has not read yet is waited for in any case.
pub const LATE_MS: u64 = 1_000;

/// Milliseconds that everybody is given anew at least after a late turn: some tries of TCP to send
/// again what was lost meanwhile.
pub const GRACE_MIN_MS: u64 = 5_000;

/// The same at most. TCP waits longer from try to try, about as long as it has tried already, up to
/// two minutes; a peer that keeps a shard waiting for a minute may connect anew.
pub const GRACE_MAX_MS: u64 = 60_000;

/// Milliseconds for which nobody is judged because there is more to read. Peers that send without
/// end must not keep those alive that are silent.
pub const BEHIND_MAX_MS: u64 = 5_000;

/// Portions of messages that requests brought which are handed to the application in one turn, see
/// [`PORTION_MESSAGES`](allspark_protocol::limits::PORTION_MESSAGES): about a millisecond of work.
pub const PORTIONS_PER_TURN: usize = 4;

/// What may wait of the body of a request that is taken as it comes, in bytes with what each part
/// costs beside them; then its client is not listened to. What is under way still comes in, up to
/// [`PENDING_BYTES_HIGHEST`] more.
pub const UPLOAD_COST_MAX: usize = 64 * 1024;

/// Bodies of answers that are pulled in one turn, of those that are sent as they come; the others
/// have theirs in the next.
pub const BODIES_PER_TURN: usize = 64;

/// Bytes of such a body that are pulled at a time. As many wait for its client at most, however
/// slowly it reads, if the source keeps to it.
pub const BODY_PART_BYTES: usize = 64 * 1024;

/// Bytes of broadcasts that a shard keeps, per wire format, for sparks that it has not reached yet.
/// With more it takes in nothing new.
pub const LOG_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Milliseconds for which a shard that ends waits for its peers.
pub const END_TIMEOUT_MS: u64 = 10_000;

/// Milliseconds of its pace that a destroy makes up for when a turn was late. Under load turns take
/// some; after a longer standstill clients must not be sent elsewhere all at once.
pub const DESTROY_CATCH_UP_MS: u64 = 100;

/// Seconds over which a server that drains tells its clients to reconnect, at most, unless it is
/// told otherwise. With [`END_TIMEOUT_MS`] it is less than the 30 seconds after which Kubernetes
/// ends a process; systemd waits for 90.
pub const DRAIN_SECONDS_DEFAULT: u32 = 15;

/// What that may be set to, and the time before it, at most: an hour.
pub const DRAIN_SECONDS_HIGHEST: u64 = 60 * 60;

/// Sparks per second at which a server with few of them needs less time, unless it is told
/// otherwise: so many new connections per second are nothing to the server that they go to.
pub const DRAIN_SPARKS_PER_S_DEFAULT: NonZeroU32 = NonZeroU32::new(200).unwrap();

/// What that may be raised to: no server ends sparks faster.
pub const DRAIN_RATE_HIGHEST: u64 = 1_000_000;

/// Visits to all sparks that a shard keeps before it takes in nothing new.
pub const VISITS_MAX: usize = 1024;

/// Rooms that one spark may be in, unless an option says otherwise. Each costs its name and some
/// 100 bytes if nobody else is in it, so a client that may choose names keeps 350 KB alive, less
/// than what may wait to be sent to it.
pub const ROOMS_PER_SPARK_MAX_DEFAULT: usize = 1_000;

/// Bytes of the name of a room, unless an option says otherwise: longer than any id, path or
/// address that names a thing.
pub const ROOM_NAME_BYTES_MAX_DEFAULT: usize = 255;

/// Patterns of rooms on one shard that are the same up to their first `*`. A name that is written
/// to is compared with all of them, which takes some 100 ns each.
pub const PATTERNS_PER_PREFIX_MAX: usize = 64;

/// Members of rooms, all together, up to which a message to them is queued for each of them at
/// once, and a question who they are is answered at once. That takes less than a tenth of a
/// millisecond. For more the message goes into the log of broadcasts, and a walk brings it; and the
/// question is looked into in portions.
pub const ROOM_MEMBERS_AT_ONCE: usize = 256;

/// Messages to larger rooms, those for the same rooms and behind each other counted once, that a
/// shard keeps for sparks that it has not reached yet. With more it takes in nothing new. Whoever
/// is written to meanwhile is compared with all of them.
pub const POSTS_MAX: usize = 1024;

/// Rooms whose members are walked over in one turn. Others have theirs in the next.
pub const ROOM_WALKS_PER_TURN: usize = 16;

/// Rooms of one message up to which each is walked over by itself. For more all sparks that are in
/// any room are looked at.
pub const POST_ROOMS_MAX: usize = 16;

/// Sparks, or rooms, in one portion of a list: to say something of each takes less than a
/// millisecond.
pub const LIST_MAX: usize = 1000;

/// Questions who is in large rooms that a shard keeps before it takes in nothing new: it looks into
/// one after the other.
pub const QUESTIONS_MAX: usize = 1024;

/// Tasks of the application that are polled in one turn: each may do as much as a handler.
pub const TASKS_PER_TURN: usize = 256;

/// What futures of this crate give a task in one poll (messages, room for messages, times) before
/// it has to let others have their turn.
pub const TASK_STEPS: u32 = 128;

/// Tasks of one spark from which on its connection is not listened to, until one of them is done:
/// an application that spawns one for each message must not be made to run any number of them.
pub const TASKS_PER_OWNER: usize = 256;

/// Tasks of a shard that go on although their sparks have ended, and those of layers that decide
/// about requests. Beyond it the oldest are dropped: whoever connects and leaves again and again
/// must not leave something behind each time.
pub const ORPHANS_MAX: usize = 64 * 1024;

/// What data may cost that waits for a stream of a spark, for its `connection` listeners or for
/// transforms, before its connection is not listened to. A single longer message passes when
/// nothing else waits.
pub const UNTAKEN_COST_MAX: usize = 64 * 1024;

/// Visits to all sparks that go on only when the application says so, and that a shard makes at a
/// time: each waits for something slow. A further one is refused.
pub const STEPS_MAX: usize = 1024;

/// Broadcasts that a shard keeps to transform them for each spark, before it takes in nothing new:
/// so many at most are transformed for one spark in one turn, beside those of [`SPARKS_PER_TURN`].
pub const PER_SPARK_MESSAGES_MAX: usize = 1024;

/// What messages may cost that wait on a shard for transforms of the application, and for others
/// before them: as much as broadcasts that wait for walks.
pub const AWAITED_COST_MAX: usize = 16 * 1024 * 1024;

/// How many of them there may be: all are looked at in a turn in which one of them is known.
pub const AWAITED_MESSAGES_MAX: usize = 4096;
