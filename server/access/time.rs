//! Moments, as lines have them.

use allspark_protocol::http::HttpDate;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Day, month, year and time of day, as HTTP writes them.
fn parts(date: &HttpDate) -> (&str, &str, &str, &str) {
    let text = std::str::from_utf8(date.as_bytes()).unwrap_or_default();
    let part = |from, to| text.get(from..to).unwrap_or("");
    (part(5, 7), part(8, 11), part(12, 16), part(17, 25))
}

/// `06/Nov/1994:08:49:37 +0000`
pub(super) fn common(unix_ms: u64) -> String {
    let date = HttpDate::at(unix_ms);
    let (day, month, year, time) = parts(&date);
    format!("{day}/{month}/{year}:{time} +0000")
}

/// `1994-11-06T08:49:37.000Z`
pub(super) fn rfc_3339(unix_ms: u64) -> String {
    let date = HttpDate::at(unix_ms);
    let (day, month, year, time) = parts(&date);
    let number = MONTHS.iter().position(|name| *name == month);
    let (month, ms) = (number.unwrap_or(0) + 1, unix_ms % 1000);
    format!("{year}-{month:02}-{day}T{time}.{ms:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_written_as_others_do() {
        let unix_ms = 784_111_777_042;
        assert_eq!(common(unix_ms), "06/Nov/1994:08:49:37 +0000");
        assert_eq!(rfc_3339(unix_ms), "1994-11-06T08:49:37.042Z");
        assert_eq!(rfc_3339(1_709_164_800_000), "2024-02-29T00:00:00.000Z");
    }
}
