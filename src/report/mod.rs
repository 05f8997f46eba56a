//! A report file becomes rows: the table of report types, the table of columns, the streaming reader.
//! Pure: no file, no socket, no clock.

pub mod kind;
