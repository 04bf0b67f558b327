//! Templates of mails that an operator has put in place: each is rendered with samples of its mails before it is used.

use minijinja::{Environment, HtmlEscape, value::Serde};

use super::{
    Letter, TemplateProblem,
    letter_frames::{HTML, TEXT},
    letter_kind::LetterPart,
    letter_samples::{HREF, letter_samples},
    replaced::{HELP, of_error},
    template_files::ReplacedTemplate,
};

/// The mistakes of those of these templates that are for mails. They stand in `replaced`.
pub(super) fn problems(templates: &[ReplacedTemplate], replaced: &Environment<'_>) -> Vec<TemplateProblem> {
    let mut problems: Vec<TemplateProblem> = Vec::new();
    for letter in letter_samples() {
        for part in LetterPart::ALL {
            let own = letter.kind.template(part);
            let frame = match part {
                LetterPart::Subject => None,
                LetterPart::Text => Some(TEXT),
                LetterPart::Html => Some(HTML),
            };
            let tried = [Some(own.as_str()), frame];
            for name in tried.into_iter().flatten() {
                if templates.iter().all(|template| template.name != name) {
                    continue;
                }
                let problem = match render(replaced, name, &letter) {
                    Err(error) => Some(of_error(&error, templates, name)),
                    Ok(rendered) => mistake(&rendered, part, &letter).map(|message| TemplateProblem {
                        template: name.to_owned(),
                        span: 0..0,
                        message,
                        help: HELP.to_owned(),
                    }),
                };
                if let Some(problem) = problem
                    && problems.iter().all(|other| other.template != problem.template)
                {
                    problems.push(problem);
                }
            }
        }
    }
    problems
}

fn render(templates: &Environment<'_>, name: &str, letter: &Letter) -> Result<String, minijinja::Error> {
    templates.get_template(name)?.render(Serde(letter))
}

/// The reason why a part that was rendered cannot be sent.
fn mistake(rendered: &str, part: LetterPart, letter: &Letter) -> Option<String> {
    if part == LetterPart::Subject {
        let line = rendered.trim();
        let is_line = !line.is_empty() && !line.contains(char::is_control);
        return (!is_line)
            .then(|| "a subject is one line, and this template renders another text".to_owned());
    }
    if rendered.len() > MAX_BYTES {
        return Some(format!("a mail of more than {} KiB is not sent", MAX_BYTES >> 10));
    }
    let has_link = rendered.contains(HREF)
        || (part == LetterPart::Html && rendered.contains(&HtmlEscape(HREF).to_string()));
    let lacks_link = letter.link.is_some() && !has_link;
    lacks_link.then(|| "this mail lacks its link, `{{ link.href }}`, and is of no use without it".to_owned())
}

/// Leaves room for texts that are longer than those of the samples: the queue takes 64 KiB.
const MAX_BYTES: usize = 48 << 10;
