//! One-time links, in the running gateway.

use std::sync::Arc;

use super::{Directory, DirectoryError, worker::DirectoryWorker};
use crate::{
    error_chain::ErrorChain,
    identity::{CredentialVersion, UserId},
    users::{
        Account, ChangedEmail, Link, LinkKey, LinkMail, LinkPurpose, LinkRefused, LinkToken, NewUser,
        OwnProfileChange, PasswordHash, UserStoreError,
    },
};

impl Directory {
    /// Has links made for a person who has forgotten the password. Returns before anything is looked up, so that neither
    /// the response nor its time tells who has an account; `send` gets the result later, on the database thread, and must
    /// not wait.
    pub fn request_reset(
        &self,
        typed: String,
        send: impl FnOnce(Vec<LinkMail>) + Send + 'static,
    ) -> Result<(), DirectoryError> {
        self.later(move |worker| worker.store.request_reset(&typed), send)
    }

    /// The same for a person who wants to register an address; `may_register` is whether a new address gets a link.
    pub fn request_registration(
        &self,
        address: String,
        may_register: bool,
        send: impl FnOnce(Option<LinkMail>) + Send + 'static,
    ) -> Result<(), DirectoryError> {
        self.later(move |worker| worker.store.request_registration(&address, may_register), send)
    }

    /// Makes a link that gives the account another address; see
    /// [`UserStore::request_email_change`](crate::users::UserStore::request_email_change).
    pub async fn request_email_change(
        &self,
        id: UserId,
        expected: CredentialVersion,
        address: String,
    ) -> Result<Option<LinkToken>, DirectoryError> {
        self.ask(move |worker| worker.store.request_email_change(id, expected, &address)).await
    }

    /// The link, if it is not void.
    pub async fn link_at(&self, key: LinkKey, purpose: LinkPurpose) -> Result<Option<Link>, DirectoryError> {
        self.ask(move |worker| worker.store.link_at(key, purpose)).await
    }

    /// Sets a password by a link, and changes the profile of an invited user. All sign-ins of the user have ended when this returns.
    pub async fn set_password_by_link(
        &self,
        key: LinkKey,
        purpose: LinkPurpose,
        hash: PasswordHash,
        change: OwnProfileChange,
    ) -> Result<Result<Arc<Account>, LinkRefused>, DirectoryError> {
        self.ask(move |worker| {
            let set = worker.store.set_password_by_link(key, purpose, &hash, change)?;
            Ok(set.map(|account| worker.after_own_change(account)))
        })
        .await
    }

    /// Makes an account by a link.
    pub async fn register(
        &self,
        key: LinkKey,
        new: NewUser,
        is_waiting: bool,
    ) -> Result<Result<Arc<Account>, LinkRefused>, DirectoryError> {
        self.ask(move |worker| {
            let registered = worker.store.register(key, new, is_waiting)?;
            Ok(registered.map(|account| worker.after_own_change(account)))
        })
        .await
    }

    /// Gives the account the address that a link was sent to.
    pub async fn change_email_by_link(
        &self,
        key: LinkKey,
        user: (UserId, CredentialVersion),
    ) -> Result<Result<ChangedEmail, LinkRefused>, DirectoryError> {
        self.ask(move |worker| {
            let changed = worker.store.change_email_by_link(key, user)?;
            worker.report_own_changes();
            Ok(changed)
        })
        .await
    }

    /// Undoes a change of address. All sign-ins of the user have ended when this returns.
    pub async fn undo_email_by_link(
        &self,
        key: LinkKey,
    ) -> Result<Result<(Arc<Account>, Option<LinkToken>), LinkRefused>, DirectoryError> {
        self.ask(move |worker| {
            let undone = worker.store.undo_email_by_link(key)?;
            Ok(undone.map(|(account, token)| (worker.after_own_change(account), token)))
        })
        .await
    }

    /// Has `work` done after this has returned, and `send` called with its result.
    fn later<T: 'static>(
        &self,
        work: impl FnOnce(&mut DirectoryWorker) -> Result<T, UserStoreError> + Send + 'static,
        send: impl FnOnce(T) + Send + 'static,
    ) -> Result<(), DirectoryError> {
        let queued = self.thread.try_send(Box::new(move |worker| {
            match worker.follow_path().and_then(|()| work(worker)) {
                Ok(result) => send(result),
                Err(error) => tracing::error!(error = %ErrorChain(&error), "links for a password or a registration not made"),
            }
        }));
        Ok(queued?)
    }
}
