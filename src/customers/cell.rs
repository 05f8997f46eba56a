//! What stands in one cell: addresses, a mail address, a moment.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, IpSubnets, Ipv4Subnets, Ipv6Subnets, ip_mask_to_prefix};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::clock::Timestamp;

/// The addresses of a cell.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    pub(crate) nets: Vec<IpNet>,
    /// First and last address of the ranges that are more than one prefix.
    pub(super) ranges: Vec<(IpAddr, IpAddr)>,
    /// Prefixes with host bits set, as written.
    pub(super) host_bits: Vec<String>,
    /// What cannot be read, and why.
    pub(crate) unreadable: Vec<(String, &'static str)>,
}

/// Reads addresses, prefixes and ranges between commas, semicolons, bars and white space.
pub(crate) fn addresses(cell: &str) -> Addresses {
    let mut found = Addresses::default();
    // "a - b" with a hyphen or an en dash is one range, not three words.
    let joined = cell.split(['-', '\u{2013}']).map(str::trim).collect::<Vec<_>>().join("-");
    let pieces = joined.split(|c: char| ",;|".contains(c) || c.is_whitespace());
    for piece in pieces.filter(|piece| !piece.is_empty()) {
        let read = match piece.split_once('-') {
            Some((first, last)) => range(first, last, &mut found),
            None => prefix(piece).map(|net| {
                if net.trunc() != net {
                    found.host_bits.push(piece.to_owned());
                }
                found.nets.push(net.trunc());
            }),
        };
        if let Err(why) = read {
            found.unreadable.push((piece.to_owned(), why));
        }
    }
    found
}

/// Whether a whole cell is one address or prefix.
pub(super) fn is_address(cell: &str) -> bool {
    prefix(cell.trim()).is_ok()
}

fn prefix(text: &str) -> Result<IpNet, &'static str> {
    let (start, len) = match text.split_once('/') {
        Some((start, len)) => (start, Some(len)),
        None => (text, None),
    };
    let written: IpAddr = address(start)?;
    let len = match len {
        None => full(written),
        Some(len) if is_number(len) => len.parse().map_err(|_| BAD_LENGTH)?,
        Some(mask) => mask.parse().ok().and_then(|m| ip_mask_to_prefix(m).ok()).ok_or(BAD_LENGTH)?,
    };
    let net = canonical(IpNet::new(written, len).map_err(|_| BAD_LENGTH)?);
    match net.addr() {
        _ if net.prefix_len() == 0 => {
            Err("a prefix of length 0 is the whole internet; write the customer's own")
        }
        IpAddr::V4(v4) if v4.is_unspecified() => Err("0.0.0.0 is nobody's address"),
        IpAddr::V4(v4) if v4 >= CLASS_E => Err("this is a netmask; write the prefix, as in 192.0.2.0/28"),
        IpAddr::V6(v6) if v6.is_unspecified() => Err(":: is nobody's address"),
        _ => Ok(net),
    }
}

fn range(first: &str, last: &str, found: &mut Addresses) -> Result<(), &'static str> {
    let first = single(first)?;
    let last = match first {
        IpAddr::V4(v4) if is_number(last) => {
            let [a, b, c, _] = v4.octets();
            Ipv4Addr::new(a, b, c, last.parse().map_err(|_| BAD_RANGE)?).into()
        }
        _ => single(last)?,
    };
    let nets = subnets(first, last).ok_or(BAD_RANGE)?;
    if nets.len() > RANGE_PREFIXES_MAX {
        return Err("the range is too ragged; write it as prefixes");
    }
    if nets.len() > 1 {
        found.ranges.push((first, last));
    }
    found.nets.extend(nets);
    Ok(())
}

/// An end of a range.
fn single(text: &str) -> Result<IpAddr, &'static str> {
    let net = prefix(text)?;
    if net.prefix_len() == net.max_prefix_len() { Ok(net.addr()) } else { Err(BAD_RANGE) }
}

/// The prefixes of a range, one more than allowed at most; `None` if it is no range.
pub(super) fn subnets(first: IpAddr, last: IpAddr) -> Option<Vec<IpNet>> {
    let nets: IpSubnets = match (first, last) {
        (IpAddr::V4(a), IpAddr::V4(b)) if a <= b => Ipv4Subnets::new(a, b, 0).into(),
        (IpAddr::V6(a), IpAddr::V6(b)) if a <= b => Ipv6Subnets::new(a, b, 0).into(),
        _ => return None,
    };
    Some(nets.take(RANGE_PREFIXES_MAX + 1).collect())
}

/// An IPv4 prefix written in IPv6 (`::ffff:192.0.2.0/120`) becomes IPv4; all others stay.
pub(super) fn canonical(net: IpNet) -> IpNet {
    match (net.addr().to_canonical(), net) {
        (address @ IpAddr::V4(_), IpNet::V6(v6)) if v6.prefix_len() >= 96 => {
            IpNet::new(address, v6.prefix_len() - 96).unwrap_or(net)
        }
        _ => net,
    }
}

