//! A gateway in this process, an upstream that costs next to nothing, and a client that keeps its connection.

pub(crate) mod upstream;

mod client;
mod gateway;
mod here;

pub(crate) use client::{Client, Protocol};
pub(crate) use gateway::{Gateway, apps};
pub(crate) use here::{Here, Visits};
