//! abusebox: the map of the rooms, in the order in which a report passes through them.
//!
//! [`fetch`] asks Shadowserver and fills the spool, [`report`] turns files into rows, [`customers`] says whose
//! address it was, with [`sessions`] where addresses change hands, [`incident`] keeps one record per problem, [`notify`] tells the customer, [`store`] remembers.
//! [`service`] wires them; nothing else does. [`command`] is what people type, [`control`] how it reaches the process
//! that is at work, [`web`] the page that shows it, [`lines`] what other programs read of it, [`system`] the box around
//! it.

pub mod clock;
pub mod command;
pub mod config;
pub mod control;
pub mod customers;
pub mod fetch;
pub mod files;
mod halt;
pub mod incident;
pub mod lang;
pub mod lines;
pub mod logbook;
pub mod net;
pub mod notify;
pub mod report;
pub mod service;
pub mod sessions;
pub mod store;
pub mod system;
pub mod web;
