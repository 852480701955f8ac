//! Reads files of keys: regular files, of which nothing is quoted.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// The bytes of a file that has `bytes_max` of them at the most.
///
/// # Errors
/// Why it can't be read, in words that hold nothing of it.
pub(crate) fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let found = fs::metadata(path).map_err(|error| error.to_string())?;
    // A pipe could be read only once, and might be waited for.
    if !found.is_file() {
        return Err("it is no regular file".to_owned());
    }
    let file = File::open(path).map_err(|error| error.to_string())?;
    match file.take(bytes_max + 1).read_to_end(&mut bytes) {
        Err(error) => Err(error.to_string()),
        Ok(length) if length as u64 > bytes_max => {
            Err(format!("it is longer than {bytes_max} bytes"))
        }
        Ok(_) => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_or_too_long_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        fs::write(&path, [b'\n'; 9]).unwrap();
        assert_eq!(read(&path, 9).unwrap().len(), 9);
        for (path, expected) in [
            (path.as_path(), "than 8 bytes"),
            (folder.path(), "regular file"),
        ] {
            let reason = read(path, 8).unwrap_err();
            assert!(reason.ends_with(expected), "{reason}");
        }
    }
}
