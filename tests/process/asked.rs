//! What the binary asks others: a collector of traces, an application.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;

use serde_json::Value;

use crate::server::NEVER;

/// The headers and the body of a request.
pub(crate) type Request = (BTreeMap<String, String>, Value);

/// The only request of a connection.
pub(crate) fn read_request(stream: &TcpStream) -> Request {
    stream.set_read_timeout(Some(NEVER)).unwrap();
    let mut reader = BufReader::new(stream);
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).unwrap() > 0);
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.trim().split_once(": ") {
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
    }
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    (headers, serde_json::from_slice(&body).unwrap())
}
