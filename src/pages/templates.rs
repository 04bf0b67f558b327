//! The templates of the pages, compiled once, their stylesheet and the logo.
//!
//! Values are escaped by the engine; an unknown variable is an error and not an empty text.

use std::{
    collections::BTreeSet,
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
use minijinja::{Environment, UndefinedBehavior, Value, context, value::Serde};

use super::{
    Brand, Colour, Logo, Page, ReplacedTemplate, TemplateProblem, letter_frames, own_response,
    own_response::allow_script,
    paths, replaced as checks, replaced_letters, samples,
    template_files::{PASSKEY_SCRIPT, STYLESHEET, TEMPLATES},
    template_functions,
};
use crate::language::{Language, Languages};

/// The compiled templates; cheap to clone.
#[derive(Clone)]
pub struct Pages(pub(super) Arc<Compiled>);

pub(super) struct Compiled {
    pub(super) templates: Environment<'static>,
    brand: Brand,
    languages: Languages,
    /// The same templates with the functions of each language, made when they are first needed.
    in_language: Vec<OnceLock<Environment<'static>>>,
    pub(super) stylesheet_path: String,
    stylesheet: Bytes,
    /// The path of the script of passkeys.
    script_path: String,
    /// The logo and its path.
    logo: Option<(String, Logo)>,
    /// The names of the templates of mails that the operator has replaced.
    pub(super) replaced_letters: BTreeSet<String>,
}

impl Pages {
    /// The pages as they are part of the program.
    ///
    /// # Panics
    /// If one of the program's templates has a syntax error; the tests render each of them.
    pub fn new() -> Self {
        Self::compile(Brand::default(), Languages::default(), &[]).0
    }

    /// The pages with the name, the languages and the templates of an operator. Mistakes in the templates come back, each
    /// with its place.
    ///
    /// # Panics
    /// As [`Self::new`].
    pub fn of_operator(
        brand: Brand,
        languages: Languages,
        replaced: &[ReplacedTemplate],
    ) -> Result<Self, Vec<TemplateProblem>> {
        let (pages, mut problems) = Self::compile(brand, languages, replaced);
        if problems.is_empty() && !replaced.is_empty() {
            let own = Self::new();
            let languages = [&pages, &own].map(|pages| pages.in_language(pages.english()));
            let [replaced_templates, own_templates] = languages;
            problems = checks::problems(replaced, replaced_templates, own_templates);
            problems.extend(replaced_letters::problems(replaced, replaced_templates));
        }
        if problems.is_empty() { Ok(pages) } else { Err(problems) }
    }

    fn compile(
        brand: Brand,
        languages: Languages,
        replaced: &[ReplacedTemplate],
    ) -> (Self, Vec<TemplateProblem>) {
        let colours = brand.colour.map(Colour::stylesheet).unwrap_or_default();
        let stylesheet = Bytes::from(format!("{STYLESHEET}{colours}"));
        let stylesheet_path = format!("{}style-{}.css", paths::ROOT, fingerprint(&stylesheet));
        let logo = brand.logo.clone().map(|logo| {
            (format!("{}logo-{}.{}", paths::ROOT, fingerprint(logo.content()), logo.extension()), logo)
        });
        let script_path = format!("{}passkey-{}.js", paths::ROOT, fingerprint(PASSKEY_SCRIPT.as_bytes()));
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.add_global("stylesheet", stylesheet_path.clone());
        templates.add_global("passkey_script", script_path.clone());
        templates.add_global("paths", paths::for_templates());
        templates.add_global(
            "brand",
            context! {
                title => brand.title.as_deref().unwrap_or_default(),
                logo => logo.as_ref().map(|(path, _)| Value::from_safe_string(path.clone())),
                // In a data URL, where `#` has to be escaped.
                icon => brand.colour.map_or_else(|| "0b6b5d".to_owned(), |it| it.to_string().replace('#', "")),
                links => brand.links.iter().map(|it| context! { title => &*it.title, href => &*it.href }).collect::<Value>(),
            },
        );
        template_functions::add_common(&mut templates);
        for (name, source) in TEMPLATES {
            templates.add_template(name, source).expect("the templates of the program are well-formed");
        }
        letter_frames::add_frames(&mut templates);
        let mut problems = Vec::new();
        for template in replaced {
            if let Err(error) = templates.add_template_owned(template.name.clone(), template.text.clone()) {
                problems.push(checks::of_error(&error, replaced, &template.name));
            }
        }
        let in_language = languages.iter().map(|_| OnceLock::new()).collect();
        let compiled = Compiled {
            templates,
            brand,
            languages,
            in_language,
            stylesheet_path,
            stylesheet,
            script_path,
            logo,
            replaced_letters: replaced.iter().map(|template| template.name.clone()).collect(),
        };
        (Self(Arc::new(compiled)), problems)
    }

    /// The title that the operator gave; `None`: it is the program's name.
    pub fn own_title(&self) -> Option<&str> {
        self.0.brand.title.as_deref()
    }

    /// The name of the installation: the operator's, or the product's. Mails and authenticator apps show it.
    pub fn title(&self) -> &str {
        self.0.brand.title.as_deref().unwrap_or(PRODUCT)
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

    /// A sample of each page in this language, with the name of its template; for looking at them.
    pub fn previews(&self, language: &Language) -> Vec<(&'static str, Response<Full<Bytes>>)> {
        let render = |page: Page<'_>| (page.template(), self.render(StatusCode::OK, &page, language));
        samples::samples().into_iter().map(render).collect()
    }

    /// The path of the stylesheet.
    pub fn stylesheet_path(&self) -> &str {
        &self.0.stylesheet_path
    }

    pub(super) fn html(&self, page: &Page<'_>, language: &Language) -> Result<String, minijinja::Error> {
        self.in_language(language).get_template(page.template())?.render(Serde(page))
    }

    pub(super) fn in_language(&self, language: &Language) -> &Environment<'static> {
        let place = self.0.languages.iter().position(|own| own == language).unwrap_or(0);
        let Some(templates) = self.0.in_language.get(place) else { return &self.0.templates };
        templates.get_or_init(|| {
            let mut templates = self.0.templates.clone();
            template_functions::add(&mut templates, language);
            templates
        })
    }

    /// The stylesheet, the script of passkeys or the logo, if this request is for one of them. They are the same on every
    /// host and for every user; the name changes with the content, so caches may keep them for a year.
    pub fn file_at(&self, method: &Method, path: &str) -> Option<Response<Full<Bytes>>> {
        if ![Method::GET, Method::HEAD].contains(method) {
            return None;
        }
        if let Some((own, logo)) = &self.0.logo
            && path == own
        {
            return Some(logo.response());
        }
        let (content_type, content) = if path == self.0.stylesheet_path {
            (CSS, self.0.stylesheet.clone())
        } else if path == self.0.script_path {
            (JAVASCRIPT, Bytes::from_static(PASSKEY_SCRIPT.as_bytes()))
        } else {
            return None;
        };
        let mut response = own_response(StatusCode::OK, Some(content_type), content);
        response
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
        Some(response)
    }

    /// Allows this page, which is on `host`, to run the script of passkeys, and no other.
    pub fn allow_passkey_script(&self, response: &mut Response<Full<Bytes>>, host: &str) {
        allow_script(response, &format!("https://{host}{}", self.0.script_path));
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

fn fingerprint(content: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, content);
    let mut name = HEXLOWER.encode(hash.as_ref());
    name.truncate(16);
    name
}

const PRODUCT: &str = "Portcullis";
const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
