//! A worker on the calling thread, so that counting on this thread counts the worker alone.
//!
//! Client, upstream and the threads that a real gateway has beside its workers run on other threads.

use std::{
    future::Future,
    num::NonZeroUsize,
    sync::mpsc,
    thread::{self, JoinHandle},
};

use http::{
    HeaderName, HeaderValue, Method,
    header::{AUTHORIZATION, COOKIE},
};
use http_body_util::Full;
use portcullis::server::Supervisor;
use tokio::{
    runtime::{Builder, LocalOptions, LocalRuntime},
    sync::oneshot,
    task::{spawn_local, yield_now},
};

use super::{Client, Gateway, Protocol, apps, upstream};

/// A worker that serves requests of a signed-in user for 20 bytes.
pub(crate) struct Here {
    runtime: LocalRuntime,
    orders: Option<mpsc::Sender<Order>>,
    client: Option<JoinHandle<()>>,
    /// Holds the listeners that the worker does not serve.
    _supervisor: Supervisor,
}

/// Connections of the client.
#[derive(Clone, Copy)]
pub(crate) enum Visits {
    /// One connection for all requests.
    One,
    /// A new connection with a full handshake for each request.
    OneEach,
}

/// The credential that the client sends, and the headers that the app receives for it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Proof {
    /// The cookie of a session; the identity in headers.
    Session,
    /// The same, with a signed assertion for the app.
    Asserted,
    /// An API token; the identity in headers.
    Token,
}

/// A number of requests to send one after the other.
struct Order {
    requests: usize,
    done: oneshot::Sender<()>,
}

impl Here {
    /// Starts the worker and the client, and signs the user in.
    pub(crate) fn start(protocol: Protocol, visits: Visits, proof: Proof) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())
            .expect("a runtime");
        let (sections, settings) = match proof {
            Proof::Session => ("", ""),
            Proof::Asserted => ("[assertion]\nissuer = \"https://localhost\"\n", "assertion = true\n"),
            Proof::Token => ("", "programs = { tokens = true }\n"),
        };
        let apps = format!("{sections}{}", apps(upstream::start(), settings));
        let (gateway, server) = Gateway::bound(1, &apps);
        let session = gateway.sign_in("alice", "staff");
        let field = match proof {
            Proof::Session | Proof::Asserted => (COOKIE, session),
            Proof::Token => (AUTHORIZATION, format!("Bearer {}", gateway.token("alice"))),
        };
        let (orders, received) = mpsc::channel();
        let client = thread::spawn(move || send_requests(&gateway, (protocol, visits), &field, received));
        let (workers, supervisor) = server.into_workers(NonZeroUsize::MIN).expect("a worker");
        runtime.block_on(async {
            for worker in workers {
                spawn_local(worker.serve());
            }
        });
        Self { runtime, orders: Some(orders), client: Some(client), _supervisor: supervisor }
    }

    /// Orders requests from the client. Pass the result to [`Self::serve`], which serves them.
    pub(crate) fn order(&self, requests: usize) -> impl Future<Output = ()> + use<> {
        let (done, ended) = oneshot::channel();
        let orders = self.orders.as_ref().expect("dropped at the end only");
        orders.send(Order { requests, done }).expect("the client lives");
        async { ended.await.expect("the client has its responses") }
    }

    /// Serves the ordered requests, and finishes the work that follows the last response.
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

/// Thread of the client.
fn send_requests(
    gateway: &Gateway,
    (protocol, visits): (Protocol, Visits),
    (name, value): &(HeaderName, String),
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
                let request = client.request(&Method::GET, "/tcp/members/page");
                let request = request.header(name, HeaderValue::from_str(value).expect("ASCII"));
                let response = client.send(request.body(Full::default()).expect("a good request")).await;
                assert_eq!(response.status(), 200, "a member of the group is let in");
            }
        });
        // An error means that the caller no longer waits.
        done.send(()).ok();
    }
}

/// Turns of the runtime that finish the work after the last response.
const AFTERWARDS: usize = 64;
