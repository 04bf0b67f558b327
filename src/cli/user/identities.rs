//! `portcullis user link` and `unlink`: identities of backends that belong to an account.

use super::{RunningCommand, UserError, args::LinkArgs};
use crate::identity::{BackendName, IdentityPair};

impl RunningCommand<'_> {
    pub(super) fn link(&mut self, args: &LinkArgs) -> Result<(), UserError> {
        let before = self.existing(&args.name)?;
        let authority = self.authority_of(&args.backend)?.into();
        let pair =
            IdentityPair { backend: args.backend.clone(), authority, subject: args.subject.as_str().into() };
        if before.linked(&pair).is_some() {
            writeln!(self.context.out, "{pair} belongs to user {} already, nothing was changed", args.name)?;
            return Ok(());
        }
        self.store.link_pair(&args.name, &pair)?;
        writeln!(self.context.out, "linked {pair} to user {}", args.name)?;
        Ok(())
    }

    pub(super) fn unlink(&mut self, args: &LinkArgs) -> Result<(), UserError> {
        let before = self.existing(&args.name)?;
        // Also one of a backend that is not configured any more, or leads elsewhere now.
        let is_meant = |pair: &IdentityPair| pair.backend == args.backend && *pair.subject == *args.subject;
        let linked = before.identities.iter().map(|identity| &identity.pair).find(|pair| is_meant(pair));
        let unknown = || IdentityPair {
            backend: args.backend.clone(),
            authority: "".into(),
            subject: args.subject.as_str().into(),
        };
        let pair = linked.cloned().unwrap_or_else(unknown);
        self.store.unlink_pair(&args.name, &pair)?;
        writeln!(self.context.out, "unlinked {pair} from user {}; sessions from before are over", args.name)?;
        Ok(())
    }

    /// The issuer of a backend in the configuration, or the root of its directory.
    pub(super) fn authority_of(&self, backend: &BackendName) -> Result<&str, UserError> {
        let known = self.context.backends;
        let found = known.iter().find(|(name, _)| name == backend).map(|(_, authority)| authority.as_str());
        found.ok_or_else(|| UserError::UnknownBackend {
            name: backend.clone(),
            known: known.iter().map(|(name, _)| name.clone()).collect(),
        })
    }
}
