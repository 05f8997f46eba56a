//! The names by which a line with a dynamic address is known: a login, a MAC address, a circuit.

use crate::clock::Timestamp;

/// A login of one line of a customer file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Login {
    /// As [`login`] folds it.
    pub login: Box<str>,
    /// Index in [`File::customers`](super::import::File::customers).
    pub customer: u32,
    /// First and last second for which the line holds.
    pub from: Timestamp,
    pub until: Timestamp,
    /// False: the login is this customer's, but he hears nothing.
    pub mailed: bool,
    /// Physical line in the file, from 1.
    pub line: u32,
}

impl Login {
    /// Whether they differ by their lines alone.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        let rest = |login: &Self| (login.customer, login.from, login.until, login.mailed);
        rest(self) == rest(other) && self.login == other.login
    }
}

/// A login as it is compared: trimmed, in lower case, a MAC address in any notation as `aa:bb:cc:dd:ee:ff`.
pub fn login(text: &str) -> String {
    let text = text.trim();
    mac(text).unwrap_or_else(|| text.to_lowercase())
}

/// Twelve hexadecimal digits in groups of two, four or six between the same marks; `0:1:2:a:b:c` too. Without marks
/// one of the digits is a letter, or it might be a number.
fn mac(text: &str) -> Option<String> {
    if text.len() > MAC_BYTES_MAX || !text.is_ascii() {
        return None;
    }
    let mark = text.chars().find(|c| !c.is_ascii_hexdigit());
    let groups: Vec<&str> = match mark {
        Some(mark) if ":-. ".contains(mark) => text.split(mark).collect(),
        Some(_) => return None,
        None if text.contains(|c: char| c.is_ascii_alphabetic()) => vec![text],
        None => return None,
    };
    let width = 12 / groups.len();
    let short = groups.len() == 6 && mark == Some(':');
    let fits = |group: &&str| {
        (group.len() == width || (short && group.len() == 1)) && group.bytes().all(|b| b.is_ascii_hexdigit())
    };
    if ![1, 2, 3, 6].contains(&groups.len()) || !groups.iter().all(fits) {
        return None;
    }
    let digits: String = groups.iter().map(|group| format!("{group:0>width$}")).collect();
    let octets: Vec<&str> = (0..6).map(|octet| &digits[2 * octet..2 * octet + 2]).collect();
    Some(octets.join(":").to_ascii_lowercase())
}

/// Six groups of two digits and the marks between them.
const MAC_BYTES_MAX: usize = 17;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_address_is_the_same_in_any_notation() {
        for text in [
            "00:1A:2b:3c:04:5f",
            "00-1a-2b-3c-04-5F",
            "001a.2b3c.045f",
            "001A-2B3C-045F",
            "001a:2b3c:045f",
            "001A2B-3C045F",
            "001a2b3c045f",
            "00 1a 2b 3c 04 5f",
            "0:1a:2b:3c:4:5f",
            " 00:1a:2b:3c:04:5f ",
        ] {
            assert_eq!(login(text), "00:1a:2b:3c:04:5f", "{text}");
        }
        assert_eq!(login("00-11-22-33-44-55"), "00:11:22:33:44:55");
    }

    #[test]
    fn what_is_no_mac_address_stays_but_for_case() {
        for text in [
            "001122334455",
            "00-1a-2b:3c:04:5f",
            "0-1a-2b-3c-4-5f",
            "00:1a:2b:3c:04",
            "00:1a:2b:3c:04:5f:60",
            "00:1a:2b:3c:04:5g",
            "00:1a::3c:04:5f",
            "dead-beef",
            "00_1a_2b_3c_04_5f",
            "001a/2b3c/045f",
            "",
            "1.2.3.4.5.6",
            "\u{e4}nna@isp.example",
            "olt 1/1/3:27.1",
            "\u{661}\u{662}",
        ] {
            assert_eq!(login(text), text.to_lowercase(), "{text}");
        }
        assert_eq!(login(" \u{c4}nna@ISP.example\n"), "\u{e4}nna@isp.example");
    }
}
