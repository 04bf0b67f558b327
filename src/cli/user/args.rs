//! The arguments of `portcullis user`.

use clap::{
    Args, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};

use super::{
    import::{ExportArgs, ImportArgs},
    links::{InviteArgs, ResetArgs},
    names::{Names, group_names, permission_names},
};
use crate::{
    identity::{BackendName, GroupName, Permission, UserName},
    users::{FactorId, RemovedFactors},
};

/// Add, change, list and remove the people of the directory
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct UserArgs {
    /// The command.
    #[command(subcommand)]
    pub(in crate::cli) command: UserCommand,
}

/// The commands on users.
#[derive(Clone, Debug, Subcommand)]
pub(in crate::cli) enum UserCommand {
    /// Add a user; the password is asked for, or read as one line of standard input
    Add(AddArgs),
    /// List all users
    List {
        /// Print a JSON array instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Show one user
    Show {
        /// Name of the user
        #[arg(value_parser = UserName::parse)]
        name: UserName,
        /// Print a JSON object instead of text
        #[arg(long)]
        json: bool,
    },
    /// Change what is known about a user, and what the user may do
    Set(SetArgs),
    /// Let a user sign in through a backend: connect the backend's id of the user to the account
    Link(LinkArgs),
    /// Take a backend's id of a user off the account again, which ends the user's sessions
    Unlink(LinkArgs),
    /// Set a user's password, which ends the user's sessions; it is asked for, or read as one line of standard input
    Passwd(PasswdArgs),
    /// Refuse a user's sign-in, and end the user's sessions
    Disable {
        /// Name of the user
        #[arg(value_parser = UserName::parse)]
        name: UserName,
    },
    /// Let a disabled user sign in again, or approve one who waits for approval
    Enable {
        /// Name of the user
        #[arg(value_parser = UserName::parse)]
        name: UserName,
    },
    /// Let a user in who waits for approval, and tell the user by mail
    Approve {
        /// Name of the user
        #[arg(value_parser = UserName::parse)]
        name: UserName,
    },
    /// Invite a person: make an account without a password, and mail or print the link by which the person sets one
    Invite(InviteArgs),
    /// Make a link by which a user sets a new password
    Reset(ResetArgs),
    /// List a user's second factors, or remove them: for somebody who has lost the phone and the recovery codes
    Factors(FactorsArgs),
    /// Remove a user for good
    Remove(RemoveArgs),
    /// Take over the users of another program, from its file
    Import(ImportArgs),
    /// Print all users in JSON, for `portcullis user import`
    Export(ExportArgs),
}

impl UserCommand {
    /// Whether the command changes users.
    pub(in crate::cli) fn changes_users(&self) -> bool {
        match self {
            Self::List { .. } | Self::Show { .. } | Self::Export(_) => false,
            Self::Import(args) => !args.dry_run,
            Self::Factors(args) => args.remove.is_some(),
            _ => true,
        }
    }
}

/// Arguments of `portcullis user factors`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct FactorsArgs {
    /// Name of the user
    #[arg(value_parser = UserName::parse)]
    pub(in crate::cli) name: UserName,
    /// Remove the factor with this number, or `all` of them and the recovery codes
    #[arg(long, value_name = "all|ID", value_parser = removed_factors)]
    pub(in crate::cli) remove: Option<RemovedFactors>,
    /// Print a JSON array instead of a table
    #[arg(long, conflicts_with = "remove")]
    pub(in crate::cli) json: bool,
}

fn removed_factors(text: &str) -> Result<RemovedFactors, String> {
    if text == "all" {
        return Ok(RemovedFactors::All);
    }
    let id =
        text.parse().map_err(|_| "it is `all`, or a number of `portcullis user factors NAME`".to_owned())?;
    Ok(RemovedFactors::One(FactorId(id)))
}

/// Arguments of `portcullis user add`.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(in crate::cli) struct AddArgs {
    /// Name to sign in with; letters, digits and . _ - @ +
    #[arg(value_parser = UserName::parse)]
    pub(in crate::cli) name: UserName,
    /// E-mail address
    #[arg(long)]
    pub(in crate::cli) email: Option<String>,
    /// The user is known to receive mail at the address
    #[arg(long, requires = "email")]
    pub(in crate::cli) email_verified: bool,
    /// Backend at which the user signs in for the first time, with the same verified address, and then comes to this
    /// account; no password is asked for
    #[arg(long, value_name = "BACKEND", value_parser = BackendName::parse, requires = "email", conflicts_with = "allow_weak")]
    pub(in crate::cli) invite: Vec<BackendName>,
    /// Name for people to read
    #[arg(long)]
    pub(in crate::cli) full_name: Option<String>,
    /// Group to be in; several with commas, or again
    #[arg(long = "group", visible_alias = "groups", value_name = "GROUP", value_parser = group_names)]
    pub(in crate::cli) groups: Vec<Names<GroupName>>,
    /// Permission to have beside those of the groups; several with commas, or again
    #[arg(
        long = "permission",
        visible_alias = "permissions",
        value_name = "PERMISSION",
        value_parser = permission_names
    )]
    pub(in crate::cli) permissions: Vec<Names<Permission>>,
    /// Attribute for applications
    #[arg(long = "attribute", value_name = "KEY=VALUE", value_parser = attribute)]
    pub(in crate::cli) attributes: Vec<(String, String)>,
    /// Value of a field that the configuration defines
    #[arg(long = "field", value_name = "NAME=VALUE", value_parser = attribute)]
    pub(in crate::cli) fields: Vec<(String, String)>,
    /// May do everything that is not forbidden to everybody
    #[arg(long)]
    pub(in crate::cli) superuser: bool,
    /// Ask for no password; the user cannot sign in with one until it is set
    #[arg(long, conflicts_with = "allow_weak")]
    pub(in crate::cli) no_password: bool,
    /// Take a password that is easy to guess
    #[arg(long)]
    pub(in crate::cli) allow_weak: bool,
    /// An account of a machine: nobody signs in to it, and its programs use tokens; no password is asked for
    #[arg(long, conflicts_with_all = ["allow_weak", "invite"])]
    pub(in crate::cli) machine: bool,
}

