//! The access matrix: each user asks for each path over HTTPS, and the status has to be the one that the policy decides
//! in process. A snapshot keeps the table.

use std::{collections::BTreeSet, fmt::Write, net::Ipv4Addr, sync::Arc};

use http::{Method, Request, header::HOST};
use portcullis::{
    access::{App, Outcome, Policy, Rule, rule_on},
    clock::Timestamp,
    config,
    identity::{GroupName, Identity, Permission, Proofs, User, UserName},
    request::{ClientAddr, Target},
    users::NewUser,
};

use crate::support::{
    gateway::{TestGateway, password, quick_hash},
    process::until,
    visitor::Visitor,
};

const POLICY: &str = r#"
[[app]]
name = "wiki"
host = "wiki.localhost"
upstream = "builtin:whoami"
rule = [
    { path = "/static/**", allow = "anyone" },
    { path = "/static/private/**", allow = "authenticated" },
    { path = "/favicon.ico", allow = "anyone" },
    { path = "/pages/*", allow = "anyone" },
    { path = "/pages/*", methods = ["POST", "PUT"], allow = { permission = "wiki.edit" } },
    { path = "/pages/*", methods = ["DELETE"], allow = { group = ["operators"] } },
    { path = "/pages/secret", allow = { user = "alice" } },
    { path = "/pages/*/history", allow = "authenticated" },
    { path = "/admin/**", allow = { group = ["staff", "operators"] } },
    { path = "/admin/danger", allow = "nobody" },
    { path = "/admin/here", allow = { group = "staff", network = "127.0.0.0/8" } },
    { path = "/admin/elsewhere", allow = { group = "staff", network = "10.0.0.0/8" } },
    { path = "/lan/**", allow = { network = ["127.0.0.1/32", "10.0.0.0/8"] } },
    { path = "/far/**", allow = { network = "10.0.0.0/8" } },
]

[[app]]
name = "wiki-api"
host = "wiki.localhost"
path = "/api"
upstream = "builtin:whoami"
rule = [
    { path = "/api/**", allow = { permission = ["api.read", "api.write"] } },
    { path = "/api/**", methods = ["POST", "PATCH"], allow = { permission = "api.write" } },
    { path = "/api/health", allow = "anyone" },
    { path = "/api/both", allow = { user = ["alice", "bob"], permission = "api.read" } },
]

[[app]]
name = "reports"
host = "reports.localhost"
upstream = "builtin:whoami"
rule = [
    { path = "/public/**", methods = ["GET", "HEAD"], allow = "anyone" },
    { path = "/public/**", allow = "nobody" },
    { path = "/*/drafts/**", allow = { group = "staff" } },
    { path = "/closed/**", allow = "nobody" },
]
"#;

const GROUPS: &str = r#"
[groups]
staff = ["wiki.edit"]
operators = ["api.read", "api.write"]
readers = ["api.read"]
"#;

/// At least one line a rule, and a few that no rule matches.
const QUESTIONS: &[(&str, &str, &str)] = &[
    ("wiki.localhost", "GET", "/"),
    ("wiki.localhost", "GET", "/static/app.css"),
    ("wiki.localhost", "GET", "/static"),
    ("wiki.localhost", "GET", "/static/private/x"),
    ("wiki.localhost", "GET", "/STATIC/private/x"),
    ("wiki.localhost", "GET", "/static/%70rivate/x"),
    ("wiki.localhost", "GET", "/static/x/../private/x"),
    ("wiki.localhost", "GET", "/favicon.ico"),
    ("wiki.localhost", "POST", "/favicon.ico"),
    ("wiki.localhost", "GET", "/pages/home"),
    ("wiki.localhost", "POST", "/pages/home"),
    ("wiki.localhost", "PUT", "/pages/home"),
    ("wiki.localhost", "DELETE", "/pages/home"),
    ("wiki.localhost", "GET", "/pages/secret"),
    ("wiki.localhost", "POST", "/pages/secret"),
    ("wiki.localhost", "GET", "/pages/home/history"),
    ("wiki.localhost", "GET", "/pages/home/else"),
    ("wiki.localhost", "GET", "/admin"),
    ("wiki.localhost", "GET", "/admin/users"),
    ("wiki.localhost", "GET", "/Admin/users"),
    ("wiki.localhost", "GET", "//admin//users"),
    ("wiki.localhost", "GET", "/admin/danger"),
    ("wiki.localhost", "GET", "/admin/danger/"),
    ("wiki.localhost", "GET", "/admin/here"),
    ("wiki.localhost", "GET", "/admin/elsewhere"),
    ("wiki.localhost", "GET", "/lan/x"),
    ("wiki.localhost", "GET", "/far/x"),
    ("wiki.localhost", "GET", "/api/things"),
    ("wiki.localhost", "POST", "/api/things"),
    ("wiki.localhost", "PATCH", "/api/things"),
    ("wiki.localhost", "GET", "/api/health"),
    ("wiki.localhost", "POST", "/api/health"),
    ("wiki.localhost", "GET", "/api/both"),
    ("reports.localhost", "GET", "/"),
    ("reports.localhost", "GET", "/public/x"),
    ("reports.localhost", "HEAD", "/public/x"),
    ("reports.localhost", "POST", "/public/x"),
    ("reports.localhost", "GET", "/2026/drafts/x"),
    ("reports.localhost", "GET", "/drafts"),
    ("reports.localhost", "GET", "/closed/x"),
    ("elsewhere.localhost", "GET", "/"),
];

