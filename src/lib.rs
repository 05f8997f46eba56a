//! abusebox: the map of the rooms, in the order in which a report passes through them.

pub mod clock;
pub mod config;
pub mod customers;
pub mod fetch;
pub mod files;
pub mod incident;
pub mod lang;
pub mod net;
pub mod notify;
pub mod report;
pub mod store;
