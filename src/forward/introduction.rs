//! The lines that introduce a request: where it came from, and who asks.
//!
//! One request of a connection has the same ones as the last, nearly always: they are written once, and added to
//! the next head as they stand. Nobody can be given another's: what is kept is kept with everything that it was
//! written from, all of which is the same thing still, or the lines are written anew. What a trusted proxy says
//! of its client is new with every request and is never kept.

use std::{
    cell::RefCell,
    fmt,
    net::IpAddr,
    sync::{Arc, Weak},
};

use http::HeaderMap;

use super::{
    IdentityHeaders,
    headers::{Onward, introduce},
    wire::RequestHead,
};
use crate::{identity::User, request::Authority};

/// The lines that introduced the last request of a connection. The ports at which the gateway is reached are the same
/// for all of them.
#[derive(Default)]
pub struct LastIntroduction(RefCell<Option<Box<Introduction>>>);

struct Introduction {
    peer_addr: IpAddr,
    asked: Authority,
    identity: IdentityHeaders,
    /// Never changed, like everything behind an `Arc`: who has changed is another one, and none can come to lie
    /// in the same place while this points there. It keeps nobody in memory.
    user: Option<Weak<User>>,
    lines: Box<[u8]>,
}

impl LastIntroduction {
    /// Adds the lines that introduce this request.
    pub(super) fn add(&self, client: &HeaderMap, onward: &Onward<'_>, head: &mut RequestHead) {
        if onward.facts.is_from_proxy() {
            return introduce(client, onward, |name, value| head.line(name, value));
        }
        let mut last = self.0.borrow_mut();
        if !last.as_ref().is_some_and(|last| last.is_of(onward)) {
            *last = Some(Box::new(Introduction::of(client, onward)));
        }
        if let Some(last) = &*last {
            head.lines(&last.lines);
        }
    }

    /// Gives their memory back, which is a third of a kilobyte.
    pub fn forget(&self) {
        self.0.replace(None);
    }
}

impl Introduction {
    fn of(client: &HeaderMap, onward: &Onward<'_>) -> Self {
        let mut lines = RequestHead::piece();
        introduce(client, onward, |name, value| lines.line(name, value));
        Self {
            peer_addr: onward.facts.peer_addr,
            asked: onward.permit.target().authority.clone(),
            identity: onward.app.identity.clone(),
            user: onward.permit.user().map(Arc::downgrade),
            lines: lines.into_lines().into_boxed_slice(),
        }
    }

    /// Whether the lines would be the same if they were written for this request.
    fn is_of(&self, onward: &Onward<'_>) -> bool {
        let user = onward.permit.user().map(Arc::as_ptr);
        self.user.as_ref().map(Weak::as_ptr) == user
            && self.identity.is(&onward.app.identity)
            && self.asked == onward.permit.target().authority
            && self.peer_addr == onward.facts.peer_addr
    }
}

