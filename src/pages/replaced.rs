//! Templates of an operator in the place of single ones of the program.
//!
//! Each is compiled and rendered with samples of its page before it is used. A page that lacks a field of its form could
//! not be used, so that is a mistake, too.

use std::{collections::BTreeSet, ops::Range};

use minijinja::{Environment, value::Serde};

use super::{
    Page,
    letter_kind::{LetterKind, LetterPart},
    samples::samples,
    template_files::{LETTERS, ReplacedTemplate, TEMPLATES},
};

/// A mistake in a template of an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateProblem {
    /// The name of the template: `login.html`.
    pub template: String,
    /// Where it is, in bytes of the text.
    pub span: Range<usize>,
    /// The problem.
    pub message: String,
    /// A hint at the right text.
    pub help: String,
}

/// The names of the templates of pages.
pub fn template_names() -> impl Iterator<Item = &'static str> {
    TEMPLATES.iter().map(|(name, _)| *name)
}

/// The names of the templates of mails.
pub fn letter_template_names() -> impl Iterator<Item = String> {
    let parts = LetterKind::ALL.into_iter().flat_map(|kind| LetterPart::ALL.map(|part| kind.template(part)));
    LETTERS.iter().map(|(name, _)| (*name).to_owned()).chain(parts)
}

/// The mistakes of those of these templates that are for pages. They stand in `replaced`; `own` has the templates of the
/// program.
pub(super) fn problems(
    templates: &[ReplacedTemplate],
    replaced: &Environment<'_>,
    own: &Environment<'_>,
) -> Vec<TemplateProblem> {
    let of_pages = |template: &&ReplacedTemplate| template_names().any(|name| name == template.name);
    let templates: Vec<ReplacedTemplate> = templates.iter().filter(of_pages).cloned().collect();
    let templates = templates.as_slice();
    let mut problems = Vec::new();
    let samples = samples();
    // The frame of all pages, and parts that several pages include.
    let is_part = |template: &ReplacedTemplate| samples.iter().all(|page| page.template() != template.name);
    let touches_all = templates.iter().any(is_part);
    for page in &samples {
        let name = page.template();
        if !touches_all && templates.iter().all(|template| template.name != name) {
            continue;
        }
        let problem = match render(replaced, page) {
            Err(error) => of_error(&error, templates, name),
            Ok(html) => {
                let expected = render(own, page).map(|html| fields(&html, name)).unwrap_or_default();
                let present = fields(&html, name);
                let Some(missing) = expected.difference(&present).next() else { continue };
                TemplateProblem {
                    template: blamed(templates, name).to_owned(),
                    span: 0..0,
                    message: format!("this page lacks the field `{missing}`, and does not work without it"),
                    help: if missing.starts_with("field.") {
                        "keep the fields of the operator: `{% include \"own_fields.html\" %}`".to_owned()
                    } else {
                        format!("keep the field: `<input name=\"{missing}\" …>`")
                    },
                }
            }
        };
        // One problem of a template is enough: the samples of a page have most of their text in common.
        if problems.iter().all(|other: &TemplateProblem| other.template != problem.template) {
            problems.push(problem);
        }
    }
    problems
}

fn render(templates: &Environment<'_>, page: &Page<'_>) -> Result<String, minijinja::Error> {
    templates.get_template(page.template())?.render(Serde(page))
}

/// The problem that an error of the engine is.
pub(super) fn of_error(
    error: &minijinja::Error,
    templates: &[ReplacedTemplate],
    rendered: &str,
) -> TemplateProblem {
    // An error in a template that another one includes has the first one as its source.
    let mut error = error;
    while let Some(inner) = std::error::Error::source(error).and_then(|it| it.downcast_ref()) {
        error = inner;
    }
    let name = error.name().unwrap_or(rendered);
    let template = templates.iter().find(|template| template.name == name);
    let span = match (template, error.range(), error.line()) {
        (Some(_), Some(range), _) => range,
        (Some(template), None, Some(line)) => start_of(&template.text, line),
        _ => 0..0,
    };
    let template = template.map_or_else(|| blamed(templates, rendered), |template| template.name.as_str());
    let mut message = error.kind().to_string();
    if let Some(detail) = error.detail() {
        message = format!("{message}: {detail}");
    }
    TemplateProblem {
        template: template.to_owned(),
        span,
        message: format!("this template cannot be used: {message}"),
        help: HELP.to_owned(),
    }
}

pub(super) const HELP: &str =
    "docs/languages.md says which values there are; the program's own template shows their use";

/// The replaced template that is behind a page.
fn blamed<'t>(templates: &'t [ReplacedTemplate], rendered: &str) -> &'t str {
    let found = templates.iter().find(|template| template.name == rendered).or_else(|| templates.first());
    found.map_or("", |template| template.name.as_str())
}

/// The first byte of a line.
fn start_of(text: &str, line: usize) -> Range<usize> {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    start..start
}

/// The names of the fields and buttons of a page. Those of the form of passkeys are left out where it is one more way
/// beside another: a template may do without.
fn fields(html: &str, template: &str) -> BTreeSet<String> {
    let html = match html.split_once("data-passkey=") {
        Some((before, after)) if template != "add_passkey.html" => {
            format!("{before}{}", after.split_once("</form>").map_or("", |(_, after)| after))
        }
        _ => html.to_owned(),
    };
    let tags = html
        .split('<')
        .filter(|tag| ["input", "button", "select", "textarea"].iter().any(|it| tag.starts_with(it)));
    let names = tags.filter_map(|tag| tag.split('>').next()?.split(" name=\"").nth(1)?.split('"').next());
    names.map(str::to_owned).collect()
}
