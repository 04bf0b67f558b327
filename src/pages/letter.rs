//! Mails: a subject, a text and the same as HTML.
//!
//! The program has one frame for all mails, `mail/message.txt` and `mail/message.html`, which the texts of the catalogues
//! fill. An operator can replace the frame, and each part of a single mail: `mail/reset.subject.txt`, `mail/reset.txt`,
//! `mail/reset.html`. A template gives no header field but the subject, which stays one line whatever it renders. A
//! template of an operator that fails for one person does not cost that person the mail: the program's own is used.

use minijinja::{Environment, value::Serde};

use super::{
    Letter, Pages,
    letter_frames::{HTML, TEXT, of_program},
    letter_kind::LetterPart,
};
use crate::language::Language;

/// A mail, rendered.
#[derive(Clone, PartialEq, Eq)]
pub struct RenderedLetter {
    /// The subject: one line.
    pub subject: String,
    /// As text.
    pub text: String,
    /// As HTML.
    pub html: String,
}

impl Pages {
    /// Renders a mail in this language; `None` if a template of the program fails, which is logged.
    pub fn letter(&self, letter: &Letter, language: &Language) -> Option<RenderedLetter> {
        let templates = self.in_language(language);
        let part = |part| {
            let own = letter.kind.template(part);
            if self.0.replaced_letters.contains(&own)
                && let Some(rendered) = rendered(templates, &own, letter)
            {
                return Some(rendered);
            }
            match part {
                LetterPart::Subject => Some(letter.subject.clone()),
                LetterPart::Text => frame(templates, TEXT, letter),
                LetterPart::Html => frame(templates, HTML, letter),
            }
        };
        let subject = one_line(&part(LetterPart::Subject)?);
        Some(RenderedLetter { subject, text: part(LetterPart::Text)?, html: part(LetterPart::Html)? })
    }
}

/// The frame of all mails: that of the operator, or if that fails, the program's.
fn frame(templates: &Environment<'static>, name: &str, letter: &Letter) -> Option<String> {
    rendered(templates, name, letter).or_else(|| rendered(templates, &of_program(name), letter))
}

fn rendered(templates: &Environment<'static>, name: &str, letter: &Letter) -> Option<String> {
    let rendered = templates.get_template(name).and_then(|template| template.render(Serde(letter)));
    rendered.inspect_err(|error| tracing::error!(template = name, %error, "mail not rendered")).ok()
}

/// The text as one line: what a template renders over several lines cannot end the header field of the subject.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        language::Languages,
        pages::{Brand, LetterKind, LetterLink, LetterUser, ReplacedTemplate},
    };

    fn letter() -> Letter {
        Letter {
            kind: LetterKind::Reset,
            subject: "Hello".into(),
            before: vec!["“<b>Eve</b> & co” & more".into()],
            link: Some(LetterLink {
                href: "https://login.example.com/.gateway/reset?token=a_-&b".into(),
                text: "Set a new <password>".into(),
            }),
            after: vec!["Bye".into()],
            site: "login.example.com".into(),
            origin: "https://login.example.com".into(),
            host: "login.example.com".into(),
            user: Some(LetterUser {
                name: "eve".into(),
                full_name: "Eve\r\nBcc: everybody@example.com <b>".into(),
                email: "eve@example.com".into(),
            }),
            lifetime: Some("30 minutes".into()),
            event: None,
        }
    }

    fn with(templates: &[(&str, &str)]) -> Pages {
        let replaced: Vec<_> = templates
            .iter()
            .map(|(name, text)| ReplacedTemplate { name: (*name).into(), text: (*text).into() })
            .collect();
        Pages::of_operator(Brand::default(), Languages::default(), &replaced).unwrap()
    }

    #[test]
    fn values_of_a_mail_are_escaped_in_html_and_plain_in_text() {
        let rendered = Pages::new().letter(&letter(), &Language::english()).unwrap();
        assert_eq!(rendered.subject, "Hello");
        assert!(rendered.text.contains("“<b>Eve</b> & co” & more"), "{}", rendered.text);
        assert!(rendered.text.contains("\nhttps://login.example.com/.gateway/reset?token=a_-&b\n"));
        assert!(
            !rendered.html.contains("<b>") && rendered.html.contains("&lt;b&gt;Eve"),
            "{}",
            rendered.html
        );
        assert!(rendered.html.contains("Set a new &lt;password&gt;</a>"), "{}", rendered.html);
        for loads in ["<img", "<script", "<link", "url(", "@import"] {
            assert!(!rendered.html.contains(loads), "{loads}: nobody learns when a mail is read");
        }
    }

    #[test]
    fn an_operator_replaces_the_parts_of_a_single_mail() {
        let pages = with(&[
            ("mail/reset.subject.txt", "{{ brand.title or host }}: new password for {{ user.name }}\n"),
            ("mail/reset.txt", "Hi {{ user.full_name }}, {{ lifetime }}: {{ link.href }}\n"),
            (
                "mail/reset.html",
                "{% extends \"mail/message.html\" %}{% block content %}<p>Hi {{ user.full_name }}</p>\
              <a href=\"{{ link.href }}\">{{ t(\"sign-in\") }}</a>{% endblock %}",
            ),
        ]);
        let rendered = pages.letter(&letter(), &Language::english()).unwrap();
        assert_eq!(rendered.subject, "login.example.com: new password for eve");
        assert!(rendered.text.starts_with("Hi Eve") && rendered.text.contains("30 minutes: https://login"));
        assert!(
            rendered.html.contains("&lt;b&gt;</p>") && rendered.html.contains(">Sign in</a>"),
            "{}",
            rendered.html
        );
        assert!(rendered.html.starts_with("<!doctype html>"), "{}", rendered.html);
        let other = Letter { kind: LetterKind::Registration, ..letter() };
        assert_eq!(pages.letter(&other, &Language::english()).unwrap().subject, "Hello");
    }

    #[test]
    fn a_subject_is_one_line_whatever_a_template_renders() {
        let pages = with(&[(
            "mail/reset.subject.txt",
            "{{ user.full_name or host }}{% if user.name == \"eve\" %}{{ \"\\r\\nBcc: \\u2028x\" }}{% endif %}",
        )]);
        let rendered = pages.letter(&letter(), &Language::english()).unwrap();
        assert!(
            !rendered.subject.contains(|c: char| c.is_control() || c == '\u{2028}'),
            "{:?}",
            rendered.subject
        );
        assert_eq!(rendered.subject, "Eve Bcc: everybody@example.com <b> Bcc: x");
    }

    #[test]
    fn a_template_that_fails_for_one_person_costs_no_mail() {
        let pages = with(&[
            ("mail/reset.txt", "{% if user.name == \"eve\" %}{{ nothing }}{% endif %}{{ link.href }}"),
            (
                "mail/message.html",
                "{% if user and user.name == \"eve\" %}{{ nothing }}{% endif %}{{ link.href if link else \"\" }}",
            ),
        ]);
        let rendered = pages.letter(&letter(), &Language::english()).unwrap();
        assert_eq!(rendered, Pages::new().letter(&letter(), &Language::english()).unwrap());
    }

    impl std::fmt::Debug for RenderedLetter {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(&self.text)
        }
    }
}
