//! The accepted customer files together: who owned an address at a second.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::cell::{self, ALWAYS, FOREVER};
use super::contacts::{Contact, Contacts};
use super::forward::Forward;
use super::import::{Complaints, File, Line};
use super::keyed::Keyed;
use super::ranges::Ranges;
use super::tree::{self, Bits, Entry, Placed, Tree};
use super::words::Role;
use super::{CustomerNo, Owner, login};
use crate::clock::Timestamp;
use crate::config::Networks;

/// Answers for all accepted files. A line that stands unchanged in many files is kept once.
#[derive(Clone, Debug)]
pub struct Table {
    ours: Ranges,
    /// Where static lines do not answer (`networks.cgn`, `networks.dynamic`), and which of it is shared by ports.
    marked: Ranges,
    cgn: Ranges,
    /// When each file was imported, in order.
    imported: Vec<Timestamp>,
    v4: Tree<u32>,
    v6: Tree<u128>,
    /// The distinct times for which lines hold: first and last second.
    spans: Vec<(Timestamp, Timestamp)>,
    /// By what a log may know a customer: the logins of the files, and the customer ids.
    logins: Keyed<Box<str>>,
    ids: Keyed<Box<str>>,
    forwards: Keyed<(IpAddr, (u16, u16))>,
    contacts: Contacts,
    /// Number and last file of each contact, sorted.
    numbers: Vec<(u32, u32)>,
}

/// Who may say whose an address was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It is none of ours.
    Outside,
    /// The static lines of the customer files.
    Lines,
    /// Sessions and leases (`networks.dynamic`).
    Dynamic,
    /// Who knows its ports: forwards, port blocks, the NAT formula (`networks.cgn`).
    Cgn,
}

/// A line that was considered for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// Empty: the line names no customer.
    pub customer_id: &'a str,
    pub prefix: IpNet,
    /// Physical line in the newest file that has it, and when that was imported.
    pub line: u32,
    pub imported: Timestamp,
    /// Whether the line holds at that time.
    pub valid: bool,
    pub won: bool,
    pub why: Why,
}

/// Why an answer is as it is, or why a line won or lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    Outside,
    Unattributable,
    /// The address is ours, and in no line.
    NoLine,
    /// The files before and after that time name different owners.
    FilesDiffer,
    /// Both name the same customer, by different prefixes.
    FilesAgree,
    /// Both name the same customer, but only one of them lets it be mailed.
    MailsDiffer,
    /// Neither has a line inside the other's.
    TwoCustomers,
    /// The only prefix around it.
    OnlyPrefix,
    Longest,
    /// It decides, but is faulty or says that its customer gets no mail.
    NotMailed,
    LongerPrefix,
    /// It decides, but no line on it is valid at that time.
    NoneValid,
    NotValid,
    /// Who had it before may have it still, but the log of it was made before that time.
    NotTold,
    /// What is no matter of lines: a session or lease, a port block, a port forward, the NAT formula, the resolver.
    Session,
    Block,
    Forward,
    Formula,
    Resolver,
    /// Two users held it within the uncertainty, or two forwards or formulas name different ones.
    TwoUsers,
    /// The user, or who has the inside address, is in no customer file.
    UserUnknown,
    /// Others share the address, and no source port was given.
    NeedsSourcePort,
}

impl Why {
    /// In English, for commands and JSON.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Outside => "the address is outside networks.cidrs",
            Self::Unattributable => {
                "inside networks.dynamic or networks.cgn, where only a lease or port log could answer"
            }
            Self::NoLine => "inside networks.cidrs, but no line of the customer file is around it",
            Self::FilesDiffer => {
                "the customer file before that time and the one imported after it name different owners"
            }
            Self::FilesAgree => {
                "the customer file before that time and the one imported after it name the same customer"
            }
            Self::MailsDiffer => {
                "the customer file before that time and the one imported after it name the same customer, but by one \
                 of them it is not mailed"
            }
            Self::TwoCustomers => "lines of two customers hold it, and neither lies inside the other",
            Self::OnlyPrefix => "the only prefix around it, valid at that time",
            Self::Longest => "the longest prefix, valid at that time",
            Self::NotMailed => "not mailed, because the line that decides is faulty or says so",
            Self::LongerPrefix => "a longer prefix decides",
            Self::NoneValid => "not mailed, because no line on the prefix that decides is valid at that time",
            Self::NotTold => {
                "who had it then is not known yet: the log of sessions was made before that time; a newer one will tell"
            }
            Self::Session => "the session or lease of that time is this customer's",
            Self::Block => "the block of ports was this customer's at that time",
            Self::Forward => "the port is forwarded to this customer",
            Self::Formula => "by the NAT formula the source port is that of this customer's inside address",
            Self::Resolver => "the operator's resolver has named this customer",
            Self::TwoUsers => "several users held it at that time, within the uncertainty of the clocks",
            Self::UserUnknown => "who held it is in no customer file",
            Self::NeedsSourcePort => {
                "several customers share the address: only a source port tells them apart, or a port that is forwarded"
            }
            Self::NotValid => "another line on the same prefix is valid at that time, this one is not",
        }
    }
}

/// A line of the newest file, as its customer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    pub prefix: IpNet,
    /// Physical line in the file.
    pub line: u32,
    /// First and last second for which it holds; `None`: without bounds.
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// False: its customer hears nothing of it.
    pub mailed: bool,
}

/// An answer with its reasons, for `whois`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation<'a> {
    pub owner: Owner,
    /// Set if the owner is a customer.
    pub customer_id: Option<&'a str>,
    pub prefix: Option<IpNet>,
    pub why: Why,
    /// Longest prefix first.
    pub candidates: Vec<Candidate<'a>>,
}

