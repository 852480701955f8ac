//! `allspark admin-password`: makes a line for the file of users.

use std::io::{self, BufRead, IsTerminal};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use scrypt::password_hash::{PasswordHasher, SaltString};
use scrypt::{Params, Scrypt};

use super::bounds::PASSWORD_BYTES_MAX;
use super::chance::random_bytes;

/// Shorter passwords are refused: they are guessed in days even so slowly.
const PASSWORD_CHARS_MIN: usize = 10;

/// The cost of a hash: 32 MiB, and a quarter of a second. Of the values that OWASP's Password
/// Storage Cheat Sheet gives for scrypt (N = 2^15, r = 8, p = 3).
const COST: (u8, u32, u32) = (15, 8, 3);

/// Reads a password from standard input and gives the line of the user.
///
/// # Errors
/// The name or the password can't be one, in one line.
pub(crate) fn print_hash(name: &str) -> Result<String, String> {
    if name.is_empty() || name.len() > 64 || name.contains([':', '#']) || has_control(name) {
        return Err("a name has 1 to 64 bytes, none of them a colon or a #".to_owned());
    }
    let password = read().map_err(|error| format!("the password can't be read: {error}"))?;
    line(name, password.trim_end_matches(['\r', '\n']), COST)
}

fn line(name: &str, password: &str, (log_n, r, p): (u8, u32, u32)) -> Result<String, String> {
    if password.chars().count() < PASSWORD_CHARS_MIN || password.len() > PASSWORD_BYTES_MAX {
        return Err(format!(
            "a password has {PASSWORD_CHARS_MIN} characters at least and {PASSWORD_BYTES_MAX} \
             bytes at most"
        ));
    }
    let salt = SaltString::encode_b64(&random_bytes::<16>()).map_err(|error| error.to_string())?;
    let params = Params::new(log_n, r, p, Params::RECOMMENDED_LEN);
    let params = params.map_err(|error| error.to_string())?;
    let hash = Scrypt.hash_password_customized(password.as_bytes(), None, None, params, &salt);
    let hash = hash.map_err(|error| error.to_string())?;
    Ok(format!("{name}:{hash}\n"))
}

fn has_control(text: &str) -> bool {
    text.contains(char::is_control) || text.trim() != text
}

/// A line of standard input, which a terminal does not show.
fn read() -> io::Result<String> {
    let stdin = io::stdin();
    let mut line = String::new();
    if !stdin.is_terminal() {
        stdin.lock().read_line(&mut line)?;
        return Ok(line);
    }
    crate::output::complain("Password (it is not shown):");
    let shown = tcgetattr(&stdin)?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &hidden)?;
    let read = stdin.lock().read_line(&mut line);
    tcsetattr(&stdin, OptionalActions::Flush, &shown)?;
    read?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::operators::Operators;
    use crate::admin::options::AdminSettings;

    #[test]
    fn a_line_that_was_made_is_a_user() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        let made = line("ann", "correct horse", (4, 8, 1)).unwrap();
        std::fs::write(&path, format!("# Us.\n\n{made}")).unwrap();
        let settings = AdminSettings {
            users_file: Some(path.clone()),
            ..AdminSettings::default()
        };
        let operators = Operators::read(&settings).unwrap();
        assert!(operators.is_password("ann", "correct horse"));
        assert!(!operators.is_password("ann", "correct horsf"));
        assert!(!operators.is_password("bob", "correct horse"));
        assert!(!operators.is_password("ann", &"x".repeat(1 << 20)));
        for (text, expected) in [
            ("", "no user"),
            ("ann", "line 1: it is no name, colon and hash"),
            (":$scrypt$", "a name has"),
            ("ann:hunter2", "no hash of scrypt"),
            // Nobody has that much memory.
            (&made.replace("ln=4", "ln=40"), "no hash of scrypt"),
            (&format!("{made}{made}"), "line 2: this name"),
        ] {
            std::fs::write(&path, text).unwrap();
            let (option, reason) = Operators::read(&settings).err().unwrap();
            assert!(
                option == "admin-users-file" && reason.contains(expected),
                "{reason}"
            );
            assert!(!reason.contains("hunter2"));
        }
    }

    #[test]
    fn what_is_too_short_is_refused() {
        assert!(line("ann", "short", (4, 8, 1)).is_err());
        assert!(line("ann", "long enough", (4, 8, 1)).is_ok());
    }
}
