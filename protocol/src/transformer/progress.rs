//! How fast a message comes whose end has not come yet.

/// What came of such a message since somebody asked last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The message has begun since then, so nothing can be said about it.
    Begun,
    /// So many of its bytes came. What frames them does not count, nor do pings between them,
    /// because a peer could send nothing else.
    Went(usize),
}

/// Counts the bytes of one message. Whoever asks reads the clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Meter {
    bytes: u32,
    was_asked: bool,
}

impl Meter {
    /// So many bytes of the message came.
    pub fn add(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// What came since the last call.
    pub fn take(&mut self) -> Progress {
        let bytes = std::mem::take(&mut self.bytes);
        match std::mem::replace(&mut self.was_asked, true) {
            true => Progress::Went(bytes as usize),
            false => Progress::Begun,
        }
    }
}
