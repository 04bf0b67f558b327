//! The operator's own name, logo, colour and links on the pages.

use super::{Colour, Logo};

/// The parts of the pages that an operator sets; empty by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brand {
    /// The name of the installation or of who runs it.
    pub title: Option<Box<str>>,
    /// The logo.
    pub logo: Option<Logo>,
    /// The accent of the pages; [`Colour::is_readable`] holds for it.
    pub colour: Option<Colour>,
    /// The links at the foot of each page.
    pub links: Vec<FooterLink>,
}

/// A link at the foot of each page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FooterLink {
    /// Its text.
    pub title: Box<str>,
    /// Its address.
    pub href: Box<str>,
}

impl Brand {
    /// Maximum number of characters of a title.
    pub const MAX_TITLE: usize = 60;
    /// Maximum number of links.
    pub const MAX_LINKS: usize = 8;
}
