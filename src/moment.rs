//! The time as a connection sees it: it stands still while the connection's task is polled.
//!
//! A small request asks six times in two polls, which together take a hundredth of its time. What counts in
//! milliseconds, or ends with the poll, needs no more than one answer for each poll.

use std::{
    cell::Cell,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use tokio::time::Instant;

thread_local! {
    static MOMENT: Cell<Moment> = const { Cell::new(Moment::Passing) };
}

#[derive(Clone, Copy)]
enum Moment {
    /// No poll stops the time.
    Passing,
    /// In a poll in which nobody has asked yet.
    Unasked,
    /// In a poll, as of when somebody first asked.
    Since(Instant),
}

pin_project! {
    /// A future in each of whose polls the time stands still.
    #[derive(Debug)]
    pub struct Stepwise<F> {
        #[pin]
        future: F,
    }
}

/// Lets the time stand still in each poll of this future.
pub fn stepwise<F: Future>(future: F) -> Stepwise<F> {
    Stepwise { future }
}

/// When it was first asked for in the poll that runs; the runtime's time, if that is not stepwise.
pub fn now() -> Instant {
    match MOMENT.get() {
        Moment::Since(moment) => moment,
        Moment::Unasked => anew(),
        Moment::Passing => Instant::now(),
    }
}

/// The runtime's time, which is that of the poll from now on: for what has to know how long a poll took.
pub fn anew() -> Instant {
    let now = Instant::now();
    if !matches!(MOMENT.get(), Moment::Passing) {
        MOMENT.set(Moment::Since(now));
    }
    now
}

impl<F: Future> Future for Stepwise<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let _over = Over;
        MOMENT.set(Moment::Unasked);
        self.project().future.poll(cx)
    }
}

/// Whatever ends a poll, a panic as well.
struct Over;

impl Drop for Over {
    fn drop(&mut self) {
        MOMENT.set(Moment::Passing);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::poll_fn,
        panic::{AssertUnwindSafe, catch_unwind},
        task::Waker,
    };

    use super::*;

    fn passes() -> bool {
        let before = now();
        // The clock counts nanoseconds, and this takes hundreds.
        std::thread::yield_now();
        now() > before
    }

    #[test]
    fn time_stands_still_within_a_poll_and_goes_on_between_two() {
        let mut seen = Vec::new();
        let mut future = std::pin::pin!(stepwise(poll_fn(|_| {
            let first = now();
            assert!(!passes());
            seen.push(first);
            if seen.len() == 2 { Poll::Ready(()) } else { Poll::Pending }
        })));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(passes());
        assert!(future.as_mut().poll(&mut cx).is_pending());
        assert!(passes(), "between two polls");
        assert!(future.as_mut().poll(&mut cx).is_ready());
        assert!(passes(), "after the last");
        assert!(seen.is_sorted_by(|one, other| one < other));
    }

    #[test]
    fn who_asks_anew_moves_the_time_of_the_poll() {
        let mut future = std::pin::pin!(stepwise(poll_fn(|_| {
            let first = now();
            std::thread::yield_now();
            let second = anew();
            assert!(second > first);
            assert_eq!(now(), second);
            Poll::Ready(())
        })));
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
        assert!(passes());
    }

    #[test]
    fn time_goes_on_after_a_panic() {
        let mut future = std::pin::pin!(stepwise(poll_fn(|_| -> Poll<()> { panic!("as a handler might") })));
        let polled = AssertUnwindSafe(|| future.as_mut().poll(&mut Context::from_waker(Waker::noop())));
        assert!(catch_unwind(polled).is_err());
        assert!(passes());
    }
}