impl Table {
    /// From the accepted files in order of import; they are needed one at a time only. `number` gives each
    /// customer id its stable number, never 0; the lines without an id have the empty one.
    pub fn build<F: Borrow<File>>(
        networks: &Networks,
        files: impl IntoIterator<Item = (Timestamp, F)>,
        mut number: impl FnMut(&str) -> u32,
    ) -> Self {
        let mut imported: Vec<Timestamp> = Vec::new();
        let (mut v4, mut v6): (Vec<Placed<u32>>, Vec<Placed<u128>>) = Default::default();
        let mut spans: HashMap<(Timestamp, Timestamp), u32> = HashMap::new();
        let (mut logins, mut ids, mut forwards) = (Vec::new(), Vec::new(), Vec::new());
        // Logs are asked in marked networks alone.
        let has_logs = !(networks.cgn.is_empty() && networks.dynamic.is_empty());
        let mut contacts: HashMap<u32, (u32, String)> = HashMap::new();
        for (file_number, (time, file)) in (0..).zip(files) {
            let file: &File = file.borrow();
            // A clock set back between two imports must not make a file answer for no time at all.
            imported.push(imported.last().map_or(time, |last| time.max(*last)));
            let numbers: Vec<u32> = (0..file.customers.len())
                .map(|index| {
                    let number = number(file.customers.id(index).unwrap_or_default());
                    let (last, known) = contacts.entry(number).or_default();
                    *last = file_number;
                    file.customers.record(index).unwrap_or_default().clone_into(known);
                    number
                })
                .collect();
            let mut entry = |customer: u32, (from, until), mailed, line| {
                let count = spans.len() as u32;
                let span = *spans.entry((from, until)).or_insert(count);
                let customer = numbers[customer as usize];
                Entry { customer, span, first: file_number, last: file_number, line, mailed }
            };
            // By its id a log may know any customer.
            let mut by_id = |customer: u32, entry: Entry| {
                let id = file.customers.id(customer as usize).unwrap_or_default();
                if has_logs && !id.is_empty() {
                    ids.push((login(id).into_boxed_str(), entry));
                }
            };
            for line in &file.lines {
                let entry = entry(line.customer, (line.from, line.until), line.mailed, line.line);
                by_id(line.customer, entry);
                match line.prefix {
                    IpNet::V4(net) => v4.push(((net.network().into(), net.prefix_len()), entry)),
                    IpNet::V6(net) => v6.push(((net.network().into(), net.prefix_len()), entry)),
                }
            }
            for one in &file.logins {
                let entry = entry(one.customer, (one.from, one.until), one.mailed, one.line);
                by_id(one.customer, entry);
                if has_logs {
                    logins.push((one.login.clone(), entry));
                }
            }
            for one in &file.unplaced {
                let entry = entry(one.customer, (one.from, one.until), one.mailed, one.line);
                by_id(one.customer, entry);
            }
            for one in &file.forwards {
                let entry = entry(one.customer, (one.from, one.until), one.mailed, one.line);
                by_id(one.customer, entry);
                if has_logs {
                    forwards.push(((one.address, one.ports), entry));
                }
            }
            tree::join(&mut ids);
            tree::join(&mut v4);
            tree::join(&mut v6);
            tree::join(&mut logins);
            tree::join(&mut forwards);
        }
        let mut spans: Vec<_> = spans.into_iter().map(|(span, index)| (index, span)).collect();
        spans.sort_unstable();
        let mut contacts: Vec<_> = contacts.into_iter().collect();
        contacts.sort_unstable_by_key(|contact| contact.0);
        Self {
            ours: Ranges::new(&networks.cidrs),
            marked: Ranges::new(networks.cgn.iter().chain(&networks.dynamic)),
            cgn: Ranges::new(&networks.cgn),
            imported,
            v4: Tree::new(v4),
            v6: Tree::new(v6),
            logins: Keyed::new(logins),
            ids: Keyed::new(ids),
            forwards: Keyed::new(forwards),
            spans: spans.into_iter().map(|(_, span)| span).collect(),
            numbers: contacts.iter().map(|(number, (last, _))| (*number, *last)).collect(),
            contacts: contacts.into_iter().map(|(_, (_, record))| record).collect(),
        }
    }

    /// Which kind of source answers for an address.
    pub fn source(&self, address: IpAddr) -> Source {
        let address = address.to_canonical();
        match () {
            () if !self.ours.contains(address) => Source::Outside,
            () if self.cgn.contains(address) => Source::Cgn,
            () if self.marked.contains(address) => Source::Dynamic,
            () => Source::Lines,
        }
    }

    /// Whose address it was, as far as static lines can say.
    pub fn owner(&self, address: IpAddr, at: Timestamp) -> Owner {
        match self.source(address) {
            Source::Outside => Owner::Outside,
            Source::Dynamic | Source::Cgn => Owner::Unattributable,
            Source::Lines => self.owner_by_lines(address, at),
        }
    }

    /// Whether the file that was in force then is still here.
    pub fn knows(&self, at: Timestamp) -> bool {
        self.imported.first().is_some_and(|first| *first <= at)
    }

    /// What static lines say of an address, wherever it lies: behind a NAT, it is none of ours.
    pub fn owner_by_lines(&self, address: IpAddr, at: Timestamp) -> Owner {
        match address.to_canonical() {
            IpAddr::V4(v4) => self.line_owner(&self.v4, v4.into(), at),
            IpAddr::V6(v6) => self.line_owner(&self.v6, v6.into(), at),
        }
    }

    /// Who had a login, as [`login`] folds it, or is the customer with that id; `None` if nobody has. One customer's login
    /// that is another's id is ambiguous: a log does not say which it means.
    pub fn owner_of_login(&self, login: &str, at: Timestamp) -> Option<Owner> {
        // A customer may have a line that is cancelled beside others: the id alone does not say which it was.
        let by_id = |file| {
            let entries = || self.ids.get(login).iter().filter(|entry| entry.stands_in(file));
            let is_mailed = entries().any(|entry| entry.mailed && self.is_valid(entry, at));
            entries().map(|entry| of(entry, is_mailed)).reduce(Owner::and)
        };
        let owners = self.files(at).map(|file| {
            let named = self.entries_owner(self.logins.get(login), file, at);
            named.into_iter().chain(by_id(file)).reduce(Owner::and).unwrap_or(Owner::Unassigned)
        });
        owners.reduce(Owner::and).filter(|owner| *owner != Owner::Unassigned)
    }

    /// To whom a port of an address that others share is forwarded; `None`: to nobody.
    pub fn owner_of_forward(&self, address: IpAddr, port: u16, at: Timestamp) -> Option<Owner> {
        let address = address.to_canonical();
        let first = (address, (0, 0));
        let around = || {
            let of_address = self.forwards.from(&first).take_while(|((one, _), _)| *one == address);
            of_address.filter(|((_, (first, last)), _)| (*first..=*last).contains(&port))
        };
        let owners = self.files(at).map(|file| {
            let each = around().filter_map(|(_, entries)| self.entries_owner(entries, file, at));
            each.reduce(Owner::and).unwrap_or(Owner::Unassigned)
        });
        owners.reduce(Owner::and).filter(|owner| *owner != Owner::Unassigned)
    }

