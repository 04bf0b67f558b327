//! Boxes for futures of one kind, used again.
//!
//! The future of a request is larger than what the allocator keeps in its caches (glibc: 1,032 bytes), and so to ask
//! for its box and to give it back takes several hundred instructions. One that has been used is there at once.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

/// Boxes for the futures that are made of a `Q` and end in an `R`.
pub(super) struct Boxes<Q, R> {
    new: Box<dyn Fn() -> Reusable<Q, R>>,
    spare: RefCell<Vec<Reusable<Q, R>>>,
}

/// A future in its box, which goes back when this is dropped.
pub(super) struct Boxed<Q: 'static, R: 'static> {
    /// `None` only while it is dropped.
    reusable: Option<Reusable<Q, R>>,
    home: Rc<Boxes<Q, R>>,
}

type Reusable<Q, R> = Pin<Box<dyn Reuse<Q, Output = R>>>;

trait Reuse<Q>: Future {
    /// From now on, this is the future that is made of it.
    fn begin(self: Pin<&mut Self>, of: Q);
    /// From now on, this is none.
    fn end(self: Pin<&mut Self>);
}

pin_project! {
    struct Place<M, F> {
        make: M,
        #[pin]
        future: Option<F>,
    }
}

impl<Q: 'static, R: 'static> Boxes<Q, R> {
    /// For the futures that `make` makes.
    pub(super) fn new<F>(make: impl Fn(Q) -> F + Copy + 'static) -> Rc<Self>
    where
        F: Future<Output = R> + 'static,
    {
        let new = move || -> Reusable<Q, R> { Box::pin(Place { make, future: None }) };
        Rc::new(Self { new: Box::new(new), spare: RefCell::default() })
    }

    /// The future that is made of it, in a box.
    pub(super) fn boxed(self: &Rc<Self>, of: Q) -> Boxed<Q, R> {
        let spare = self.spare.borrow_mut().pop();
        let mut reusable = spare.unwrap_or_else(|| (self.new)());
        reusable.as_mut().begin(of);
        Boxed { reusable: Some(reusable), home: Rc::clone(self) }
    }
}

impl<Q, R> Future for Boxed<Q, R> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        match &mut self.reusable {
            Some(reusable) => reusable.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

impl<Q, R> Drop for Boxed<Q, R> {
    fn drop(&mut self) {
        let Some(mut reusable) = self.reusable.take() else { return };
        reusable.as_mut().end();
        let mut spare = self.home.spare.borrow_mut();
        if spare.len() < MOST_SPARE {
            spare.push(reusable);
        }
    }
}

impl<Q, M: Fn(Q) -> F, F: Future> Reuse<Q> for Place<M, F> {
    fn begin(self: Pin<&mut Self>, of: Q) {
        let mut this = self.project();
        let future = (this.make)(of);
        this.future.set(Some(future));
    }

    fn end(self: Pin<&mut Self>) {
        self.project().future.set(None);
    }
}

impl<M, F: Future> Future for Place<M, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().future.as_pin_mut().map_or(Poll::Pending, |future| future.poll(cx))
    }
}

/// For a worker. More than this run at once only in a crowd.
const MOST_SPARE: usize = 64;

#[cfg(test)]
mod tests {
    use std::{future::pending, panic::AssertUnwindSafe};

    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_box_that_was_given_back_is_used_again() {
        let boxes = Boxes::new(|number: u32| async move { number + 1 });
        for number in [1, 2] {
            assert_eq!(boxes.boxed(number).now_or_never(), Some(number + 1));
            assert_eq!(boxes.spare.borrow().len(), 1);
        }
        let both = [boxes.boxed(1), boxes.boxed(2)];
        assert_eq!(boxes.spare.borrow().len(), 0);
        drop(both);
        assert_eq!(boxes.spare.borrow().len(), 2);
    }

    #[test]
    fn what_a_future_holds_goes_with_it_and_not_with_its_box() {
        let boxes = Boxes::new(|held: Rc<()>| async move {
            pending::<()>().await;
            drop(held);
        });
        let held = Rc::new(());
        let mut future = boxes.boxed(Rc::clone(&held));
        assert_eq!((&mut future).now_or_never(), None);
        drop(future);
        assert_eq!(Rc::strong_count(&held), 1);
    }

    #[test]
    fn a_future_that_panicked_leaves_a_box_that_is_used_again() {
        let boxes = Boxes::new(|fine: bool| async move { assert!(fine, "not fine") });
        let panicked = AssertUnwindSafe(boxes.boxed(false)).catch_unwind().now_or_never();
        assert!(panicked.is_some_and(|result| result.is_err()));
        assert_eq!(boxes.boxed(true).now_or_never(), Some(()));
    }

    #[test]
    fn a_crowd_leaves_no_more_boxes_than_are_kept() {
        let boxes = Boxes::new(|()| async {});
        drop((0..=MOST_SPARE).map(|_| boxes.boxed(())).collect::<Vec<_>>());
        assert_eq!(boxes.spare.borrow().len(), MOST_SPARE);
    }
}
