//! The functions of the templates that depend on the reader's language.
//!
//! `t("key", name=value)` is a text of the catalogue. Its arguments are escaped as every value is, and so is the text: a
//! catalogue holds no HTML. An argument that is HTML already, made by one of the functions `strong`, `code`, `link`, `time`
//! and `ago` or by a macro, keeps its elements, wherever the language puts it.

use fluent_bundle::{FluentArgs, FluentValue};
use minijinja::{
    Environment, Error, ErrorKind, HtmlEscape, Value, context,
    value::{Kwargs, ValueKind},
};

use crate::{
    clock::Timestamp,
    language::{self, Language},
};

/// Adds the functions that are the same in every language.
pub(super) fn add_common(templates: &mut Environment<'static>) {
    templates.add_function("strong", |value: Value| element("strong", &value));
    templates.add_function("code", |value: Value| element("code", &value));
    templates.add_function("link", |href: Value, text: Value| {
        Value::from_safe_string(format!("<a href=\"{}\">{}</a>", escaped(&href), escaped(&text)))
    });
}

/// Adds the functions of this language.
pub(super) fn add(templates: &mut Environment<'static>, language: &Language) {
    let names = context! { tag => language.tag(), direction => language.direction() };
    templates.add_global("language", names);
    let own = language.clone();
    templates.add_function("t", move |key: String, arguments: Kwargs| text(&own, &key, &arguments));
    let own = language.clone();
    templates.add_function("date", move |time: Value| date(&own, &time));
    let own = language.clone();
    templates.add_function("time", move |time: Value| {
        let date = date(&own, &time)?;
        let machine = escaped(&time.get_attr("machine")?);
        Ok::<_, Error>(Value::from_safe_string(format!("<time datetime=\"{machine}\">{date}</time>")))
    });
    let own = language.clone();
    templates.add_function("ago", move |time: Value| {
        let date = date(&own, &time)?;
        let machine = escaped(&time.get_attr("machine")?);
        let seconds = u64::try_from(time.get_attr("seconds_ago")?)?;
        let ago = own.say(&language::ago(std::time::Duration::from_secs(seconds)));
        let ago = HtmlEscape(&ago);
        Ok::<_, Error>(Value::from_safe_string(format!(
            "<time datetime=\"{machine}\" title=\"{date}\">{ago}</time>"
        )))
    });
}

fn element(name: &str, value: &Value) -> Value {
    Value::from_safe_string(format!("<{name}>{}</{name}>", escaped(value)))
}

/// A value as HTML.
fn escaped(value: &Value) -> String {
    let text = value.to_string();
    if value.is_safe() { text } else { HtmlEscape(&text).to_string() }
}

/// The date of a [`DisplayTime`](super::DisplayTime), escaped.
fn date(language: &Language, time: &Value) -> Result<String, Error> {
    let millis = i64::try_from(time.get_attr("millis")?)?;
    Ok(HtmlEscape(&language.date(Timestamp::from_millis(millis))).to_string())
}

fn text(language: &Language, key: &str, arguments: &Kwargs) -> Result<Value, Error> {
    let mut values = FluentArgs::new();
    let mut elements = Vec::new();
    for name in arguments.args() {
        let value: Value = arguments.get(name)?;
        let argument = if value.is_safe() {
            elements.push(value.to_string());
            FluentValue::from(mark(elements.len() - 1).to_string())
        } else if value.kind() == ValueKind::Number {
            FluentValue::from(i64::try_from(value)?)
        } else if value.is_undefined() {
            return Err(Error::new(ErrorKind::UndefinedError, format!("the argument `{name}` is undefined")));
        } else {
            // A value that is no HTML cannot stand for an element.
            FluentValue::from(value.to_string().replace(is_mark, "\u{fffd}"))
        };
        values.set(name.to_owned(), argument);
    }
    let text = language.try_message(key, &values);
    let text = text.map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))?;
    if elements.is_empty() {
        return Ok(Value::from(text));
    }
    let mut html = String::with_capacity(2 * text.len());
    for c in HtmlEscape(&text).to_string().chars() {
        let element =
            (0..elements.len()).find(|place| mark(*place) == c).and_then(|place| elements.get(place));
        match element {
            Some(element) => html.push_str(element),
            None => html.push(c),
        }
    }
    Ok(Value::from_safe_string(html))
}

/// The character that stands for an element while its place in the text is looked for: one for private use.
fn mark(place: usize) -> char {
    u32::try_from(place).ok().and_then(|place| char::from_u32(FIRST_MARK + place)).unwrap_or('\u{fffd}')
}

fn is_mark(c: char) -> bool {
    ('\u{e000}'..='\u{f8ff}').contains(&c)
}

const FIRST_MARK: u32 = 0xe000;
