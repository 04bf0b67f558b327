//! Whether the scope of a program's credential covers a request.
//!
//! [`decide`](super::decide) asks this before any rule. The strictest reading decides, as for rules: every path that an
//! upstream could take the request's path for lies in the scope, and so does every app that it could belong to. A request
//! that copies or moves a folder takes all of its contents along, so that the scope has to cover everything below.

use http::Method;

use super::{App, Policy};
use crate::{
    identity::Scope,
    request::{NormalPath, Target, fold},
};

/// True if the scope covers the request and all operations that it implies.
pub(super) fn covers(scope: &Scope, policy: &Policy, app: &App, target: &Target) -> bool {
    if scope.is_unlimited() {
        return true;
    }
    let is_of_apps = scope.covers_app(&app.name)
        && (scope.apps.is_empty()
            || policy.routes_read_otherwise(target).iter().all(|other| scope.covers_app(&other.name)));
    let whole_folder = target.destination.is_some();
    is_of_apps
        && covers_operation(scope, &target.method, &target.path, whole_folder)
        && target.implied().all(|(method, path)| covers_operation(scope, &method, path, whole_folder))
}

fn covers_operation(scope: &Scope, method: &Method, path: &NormalPath, whole_folder: bool) -> bool {
    scope.covers_method(method) && (scope.paths.is_empty() || covers_path(scope, path, whole_folder))
}

fn covers_path(scope: &Scope, path: &NormalPath, whole_folder: bool) -> bool {
    // The plain reading is compared letter by letter; others may come from an upstream that ignores case.
    let covers_plain = |text: &str| scope.paths.iter().any(|own| own.covers(text, whole_folder));
    let covers_reading =
        |text: &str| scope.paths.iter().any(|own| own.covers_folded(fold, text, whole_folder));
    covers_plain(&path.decoded()) && path.readings().all(|reading| covers_reading(&fold(reading)))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use http::{HeaderMap, header::HOST};

    use super::*;
    use crate::{
        access::{AppId, Mount, PolicyBuilder, SourceLocation},
        identity::ScopePath,
        request::TrustedProxies,
    };

    fn policy() -> Policy {
        let mut builder = PolicyBuilder::default();
        for (index, (name, mount)) in [("wiki", "/"), ("files", "/files")].into_iter().enumerate() {
            let place = SourceLocation { file: "test".into(), line: index + 1, column: 1 };
            let mount = Mount::parse(mount).unwrap();
            builder.add(App::compile(AppId(index), name, Vec::new(), mount, place, Vec::new()).0);
        }
        builder.build().0
    }

    fn is_covered(scope: &Scope, method: &str, path: &str, destination: Option<&str>) -> bool {
        let policy = policy();
        let mut headers = HeaderMap::from_iter([(HOST, "a".parse().unwrap())]);
        if let Some(destination) = destination {
            headers.insert("destination", destination.parse().unwrap());
        }
        let proxies = TrustedProxies::default();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let uri = path.parse().unwrap();
        let target = Target::read(&method, &uri, &headers, Ipv4Addr::LOCALHOST.into(), &proxies).unwrap();
        covers(scope, &policy, policy.route(&target).unwrap(), &target)
    }

    fn paths(texts: &[&str]) -> Scope {
        let paths = texts.iter().map(|text| ScopePath::parse(text).unwrap()).collect();
        Scope { paths, ..Scope::default() }
    }

    #[test]
    fn every_reading_of_a_path_lies_in_the_scope() {
        let scope = paths(&["/api/**"]);
        for covered in ["/api", "/api/x", "/api/x?y=/admin", "/api/a%20b"] {
            assert!(is_covered(&scope, "GET", covered, None), "{covered}");
        }
        for outside in ["/", "/apix", "/API/x", "/admin", "//api/x/", "/admin;/api/x", "/x/%2fapi"] {
            assert!(!is_covered(&scope, "GET", outside, None), "{outside}");
        }
        // An upstream that drops parameters of a path would serve `/api/x`.
        assert!(!is_covered(&paths(&["/api;v=1/**"]), "GET", "/api;v=1/x", None));
    }

    #[test]
    fn a_scope_of_apps_covers_their_paths_alone() {
        let scope = Scope { apps: vec!["files".into()], ..Scope::default() };
        assert!(is_covered(&scope, "GET", "/files/x", None));
        assert!(!is_covered(&scope, "GET", "/x", None));
        // An upstream that ignores case would serve the other app's files.
        let scope = Scope { apps: vec!["wiki".into()], ..Scope::default() };
        assert!(is_covered(&scope, "GET", "/x", None));
        assert!(!is_covered(&scope, "GET", "/FILES/x", None));
    }

    #[test]
    fn a_move_needs_both_ends_all_contents_and_all_methods() {
        let whole = paths(&["/files/**"]);
        assert!(is_covered(&whole, "MOVE", "/files/a", Some("https://a/files/b")));
        assert!(!is_covered(&paths(&["/files/a/**"]), "MOVE", "/files/a", Some("https://a/files/b")));
        assert!(!is_covered(&paths(&["/files/b/**"]), "MOVE", "/files/a", Some("https://a/files/b")));
        let exact = paths(&["/files/a", "/files/b"]);
        assert!(!is_covered(&exact, "MOVE", "/files/a", Some("https://a/files/b")));
        let only_move = Scope { methods: vec!["MOVE".into()], ..whole.clone() };
        assert!(!is_covered(&only_move, "MOVE", "/files/a", Some("https://a/files/b")));
        let methods = ["MOVE", "PUT", "DELETE"].map(Into::into).to_vec();
        assert!(is_covered(&Scope { methods, ..whole }, "MOVE", "/files/a", Some("https://a/files/b")));
    }
}
