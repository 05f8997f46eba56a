//! Who the customers of a file are, in one text: a string per field would take four times the memory.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// A customer as its file describes it. Every text in it is foreign but holds no control characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact<'a> {
    /// As the CRM writes it; empty for the lines that name no customer, which are never mailed.
    pub id: &'a str,
    pub name: &'a str,
    /// Usable addresses in the order of the file; empty: the notice goes to the operator to pass on.
    pub mails: Vec<&'a str>,
    /// Language tag in lower case (`de`); `None`: the language of the box.
    pub language: Option<&'a str>,
    /// Mails to it have no HTML part.
    pub plain: bool,
    /// Whether the newest customer file still has this customer.
    pub in_newest: bool,
}

impl<'a> Contact<'a> {
    /// As a record of [`Contacts`]: the fields, a line each, the mails last.
    pub(super) fn record(&self) -> String {
        let plain = if self.plain { "plain" } else { "" };
        let mut fields = vec![self.id, self.name, self.language.unwrap_or_default(), plain];
        fields.extend(&self.mails);
        // Of just the size that is needed: there is one for each customer.
        fields.join("\n")
    }

    pub(super) fn of_record(record: &'a str) -> Self {
        let mut fields = record.split('\n');
        let mut next = || fields.next().unwrap_or_default();
        let (id, name, language, plain) = (next(), next(), next(), next());
        let language = Some(language).filter(|l| !l.is_empty());
        Contact { id, name, language, plain: plain == "plain", mails: fields.collect(), in_newest: true }
    }
}

/// Customers, numbered in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub struct Contacts {
    text: String,
    /// Where each record ends in `text`.
    ends: Vec<u32>,
}

impl Contacts {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The customer ids, "" among them where a line names no customer.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|index| self.id(index))
    }

    pub fn get(&self, index: usize) -> Option<Contact<'_>> {
        self.record(index).map(Contact::of_record)
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<u32>()
    }

    /// The id alone, which costs no allocation.
    pub(super) fn id(&self, index: usize) -> Option<&str> {
        self.record(index)?.split('\n').next()
    }

    pub(super) fn record(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)? as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        self.text.get(start..end)
    }
}

/// Customers in the making, in one text, too: most change only while they are the last.
#[derive(Debug, Default)]
pub(super) struct Drafts {
    text: String,
    /// Where each record begins and ends.
    places: Vec<(u32, u32)>,
    /// Bytes that belong to no record any more.
    waste: usize,
    /// Customers by the hashes of their ids; where two ids have the same, the second by itself.
    by_hash: HashMap<u64, u32>,
    by_id: HashMap<Box<str>, u32>,
    hasher: RandomState,
}

impl Drafts {
    /// The number of a customer.
    pub(super) fn find(&self, id: &str) -> Option<u32> {
        let number = *self.by_hash.get(&self.hasher.hash_one(id))?;
        if self.id(number) == id { Some(number) } else { self.by_id.get(id).copied() }
    }

    /// Adds a customer who is not there yet, of whom nothing but the id is known.
    pub(super) fn add(&mut self, id: &str) -> u32 {
        let number = self.places.len() as u32;
        if *self.by_hash.entry(self.hasher.hash_one(id)).or_insert(number) != number {
            self.by_id.insert(id.into(), number);
        }
        self.places.push((0, 0));
        self.write(number, &Contact { id, ..Contact::default() }.record());
        number
    }

    pub(super) fn get(&self, number: u32) -> Contact<'_> {
        Contact::of_record(self.record(number))
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        (0..self.places.len() as u32).map(|number| self.id(number))
    }

    /// The id alone, which costs no allocation.
    fn id(&self, number: u32) -> &str {
        self.record(number).split('\n').next().unwrap_or_default()
    }

    pub(super) fn record(&self, number: u32) -> &str {
        let (start, end) = self.places[number as usize];
        &self.text[start as usize..end as usize]
    }

    /// Puts another record in the place of a customer's, made by [`Contact::record`].
    pub(super) fn set(&mut self, number: u32, record: &str) {
        let (start, end) = self.places[number as usize];
        if end as usize == self.text.len() {
            self.text.truncate(start as usize);
        } else {
            self.waste += (end - start) as usize;
        }
        self.write(number, record);
        if self.waste > WASTE_MAX + self.text.len() / 2 {
            self.tidy();
        }
    }

    fn write(&mut self, number: u32, record: &str) {
        let start = self.text.len();
        self.text.push_str(record);
        let [start, end] = [start, self.text.len()].map(|at| u32::try_from(at).expect(FITS));
        self.places[number as usize] = (start, end);
    }

    /// Brings the records into their order, without gaps.
    fn tidy(&mut self) {
        let mut text = String::with_capacity(self.text.len() - self.waste);
        for place in &mut self.places {
            let start = text.len() as u32;
            text.push_str(&self.text[place.0 as usize..place.1 as usize]);
            *place = (start, text.len() as u32);
        }
        (self.text, self.waste) = (text, 0);
    }
}

impl From<Drafts> for Contacts {
    fn from(mut drafts: Drafts) -> Self {
        if drafts.waste > 0 {
            drafts.tidy();
        }
        // Without waste they lie in the order in which they came.
        let mut contacts =
            Self { text: drafts.text, ends: drafts.places.iter().map(|(_, end)| *end).collect() };
        contacts.text.shrink_to_fit();
        contacts
    }
}

/// Bytes that may be wasted in any case.
const WASTE_MAX: usize = 1 << 20;
const FITS: &str = "files are limited to 64 MiB and customers to one record each";

impl<S: AsRef<str>> FromIterator<S> for Contacts {
    /// From records made by [`Contact::record`].
    fn from_iter<I: IntoIterator<Item = S>>(records: I) -> Self {
        let mut contacts = Contacts::default();
        for record in records {
            contacts.text.push_str(record.as_ref());
            let end = u32::try_from(contacts.text.len());
            contacts.ends.push(end.expect(FITS));
        }
        contacts.text.shrink_to_fit();
        contacts.ends.shrink_to_fit();
        contacts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drafts_are_changed_in_any_order() {
        let mut drafts = Drafts::default();
        let named = |name: &str, id: &str| Contact { id, name, ..Contact::default() }.record();
        for number in 0..1_000_u32 {
            let id = format!("C{number}");
            assert_eq!((drafts.find(&id), drafts.add(&id), drafts.find(&id)), (None, number, Some(number)));
            drafts.set(number, &named("last", &id));
        }
        assert_eq!(drafts.waste, 0, "the last one is changed where it lies");
        let long = "x".repeat(2_000);
        for round in 0..3 {
            for number in (0..1_000_u32).rev() {
                drafts.set(number, &named(&format!("{long}{round}"), &format!("C{number}")));
            }
        }
        assert!(drafts.text.len() < 7 << 20, "{}", drafts.text.len());
        assert_eq!((drafts.get(7).id, drafts.find("C7"), drafts.find("C1000")), ("C7", Some(7), None));
        drafts.set(0, &named("", ""));
        let contacts = Contacts::from(drafts);
        assert_eq!((contacts.len(), contacts.id(0), contacts.id(999)), (1_000, Some(""), Some("C999")));
        assert_eq!(contacts.get(5).unwrap().name, format!("{long}2"));
    }
}
