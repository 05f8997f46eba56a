//! What stands in one cell: addresses, a mail address, a moment.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, IpSubnets, Ipv4Subnets, Ipv6Subnets, ip_mask_to_prefix};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use super::forward::forward;
use crate::clock::Timestamp;

/// The addresses of a cell.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    pub(crate) nets: Vec<IpNet>,
    /// First and last address of the ranges that are more than one prefix.
    pub(super) ranges: Vec<(IpAddr, IpAddr)>,
    /// Ports of an address: first and last.
    pub(super) forwards: Vec<(IpAddr, (u16, u16))>,
    /// What was taken in a way that the operator may want to know: as written, and how.
    pub(super) told: Vec<(String, &'static str)>,
    /// What cannot be read, and why.
    pub(crate) unreadable: Vec<(String, &'static str)>,
}

impl Addresses {
    /// Whether there is nothing that could be read.
    pub(super) fn is_empty(&self) -> bool {
        self.nets.is_empty() && self.forwards.is_empty()
    }
}

/// Reads addresses, prefixes, ranges and port forwards between commas, semicolons, bars and white space.
pub(crate) fn addresses(cell: &str) -> Addresses {
    let mut found = Addresses::default();
    // As nearly all cells are, so that the others may take their time.
    if let Ok(net) = prefix(cell.trim())
        && net == net.trunc()
    {
        found.nets.push(net);
        return found;
    }
    // What a spreadsheet made of an address may hold what parts addresses.
    for part in cell.split(['\r', '\n']) {
        match damage(part.trim()) {
            Some(why) => found.unreadable.push((part.trim().to_owned(), why)),
            None => pieces(part, &mut found),
        }
    }
    found
}

fn pieces(text: &str, found: &mut Addresses) {
    // "a - b" with a hyphen or an en dash is one range, not three words; "192.0.2.0 /24" is one prefix.
    let joined = joined(&joined(text, &['-', '\u{2013}'], "-"), &['/'], "/");
    let mut pieces = joined
        .split(|c: char| ",;|".contains(c) || c.is_whitespace())
        .filter(|piece| !piece.is_empty())
        .peekable();
    while let Some(piece) = pieces.next() {
        if let Some(forward) = forward(piece) {
            found.forwards.push(forward);
            continue;
        }
        // As routers write it: an address, then its mask.
        let mask = pieces.next_if(|next| !piece.contains(['/', '-']) && is_mask(next));
        let read = match (mask, piece.split_once('-')) {
            (Some(mask), _) => one(&format!("{piece}/{mask}"), found),
            (None, Some((first, last))) => range(first, last, found),
            (None, None) => match piece.split_once('/') {
                Some((_, rest)) if rest.contains('/') || (rest.contains(['.', ':']) && !is_mask(rest)) => {
                    list(piece, found)
                }
                _ => one(piece, found),
            },
        };
        if let Err(why) = read {
            found.unreadable.push((piece.to_owned(), why));
        }
    }
}

/// Without the white space around some marks.
fn joined(text: &str, marks: &[char], by: &str) -> String {
    text.split(marks).map(str::trim).collect::<Vec<_>>().join(by)
}

/// An address or a prefix.
fn one(piece: &str, found: &mut Addresses) -> Result<(), &'static str> {
    if let Some(net) = wildcard(piece) {
        found.nets.push(net?);
        return Ok(());
    }
    let (bare, zone) = match piece.split_once('%') {
        Some((before, zone)) => {
            let len = zone.split_once('/').map(|(_, len)| format!("/{len}")).unwrap_or_default();
            (before.trim_start_matches('[').to_owned() + &len, true)
        }
        None => (piece.to_owned(), false),
    };
    let net = prefix(&bare)?;
    match net {
        _ if !zone => {}
        IpNet::V6(v6) if v6.addr().is_unicast_link_local() => {
            return Err("a link-local address, which is never seen from outside; write the public one");
        }
        IpNet::V6(_) => found.told.push((piece.to_owned(), "names a zone, which was left out")),
        IpNet::V4(_) => return Err(BAD_ADDRESS),
    }
    if net.trunc() != net {
        let how = "is not the first address of its prefix; the whole prefix was taken";
        found.told.push((piece.to_owned(), how));
    }
    found.nets.push(net.trunc());
    Ok(())
}

