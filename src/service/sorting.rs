//! The problems of one report in the order of their keys, so that the store touches each of its pages once: a box
//! lives longer on a card that is written less. What does not fit in memory goes as sorted runs to a scratch file.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::rc::Rc;

use crate::fetch::spool::Spool;
use crate::incident::batch::{Batch, Match};
use crate::incident::{Key, Sighting};
use crate::report::{Header, Row};
use crate::store::Error;

/// What is handed out, as [`crate::store::Txn::apply`] takes it.
type Sorted = Result<(Key, Sighting), Error>;

/// Takes rows in any order.
pub(super) struct Sorter<'a> {
    spool: &'a Spool,
    /// Number of the report in the store.
    report: u32,
    batch: Batch,
    /// None as long as all fits in memory.
    runs: Option<Runs>,
}

/// Sorted runs, one after the other in a file. A problem is its key, the length of the rest, what was seen, and the cells
/// to be shown.
struct Runs {
    file: Rc<File>,
    /// Where the first begins, and where each ends.
    ends: Vec<u64>,
}

/// A run as far as it was not handed out.
struct Run {
    next: Option<(Key, Sighting)>,
    /// All runs.
    file: Rc<File>,
    /// What of the file is to be read yet.
    rest: Range<u64>,
    /// What was read, and where in it goes on what was not used.
    chunk: Vec<u8>,
    start: usize,
}

impl<'a> Sorter<'a> {
    pub(super) fn new(spool: &'a Spool, report: u32) -> Self {
        Self { spool, report, batch: Batch::default(), runs: None }
    }

    /// Adds a row.
    pub(super) fn add(&mut self, matched: Match, row: &Row<'_>, header: &Header) -> Result<(), Error> {
        self.batch.add(matched, row, header);
        if self.batch.is_full() { self.spill().map_err(Error::File) } else { Ok(()) }
    }

    /// Whether it must be drained now: more runs than can be read side by side.
    pub(super) fn is_full(&self) -> bool {
        self.runs.as_ref().is_some_and(|runs| runs.ends.len() >= RUNS_MAX)
    }

    /// Hands out what was added since the last time, in the order of the keys. The same key comes once for each
    /// run that has it, in the order in which the rows came.
    pub(super) fn drain(&mut self) -> Result<Box<dyn Iterator<Item = Sorted> + '_>, Error> {
        if self.runs.is_some() {
            self.spill().map_err(Error::File)?;
            // Its memory is what the runs are read with.
            self.batch = Batch::default();
        }
        match self.runs.take() {
            None => Ok(Box::new(self.batch.drain(self.report).map(Ok))),
            Some(runs) => Ok(Box::new(runs.merged().map_err(Error::File)?)),
        }
    }

    fn spill(&mut self) -> io::Result<()> {
        let runs = match &mut self.runs {
            Some(runs) => runs,
            none => none.insert(Runs { file: Rc::new(self.spool.scratch()?), ends: vec![0] }),
        };
        let mut out = &*runs.file;
        let mut end = runs.ends[runs.ends.len() - 1];
        let mut bytes = Vec::with_capacity(2 * WRITTEN_BYTES);
        for (key, sighting, shown) in self.batch.drain_parts(self.report) {
            let start = bytes.len();
            bytes.extend_from_slice(&key.0);
            bytes.extend_from_slice(&[0; size_of::<u32>()]);
            bytes = postcard::to_extend(&sighting, bytes).map_err(io::Error::other)?;
            bytes.extend_from_slice(shown);
            let len = (bytes.len() - start - HEAD_BYTES) as u32;
            bytes[start + Key::LEN..start + HEAD_BYTES].copy_from_slice(&len.to_le_bytes());
            end += (bytes.len() - start) as u64;
            if bytes.len() >= WRITTEN_BYTES {
                out.write_all(&bytes)?;
                bytes.clear();
            }
        }
        out.write_all(&bytes)?;
        runs.ends.push(end);
        Ok(())
    }
}

impl Runs {
    fn merged(self) -> io::Result<impl Iterator<Item = Sorted>> {
        let mut runs = Vec::with_capacity(self.ends.len());
        let chunk_bytes = READ_BYTES / self.ends.len();
        for bounds in self.ends.windows(2) {
            let (rest, chunk) = (bounds[0]..bounds[1], Vec::with_capacity(chunk_bytes));
            let mut run = Run { next: None, file: self.file.clone(), rest, chunk, start: 0 };
            run.step()?;
            runs.push(run);
        }
        let order = |(index, run): (usize, &Run)| run.next.as_ref().map(|(key, _)| Reverse((*key, index)));
        let mut heads: BinaryHeap<_> = runs.iter().enumerate().filter_map(order).collect();
        Ok(std::iter::from_fn(move || {
            let mut head = heads.peek_mut()?;
            let Reverse((_, index)) = *head;
            let run = &mut runs[index];
            let next = run.next.take()?;
            if let Err(error) = run.step() {
                return Some(Err(Error::File(error)));
            }
            match order((index, run)) {
                Some(after) => *head = after,
                None => drop(PeekMut::pop(head)),
            }
            Some(Ok(next))
        }))
    }
}

