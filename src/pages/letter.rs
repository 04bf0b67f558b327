//! Mails as text and as HTML: two templates for all of them.

use minijinja::value::Serde;
use serde::Serialize;

use super::Pages;

/// The contents of a mail. It has no `Debug`: its link opens an account.
#[derive(Clone, Serialize)]
pub struct Letter {
    /// The language tag.
    pub language: String,
    /// The value of HTML's `dir`.
    pub direction: &'static str,
    /// The subject.
    pub subject: String,
    /// The text up to the link, in paragraphs.
    pub before: Vec<String>,
    /// The link.
    pub link: Option<LetterLink>,
    /// The text after it, in paragraphs.
    pub after: Vec<String>,
    /// The gateway, as people know it.
    pub site: String,
}

/// The link of a mail.
#[derive(Clone, Serialize)]
pub struct LetterLink {
    /// Its address.
    pub href: String,
    /// Its text, in HTML alone: the address is there as well.
    pub text: String,
}

/// A mail in both forms.
#[derive(Clone, PartialEq, Eq)]
pub struct RenderedLetter {
    /// As text.
    pub text: String,
    /// As HTML.
    pub html: String,
}

impl Pages {
    /// Renders a mail; `None` if a template fails, which is logged.
    pub fn letter(&self, letter: &Letter) -> Option<RenderedLetter> {
        let rendered = |name| {
            let template = self.0.templates.get_template(name);
            let rendered = template.and_then(|template| template.render(Serde(letter)));
            rendered.inspect_err(|error| tracing::error!(template = name, %error, "mail not rendered")).ok()
        };
        Some(RenderedLetter { text: rendered(TEXT)?, html: rendered(HTML)? })
    }
}

const TEXT: &str = "mail/message.txt";
const HTML: &str = "mail/message.html";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_mail_are_escaped_in_html_and_plain_in_text() {
        let letter = Letter {
            language: "en".into(),
            direction: "ltr",
            subject: "Hello".into(),
            before: vec!["“<b>Eve</b> & co” & more".into()],
            link: Some(LetterLink {
                href: "https://login.example.com/.gateway/reset?token=a_-&b".into(),
                text: "Set a new <password>".into(),
            }),
            after: vec!["Bye".into()],
            site: "login.example.com".into(),
        };
        let rendered = Pages::new().letter(&letter).unwrap();
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
}
