//! A form of an application that is offered again after a sign-in.

use std::fmt;

use serde::Serialize;

/// A form of an application that is offered again. Prints its path alone: the fields may hold secrets.
#[derive(Serialize)]
pub struct ParkedFormPage<'a> {
    /// The site, as the browser knows it.
    pub host: &'a str,
    /// The path that the form is sent to, to be read by people.
    pub path: &'a str,
    /// The address that the form is sent to.
    pub action: &'a str,
    /// How the browser writes the form.
    pub enctype: &'a str,
    /// The fields.
    pub fields: Vec<ParkedField<'a>>,
    /// The page to go back to.
    pub back: &'a str,
}

impl fmt::Debug for ParkedFormPage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParkedFormPage").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A field of a form that is offered again.
#[derive(Serialize)]
pub struct ParkedField<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its value; `None`: a field for a file, without a file.
    pub value: Option<&'a str>,
    /// Whether the value is sent and not shown.
    pub is_hidden: bool,
}
