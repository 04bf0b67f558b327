//! The portal as a browser meets it: one file a page, and `support`.

mod account;
mod attempts;
mod change_password;
mod confirm;
mod connections;
mod dangerous_acts;
mod flash;
mod invitation;
mod login;
mod logout;
mod new_password_step;
mod passkeys;
mod profile;
mod router;
mod second_step;
mod sessions;
mod setup;
mod support;
mod tokens;
mod whoami;
