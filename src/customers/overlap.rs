//! Ranges of two customers that overlap without one lying inside the other.
//!
//! Cut into prefixes, such ranges look like nested ones, and the longest prefix would be decided by how the cuts
//! happen to fall. The part that both claim is entered for both, and so is ambiguous.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::cell;
use super::import::Line;

/// A range that was cut into more than one prefix.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) line: u32,
    pub(super) first: IpAddr,
    pub(super) last: IpAddr,
}

/// What is contested.
#[derive(Debug, Default)]
pub(super) struct Contested {
    /// The contested prefixes, for the customer who has no line on just them.
    pub(super) lines: Vec<Line>,
    /// Physical lines of each quarrel, the later one first.
    pub(super) pairs: BTreeSet<(u32, u32)>,
}

/// Finds what is contested among `lines`, sorted by prefix; `ranges` are in the order of their physical lines.
/// `None`: more than [`CONTESTED_MAX`].
pub(super) fn contested(lines: &[Line], ranges: &[Range]) -> Option<Contested> {
    let mut found = Contested::default();
    for range in ranges {
        let Some(own) = lines_on(lines, range.first).find(|l| l.line == range.line) else { continue };
        for end in [range.first, range.last] {
            for other in lines_on(lines, end).filter(|l| l.customer != own.customer && l.meets(own)) {
                let (first, last) = claim(other, ranges);
                let nested = (first <= range.first && range.last <= last)
                    || (range.first <= first && last <= range.last);
                if nested {
                    continue;
                }
                found.pairs.insert((own.line.max(other.line), own.line.min(other.line)));
                for prefix in cell::subnets(range.first.max(first), range.last.min(last)).unwrap_or_default()
                {
                    // Our own part is entered when it is the other's turn, or is a prefix of its own already.
                    found.lines.push(Line { prefix, ..*other });
                }
                if found.lines.len() > CONTESTED_MAX {
                    return None;
                }
            }
        }
    }
    Some(found)
}

/// The lines whose prefix is around an address.
fn lines_on(lines: &[Line], address: IpAddr) -> impl Iterator<Item = &Line> {
    let full = if address.is_ipv4() { 32 } else { 128 };
    (1..=full).flat_map(move |len| {
        let prefix = IpNet::new_assert(address, len).trunc();
        let start = lines.partition_point(|line| line.prefix < prefix);
        lines[start..].iter().take_while(move |line| line.prefix == prefix)
    })
}

/// The range of which a line is a part, the tightest if a cell holds one inside another; or its prefix.
fn claim(line: &Line, ranges: &[Range]) -> (IpAddr, IpAddr) {
    let (first, last) = (line.prefix.network(), line.prefix.broadcast());
    let start = ranges.partition_point(|range| range.line < line.line);
    ranges[start..]
        .iter()
        .take_while(|range| range.line == line.line)
        .filter(|range| range.first <= first && last <= range.last)
        .max_by_key(|range| (range.first, Reverse(range.last)))
        .map_or((first, last), |range| (range.first, range.last))
}

/// More than a few contested ranges are a broken export, and each may cost dozens of prefixes.
const CONTESTED_MAX: usize = 10_000;
