//! Whose address was it: (address, port, second) -> owner. Pure: bytes and times in, no file and no clock.
//!
//! [`import`] reads what a CRM exports, [`table`] answers from the accepted files. A wrong answer here shows one
//! customer another customer's data, so each doubt is answered with "ambiguous" or "not mailed", never a guess.

pub mod bundle;
pub(crate) mod cell;
mod columns;
mod contacts;
pub mod difference;
mod encoding;
mod forward;
pub mod import;
mod keyed;
mod login;
mod overlap;
mod ranges;
pub(crate) mod records;
mod sheet;
pub mod space;
pub mod table;
mod tree;
mod vocabulary;
pub(crate) mod words;

use serde::{Deserialize, Serialize};

pub use columns::{Column, Mapping};
pub use contacts::{Contact, Contacts};
pub use forward::Forward;
pub use login::{Login, login};

/// The stable number of a customer id. 0 is never given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CustomerNo(pub u32);

/// Which side of a connection the port of a row belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// The customer's side opened the connection: port blocks and the NAT formula may answer.
    Source(u16),
    /// Something listens there: only a static port forward may answer.
    Listening(u16),
}

/// Whose address it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    Customer {
        customer: CustomerNo,
        /// False for an expired, cancelled, "no mail" or faulty line. A customer who merely lacks a usable
        /// address counts as mailed: that notice goes to the operator to pass on.
        mailed: bool,
    },
    /// Inside our networks, assigned to nobody.
    Unassigned,
    /// Two held it within the uncertainty.
    Ambiguous,
    /// Needs a lease or port log that is missing.
    Unattributable,
    /// Not in our networks.
    Outside,
}

impl Owner {
    /// The word for it in JSON and on the page.
    pub const fn word(self) -> &'static str {
        match self {
            Owner::Customer { .. } => "customer",
            Owner::Unassigned => "unassigned",
            Owner::Ambiguous => "ambiguous",
            Owner::Unattributable => "unattributable",
            Owner::Outside => "outside",
        }
    }

    /// What holds when both answers apply: the same owner, mailed only if both say so, else ambiguous.
    pub(crate) fn and(self, other: Owner) -> Owner {
        match (self, other) {
            (
                Owner::Customer { customer, mailed },
                Owner::Customer { customer: other, mailed: other_mailed },
            ) if customer == other => Owner::Customer { customer, mailed: mailed && other_mailed },
            _ if self == other => self,
            _ => Owner::Ambiguous,
        }
    }
}
