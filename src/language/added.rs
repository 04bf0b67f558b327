//! Catalogue files of an operator, checked against the English catalogue before they are used.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use fluent_syntax::{
    ast::{Entry, Expression, InlineExpression, Pattern, PatternElement, Resource},
    parser,
};
use unic_langid::LanguageIdentifier;

use super::embedded;

/// A file of an operator without a mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedFile {
    pub(super) language: LanguageIdentifier,
    pub(super) text: String,
}

/// A mistake in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogueProblem {
    /// Where it is, in bytes of the text.
    pub span: Range<usize>,
    /// The problem.
    pub message: String,
    /// A hint at the right text.
    pub help: String,
}

/// The texts that a language lacks, although an operator has added it: they are shown in English.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingTexts {
    /// The language.
    pub language: String,
    /// How many there are.
    pub number: usize,
    /// The first one.
    pub first: String,
}

impl AddedFile {
    /// Checks a file of this language.
    ///
    /// A message that the gateway does not have is a mistake, and so is an argument that it does not give: they would never
    /// be seen, most likely because of a typing error.
    pub fn check(language: LanguageIdentifier, text: String) -> Result<Self, Vec<CatalogueProblem>> {
        let problems = problems(&text);
        if problems.is_empty() { Ok(Self { language, text }) } else { Err(problems) }
    }

    /// The language.
    pub fn language(&self) -> &LanguageIdentifier {
        &self.language
    }

    /// The languages among these files that do not have every text.
    pub fn missing(files: &[Self]) -> Vec<MissingTexts> {
        let languages: BTreeSet<String> = files.iter().map(|file| file.language.to_string()).collect();
        let expected = messages(embedded::sources(&embedded::english()));
        let missing = languages.into_iter().filter_map(|tag| {
            let id = tag.parse().ok()?;
            let mut texts: Vec<&str> = embedded::sources(&id).collect();
            texts.extend(files.iter().filter(|file| file.language == id).map(|file| file.text.as_str()));
            let present = messages(texts.into_iter());
            let mut missing = expected.keys().filter(|key| !present.contains_key(*key));
            let first = missing.next()?.clone();
            Some(MissingTexts { language: tag, number: 1 + missing.count(), first })
        });
        missing.collect()
    }
}

/// The arguments of each message of these files.
pub(super) fn messages<'t>(texts: impl Iterator<Item = &'t str>) -> BTreeMap<String, BTreeSet<String>> {
    let mut messages = BTreeMap::new();
    for text in texts {
        for entry in &parse(text).0.body {
            if let Entry::Message(message) = entry {
                let mut used = Used::default();
                message.value.iter().for_each(|pattern| used.pattern(pattern));
                let names = used.variables.iter().map(|name| (*name).to_owned());
                messages.insert(message.id.name.to_owned(), names.collect());
            }
        }
    }
    messages
}

/// The mistakes of a file.
pub(super) fn problems(text: &str) -> Vec<CatalogueProblem> {
    let expected = messages(embedded::sources(&embedded::english()));
    let (resource, errors) = parse(text);
    let problem =
        |span, message: String, help: &str| CatalogueProblem { span, message, help: help.to_owned() };
    let mut problems: Vec<CatalogueProblem> = errors
        .into_iter()
        .map(|error| {
            let message = format!("this is no Fluent message: {}", lower(&error.kind.to_string()));
            problem(error.pos, message, "write `key = Text`, and `{ $name }` for an argument")
        })
        .collect();
    let mut seen = BTreeSet::new();
    for entry in &resource.body {
        let Entry::Message(message) = entry else { continue };
        let (key, span) = (message.id.name, span_of(text, message.id.name));
        let Some(arguments) = expected.get(key) else {
            let help = format!("docs/languages.md says where the keys are; `{key}` is not one of them");
            problems.push(problem(span, "the gateway has no text with this key".to_owned(), &help));
            continue;
        };
        if !seen.insert(key) {
            problems.push(problem(span, "this text stands here twice".to_owned(), "remove one of them"));
            continue;
        }
        let Some(pattern) = &message.value else {
            problems.push(problem(span, "this text is empty".to_owned(), "write it after the `=`"));
            continue;
        };
        for attribute in &message.attributes {
            let span = span_of(text, attribute.id.name);
            problems.push(problem(
                span,
                "the gateway reads no attributes".to_owned(),
                "write the text after the `=`",
            ));
        }
        let mut used = Used::default();
        used.pattern(pattern);
        for name in used.variables.iter().filter(|name| !arguments.contains(**name)) {
            let known: Vec<String> = arguments.iter().map(|name| format!("`{{ ${name} }}`")).collect();
            let help = if known.is_empty() {
                "it has no arguments".to_owned()
            } else {
                format!("it has {}", known.join(", "))
            };
            problems.push(problem(
                span_of(text, name),
                "this text has no argument of this name".to_owned(),
                &help,
            ));
        }
        for name in used.references.iter().filter(|name| !expected.contains_key(**name)) {
            let message = "the gateway has no text with this key".to_owned();
            problems.push(problem(
                span_of(text, name),
                message,
                "an argument begins with a dollar sign: `{ $name }`",
            ));
        }
        for name in &used.functions {
            let message = "the gateway has no functions in texts".to_owned();
            problems.push(problem(span_of(text, name), message, "write the argument alone: `{ $name }`"));
        }
    }
    problems.sort_by_key(|problem| problem.span.start);
    problems
}

fn parse(text: &str) -> (Resource<&str>, Vec<parser::ParserError>) {
    match parser::parse(text) {
        Ok(resource) => (resource, Vec::new()),
        Err((resource, errors)) => (resource, errors),
    }
}

/// The names that a pattern refers to; each name is a slice of the text.
#[derive(Default)]
struct Used<'t> {
    variables: BTreeSet<&'t str>,
    references: Vec<&'t str>,
    functions: Vec<&'t str>,
}

impl<'t> Used<'t> {
    fn pattern(&mut self, pattern: &Pattern<&'t str>) {
        for element in &pattern.elements {
            if let PatternElement::Placeable { expression } = element {
                self.expression(expression);
            }
        }
    }

    fn expression(&mut self, expression: &Expression<&'t str>) {
        match expression {
            Expression::Inline(inline) => self.inline(inline),
            Expression::Select { selector, variants } => {
                self.inline(selector);
                for variant in variants {
                    self.pattern(&variant.value);
                }
            }
        }
    }

    fn inline(&mut self, inline: &InlineExpression<&'t str>) {
        match inline {
            InlineExpression::VariableReference { id } => {
                self.variables.insert(id.name);
            }
            InlineExpression::MessageReference { id, .. } => self.references.push(id.name),
            InlineExpression::FunctionReference { id, .. } => self.functions.push(id.name),
            InlineExpression::Placeable { expression } => self.expression(expression),
            InlineExpression::StringLiteral { .. }
            | InlineExpression::NumberLiteral { .. }
            | InlineExpression::TermReference { .. } => {}
        }
    }
}

/// The place of a slice of the text within it.
fn span_of(text: &str, part: &str) -> Range<usize> {
    let start = (part.as_ptr().addr()).saturating_sub(text.as_ptr().addr());
    start..start + part.len()
}

fn lower(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_lowercase().chain(rest).collect()).unwrap_or_default()
}
