//! What is accepted as one: a customer file, the file of its addresses if they come in a second one, and what was confirmed
//! of their columns. A customer file alone is its own bytes, so that it is known again under whatever name it comes.

use std::borrow::Cow;

use super::columns::Mapping;

/// The parts of what is accepted as one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle<'a> {
    pub customers: Cow<'a, [u8]>,
    /// Whose addresses are whose, by customer id.
    pub addresses: Option<Cow<'a, [u8]>>,
    /// What was confirmed of the columns of the first file.
    pub mapping: Mapping,
    /// And of the second.
    pub addresses_mapping: Mapping,
}

impl<'a> Bundle<'a> {
    /// Takes apart what [`Bundle::pack`] has put together; anything else is a customer file.
    pub fn of(bytes: &'a [u8]) -> Self {
        let alone = || Self { customers: bytes.into(), ..Self::default() };
        bytes.strip_prefix(MAGIC).map_or_else(alone, |rest| Self::unpack(rest).unwrap_or_else(alone))
    }

    fn unpack(mut rest: &'a [u8]) -> Option<Self> {
        let mut bundle = Self::default();
        while !rest.is_empty() {
            let line = &rest[..memchr::memchr(b'\n', rest)?];
            let (name, length) = std::str::from_utf8(line).ok()?.split_once(' ')?;
            let (part, behind) = rest[line.len() + 1..].split_at_checked(length.parse().ok()?)?;
            let mapping = || std::str::from_utf8(part).map(Mapping::parse).ok();
            match name {
                "customers" => bundle.customers = part.into(),
                "addresses" => bundle.addresses = Some(part.into()),
                "mapping" => bundle.mapping = mapping()?,
                "addresses-mapping" => bundle.addresses_mapping = mapping()?,
                _ => return None,
            }
            rest = behind;
        }
        Some(bundle)
    }

    /// One after another, each behind a line with its name and its length; the same parts are the same bytes.
    pub fn pack(self) -> Cow<'a, [u8]> {
        let [mapping, addresses_mapping] = [&self.mapping, &self.addresses_mapping].map(Mapping::text);
        if self.addresses.is_none() && mapping.is_empty() {
            return self.customers;
        }
        let mut packed = MAGIC.to_vec();
        let mut put = |name: &str, part: &[u8]| {
            packed.extend_from_slice(format!("{name} {}\n", part.len()).as_bytes());
            packed.extend_from_slice(part);
        };
        put("mapping", mapping.as_bytes());
        put("customers", &self.customers);
        if let Some(addresses) = &self.addresses {
            put("addresses-mapping", addresses_mapping.as_bytes());
            put("addresses", addresses);
        }
        Cow::Owned(packed)
    }
}

/// No customer file begins so: it has neither separator nor quotation mark in its first line.
const MAGIC: &[u8] = b"abusebox: customer files accepted as one\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_out_again() {
        let mapping = Mapping::parse("customer_id\tref\n-\tnote\n");
        for addresses in [None, Some(b"id,ip\n7,192.0.2.1\n".as_slice())] {
            for mapping in [Mapping::default(), mapping.clone()] {
                let bundle = Bundle {
                    customers: b"id,name\n7,One\n".as_slice().into(),
                    addresses: addresses.map(Into::into),
                    mapping: mapping.clone(),
                    addresses_mapping: addresses.map(|_| mapping.clone()).unwrap_or_default(),
                };
                assert_eq!(Bundle::of(&bundle.clone().pack()), bundle);
            }
        }
        assert_eq!(Bundle::of(b"id,ip\n").pack(), b"id,ip\n".as_slice(), "a file alone is its own bytes");
    }

    #[test]
    fn what_is_not_whole_is_a_customer_file() {
        let whole = Bundle { addresses: Some(b"x".as_slice().into()), ..Bundle::default() };
        let packed = whole.clone().pack().into_owned();
        for end in MAGIC.len() + 1..packed.len() {
            let cut = &packed[..end];
            let bundle = Bundle::of(cut);
            assert!(bundle.addresses.is_none() || bundle.addresses == whole.addresses, "{end}");
        }
        let strange = [MAGIC, b"strange 1\nx"].concat();
        assert_eq!(Bundle::of(&strange).customers, strange.as_slice());
    }
}
