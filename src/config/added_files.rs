//! Files beside the configuration that change the pages: catalogues in `locales/LANGUAGE/*.ftl`, and templates in
//! `templates/*.html` and `templates/mail/*`.
//!
//! Each mistake in one of them is a diagnostic with its place in that file.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    diagnostic::{Diagnostic, Severity},
    error::system_error,
    reader::Reader,
    source::{Source, Span},
    suggest,
};
use crate::{
    language::{AddedFile, Languages},
    pages::{self, ReplacedTemplate, TemplateProblem},
};

/// The catalogues of an operator.
pub(super) fn catalogues(reader: &Reader, folder: &Path) -> Vec<AddedFile> {
    let mut added = Vec::new();
    let root = folder.join(LOCALES);
    for language in entries(reader, &root).into_iter().filter(|path| path.is_dir()) {
        let name = file_name(&language);
        let Ok(id) = name.parse() else {
            let message = format!("the folder {} has no name of a language", language.display());
            report_bare(reader, &language, message, "name it as browsers do: `de`, `pt-BR`");
            continue;
        };
        for path in entries(reader, &language).into_iter().filter(|path| has_extension(path, "ftl")) {
            let Some(text) = text(reader, &path) else { continue };
            // The catalogues of the program, copied as a start.
            if Languages::includes(&id, &text) {
                continue;
            }
            let source = Arc::new(Source::new(&text, &path));
            match AddedFile::check(id.clone(), source.text().to_owned()) {
                Ok(file) => added.push(file),
                Err(problems) => {
                    for problem in problems {
                        report(reader, &source, problem.span, problem.message, problem.help);
                    }
                }
            }
        }
    }
    for missing in AddedFile::missing(&added) {
        let path = root.join(&missing.language);
        let source = Arc::new(Source::new("", &path));
        let message =
            format!("{} texts of `{}` are missing, and appear in English", missing.number, missing.language);
        let help = format!("the first one is `{}`", missing.first);
        reader.report(Diagnostic::new(&source, Severity::Warning, 0..0, message).help(help));
    }
    added
}

/// The templates of an operator.
pub(super) fn templates(reader: &Reader, folder: &Path) -> Vec<ReplacedTemplate> {
    let root = folder.join(TEMPLATES);
    let pages =
        entries(reader, &root).into_iter().filter(|path| has_extension(path, "html") && !path.is_dir());
    let mut templates = Vec::new();
    let of_pages: Vec<String> = pages::template_names().map(str::to_owned).collect();
    for path in pages {
        templates.extend(template(reader, &path, file_name(&path), &of_pages));
    }
    let of_mails: Vec<String> = pages::letter_template_names().collect();
    let of_mail = |path: &PathBuf| has_extension(path, "txt") || has_extension(path, "html");
    for path in entries(reader, &root.join(MAILS)).into_iter().filter(of_mail) {
        let name = format!("{MAILS}/{}", file_name(&path));
        templates.extend(template(reader, &path, name, &of_mails));
    }
    templates
}

/// One template, which replaces one of these.
fn template(reader: &Reader, path: &Path, name: String, known: &[String]) -> Option<ReplacedTemplate> {
    if !known.contains(&name) {
        let message = format!("{} replaces no template", path.display());
        let names: Vec<&str> = known.iter().map(String::as_str).collect();
        let help = match suggest::similar(&name, names.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("there are {}", suggest::listed_or(&names)),
        };
        report_bare(reader, path, message, &help);
        return None;
    }
    text(reader, path).map(|text| ReplacedTemplate { name, text })
}

/// Reports mistakes in templates.
pub(super) fn report_templates(
    reader: &Reader,
    folder: &Path,
    templates: &[ReplacedTemplate],
    problems: Vec<TemplateProblem>,
) {
    for problem in problems {
        let text = templates.iter().find(|template| template.name == problem.template);
        let path = folder.join(TEMPLATES).join(&problem.template);
        let source = Arc::new(Source::new(text.map_or("", |template| &template.text), &path));
        report(reader, &source, problem.span, problem.message, problem.help);
    }
}

fn report(reader: &Reader, source: &Arc<Source>, span: Span, message: String, help: String) {
    reader.report(Diagnostic::new(source, Severity::Error, span, message).help(help));
}

fn report_bare(reader: &Reader, path: &Path, message: String, help: &str) {
    report(reader, &Arc::new(Source::new("", path)), 0..0, message, help.to_owned());
}

/// The files of a folder, by name; nothing if there is no such folder.
fn entries(reader: &Reader, folder: &Path) -> Vec<PathBuf> {
    let read =
        fs::read_dir(folder).and_then(|entries| entries.map(|entry| entry.map(|it| it.path())).collect());
    let mut entries: Vec<PathBuf> = match read {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            let message = format!("cannot read {}: {}", folder.display(), system_error(&error));
            report_bare(reader, folder, message, "let the gateway's user read it, or move it away");
            Vec::new()
        }
    };
    entries.retain(|path| !file_name(path).starts_with('.'));
    entries.sort();
    entries
}

fn text(reader: &Reader, path: &Path) -> Option<String> {
    let unreadable = |problem: String, help: &str| {
        report_bare(reader, path, format!("cannot read {}: {problem}", path.display()), help);
        None
    };
    match fs::read(path).map(String::from_utf8) {
        Ok(Ok(text)) if text.len() <= MAX_BYTES => {
            Some(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
        }
        Ok(Ok(_)) => {
            unreadable("it is larger than 1 MiB".to_owned(), "split it, or leave out what is not shown")
        }
        Ok(Err(_)) => unreadable("it is not UTF-8 text".to_owned(), "save the file in the encoding UTF-8"),
        Err(error) => unreadable(system_error(&error), "let the gateway's user read it"),
    }
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|own| own == extension)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

const LOCALES: &str = "locales";
const TEMPLATES: &str = "templates";
/// The folder of the templates of mails, in that of the templates.
const MAILS: &str = "mail";
const MAX_BYTES: usize = 1 << 20;
