//! Names for what a completion belongs to. Never a pointer.

/// Kind, generation and index of what an operation was for: `kind:8 | generation:24 | index:32`.
///
/// A completion whose generation is not the one of the slot is stale: it is counted and dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(u64);

impl Token {
    /// Generations wrap after this many uses of one slot.
    pub const GENERATIONS: u32 = 1 << 24;

    /// Puts a token together.
    pub const fn new(kind: u8, generation: u32, index: u32) -> Self {
        assert!(generation < Self::GENERATIONS);
        Self(((kind as u64) << 56) | ((generation as u64) << 32) | index as u64)
    }

    /// The token that [`Token::as_u64`] made.
    pub const fn from_u64(value: u64) -> Self {
        Self(value)
    }

    /// As the kernel carries it.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// What kind of thing it names.
    pub const fn kind(self) -> u8 {
        (self.0 >> 56) as u8
    }

    /// Which use of the slot.
    pub const fn generation(self) -> u32 {
        ((self.0 >> 32) as u32) & (Self::GENERATIONS - 1)
    }

    /// Which slot.
    pub const fn index(self) -> u32 {
        self.0 as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_its_parts_apart() {
        let token = Token::new(0xff, Token::GENERATIONS - 1, 7);
        assert_eq!(
            (token.kind(), token.generation(), token.index()),
            (0xff, (1 << 24) - 1, 7)
        );
        let token = Token::from_u64(Token::new(1, 2, u32::MAX).as_u64());
        assert_eq!(
            (token.kind(), token.generation(), token.index()),
            (1, 2, u32::MAX)
        );
    }
}