    /// Whose network it was: a customer's only if all of it was, outside only if all of it is, else ambiguous.
    pub fn owner_of_network(&self, net: IpNet, at: Timestamp) -> Owner {
        let net = cell::canonical(net);
        let (first, last) = (net.network(), net.broadcast());
        if !self.ours.touches(first, last) {
            return Owner::Outside;
        }
        if !self.ours.covers(first, last) {
            return Owner::Ambiguous;
        }
        if self.marked.touches(first, last) {
            let all = self.marked.covers(first, last);
            return if all { Owner::Unattributable } else { Owner::Ambiguous };
        }
        match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                self.lines_owner(&self.v4, first.into(), last.into(), at)
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                self.lines_owner(&self.v6, first.into(), last.into(), at)
            }
            _ => Owner::Ambiguous,
        }
    }

    /// The customer as the newest file that has it describes it.
    pub fn contact(&self, customer: CustomerNo) -> Option<Contact<'_>> {
        let index = self.index(customer)?;
        let in_newest = Some(self.numbers[index].1) == self.newest();
        Some(Contact { in_newest, ..self.contacts.get(index)? })
    }

    /// The customers in the newest file behind `after`, in the order in which they were first seen.
    pub fn customers(&self, after: CustomerNo) -> impl Iterator<Item = (CustomerNo, Contact<'_>)> {
        let from = self.numbers.partition_point(|(number, _)| *number <= after.0);
        let numbers = self.numbers[from..].iter().map(|(number, _)| CustomerNo(*number));
        let contacts = numbers.filter_map(|number| Some((number, self.contact(number)?)));
        contacts.filter(|(_, contact)| contact.in_newest && !contact.id.is_empty())
    }

    /// What a customer has in the newest file, in the order of the prefixes.
    pub fn holdings(&self, customer: CustomerNo) -> impl Iterator<Item = Holding> {
        let lines = self.newest().into_iter().flat_map(move |newest| {
            self.v4.lines_of(customer.0, newest).chain(self.v6.lines_of(customer.0, newest))
        });
        lines.map(|(prefix, entry)| {
            let (from, until) = self.spans[entry.span as usize];
            Holding {
                prefix,
                line: entry.line,
                from: (from != ALWAYS).then_some(from),
                until: (until != FOREVER).then_some(until),
                mailed: entry.mailed,
            }
        })
    }

    /// By what logs know a customer in the newest file, beside his id, if there are networks in which they are asked.
    pub fn logins(&self, customer: CustomerNo) -> impl Iterator<Item = &str> {
        let newest = self.newest().into_iter();
        newest.flat_map(move |newest| self.logins.of(customer.0, newest)).map(|login| &**login)
    }

    /// The ports that are forwarded to a customer in the newest file, likewise: address, first and last port.
    pub fn forwards(&self, customer: CustomerNo) -> impl Iterator<Item = (IpAddr, (u16, u16))> {
        let newest = self.newest().into_iter();
        newest.flat_map(move |newest| self.forwards.of(customer.0, newest)).copied()
    }

    /// Customers in the newest file; the lines without a customer id are none.
    pub fn customers_len(&self) -> usize {
        let newest = (0..).zip(&self.numbers).filter(|(_, (_, last))| Some(*last) == self.newest());
        newest.filter(|(index, _)| self.contacts.id(*index) != Some("")).count()
    }

    /// Distinct prefixes in the newest file.
    pub fn prefixes_len(&self) -> usize {
        self.newest().map_or(0, |newest| self.v4.count(newest) + self.v6.count(newest))
    }

    /// The answer of [`Table::owner`] with all lines around the address and why each won or lost.
    pub fn explain(&self, address: IpAddr, at: Timestamp) -> Explanation<'_> {
        let address = address.to_canonical();
        let owner = self.owner(address, at);
        let (mut candidates, answers) = match address {
            IpAddr::V4(v4) => self.candidates(&self.v4, v4.into(), at),
            IpAddr::V6(v6) => self.candidates(&self.v6, v6.into(), at),
        };
        let files_differ = answers.iter().any(|answer| answer.owner != answers[0].owner);
        let is_parted = files_differ && answers.iter().all(|answer| answer.owner != Owner::Ambiguous);
        let is_only = candidates.iter().all(|candidate| candidate.prefix == candidates[0].prefix);
        let why = match owner {
            Owner::Outside => Why::Outside,
            Owner::Unattributable => Why::Unattributable,
            Owner::Unassigned => Why::NoLine,
            Owner::Ambiguous if is_parted => Why::FilesDiffer,
            Owner::Ambiguous => Why::TwoCustomers,
            Owner::Customer { .. } if files_differ => Why::MailsDiffer,
            Owner::Customer { mailed: true, .. } if answers.iter().any(|a| a.node != answers[0].node) => {
                Why::FilesAgree
            }
            Owner::Customer { mailed: true, .. } if is_only => Why::OnlyPrefix,
            Owner::Customer { mailed: true, .. } => Why::Longest,
            Owner::Customer { mailed: false, .. } if candidates.iter().any(|c| c.won && c.valid) => {
                Why::NotMailed
            }
            Owner::Customer { mailed: false, .. } => Why::NoneValid,
        };
        for candidate in &mut candidates {
            match owner {
                Owner::Outside | Owner::Unattributable => (candidate.won, candidate.why) = (false, why),
                // Nobody has won; each of these would have, without the other.
                Owner::Ambiguous if candidate.won => (candidate.won, candidate.why) = (false, why),
                _ if candidate.why == Why::Longest && is_only => candidate.why = Why::OnlyPrefix,
                _ => {}
            }
        }
        let customer = match owner {
            Owner::Customer { customer, .. } => Some(customer),
            _ => None,
        };
        let customer_id = customer.map(|customer| self.id(customer));
        let prefix = customer.and_then(|_| candidates.iter().find(|c| c.won)).map(|c| c.prefix);
        Explanation { owner, customer_id, prefix, why, candidates }
    }

    /// Where a customer stands in `contacts`.
    fn index(&self, customer: CustomerNo) -> Option<usize> {
        self.numbers.binary_search_by_key(&customer.0, |&(number, _)| number).ok()
    }

    fn id(&self, customer: CustomerNo) -> &str {
        self.index(customer).and_then(|index| self.contacts.id(index)).unwrap_or_default()
    }

    fn newest(&self) -> Option<u32> {
        u32::try_from(self.imported.len()).ok()?.checked_sub(1)
    }

    /// The files that answer for a moment: the one then in force, and the one that replaced it. Between two
    /// imports nobody knows when the change happened.
    fn files(&self, at: Timestamp) -> impl Iterator<Item = u32> + use<> {
        let before = self.imported.partition_point(|imported| *imported <= at) as u32;
        let (first, end) = (before.saturating_sub(1), self.imported.len() as u32);
        first..end.min(before + 1)
    }

    fn line_owner<A: Bits>(&self, tree: &Tree<A>, address: A, at: Timestamp) -> Owner {
        let owners = self.files(at).map(|file| self.file_owner(tree, address, file, at));
        owners.reduce(Owner::and).unwrap_or(Owner::Unassigned)
    }

    fn lines_owner<A: Bits>(&self, tree: &Tree<A>, first: A, last: A, at: Timestamp) -> Owner {
        let mut owner = self.line_owner(tree, first, at);
        let mut address = first;
        while owner != Owner::Ambiguous
            && let Some(next) = tree.change(address, last)
        {
            owner = owner.and(self.line_owner(tree, next, at));
            address = next;
        }
        owner
    }

    fn file_owner<A: Bits>(&self, tree: &Tree<A>, address: A, file: u32, at: Timestamp) -> Owner {
        match winner(tree, address, file) {
            None => Owner::Unassigned,
            Some(node) => self.node_owner(tree.entries(node), file, at),
        }
    }

    /// The longest prefix decides alone.
    fn node_owner(&self, entries: &[Entry], file: u32, at: Timestamp) -> Owner {
        self.entries_owner(entries, file, at).unwrap_or(Owner::Unassigned)
    }

    /// By the lines valid at that time, else by those not valid, unmailed; `None`: the file has none of them.
    fn entries_owner(&self, entries: &[Entry], file: u32, at: Timestamp) -> Option<Owner> {
        let standing = || entries.iter().filter(|entry| entry.stands_in(file));
        let valid = standing().filter(|e| self.is_valid(e, at)).map(|e| of(e, e.mailed)).reduce(Owner::and);
        valid.or_else(|| standing().map(|e| of(e, false)).reduce(Owner::and))
    }

    fn is_valid(&self, entry: &Entry, at: Timestamp) -> bool {
        let (from, until) = self.spans[entry.span as usize];
        from <= at && at <= until
    }

    /// All lines around an address that stand in a file that answers, and what each of those files says.
    fn candidates<A: Bits>(
        &self,
        tree: &Tree<A>,
        address: A,
        at: Timestamp,
    ) -> (Vec<Candidate<'_>>, Vec<Answer>) {
        let answer = |file| {
            let owner = self.file_owner(tree, address, file, at);
            Answer { file, node: winner(tree, address, file), owner }
        };
        let answers: Vec<Answer> = self.files(at).map(answer).collect();
        let mut candidates = Vec::new();
        for node in tree.around(address) {
            for entry in tree.entries(node) {
                let mut here = answers.iter().filter(|answer| entry.stands_in(answer.file)).peekable();
                if here.peek().is_none() {
                    continue;
                }
                let valid = self.is_valid(entry, at);
                // Of two files in which it stands, one may have a longer prefix.
                let decides = here.find(|answer| answer.node == Some(node));
                let has_rival = decides.is_some_and(|answer| {
                    let mut others = tree.entries(node).iter();
                    others.any(|other| other.stands_in(answer.file) && self.is_valid(other, at))
                });
                let (won, why) = match decides {
                    None => (false, Why::LongerPrefix),
                    Some(_) if valid && entry.mailed => (true, Why::Longest),
                    Some(_) if valid => (true, Why::NotMailed),
                    Some(_) if has_rival => (false, Why::NotValid),
                    Some(_) => (true, Why::NoneValid),
                };
                candidates.push(Candidate {
                    customer_id: self.id(CustomerNo(entry.customer)),
                    prefix: tree.net(node),
                    line: entry.line,
                    imported: self.imported[entry.last as usize],
                    valid,
                    won,
                    why,
                });
            }
        }
        (candidates, answers)
    }
}

