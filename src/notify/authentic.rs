//! Whether receivers will believe who a mail is from, as far as DNS tells: SPF (RFC 7208), DKIM (RFC 6376) and DMARC (RFC
//! 7489). Pure: what is to be looked up is asked of the caller.

use std::net::IpAddr;

use ipnet::IpNet;

/// What a domain says of who may send for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spf {
    None,
    /// More than one record: receivers take none of them.
    Several,
    One(Policy),
    /// It could not be looked up: why.
    Unknown(String),
}

/// One SPF record, followed wherever it leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub record: String,
    /// What it comes to for the address; `None`: there is no address to ask for.
    pub verdict: Option<Verdict>,
    /// How it ends: what holds for all whom it does not name.
    pub rest: Option<Verdict>,
    /// Look-ups that it takes; receivers stop after [`LOOKUPS_MAX`] and count it as wrong.
    pub lookups: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    Fail,
    SoftFail,
    /// The domain says nothing of it.
    Neutral,
    /// It has a mistake, or leads to one.
    Wrong,
    /// It depends on more than the address, or could not be looked up.
    Unclear,
}

/// What a domain wants done with mails that are not proven to be from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dmarc {
    None,
    /// The domain that says so, and what: `none`, `quarantine` or `reject`.
    Says {
        domain: String,
        policy: String,
    },
    Unknown(String),
}

/// What a domain says of the key that signs for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dkim {
    /// Where it says so.
    pub name: String,
    /// The TXT record that belongs there.
    pub record: String,
    pub found: Found,
}

/// What there is in the place of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    Right,
    Missing,
    /// One that does not fit, alone or beside others: receivers take which they like.
    Other,
    Unknown(String),
}

/// Looks up in DNS for the functions here; an error is a sentence for a person.
pub trait Look {
    fn texts(&mut self, name: &str) -> Result<Vec<String>, String>;
    fn addresses(&mut self, name: &str) -> Result<Vec<IpAddr>, String>;
    fn exchanges(&mut self, name: &str) -> Result<Vec<String>, String>;
}

/// What SPF says of mails that `address` sends for `domain`.
pub fn spf(domain: &str, address: Option<IpAddr>, look: &mut dyn Look) -> Spf {
    let record = match records_of(domain, look) {
        Err(why) => return Spf::Unknown(why),
        Ok(mut records) => match (records.pop(), records.is_empty()) {
            (None, _) => return Spf::None,
            (Some(record), true) => record,
            (Some(_), false) => return Spf::Several,
        },
    };
    let mut walk =
        Walk { address: address.map(|address| address.to_canonical()), look, lookups: 0, rest: None };
    let verdict = walk.record(domain, &record, true);
    let (rest, lookups) = (walk.rest, walk.lookups);
    let verdict = match lookups > LOOKUPS_MAX || verdict == Verdict::Wrong {
        true => Some(Verdict::Wrong),
        false => address.map(|_| verdict),
    };
    Spf::One(Policy { record, verdict, rest, lookups })
}

/// What DMARC says of mails from `domain`: its own record, else that of a domain above it.
pub fn dmarc(domain: &str, look: &mut dyn Look) -> Dmarc {
    let mut above = Some(domain);
    while let Some(name) = above.filter(|name| name.contains('.')) {
        let texts = match look.texts(&format!("_dmarc.{name}")) {
            Ok(texts) => texts,
            Err(why) => return Dmarc::Unknown(why),
        };
        let mut records = texts.iter().filter(|text| tag(text, "v").is_some_and(|v| v == "DMARC1"));
        if let (Some(record), None) = (records.next(), records.next()) {
            let own = if name == domain { None } else { tag(record, "sp") };
            if let Some(policy) = own.or(tag(record, "p")) {
                return Dmarc::Says { domain: name.to_owned(), policy: policy.to_ascii_lowercase() };
            }
        }
        above = name.split_once('.').map(|(_, above)| above);
    }
    Dmarc::None
}

/// Whether `record`, which says what key signs mails from `domain`, is published under this selector.
pub fn dkim(domain: &str, selector: &str, record: String, look: &mut dyn Look) -> Dkim {
    let name = format!("{selector}._domainkey.{domain}");
    let found = match look.texts(&name) {
        Err(why) => Found::Unknown(why),
        Ok(texts) if texts.is_empty() => Found::Missing,
        Ok(texts) if texts.iter().all(|text| says_the_same(text, &record)) => Found::Right,
        Ok(_) => Found::Other,
    };
    Dkim { name, record, found }
}