/// The standard library refuses leading zeros in IPv4, which some programs read as octal.
fn address(text: &str) -> Result<IpAddr, &'static str> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| "this is no IP address; write it as in 192.0.2.1, 192.0.2.0/28 or 2001:db8::/56")
}

fn full(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn is_number(text: &str) -> bool {
    text == "0" || (!text.is_empty() && !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()))
}

/// The mail addresses of a cell, as written, without angle brackets and `mailto:`.
pub(super) fn mails(cell: &str) -> impl Iterator<Item = &str> {
    let pieces = cell.split(|c: char| ",;|".contains(c) || c.is_whitespace());
    pieces
        .map(|piece| {
            let bare = piece.trim_matches(['<', '>']);
            bare.strip_prefix("mailto:").unwrap_or(bare)
        })
        .filter(|piece| !piece.is_empty())
}

/// Whether a mail server would take it: plain ASCII, one `@`, a host name with a dot.
pub(super) fn is_mail(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let atom = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    };
    let label = |part: &str| {
        !part.is_empty()
            && part.len() <= 63
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    text.len() <= MAIL_BYTES_MAX
        && local.len() <= 64
        && local.split('.').all(atom)
        && domain.contains('.')
        && domain.split('.').all(label)
}

/// First and last second that a date or an RFC 3339 time names; a date is a whole day in `zone`.
/// `Ok(None)`: nothing there (empty, `-`, `0000-00-00`).
pub(super) fn moment(text: &str, zone: &TimeZone) -> Result<Option<(Timestamp, Timestamp)>, &'static str> {
    if text.chars().all(|c| c == '0' || !c.is_alphanumeric()) {
        return Ok(None);
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(Some((time, time)));
    }
    let start =
        |date: Date| date.to_zoned(zone.clone()).map(|z| Timestamp::from_unix(z.timestamp().as_second()));
    if let Some(date) = date(text) {
        // A day that cannot be written as a time (9999-12-31) means "for ever".
        let next = date.tomorrow().and_then(start);
        let last = next.map_or(FOREVER, |next| next.plus_seconds(-1));
        return Ok(Some((start(date).unwrap_or(FOREVER), last)));
    }
    let local: DateTime = text.parse().map_err(|_| BAD_DATE)?;
    let time = local.to_zoned(zone.clone()).map_err(|_| BAD_DATE)?;
    let time = Timestamp::from_unix(time.timestamp().as_second());
    Ok(Some((time, time)))
}

/// `2026-11-20` or `20.11.2026`. With slashes day and month cannot be told apart, nor centuries with two digits.
fn date(text: &str) -> Option<Date> {
    let format = if text.contains('.') { "%d.%m.%Y" } else { "%Y-%m-%d" };
    Date::strptime(format, text).ok().filter(|date| date.year() >= 1000)
}

pub(super) const ALWAYS: Timestamp = Timestamp::from_unix(i64::MIN);
pub(super) const FOREVER: Timestamp = Timestamp::from_unix(i64::MAX);

