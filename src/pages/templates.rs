//! The templates of the pages, compiled once, and their stylesheet.
//!
//! Values are escaped by the engine; an unknown variable is an error and not an empty text.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use aws_lc_rs::digest;
use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_LANGUAGE, VARY},
};
use http_body_util::Full;
use minijinja::{Environment, UndefinedBehavior, value::Serde};

use super::{Page, own_response, paths, template_functions};
use crate::language::{Language, Languages};

/// The compiled templates; cheap to clone.
#[derive(Clone)]
pub struct Pages(pub(super) Arc<Compiled>);

pub(super) struct Compiled {
    templates: Environment<'static>,
    languages: Languages,
    /// The same templates with the functions of each language, made when they are first needed.
    in_language: Vec<OnceLock<Environment<'static>>>,
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
        template_functions::add_common(&mut templates);
        let languages = Languages::default();
        let in_language = languages.iter().map(|_| OnceLock::new()).collect();
        Self(Arc::new(Compiled { templates, languages, in_language, stylesheet_path }))
    }

    /// The language of a request with these header fields.
    pub fn language_for(&self, headers: &HeaderMap) -> &Language {
        self.0.languages.for_request(headers)
    }

    /// English, for problem documents.
    pub fn english(&self) -> &Language {
        self.0.languages.english()
    }

    /// The languages that the pages have.
    pub fn languages(&self) -> &Languages {
        &self.0.languages
    }

    /// A page as a response, in this language; the caller adds cookies.
    pub fn render(&self, status: StatusCode, page: &Page<'_>, language: &Language) -> Response<Full<Bytes>> {
        match self.html(page, language) {
            Ok(html) => {
                let mut response = own_response(status, Some(HTML), html);
                let headers = response.headers_mut();
                headers.append(VARY, HeaderValue::from_static("Accept-Language"));
                if let Ok(tag) = HeaderValue::from_str(language.tag()) {
                    headers.insert(CONTENT_LANGUAGE, tag);
                }
                response
            }
            Err(error) => {
                tracing::error!(template = page.template(), %error, "page not rendered");
                own_response(StatusCode::INTERNAL_SERVER_ERROR, Some(TEXT), "internal error\n")
            }
        }
    }

    pub(super) fn html(&self, page: &Page<'_>, language: &Language) -> Result<String, minijinja::Error> {
        self.in_language(language).get_template(page.template())?.render(Serde(page))
    }

    fn in_language(&self, language: &Language) -> &Environment<'static> {
        let place = self.0.languages.iter().position(|own| own == language).unwrap_or(0);
        let Some(templates) = self.0.in_language.get(place) else { return &self.0.templates };
        templates.get_or_init(|| {
            let mut templates = self.0.templates.clone();
            template_functions::add(&mut templates, language);
            templates
        })
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

const TEMPLATES: [(&str, &str); 13] = [
    ("layout.html", include_str!("templates/layout.html")),
    ("login.html", include_str!("templates/login.html")),
    ("second_step.html", include_str!("templates/second_step.html")),
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