/// Whether a record of a key lets it sign mails by SHA-256, in earnest, and is of the same key as ours (RFC 6376 3.6.1).
fn says_the_same(record: &str, ours: &str) -> bool {
    let value = |record, name, default: &str| -> String {
        tag(record, name).unwrap_or(default).split_whitespace().collect()
    };
    let has = |name, default, words: &[&str]| {
        value(record, name, default).split(':').any(|word| words.contains(&word))
    };
    ["v", "k", "p"]
        .iter()
        .zip(["DKIM1", "rsa", ""])
        .all(|(name, default)| value(record, name, default) == value(ours, name, default))
        && has("h", "sha256", &["sha256"])
        && has("s", "*", &["*", "email"])
        && !has("t", "", &["y"])
}

/// `name=value` of a record with such pairs between semicolons.
fn tag<'a>(record: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = record.split(';').filter_map(|pair| pair.split_once('='));
    pairs.find(|(known, _)| known.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn records_of(domain: &str, look: &mut dyn Look) -> Result<Vec<String>, String> {
    let mut records = look.texts(domain)?;
    records.retain(|text| text.split(' ').next().is_some_and(|v| v.eq_ignore_ascii_case("v=spf1")));
    Ok(records)
}

/// Follows a record, as RFC 7208 5 says; without an address nothing matches, so all of it is counted.
struct Walk<'a> {
    address: Option<IpAddr>,
    look: &'a mut dyn Look,
    lookups: usize,
    rest: Option<Verdict>,
}

