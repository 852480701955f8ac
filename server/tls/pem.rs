//! Blocks of PEM, without saying anything of what stands in them.

use pem::Pem;

/// The blocks of a file.
///
/// # Errors
/// There are none, or one is damaged. The words of the library would quote it.
pub(super) fn blocks(bytes: &[u8]) -> Result<Vec<Pem>, &'static str> {
    match pem::parse_many(bytes) {
        Ok(blocks) if blocks.is_empty() => {
            Err("it is not in PEM format, whose first line begins with -----BEGIN")
        }
        Ok(blocks) => Ok(blocks),
        Err(_) => Err("its PEM format is damaged"),
    }
}

/// What the blocks of a file are, for a refusal.
pub(super) fn tags(blocks: &[Pem]) -> String {
    let mut tags: Vec<&str> = blocks.iter().map(Pem::tag).collect();
    tags.dedup();
    tags.join(", ").escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_blocks_is_told_so_and_not_quoted() {
        assert!(blocks(b"hush").unwrap_err().contains("not in PEM format"));
        let damaged = b"-----BEGIN KEY-----\nhush!\n-----END KEY-----\n";
        let reason = blocks(damaged).unwrap_err();
        assert!(
            reason.contains("damaged") && !reason.contains("hush"),
            "{reason}"
        );
        let two = b"of a\n-----BEGIN A-----\nAA==\n-----END A-----\nof b\n-----BEGIN B B-----\n\
                    AA==\n-----END B B-----\n";
        assert_eq!(tags(&blocks(two).unwrap()), "A, B B");
    }
}
