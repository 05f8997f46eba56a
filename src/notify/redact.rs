//! Cleans foreign text before a customer sees it: no address of another customer, no control characters, no
//! live link, no endless cell.
//!
//! Banners, host names and certificates are written by strangers. An address of our networks that is not the
//! receiver's is blanked in every notation known from such texts; where a reading is in doubt, it is blanked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::{Range, RangeInclusive};

/// Longest text of one column, in characters. Banners and certificate names are shorter; request lines and key
/// material are of no use to a customer beyond this.
pub const FIELD_CHARS_MAX: usize = 300;

/// What stands in the place of an address. Without digits, so that it never reads as part of another one.
pub const BLANK: &str = "[address removed]";

/// The text as its receiver may see it: every address for which `inside` (our networks) holds and `allowed`
/// (the receiver's own) does not is replaced by [`BLANK`]; the rest is made [`plain`].
pub fn clean(text: &str, allowed: impl Fn(IpAddr) -> bool, inside: impl Fn(IpAddr) -> bool) -> String {
    let judge = Judge { allowed: &allowed, inside: &inside };
    let mut text = plain(text);
    // Blanking can leave digits that read differently on their own, and cutting can make another address of
    // the last one; so until nothing is found. Each round removes digits, hence it ends.
    loop {
        let spans = foreign_spans(&text, &judge);
        if spans.is_empty() {
            return text;
        }
        for span in spans.into_iter().rev() {
            text.replace_range(span, BLANK);
        }
        text = plain(&text);
    }
}

/// One line of at most [`FIELD_CHARS_MAX`] characters without control, invisible or direction characters.
pub fn plain(text: &str) -> String {
    let mut shown = text.chars().filter(|c| !is_invisible(*c)).map(|c| if is_break(c) { ' ' } else { c });
    let mut line: String = shown.by_ref().take(FIELD_CHARS_MAX).collect();
    if shown.next().is_some() {
        line.pop();
        line.push('\u{2026}');
    }
    line
}

/// Makes every link in the text one that no mail program opens: `hxxp://bad[.]example/x`.
pub fn defang(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some((start, host_start)) = next_link(rest) {
        let host_end = rest[host_start..]
            .find(|c: char| c.is_whitespace() || "/?#\"'<>|\\".contains(c))
            .map_or(rest.len(), |at| host_start + at);
        safe.push_str(&rest[..start]);
        safe.push_str(&defang_scheme(&rest[start..host_start]));
        safe.push_str(&rest[host_start..host_end].replace("[.]", ".").replace('.', "[.]"));
        rest = &rest[host_end..];
    }
    safe + rest
}

struct Judge<'a> {
    allowed: &'a dyn Fn(IpAddr) -> bool,
    inside: &'a dyn Fn(IpAddr) -> bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Not of our networks: nobody's secret.
    Outside,
    /// The receiver's own.
    Own,
    /// Of our networks, and another's.
    Foreign,
}

impl Judge<'_> {
    fn verdict(&self, address: IpAddr) -> Verdict {
        let address = address.to_canonical();
        let carried = match address {
            IpAddr::V4(_) => None,
            IpAddr::V6(v6) => carried_v4(v6).map(IpAddr::V4),
        };
        let verdicts = [Some(address), carried].map(|address| match address {
            Some(address) if !(self.inside)(address) => Verdict::Outside,
            Some(address) if (self.allowed)(address) => Verdict::Own,
            Some(_) => Verdict::Foreign,
            None => Verdict::Outside,
        });
        match verdicts {
            [Verdict::Foreign, _] | [_, Verdict::Foreign] => Verdict::Foreign,
            [Verdict::Own, _] | [_, Verdict::Own] => Verdict::Own,
            _ => Verdict::Outside,
        }
    }

    /// Four groups in natural and in reversed order. An own address in natural order is that and nothing else;
    /// groups cut out of longer runs of digits are doubtful, so there any foreign reading counts.
    fn foreign_quad(&self, readings: &[[u8; 4]], doubtful: bool) -> bool {
        readings.iter().any(|groups| {
            let natural = self.verdict(Ipv4Addr::from(*groups).into());
            if natural == Verdict::Own && !doubtful {
                return false;
            }
            let [a, b, c, d] = *groups;
            let reversed = self.verdict(Ipv4Addr::from([d, c, b, a]).into());
            natural == Verdict::Foreign || reversed == Verdict::Foreign
        })
    }

    /// Readings of a number as an address; the first that is of our networks decides.
    fn foreign_number(&self, mut readings: impl Iterator<Item = u32>) -> bool {
        let verdict = readings.find_map(|bits| {
            let verdict = self.verdict(Ipv4Addr::from(bits).into());
            (verdict != Verdict::Outside).then_some(verdict)
        });
        verdict == Some(Verdict::Foreign)
    }
}

