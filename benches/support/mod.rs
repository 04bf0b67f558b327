//! A gateway in this process, a cheap upstream, a client with a persistent connection, and paired measurements.

pub(crate) mod paired;
pub(crate) mod upstream;

mod client;
mod gateway;
mod here;

pub(crate) use client::{Client, Protocol};
pub(crate) use gateway::{Gateway, apps};
pub(crate) use here::{Here, Proof, Visits};