/// Arguments of `portcullis user set`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct SetArgs {
    /// Name of the user
    #[arg(value_parser = UserName::parse)]
    pub(in crate::cli) name: UserName,
    /// E-mail address; empty removes it
    #[arg(long)]
    pub(in crate::cli) email: Option<String>,
    /// Whether the user is known to receive mail at the address; a new address is not
    #[arg(long, value_name = "YES|NO", hide_possible_values = true, value_parser = yes_or_no())]
    pub(in crate::cli) email_verified: Option<bool>,
    /// Name for people to read; empty removes it
    #[arg(long)]
    pub(in crate::cli) full_name: Option<String>,
    /// The groups from now on, with commas; empty for none. Groups that a backend brings stay
    #[arg(long, value_name = "GROUPS", value_parser = group_names)]
    pub(in crate::cli) groups: Option<Names<GroupName>>,
    /// Group to be in as well
    #[arg(long = "add-group", value_name = "GROUP", value_parser = group_names)]
    pub(in crate::cli) add_groups: Vec<Names<GroupName>>,
    /// Group not to be in any more
    #[arg(long = "remove-group", value_name = "GROUP", value_parser = group_names)]
    pub(in crate::cli) remove_groups: Vec<Names<GroupName>>,
    /// The direct permissions from now on, with commas; empty for none
    #[arg(long, value_name = "PERMISSIONS", value_parser = permission_names)]
    pub(in crate::cli) permissions: Option<Names<Permission>>,
    /// Permission to have as well
    #[arg(long = "add-permission", value_name = "PERMISSION", value_parser = permission_names)]
    pub(in crate::cli) add_permissions: Vec<Names<Permission>>,
    /// Permission not to have any more, unless by a group
    #[arg(long = "remove-permission", value_name = "PERMISSION", value_parser = permission_names)]
    pub(in crate::cli) remove_permissions: Vec<Names<Permission>>,
    /// Whether the user may do everything that is not forbidden to everybody
    #[arg(long, value_name = "YES|NO", hide_possible_values = true, value_parser = yes_or_no())]
    pub(in crate::cli) superuser: Option<bool>,
    /// Whether the user has to choose another password at the next sign-in with the present one
    #[arg(long, value_name = "YES|NO", hide_possible_values = true, value_parser = yes_or_no())]
    pub(in crate::cli) must_change_password: Option<bool>,
    /// Attribute for applications, added or overwritten
    #[arg(long = "attribute", value_name = "KEY=VALUE", value_parser = attribute)]
    pub(in crate::cli) attributes: Vec<(String, String)>,
    /// Value of a field that the configuration defines; empty removes it
    #[arg(long = "field", value_name = "NAME=VALUE", value_parser = attribute)]
    pub(in crate::cli) fields: Vec<(String, String)>,
    /// Attribute to remove
    #[arg(long = "remove-attribute", value_name = "KEY")]
    pub(in crate::cli) removed_attributes: Vec<String>,
}

/// Arguments of `portcullis user link` and `portcullis user unlink`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct LinkArgs {
    /// Name of the user
    #[arg(value_parser = UserName::parse)]
    pub(in crate::cli) name: UserName,
    /// Name of the backend in the configuration
    #[arg(value_parser = BackendName::parse)]
    pub(in crate::cli) backend: BackendName,
    /// The backend's id of the user, such as the claim `sub` or `objectGUID`; never a name or an e-mail address
    pub(in crate::cli) subject: String,
}

/// Arguments of `portcullis user passwd`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct PasswdArgs {
    /// Name of the user
    #[arg(value_parser = UserName::parse)]
    pub(in crate::cli) name: UserName,
    /// Take a password that is easy to guess
    #[arg(long)]
    pub(in crate::cli) allow_weak: bool,
    /// Have the user choose another one at the next sign-in
    #[arg(long)]
    pub(in crate::cli) must_change: bool,
}

/// Arguments of `portcullis user remove`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct RemoveArgs {
    /// Name of the user
    #[arg(value_parser = UserName::parse)]
    pub(in crate::cli) name: UserName,
    /// Do not ask
    #[arg(long)]
    pub(in crate::cli) yes: bool,
}

impl SetArgs {
    pub(super) fn asks_for_anything(&self) -> bool {
        self.email.is_some()
            || self.email_verified.is_some()
            || self.full_name.is_some()
            || self.groups.is_some()
            || self.permissions.is_some()
            || self.superuser.is_some()
            || self.must_change_password.is_some()
            || !self.fields.is_empty()
            || [&self.add_groups, &self.remove_groups].iter().any(|names| !names.is_empty())
            || [&self.add_permissions, &self.remove_permissions].iter().any(|names| !names.is_empty())
            || !(self.attributes.is_empty() && self.removed_attributes.is_empty())
    }
}

fn yes_or_no() -> impl TypedValueParser<Value = bool> {
    PossibleValuesParser::new(["yes", "no"]).map(|answer| answer == "yes")
}

fn attribute(typed: &str) -> Result<(String, String), &'static str> {
    let (key, value) = typed.split_once('=').ok_or("an attribute is given as key=value")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}
