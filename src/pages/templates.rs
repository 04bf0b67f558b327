//! The templates of the pages, compiled once, and their stylesheet.
//!
//! Values are escaped by the engine; an unknown variable is an error and not an empty text.

use std::{fmt, sync::Arc};

use aws_lc_rs::digest;
use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::{HeaderValue, Method, Response, StatusCode, header::CACHE_CONTROL};
use http_body_util::Full;
use minijinja::{Environment, UndefinedBehavior, value::Serde};

use super::{Page, own_response, paths};

/// The compiled templates; cheap to clone.
#[derive(Clone)]
pub struct Pages(pub(super) Arc<Compiled>);

pub(super) struct Compiled {
    templates: Environment<'static>,
    pub(super) stylesheet_path: String,
}

impl Pages {
    /// Compiles the templates that are part of the program.
    ///
    /// # Panics
    /// If one of them has a syntax error; the tests render each of them.
    pub fn new() -> Self {
        let stylesheet_path = format!("{}style-{}.css", paths::ROOT, fingerprint(STYLESHEET));
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.add_global("stylesheet", stylesheet_path.clone());
        templates.add_global("paths", paths::for_templates());
        for (name, source) in TEMPLATES {
            templates.add_template(name, source).expect("the templates of the program are well-formed");
        }
        Self(Arc::new(Compiled { templates, stylesheet_path }))
    }

    /// A page as a response; the caller adds cookies.
    pub fn render(&self, status: StatusCode, page: &Page<'_>) -> Response<Full<Bytes>> {
        let rendered =
            self.0.templates.get_template(page.template()).and_then(|template| template.render(Serde(page)));
        match rendered {
            Ok(html) => own_response(status, Some(HTML), html),
            Err(error) => {
                tracing::error!(template = page.template(), %error, "page not rendered");
                own_response(StatusCode::INTERNAL_SERVER_ERROR, Some(TEXT), "internal error\n")
            }
        }
    }

    /// The stylesheet, if this request is for it. It is the same on every host and for every user; its name changes with
    /// its content, so caches may keep it for a year.
    pub fn stylesheet_at(&self, method: &Method, path: &str) -> Option<Response<Full<Bytes>>> {
        if path != self.0.stylesheet_path || ![Method::GET, Method::HEAD].contains(method) {
            return None;
        }
        let mut response = own_response(StatusCode::OK, Some(CSS), STYLESHEET);
        response
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
        Some(response)
    }
}

impl Default for Pages {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("stylesheet", &self.0.stylesheet_path).finish_non_exhaustive()
    }
}

fn fingerprint(text: &str) -> String {
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    let mut name = HEXLOWER.encode(hash.as_ref());
    name.truncate(16);
    name
}

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";

pub(super) const STYLESHEET: &str = include_str!("templates/style.css");

const TEMPLATES: [(&str, &str); 12] = [
    ("layout.html", include_str!("templates/layout.html")),
    ("login.html", include_str!("templates/login.html")),
    ("logout.html", include_str!("templates/logout.html")),
    ("confirm.html", include_str!("templates/confirm.html")),
    ("account.html", include_str!("templates/account.html")),
    ("password.html", include_str!("templates/password.html")),
    ("setup.html", include_str!("templates/setup.html")),
    ("onward.html", include_str!("templates/onward.html")),
    ("not_signed_in.html", include_str!("templates/not_signed_in.html")),
    ("apps.html", include_str!("templates/apps.html")),
    ("notice.html", include_str!("templates/notice.html")),
    ("refused.html", include_str!("templates/refused.html")),
];