/// `192.0.2.1/192.0.2.2`. What might as well be a length is no address of the list.
fn list(piece: &str, found: &mut Addresses) -> Result<(), &'static str> {
    let nets: Result<Vec<IpNet>, _> = piece.split('/').map(|part| single(part).map(IpNet::from)).collect();
    found.nets.extend(nets.map_err(|_| {
        "a list with slashes, in which lengths and addresses cannot be told apart; part addresses with spaces"
    })?);
    Ok(())
}

/// `192.0.2.*` and `192.0.*.*`; `None` if there is no asterisk.
fn wildcard(piece: &str) -> Option<Result<IpNet, &'static str>> {
    let fixed = piece.split('.').take_while(|part| *part != "*").count();
    let is_wild = piece.contains('*');
    let fits = piece.split('.').count() == 4
        && (1..4).contains(&fixed)
        && piece.split('.').skip(fixed).all(|p| p == "*");
    is_wild.then(|| {
        let base: Vec<&str> = piece.split('.').map(|part| if part == "*" { "0" } else { part }).collect();
        if fits { prefix(&format!("{}/{}", base.join("."), fixed * 8)) } else { Err(BAD_WILDCARD) }
    })
}

pub(super) fn is_mask(text: &str) -> bool {
    let mask = text.parse::<Ipv4Addr>();
    mask.is_ok_and(|mask| mask >= Ipv4Addr::new(255, 0, 0, 0) && ip_mask_to_prefix(mask.into()).is_ok())
}

/// What a spreadsheet made of an address, if a whole cell looks like that.
fn damage(cell: &str) -> Option<&'static str> {
    let digits_and = |marks: &str| {
        cell.starts_with(|c: char| c.is_ascii_digit())
            && cell.chars().all(|c| c.is_ascii_digit() || marks.contains(c))
    };
    let count = |mark: char| cell.matches(mark).count();
    let shape = (count('.'), count(','));
    if cell.starts_with('#') && cell.ends_with(['!', '?', 'A', '#']) {
        Some("an error of a spreadsheet; correct the cell and export again")
    } else if cell.contains(['E', 'e']) && digits_and(".,Ee+") {
        Some(ROUNDED)
    } else if digits_and(".,") && shape == (4, 0) && cell.ends_with(".0") {
        Some("an address to which a spreadsheet added .0; format the column as text and export again")
    } else if cell.bytes().all(|b| b.is_ascii_digit()) && (7..=12).contains(&cell.len()) {
        Some(
            "a number without dots, as a spreadsheet makes of an address; format the column as text and export again",
        )
    } else if digits_and(".,")
        && (matches!(shape, (1, 0) | (0, 1)) || (shape.1 == 1 && shape.0 > 0 && shape.0 < 3))
    {
        Some(NUMBER)
    } else if is_date_like(cell) {
        Some("a date, as a spreadsheet makes of an address; format the column as text and export again")
    } else {
        None
    }
}

/// `01.02.2003`, `2003-02-01`, `1/2/03` and `2-Jan`, but no address and no range.
fn is_date_like(cell: &str) -> bool {
    let cell = cell.split([' ', 'T']).next().unwrap_or_default();
    ['.', '-', '/'].into_iter().any(|mark| {
        let parts: Vec<&str> = cell.split(mark).collect();
        let number = |part: &&str, max: u16| part.len() <= 4 && part.parse::<u16>().is_ok_and(|n| n <= max);
        match parts[..] {
            [day, month, year] => {
                (number(&day, 31) && number(&month, 31) && number(&year, 9999) && year.len() != 3)
                    || (day.len() == 4 && number(&day, 9999) && number(&month, 12) && number(&year, 31))
            }
            [day, month] => {
                let word = |part: &str| part.len() == 3 && part.bytes().all(|b| b.is_ascii_alphabetic());
                number(&day, 31) && word(month) || word(day) && number(&month, 9999)
            }
            _ => false,
        }
    })
}

/// Whether a whole cell is one address or prefix.
pub(super) fn is_address(cell: &str) -> bool {
    let cell = cell.trim();
    // Most cells are none, and are asked.
    cell.bytes().all(|byte| byte.is_ascii_hexdigit() || b".:/[]".contains(&byte)) && prefix(cell).is_ok()
}

