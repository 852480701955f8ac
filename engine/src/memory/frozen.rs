//! Received bytes that are sent on from where they lie.
//!
//! While the shard looks at a receive buffer, it can freeze a part of it: give up the right to
//! write to it, and keep it beyond the moment at which the rest of the buffer goes back.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;
use std::rc::Rc;

use super::lent::{BufferPool, LentBuffer};

/// Freezes parts of the buffer whose bytes are borrowed for `'i`, and for no other time.
pub struct Lease<'i> {
    pool: Rc<BufferPool>,
    id: u16,
    /// Makes `'i` the very time of the call of [`LentBuffer::with`], neither shorter nor longer.
    time: PhantomData<Cell<&'i ()>>,
}

impl LentBuffer {
    /// Calls with the bytes, and with the right to freeze parts of them. Then the buffer goes back,
    /// but for those parts.
    pub fn with<R>(mut self, call: impl for<'i> FnOnce(&'i mut [u8], &Lease<'i>) -> R) -> R {
        let (pool, id) = self.origin();
        let lease = Lease {
            pool: Rc::clone(pool),
            id,
            time: PhantomData,
        };
        call(&mut self, &lease)
    }
}

impl<'i> Lease<'i> {
    /// Freezes bytes: nobody writes to them any more, and their memory is not used again before the
    /// result is dropped.
    ///
    /// # Errors
    /// They are none of the buffer's, and are given back.
    pub fn freeze(&self, bytes: &'i mut [u8]) -> Result<Frozen, &'i mut [u8]> {
        let buffer = self.pool.address(self.id).addr();
        let offset = bytes.as_ptr().addr().checked_sub(buffer);
        let buffer_bytes = self.pool.buffer_bytes();
        if offset.is_none_or(|offset| offset + bytes.len() > buffer_bytes) {
            return Err(bytes);
        }
        self.pool.lend_part(self.id);
        Ok(Frozen {
            pool: Rc::clone(&self.pool),
            len: bytes.len() as u32,
            start: NonNull::from(bytes).cast(),
            id: self.id,
        })
    }
}

/// Received bytes that nobody writes to any more. Dropping it returns their memory.
pub struct Frozen {
    pool: Rc<BufferPool>,
    start: NonNull<u8>,
    len: u32,
    id: u16,
}

impl Deref for Frozen {
    type Target = [u8];

    #[expect(unsafe_code, reason = "the bytes live in the pool's region")]
    fn deref(&self) -> &[u8] {
        // SAFETY: the bytes lie in the region of `pool`, which lives as long as this, and their
        // buffer is lent until this is dropped, so that nobody receives into it. `freeze` was given
        // the only reference to them for the whole of a call of `LentBuffer::with`, which lends
        // each byte once and takes the buffer along: nobody can write to them, in that call or
        // after it.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len as usize) }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.pool.return_part(self.id);
    }
}

impl std::fmt::Debug for Frozen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frozen")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_frozen_stays_when_the_rest_goes_back() {
        let pool = BufferPool::new(1, 16);
        let lent = pool.lend_copy(b"headwordtail").unwrap();
        let frozen = lent.with(|bytes, lease| {
            let (head, rest) = bytes.split_at_mut(4);
            let (word, tail) = rest.split_at_mut(4);
            word[0] = b'W';
            let frozen = lease.freeze(word).unwrap();
            // The bytes around it may still be written to.
            (head[0], tail[3]) = (b'-', b'-');
            assert_eq!(&*frozen, b"Word");
            frozen
        });
        assert_eq!((pool.free_count(), pool.take()), (0, None));
        assert_eq!(&*frozen, b"Word");
        drop(frozen);
        assert_eq!(pool.free_count(), 1);
        assert_eq!(&*pool.lend_copy(b"again").unwrap(), b"again");
    }

    #[test]
    fn bytes_of_others_are_not_frozen() {
        let pool = BufferPool::new(2, 4);
        let lent = pool.lend_copy(b"abcd").unwrap();
        lent.with(|bytes, lease| {
            assert!(lease.freeze(Box::leak(Box::new([0; 4]))).is_err());
            assert!(lease.freeze(&mut []).is_err() || bytes.is_empty());
            let bytes = lease.freeze(bytes).unwrap();
            assert_eq!(&*bytes, b"abcd");
        });
        assert_eq!(pool.free_count(), 2);
    }

    #[test]
    fn nothing_is_frozen_in_what_was_given_back() {
        let pool = BufferPool::new(1, 8);
        let lent = pool.lend_copy(b"ab").unwrap();
        assert_eq!(lent.with(|bytes, _| bytes.len()), 2);
        assert_eq!(pool.free_count(), 1);
    }
}
