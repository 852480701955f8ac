//! Answers to polls in gzip. What was compressed last is kept, because a broadcast is the same
//! answer to many polls.

use allspark_protocol::http::gzip;
use allspark_protocol::limits::HTTP_COMPRESSION_BYTES_MAX;

/// The default level of zlib, as in the package.
const LEVEL: u8 = 6;

/// Compresses the answers of a shard.
#[derive(Clone, Debug)]
pub(super) struct Gzipped {
    /// From how many bytes on answers are compressed, if they are.
    from_bytes: Option<usize>,
    /// What was compressed last, and what came of it.
    plain: Vec<u8>,
    gzip: Vec<u8>,
}

impl Gzipped {
    pub(super) fn new(from_bytes: Option<usize>) -> Self {
        Self {
            from_bytes,
            plain: Vec::new(),
            gzip: Vec::new(),
        }
    }

    /// The answer in gzip, if it is of a size that is compressed and gets smaller by it.
    pub(super) fn body(&mut self, plain: &[u8]) -> Option<Vec<u8>> {
        let is_long_enough = self.from_bytes.is_some_and(|bytes| plain.len() >= bytes);
        if !is_long_enough || plain.len() > HTTP_COMPRESSION_BYTES_MAX {
            return None;
        }
        if self.gzip.is_empty() || self.plain != plain {
            self.gzip = gzip(plain, LEVEL);
            self.plain.clear();
            self.plain.shrink_to(plain.len());
            self.plain.extend_from_slice(plain);
        }
        (self.gzip.len() < plain.len()).then(|| self.gzip.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_is_compressed_once_and_what_is_not_anew() {
        let mut gzipped = Gzipped::new(Some(3));
        let (one, other) = ([b'a'; 100], [b'b'; 100]);
        let first = gzipped.body(&one).unwrap();
        assert_eq!(first, gzip(&one, LEVEL));
        // Whether it was kept or not, the answer is the same.
        gzipped.gzip[0] = 0;
        assert_ne!(gzipped.body(&one).unwrap(), first);
        assert_eq!(gzipped.body(&other).unwrap(), gzip(&other, LEVEL));
        assert_eq!(gzipped.body(&one).unwrap(), first);
    }

    #[test]
    fn sizes_beyond_the_bounds_and_what_would_grow_are_left_alone() {
        let mut gzipped = Gzipped::new(Some(3));
        for (plain, is_compressed) in [
            (vec![b'a'; 2], false),
            (vec![b'a'; 3], false),
            (vec![b'a'; HTTP_COMPRESSION_BYTES_MAX], true),
            (vec![b'a'; HTTP_COMPRESSION_BYTES_MAX + 1], false),
        ] {
            assert_eq!(gzipped.body(&plain).is_some(), is_compressed);
        }
        assert_eq!(Gzipped::new(None).body(&[b'a'; 5000]), None);
    }
}
