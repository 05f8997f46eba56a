//! What another customer file would change: who comes, who goes, and who is somebody else than before. Pure.

use std::collections::HashMap;

use super::contacts::Contact;
use super::forward::Forward;
use super::import::{File, Line};
use super::login::Login;
use crate::clock::Timestamp;

/// What is different in a new file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    pub new: Sample<Named>,
    pub gone: Sample<Named>,
    pub changed: Sample<Changed>,
    /// Prefixes of a customer that this customer did not have, and those that it has no more.
    pub prefixes_new: u64,
    pub prefixes_gone: u64,
}

impl Difference {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The first of many, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample<T> {
    /// How many there are.
    pub count: u64,
    /// At most [`SAMPLE_MAX`].
    pub first: Vec<T>,
}

impl<T> Default for Sample<T> {
    fn default() -> Self {
        Self { count: 0, first: Vec::new() }
    }
}

impl<T> Sample<T> {
    fn push(&mut self, one: impl FnOnce() -> T) {
        self.count += 1;
        if self.first.len() < SAMPLE_MAX {
            self.first.push(one());
        }
    }
}

/// A customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub id: String,
    pub name: String,
}

impl Named {
    fn of(contact: &Contact<'_>) -> Self {
        Self { id: contact.id.to_owned(), name: contact.name.to_owned() }
    }
}

/// A customer of both files, and what is different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    pub customer: Named,
    pub name: bool,
    pub mails: bool,
    pub language: bool,
    pub logins: bool,
    pub forwards: bool,
    pub prefixes_new: u64,
    pub prefixes_gone: u64,
    /// The prefixes are the same; from when, until when, or whether they are mailed is not.
    pub validity: bool,
}

/// What `new` changes where `old` is in force.
pub fn between(old: &File, new: &File) -> Difference {
    let (old, new) = (Ordered::of(old), Ordered::of(new));
    let mut difference = Difference::default();
    for (index, contact) in new.contacts() {
        let lines = new.lines(index);
        let Some((before, known)) = old.find(contact.id) else {
            difference.prefixes_new += prefixes(&lines).len() as u64;
            difference.new.push(|| Named::of(&contact));
            continue;
        };
        let lines_before = old.lines(before);
        let (own, own_before) = (prefixes(&lines), prefixes(&lines_before));
        let missing = |some: &[ipnet::IpNet], others: &[ipnet::IpNet]| {
            some.iter().filter(|prefix| others.binary_search(prefix).is_err()).count() as u64
        };
        let (prefixes_new, prefixes_gone) = (missing(&own, &own_before), missing(&own_before, &own));
        difference.prefixes_new += prefixes_new;
        difference.prefixes_gone += prefixes_gone;
        let holds = |line: &&Line| (line.prefix, line.from, line.until, line.mailed);
        let same_lines = lines.iter().map(holds).eq(lines_before.iter().map(holds));
        let changed = Changed {
            customer: Named::of(&contact),
            name: contact.name != known.name,
            mails: contact.mails != known.mails || contact.plain != known.plain,
            language: contact.language != known.language,
            logins: new.logins(index) != old.logins(before),
            forwards: new.forwards(index) != old.forwards(before),
            prefixes_new,
            prefixes_gone,
            validity: !same_lines && prefixes_new + prefixes_gone == 0,
        };
        let differs =
            [changed.name, changed.mails, changed.language, changed.logins, changed.forwards, !same_lines];
        if differs.contains(&true) {
            difference.changed.push(|| changed);
        }
    }
    for (index, contact) in old.contacts() {
        if new.find(contact.id).is_none() {
            difference.prefixes_gone += prefixes(&old.lines(index)).len() as u64;
            difference.gone.push(|| Named::of(&contact));
        }
    }
    difference
}

/// A file in the order of its customers.
struct Ordered<'a> {
    file: &'a File,
    /// Indices of lines, of logins and of forwards: by customer, and of each in the order of the file.
    lines: Vec<u32>,
    logins: Vec<u32>,
    forwards: Vec<u32>,
    /// Customers by their ids.
    index: HashMap<&'a str, usize>,
}

/// Something that a file says of a customer.
trait Said {
    /// Index of the customer.
    fn customer(&self) -> u32;
}

impl Said for Line {
    fn customer(&self) -> u32 {
        self.customer
    }
}

impl Said for Login {
    fn customer(&self) -> u32 {
        self.customer
    }
}

impl Said for Forward {
    fn customer(&self) -> u32 {
        self.customer
    }
}

fn by_customer(all: &[impl Said]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..).take(all.len()).collect();
    order.sort_by_key(|&index| all[index as usize].customer());
    order
}

fn of_customer<'a, T: Said>(all: &'a [T], order: &[u32], customer: usize) -> impl Iterator<Item = &'a T> {
    let of = |index: &u32| all[*index as usize].customer() as usize;
    let start = order.partition_point(|index| of(index) < customer);
    let end = order.partition_point(|index| of(index) <= customer);
    order[start..end].iter().map(|&index| &all[index as usize])
}

impl<'a> Ordered<'a> {
    fn of(file: &'a File) -> Self {
        let index = file.customers.ids().enumerate().map(|(index, id)| (id, index)).collect();
        let (lines, logins) = (by_customer(&file.lines), by_customer(&file.logins));
        Self { file, lines, logins, forwards: by_customer(&file.forwards), index }
    }

    fn contacts(&self) -> impl Iterator<Item = (usize, Contact<'a>)> {
        let all = (0..self.file.customers.ids().count())
            .filter_map(|index| Some((index, self.file.customers.get(index)?)));
        all.filter(|(_, contact)| !contact.id.is_empty())
    }

    fn find(&self, id: &str) -> Option<(usize, Contact<'a>)> {
        let index = *self.index.get(id)?;
        Some((index, self.file.customers.get(index)?))
    }

