//! The recipes of `docs/apps.md`, read out of the document.

use std::{fs, path::Path};

/// A section of the document with its code blocks.
pub struct Recipe {
    heading: String,
    blocks: Vec<(String, String)>,
}

/// A code block, whose examples a test replaces by what is there.
pub struct Block {
    /// Where it stands, for messages.
    place: String,
    text: String,
}

/// A row of the table that says what was tried.
pub struct Tried {
    pub application: String,
    pub version: String,
}

impl Recipe {
    /// The recipe below this heading.
    pub fn of(heading: &str) -> Self {
        let text = document();
        let marker = format!("\n### {heading}\n");
        let (_, section) =
            text.split_once(&marker).unwrap_or_else(|| panic!("docs/apps.md has no {heading}"));
        let section = section.split("\n## ").next().expect("a first part");
        let section = section.split("\n### ").next().expect("a first part");
        Self { heading: heading.to_owned(), blocks: blocks(section) }
    }

    /// The only block in this language.
    pub fn block(&self, language: &str) -> Block {
        let count = self.blocks.iter().filter(|(found, _)| found == language).count();
        assert_eq!(count, 1, "{} has {count} blocks of {language}", self.heading);
        self.nth(language, 0)
    }

    /// The block in this language that comes after `before` others.
    pub fn nth(&self, language: &str, before: usize) -> Block {
        let mut found = self.blocks.iter().filter(|(found, _)| found == language);
        let place = format!("block {before} of {language} below {:?} in docs/apps.md", self.heading);
        let (_, text) = found.nth(before).unwrap_or_else(|| panic!("there is no {place}"));
        Block { place, text: text.clone() }
    }

    /// Whether one of its blocks has this line.
    pub fn has_line(&self, line: &str) -> bool {
        self.blocks.iter().any(|(_, text)| text.lines().any(|found| found == line))
    }

    /// The headings of all recipes for one application.
    pub fn all_headings() -> Vec<String> {
        let text = recipes();
        let headings = text.lines().filter_map(|line| line.strip_prefix("### "));
        headings.filter(|heading| *heading != "Another one").map(str::to_owned).collect()
    }
}

impl Block {
    /// The block with something else in place of an example, which has to be there.
    pub fn with(mut self, example: &str, actual: &str) -> Self {
        assert!(self.text.contains(example), "{} has no {example:?}:\n{}", self.place, self.text);
        self.text = self.text.replace(example, actual);
        self
    }

    pub fn text(&self) -> &str {
        &self.text
    }
}

/// The table that says what was tried, without its head.
pub fn recipes_tried() -> Vec<Tried> {
    let text = recipes();
    let rows = text.lines().filter(|line| line.starts_with("| ") && line.matches('|').count() == 5);
    let cells = rows.map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    let tried = cells.map(|cells| Tried { application: cells[0].to_owned(), version: cells[1].to_owned() });
    tried.filter(|row| row.application != "application" && row.application != "---").collect()
}

fn recipes() -> String {
    let text = document();
    let (_, recipes) = text.split_once("\n## Recipes\n").expect("the section of recipes in docs/apps.md");
    recipes.split("\n## ").next().expect("a first part").to_owned()
}

fn document() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/apps.md")).expect("docs/apps.md")
}

fn blocks(section: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut rest = section;
    while let Some((_, after)) = rest.split_once("\n```") {
        let (language, after) = after.split_once('\n').expect("a line after the language");
        let (text, after) = after.split_once("\n```").expect("an end of the block");
        blocks.push((language.to_owned(), format!("{text}\n")));
        rest = after;
    }
    blocks
}
