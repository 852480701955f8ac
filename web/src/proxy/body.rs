//! The body of a request that goes on to an upstream, and when anything last moved.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use allspark_engine::{BodyBroken, BodyReceiver};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// The body of a request.
pub(super) struct Outgoing {
    source: Source,
    /// Bytes that are still to come, if that is known.
    left: Option<u64>,
    moved: Arc<Moved>,
}

enum Source {
    /// It has come, or there is none.
    Whole(Option<Bytes>),
    Stream(BodyReceiver),
}

/// When something last moved, in milliseconds since the beginning. While it is the client who is
/// waited for, it moves all the time: whether a client is too slow is judged elsewhere.
#[derive(Debug)]
pub(super) struct Moved {
    begun: Instant,
    at_ms: AtomicU64,
}

/// It is the client who is waited for.
const BY_CLIENT: u64 = u64::MAX;

impl Moved {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            begun: Instant::now(),
            at_ms: AtomicU64::new(0),
        })
    }

    pub(super) fn note(&self) {
        let ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(BY_CLIENT - 1);
        self.at_ms.store(ms, Ordering::Relaxed);
    }

    fn note_client(&self) {
        self.at_ms.store(BY_CLIENT, Ordering::Relaxed);
    }

    /// Returns once nothing has moved for so long.
    pub(super) async fn until_still(&self, timeout: Duration) {
        loop {
            let left = match self.at_ms.load(Ordering::Relaxed) {
                BY_CLIENT => timeout,
                at_ms => {
                    let since = self
                        .begun
                        .elapsed()
                        .saturating_sub(Duration::from_millis(at_ms));
                    timeout.saturating_sub(since)
                }
            };
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }
}

impl Outgoing {
    /// No body.
    pub(super) fn none() -> Self {
        Self::whole(Bytes::new(), Moved::new())
    }

    /// One that has come.
    pub(super) fn whole(body: Bytes, moved: Arc<Moved>) -> Self {
        Self {
            left: Some(body.len() as u64),
            source: Source::Whole(Some(body)),
            moved,
        }
    }

    /// One that comes, of so many bytes, if that is known.
    pub(super) fn stream(body: BodyReceiver, length: Option<u64>, moved: Arc<Moved>) -> Self {
        Self {
            source: Source::Stream(body),
            left: length,
            moved,
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BodyBroken;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyBroken>>> {
        let body = self.get_mut();
        let polled = match &mut body.source {
            Source::Whole(bytes) => Poll::Ready(bytes.take().filter(|b| !b.is_empty()).map(Ok)),
            Source::Stream(receiver) => receiver.poll_next(context).map_ok(Bytes::from),
        };
        match &polled {
            Poll::Pending => body.moved.note_client(),
            Poll::Ready(_) => body.moved.note(),
        }
        polled.map_ok(|bytes| {
            if let Some(left) = &mut body.left {
                *left = left.saturating_sub(bytes.len() as u64);
            }
            Frame::data(bytes)
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        match self.left {
            Some(left) => SizeHint::with_exact(left),
            None => SizeHint::default(),
        }
    }
}