    fn lines(&self, customer: usize) -> Vec<&'a Line> {
        of_customer(&self.file.lines, &self.lines, customer).collect()
    }

    /// What is said of the logins of a customer.
    fn logins(&self, customer: usize) -> Vec<(&'a str, Timestamp, Timestamp, bool)> {
        of_customer(&self.file.logins, &self.logins, customer)
            .map(|login| (&*login.login, login.from, login.until, login.mailed))
            .collect()
    }

    /// What is said of the ports that are forwarded to a customer.
    fn forwards(&self, customer: usize) -> Vec<Forward> {
        of_customer(&self.file.forwards, &self.forwards, customer)
            .map(|forward| Forward { customer: 0, line: 0, ..*forward })
            .collect()
    }
}

/// Distinct prefixes, sorted.
fn prefixes(lines: &[&Line]) -> Vec<ipnet::IpNet> {
    let mut prefixes: Vec<_> = lines.iter().map(|line| line.prefix).collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    prefixes
}

/// As many as a person reads before he decides.
pub const SAMPLE_MAX: usize = 50;

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::super::import::read;
    use super::*;

    fn file(lines: &str) -> File {
        read(format!("customer_id,name,email,cidr,valid_to\n{lines}").as_bytes(), &TimeZone::UTC)
    }

    #[test]
    fn each_customer_is_new_gone_changed_or_the_same() {
        let old = file(
            "A,Alpha,a@example.com,192.0.2.0/28,\nB,Beta,b@example.com,192.0.2.16/28,\nC,Gamma,,192.0.2.32/28,\n\
             D,Delta,d@example.com,192.0.2.48/28,\nE,Epsilon,e@example.com,192.0.2.64/28,\n",
        );
        let new = file(
            "E,Epsilon,e@example.com,192.0.2.64/28,2030-01-01\nA,Alpha,a@example.com,192.0.2.0/28,\n\
             B,Beta Ltd,b@example.com;c@example.com,192.0.2.16/29,\nC,Gamma,,192.0.2.32/28,\nC,Gamma,,2001:db8::/48,\n\
             F,Phi,f@example.com,192.0.2.48/28,\n",
        );
        let named = |id: &str, name: &str| Named { id: id.to_owned(), name: name.to_owned() };
        let same = Changed {
            customer: named("", ""),
            name: false,
            mails: false,
            language: false,
            logins: false,
            forwards: false,
            prefixes_new: 0,
            prefixes_gone: 0,
            validity: false,
        };
        let changed = vec![
            Changed { customer: named("E", "Epsilon"), validity: true, ..same.clone() },
            Changed {
                customer: named("B", "Beta Ltd"),
                name: true,
                mails: true,
                prefixes_new: 1,
                prefixes_gone: 1,
                ..same.clone()
            },
            Changed { customer: named("C", "Gamma"), prefixes_new: 1, ..same },
        ];
        let expected = Difference {
            new: Sample { count: 1, first: vec![named("F", "Phi")] },
            gone: Sample { count: 1, first: vec![named("D", "Delta")] },
            changed: Sample { count: 3, first: changed },
            prefixes_new: 3,
            prefixes_gone: 2,
        };
        assert_eq!(between(&old, &new), expected);
        assert!(between(&old, &old).is_empty() && !between(&old, &new).is_empty());
        let all = between(&File::default(), &old);
        assert_eq!((all.new.count, all.prefixes_new, all.gone.count), (5, 5, 0));
    }

    /// Files of three customers in which what is said of the one, and only that, is another: it alone is changed.
    fn of_the_one_alone(file: impl Fn([&str; 3]) -> File, said: [&str; 3], other: &str) -> Vec<Changed> {
        let before = file(said);
        assert!(between(&before, &file(said)).is_empty());
        let changed = |at: usize| {
            let mut said = said;
            said[at] = other;
            let Difference { changed, new, gone, .. } = between(&before, &file(said));
            assert_eq!((changed.count, new.count, gone.count), (1, 0, 0));
            assert_eq!(changed.first[0].customer.id, ["A", "B", "C"][at]);
            changed.first[0].clone()
        };
        [0, 1, 2].map(changed).into()
    }

    #[test]
    fn another_login_is_a_change() {
        let file = |[a, b, c]: [&str; 3]| {
            read(format!("customer_id,login\nA,{a}\nB,{b}\nC,{c}\n").as_bytes(), &TimeZone::UTC)
        };
        let changed = of_the_one_alone(file, ["anna", "bob", "carl"], "dora");
        assert!(changed.iter().all(|changed| changed.logins && !changed.validity));
        assert!(between(&file(["anna", "bob", "carl"]), &file(["Anna", "bob", "carl"])).is_empty());
    }

    #[test]
    fn another_forwarded_port_is_a_change() {
        let file = |[a, b, c]: [&str; 3]| {
            let line = |id: &str, port: &str| format!("{id},192.0.2.1:{port}\n");
            let text = format!("customer_id,cidr\n{}{}{}", line("A", a), line("B", b), line("C", c));
            read(text.as_bytes(), &TimeZone::UTC)
        };
        let changed = of_the_one_alone(file, ["80", "81", "82"], "83");
        assert!(changed.iter().all(|changed| changed.forwards && !changed.validity));
    }

    #[test]
    fn of_many_the_first_are_shown_and_all_counted() {
        let lines: String = (0..200).map(|n| format!("C{n},Name,,192.0.2.{n}/32,\n")).collect();
        let difference = between(&File::default(), &file(&lines));
        assert_eq!((difference.new.count, difference.new.first.len()), (200, SAMPLE_MAX));
        assert_eq!(difference.new.first[0].id, "C0");
    }
}
