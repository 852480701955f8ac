//! Reads durations: `250ms`, `10s`, `2m`; a bare number is seconds.

use std::time::Duration;

/// The longest duration that makes sense here.
const DURATION_MAX: Duration = Duration::from_secs(24 * 3600);

pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let ms_per_unit = match &text[digits.len()..] {
        "ms" => 1,
        "s" | "" => 1000,
        "m" => 60_000,
        _ => return Err("a duration is a number with ms, s or m behind it".to_owned()),
    };
    let number: u64 = digits
        .parse()
        .map_err(|_| "a duration is a whole number with ms, s or m behind it".to_owned())?;
    let duration = Duration::from_millis(number.saturating_mul(ms_per_unit));
    if duration > DURATION_MAX {
        return Err("no duration is longer than a day".to_owned());
    }
    Ok(duration)
}

/// What the command line says of pings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PingInterval {
    /// They are not judged.
    Off,
    /// They are to come this often.
    Every(Duration),
}

/// Reads an interval of pings as Primus's options write it: milliseconds, or `off`.
pub(super) fn parse_ping_interval(text: &str) -> Result<PingInterval, String> {
    /// Intervals are told apart on a clock that wraps around after 71 minutes.
    const MS_MAX: u64 = 30 * 60 * 1000;

    if text == "off" {
        return Ok(PingInterval::Off);
    }
    match text.parse() {
        Ok(ms @ 1..=MS_MAX) => Ok(PingInterval::Every(Duration::from_millis(ms))),
        _ => Err(format!("milliseconds from 1 to {MS_MAX}, or off")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_units() {
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(parse_duration("3"), Ok(Duration::from_secs(3)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["", "s", "1.5s", "-1s", "1h", "99999999999m", "1 s"] {
            assert!(parse_duration(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn reads_ping_intervals() {
        assert_eq!(parse_ping_interval("off"), Ok(PingInterval::Off));
        assert_eq!(
            parse_ping_interval("30000"),
            Ok(PingInterval::Every(Duration::from_secs(30)))
        );
        for wrong in ["0", "", "30s", "false", "99999999"] {
            assert!(parse_ping_interval(wrong).is_err(), "{wrong:?}");
        }
    }
}
