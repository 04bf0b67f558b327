//! A gateway on the thread that asks for it, so that what this thread does is what the gateway does.
//!
//! Client and upstream have threads of their own, and so has what a real gateway does beside its workers.

use std::{
    future::Future,
    sync::mpsc,
    thread::{self, JoinHandle},
};

use tokio::{
    runtime::{Builder, LocalOptions, LocalRuntime},
    sync::oneshot,
    task::{spawn_local, yield_now},
};

use super::{Client, Gateway, Protocol, apps, upstream};

/// A worker, of which a signed-in user asks for 20 bytes.
pub(crate) struct Here {
    runtime: LocalRuntime,
    orders: Option<mpsc::Sender<Order>>,
    client: Option<JoinHandle<()>>,
}

/// Whether the client stays.
#[derive(Clone, Copy)]
pub(crate) enum Visits {
    /// All requests on one connection.
    One,
    /// Each on a new one, with a full handshake.
    OneEach,
}

/// So many requests, one after the other.
struct Order {
    requests: usize,
    done: oneshot::Sender<()>,
}

impl Here {
    /// Starts it and the client, and signs the user in.
    pub(crate) fn start(protocol: Protocol, visits: Visits) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())
            .expect("a runtime");
        let (gateway, server) = Gateway::bound(1, &apps(upstream::start()));
        let session = gateway.sign_in("alice", "staff");
        let (orders, received) = mpsc::channel();
        let client = thread::spawn(move || ask(&gateway, (protocol, visits), &session, received));
        runtime.block_on(async {
            spawn_local(server.run_here());
        });
        Self { runtime, orders: Some(orders), client: Some(client) }
    }

    /// Orders requests. They are served while what comes back is given to [`Self::serve`], and not before.
    pub(crate) fn order(&self, requests: usize) -> impl Future<Output = ()> + use<> {
        let (done, ended) = oneshot::channel();
        let orders = self.orders.as_ref().expect("it is dropped at the end");
        orders.send(Order { requests, done }).expect("the client lives");
        async { ended.await.expect("the client has its answers") }
    }

    /// Serves what was ordered, and what a worker does after the last answer has left.
    pub(crate) fn serve(&self, ordered: impl Future<Output = ()>) {
        self.runtime.block_on(async {
            ordered.await;
            for _ in 0..AFTERWARDS {
                yield_now().await;
            }
        });
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(client) = self.client.take() {
            let ended = client.join();
            if !thread::panicking() {
                ended.expect("no panic");
            }
        }
    }
}

/// The client's thread.
fn ask(
    gateway: &Gateway,
    (protocol, visits): (Protocol, Visits),
    session: &str,
    orders: mpsc::Receiver<Order>,
) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut client = runtime.block_on(Client::connect(gateway, protocol));
    for Order { requests, done } in orders {
        runtime.block_on(async {
            for _ in 0..requests {
                if matches!(visits, Visits::OneEach) {
                    client = Client::connect(gateway, protocol).await;
                }
                let status = client.get("/tcp/members/page", Some(session)).await;
                assert_eq!(status, 200, "a member of the group is let in");
            }
        });
        // Whoever ordered them has given up.
        done.send(()).ok();
    }
}

/// Turns of the runtime until nothing of the last request is left to do.
const AFTERWARDS: usize = 64;
