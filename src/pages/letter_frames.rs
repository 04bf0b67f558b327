//! The frame of all mails: that of the program, and the names under which an operator can replace it.

use minijinja::Environment;

use super::template_files::LETTERS;

pub(super) const TEXT: &str = "mail/message.txt";
pub(super) const HTML: &str = "mail/message.html";

/// Adds the frame of all mails, and a copy of it that no operator replaces.
pub(super) fn add_frames(templates: &mut Environment<'static>) {
    for (name, source) in LETTERS {
        let added = templates.add_template(name, source);
        added.expect("the templates of the program are well-formed");
        let added = templates.add_template_owned(of_program(name), *source);
        added.expect("the templates of the program are well-formed");
    }
}

/// The name of the program's own frame.
pub(super) fn of_program(name: &str) -> String {
    format!("program/{name}")
}
