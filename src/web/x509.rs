//! What a certificate says of itself: for which names and which time it holds (RFC 5280). Pure; whatever the bytes are, it
//! reads on or gives up.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::clock::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Host names, one of which may begin with `*.`, and addresses.
    pub names: Vec<String>,
    pub from: Timestamp,
    pub until: Timestamp,
}

impl About {
    /// Of a certificate in DER.
    pub fn read(der: &[u8]) -> Option<Self> {
        let certificate = Der(der).take(SEQUENCE)?;
        let mut fields = Der(Der(certificate).take(SEQUENCE)?);
        if fields.0.first() == Some(&VERSION) {
            fields.next()?;
        }
        // Serial number, algorithm of the signature, issuer.
        for tag in [INTEGER, SEQUENCE, SEQUENCE] {
            fields.take(tag)?;
        }
        let mut validity = Der(fields.take(SEQUENCE)?);
        let (from, until) = (moment(validity.next()?)?, moment(validity.next()?)?);
        let mut names = Vec::new();
        while let Some((tag, content)) = fields.next() {
            if tag == EXTENSIONS {
                let mut extensions = Der(Der(content).take(SEQUENCE)?);
                while let Some(extension) = extensions.take(SEQUENCE) {
                    names.extend(alternative_names(extension).unwrap_or_default());
                }
            }
        }
        names.truncate(NAMES_MAX);
        Some(Self { names, from, until })
    }

    /// Whether it holds for a host name or an address (RFC 6125: `*` stands for one label).
    pub fn holds_for(&self, name: &str) -> bool {
        self.names.iter().any(|known| match known.strip_prefix("*.") {
            Some(rest) => name.split_once('.').is_some_and(|(_, of)| of.eq_ignore_ascii_case(rest)),
            None => known.eq_ignore_ascii_case(name),
        })
    }
}

/// Those of an extension; `None`: it is another one.
fn alternative_names(extension: &[u8]) -> Option<Vec<String>> {
    let mut fields = Der(extension);
    if fields.take(OBJECT)? != SUBJECT_ALT_NAME {
        return None;
    }
    // A flag may stand before it.
    let content = std::iter::from_fn(|| fields.next()).find(|(tag, _)| *tag == OCTETS)?.1;
    let mut found = Der(Der(content).take(SEQUENCE)?);
    let names = std::iter::from_fn(|| found.next()).filter_map(|(tag, name)| match (tag, name.len()) {
        (DNS_NAME, _) if name.iter().all(u8::is_ascii_graphic) => String::from_utf8(name.to_vec()).ok(),
        (ADDRESS, 4) => <[u8; 4]>::try_from(name).ok().map(|name| Ipv4Addr::from(name).to_string()),
        (ADDRESS, 16) => <[u8; 16]>::try_from(name).ok().map(|name| Ipv6Addr::from(name).to_string()),
        _ => None,
    });
    Some(names.collect())
}

fn moment((tag, text): (u8, &[u8])) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.is_ascii())?;
    let text = match tag {
        // Two digits of the year: up to 2049.
        UTC_TIME if text.get(..2)? < "50" => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let [year, month, day, hour, minute, second] =
        [0..4, 4..6, 6..8, 8..10, 10..12, 12..14].map(|range| text.get(range).unwrap_or_default());
    let rest = text.get(14..).filter(|rest| *rest == "Z")?;
    format!("{year}-{month}-{day}T{hour}:{minute}:{second}{rest}").parse().ok()
}

/// Values that follow each other.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// Tag and content of the next one.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The content of the next one if it has this tag.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }
}

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OBJECT: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const DNS_NAME: u8 = 0x82;
const ADDRESS: u8 = 0x87;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// 2.5.29.17
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// For a person to read.
const NAMES_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn made(names: &[&str], until: i32) -> Vec<u8> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(2026, 1, 2);
        params.not_after = date_time_ymd(until, 3, 4);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn names_and_days_are_read() {
        // From 2050 on the day is written in another way.
        for until in [2027, 2057] {
            let names = ["box.example.net", "*.example.org", "192.0.2.7", "2001:db8::7"];
            let about = About::read(&made(&names, until)).unwrap();
            assert_eq!(about.names, names);
            assert_eq!(about.from.to_string(), "2026-01-02T00:00:00Z");
            assert_eq!(about.until.to_string(), format!("{until}-03-04T00:00:00Z"));
            for (name, holds) in [
                ("BOX.example.net", true),
                ("a.example.org", true),
                ("a.b.example.org", false),
                ("example.org", false),
                ("192.0.2.7", true),
                ("192.0.2.8", false),
            ] {
                assert_eq!(about.holds_for(name), holds, "{name}");
            }
        }
        assert_eq!(About::read(&made(&[], 2027)).unwrap().names, [""; 0]);
    }

    proptest! {
        #[test]
        fn no_bytes_bring_it_down(index in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>()) {
            let mut der = made(&["a.example", "192.0.2.1"], 2027);
            let at = index.index(der.len());
            der[at] = byte;
            let _ = About::read(&der);
            let _ = About::read(&der[..cut.index(der.len())]);
        }
    }
}
