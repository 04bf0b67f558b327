//! An error with all its sources, for a log message.
//!
//! Every `error` field of a log message whose error has a source is written
//! through [`ErrorChain`].

use std::{error::Error, fmt};

/// Displays an error and its sources, separated by colons. A source whose text the error before it ends with is left out.
#[derive(Clone, Copy, Debug)]
pub struct ErrorChain<'a>(pub &'a dyn Error);

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.to_string();
        f.write_str(&shown)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            let text = error.to_string();
            if !shown.ends_with(&text) {
                write!(f, ": {text}")?;
            }
            shown = text;
            source = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Layer(&'static str, #[source] io::Error);

    #[test]
    fn a_source_that_the_error_names_itself_is_shown_once() {
        let shown = |text| ErrorChain(&Layer(text, io::Error::other("no route"))).to_string();
        assert_eq!(shown("connecting"), "connecting: no route");
        assert_eq!(shown("connecting: no route"), "connecting: no route");
    }
}