impl Walk<'_> {
    fn record(&mut self, domain: &str, record: &str, is_top: bool) -> Verdict {
        let (mut redirect, mut is_unclear) = (None, false);
        for term in record.split_ascii_whitespace().skip(1) {
            if let Some((name, value)) = modifier(term) {
                if name.eq_ignore_ascii_case("redirect") {
                    redirect = Some(value);
                }
                continue;
            }
            let (verdict, mechanism) = match term.as_bytes()[0] {
                b'-' => (Verdict::Fail, &term[1..]),
                b'~' => (Verdict::SoftFail, &term[1..]),
                b'?' => (Verdict::Neutral, &term[1..]),
                b'+' => (Verdict::Pass, &term[1..]),
                _ => (Verdict::Pass, term),
            };
            if mechanism.eq_ignore_ascii_case("all") {
                if is_top {
                    self.rest = Some(verdict);
                }
                return if is_unclear { Verdict::Unclear } else { verdict };
            }
            match self.matches(domain, mechanism) {
                Match::Yes if is_unclear => return Verdict::Unclear,
                Match::Yes => return verdict,
                Match::No => {}
                Match::Unclear => is_unclear = true,
                Match::Wrong => return Verdict::Wrong,
            }
        }
        match redirect {
            None if is_unclear => Verdict::Unclear,
            None => Verdict::Neutral,
            Some(target) if target.contains('%') => Verdict::Unclear,
            Some(target) => match self.other(target) {
                Ok(Some(record)) => match self.record(target, &record, is_top) {
                    Verdict::Wrong => Verdict::Wrong,
                    _ if is_unclear => Verdict::Unclear,
                    verdict => verdict,
                },
                Ok(None) => Verdict::Wrong,
                Err(Stop) => Verdict::Unclear,
            },
        }
    }

    /// The one record of another domain; `None`: there is no such one, or it is one too many.
    fn other(&mut self, domain: &str) -> Result<Option<String>, Stop> {
        if !self.count() {
            return Ok(None);
        }
        let mut records = records_of(domain, self.look).map_err(|_| Stop)?;
        let record = records.pop();
        Ok(record.filter(|_| records.is_empty()))
    }

    /// Whether one more look-up is allowed.
    fn count(&mut self) -> bool {
        self.lookups += 1;
        self.lookups <= LOOKUPS_MAX
    }

    fn matches(&mut self, domain: &str, mechanism: &str) -> Match {
        let at = mechanism.find([':', '/']).unwrap_or(mechanism.len());
        let (name, rest) = mechanism.split_at(at);
        let name = name.to_ascii_lowercase();
        if let "ip4" | "ip6" = name.as_str() {
            let text = rest.trim_start_matches(':');
            let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            return network.map_or(Match::Wrong, |network| self.is_in(&[network.trunc()]));
        }
        if rest.contains('%') && ["a", "mx", "include", "exists", "ptr"].contains(&name.as_str()) {
            // It depends on sender and receiver; what it costs is known.
            return if self.count() { Match::Unclear } else { Match::Wrong };
        }
        let (target, lengths) = match rest.find('/') {
            Some(at) => (&rest[..at], &rest[at..]),
            None => (rest, ""),
        };
        let target = target.strip_prefix(':').filter(|target| !target.is_empty());
        match (name.as_str(), target) {
            ("include", Some(target)) => match self.other(target) {
                Err(Stop) => Match::Unclear,
                Ok(None) => Match::Wrong,
                Ok(Some(record)) => match self.record(target, &record, false) {
                    Verdict::Pass if self.address.is_some() => Match::Yes,
                    Verdict::Pass | Verdict::Fail | Verdict::SoftFail | Verdict::Neutral => Match::No,
                    Verdict::Unclear => Match::Unclear,
                    Verdict::Wrong => Match::Wrong,
                },
            },
            ("a" | "mx", target) => {
                let Some(lengths) = lengths_of(lengths) else { return Match::Wrong };
                if !self.count() {
                    return Match::Wrong;
                }
                let Ok(addresses) = self.addresses(&name, target.unwrap_or(domain)) else {
                    return Match::Unclear;
                };
                let around = |address: IpAddr| {
                    let length = if address.is_ipv4() { lengths.0 } else { lengths.1 };
                    IpNet::new(address, length).ok().map(|network| network.trunc())
                };
                let networks: Vec<IpNet> = addresses.into_iter().filter_map(around).collect();
                self.is_in(&networks)
            }
            ("exists", Some(target)) => {
                if !self.count() {
                    return Match::Wrong;
                }
                match self.look.addresses(target) {
                    Ok(found) if found.iter().any(IpAddr::is_ipv4) && self.address.is_some() => Match::Yes,
                    Ok(_) => Match::No,
                    Err(_) => Match::Unclear,
                }
            }
            // Receivers may leave it out (RFC 7208 5.5).
            ("ptr", _) => match self.count() {
                true => Match::Unclear,
                false => Match::Wrong,
            },
            _ => Match::Wrong,
        }
    }

    fn addresses(&mut self, name: &str, target: &str) -> Result<Vec<IpAddr>, String> {
        if name == "a" {
            return self.look.addresses(target);
        }
        let mut addresses = Vec::new();
        for exchange in self.look.exchanges(target)?.iter().take(EXCHANGES_MAX) {
            addresses.extend(self.look.addresses(exchange)?);
        }
        Ok(addresses)
    }

    fn is_in(&self, networks: &[IpNet]) -> Match {
        match self.address {
            Some(address) if networks.iter().any(|network| network.contains(&address)) => Match::Yes,
            _ => Match::No,
        }
    }
}

enum Match {
    Yes,
    No,
    Unclear,
    Wrong,
}

/// It could not be looked up.
struct Stop;

/// `name=value`, where no mechanism can be meant.
fn modifier(term: &str) -> Option<(&str, &str)> {
    let (name, value) = term.split_once('=')?;
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)).then_some((name, value))
}

/// `/24`, `//64`, `/24//64` or nothing: the lengths for IPv4 and IPv6.
fn lengths_of(text: &str) -> Option<(u8, u8)> {
    let (v4, v6) = match text.split_once("//") {
        Some((v4, v6)) => (v4, Some(v6)),
        None => (text, None),
    };
    let length = |text: Option<&str>, whole: u8| match text {
        None => Some(whole),
        Some(text) => text.parse().ok().filter(|length| *length <= whole),
    };
    let v4 = if v4.is_empty() { None } else { Some(v4.strip_prefix('/')?) };
    Some((length(v4, 32)?, length(v6, 128)?))
}

