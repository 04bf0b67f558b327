//! One field of a form.

use serde::{Deserialize, Serialize};

/// A field.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FormField {
    pub(super) name: String,
    /// `None`: a field for a file, in which no file was chosen.
    pub(super) value: Option<String>,
}
