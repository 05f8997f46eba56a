//! abusebox: the map of the rooms, in the order in which a report passes through them.
//!
//! [`fetch`] asks Shadowserver and fills the spool, [`report`] turns files into rows, [`customers`] says whose
//! address it was, [`notify`] tells the customer.

pub mod clock;
pub mod config;
pub mod customers;
pub mod fetch;
pub mod lang;
pub mod notify;
pub mod report;
