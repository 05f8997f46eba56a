//! A report file becomes rows: the table of report types and the table of columns so far.
//! Pure: no file, no socket, no clock.

pub mod column;
pub mod kind;
