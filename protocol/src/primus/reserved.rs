//! Event names that belong to Primus. An application that emits its own events must not use them,
//! and a plugin that lets peers choose event names must refuse them.

const SERVER: [&str; 7] = [
    "disconnection",
    "initialised",
    "connection",
    "plugout",
    "plugin",
    "close",
    "log",
];

const SPARK: [&str; 5] = ["readyStateChange", "heartbeat", "error", "data", "end"];

const CLIENT: [&str; 15] = [
    "reconnect scheduled",
    "reconnect timeout",
    "readyStateChange",
    "reconnect failed",
    "reconnected",
    "reconnect",
    "offline",
    "timeout",
    "destroy",
    "online",
    "error",
    "close",
    "open",
    "data",
    "end",
];

/// Whether `event` belongs to the server (`primus.reserved` of Primus).
pub fn reserved_server(event: &str) -> bool {
    is_internal(event) || SERVER.contains(&event)
}

/// Whether `event` belongs to the spark (`spark.reserved` of Primus).
pub fn reserved_spark(event: &str) -> bool {
    is_internal(event) || SPARK.contains(&event)
}

/// Whether `event` belongs to the client (`reserved` of a Primus client).
pub fn reserved_client(event: &str) -> bool {
    is_internal(event) || CLIENT.contains(&event)
}

/// `incoming::` and `outgoing::` are the events between Primus and its transformers.
fn is_internal(event: &str) -> bool {
    event.starts_with("incoming::") || event.starts_with("outgoing::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_has_its_own_table() {
        assert!(reserved_server("connection") && !reserved_spark("connection"));
        assert!(reserved_spark("heartbeat") && !reserved_client("heartbeat"));
        assert!(reserved_client("reconnect scheduled") && !reserved_server("reconnect scheduled"));
    }

    #[test]
    fn the_inner_events_are_reserved_everywhere() {
        for reserved in [reserved_server, reserved_spark, reserved_client] {
            assert!(reserved("incoming::data") && reserved("outgoing::anything"));
            assert!(!reserved("incoming:data") && !reserved("x-incoming::data"));
            assert!(!reserved("news") && !reserved("Data") && !reserved(""));
        }
    }
}
