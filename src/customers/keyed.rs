//! Lines of the customer files by something that is not nested: a login, a forwarded port. Sorted, asked by binary search.

use super::tree::Entry;

/// Lines by what they are about.
#[derive(Clone, Debug)]
pub(super) struct Keyed<K> {
    keys: Vec<K>,
    /// Where the lines of each key end; they begin where those of the one before end.
    ends: Vec<u32>,
    entries: Vec<Entry>,
}

impl<K: Ord> Keyed<K> {
    /// From lines that went through [`super::tree::join`].
    pub(super) fn new(lines: Vec<(K, Entry)>) -> Self {
        let mut keyed = Self { keys: Vec::new(), ends: Vec::new(), entries: Vec::with_capacity(lines.len()) };
        for (key, entry) in lines {
            keyed.entries.push(entry);
            let end = keyed.entries.len() as u32;
            match (keyed.keys.last(), keyed.ends.last_mut()) {
                (Some(last), Some(last_end)) if *last == key => *last_end = end,
                _ => {
                    keyed.keys.push(key);
                    keyed.ends.push(end);
                }
            }
        }
        keyed.keys.shrink_to_fit();
        keyed.ends.shrink_to_fit();
        keyed
    }

    /// The lines of one key; none if there is no such key.
    pub(super) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> &[Entry]
    where
        K: std::borrow::Borrow<Q>,
    {
        match self.keys.binary_search_by(|known| known.borrow().cmp(key)) {
            Ok(index) => self.entries(index),
            Err(_) => &[],
        }
    }

    /// The keys from `first` on, each with its lines.
    pub(super) fn from(&self, first: &K) -> impl Iterator<Item = (&K, &[Entry])> {
        let from = self.keys.partition_point(|key| key < first);
        (from..self.keys.len()).map(|index| (&self.keys[index], self.entries(index)))
    }

    /// The keys of a customer in a file.
    pub(super) fn of(&self, customer: u32, file: u32) -> impl Iterator<Item = &K> {
        let is_his = move |entry: &Entry| entry.customer == customer && entry.stands_in(file);
        let his = (0..self.keys.len()).filter(move |index| self.entries(*index).iter().any(is_his));
        his.map(|index| &self.keys[index])
    }

    fn entries(&self, index: usize) -> &[Entry] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.entries[start as usize..self.ends[index] as usize]
    }
}
