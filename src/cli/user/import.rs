//! `portcullis user import` and `portcullis user export`.
//!
//! An import reads the whole file first, then compares it with the users, and takes it over in one transaction. The report
//! names every user with its place in the file. It shows neither a hash nor a password.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use clap::Args;

use super::{RunningCommand, UserError};
use crate::{
    cli::{counted::counted, table::Table},
    users::import::{self, Export, Format, ImportOptions, Imported, Outcome},
};

/// Arguments of `portcullis user import`.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(in crate::cli) struct ImportArgs {
    /// The file of users; - for standard input
    file: PathBuf,
    /// Its format: django, htpasswd, authelia, csv, shadow, ldif or portcullis; told from its content if not given
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Change nothing, and print what would be done
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Give users who are there already the values and the password of the file
    #[arg(long)]
    overwrite: bool,
    /// Make superusers of those who are superusers in the file
    #[arg(long)]
    superusers: bool,
    /// Take hashes without a salt and of a single round; their users have to change the password at the first sign-in
    #[arg(long)]
    weak: bool,
    /// Leave out users who cannot be taken over; otherwise one of them stops the import
    #[arg(long)]
    skip: bool,
    /// Print the report as a JSON object
    #[arg(long)]
    json: bool,
}

/// Arguments of `portcullis user export`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct ExportArgs {
    /// The file to write, readable by its owner alone; standard output without it
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Export the hashes of passwords, too; into a file only
    #[arg(long, requires = "output")]
    with_hashes: bool,
}

impl RunningCommand<'_> {
    pub(super) fn import(&mut self, args: &ImportArgs) -> Result<(), UserError> {
        let shown = args.file.display().to_string();
        let read = if shown == "-" {
            import::read(self.context.input.stream(), args.format)
        } else {
            let opened = File::open(&args.file).map_err(import::UnreadableImport::from);
            opened.and_then(|file| import::read(file, args.format))
        };
        let (format, found) = read.map_err(|error| UserError::Unreadable { file: shown.clone(), error })?;
        let options = ImportOptions {
            overwrite: args.overwrite,
            superusers: args.superusers,
            weak: args.weak,
            skip: args.skip,
        };
        let report = if args.dry_run {
            self.store.plan_import(found.users, options)?
        } else {
            self.store.import(found.users, options)?
        };
        if args.json {
            #[derive(serde::Serialize)]
            struct Report<'a> {
                format: &'static str,
                #[serde(flatten)]
                imported: &'a Imported,
                remarks: &'a [String],
            }
            let whole = Report { format: format.as_str(), imported: &report, remarks: &found.remarks };
            serde_json::to_writer_pretty(&mut *self.context.out, &whole).map_err(io::Error::from)?;
            writeln!(self.context.out)?;
        } else {
            self.print(&shown, format, &report, &found.remarks)?;
        }
        let new_groups = report.groups.clone();
        self.warn_of_undefined(&new_groups)?;
        match report.problems.len() {
            problems if problems > 0 && !options.skip => Err(UserError::NotImported { problems }),
            _ => Ok(()),
        }
    }

    fn print(
        &mut self,
        file: &str,
        format: Format,
        report: &Imported,
        remarks: &[String],
    ) -> Result<(), UserError> {
        let out = &mut self.context.out;
        let mut table = Table::headed(["PLACE", "USER", "", "NOTES"]);
        for user in &report.users {
            let outcome = match user.outcome {
                Outcome::Added => "new",
                Outcome::Changed => "changed",
                Outcome::Kept => "kept",
                Outcome::Refused => "REFUSED",
            };
            table.push([user.position.clone(), user.name.clone(), outcome.to_owned(), user.notes.join(", ")]);
        }
        table.write("", out)?;
        for remark in remarks {
            writeln!(out, "{remark}")?;
        }
        let [added, changed, kept, refused] =
            [Outcome::Added, Outcome::Changed, Outcome::Kept, Outcome::Refused]
                .map(|outcome| report.count(outcome));
        let done = if report.done { "imported" } else { "nothing was changed;" };
        writeln!(
            out,
            "{done} {file} ({format}): {added} new, {changed} changed, {kept} kept, {refused} refused"
        )?;
        Ok(())
    }

    pub(super) fn export(&mut self, args: &ExportArgs) -> Result<(), UserError> {
        let accounts = self.store.list()?;
        let export = Export::of(&accounts, args.with_hashes);
        let Some(path) = &args.output else {
            serde_json::to_writer_pretty(&mut *self.context.out, &export).map_err(io::Error::from)?;
            return Ok(writeln!(self.context.out)?);
        };
        let written = write_private(path, &export);
        written.map_err(|source| UserError::NotExported { file: path.display().to_string(), source })?;
        let hashes = if args.with_hashes { " with the hashes of their passwords" } else { "" };
        let users = counted(accounts.len(), "user");
        writeln!(self.context.out, "exported {users}{hashes} to {}", path.display())?;
        Ok(())
    }
}

/// Writes a new file that its owner alone can read. A file that is there stays: it may be a link, or readable by others.
fn write_private(path: &PathBuf, export: &Export<'_>) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let mut out = io::BufWriter::new(file);
    serde_json::to_writer_pretty(&mut out, export)?;
    writeln!(out)?;
    out.flush()?;
    out.get_ref().sync_all()
}
