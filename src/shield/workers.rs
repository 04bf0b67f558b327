//! Service workers of an application, which could answer in place of the gateway's own pages.
//!
//! A worker answers the navigations below its scope without asking the server. The gateway's pages lie on the
//! application's origin: Mallory puts one script on an application, once, and the worker that it registers shows a
//! sign-in page of Mallory's at the true address from then on, also when the hole is closed. So a request for the
//! script of a worker is refused, unless the operator lets the app have workers; and a worker of an app that is mounted
//! below `/` gets no scope outside of its mount.
//!
//! One risk remains where workers are allowed: a script in the topmost folder may have the scope `/`, which covers
//! `/.gateway/`. No header field can take that from it (a scope is a prefix of addresses), so an app at `/` with
//! workers is trusted with the sign-in page.

use http::{HeaderMap, HeaderName, HeaderValue, header::VARY};

use crate::request::SingleHeader;

/// The service workers that an app may have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Workers {
    /// The request for a worker's script is refused.
    #[default]
    Refused,
    /// Within the path at which the app is mounted.
    Within(Box<str>),
}

/// The script of a worker that was asked for, by the path as it came.
#[derive(Clone, Copy, Debug)]
pub struct WorkerScript<'r>(pub &'r str);

impl Workers {
    /// Workers within this mount.
    pub fn within(mount: &str) -> Self {
        Self::Within(format!("{}/", mount.trim_end_matches('/')).into())
    }

    /// True if a request asks for the script of a worker (Service Workers §4.3: `Service-Worker: script`).
    pub fn are_asked_for(headers: &HeaderMap) -> bool {
        headers.contains_key(&SERVICE_WORKER)
    }

    /// Keeps a cache from handing a script out as a worker that was fetched as a mere script: with
    /// `updateViaCache: "all"` a browser may ask its cache alone (Service Workers, *Update* algorithm).
    pub(super) fn keep_out_of_cache(&self, headers: &mut HeaderMap) {
        if *self == Self::Refused {
            headers.append(VARY, HeaderValue::from_static("Service-Worker"));
        }
    }

    /// Limits the scope that an answer allows (Service Workers §5.1, `Service-Worker-Allowed`).
    pub(super) fn limit_scope(&self, headers: &mut HeaderMap, script: Option<WorkerScript<'_>>) {
        let allows = match (self, SingleHeader::of(headers, &SERVICE_WORKER_ALLOWED)) {
            (Self::Within(mount), SingleHeader::Once(scope)) => {
                scope.to_str().is_ok_and(|scope| is_within(scope, mount))
            }
            _ => false,
        };
        if allows {
            return;
        }
        headers.remove(&SERVICE_WORKER_ALLOWED);
        let (Self::Within(mount), Some(WorkerScript(path))) = (self, script) else { return };
        // A browser allows the folder of the script if it is told nothing: that of `/wiki` is `/`.
        let folder = path.rfind('/').and_then(|end| path.get(..=end)).unwrap_or_default();
        if !folder.starts_with(&**mount)
            && let Ok(mount) = HeaderValue::from_str(mount)
        {
            headers.insert(&SERVICE_WORKER_ALLOWED, mount);
        }
    }
}

/// True if every address that begins with `scope` lies within the mount and outside of the gateway's pages, as a
/// browser resolves the scope. What it could resolve to something else is not.
fn is_within(scope: &str, mount: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'%' | b'?' | b'#');
    let has_dots = scope.split('/').any(|segment| matches!(segment, "." | ".."));
    scope.bytes().all(is_plain)
        && !has_dots
        && !scope.starts_with("//")
        && scope.starts_with(mount)
        && !GATEWAY.starts_with(scope)
        && !scope.starts_with(GATEWAY)
}

const GATEWAY: &str = "/.gateway/";

static SERVICE_WORKER: HeaderName = HeaderName::from_static("service-worker");
static SERVICE_WORKER_ALLOWED: HeaderName = HeaderName::from_static("service-worker-allowed");

#[cfg(test)]
mod tests {
    use super::*;

    /// The value that `Service-Worker-Allowed` gets.
    fn allowed(workers: &Workers, script: Option<&str>, values: &[&str]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&SERVICE_WORKER_ALLOWED, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        workers.limit_scope(&mut headers, script.map(WorkerScript));
        let left = headers.get_all(&SERVICE_WORKER_ALLOWED).iter();
        left.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
    }

    #[test]
    fn scope_of_a_worker_covers_no_page_of_the_gateway() {
        let root = Workers::within("/");
        for scope in ["/app/", "/a", "/.gatewayx", "/.well-known/", "/static/js"] {
            assert_eq!(allowed(&root, Some("/static/sw.js"), &[scope]), [scope]);
        }
        for scope in [
            "/",
            "/.",
            "/.g",
            "/.gateway",
            "/.gateway/",
            "/.gateway/login",
            "",
            ".",
            "./",
            "../",
            "//",
            "//localhost/",
            "https://localhost/",
            "/app/..",
            "/app/../",
            "/app/./../../",
            "/app/%2e%2e/",
            "/\\",
            "/app\\..\\",
            "/app/?",
            "/app/#",
            "/a\tpp/",
            "/ä/",
            "/app/, /",
        ] {
            assert_eq!(allowed(&root, Some("/static/sw.js"), &[scope]), [""; 0], "{scope:?}");
        }
        assert_eq!(allowed(&root, Some("/static/sw.js"), &["/app/", "/"]), [""; 0]);
        assert_eq!(allowed(&Workers::Refused, Some("/sw.js"), &["/app/"]), [""; 0]);
    }

    #[test]
    fn worker_of_an_app_below_the_root_stays_within_its_mount() {
        for mount in ["/wiki", "/wiki/"] {
            let wiki = Workers::within(mount);
            for (script, values, left) in [
                ("/wiki/sw.js", &[][..], &[][..]),
                ("/wiki/js/sw.js", &["/wiki/"], &["/wiki/"]),
                ("/wiki/js/sw.js", &["/wiki/a/"], &["/wiki/a/"]),
                ("/wiki/js/sw.js", &["/"], &[]),
                ("/wiki/js/sw.js", &["/wiki"], &[]),
                ("/wiki/js/sw.js", &["/wikis/"], &[]),
                ("/wiki/js/sw.js", &["/wiki/../"], &[]),
                // Told nothing, a browser would allow `/` here.
                ("/wiki", &[], &["/wiki/"]),
                ("/wiki", &["/"], &["/wiki/"]),
                ("//wiki/sw.js", &[], &["/wiki/"]),
                ("/WIKI/sw.js", &[], &["/wiki/"]),
            ] {
                assert_eq!(allowed(&wiki, Some(script), values), left, "{script} {values:?}");
            }
            assert_eq!(allowed(&wiki, None, &[]), [""; 0], "no answer but a worker's script needs the field");
        }
    }
}