fn prefix(text: &str) -> Result<IpNet, &'static str> {
    let text = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text);
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
        IpAddr::V4(v4) if v4.octets()[0] == 0 => Err(
            "what begins with 0 is nobody's address; if it is the wildcard mask of another, write the prefix, as in 192.0.2.0/28",
        ),
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
    bare.parse().map_err(|_| {
        let is_padded = |part: &str| part.len() > 1 && part.len() < 4 && part.starts_with('0');
        let numbers = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if bare.split('.').count() == 4 && bare.split('.').all(numbers) && bare.split('.').any(is_padded) {
            "leading zeros, which some programs take for octal numbers; write it without them"
        } else {
            BAD_ADDRESS
        }
    })
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
            let bare = piece.trim_matches(['<', '>', '\'']);
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
    let second = |local: DateTime| {
        let time = local.to_zoned(zone.clone()).map_err(|_| BAD_DATE)?;
        let time = Timestamp::from_unix(time.timestamp().as_second());
        Ok((time, time))
    };
    let (day, clock) = text.split_once(' ').unwrap_or((text, ""));
    let time = || ["%H:%M:%S", "%H:%M"].iter().find_map(|format| Time::strptime(format, clock).ok());
    let readings = dates(day).map(|date| match time() {
        Some(time) => second(date.to_datetime(time)),
        None if !clock.is_empty() => Err(BAD_DATE),
        None => {
            // A day that cannot be written as a time (9999-12-31) means "for ever".
            let next = date.tomorrow().and_then(start);
            let last = next.map_or(FOREVER, |next| next.plus_seconds(-1));
            Ok((start(date).unwrap_or(FOREVER), last))
        }
    });
    let readings: Vec<_> = readings.flatten().collect();
    match readings[..] {
        [] => second(text.parse().map_err(|_| BAD_DATE)?).map(Some),
        [first, ..] if readings.iter().all(|other| *other == first) => Ok(Some(first)),
        _ => Err(TWO_DAYS),
    }
}

/// `2026-11-20`, `20.11.2026`, `20/11/2026`: the days that it may be. Centuries are not guessed from two digits.
fn dates(text: &str) -> impl Iterator<Item = Date> {
    let formats: &[&str] = match text {
        _ if text.contains('.') => &["%d.%m.%Y"],
        _ if text.contains('/') => &["%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d"],
        _ => &["%Y-%m-%d", "%d-%m-%Y", "%m-%d-%Y"],
    };
    let days = formats.iter().filter_map(move |format| Date::strptime(format, text).ok());
    days.filter(|date| date.year() >= 1000)
}

pub(super) const ALWAYS: Timestamp = Timestamp::from_unix(i64::MIN);
pub(super) const FOREVER: Timestamp = Timestamp::from_unix(i64::MAX);

/// The longest path of RFC 5321.
const MAIL_BYTES_MAX: usize = 254;
/// Any IPv4 range fits (62 at most); an IPv6 range that needs more is a slip of the pen.
pub(super) const RANGE_PREFIXES_MAX: usize = 64;
const CLASS_E: Ipv4Addr = Ipv4Addr::new(240, 0, 0, 0);
const BAD_WILDCARD: &str =
    "asterisks stand for the last numbers only, as in 192.0.2.*; write a prefix or a range";
const ROUNDED: &str = "a number that a spreadsheet rounded; format the column as text and export again";
const NUMBER: &str =
    "a number, as a spreadsheet makes of an address; format the column as text and export again";
