//! The bounds of the dashboard, each with its reason.

use std::time::Duration;

/// Hours of a session unless somebody says otherwise: a day's work.
pub(crate) const SESSION_HOURS_DEFAULT: u64 = 12;

/// Hours of a session at the most: a week.
pub(crate) const SESSION_HOURS_HIGHEST: u64 = 7 * 24;

/// Sparks whose history is kept unless somebody says otherwise: some megabytes.
pub(crate) const LIVES_DEFAULT: u64 = 10_000;

/// The same at the most: some hundred megabytes.
pub(crate) const LIVES_HIGHEST: u64 = 1_000_000;

/// Events that are kept of one spark: the screen of a telephone or two.
pub(super) const EVENTS_PER_LIFE_MAX: usize = 32;

/// Characters of a text of a client that are kept and shown: enough to recognise it.
pub(super) const TEXT_CHARS_MAX: usize = 120;

/// Events on their way from the shards to the thread that keeps them: those of some tenths of a
/// second at a storm of reconnecting clients. Further ones are counted and left out.
pub(super) const NOTES_MAX: usize = 16 * 1024;

/// Dashboards that are open at the same time: a team with a screen on the wall. Each may have an
/// answer of some KiB waiting.
pub(super) const DASHBOARDS_MAX: usize = 32;

/// Connections of the dashboard's own server: what browsers open for pages and files beside.
pub(super) const CONNECTIONS_MAX: usize = 256;

/// Bytes of what a dashboard says: a search, or a message to a spark.
pub(super) const QUESTION_BYTES_MAX: usize = 64 * 1024;

/// Questions and reports on their way to the thread that answers.
pub(super) const INBOX_MAX: usize = 1024;

/// Bytes of a form: a name and a password.
pub(super) const FORM_BYTES_MAX: usize = 4 * 1024;

/// Bytes of a password: longer ones would only keep the thread busy that hashes.
pub(super) const PASSWORD_BYTES_MAX: usize = 1024;

/// Bytes of a file of users or tokens.
pub(super) const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Passwords that wait for the one thread that hashes. At a quarter of a second each the last one
/// waits four seconds, less than a browser does.
pub(super) const HASHES_WAITING_MAX: usize = 16;

/// The logarithm of the cost of a hash (scrypt's N) at the most: with r = 8 a gigabyte.
pub(super) const SCRYPT_LOG_N_HIGHEST: u32 = 20;

/// Sessions that were logged out and have not expired. Beyond, all sessions end: nobody logs out a
/// thousand times within a session's time.
pub(super) const ENDED_SESSIONS_MAX: usize = 1024;

/// Addresses, and browsers that are known, whose guesses are counted one by one. Beyond, new ones
/// share one count, so a flood of addresses takes no more memory and gets no more guesses.
pub(super) const GUESSERS_MAX: usize = 4096;

/// Guesses of one address: five, then one every twelve seconds.
pub(super) const GUESSES_PER_ADDRESS: (u32, Duration) = (5, Duration::from_secs(12));

/// Guesses of a browser that has logged in before: a person who has forgotten which password it is.
pub(super) const GUESSES_PER_BROWSER: (u32, Duration) = (10, Duration::from_secs(6));

/// Guesses of passwords by all strangers together: 7,200 an hour, each of which takes a quarter of
/// a second of one processor. Browsers that are known, this machine, and who has a token do not
/// wait for strangers.
pub(super) const GUESSES_OF_STRANGERS: (u32, Duration) = (20, Duration::from_millis(500));

/// How often a number is read. Dashboards are told as often.
pub(super) const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// Samples that are kept, for the charts of who comes: a quarter of an hour.
pub(super) const SAMPLES_MAX: usize = 900;

/// The time between the end of a walk over all sparks and the next one, at least; and by how many
/// times that is longer than the walk took, so that a walk over a million costs little.
pub(super) const WALK_EVERY: Duration = Duration::from_secs(2);
pub(super) const WALK_REST_FACTOR: u32 = 10;

/// How long it may take before it is given up: a shard that stands still answers nobody.
pub(super) const WALK_TIMEOUT: Duration = Duration::from_secs(30);

/// Slow consumers that are shown, rooms, refusals, and sparks that a search finds.
pub(super) const SLOW_MAX: usize = 12;
pub(super) const ROOMS_MAX: usize = 12;
pub(super) const REFUSALS_MAX: usize = 50;
pub(super) const FOUND_MAX: usize = 50;

/// Rooms that are listed at a time, each portion in one turn of a shard.
pub(super) const ROOMS_PER_PORTION: usize = 500;

/// Rooms of a spark that are shown.
pub(super) const ROOMS_OF_SPARK_MAX: usize = 50;

/// Sparks whose messages are counted because a dashboard shows them.
pub(super) const TAPS_MAX: usize = 256;