/// The longest path of RFC 5321.
const MAIL_BYTES_MAX: usize = 254;
/// Any IPv4 range fits (62 at most); an IPv6 range that needs more is a slip of the pen.
pub(super) const RANGE_PREFIXES_MAX: usize = 64;
const CLASS_E: Ipv4Addr = Ipv4Addr::new(240, 0, 0, 0);
const BAD_LENGTH: &str = "the length behind the slash does not fit; write it as in 192.0.2.0/28";
const BAD_RANGE: &str = "this is no range; write first and last address, as in 192.0.2.1-192.0.2.20";
const BAD_DATE: &str = "is neither a date (2026-11-20) nor a time with zone (2026-11-20T08:00:00+01:00)";

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(cell: &str) -> Vec<String> {
        let found = addresses(cell);
        assert!(found.unreadable.is_empty(), "{cell}: {:?}", found.unreadable);
        found.nets.iter().map(IpNet::to_string).collect()
    }

    #[test]
    fn every_form_of_address() {
        assert_eq!(nets(" 192.0.2.1"), ["192.0.2.1/32"]);
        assert_eq!(nets("192.0.2.17/28"), ["192.0.2.16/28"]);
        assert_eq!(nets("192.0.2.16/255.255.255.240"), ["192.0.2.16/28"]);
        assert_eq!(nets("[2001:DB8::1] 2001:db8:0:100::/56"), ["2001:db8::1/128", "2001:db8:0:100::/56"]);
        assert_eq!(nets("::ffff:192.0.2.1;::ffff:192.0.2.0/124"), ["192.0.2.1/32", "192.0.2.0/28"]);
        assert_eq!(
            nets("192.0.2.1,192.0.2.2;\n 192.0.2.3"),
            ["192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/32"]
        );
        assert_eq!(nets("192.0.2.0 - 192.0.2.20"), ["192.0.2.0/28", "192.0.2.16/30", "192.0.2.20/32"]);
        assert_eq!(nets("192.0.2.1-3"), ["192.0.2.1/32", "192.0.2.2/31"]);
        assert_eq!(nets("192.0.2.0\u{2013}192.0.2.255"), ["192.0.2.0/24"]);
        assert_eq!(nets("2001:db8::-2001:db8::ff"), ["2001:db8::/120"]);
        assert_eq!(nets("\u{a0}"), Vec::<String>::new());
    }

    #[test]
    fn the_edges_of_addresses_and_ranges() {
        let why = |text: &str| addresses(text).unreadable.iter().map(|(_, why)| *why).collect::<String>();
        for (text, part) in [
            ("0.0.0.0/0", "whole internet"),
            ("::/0", "whole internet"),
            ("0.0.0.0", "0.0.0.0 is nobody's"),
            ("::", ":: is nobody's"),
            ("::/64", ":: is nobody's"),
        ] {
            assert!(why(text).contains(part), "{text}: {}", why(text));
        }
        assert_eq!(nets("192.0.2.5-192.0.2.5"), ["192.0.2.5/32"]);
        assert_eq!(nets("2001:db8::5-2001:db8::5"), ["2001:db8::5/128"]);
        assert!(!why("2001:db8::6-2001:db8::5").is_empty());
        assert!(why("::ffff:192.0.2.0/96").contains("whole internet"));
        assert_eq!(nets("::ffff:0.0.0.0/95"), ["::fffe:0:0/95"]);
        // As ragged as a range may be: 1 to 2^32 - 2 would be two prefixes for each length.
        let found = addresses("10.0.0.1-10.255.255.254");
        assert!(found.nets.len() == 46 && found.ranges.len() == 1);
        assert!(addresses("192.0.2.0-192.0.2.15").ranges.is_empty(), "one prefix is no range");
        let last = |bits: u32| std::net::Ipv6Addr::from_bits((0x2001_0db8 << 96) + (1_u128 << bits) - 2);
        let count = |bits| addresses(&format!("2001:db8::1-{}", last(bits))).nets.len();
        assert_eq!((count(33), count(34)), (RANGE_PREFIXES_MAX, 0), "too ragged");
    }

    #[test]
    fn what_is_no_address() {
        for text in [
            "192.0.2.01",
            "192.0.2",
            "192.0.2.256",
            "192.0.2.*",
            "192.0.2.0/33",
            "192.0.2.0/+8",
            "192.0.2.0/08",
            "192.0.2.0/",
            "0.0.0.0",
            "0.0.0.0/0",
            "::/0",
            "255.255.255.240",
            "192.0.2.20-192.0.2.1",
            "192.0.2.20-1",
            "192.0.2.1-020",
            "192.0.2.1-300",
            "192.0.2.0/28-20",
            "192.0.2.1-2001:db8::1",
            "2001:db8::1-5",
            "2001:db8::1-2001:db8:ffff:ffff:ffff:ffff:ffff:fffe",
            "fe80::1%eth0",
            "dynamic",
            "28",
            "1,92E+11",
        ] {
            let found = addresses(text);
            assert!(found.nets.is_empty() || text == "1,92E+11", "{text}");
            assert!(!found.unreadable.is_empty(), "{text}");
        }
    }

    #[test]
    fn mail_addresses() {
        assert_eq!(mails("a@x.example; <b@x.example>,mailto:c@x.example\n").count(), 3);
        for good in ["a@x.example", "first.last+tag@mail.example.net", "o'neil@x-y.example"] {
            assert!(is_mail(good), "{good}");
        }
        for bad in [
            "a",
            "a@",
            "@x.example",
            "a@@x.example",
            "a@x",
            "a@x..example",
            ".a@x.example",
            "a@-x.example",
            "a b@x.example",
            "a@x.example\r\nBcc:b",
            "\u{e4}@x.example",
            "a@m\u{fc}ller.example",
            "\"a\"@x.example",
        ] {
            assert!(!is_mail(bad), "{bad}");
        }
        assert!(!is_mail(&format!("{}@x.example", "a".repeat(65))));
    }

    #[test]
    fn moments() {
        let zone = TimeZone::get("Europe/Vienna").unwrap();
        let read = |text: &str| {
            moment(text, &zone).map(|m| m.map(|(first, last)| (first.to_string(), last.to_string())))
        };
        let day = Ok(Some(("2026-11-19T23:00:00Z".to_owned(), "2026-11-20T22:59:59Z".to_owned())));
        assert_eq!(read("2026-11-20"), day);
        assert_eq!(read("20.11.2026"), day);
        // The day on which summer time ends has 25 hours.
        assert_eq!(read("2026-10-25").unwrap().unwrap().1, "2026-10-25T22:59:59Z");
        assert_eq!(read("2026-11-20T08:00:00+01:00").unwrap().unwrap().0, "2026-11-20T07:00:00Z");
        assert_eq!(read("2026-11-20 08:00:00").unwrap().unwrap().0, "2026-11-20T07:00:00Z");
        assert_eq!(moment("9999-12-31", &zone).unwrap().unwrap().1, FOREVER);
        for none in ["", "-", "0000-00-00", "0000-00-00 00:00:00"] {
            assert_eq!(read(none), Ok(None));
        }
        for bad in ["20/11/2026", "2026-02-30", "soon", "01.02.26"] {
            assert_eq!(read(bad), Err(BAD_DATE), "{bad}");
        }
    }
}
