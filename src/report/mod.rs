//! A report file becomes rows: the table of report types, the table of columns, the streaming reader.
//! Pure: no file, no socket, no clock.

pub mod column;
pub mod family;
pub mod kind;
mod reader;
mod records;

pub use reader::{Address, Header, Hint, Item, Reader, ReaderError, Rejection, Row, text};
pub use records::{CELLS_MAX, RECORD_BYTES_MAX};
