//! A future that may take so long and no longer.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// What the future gives; `None` if `timeout` was first.
pub(super) async fn within<T>(
    future: impl Future<Output = T>,
    timeout: impl Future<Output = ()>,
) -> Option<T> {
    let (mut future, mut timeout) = (pin!(future), pin!(timeout));
    poll_fn(move |context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => timeout.as_mut().poll(context).map(|()| None),
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn the_first_of_both_counts() {
        let poll = |future, timeout| {
            let context = &mut Context::from_waker(Waker::noop());
            pin!(within(future, timeout)).poll(context)
        };
        assert_eq!(
            poll(boxed(ready(1)), boxed(ready(()))),
            Poll::Ready(Some(1))
        );
        assert_eq!(poll(boxed(pending()), boxed(ready(()))), Poll::Ready(None));
        assert_eq!(poll(boxed(pending()), boxed(pending())), Poll::Pending);
    }

    fn boxed<T>(
        future: impl Future<Output = T> + 'static,
    ) -> std::pin::Pin<Box<dyn Future<Output = T>>> {
        Box::pin(future)
    }
}
