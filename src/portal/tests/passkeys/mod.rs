//! Ceremonies of passkeys on the pages, with an authenticator in software.

mod enrol_step;
mod enrolment;
mod pages;
mod person;
mod removal;
mod second_step;
mod sign_in;
