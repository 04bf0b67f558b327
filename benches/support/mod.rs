//! A gateway in this process, a cheap upstream, and a client with a persistent connection.

pub(crate) mod upstream;

mod client;
mod gateway;
mod here;

pub(crate) use client::{Client, Protocol};
pub(crate) use gateway::{Gateway, apps};
pub(crate) use here::{Here, Proof, Visits};
