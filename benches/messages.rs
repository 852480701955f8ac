//! Messages as apps send them.

use crate::table::table;

/// By what they weigh: a tick that comes many times a second, what a person has written, and two
/// tables.
pub(crate) fn messages() -> [(&'static str, Vec<u8>); 4] {
    [
        ("30B", br#"{"event":"tick","value":48213}"#.to_vec()),
        ("200B", CHAT.as_bytes().to_vec()),
        ("4KiB", table(0, 40)),
        ("100KiB", table(0, 1000)),
    ]
}

/// Those of 200 bytes and of 4 KiB.
pub(crate) fn everyday() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    messages().into_iter().skip(1).take(2)
}

const CHAT: &str = "{\"type\":\"message\",\"room\":\"lobby\",\
    \"from\":{\"id\":48213,\"name\":\"Optimus\"},\
    \"text\":\"Autobots, roll out! We meet where the road crosses the river, at dawn.\",\
    \"at\":1795219200123,\"read\":false,\"likes\":null}";
