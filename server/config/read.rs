//! Reads the configuration file: a regular file, as a reload reads it again.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;

/// Bytes of a configuration file, at most.
const CONFIG_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Its text.
///
/// # Errors
/// Why it can't be read.
pub(super) fn text(path: &str) -> Result<String, String> {
    let no_wait = rustix::fs::OFlags::NONBLOCK.bits();
    let mut options = File::options();
    // A pipe that nobody writes to must not keep anybody waiting.
    options.read(true).custom_flags(no_wait.cast_signed());
    let file = options.open(path).map_err(|error| error.to_string())?;
    let found = file.metadata().map_err(|error| error.to_string())?;
    if !found.is_file() {
        return Err("it is no regular file, which could be read again".to_owned());
    }
    let mut text = String::new();
    match file.take(CONFIG_BYTES_MAX + 1).read_to_string(&mut text) {
        Err(error) => Err(error.to_string()),
        Ok(length) if length as u64 > CONFIG_BYTES_MAX => {
            Err(format!("it is longer than {CONFIG_BYTES_MAX} bytes"))
        }
        Ok(_) => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn what_is_no_file_or_too_long_or_no_text_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        mknodat(CWD, path("pipe").as_str(), FileType::Fifo, Mode::RWXU, 0).unwrap();
        fs::write(path("bytes"), [0xff]).unwrap();
        fs::write(path("long"), vec![b'\n'; 4 * 1024 * 1024 + 1]).unwrap();
        fs::write(path("file"), "app = 'echo'").unwrap();
        for (name, expected) in [
            ("pipe", "no regular file"),
            ("bytes", "UTF-8"),
            ("long", "longer than 4194304 bytes"),
            ("none", "No such file"),
            (".", "no regular file"),
        ] {
            let reason = text(&path(name)).unwrap_err();
            assert!(reason.contains(expected), "{name}: {reason}");
        }
        assert_eq!(text(&path("file")).unwrap(), "app = 'echo'");
    }
}
