//! An error with all its sources, for a log message.
//!
//! Every `error` field of a log message whose error has a source is written
//! through [`ErrorChain`].

use std::{error::Error, fmt};

/// Displays an error and its sources, separated by colons.
#[derive(Clone, Copy, Debug)]
pub struct ErrorChain<'a>(pub &'a dyn Error);

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0, f)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
