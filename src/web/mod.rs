//! The page on which an operator sees what the box does, for those who may in.
//!
//! A request comes through the [`door`], the only part that faces a network, over a Unix socket to the [`server`],
//! and is answered by the [`router`], which is pure: what a page shows comes from a [`view::View`], and a
//! [`hand::Hand`] does what operators want.

pub mod access;
mod acts;
mod api;
pub mod certificate;
pub mod door;
pub mod entry;
pub mod gate;
pub mod hand;
mod html;
mod metrics;
mod page;
pub mod router;
pub mod server;
pub mod view;
pub mod words;
mod x509;
