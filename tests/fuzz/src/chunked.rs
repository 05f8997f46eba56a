//! A reader that gives its bytes as networks and packed files do.

use std::io::{self, Read};

/// Gives its bytes in pieces of the given sizes, in turn, with an interruption before each.
pub struct Chunked<'a> {
    rest: &'a [u8],
    sizes: &'a [usize],
    turn: usize,
}

impl<'a> Chunked<'a> {
    pub fn new(rest: &'a [u8], sizes: &'a [usize]) -> Self {
        Self { rest, sizes, turn: 0 }
    }
}

impl Read for Chunked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.turn += 1;
        if self.turn % 2 == 1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let size = self.sizes[self.turn / 2 % self.sizes.len()].min(buffer.len()).min(self.rest.len());
        buffer[..size].copy_from_slice(&self.rest[..size]);
        self.rest = &self.rest[size..];
        Ok(size)
    }
}
