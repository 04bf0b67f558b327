//! `portcullis user …`, a file for each group of commands.

mod accounts;
mod factors;
mod fixture;
mod identities;
mod links;
mod listing;
