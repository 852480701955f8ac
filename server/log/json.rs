//! Events as JSON: one object per line (here in two), for programs that read logs.
//!
//! ```text
//! {"time":"2026-11-21T10:00:00.000000Z","level":"info","target":"allspark::serve",
//!  "message":"serving on ..","shards":2}
//! ```
//!
//! # Invariants
//! - Each line is one object whose names differ: a field that has the name of one of the first four
//!   gets an underscore behind it.
//! - Numbers and truth values stay what they are; everything else is a string.

use std::fmt::{self, Debug, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Level};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use super::escape::write_json_string;

/// The names of what every line has.
const OWN_NAMES: [&str; 4] = ["time", "level", "target", "message"];

/// An object without its end.
pub(super) fn begin(out: &mut impl Write, level: Level, target: &str) -> fmt::Result {
    out.write_str("{\"time\":\"")?;
    SystemTime.format_time(&mut Writer::new(out))?;
    let level = match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    };
    write!(out, "\",\"level\":\"{level}\",\"target\":")?;
    write_json_string(out, target)
}

/// An event in a line.
pub(super) fn write_event(out: &mut impl Write, event: &Event<'_>) -> fmt::Result {
    let mut fields = Fields::default();
    event.record(&mut fields);
    begin(out, *event.metadata().level(), event.metadata().target())?;
    out.write_str(",\"message\":")?;
    write_json_string(out, &fields.message)?;
    out.write_str(&fields.others)?;
    out.write_str("}\n")
}

/// A line that no event is behind.
pub(super) fn write_text(out: &mut impl Write, level: Level, text: &str) -> fmt::Result {
    begin(out, level, "allspark")?;
    out.write_str(",\"message\":")?;
    write_json_string(out, text)?;
    out.write_str("}\n")
}

/// The fields of an event.
#[derive(Default)]
struct Fields {
    message: String,
    /// Each behind a comma.
    others: String,
}

impl Fields {
    // A String takes everything.
    fn name(&mut self, field: &Field) {
        let name = field.name();
        let more = if OWN_NAMES.contains(&name) { "_" } else { "" };
        self.others.push(',');
        let _ = write_json_string(&mut self.others, &format!("{name}{more}"));
        self.others.push(':');
    }

    fn add(&mut self, field: &Field, value: impl fmt::Display) {
        self.name(field);
        let _ = write!(self.others, "{value}");
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.name(field);
            let _ = write_json_string(&mut self.others, value);
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON knows neither an infinity nor what is no number.
        match value.is_finite() {
            true => self.add(field, value),
            false => self.record_debug(field, &value),
        }
    }
}