impl Run {
    /// Reads what comes next.
    fn step(&mut self) -> io::Result<()> {
        if self.start == self.chunk.len() && self.rest.is_empty() {
            self.next = None;
            return Ok(());
        }
        self.need(HEAD_BYTES)?;
        let (mut key, mut len) = ([0; Key::LEN], [0; size_of::<u32>()]);
        let head = &self.chunk[self.start..];
        key.copy_from_slice(&head[..Key::LEN]);
        len.copy_from_slice(&head[Key::LEN..HEAD_BYTES]);
        let len = HEAD_BYTES + u32::from_le_bytes(len) as usize;
        self.need(len)?;
        let (mut sighting, shown): (Sighting, _) =
            postcard::take_from_bytes(&self.chunk[self.start + HEAD_BYTES..self.start + len])
                .map_err(io::Error::other)?;
        sighting.evidence.shown = shown.to_vec();
        self.next = Some((Key(key), sighting));
        self.start += len;
        Ok(())
    }

    /// Reads on if fewer bytes than this are there.
    fn need(&mut self, bytes: usize) -> io::Result<()> {
        let there = self.chunk.len() - self.start;
        if there >= bytes {
            return Ok(());
        }
        self.chunk.copy_within(self.start.., 0);
        self.start = 0;
        let left = usize::try_from(self.rest.end - self.rest.start).unwrap_or(usize::MAX);
        let len = there + left.min(self.chunk.capacity().max(bytes) - there);
        self.chunk.resize(len, 0);
        self.file.read_exact_at(&mut self.chunk[there..], self.rest.start)?;
        self.rest.start += (len - there) as u64;
        if len < bytes { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

/// Runs read side by side, a piece of each in memory: two million problems.
const RUNS_MAX: usize = 256;
/// Read ahead, of all runs together.
const READ_BYTES: usize = 1024 * 1024;
/// Written at once.
const WRITTEN_BYTES: usize = 64 * 1024;
/// Key and length of a problem.
const HEAD_BYTES: usize = Key::LEN + size_of::<u32>();

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Write as _;

    use super::*;
    use crate::customers::CustomerNo;
    use crate::incident::{Audience, Ownership, Place};
    use crate::report::{Address, Hint, Item, Reader};

    #[test]
    fn what_does_not_fit_in_memory_comes_in_order_and_whole() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::new(dir.path()).unwrap();
        let mut csv = "timestamp,ip,port,tag\n".to_owned();
        for row in 0..100_000_u32 {
            // Each problem twice, far from each other; 50,000 of them.
            let ip = std::net::Ipv4Addr::from(0xc612_0000 + row * 7919 % 50_000);
            let second = row % 60;
            writeln!(csv, "2026-11-20 10:00:{second:02},{ip},443,tag {row}").unwrap();
        }
        let mut sorter = Sorter::new(&spool, 7);
        for _ in 0..2 {
            let mut reader =
                Reader::new(csv.as_bytes(), Hint { kind: Some("scan_ssl"), file_name: None }).unwrap();
            let header = reader.header.clone();
            let mut expected = BTreeMap::<Key, Vec<u64>>::new();
            while let Some(item) = reader.next_item().unwrap() {
                let Item::Row(row) = item else { panic!("a row was rejected") };
                let Address::Ip(ip) = row.address else { panic!("a row without address") };
                let key = Key::new(1, CustomerNo(2), Place::Address(ip), 0);
                let (ownership, audience) = (Ownership::Customer, Audience::Customer);
                sorter.add(Match { key, ownership, audience }, &row, &header).unwrap();
                expected.entry(key).or_default().push(row.line);
            }
            assert!(sorter.runs.as_ref().unwrap().ends.len() > 2);
            let (mut found, mut rows) = (BTreeMap::<Key, Vec<u64>>::new(), 0);
            let mut before = None;
            for next in sorter.drain().unwrap() {
                let (key, sighting) = next.unwrap();
                assert!(before <= Some(key));
                before = Some(key);
                rows += sighting.rows;
                let evidence = sighting.evidence;
                assert_eq!((evidence.report, evidence.port), (7, Some(443)));
                found.entry(key).or_default().push(evidence.line);
            }
            assert_eq!((rows, found), (100_000, expected));
            assert!(sorter.drain().unwrap().next().is_none());
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn runs_that_were_cut_are_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::new(dir.path()).unwrap();
        let file = Rc::new(spool.scratch().unwrap());
        (&*file).write_all(&[0; 20]).unwrap();
        let runs = Runs { file, ends: vec![0, 4096] };
        assert!(runs.merged().is_err());
    }
}
