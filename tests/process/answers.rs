//! What every answer says.

use std::time::{SystemTime, UNIX_EPOCH};

use allspark_protocol::http::HttpDate;

use crate::server::Server;

fn unix_seconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_secs()
}

/// Whole answers and those that come in parts, of the page, of Primus and of its transports.
#[test]
fn every_answer_has_a_date_but_an_upgrade() {
    let server = Server::start(&[], std::process::Stdio::null());
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    for request in [
        get("/"),
        get("/nothing"),
        get("/primus/spec"),
        get("/primus/primus.js"),
        get("/primus/000/12345678/xhr"),
        get("/primus/000/12345679/eventsource"),
        get("/primus/?EIO=4&transport=polling"),
        get("/primus/?EIO=4&transport=polling&sid=nobody"),
        "nonsense\r\n\r\n".to_owned(),
    ] {
        let before = unix_seconds();
        let head = server.head_of(&request);
        let dates: Vec<&str> = head
            .lines()
            .filter_map(|line| line.strip_prefix("Date: "))
            .collect();
        let [date] = dates[..] else {
            panic!("{request}{head}")
        };
        let is_it = |second: u64| HttpDate::at(second * 1000).as_bytes() == date.as_bytes();
        // A turn reads the clock when it begins; how long ago that was, the scheduler decides.
        let mut seconds = before - 60..=unix_seconds();
        assert!(seconds.any(is_it), "{request}{head}");
    }
    let upgrade = server.connect();
    assert!(!upgrade.answer().contains("Date"), "{}", upgrade.answer());
}