/// The IPv4 address inside a 6to4 (RFC 3056) or NAT64 (RFC 6052) address.
fn carried_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let join = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match (a, b) {
        (0x2002, _) => Some(join(b, c)),
        (0x64, 0xff9b) if [c, d, e, f] == [0; 4] => Some(join(g, h)),
        _ => None,
    }
}

/// Byte ranges of foreign addresses, in order and without overlap.
fn foreign_spans(text: &str, judge: &Judge<'_>) -> Vec<Range<usize>> {
    let hex = runs(text, |byte| byte.is_ascii_hexdigit());
    let digits = runs(text, |byte| byte.is_ascii_digit());
    let mut found = Found::default();
    for separator in GROUP_SEPARATORS {
        separated_v6(text, *separator, judge, &mut found);
    }
    nibbles(text, &hex, judge, &mut found);
    solid_hex(text, &hex, judge, &mut found);
    quads(text, &digits, judge, &mut found);
    solid_digits(text, &digits, judge, &mut found);

    found.foreign.sort_by_key(|span| span.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for span in found.foreign {
        match merged.last_mut() {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

#[derive(Default)]
struct Found {
    foreign: Vec<Range<usize>>,
    /// Own IPv6 addresses: their groups are not read again as IPv4.
    own: Vec<Range<usize>>,
}

impl Found {
    fn is_own(&self, span: &Range<usize>) -> bool {
        self.own.iter().any(|own| own.start <= span.start && span.end <= own.end)
    }
}

/// IPv6 in groups: full, compressed, with an IPv4 tail, next to other letters, and with the separator of host
/// names (`2001-db8-0-0-0-0-0-5`, `2001-db8--5`). The longest reading from the left that is of our networks
/// decides, so that an own address is not also read as its own parts.
fn separated_v6(text: &str, separator: u8, judge: &Judge<'_>, found: &mut Found) {
    let tail_dot = separator == b':';
    let belongs = |byte: u8| byte.is_ascii_hexdigit() || byte == separator || tail_dot && byte == b'.';
    for run in runs(text, belongs) {
        let groups = text[run.clone()].replace(char::from(separator), ":");
        // A compressed address has two separators at least; without this test each word would be parsed.
        if groups.bytes().filter(|byte| *byte == b':').count() < 2 {
            continue;
        }
        let mut start = 0;
        while start < groups.len() {
            let longest = (start + V6_CHARS_MAX).min(groups.len());
            let decided = (start + 2..=longest).rev().find_map(|end| {
                let address: Ipv6Addr = groups[start..end].parse().ok()?;
                let verdict = judge.verdict(address.into());
                (verdict != Verdict::Outside).then_some((end, verdict))
            });
            let Some((end, verdict)) = decided else {
                start += 1;
                continue;
            };
            let span = run.start + start..run.start + end;
            if verdict == Verdict::Own {
                found.own.push(span);
                // Another address may follow behind a colon.
                start += 1;
            } else {
                found.foreign.push(span);
                start = end;
            }
        }
    }
}

/// Thirty-two single hex digits with a dot or dash between them, as in `ip6.arpa`, in both orders.
fn nibbles(text: &str, hex: &[Range<usize>], judge: &Judge<'_>, found: &mut Found) {
    for window in hex.windows(V6_NIBBLES) {
        let (first, last) = (&window[0], &window[V6_NIBBLES - 1]);
        let whole = window[1..V6_NIBBLES - 1].iter().all(|run| run.len() == 1)
            && window.windows(2).all(|pair| is_group_separator(&text[pair[0].end..pair[1].start]));
        if !whole {
            continue;
        }
        let span = first.end - 1..last.start + 1;
        let joined: String = text[span.clone()].chars().filter(char::is_ascii_hexdigit).collect();
        let Ok(natural) = u128::from_str_radix(&joined, 16) else { continue };
        let reversed = joined.chars().rev().collect::<String>();
        let reversed = u128::from_str_radix(&reversed, 16).unwrap_or(natural);
        let verdicts = [natural, reversed].map(|bits| judge.verdict(Ipv6Addr::from(bits).into()));
        if verdicts.contains(&Verdict::Foreign) {
            found.foreign.push(span);
        } else if verdicts.contains(&Verdict::Own) {
            found.own.push(span);
        }
    }
}

/// Hex digits without separators: eight for IPv4 (`p5b0a1c2d.dip.example`), thirty-two for IPv6.
fn solid_hex(text: &str, hex: &[Range<usize>], judge: &Judge<'_>, found: &mut Found) {
    for run in hex {
        let digits = &text[run.clone()];
        let is_foreign = match run.len() {
            // Hashes are this long too, so a window of eight would blank them by chance.
            V6_NIBBLES.. => windows(digits, V6_NIBBLES).any(|word| {
                let bits = u128::from_str_radix(word, 16);
                bits.is_ok_and(|bits| judge.verdict(Ipv6Addr::from(bits).into()) == Verdict::Foreign)
            }),
            _ => {
                judge.foreign_number(windows(digits, 8).filter_map(|word| u32::from_str_radix(word, 16).ok()))
            }
        };
        if is_foreign {
            found.foreign.push(run.clone());
        }
    }
}

/// Four runs of digits with separators: dotted, dashed, padded, reversed, next to other digits.
fn quads(text: &str, digits: &[Range<usize>], judge: &Judge<'_>, found: &mut Found) {
    for window in digits.windows(4) {
        let [a, b, c, d] = window else { continue };
        let span = a.start..d.end;
        let joints = [&text[a.end..b.start], &text[b.end..c.start], &text[c.end..d.start]];
        let joined = joints.iter().all(|joint| is_group_separator(joint))
            || UNIFORM_SEPARATORS
                .iter()
                .any(|one| joints.iter().all(|joint| joint.eq_ignore_ascii_case(one)));
        let (Some(b), Some(c)) = (group(&text[b.clone()]), group(&text[c.clone()])) else { continue };
        if !joined || found.is_own(&span) {
            continue;
        }
        // The outer groups may stand next to digits that are not theirs: then every cut is a reading.
        let (first, last) = (&text[a.clone()], &text[d.clone()]);
        let firsts = match group(first) {
            Some(value) => vec![value],
            None => (1..=3).filter_map(|n| group(first.get(first.len().checked_sub(n)?..)?)).collect(),
        };
        let lasts = match group(last) {
            Some(value) => vec![value],
            None => (1..=3).filter_map(|n| group(last.get(..n)?)).collect(),
        };
        let doubtful = group(first).is_none() || group(last).is_none();
        let readings: Vec<[u8; 4]> =
            firsts.iter().flat_map(|a| lasts.iter().map(|d| [*a, b, c, *d])).collect();
        if judge.foreign_quad(&readings, doubtful) {
            found.foreign.push(span);
        }
    }
}

/// Digits without separators: four groups padded to three (`198018000005`), or one number of 32 bits.
fn solid_digits(text: &str, digits: &[Range<usize>], judge: &Judge<'_>, found: &mut Found) {
    for run in digits {
        let number = &text[run.clone()];
        let padded: Vec<[u8; 4]> = windows(number, 12)
            .filter_map(|word| {
                let of = |n: usize| group(&word[3 * n..3 * n + 3]);
                Some([of(0)?, of(1)?, of(2)?, of(3)?])
            })
            .collect();
        // The longest reading first: a whole number is not also read as its own parts if it is an own address.
        let whole = NUMBER_DIGITS.rev().flat_map(|size| windows(number, size));
        if judge.foreign_quad(&padded, run.len() > 12)
            || judge.foreign_number(whole.filter_map(|word| word.parse().ok()))
        {
            found.foreign.push(run.clone());
        }
    }
}

/// All stretches of `size` digits.
fn windows(digits: &str, size: usize) -> impl Iterator<Item = &str> {
    (0..(digits.len() + 1).saturating_sub(size)).map(move |at| &digits[at..at + size])
}

/// A group of an IPv4 address: one to three decimal digits up to 255.
fn group(digits: &str) -> Option<u8> {
    digits.parse().ok().filter(|_| digits.len() <= 3)
}

/// The longest stretches of bytes that belong; `belongs` holds for ASCII only, so they end between characters.
fn runs(text: &str, belongs: impl Fn(u8) -> bool) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (at, _) in text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii() && belongs(*byte)) {
        match runs.last_mut() {
            Some(last) if last.end == at => last.end += 1,
            _ => runs.push(at..at + 1),
        }
    }
    runs
}

/// What may stand between groups of an address, mixed at will.
fn is_group_separator(joint: &str) -> bool {
    matches!(joint, "." | "-" | "_" | "[.]" | "(.)")
}

fn is_break(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Characters without a shape of their own: they turn text around or hide what stands between others.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Where the next link begins, and where its host does.
fn next_link(text: &str) -> Option<(usize, usize)> {
    let scheme = text.find("://").map(|colon| {
        let before = text[..colon].bytes().rev().take_while(u8::is_ascii_alphanumeric).count();
        (colon - before, colon + 3)
    });
    // Mail programs make a link of a bare `www.` too.
    let bare =
        text.as_bytes().windows(4).position(|word| word.eq_ignore_ascii_case(b"www.")).map(|at| (at, at));
    scheme.into_iter().chain(bare).min()
}

fn defang_scheme(scheme: &str) -> String {
    match scheme.get(..4) {
        Some(http) if http.eq_ignore_ascii_case("http") => format!("hxxp{}", &scheme[4..]),
        Some(ftp) if ftp.eq_ignore_ascii_case("ftp:") => format!("fxp{}", &scheme[3..]),
        _ => scheme.to_owned(),
    }
}

/// Separators between the groups of an IPv6 address; the colon is its own, the others are those of host names.
const GROUP_SEPARATORS: &[u8] = b":-_.";

/// Separators that mean an address only when all three are the same: the answer to PASV, and `198x18x0x5`.
const UNIFORM_SEPARATORS: [&str; 2] = [",", "x"];

/// Longest text of an IPv6 address: eight groups, the last two as IPv4.
const V6_CHARS_MAX: usize = 45;

/// Hex digits of an IPv6 address.
const V6_NIBBLES: usize = 32;

/// Digits of an address as one decimal number: 1.0.0.0 is 16777216, 255.255.255.255 is 4294967295.
const NUMBER_DIGITS: RangeInclusive<usize> = 8..=10;

#[cfg(test)]
mod tests {
    use ipnet::IpNet;
    use proptest::prelude::*;

    use super::*;

    const OWN_V4: Ipv4Addr = Ipv4Addr::new(198, 18, 7, 200);

    fn inside(address: IpAddr) -> bool {
        ["198.18.0.0/15", "2001:db8::/32"].iter().any(|net| net.parse::<IpNet>().unwrap().contains(&address))
    }

    fn own(address: IpAddr) -> bool {
        address == IpAddr::V4(OWN_V4) || "2001:db8:7::/48".parse::<IpNet>().unwrap().contains(&address)
    }

    fn shown(text: &str) -> String {
        clean(text, own, inside)
    }

    #[test]
    fn foreign_addresses_are_blanked_in_every_shape() {
        for text in [
            "198.18.0.5",
            "198-18-0-5.dyn.example.net",
            "host-198_18_0_5",
            "198.018.000.005",
            "198018000005",
            "005000018198.dsl",
            "pool198018000005x",
            "5.0.18.198.in-addr.arpa",
            "5-0-18-198.dsl",
            "[198.18.0.5]:8080",
            "198.18.0.5/32",
            "220 host198.18.0.5ftp ready",
            "1198.18.0.5",
            "198.18.0.5123",
            "1.198.18.0.5.9",
            "198[.]18[.]0[.]5",
            "227 Entering Passive Mode (198,18,0,5,19,137)",
            "198x18x0x5.example.net",
            "198.18-0.5.example.net",
            "198.\u{200b}18.0.5",
            "pc6120005.dip.example.net",
            "0xC6120005",
            "3323068421",
            "::ffff:198.18.0.5",
            "::ffff:c612:5",
            "0:0:0:0:0:FFFF:C612:0005",
            "2002:c612:5::1",
            "64:ff9b::198.18.0.5",
            "64:ff9b::c612:5",
            "2001:db8::5",
            "2001:DB8:0:0:0:0:0:5",
            "2001:0db8:0000:0000:0000:0000:0000:0005",
            "[2001:db8::5]:443",
            "2001:db8::5%eth0",
            "IPv6:2001:db8::5",
            "2001:db8::5/64",
            "face2001:db8::5zone",
            "2001:db8::198.51.100.7",
            "2001-db8-0-0-0-0-0-5.dyn.example.net",
            "h2001-0db8-0000-0000-0000-0000-0000-0005x",
            "2001-db8--5.ip6.example.net",
            "2001_db8_0_0_0_0_0_5",
            "2001:db8:7::1:2001:db8::5",
            "20010db8000000000000000000000005",
            "5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
            "5-0-0-0-0-0-0-0-0-0-0-0-0-0-0-0-0-0-0-0-0-0-0-0-8-b-d-0-1-0-0-2",
            "face5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2ade",
        ] {
            let after = shown(text);
            assert!(after.contains(BLANK), "{text} -> {after}");
            let left = after.replace(BLANK, "").replace("2001:db8:7::1:", "");
            assert!(!left.contains("18") && !left.contains("db8"), "{text} -> {after}");
        }
    }

    #[test]
    fn several_in_one_text_are_blanked_and_the_rest_stays() {
        assert_eq!(
            shown("from 198.18.0.5 to 203.0.113.9, then 2001:db8::5; own 198.18.7.200, 198-18-0-6.example"),
            "from [address removed] to 203.0.113.9, then [address removed]; own 198.18.7.200, \
             [address removed].example"
        );
    }

    #[test]
    fn what_is_no_foreign_address_stays() {
        for text in [
            "",
            "198.18.7.200",
            "[198.18.7.200]:443",
            "198-18-7-200.dyn.example.net",
            "200.7.18.198.in-addr.arpa",
            "198018007200",
            "2001:db8:7::1",
            "[2001:db8:7::1]:443",
            "2001:db8:7:0:198:18:0:5",
            "2001-db8-7-0-0-0-0-1.example",
            "2001-db8-7-0-198-18-0-5.example",
            "2001:db8:7::198.18.0.5",
            "64:ff9b:1::c612:5",
            "198 of 18, 0 or 5",
            "5 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 8 b d 0 1 0 0 2",
            "203.0.113.9",
            "Apache/2.4.41 (Ubuntu) OpenSSL/1.1.1f",
            "2026-11-20 09:14:03",
            "2021-03-27T00:00:00.521730Z",
            "CN=*.example.org, O=Muster \u{e4}\u{f6}\u{fc} AG",
            "00:1a:2b:3c:4d:5e",
            "550e8400-e29b-41d4-a716-446655440000",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        ] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn an_own_address_hides_no_foreign_one_beside_it() {
        let own = "2001-db8-7-0-0-0-0-1";
        assert_eq!(shown(&format!("{own} 198-18-0-5")), format!("{own} {BLANK}"));
        assert_eq!(shown(&format!("198-18-0-5 {own}")), format!("{BLANK} {own}"));
        // Two that share groups are one stretch.
        assert_eq!(shown("198.18.0.5.18.198"), BLANK);
        assert_eq!(shown("2001:db8::198.51.100.7"), BLANK, "with all of its tail");
        let inside = |address| "2001::/16".parse::<IpNet>().unwrap().contains(&address);
        assert_eq!(clean("at 2001::5", |_| false, inside), format!("at {BLANK}"), "two colons are enough");
    }

    #[test]
    fn an_own_address_that_reads_backwards_as_anothers() {
        let own = |address| address == IpAddr::from([198, 18, 19, 198]);
        assert_eq!(clean("198.18.19.198", own, inside), "198.18.19.198");
        // Cut out of a longer one it is in doubt, whatever else may be read there.
        let inside = |address| own(address) || address == IpAddr::from([198, 19, 18, 198]);
        for (sure, doubtful) in [("198.18.19.198", "1198.18.19.198"), ("198018019198", "1198018019198")] {
            assert_eq!(clean(sure, own, inside), sure);
            assert_eq!(clean(doubtful, own, inside), BLANK);
        }
    }

    #[test]
    fn text_becomes_one_bounded_line_without_tricks() {
        assert_eq!(plain("a\r\nb\0c\u{202e}d\u{2028}e\u{200b}f"), "a  b cd ef");
        let long = plain(&"\u{e4}".repeat(FIELD_CHARS_MAX + 1));
        assert_eq!(long.chars().count(), FIELD_CHARS_MAX);
        assert!(long.ends_with('\u{2026}'));
        let full = "x".repeat(FIELD_CHARS_MAX);
        assert_eq!(plain(&full), full);
    }

    #[test]
    fn a_cut_makes_no_other_address_of_an_own_one() {
        // The own 198.18.7.200 is cut to 198.18.7.20, which is a neighbour's.
        let text = format!("{}198.18.7.200", "x".repeat(FIELD_CHARS_MAX - 12));
        assert!(plain(&format!("{text}!")).contains("198.18.7.20\u{2026}"));
        assert!(!shown(&format!("{text}!")).contains("198.18"));
    }

    #[test]
    fn links_are_made_harmless() {
        for (link, safe) in [
            ("http://bad.example.org/a.exe?b=c.d", "hxxp://bad[.]example[.]org/a.exe?b=c.d"),
            ("GET HTTPS://198.51.100.7:8443/x HTTP/1.1", "GET hxxpS://198[.]51[.]100[.]7:8443/x HTTP/1.1"),
            ("ftp://u:p@a.example", "fxp://u:p@a[.]example"),
            ("see www.bad.example now", "see www[.]bad[.]example now"),
            ("http://a.example/?u=http://b.example/", "hxxp://a[.]example/?u=hxxp://b[.]example/"),
            ("Apache 2.4.41", "Apache 2.4.41"),
        ] {
            assert_eq!(defang(link), safe);
            assert_eq!(defang(safe), safe, "a second time changes nothing");
        }
    }

    /// The shapes of an IPv4 address, as a network or a program writes them.
    fn shape_v4(address: Ipv4Addr, shape: usize) -> String {
        let [a, b, c, d] = address.octets();
        match shape {
            0 => format!("{address}"),
            1 => format!("{a}-{b}-{c}-{d}.dyn.example.net"),
            2 => format!("host{a}_{b}_{c}_{d}"),
            3 => format!("{a:03}.{b:03}.{c:03}.{d:03}"),
            4 => format!("{a:03}{b:03}{c:03}{d:03}"),
            5 => format!("{d}.{c}.{b}.{a}.in-addr.arpa"),
            6 => format!("{d}-{c}-{b}-{a}.dsl"),
            7 => format!("{address}:80"),
            8 => format!("{address}/24"),
            9 => format!("::ffff:{address}"),
            10 => format!("p{a:02X}{b:02X}{c:02X}{d:02X}.dip"),
            11 => u32::from(address).to_string(),
            12 => format!("{a},{b},{c},{d},4,1"),
            13 => format!("{a}x{b}x{c}x{d}"),
            14 => format!("{d:03}{c:03}{b:03}{a:03}"),
            _ => format!("7{address}"),
        }
    }

    fn shape_v6(address: Ipv6Addr, shape: usize) -> String {
        let full: Vec<String> = address.segments().iter().map(|s| format!("{s:04x}")).collect();
        let nibbles: Vec<String> = full.concat().chars().map(String::from).collect();
        match shape {
            0 => format!("{address}"),
            1 => full.join(":"),
            2 => full.join(":").to_uppercase(),
            3 => format!("[{address}]:443"),
            4 => format!("{address}%eth0"),
            5 => full.join("-"),
            6 => format!("{address}").replace(':', "-"),
            7 => nibbles.iter().rev().cloned().collect::<Vec<_>>().join(".") + ".ip6.arpa",
            8 => full.concat(),
            9 => format!("IPv6:{address}"),
            _ => format!("{address}/64"),
        }
    }

    /// Whether any stretch of the text still holds the address in one of the plain notations.
    fn survives_v4(text: &str, address: Ipv4Addr) -> bool {
        (0..15).any(|shape| {
            let core = shape_v4(address, shape);
            let core = core.trim_end_matches(|c: char| !c.is_ascii_digit());
            text.to_lowercase().contains(&core.to_lowercase())
        })
    }

    proptest! {
        #[test]
        fn no_foreign_v4_survives(
            before in "[ -~]{0,20}", after in "[ -~]{0,20}", host in 0u32..131_072, shape in 0usize..16,
        ) {
            let address = Ipv4Addr::from(0xc612_0000 + host);
            prop_assume!(address != OWN_V4);
            let after = shown(&format!("{before}{}{after}", shape_v4(address, shape)));
            prop_assert!(!survives_v4(&after, address), "{after}");
        }

        #[test]
        fn no_foreign_v6_survives(
            before in "[ -~]{0,20}", after in "[ -~]{0,20}", low in any::<u64>(), shape in 0usize..11,
        ) {
            let address = Ipv6Addr::from((0x2001_0db8_0001_0002u128 << 64) | u128::from(low));
            let text = shown(&format!("{before}{}{after}", shape_v6(address, shape))).to_lowercase();
            for shape in [0, 1, 5, 6, 7, 8] {
                prop_assert!(!text.contains(&shape_v6(address, shape)), "{text}");
            }
        }

        #[test]
        fn a_second_time_changes_nothing(text in "([0-9a-f.:,x_-]{0,30}|198\\.1[89]\\.|2001:db8:|\\PC){0,40}") {
            let once = shown(&text);
            prop_assert_eq!(shown(&once), once.clone());
            prop_assert!(once.chars().count() <= FIELD_CHARS_MAX);
        }

        #[test]
        fn text_without_digits_is_unchanged(text in "[ -/:-~\u{e0}-\u{17f}]{0,200}") {
            prop_assume!(!text.contains("::"));
            prop_assert_eq!(shown(&text), text);
        }

        #[test]
        fn the_own_address_stays(before in "[ g-w(]{0,20}", after in "[ g-w)]{0,20}", shape in 0usize..15) {
            let text = format!("{before}{}{after}", shape_v4(OWN_V4, shape));
            prop_assert_eq!(shown(&text), text);
        }

        #[test]
        fn the_own_v6_address_stays(after in "[ ,;()]{0,5}", low in any::<u64>(), shape in 0usize..11) {
            let own = Ipv6Addr::from((0x2001_0db8_0007_0002u128 << 64) | u128::from(low));
            let text = format!("({}{after}", shape_v6(own, shape));
            prop_assert_eq!(shown(&text), text);
        }

        #[test]
        fn any_text_is_taken(text in any::<String>()) {
            let once = defang(&shown(&text));
            prop_assert_eq!(defang(&once), once);
        }
    }
}
