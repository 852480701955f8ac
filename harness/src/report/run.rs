//! How a report came about: the command, the program and the moment.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::peers::samples::Machine;

/// What was called, where and when.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Run {
    /// The command line, as a person would write it again.
    pub(crate) command: String,
    /// The version of the harness.
    pub(crate) harness: &'static str,
    /// When it ended, in UTC.
    pub(crate) at: String,
    /// Where; nothing if `/proc` does not say.
    pub(crate) where_it_ran: Option<Machine>,
}

impl Run {
    /// This run of this program.
    pub(crate) fn of_this_process() -> Self {
        let arguments = std::env::args().skip(1).map(|argument| quoted(&argument));
        let words: Vec<_> = ["harness".to_owned()]
            .into_iter()
            .chain(arguments)
            .collect();
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            command: words.join(" "),
            harness: env!("CARGO_PKG_VERSION"),
            at: utc(since.map_or(0, |since| since.as_secs())),
            where_it_ran: Machine::read().ok(),
        }
    }

    /// Names and values for a page.
    pub(crate) fn facts(&self) -> Vec<(String, String)> {
        let mut facts = vec![
            ("Command".to_owned(), self.command.clone()),
            ("Ended".to_owned(), self.at.clone()),
            ("Harness".to_owned(), self.harness.to_owned()),
        ];
        if let Some(machine) = &self.where_it_ran {
            let processors = match machine.processors {
                1 => "1 processor".to_owned(),
                count => format!("{count} processors"),
            };
            let text = format!("{}, {processors} ({})", machine.kernel, machine.processor);
            facts.push(("Machine".to_owned(), text));
        }
        facts
    }
}

/// An argument that a shell takes as one.
fn quoted(argument: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', "'\\''"))
}

/// The date and time of so many seconds after 1970 (days to civil date by eras of 400 years).
fn utc(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let leap_days = day_of_era / 1460;
    let year_of_era = (day_of_era - leap_days + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, date) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_399, "2000-02-28 23:59 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (951_868_800, "2000-03-01 00:00 UTC"),
            (1_798_761_540, "2026-12-31 23:59 UTC"),
        ] {
            assert_eq!(utc(seconds), date);
        }
    }

    #[test]
    fn a_command_can_be_run_again() {
        assert_eq!(quoted("--url=http://[::1]:80/"), "'--url=http://[::1]:80/'");
        assert_eq!(quoted("100ms"), "100ms");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
