//! A request as a line.

use std::fmt::Write;

use allspark::{Access, UNIX_PEER};

use super::hide::Hide;
use super::options::AccessFormat;
use super::time;
use crate::log::escape::write_json_string;

/// The status of a request whose connection was over before its answer, as nginx has it.
const CLIENT_CLOSED: u16 = 499;

/// How lines look.
pub(super) struct Form(AccessFormat);

impl Form {
    pub(super) fn new(format: AccessFormat) -> Self {
        Self(format)
    }

    /// A line with its end.
    pub(super) fn line(&self, access: &Access<'_>, hide: &Hide) -> String {
        match self.0 {
            AccessFormat::Combined => combined(access, hide),
            AccessFormat::Json => json(access, hide),
        }
    }
}

/// Peers of Unix sockets have no address.
fn client(access: &Access<'_>) -> String {
    match access.client == UNIX_PEER {
        true => "unix".to_owned(),
        false => access.client.ip().to_canonical().to_string(),
    }
}

fn seconds(access: &Access<'_>) -> String {
    format!("{:.3}", access.duration.as_secs_f64())
}

/// As Apache and nginx write it: `client - - [time] "request" status bytes "referer" "agent"`, and
/// the seconds.
fn combined(access: &Access<'_>, hide: &Hide) -> String {
    let status = access.status.unwrap_or(CLIENT_CLOSED);
    let (mut request, mut referer, mut agent) = (String::new(), "-".to_owned(), "-".to_owned());
    match &access.asked {
        Some(asked) => {
            escape(&mut request, asked.method);
            request.push(' ');
            escape(&mut request, &hide.seen(asked.target));
            // A String takes everything.
            let _ = write!(request, " HTTP/1.{}", asked.minor_version);
            or_nothing(&mut referer, &hide.seen(asked.referer));
            or_nothing(&mut agent, asked.user_agent);
        }
        None => request.push('-'),
    }
    format!(
        "{} - - [{}] \"{request}\" {status} {} \"{referer}\" \"{agent}\" {}\n",
        client(access),
        time::common(access.at_ms),
        access.bytes,
        seconds(access),
    )
}

fn or_nothing(out: &mut String, text: &str) {
    if !text.is_empty() {
        out.clear();
        escape(out, text);
    }
}

/// As nginx does it: what could end a field or a line, and what is not ASCII, is written as bytes
/// in hexadecimal digits.
fn escape(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' | ..b' ' | 0x7f.. => {
                // A String takes everything.
                let _ = write!(out, "\\x{byte:02X}");
            }
            _ => out.push(char::from(byte)),
        }
    }
}

fn json(access: &Access<'_>, hide: &Hide) -> String {
    let mut line = String::from("{\"time\":");
    let mut string = |name: &str, text: &str| {
        // A String takes everything.
        let _ = write!(line, "{name}");
        let _ = write_json_string(&mut line, text);
    };
    string("", &time::rfc_3339(access.at_ms));
    string(",\"client\":", &client(access));
    if let Some(asked) = &access.asked {
        string(",\"method\":", asked.method);
        string(",\"target\":", &hide.seen(asked.target));
        string(",\"protocol\":", &format!("HTTP/1.{}", asked.minor_version));
        string(",\"host\":", asked.host);
        string(",\"referer\":", &hide.seen(asked.referer));
        string(",\"agent\":", asked.user_agent);
    }
    let status = access.status.unwrap_or(CLIENT_CLOSED);
    // A String takes everything.
    let _ = writeln!(
        line,
        ",\"status\":{status},\"bytes\":{},\"seconds\":{},\"secure\":{},\"listener\":{},\
         \"shard\":{}}}",
        access.bytes,
        seconds(access),
        access.is_secure,
        access.listener,
        access.shard,
    );
    line
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use allspark::Asked;

    use super::*;
    use crate::log::escape::is_dangerous;

    /// What a peer would write who wants to be somebody else.
    const HOSTILE: &str =
        "a\" 200 \\\n::1 - - [x] \u{85}\u{2028}\u{1b}[31m\u{202e}\0{},\"client\":\"::1";

    fn access(asked: Option<Asked<'_>>) -> Access<'_> {
        Access {
            at_ms: 784_111_777_042,
            duration: Duration::from_micros(12_345),
            client: ([192, 0, 2, 1], 4000).into(),
            listener: 1,
            shard: 2,
            is_secure: true,
            asked,
            status: Some(200),
            bytes: 17,
        }
    }

    fn asked<'a>(target: &'a str, text: &'a str) -> Asked<'a> {
        Asked {
            method: "GET",
            target,
            minor_version: 1,
            host: "h",
            referer: text,
            user_agent: text,
        }
    }

    fn line(format: AccessFormat, access: &Access<'_>) -> String {
        let line = Form::new(format).line(access, &Hide::new(false, Vec::new()));
        assert_eq!(line.matches('\n').count(), 1, "{line:?}");
        assert!(!line.trim_end().chars().any(is_dangerous), "{line:?}");
        line
    }

    #[test]
    fn a_line_is_what_web_servers_write() {
        let access = access(Some(asked("/a?token=b", "")));
        assert_eq!(
            line(AccessFormat::Combined, &access),
            "192.0.2.1 - - [06/Nov/1994:08:49:37 +0000] \"GET /a HTTP/1.1\" 200 17 \"-\" \"-\" \
             0.012\n"
        );
        let object: serde_json::Value =
            serde_json::from_str(&line(AccessFormat::Json, &access)).unwrap();
        let expected = serde_json::json!({
            "time": "1994-11-06T08:49:37.042Z", "client": "192.0.2.1", "method": "GET",
            "target": "/a", "protocol": "HTTP/1.1", "host": "h", "referer": "", "agent": "",
            "status": 200, "bytes": 17, "seconds": 0.012, "secure": true, "listener": 1, "shard": 2,
        });
        assert_eq!(object, expected);
    }

    #[test]
    fn nobody_writes_a_line_or_a_field_of_his_own() {
        let access = access(Some(asked(HOSTILE, HOSTILE)));
        let text = line(AccessFormat::Combined, &access);
        assert_eq!(text.matches('"').count(), 6, "{text}");
        assert!(text.is_ascii());
        let object: serde_json::Value =
            serde_json::from_str(&line(AccessFormat::Json, &access)).unwrap();
        assert_eq!(object["agent"], HOSTILE);
        assert_eq!(object["client"], "192.0.2.1");
    }

    #[test]
    fn what_was_no_request_or_had_no_answer_has_a_line_too() {
        let mut access = access(None);
        access.client = UNIX_PEER;
        access.status = None;
        let text = line(AccessFormat::Combined, &access);
        assert!(text.starts_with("unix - - ["), "{text}");
        assert!(text.contains("] \"-\" 499 17 "), "{text}");
        let object: serde_json::Value =
            serde_json::from_str(&line(AccessFormat::Json, &access)).unwrap();
        assert_eq!(
            (&object["status"], object.get("method")),
            (&499.into(), None)
        );
    }
}
