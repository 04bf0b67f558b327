//! Users of other programs in the database: all of them in one transaction, or none.

use super::{
    rows::load_by_name,
    store::UserStore,
    transaction::{Trouble, Write},
};
use crate::users::{
    AtNextSignIn, UserStoreError,
    import::{ForeignUser, ImportOptions, ImportStep, Imported, Planner},
};

impl UserStore {
    /// The report of an import that is not done.
    pub fn plan_import(
        &self,
        users: Vec<ForeignUser>,
        options: ImportOptions,
    ) -> Result<Imported, UserStoreError> {
        let mut planner = Planner::new(options);
        for user in users {
            planner.plan(user, |name| self.find_by_name(name))?;
        }
        Ok(planner.finish().0)
    }

    /// Takes users over. With a problem that is not to be skipped, nothing is changed, and the report says so.
    pub fn import(
        &mut self,
        users: Vec<ForeignUser>,
        options: ImportOptions,
    ) -> Result<Imported, UserStoreError> {
        self.write("importing users", |write| {
            let mut planner = Planner::new(options);
            for user in users {
                planner.plan(user, |name| load_by_name(write.transaction, name))?;
            }
            let (report, steps) = planner.finish();
            if !report.problems.is_empty() && !options.skip {
                return Ok(report);
            }
            for step in steps {
                write.take(step)?;
            }
            Ok(Imported { done: true, ..report })
        })
    }
}

impl Write<'_> {
    fn take(&self, step: ImportStep) -> Result<(), Trouble> {
        match step {
            ImportStep::Add { new, identities } => {
                let added = self.add(*new)?;
                for pair in &identities {
                    self.link(&self.reloaded(added.user.id)?, pair, "")?;
                }
            }
            ImportStep::Change { name, change, disable, password } => {
                let mut account = self.update(&self.named(&name)?, &change)?;
                if let Some((hash, must_change)) = password {
                    let next = if must_change { AtNextSignIn::ChangePassword } else { AtNextSignIn::Nothing };
                    account = self.set_password(&account, &hash, next)?;
                }
                if disable {
                    self.set_active(&account, false)?;
                }
            }
        }
        Ok(())
    }
}
