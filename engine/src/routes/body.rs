//! Bodies that are sent as they come: pulled by the shard whenever everything before is sent, so
//! that one part of each waits, whoever reads slowly.

use std::fmt;
use std::task::{Context, Poll};

use super::channel::{self, BodySender};
use super::pull::{Pull, Pulled};
use crate::guard;

/// A body that is sent as it comes, for [`Reply::Stream`](super::Reply::Stream).
pub struct Body(Option<Box<dyn Pull>>);

impl Body {
    /// A body that is pulled.
    ///
    /// ```
    /// use std::task::{Context, Poll};
    ///
    /// use allspark_engine::{Body, Pull, Pulled, Reply, RouteRequest};
    /// use allspark_protocol::http::Response;
    ///
    /// /// Counts down, a line at a time.
    /// struct Countdown(u32);
    ///
    /// impl Pull for Countdown {
    ///     fn pull(
    ///         &mut self,
    ///         _: &mut Context<'_>,
    ///         room: usize,
    ///         out: &mut Vec<u8>,
    ///     ) -> Poll<Pulled> {
    ///         while self.0 > 0 && out.len() < room {
    ///             out.extend_from_slice(format!("{}\n", self.0).as_bytes());
    ///             self.0 -= 1;
    ///         }
    ///         Poll::Ready(if self.0 > 0 { Pulled::More } else { Pulled::End })
    ///     }
    /// }
    ///
    /// fn countdown(_: &RouteRequest<'_>) -> Reply {
    ///     Reply::Stream(Response::new(200), Body::pulled(Countdown(1_000_000)))
    /// }
    /// ```
    pub fn pulled(source: impl Pull) -> Self {
        Self(Some(Box::new(source)))
    }

    /// A body that comes from elsewhere: another thread, or a task. At most `bytes_max` bytes of it
    /// wait, and what each part costs beside its bytes.
    ///
    /// ```
    /// use allspark_engine::{Body, Reply, RouteRequest};
    /// use allspark_protocol::http::Response;
    ///
    /// fn report(_: &RouteRequest<'_>) -> Reply {
    ///     let (mut sender, body) = Body::channel(256 * 1024);
    ///     std::thread::spawn(move || {
    ///         for line in 0..1_000_000 {
    ///             // The client is gone, so nobody needs the rest.
    ///             if sender.blocking_send(format!("line {line}\n")).is_err() {
    ///                 return;
    ///             }
    ///         }
    ///         sender.finish();
    ///     });
    ///     Reply::Stream(Response::new(200), body)
    /// }
    /// ```
    pub fn channel(bytes_max: usize) -> (BodySender, Self) {
        let (sender, receiver) = channel::new(bytes_max);
        (sender, Self::pulled(receiver))
    }

    /// See [`Pull::pull`].
    ///
    /// # Errors
    /// It panicked, with this text. It is not called again.
    pub(crate) fn pull(
        &mut self,
        context: &mut Context<'_>,
        room: usize,
        out: &mut Vec<u8>,
    ) -> Result<Poll<Pulled>, String> {
        let Some(source) = &mut self.0 else {
            return Ok(Poll::Ready(Pulled::Broken));
        };
        let pulled = guard::call(|| source.pull(context, room, out));
        if !matches!(pulled, Ok(Poll::Pending | Poll::Ready(Pulled::More))) {
            guard::drop_value(self.0.take());
        }
        pulled
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        // It is a value of the application.
        guard::drop_value(self.0.take());
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}
