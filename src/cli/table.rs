//! Listings with aligned columns.
//!
//! Every command that lists something prints it through [`Table`]. A column is
//! as wide as its widest cell.

use std::io::{self, Write};

/// Rows of cells, printed with their columns aligned.
#[derive(Debug)]
pub(super) struct Table<const COLUMNS: usize> {
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// A table without a heading.
    pub(super) fn new() -> Self {
        Self { rows: Vec::new() }
    }

    /// A table whose first row names the columns.
    pub(super) fn headed(heading: [&str; COLUMNS]) -> Self {
        Self { rows: vec![heading.map(str::to_owned)] }
    }

    /// Adds a row.
    pub(super) fn push(&mut self, row: [String; COLUMNS]) {
        self.rows.push(row);
    }

    /// Writes all rows, each after `indent`.
    pub(super) fn write(&self, indent: &str, out: &mut dyn Write) -> io::Result<()> {
        let mut widths = [0; COLUMNS];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for row in &self.rows {
            let cells = widths.iter().zip(row).map(|(width, cell)| format!("{cell:width$}"));
            writeln!(out, "{indent}{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_aligns_columns_by_characters_and_leaves_no_blanks_at_the_end() {
        let mut table = Table::headed(["NAME", "STATE"]);
        table.push(["Zoë".to_owned(), "active".to_owned()]);
        table.push(["bartholomew".to_owned(), String::new()]);
        let mut out = Vec::new();
        table.write("  ", &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "  NAME         STATE\n  Zoë          active\n  bartholomew\n"
        );
    }
}