const BAD_ADDRESS: &str = "this is no IP address; write it as in 192.0.2.1, 192.0.2.0/28 or 2001:db8::/56";
const BAD_LENGTH: &str = "the length behind the slash does not fit; write it as in 192.0.2.0/28";
const BAD_RANGE: &str = "this is no range; write first and last address, as in 192.0.2.1-192.0.2.20";
const TWO_DAYS: &str = "may be two days, for day and month cannot be told apart; write it as in 2026-11-20";
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
        assert_eq!(nets("192.0.2.* 198.51.*.*"), ["192.0.2.0/24", "198.51.0.0/16"]);
        assert_eq!(nets("[2001:db8::/56]"), ["2001:db8::/56"]);
        assert_eq!(nets("192.0.2.1/192.0.2.2 / 192.0.2.3"), ["192.0.2.1/32", "192.0.2.2/32", "192.0.2.3/32"]);
        assert_eq!(nets("2001:db8::1/2001:db8::2"), ["2001:db8::1/128", "2001:db8::2/128"]);
        assert_eq!(nets("192.0.2.16 255.255.255.240, 192.0.2.1"), ["192.0.2.16/28", "192.0.2.1/32"]);
        assert_eq!(nets("192.0.2.0 /28"), ["192.0.2.0/28"]);
        for text in ["2001:db8::1%eth0", "[2001:db8::1%eth0]", "2001:db8::1%eth0/128"] {
            assert_eq!(
                (nets(text), addresses(text).told.len()),
                (vec!["2001:db8::1/128".to_owned()], 1),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_refused_is_named() {
        for (text, part) in [
            ("192.0.2.01", "leading zeros"),
            ("010.0.2.1", "leading zeros"),
            ("1,92E+11", "rounded"),
            ("1.92E+11", "rounded"),
            ("192,0", "a number, as"),
            ("192.02", "a number, as"),
            ("19.202.100,5", "a number, as"),
            ("19202100", "without dots"),
            ("192.0.2.1.0", "added .0"),
            ("01.02.2003", "a date"),
            ("2003-02-01", "a date"),
            ("2003-02-01 00:00:00", "a date"),
            ("1/2/03", "a date"),
            ("2-Jan", "a date"),
            ("#REF!", "error of a spreadsheet"),
            ("#N/A", "error of a spreadsheet"),
            ("192.0.2.1/2/3", "list with slashes"),
            ("192.0.2.1/24/192.0.2.2", "list with slashes"),
            ("192.0.*.1", "asterisks"),
            ("fe80::1%eth0", "link-local"),
            ("0.0.0.15", "wildcard mask"),
            ("192.0.2.16/0.0.0.15", "list with slashes"),
        ] {
            let found = addresses(text);
            assert!(found.nets.is_empty() && found.unreadable.len() == 1, "{text}: {found:?}");
            assert!(found.unreadable[0].1.contains(part), "{text}: {:?}", found.unreadable);
        }
        assert_eq!(addresses("192.0.2.1\n1,92E+11").nets.len(), 1);
    }

    #[test]
    fn nothing_else_is_taken_for_what_a_spreadsheet_made() {
        for text in ["255.0.0.0", "255.255.255.240"] {
            assert!(is_mask(text), "{text}");
        }
        for text in ["255.0.255.0", "128.0.0.0", "192.0.2.16", "28"] {
            assert!(!is_mask(text), "{text}");
        }
        for text in ["10E Street", "Ee", "192.0.2.1,5", "19202", "1920210012345", "REF!", "#12"] {
            assert_eq!(damage(text), None, "{text}");
        }
        for text in ["1.2.2003", "31.12.03", "2003/12/31", "2-Jan", "Jan-2003", "1.2.2003 late"] {
            assert!(is_date_like(text), "{text}");
        }
        for text in [
            "00001.02.2003",
            "99.1.2003",
            "1.99.2003",
            "1.2.20031",
            "1.2.003",
            "2003-13-01",
            "2003-12-32",
            "203-12-32",
            "1-5",
            "99-Jan",
            "2-Janu",
            "2-1an",
            "x-5",
            "Jan-12345",
        ] {
            assert!(!is_date_like(text), "{text}");
        }
        for text in ["192.0.*", "*.*.*.*", "192.0.*.*.*", "192.*.2.*"] {
            assert_eq!(wildcard(text), Some(Err(BAD_WILDCARD)), "{text}");
        }
        for (text, is_padded) in [
            ("192.1.2.01", true),
            ("192.1.2.001", true),
            ("192.1.2.0001", false),
            ("0.0.0.256", false),
            ("10.1.2.256", false),
            ("1.2.03", false),
            ("a.1.2.03", false),
        ] {
            assert_eq!(address(text).unwrap_err() != BAD_ADDRESS, is_padded, "{text}");
        }
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
            "192.0.*.2",
            "*",
            "*.2.0.192",
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
            assert!(found.nets.is_empty(), "{text}");
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
        for same in ["20/11/2026", "11/20/2026", "2026/11/20", "20-11-2026"] {
            assert_eq!(read(same), day, "{same}");
        }
        for same in ["20.11.2026 08:00", "20.11.2026 08:00:00", "20/11/2026 08:00"] {
            assert_eq!(read(same).unwrap().unwrap().0, "2026-11-20T07:00:00Z", "{same}");
        }
        assert_eq!((read("02/12/2026"), read("12-02-2026")), (Err(TWO_DAYS), Err(TWO_DAYS)));
        assert_eq!(read("02/02/2026").unwrap().unwrap().1, "2026-02-02T22:59:59Z");
        for bad in
            ["20/13/2026", "2026-02-30", "soon", "01.02.26", "1/2/26", "20.11.2026 late", "20.11.2026 25:00"]
        {
            assert_eq!(read(bad), Err(BAD_DATE), "{bad}");
        }
    }
}
