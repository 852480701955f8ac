//! The terminal, or what is in its place. Whoever reads it may have seen enough (`| head`); then
//! `println!` and `eprintln!` panic, and a run that took hours ends without its report.

use std::fmt::{Arguments, Display};
use std::io::{self, ErrorKind, Write};

/// Says a line on the error stream, which nobody has to hear.
macro_rules! tell {
    ($($words:tt)*) => {
        $crate::console::write_line(format_args!($($words)*))
    };
}

pub(crate) use tell;

/// See [`tell!`].
pub(crate) fn write_line(line: Arguments<'_>) {
    // In one piece, as other processes may write there, too.
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Prints a part of the result. A reader who is gone is no error.
pub(crate) fn print(text: impl Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match write!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}