/// Look-ups of one check (RFC 7208 4.6.4), which also ends a record that leads back to itself.
pub const LOOKUPS_MAX: usize = 10;
/// Mail exchangers that one `mx` may lead to (RFC 7208 4.6.4).
const EXCHANGES_MAX: usize = 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// (name, text), where an address or `mx name` stands for other records; `!` cannot be looked up.
    struct Zone(&'static [(&'static str, &'static str)]);

    impl Zone {
        fn of(&self, name: &str) -> Result<impl Iterator<Item = &'static str>, String> {
            let found =
                self.0.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, text)| *text);
            if found.clone().any(|text| text == "!") { Err("silent".to_owned()) } else { Ok(found) }
        }
    }

    impl Look for Zone {
        fn texts(&mut self, name: &str) -> Result<Vec<String>, String> {
            Ok(self.of(name)?.map(str::to_owned).collect())
        }
        fn addresses(&mut self, name: &str) -> Result<Vec<IpAddr>, String> {
            Ok(self.of(name)?.filter_map(|text| text.parse().ok()).collect())
        }
        fn exchanges(&mut self, name: &str) -> Result<Vec<String>, String> {
            Ok(self.of(name)?.filter_map(|text| text.strip_prefix("mx ")).map(str::to_owned).collect())
        }
    }

    const OTHERS: &[(&str, &str)] = &[
        ("a.net", "192.0.2.1"),
        ("a.net", "2001:db8::1"),
        ("m.net", "mx a.net"),
        ("yes.net", "v=spf1 ip4:192.0.2.0/24 -all"),
        ("no.net", "v=spf1 ip4:198.51.100.0/24 -all"),
        ("any.net", "v=spf1 +all"),
        ("loop.net", "v=spf1 include:loop.net -all"),
        ("two.net", "v=spf1 -all"),
        ("two.net", "v=spf1 +all"),
        ("down.net", "!"),
        ("deep.net", "v=spf1 a:a.net a:a.net a:a.net a:a.net a:a.net a:a.net include:yes.net ?all"),
        ("_dmarc.d.net", "v=DMARC1; p=Reject; sp=none"),
        ("_dmarc.own.d.net", "v=DMARC1;p=quarantine"),
        ("_dmarc.two.d.net", "v=DMARC1; p=none"),
        ("_dmarc.two.d.net", "v=DMARC1; p=reject"),
        ("_dmarc.down.d.net", "!"),
    ];

    fn found(record: &'static str, address: Option<&str>) -> Policy {
        let mut zone = Zone(OTHERS.iter().copied().chain([("x.net", record)]).collect::<Vec<_>>().leak());
        match spf("x.net", address.map(|address| address.parse().unwrap()), &mut zone) {
            Spf::One(policy) => policy,
            other => panic!("{record}: {other:?}"),
        }
    }

    #[test]
    fn a_record_names_the_address_or_not() {
        use Verdict::*;
        for (record, v4, v6) in [
            ("v=spf1 ip4:192.0.2.1 -all", Pass, Fail),
            ("v=spf1 ip4:192.0.2.0/30 ip6:2001:db8::/32 ~all", Pass, Pass),
            ("V=SPF1 IP4:192.0.2.9 ~ALL", SoftFail, SoftFail),
            ("v=spf1 -ip4:192.0.2.1 +all", Fail, Pass),
            ("v=spf1 a:a.net -all", Pass, Pass),
            ("v=spf1 a:a.net/24//127 mx -all", Pass, Pass),
            ("v=spf1 mx:m.net -all", Pass, Pass),
            ("v=spf1 a -all", Fail, Fail),
            ("v=spf1 include:yes.net -all", Pass, Fail),
            ("v=spf1 include:no.net ?all", Neutral, Neutral),
            ("v=spf1 redirect=yes.net", Pass, Fail),
            ("v=spf1 exists:a.net -all", Pass, Pass),
            ("v=spf1", Neutral, Neutral),
            ("v=spf1 unknown=x ip4:192.0.2.1", Pass, Neutral),
            ("v=spf1 include:down.net -all", Unclear, Unclear),
            ("v=spf1 exists:%{i}.x.net ip4:192.0.2.1 -all", Unclear, Unclear),
            ("v=spf1 exists:%{i}.x.net redirect=yes.net", Unclear, Unclear),
            ("v=spf1 ip4:192.0.2.1 ptr -all", Pass, Unclear),
            ("v=spf1 include:nothing.net -all", Wrong, Wrong),
            ("v=spf1 include:two.net -all", Wrong, Wrong),
            ("v=spf1 redirect=nothing.net", Wrong, Wrong),
            ("v=spf1 include:loop.net -all", Wrong, Wrong),
            ("v=spf1 ip4:192.0.2.0/33 -all", Wrong, Wrong),
            ("v=spf1 ipv4:192.0.2.1 -all", Wrong, Wrong),
            ("v=spf1 a:a.net/33 -all", Wrong, Wrong),
            ("v=spf1 include -all", Wrong, Wrong),
        ] {
            let verdict = |address| found(record, Some(address)).verdict;
            assert_eq!((verdict("192.0.2.1"), verdict("2001:db8::1")), (Some(v4), Some(v6)), "{record}");
        }
        assert_eq!(found("v=spf1 ip4:192.0.2.1 -all", Some("::ffff:192.0.2.1")).verdict, Some(Pass));
    }

    #[test]
    fn without_an_address_all_of_it_is_counted() {
        let all = found("v=spf1 include:deep.net mx:m.net exists:a.net ~all", None);
        assert_eq!((all.verdict, all.rest, all.lookups), (None, Some(Verdict::SoftFail), 10));
        let many = found("v=spf1 include:deep.net mx:m.net exists:a.net a ~all", None);
        assert!(many.verdict == Some(Verdict::Wrong) && many.lookups > LOOKUPS_MAX, "{many:?}");
        let many = found("v=spf1 include:any.net include:deep.net mx:m.net exists:a.net ~all", None);
        assert_eq!(many.verdict, Some(Verdict::Wrong), "nothing ends it early");
        assert_eq!(found("v=spf1 ip4:192.0.2.0/33 -all", None).verdict, Some(Verdict::Wrong));
        assert_eq!(found("v=spf1 redirect=yes.net", None).rest, Some(Verdict::Fail));
        assert_eq!(found("v=spf1 include:yes.net", None).rest, None, "that of another is not its own");
    }

    #[test]
    fn there_may_be_none_or_too_many() {
        let spf = |domain| spf(domain, None, &mut Zone(OTHERS));
        assert_eq!((spf("a.net"), spf("none.net"), spf("two.net")), (Spf::None, Spf::None, Spf::Several));
        assert_eq!(spf("down.net"), Spf::Unknown("silent".to_owned()));
        let dmarc = |domain| match dmarc(domain, &mut Zone(OTHERS)) {
            Dmarc::Says { domain, policy } => format!("{domain} {policy}"),
            other => format!("{other:?}"),
        };
        for (domain, said) in [
            ("d.net", "d.net reject"),
            ("mail.d.net", "d.net none"),
            ("own.d.net", "own.d.net quarantine"),
            ("a.b.own.d.net", "own.d.net quarantine"),
            ("two.d.net", "d.net none"),
            ("down.d.net", "Unknown(\"silent\")"),
            ("e.net", "None"),
            ("localhost", "None"),
        ] {
            assert_eq!(dmarc(domain), said, "{domain}");
        }
    }

    #[test]
    fn a_published_key_is_ours_or_not() {
        const OURS: &str = "v=DKIM1; k=rsa; p=MIIB==";
        for (records, wanted) in [
            (&[][..], Found::Missing),
            (&[OURS], Found::Right),
            (&["p=MI IB=="], Found::Right),
            (&["v=DKIM1;k=rsa;s=email;h=sha1:sha256;t=s;p=MIIB==;n=note"], Found::Right),
            (&["v=DKIM1; p="], Found::Other),
            (&["v=DKIM1; k=ed25519; p=MIIB=="], Found::Other),
            (&["v=DKIM1; p=MIIC=="], Found::Other),
            (&["v=DKIM1; h=sha1; p=MIIB=="], Found::Other),
            (&["v=DKIM1; s=tlsrpt; p=MIIB=="], Found::Other),
            (&["v=DKIM1; t=s:y; p=MIIB=="], Found::Other),
            (&[OURS, "v=DKIM1; p=MIIC=="], Found::Other),
            (&["!"], Found::Unknown("silent".to_owned())),
        ] {
            let zone: Vec<_> = records.iter().map(|record| ("a.b._domainkey.x.net", *record)).collect();
            let Dkim { name, found, .. } = dkim("x.net", "a.b", OURS.to_owned(), &mut Zone(zone.leak()));
            assert_eq!((name.as_str(), found), ("a.b._domainkey.x.net", wanted), "{records:?}");
        }
    }

    proptest! {
        #[test]
        fn any_record_comes_to_an_end(text in "( ?[-+~?]?(a|mx|ip4|ip6|include|ptr|exists|all|redirect=|[:/%=]|x.net|[0-9.]{1,9})){0,30}") {
            let record: &'static str = format!("v=spf1 {text}").leak();
            for address in [None, Some("192.0.2.1")] {
                prop_assert!(found(record, address).lookups <= 2 * LOOKUPS_MAX);
            }
        }
    }
}
