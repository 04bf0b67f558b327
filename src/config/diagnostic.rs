//! One mistake in a configuration: its location, the problem and a hint.

use std::{collections::BTreeSet, fmt, io::IsTerminal, sync::Arc};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::source::{Source, Span};
use crate::{access::SourceLocation, escape::escaped};

/// A mistake, or a warning, at one location of the file.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Whether the gateway refuses to start.
    pub severity: Severity,
    /// The location.
    pub place: SourceLocation,
    /// The problem.
    pub message: String,
    /// A hint at the right text.
    pub help: Option<String>,
    label: String,
    span: Span,
    also: Option<(Span, String)>,
    source: Arc<Source>,
}

/// Whether the file can be used all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The gateway refuses to start.
    Error,
    /// The gateway starts.
    Warning,
}

/// The rendering of diagnostics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Plain text.
    Plain,
    /// With the colours of a terminal.
    Coloured,
}

impl Look {
    /// Colours where standard error is a terminal and `NO_COLOR` is not set (<https://no-color.org>).
    pub fn for_stderr() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if std::io::stderr().is_terminal() && !unwanted { Self::Coloured } else { Self::Plain }
    }

    fn renderer(self) -> Renderer {
        match self {
            Self::Plain => Renderer::plain(),
            Self::Coloured => Renderer::styled(),
        }
        .term_width(WIDTH)
    }
}

impl Diagnostic {
    pub(super) fn new(
        source: &Arc<Source>,
        severity: Severity,
        span: Span,
        message: impl Into<String>,
    ) -> Self {
        let span = source.clamp(span);
        Self {
            severity,
            place: source.place(span.start),
            message: message.into(),
            help: None,
            label: String::new(),
            span,
            also: None,
            source: source.clone(),
        }
    }

    /// Sets the text beside the underline.
    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Sets the hint.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Underlines a second location, such as the first of two duplicates.
    pub(super) fn also(mut self, span: Span, label: impl Into<String>) -> Self {
        self.also = Some((self.source.clamp(span), label.into()));
        self
    }

    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    /// The problem, its location, the underlined line, and the hint; no newline at the end.
    pub fn render(&self, look: Look) -> String {
        // Excerpts are escaped by their makers; escaping again catches a forgotten one.
        let mut snippet = Snippet::source(self.source.shown())
            .path(self.source.file())
            .annotation(AnnotationKind::Primary.span(self.span.clone()).label(escaped(&self.label)));
        if let Some((span, label)) = &self.also {
            snippet = snippet.annotation(AnnotationKind::Context.span(span.clone()).label(escaped(label)));
        }
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = level.primary_title(escaped(&self.message)).element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(escaped(help)));
        }
        look.renderer().render(&[group])
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Look::Plain))
    }
}

/// All diagnostics, separated by empty lines, and a line with their number.
pub(super) fn render_all(diagnostics: &[Diagnostic], look: Look) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        text.push_str(&diagnostic.render(look));
        text.push_str("\n\n");
    }
    if let Some(counted) = count(diagnostics) {
        let files: BTreeSet<&str> = diagnostics.iter().map(|diagnostic| diagnostic.source.file()).collect();
        let files = match files.first() {
            Some(only) if files.len() == 1 => (*only).to_owned(),
            _ => format!("{} files", files.len()),
        };
        text.extend([&files, ": ", &counted]);
    }
    text
}

/// A problem without a location.
pub(super) fn render_bare(problem: &str, help: &str, look: Look) -> String {
    let title = Level::ERROR.primary_title(escaped(problem));
    let group = Group::with_title(title).element(Level::HELP.message(escaped(help)));
    look.renderer().render(&[group])
}

/// `2 errors, 1 warning`; `None` without diagnostics.
pub fn count(diagnostics: &[Diagnostic]) -> Option<String> {
    let of = |severity, one: &str| {
        let number = diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
        match number {
            0 => None,
            1 => Some(format!("1 {one}")),
            _ => Some(format!("{number} {one}s")),
        }
    };
    let counts: Vec<String> =
        [of(Severity::Error, "error"), of(Severity::Warning, "warning")].into_iter().flatten().collect();
    (!counts.is_empty()).then(|| counts.join(", "))
}

/// Wider than most terminals: logs have no width, and the renderer cuts longer lines.
const WIDTH: usize = 160;
