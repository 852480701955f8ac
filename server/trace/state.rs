//! What other tracers want to be told again, which W3C has them write into the header `tracestate`
//! (Trace Context, level 1, 3.3): passed on as it came.

use allspark::RequestHead;

const TRACESTATE: &str = "tracestate";

/// Bytes of it that go on, as many as everybody has to pass on.
const BYTES_MAX: usize = 512;

/// The header, if there is one that can go on. Several are one with commas; of one that is too
/// long the last members are left out.
pub(super) fn of(head: &RequestHead<'_>) -> Option<Box<str>> {
    let mut state = String::new();
    for (name, value) in head.headers() {
        if name.eq_ignore_ascii_case(TRACESTATE) {
            let value = str::from_utf8(value).ok()?;
            if !state.is_empty() {
                state.push(',');
            }
            state.push_str(value.trim());
        }
    }
    if state.len() > BYTES_MAX {
        let end = state.as_bytes()[..=BYTES_MAX]
            .iter()
            .rposition(|byte| *byte == b',')?;
        state.truncate(end);
    }
    let is_text = |byte: u8| matches!(byte, b'\t' | b' '..=b'~');
    let goes_on = !state.is_empty() && state.bytes().all(is_text);
    goes_on.then(|| state.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_headers(values: &[&str]) -> Option<String> {
        let headers: String = values
            .iter()
            .map(|value| format!("TraceState: {value}\r\n"))
            .collect();
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
        let head = RequestHead::parse(text.as_bytes()).unwrap();
        of(&head).map(String::from)
    }

    #[test]
    fn it_goes_on_as_it_came_and_within_a_bound() {
        assert_eq!(of_headers(&[]), None);
        assert_eq!(of_headers(&[""]), None);
        assert_eq!(of_headers(&["a=1, b@c=2"]).unwrap(), "a=1, b@c=2");
        assert_eq!(of_headers(&["a=1", "b=2"]).unwrap(), "a=1,b=2");
        assert_eq!(of_headers(&["a=\u{fc}"]), None);
        let long = format!("b={}", "x".repeat(510));
        assert_eq!(of_headers(&[&long]).unwrap(), long);
        assert_eq!(of_headers(&["a=1", &long]).unwrap(), "a=1");
        assert_eq!(of_headers(&[&"x".repeat(513)]), None);
    }
}
