//! The prefixes of one address family with their lines, asked by longest prefix.
//!
//! A sorted array with a link from each prefix to the one around it: an address is found by a binary search and a
//! short climb, at 16 bytes per IPv4 prefix beside its lines, without an allocation.

use std::net::IpAddr;

use ipnet::IpNet;

/// An address as a number.
pub(super) trait Bits: Copy + Ord {
    /// The last address of the prefix of this length that starts here.
    fn last(self, len: u8) -> Self;
    fn next(self) -> Option<Self>;
    fn net(self, len: u8) -> IpNet;
}

macro_rules! bits {
    ($number:ty, $address:ty) => {
        impl Bits for $number {
            fn last(self, len: u8) -> Self {
                self | <$number>::MAX.checked_shr(u32::from(len)).unwrap_or(0)
            }
            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }
            fn net(self, len: u8) -> IpNet {
                IpNet::new_assert(IpAddr::from(<$address>::from(self)), len)
            }
        }
    };
}

bits!(u32, std::net::Ipv4Addr);
bits!(u128, std::net::Ipv6Addr);

/// A line of the customer files, with the files in which it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) customer: u32,
    /// Index of the time for which it holds.
    pub(super) span: u32,
    /// First and last file that has it, without a gap.
    pub(super) first: u32,
    pub(super) last: u32,
    /// Physical line in file `last`.
    pub(super) line: u32,
    pub(super) mailed: bool,
}

impl Entry {
    pub(super) fn stands_in(&self, file: u32) -> bool {
        (self.first..=self.last).contains(&file)
    }
}

/// A prefix (start and length) and a line on it.
pub(super) type Placed<A> = ((A, u8), Entry);

/// Sorts lines by what they are about, and joins those that go on from one file to the next.
pub(super) fn join<K: Ord>(lines: &mut Vec<(K, Entry)>) {
    let rest = |e: &Entry| (e.customer, e.span, e.mailed);
    // Stable, because that is fast where sorted lines are followed by sorted lines.
    lines.sort_by(|(key, one), (other_key, other)| {
        (key, rest(one), one.first).cmp(&(other_key, rest(other), other.first))
    });
    lines.dedup_by(|(later_key, later), (key, earlier)| {
        let joins =
            later_key == key && rest(later) == rest(earlier) && later.first <= earlier.last.saturating_add(1);
        if joins && later.last > earlier.last {
            (earlier.last, earlier.line) = (later.last, later.line);
        }
        joins
    });
}

#[derive(Clone, Debug)]
pub(super) struct Tree<A> {
    /// Sorted by start, then length, so that a prefix follows the one around it.
    nodes: Vec<Node<A>>,
    /// The start of every [`BLOCK`]th node: few enough to stay in the processor's cache.
    samples: Vec<A>,
    entries: Vec<Entry>,
}

/// A prefix.
#[derive(Clone, Copy, Debug)]
struct Node<A> {
    start: A,
    /// The next wider prefix, or [`NONE`].
    parent: u32,
    /// Where its entries end; they begin where those of the node before end.
    end: u32,
    len: u8,
}

impl<A: Bits> Node<A> {
    fn last(&self) -> A {
        self.start.last(self.len)
    }
}

impl<A: Bits> Tree<A> {
    /// From lines that went through [`join`].
    pub(super) fn new(lines: Vec<Placed<A>>) -> Self {
        let mut nodes: Vec<Node<A>> = Vec::new();
        let mut entries = Vec::with_capacity(lines.len());
        for ((start, len), entry) in lines {
            entries.push(entry);
            let end = number(entries.len());
            match nodes.last_mut() {
                Some(top) if (top.start, top.len) == (start, len) => top.end = end,
                _ => {
                    let mut parent = nodes.len().checked_sub(1).map_or(NONE, number);
                    while parent != NONE && nodes[parent as usize].last() < start {
                        parent = nodes[parent as usize].parent;
                    }
                    nodes.push(Node { start, parent, end, len });
                }
            }
        }
        nodes.shrink_to_fit();
        Self { samples: nodes.iter().step_by(BLOCK).map(|node| node.start).collect(), nodes, entries }
    }

    /// The prefixes around an address, longest first.
    pub(super) fn around(&self, address: A) -> impl Iterator<Item = u32> {
        // The last prefix that starts at or before the address is the longest around it or lies inside that one.
        let below = self.behind(address).checked_sub(1).map_or(NONE, number);
        let up = |&node: &u32| Some(self.nodes[node as usize].parent).filter(|&up| up != NONE);
        std::iter::successors(Some(below).filter(|&node| node != NONE), up)
            .filter(move |&node| address <= self.nodes[node as usize].last())
    }

    pub(super) fn entries(&self, node: u32) -> &[Entry] {
        let node = node as usize;
        let start = if node == 0 { 0 } else { self.nodes[node - 1].end };
        &self.entries[start as usize..self.nodes[node].end as usize]
    }

    pub(super) fn net(&self, node: u32) -> IpNet {
        let Node { start, len, .. } = self.nodes[node as usize];
        start.net(len)
    }

    /// The first address behind `address` that other prefixes may surround, if it is not behind `last`.
    pub(super) fn change(&self, address: A, last: A) -> Option<A> {
        let begins = self.nodes.get(self.behind(address)).map(|node| node.start);
        let ends = self.around(address).next().and_then(|node| self.nodes[node as usize].last().next());
        begins.into_iter().chain(ends).min().filter(|&change| change <= last)
    }

    /// The lines of a customer that stand in a file, in the order of their prefixes.
    pub(super) fn lines_of(&self, customer: u32, file: u32) -> impl Iterator<Item = (IpNet, &Entry)> {
        let of = move |entry: &&Entry| entry.customer == customer && entry.stands_in(file);
        (0..number(self.nodes.len())).flat_map(move |node| {
            self.entries(node).iter().filter(of).map(move |entry| (self.net(node), entry))
        })
    }

    /// How many prefixes have a line in a file.
    pub(super) fn count(&self, file: u32) -> usize {
        let stands = |node: &u32| self.entries(*node).iter().any(|entry| entry.stands_in(file));
        (0..number(self.nodes.len())).filter(stands).count()
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Node<A>>() + self.entries.capacity() * size_of::<Entry>()
    }

    /// Index of the first prefix that starts behind an address.
    fn behind(&self, address: A) -> usize {
        let block = self.samples.partition_point(|&start| start <= address);
        let (from, to) = (block.saturating_sub(1) * BLOCK, (block * BLOCK).min(self.nodes.len()));
        from + self.nodes[from..to].partition_point(|node| node.start <= address)
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index)
        .expect("a file has at most a million lines, and fewer than a thousand files are kept")
}

const NONE: u32 = u32::MAX;
/// Four cache lines of IPv4 nodes.
const BLOCK: usize = 16;
