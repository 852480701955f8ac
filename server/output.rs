//! What commands print that end at once. What a server says goes through its log.

use std::io::{self, ErrorKind, Write};

/// Prints on stdout. A reader who has seen enough and is gone is no error.
///
/// # Errors
/// Why it could not be written, in one line.
pub(crate) fn print(text: &[u8]) -> Result<(), String> {
    let mut stdout = io::stdout().lock();
    // Without the flush a full disk would not be noticed: at the end of the process it is too late.
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("standard output: {error}"))
        }
        _ => Ok(()),
    }
}

/// Prints a line on stderr. If that is not possible, the exit code has to do.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
