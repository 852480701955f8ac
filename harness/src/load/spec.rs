//! Asks a Primus server for its specification, to learn how often it pings.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use allspark_protocol::Input;
use allspark_protocol::http::{ResponsePart, ResponseReader, write_request};
use allspark_protocol::parser::{Parser, ParserKind};
use rustls::{ClientConnection, StreamOwned};
use serde::Deserialize;

use super::target::Target;
use super::trust::Trust;

/// How long the server may take for each step.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of a specification; Primus's own has about 130.
const SPEC_BYTES_MAX: usize = 16 * 1024;

/// What matters here of `GET <pathname>/spec`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Spec {
    /// Milliseconds between two pings; `false` if the server sends none.
    #[serde(rename = "pingInterval")]
    ping_interval: PingInterval,
    /// The name of the parser.
    parser: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum PingInterval {
    Ms(u64),
    Switch(bool),
}

impl Spec {
    /// Asks the server, and waits for the answer.
    pub(crate) fn fetch(target: &Target) -> Result<Self, String> {
        let path = format!("{}/spec", target.pathname());
        let complain = |why: String| format!("GET {path}: {why}");
        let body = get(target, &path).map_err(complain)?;
        Self::parse(&body).map_err(complain)
    }

    /// Between two pings, if the server sends any.
    pub(crate) fn ping_interval(&self) -> Option<Duration> {
        match self.ping_interval {
            PingInterval::Ms(ms) => Some(Duration::from_millis(ms)),
            PingInterval::Switch(_) => None,
        }
    }

    /// Says in one sentence if the server has another parser.
    pub(crate) fn check_parser(&self, parser: ParserKind) -> Result<(), String> {
        match &self.parser {
            Some(other) if !other.eq_ignore_ascii_case(parser.name()) => Err(format!(
                "the server's parser is {other}, not {parser}: say --parser {other}"
            )),
            _ => Ok(()),
        }
    }

    fn parse(body: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(body).map_err(|error| format!("not a specification: {error}"))
    }
}

/// What the server answers to a request, if the status is 200.
pub(super) fn get(target: &Target, path: &str) -> Result<Vec<u8>, String> {
    let mut request = Vec::new();
    let headers = [("Connection", "close")];
    write_request(&mut request, "GET", path, target.host(), &headers, None)
        .map_err(|misuse| misuse.to_string())?;
    let stream = TcpStream::connect_timeout(&target.address(), PATIENCE);
    let stream = stream.and_then(|stream| {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(stream)
    });
    let mut stream = stream.map_err(|error| error.to_string())?;
    let answer = match target.trust() {
        None => exchange(&mut stream, &request),
        Some(trust) => exchange_over_tls(stream, trust, &request),
    };
    answer.map_err(|error| error.to_string())
}

fn exchange_over_tls(stream: TcpStream, trust: &Trust, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let connection = ClientConnection::new(Arc::clone(trust.config()), trust.name());
    let connection = connection.map_err(std::io::Error::other)?;
    exchange(&mut StreamOwned::new(connection, stream), request)
}

fn exchange(stream: &mut (impl Read + Write), request: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(request)?;
    stream.flush()?;
    let mut reader = ResponseReader::default();
    let (mut buffer, mut body) = ([0; 4096], Vec::new());
    loop {
        let count = match stream.read(&mut buffer) {
            // Where this thread has a ring the kernel interrupts it for work of the ring, and a
            // read that has a time limit is not resumed.
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read?,
        };
        if count == 0 {
            reader.close().map_err(std::io::Error::other)?;
            return Ok(body);
        }
        let mut input = Input::new(&mut buffer[..count]);
        while let Some(part) = reader
            .next(&mut input, false)
            .map_err(std::io::Error::other)?
        {
            match part {
                ResponsePart::Head(head) if head.status() == 200 => {}
                ResponsePart::Head(head) => {
                    return Err(std::io::Error::other(format!("status {}", head.status())));
                }
                ResponsePart::Data(data) if body.len() + data.len() <= SPEC_BYTES_MAX => {
                    body.extend_from_slice(data);
                }
                ResponsePart::Data(_) => return Err(std::io::Error::other("too long")),
                ResponsePart::End => return Ok(body),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn understands_what_primus_says() {
        let spec = Spec::parse(
            br#"{"pingInterval":30000,"pathname":"/primus","version":"8.0.9","parser":"json"}"#,
        );
        let spec = spec.unwrap();
        assert_eq!(spec.ping_interval(), Some(Duration::from_secs(30)));
        assert_eq!(spec.check_parser(ParserKind::Json), Ok(()));
        assert!(spec.check_parser(ParserKind::Raw).is_err());
        let off = Spec::parse(br#"{"pingInterval":false}"#).unwrap();
        assert_eq!(off.ping_interval(), None);
        assert!(Spec::parse(b"Not found").is_err());
    }
}