fn of(entry: &Entry, mailed: bool) -> Owner {
    Owner::Customer { customer: CustomerNo(entry.customer), mailed }
}

/// What one file says of an address.
struct Answer {
    file: u32,
    /// Of the prefix that decides.
    node: Option<u32>,
    owner: Owner,
}

/// The longest prefix around an address on which a file has a line, valid or not.
fn winner<A: Bits>(tree: &Tree<A>, address: A, file: u32) -> Option<u32> {
    tree.around(address).find(|&node| tree.entries(node).iter().any(|entry| entry.stands_in(file)))
}

/// Lines that never match in these networks: static ones inside a marked range, and those of foreign addresses.
pub fn check(file: &File, networks: &Networks) -> Complaints {
    let ours = Ranges::new(&networks.cidrs);
    let (dynamic, cgn) = (Ranges::new(&networks.dynamic), Ranges::new(&networks.cgn));
    let mut complaints = Complaints::default();
    let inside = Ranges::new(&networks.inside);
    for Line { prefix, line, .. } in &file.lines {
        let (first, last) = (prefix.network(), prefix.broadcast());
        let why = if inside.covers(first, last) {
            continue;
        } else if !ours.touches(first, last) {
            "lies outside networks.cidrs, so this line never matches"
        } else if dynamic.covers(first, last) {
            "lies inside networks.dynamic, where a static line never matches"
        } else if cgn.covers(first, last) {
            "lies inside networks.cgn, where a static line never matches"
        } else {
            continue;
        };
        complaints.push(Some(*line), Role::Address, format!("{prefix} {why}"));
    }
    for Forward { address, ports, line, .. } in &file.forwards {
        if !cgn.contains(*address) {
            let why = "lies outside networks.cgn, where a port forward never matches";
            complaints.push(Some(*line), Role::Address, format!("{address} port {} {why}", ports.0));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::super::import;
    use super::*;

    const HEADER: &str = "customer_id,name,email,cidr,valid_from,valid_to,status\n";

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn networks() -> Networks {
        let list = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Networks {
            cidrs: list(&["192.0.2.0/24", "2001:db8::/32"]),
            dynamic: list(&["192.0.2.128/26"]),
            cgn: list(&["192.0.2.192/26"]),
            ..Networks::default()
        }
    }

    fn file(lines: &str) -> File {
        let file = import::read(format!("{HEADER}{lines}").as_bytes(), &TimeZone::UTC);
        assert!(!file.refused, "{:?}", file.complaints);
        file
    }

    /// `C1` is customer 1.
    fn number(id: &str) -> u32 {
        id.strip_prefix('C').map_or(99, |digits| digits.parse().unwrap())
    }

    fn table(files: &[(&str, &str)]) -> Table {
        Table::build(&networks(), files.iter().map(|(imported, lines)| (at(imported), file(lines))), number)
    }

    fn customer(number: u32) -> Owner {
        Owner::Customer { customer: CustomerNo(number), mailed: true }
    }

    fn unmailed(number: u32) -> Owner {
        Owner::Customer { customer: CustomerNo(number), mailed: false }
    }

    #[test]
    fn logs_are_asked_in_marked_networks_alone() {
        let text = "customer_id,cidr,login\nC1,192.0.2.1,anna\n,192.0.2.2,\n";
        let file = import::read(text.as_bytes(), &TimeZone::UTC);
        let now = at("2026-11-01T00:00:00Z");
        let list = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        for (dynamic, cgn, source) in [
            (&[][..], &[][..], Source::Lines),
            (&["192.0.2.0/28"], &[], Source::Dynamic),
            (&[], &["192.0.2.0/28"], Source::Cgn),
            (&["192.0.2.0/28"], &["192.0.2.0/29"], Source::Cgn),
        ] {
            let networks = Networks {
                cidrs: list(&["192.0.2.0/24"]),
                dynamic: list(dynamic),
                cgn: list(cgn),
                ..Networks::default()
            };
            let table = Table::build(&networks, [(now, &file)], number);
            assert_eq!(table.source(ip("192.0.2.1")), source);
            assert_eq!(table.source(ip("192.0.2.77")), Source::Lines);
            assert_eq!(table.source(ip("192.0.3.1")), Source::Outside);
            let known = (source != Source::Lines).then_some(customer(1));
            assert_eq!((table.owner_of_login("anna", now), table.owner_of_login("c1", now)), (known, known));
            assert_eq!(table.owner_of_login("", now), None, "a line without an id is nobody's by its id");
        }
    }

    /// Who has an address on 15 November, by one file.
    fn owner(lines: &str, address: &str) -> Owner {
        table(&[("2026-11-01T00:00:00Z", lines)]).owner(ip(address), at("2026-11-15T12:00:00Z"))
    }

    #[test]
    fn each_of_many_prefixes_is_found() {
        let lines: String = (0..120).map(|host| format!("C{host},,,192.0.2.{host},,,\n")).collect();
        let table = table(&[("2026-11-01T00:00:00Z", &lines)]);
        for host in 0..120 {
            let owner = table.owner(ip(&format!("192.0.2.{host}")), at("2026-11-15T12:00:00Z"));
            assert_eq!(owner, customer(host), "{host}");
        }
    }

    #[test]
    fn the_longest_prefix_decides_alone() {
        let lines = "C1,,,192.0.2.0/25,,,\nC2,,,192.0.2.16/28,,,\nC3,,,192.0.2.17,,,\nC4,,,2001:db8:1::/48,,,\n\
                     C5,,,2001:db8:1:100::/56,,,\n";
        for (address, expected) in [
            ("192.0.2.1", customer(1)),
            ("192.0.2.16", customer(2)),
            ("192.0.2.17", customer(3)),
            ("192.0.2.18", customer(2)),
            ("192.0.2.32", customer(1)),
            ("::ffff:192.0.2.17", customer(3)),
            ("2001:db8:1:1ff:ffff::", customer(5)),
            ("2001:db8:1:200::", customer(4)),
            ("2001:db8:2::", Owner::Unassigned),
            ("192.0.3.1", Owner::Outside),
            ("2001:db9::", Owner::Outside),
        ] {
            assert_eq!(owner(lines, address), expected, "{address}");
        }
    }

    #[test]
    fn outside_wins_over_any_line() {
        assert_eq!(owner("C1,,,192.0.0.0/16,,,\n", "192.0.3.1"), Owner::Outside);
        assert_eq!(owner("C1,,,192.0.0.0/16,,,\n", "192.0.2.1"), customer(1));
    }

    #[test]
    fn static_lines_never_match_in_marked_ranges() {
        let lines =
            "C1,,,192.0.2.0/24,,,\nC2,,,192.0.2.130,,,\nC3,,,192.0.2.200/29,,,\nC4,,,198.51.100.1,,,\n";
        assert_eq!(owner(lines, "192.0.2.130"), Owner::Unattributable);
        assert_eq!(owner(lines, "192.0.2.200"), Owner::Unattributable);
        assert_eq!(owner(lines, "192.0.2.127"), customer(1));
        let complaints = check(&file(lines), &networks());
        let told: Vec<_> = complaints.list.iter().map(|c| (c.line.unwrap(), c.complaint.as_str())).collect();
        assert_eq!(told.len(), 3);
        assert!(told[0].0 == 3 && told[0].1.contains("networks.dynamic"));
        assert!(told[1].0 == 4 && told[1].1.contains("networks.cgn"));
        assert!(told[2].0 == 5 && told[2].1.contains("outside networks.cidrs"));
    }

    #[test]
    fn two_customers_on_one_prefix_are_ambiguous() {
        let lines = "C1,,,192.0.2.0/25,,,\nC2,,,192.0.2.16/28,,,\nC3,,,192.0.2.16/28,,,\n";
        assert_eq!(owner(lines, "192.0.2.17"), Owner::Ambiguous);
        assert_eq!(owner(lines, "192.0.2.1"), customer(1));
        let lines = "C1,,,192.0.2.0-192.0.2.20,,,\nC2,,,192.0.2.16-192.0.2.31,,,\n";
        for (address, expected) in [
            ("192.0.2.15", customer(1)),
            ("192.0.2.16", Owner::Ambiguous),
            ("192.0.2.20", Owner::Ambiguous),
            ("192.0.2.21", customer(2)),
        ] {
            assert_eq!(owner(lines, address), expected, "{address}");
        }
        let lines = "C1,,,192.0.2.1-192.0.2.19,,,\nC2,,,192.0.2.18-192.0.2.30,,,\n";
        assert_eq!(
            owner(lines, "192.0.2.18"),
            Owner::Ambiguous,
            "the cuts of the ranges nest, the ranges do not"
        );
        assert_eq!(owner(lines, "192.0.2.20"), customer(2));
        // The second customer's part is cut as the whole of the first line is, and crosses all the same.
        let lines =
            "C2,,,192.0.2.0-192.0.2.23,,,\nC1,,,192.0.2.0-192.0.2.16,,,\nC2,,,192.0.2.16-192.0.2.23,,,\n";
        assert_eq!(owner(lines, "192.0.2.16"), Owner::Ambiguous);
        assert_eq!(owner(lines, "192.0.2.17"), customer(2));
    }

    #[test]
    fn a_faulty_line_takes_its_place_unmailed() {
        for line in [
            "C2,,a@x.example,192.0.2.16/28,,,cancelled",
            "C2,,a@x.example,192.0.2.16/28,,,no mail",
            "C2,,keine Mail,192.0.2.16/28,,,",
            "C2,,a@x.example,192.0.2.16/28,,,what is this",
            "C2,,a@x.example,192.0.2.16/28,,2026-11-14,",
            "C2,,a@x.example,192.0.2.16/28,2026-11-16,,",
            "C2,,a@x.example,192.0.2.16/28,soon,,",
            "C2,,a@x.example,192.0.2.16/28,2026-11-20,2026-11-10,",
        ] {
            assert_eq!(
                owner(&format!("C1,,,192.0.2.0/25,,,\n{line}\n"), "192.0.2.17"),
                unmailed(2),
                "{line}"
            );
        }
        for (line, unreadable) in [
            (",,a@x.example,192.0.2.16/28,,,", 0),
            ("C2,Foo, Inc,a@x.example,192.0.2.16/28,,,active", 1),
            ("C2,\"Foo\" Inc,a@x.example,192.0.2.16/28,,,", 0),
            ("C2,\"Foo,a@x.example,192.0.2.16/28,,,\nC4,\",,192.0.2.64,,,", 0),
        ] {
            let lines = format!("C1,,,192.0.2.0/25,,,\n{line}\nC3,,,192.0.2.32/28,,,\n");
            assert_eq!(file(&lines).unreadable.len(), unreadable, "{line}");
            assert_eq!(owner(&lines, "192.0.2.17"), unmailed(99), "{line}");
            assert_eq!(owner(&lines, "192.0.2.33"), customer(3), "{line}");
        }
        for mail in ["", "POST", "none@x.example", "not a mail"] {
            let line = format!("C2,,{mail},192.0.2.16/28,,,\n");
            assert_eq!(owner(&line, "192.0.2.17"), customer(2), "{mail}: the operator passes the notice on");
        }
    }

    #[test]
    fn validity_chooses_among_the_lines_of_a_prefix() {
        let lines = "C1,,,192.0.2.0/25,,,\nC2,,,192.0.2.16/28,,2026-11-14,\nC3,,,192.0.2.16/28,2026-11-15,,\n\
                     C4,,,192.0.2.32/28,,2026-11-10,\nC5,,,192.0.2.32/28,,2026-11-12,\n";
        let table = table(&[("2026-11-01T00:00:00Z", lines)]);
        for (address, time, expected) in [
            ("192.0.2.17", "2026-11-14T23:59:59Z", customer(2)),
            ("192.0.2.17", "2026-11-15T00:00:00Z", customer(3)),
            ("192.0.2.33", "2026-11-10T00:00:00Z", Owner::Ambiguous),
            ("192.0.2.33", "2026-11-11T00:00:00Z", customer(5)),
            ("192.0.2.33", "2026-11-13T00:00:00Z", Owner::Ambiguous),
        ] {
            assert_eq!(table.owner(ip(address), at(time)), expected, "{address} {time}");
        }
    }

    #[test]
    fn a_row_between_two_imports_needs_both_files() {
        let table = table(&[
            ("2026-11-01T00:00:00Z", "C1,,,192.0.2.1,,,\nC2,,,192.0.2.2,,,\nC3,,,192.0.2.3,,,\n"),
            ("2026-11-10T00:00:00Z", "C1,,,192.0.2.1,,,\nC9,,,192.0.2.2,,,\nC3,,,192.0.2.3,,,cancelled\n"),
            ("2026-11-20T00:00:00Z", "C1,,,192.0.2.1,,,\nC9,,,192.0.2.2,,,\nC4,,,192.0.2.4,,,\n"),
        ]);
        for (address, time, expected) in [
            ("192.0.2.2", "2026-01-01T00:00:00Z", customer(2)),
            ("192.0.2.2", "2026-10-31T23:59:59Z", customer(2)),
            ("192.0.2.2", "2026-11-01T00:00:00Z", Owner::Ambiguous),
            ("192.0.2.2", "2026-11-09T23:59:59Z", Owner::Ambiguous),
            ("192.0.2.2", "2026-11-10T00:00:00Z", customer(9)),
            ("192.0.2.1", "2026-11-05T00:00:00Z", customer(1)),
            ("192.0.2.3", "2026-11-05T00:00:00Z", unmailed(3)),
            ("192.0.2.3", "2026-11-15T00:00:00Z", Owner::Ambiguous),
            ("192.0.2.3", "2026-11-20T00:00:00Z", Owner::Unassigned),
            ("192.0.2.4", "2026-11-19T00:00:00Z", Owner::Ambiguous),
            ("192.0.2.4", "2027-11-19T00:00:00Z", customer(4)),
        ] {
            assert_eq!(table.owner(ip(address), at(time)), expected, "{address} {time}");
        }
        assert_eq!((table.customers_len(), table.prefixes_len()), (3, 3));
        assert_eq!(table.v4.count(0) + table.v4.count(1), 6);
        assert!(!table.contact(CustomerNo(3)).unwrap().in_newest);
        assert!(table.contact(CustomerNo(4)).unwrap().in_newest);
        assert_eq!(table.contact(CustomerNo(5)), None);
    }

    #[test]
    fn without_files_nobody_is_named() {
        let table = table(&[]);
        assert_eq!(table.owner(ip("192.0.2.1"), Timestamp::default()), Owner::Unassigned);
        assert_eq!(table.owner(ip("192.0.3.1"), Timestamp::default()), Owner::Outside);
        assert_eq!((table.customers_len(), table.prefixes_len()), (0, 0));
    }

    #[test]
    fn a_network_is_matched_only_as_a_whole() {
        let lines = "C1,,,192.0.2.0/27,,,\nC1,,,192.0.2.4,,,\nC2,,,192.0.2.32/28,,,\nC3,,,192.0.2.48/28,,,cancelled\n";
        let table = table(&[("2026-11-01T00:00:00Z", lines)]);
        for (net, expected) in [
            ("192.0.2.0/27", customer(1)),
            ("192.0.2.4/31", customer(1)),
            ("192.0.2.0/26", Owner::Ambiguous),
            ("192.0.2.32/28", customer(2)),
            ("192.0.2.48/29", unmailed(3)),
            ("192.0.2.64/26", Owner::Unassigned),
            ("192.0.2.0/25", Owner::Ambiguous),
            ("192.0.2.128/27", Owner::Unattributable),
            ("192.0.2.128/25", Owner::Unattributable),
            ("192.0.2.0/24", Owner::Ambiguous),
            ("192.0.0.0/16", Owner::Ambiguous),
            ("198.51.100.0/24", Owner::Outside),
            ("2001:db8::/32", Owner::Unassigned),
            ("::/0", Owner::Ambiguous),
            ("::ffff:192.0.2.32/124", customer(2)),
        ] {
            assert_eq!(
                table.owner_of_network(net.parse().unwrap(), at("2026-11-15T00:00:00Z")),
                expected,
                "{net}"
            );
        }
    }

    #[test]
    fn the_newest_contact_counts() {
        let table = table(&[
            (
                "2026-11-01T00:00:00Z",
                "C1,Old,old@x.example,192.0.2.1,,,\nC2,Gone,gone@x.example,192.0.2.2,,,\n",
            ),
            ("2026-11-10T00:00:00Z", "C1,New,new@x.example,192.0.2.1,,,\n"),
        ]);
        let contact = table.contact(CustomerNo(1)).unwrap();
        assert_eq!(
            (contact.id, contact.name, contact.mails, contact.language),
            ("C1", "New", vec!["new@x.example"], None)
        );
        let gone = table.contact(CustomerNo(2)).unwrap();
        assert_eq!((gone.name, gone.in_newest), ("Gone", false));
    }

    #[test]
    fn whois_says_why() {
        let table = table(&[(
            "2026-11-01T00:00:00Z",
            "C1,,,192.0.2.0/25,,,\nC2,,,192.0.2.16/28,,2026-11-14,\nC3,,,192.0.2.16/28,2026-11-15,,\nC4,,,192.0.2.130,,,\n",
        )]);
        let told = table.explain(ip("192.0.2.17"), at("2026-11-15T00:00:00Z"));
        assert_eq!((told.owner, told.customer_id), (customer(3), Some("C3")));
        assert_eq!(told.prefix, Some("192.0.2.16/28".parse().unwrap()));
        let lines: Vec<_> = told.candidates.iter().map(|c| (c.customer_id, c.line, c.valid, c.won)).collect();
        assert_eq!(lines, [("C2", 3, false, false), ("C3", 4, true, true), ("C1", 2, true, false)]);
        let told = table.explain(ip("192.0.2.130"), at("2026-11-15T00:00:00Z"));
        assert_eq!((told.owner, told.customer_id, told.prefix), (Owner::Unattributable, None, None));
        assert!(told.candidates.len() == 1 && !told.candidates[0].won);
    }

    #[test]
    fn whois_names_each_reason() {
        let old = "C1,,,192.0.2.0/25,,,\nC2,,,192.0.2.16/28,,2026-11-10,\nC3,,,192.0.2.32/28,,,\n\
                   C4,,,192.0.2.48/28,,,\nC5,,,192.0.2.48/28,,,\nC6,,,2001:db8:1::/48,,,\n\
                   C4,,,192.0.2.64/28,,,\nC5,,,192.0.2.64/28,,,\n";
        let new = "C1,,,192.0.2.0/25,,,\nC2,,,192.0.2.16/28,,2026-11-10,\nC7,,,192.0.2.32/28,,,\n\
                   C4,,,192.0.2.48/28,,,\nC5,,,192.0.2.48/28,,,\nC4,,,192.0.2.64/28,,,\n";
        let table = table(&[("2026-11-01T00:00:00Z", old), ("2026-12-01T00:00:00Z", new)]);
        let (only, longer, longest, fallen, past) =
            (Why::OnlyPrefix, Why::LongerPrefix, Why::Longest, Why::NoneValid, Why::NotValid);
        let (parted, two) = (Why::FilesDiffer, Why::TwoCustomers);
        for (address, time, why, whys) in [
            ("192.0.2.1", "2026-11-15", only, vec![("C1", only)]),
            ("192.0.2.17", "2026-11-05", longest, vec![("C2", longest), ("C1", longer)]),
            ("192.0.2.17", "2026-11-15", fallen, vec![("C2", fallen), ("C1", longer)]),
            ("192.0.2.33", "2026-11-15", parted, vec![("C3", parted), ("C7", parted), ("C1", longer)]),
            ("192.0.2.33", "2026-12-15", longest, vec![("C7", longest), ("C1", longer)]),
            ("192.0.2.49", "2026-11-15", two, vec![("C4", two), ("C5", two), ("C1", longer)]),
            // The files differ, too, but one alone would not have told.
            ("192.0.2.65", "2026-11-15", two, vec![("C4", two), ("C5", two), ("C1", longer)]),
            ("2001:db8:1::1", "2026-11-15", parted, vec![("C6", parted)]),
            ("2001:db8:2::1", "2026-11-15", Why::NoLine, vec![]),
        ] {
            let told = table.explain(ip(address), at(&format!("{time}T00:00:00Z")));
            assert_eq!(told.why, why, "{address} {time}");
            let lines: Vec<_> = told.candidates.iter().map(|c| (c.customer_id, c.why)).collect();
            assert_eq!(lines, whys, "{address} {time}");
        }
        let file = "C2,,,192.0.2.16/28,,2026-11-10,\nC3,,,192.0.2.16/28,,,\nC8,,,2001:db8::/48,,,\n";
        let table = self::table(&[("2026-11-01T00:00:00Z", file)]);
        let told = table.explain(ip("192.0.2.17"), at("2026-11-15T00:00:00Z"));
        assert_eq!((told.candidates[0].why, told.candidates[1].why), (past, only));
        assert_eq!((table.customers_len(), table.prefixes_len()), (3, 2), "of both families");
    }

    #[test]
    fn whois_says_the_longest_prefix_only_where_that_is_the_reason() {
        let (old, new) = ("C1,,,192.0.2.0/25,,,\nC2,,,192.0.2.64/28,,,\nC3,,,192.0.2.16/28,,,\n", "");
        let old = format!("{old}C4,,,192.0.2.80/28,,,cancelled\nC5,,,192.0.2.96/28,,,\n");
        let new = format!(
            "{new}C1,,,192.0.2.0/25,,,\nC1,,,192.0.2.32/28,,,\nC2,,,192.0.2.64/28,,,cancelled\n\
             C4,,,192.0.2.80/28,,,cancelled\nC5,,,192.0.2.96/28,,,\n"
        );
        let table = table(&[("2026-11-01T00:00:00Z", &old), ("2026-12-01T00:00:00Z", &new)]);
        let (longer, longest) = (Why::LongerPrefix, Why::Longest);
        for (address, why, whys) in [
            // By the wide prefix before and by the narrow one after.
            ("192.0.2.33", Why::FilesAgree, vec![("C1", longest, true), ("C1", longest, true)]),
            // The narrow one is gone, so the wide one would decide after.
            (
                "192.0.2.17",
                Why::FilesDiffer,
                vec![("C3", Why::FilesDiffer, false), ("C1", Why::FilesDiffer, false)],
            ),
            (
                "192.0.2.65",
                Why::MailsDiffer,
                vec![("C2", Why::NotMailed, true), ("C2", longest, true), ("C1", longer, false)],
            ),
            ("192.0.2.81", Why::NotMailed, vec![("C4", Why::NotMailed, true), ("C1", longer, false)]),
            ("192.0.2.97", longest, vec![("C5", longest, true), ("C1", longer, false)]),
        ] {
            let told = table.explain(ip(address), at("2026-11-15T00:00:00Z"));
            let lines: Vec<_> = told.candidates.iter().map(|c| (c.customer_id, c.why, c.won)).collect();
            assert_eq!((told.why, lines), (why, whys), "{address}");
        }
    }

    #[test]
    fn unchanged_files_cost_nothing() {
        let lines = file("C1,,,192.0.2.0/25,,,\nC2,,,2001:db8:1::/48,,,\n");
        let files = (0..35).map(|day| (Timestamp::default().plus_days(day), &lines));
        let table = Table::build(&networks(), files, number);
        assert_eq!(table.v4.around(u32::from(std::net::Ipv4Addr::new(192, 0, 2, 1))).count(), 1);
        assert_eq!(table.v4.entries(0).len() + table.v6.entries(0).len(), 2);
        assert_eq!(table.v4.entries(0)[0].last, 34);
    }

    proptest! {
        /// Ranges and prefixes of several customers, each against all others: of those around an address the ones that
        /// have no other of them inside decide, if they are one customer's; what crosses is never guessed.
        #[test]
        fn no_range_is_decided_by_how_it_is_cut(
            claims in prop::collection::vec((0_u8..32, 0_u8..32, 1_u32..5, any::<bool>()), 1..7)
        ) {
            // A range, or the prefix with that many addresses.
            let claims: Vec<(u8, u8, u32)> = claims.into_iter().map(|(a, b, customer, is_prefix)| {
                let size = 1 << (b % 5);
                let first = a / size * size;
                if is_prefix { (first, first + size - 1, customer) } else { (a.min(b), a.max(b), customer) }
            }).collect();
            let lines: String = claims.iter().map(|(first, last, customer)| {
                format!("C{customer},,,192.0.2.{first}-192.0.2.{last},,,\n")
            }).collect();
            let table = table(&[("2026-11-01T00:00:00Z", &lines)]);
            let is_aligned = |(first, last, _): &(u8, u8, u32)| {
                let size = last - first + 1;
                size.is_power_of_two() && first % size == 0
            };
            for address in 0..32 {
                let around: Vec<_> =
                    claims.iter().filter(|(first, last, _)| (*first..=*last).contains(&address)).collect();
                let inside = |one: &(u8, u8, u32), other: &(u8, u8, u32)| {
                    other.0 <= one.0 && one.1 <= other.1 && (one.0, one.1) != (other.0, other.1)
                };
                let mut innermost: Vec<u32> = around
                    .iter()
                    .filter(|claim| !around.iter().any(|other| inside(other, claim)))
                    .map(|claim| claim.2)
                    .collect();
                innermost.sort_unstable();
                innermost.dedup();
                let owner = table.owner([192, 0, 2, address].into(), at("2026-11-15T12:00:00Z"));
                let customers: std::collections::BTreeSet<_> = around.iter().map(|claim| claim.2).collect();
                let exact = match innermost[..] {
                    [] => Owner::Unassigned,
                    [number] => customer(number),
                    _ => Owner::Ambiguous,
                };
                prop_assert!(owner == exact || owner == Owner::Ambiguous, "{} at {}: {:?}", lines, address, owner);
                if customers.len() < 2 || around.iter().all(|claim| is_aligned(claim)) {
                    prop_assert_eq!(owner, exact, "{} at {}", &lines, address);
                }
            }
        }
    }

    /// A line of a model file: (IPv6, offset in the last byte, length behind /24 or /120, customer, from, until, mailed)
    type Model = (bool, u8, u8, u32, i64, i64, bool);

    fn model_prefix(&(v6, offset, len, ..): &Model) -> IpNet {
        let (base, len) = if v6 { (ip("2001:db8::"), 120 + len) } else { (ip("192.0.2.0"), 24 + len) };
        IpNet::new(nth(base, offset), len).unwrap().trunc()
    }

    fn nth(base: IpAddr, offset: u8) -> IpAddr {
        match base {
            IpAddr::V4(v4) => (u32::from(v4) + u32::from(offset)).to_be_bytes().into(),
            IpAddr::V6(v6) => (u128::from(v6) + u128::from(offset)).to_be_bytes().into(),
        }
    }

    fn model_file(lines: &[Model]) -> File {
        let contacts = (0..4).map(|c| format!("C{c}\n\n")).collect();
        let line = |(number, model): (u32, &Model)| Line {
            prefix: model_prefix(model),
            customer: model.3,
            from: Timestamp::from_unix(model.4),
            until: Timestamp::from_unix(model.5),
            mailed: model.6,
            line: number,
        };
        File { lines: (2..).zip(lines).map(line).collect(), customers: contacts, ..File::default() }
    }

    /// The rules as written, by looking at every line.
    fn scan(files: &[(i64, Vec<Model>)], address: IpAddr, at: i64) -> Owner {
        let one = |lines: &[Model]| {
            let around = || lines.iter().filter(|model| model_prefix(model).contains(&address));
            let Some(longest) = around().map(|model| model_prefix(model).prefix_len()).max() else {
                return Owner::Unassigned;
            };
            let on: Vec<_> = around().filter(|model| model_prefix(model).prefix_len() == longest).collect();
            let valid: Vec<_> = on.iter().filter(|model| model.4 <= at && at <= model.5).copied().collect();
            let deciding = if valid.is_empty() { &on } else { &valid };
            let customer = deciding[0].3;
            if deciding.iter().any(|model| model.3 != customer) {
                return Owner::Ambiguous;
            }
            let mailed = !valid.is_empty() && valid.iter().all(|model| model.6);
            Owner::Customer { customer: CustomerNo(customer + 1), mailed }
        };
        let Some(last) = files.iter().rposition(|(imported, _)| *imported <= at) else {
            return files.first().map_or(Owner::Unassigned, |(_, lines)| one(lines));
        };
        let before = one(&files[last].1);
        let Some((_, next)) = files.get(last + 1) else { return before };
        match (before, one(next)) {
            (a, b) if a == b => a,
            (Owner::Customer { customer: a, .. }, Owner::Customer { customer: b, .. }) if a == b => {
                Owner::Customer { customer: a, mailed: false }
            }
            _ => Owner::Ambiguous,
        }
    }

    fn model() -> impl Strategy<Value = Vec<(i64, Vec<Model>)>> {
        let line =
            (any::<bool>(), any::<u8>(), 0_u8..=8, 0_u32..4, 0_i64..10, 0_i64..12, prop::bool::weighted(0.8));
        let often_always =
            (line, any::<bool>()).prop_map(|((v6, offset, len, customer, from, until, mailed), bounded)| {
                // Few distinct places, so that prefixes nest and meet.
                let (from, until) = if bounded { (from, until) } else { (i64::MIN, i64::MAX) };
                (v6, offset & 0b1001_1001, len, customer, from, until, mailed)
            });
        let files = prop::collection::vec((0_i64..10, prop::collection::vec(often_always, 0..14)), 0..5);
        files.prop_map(|mut files| {
            files.sort_by_key(|(imported, _)| *imported);
            for i in 1..files.len() {
                // Half of a file stands in the next one too.
                let kept: Vec<_> = files[i - 1].1.iter().step_by(2).copied().collect();
                files[i].1.extend(kept);
            }
            files
        })
    }

    fn model_table(files: &[(i64, Vec<Model>)]) -> Table {
        let networks = Networks { cidrs: networks().cidrs, ..Networks::default() };
        let files =
            files.iter().map(|(imported, lines)| (Timestamp::from_unix(*imported), model_file(lines)));
        Table::build(&networks, files, |id| number(id) + 1)
    }

    proptest! {
        #[test]
        fn the_tree_equals_a_scan(files in model(), at in -1_i64..12) {
            let table = model_table(&files);
            let time = Timestamp::from_unix(at);
            for base in ["192.0.2.0", "2001:db8::"] {
                for address in (0..=255).map(|offset| nth(ip(base), offset)) {
                    let expected = scan(&files, address, at);
                    prop_assert_eq!(table.owner(address, time), expected, "{}", address);
                    let told = table.explain(address, time);
                    prop_assert_eq!(told.owner, expected);
                    let won = told.candidates.iter().any(|c| c.won);
                    let named = matches!(expected, Owner::Customer { .. });
                    prop_assert!(won || !named);
                }
            }
        }

        #[test]
        fn order_of_lines_is_irrelevant(files in model(), at in -1_i64..12) {
            let mut turned = files.clone();
            turned.iter_mut().for_each(|(_, lines)| lines.reverse());
            let (one, other) = (model_table(&files), model_table(&turned));
            for address in (0..=255).map(|offset| nth(ip("192.0.2.0"), offset)) {
                let time = Timestamp::from_unix(at);
                prop_assert_eq!(one.owner(address, time), other.owner(address, time));
            }
        }

        #[test]
        fn a_network_equals_all_its_addresses(files in model(), at in -1_i64..12, offset: u8, len in 0_u8..=8, v6: bool) {
            let table = model_table(&files);
            let time = Timestamp::from_unix(at);
            let net = model_prefix(&(v6, offset, len, 0, 0, 0, true));
            let count = 1_u16 << (8 - len);
            let owners = (0..count).map(|i| table.owner(nth(net.addr(), i as u8), time));
            let expected = owners.reduce(Owner::and).unwrap();
            prop_assert_eq!(table.owner_of_network(net, time), expected);
        }
    }

    /// Not a benchmark, only a guard: an unoptimised build must still be far from a linear scan.
    #[test]
    fn a_large_file_stays_small() {
        let mut text = HEADER.to_owned();
        for i in 0..100_000_u32 {
            let [a, b, c, d] = (0x0a00_0000 + i * 8).to_be_bytes();
            text.push_str(&format!("C{i},Customer {i},abuse{i}@customer.example,{a}.{b}.{c}.{d}/29,,,\n"));
        }
        let file = import::read(text.as_bytes(), &TimeZone::UTC);
        assert_eq!((file.lines.len(), file.customers_len(), file.complaints.len()), (100_000, 100_000, 0));
        let networks = Networks { cidrs: vec!["10.0.0.0/8".parse().unwrap()], ..Networks::default() };
        let table = Table::build(&networks, [(Timestamp::default(), &file)], |id| number(id) + 1);
        let file_bytes = file.lines.capacity() * size_of::<Line>() + file.customers.bytes();
        let table_bytes = table.v4.bytes() + table.contacts.bytes() + table.numbers.capacity() * 8;
        assert!(file_bytes < 12 << 20 && table_bytes < 12 << 20, "{file_bytes} and {table_bytes}");
        for i in (0..100_000_u32).step_by(7) {
            let address = IpAddr::from((0x0a00_0000 + i * 8 + 7).to_be_bytes());
            assert_eq!(table.owner(address, Timestamp::default()), customer(i + 1));
        }
    }
}