struct Person {
    name: &'static str,
    groups: &'static [&'static str],
    permissions: &'static [&'static str],
    superuser: bool,
    active: bool,
}

const DAVE: Person = Person { name: "dave", groups: &[], permissions: &[], superuser: false, active: true };

const PEOPLE: &[Person] = &[
    Person { name: "alice", groups: &["staff"], ..DAVE },
    Person { name: "bob", groups: &["readers"], ..DAVE },
    Person { name: "carol", groups: &["operators"], permissions: &["wiki.edit"], ..DAVE },
    DAVE,
    Person { name: "root", superuser: true, ..DAVE },
    Person { name: "gone", groups: &["staff", "operators"], superuser: true, active: false, ..DAVE },
];

#[test]
fn the_gateway_decides_for_every_user_as_the_policy_says() {
    let gateway = TestGateway::start_with(GROUPS, POLICY);
    let file = gateway.folder().join("gateway.toml");
    let policy = config::load(&file).expect("the policy").configuration.policy;
    let mut columns: Vec<(&str, Identity, Visitor)> =
        vec![("anonymous", Identity::Anonymous, Visitor::of(&gateway).nameless())];
    for person in PEOPLE {
        let user = person.join(&gateway);
        let mut visitor = Visitor::of(&gateway).on_host("wiki.localhost").nameless();
        visitor.sign_in(person.name, &password(person.name));
        if !person.active {
            gateway.users().set_active(&user.name, false).unwrap();
            until("the disabled user is out", || visitor.fetch(&Method::GET, "/").status == 401);
        }
        let identity = if person.active { Identity::User(user) } else { Identity::Anonymous };
        columns.push((person.name, identity, visitor));
    }

    let mut table = format!("{:8}{:20}{:26}", "", "", "");
    for (name, ..) in &columns {
        write!(table, "{name:>11}").unwrap();
    }
    table.push_str("   decided by\n");
    let mut asked = BTreeSet::new();
    for (host, method, path) in QUESTIONS {
        write!(table, "{method:8}{host:20}{path:26}").unwrap();
        let method: Method = method.parse().unwrap();
        let mut deciding = String::new();
        for (name, identity, visitor) in &mut columns {
            let (expected, rule) = by_the_rules(&policy, identity, host, &method, path);
            let request = Request::builder().method(method.clone()).uri(*path).header(HOST, *host);
            let status = visitor.send(request.body(String::new()).unwrap()).status.as_u16();
            assert_eq!(status, expected, "{name} {method} {host} {path}: the door, and the rules");
            write!(table, "{status:>11}").unwrap();
            asked.extend(rule.map(|rule| rule.place.line));
            deciding = rule.map_or_else(|| "no rule".to_owned(), described);
        }
        writeln!(table, "   {deciding}").unwrap();
    }
    insta::assert_snapshot!(table);

    let rules: BTreeSet<usize> =
        policy.apps().iter().flat_map(App::rules).map(|rule| rule.place.line).collect();
    assert_eq!(rules.difference(&asked).collect::<Vec<_>>(), Vec::<&usize>::new(), "rules that nobody asked");
}

/// The decision of the policy, as a status, and the rule that decides the path as it stands.
fn by_the_rules<'p>(
    policy: &'p Policy,
    identity: &Identity,
    host: &str,
    method: &Method,
    path: &str,
) -> (u16, Option<&'p Rule>) {
    let here = ClientAddr::Known(Ipv4Addr::LOCALHOST.into());
    let Ok(target) = Target::described(method, &format!("https://{host}{path}"), here) else {
        return (400, None);
    };
    let Ok(app) = policy.route(&target) else { return (421, None) };
    let ruling = rule_on(policy, app, identity, &Proofs::default(), Timestamp::from_millis(0), &target);
    let status = match ruling.outcome {
        Outcome::Allow => 200,
        Outcome::StepUp(_) | Outcome::Challenge => 401,
        Outcome::Deny => 403,
    };
    (status, ruling.rule)
}

fn described(rule: &Rule) -> String {
    let methods = rule.methods.iter().flatten().map(Method::as_str).collect::<Vec<_>>().join("|");
    format!("{methods} {}", rule.pattern).trim_start().to_owned()
}

impl Person {
    fn join(&self, gateway: &TestGateway) -> Arc<User> {
        let mut user = NewUser::named(UserName::parse(self.name).unwrap());
        user.groups = self.groups.iter().map(|name| GroupName::parse(name).unwrap()).collect();
        user.permissions = self.permissions.iter().map(|name| Permission::parse(name).unwrap()).collect();
        user.superuser = self.superuser;
        user.password = Some(quick_hash(&password(self.name)));
        gateway.users().add(user).unwrap().user
    }
}
