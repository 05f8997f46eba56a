//! Who the customers of a file are, in one text: a string per field would take four times the memory.

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
        let mut record = [self.id, self.name, self.language.unwrap_or_default(), plain].join("\n");
        for mail in &self.mails {
            record.push('\n');
            record.push_str(mail);
        }
        record
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

impl<S: AsRef<str>> FromIterator<S> for Contacts {
    /// From records made by [`Contact::record`].
    fn from_iter<I: IntoIterator<Item = S>>(records: I) -> Self {
        let mut contacts = Contacts::default();
        for record in records {
            contacts.text.push_str(record.as_ref());
            let end = u32::try_from(contacts.text.len());
            contacts.ends.push(end.expect("files are limited to 64 MiB and customers to one record each"));
        }
        contacts.text.shrink_to_fit();
        contacts.ends.shrink_to_fit();
        contacts
    }
}
