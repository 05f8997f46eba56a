//! A report file becomes rows: the table of report types, the table of columns, the streaming reader.
//! Pure: no file, no socket, no clock.

pub mod column;
pub mod family;
pub mod kind;
mod plain;
mod reader;
mod records;

pub use reader::{Address, Header, Hint, Item, Reader, ReaderError, Rejection, Row, text};
pub use records::{CELLS_MAX, RECORD_BYTES_MAX};

use serde::{Deserialize, Serialize};

/// How the rows of a report were accounted for. The last six add up to `rows`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub rows: u64,
    pub matched: u64,
    pub unassigned: u64,
    pub ambiguous: u64,
    pub unattributable: u64,
    pub outside: u64,
    pub rejected: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        let Self { rows, matched, unassigned, ambiguous, unattributable, outside, rejected } = other;
        self.rows += rows;
        self.matched += matched;
        self.unassigned += unassigned;
        self.ambiguous += ambiguous;
        self.unattributable += unattributable;
        self.outside += outside;
        self.rejected += rejected;
    }
}