impl fmt::Debug for LastIntroduction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LastIntroduction").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use http::{Method, Uri};
    use proptest::prelude::*;

    use super::*;
    use crate::{
        access::{Decision, Permit, decide},
        config::{self, Configuration},
        forward::{App, Facts, OwnedNames},
        identity::{GroupName, Identity, UserId, UserName},
        request::{Ports, RequestId, Target, TrustedProxies},
    };

    fn apps() -> Configuration {
        let app = |name: &str, identity: &str| {
            format!(
                "[[app]]\nname = \"{name}\"\npath = \"/{name}\"\nidentity = \"{identity}\"\n\
                 upstream = \"http://127.0.0.1:1\"\n[[app.rule]]\npath = \"/**\"\nallow = \"anyone\"\n"
            )
        };
        let text = app("a", "remote-user") + &app("b", "x-forwarded") + &app("c", "none");
        config::parse(&text, Path::new("gateway.toml")).unwrap().configuration
    }

    fn user(name: &str, email: &str) -> Arc<User> {
        Arc::new(User {
            id: UserId(1),
            name: UserName::parse(name).unwrap(),
            email: email.into(),
            full_name: String::new(),
            superuser: false,
            groups: vec![GroupName::parse("staff").unwrap()],
            permissions: vec![],
            attributes: std::collections::BTreeMap::new(),
        })
    }

    fn permitted(apps: &Configuration, url: &str, identity: Identity) -> Permit {
        let (uri, peer_addr) = (url.parse::<Uri>().unwrap(), IpAddr::from([127, 0, 0, 1]));
        let headers = HeaderMap::new();
        let target = Target::read(&Method::GET, &uri, &headers, peer_addr, &TrustedProxies::default());
        let target = target.unwrap();
        let app = apps.policy.route(&target).unwrap();
        let Decision::Allow(permit) = decide(&apps.policy, app, identity, None, target) else {
            panic!("anyone may")
        };
        permit
    }

    fn written(
        last: &LastIntroduction,
        (permit, app): (&Permit, &App),
        peer_addr: IpAddr,
        proxies: &TrustedProxies,
    ) -> String {
        let mut client = HeaderMap::new();
        client.insert("x-forwarded-host", "said.example".parse().unwrap());
        let (id, peer, owned) = (RequestId::example(), peer_addr.to_string(), OwnedNames::of(&[]));
        let ports = Ports { listener: 8443, public: None };
        let facts = Facts { id, peer_addr, peer: &peer, proxies, ports };
        let onward = Onward {
            permit,
            app,
            endpoint: app.upstreams.first().unwrap(),
            owned: &owned,
            facts: &facts,
            upgrade: None,
            closes: false,
            session_data: None,
        };
        let mut head = RequestHead::piece();
        last.add(&client, &onward, &mut head);
        String::from_utf8(head.into_lines()).unwrap()
    }

    #[test]
    fn the_same_lines_are_not_written_twice() {
        let (apps, alice, last) = (apps(), user("alice", "a@example.com"), LastIntroduction::default());
        let (peer_addr, proxies) = (IpAddr::from([127, 0, 0, 1]), TrustedProxies::default());
        let permit = permitted(&apps, "https://h/a", Identity::User(Arc::clone(&alice)));
        let app = apps.apps.get(permit.app().0).unwrap();
        let kept = || last.0.borrow().as_ref().map(|last| last.lines.as_ptr());
        let lines = written(&last, (&permit, app), peer_addr, &proxies);
        assert!(lines.contains("remote-user: alice\r\n") && lines.contains("remote-email: a@"), "{lines}");
        let first = kept();
        assert!(first.is_some());
        assert_eq!(written(&last, (&permit, app), peer_addr, &proxies), lines);
        assert_eq!(kept(), first);
        last.forget();
        assert_eq!(kept(), None);
        assert_eq!(written(&last, (&permit, app), peer_addr, &proxies), lines);
    }

    proptest! {
        /// An account is another value with every change, and the next one may get the memory of the last.
        #[test]
        fn nobody_is_introduced_by_lines_of_another_request(
            requests in prop::collection::vec(
                (
                    prop::option::of((0..2_usize, 0..2_usize)),
                    (0..3_usize, 0..3_usize),
                    (0..2_u8, any::<bool>(), any::<bool>()),
                ),
                1..20,
            ),
        ) {
            let (first, reloaded, last) = (apps(), apps(), LastIntroduction::default());
            let proxy = TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
            for (who, (app, host), (peer, is_proxy, is_reloaded)) in requests {
                let identity = who.map_or(Identity::Anonymous, |(name, email)| {
                    Identity::User(user(["alice", "bob"][name], ["a@example.com", "b@example.com"][email]))
                });
                let apps = if is_reloaded { &reloaded } else { &first };
                let url = format!("https://{}/{}", ["h", "h:8443", "i"][host], ["a", "b", "c"][app]);
                let permit = permitted(apps, &url, identity);
                let app = apps.apps.get(permit.app().0).unwrap();
                let peer_addr = IpAddr::from([127, 0, 0, peer]);
                let proxies = if is_proxy { proxy.clone() } else { TrustedProxies::default() };
                let alone = written(&LastIntroduction::default(), (&permit, app), peer_addr, &proxies);
                prop_assert_eq!(written(&last, (&permit, app), peer_addr, &proxies), alone);
            }
        }
    }
}
