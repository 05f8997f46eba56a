//! By what a log knows a user: logins, MAC addresses and circuits, as customer files have them.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;

use super::NOBODY;
use crate::customers::import::TEXT_CHARS_MAX;
use crate::customers::login;

/// The users of a line, in the order given, each once; [`NOBODY`] if none can be used.
pub(super) fn all(texts: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<String> {
    let mut users = Vec::new();
    add(&mut users, texts.into_iter().filter_map(|text| one(text.as_ref())));
    if users.is_empty() {
        users.push(NOBODY.to_owned());
    }
    users
}

/// Adds those that are not among them.
pub(super) fn add(users: &mut Vec<String>, more: impl IntoIterator<Item = String>) {
    for user in more {
        if users.len() < USERS_MAX && !users.contains(&user) {
            users.push(user);
        }
    }
}

/// Whether they name nobody.
pub(super) fn is_nobody(users: &[String]) -> bool {
    users == [NOBODY]
}

/// `None` for what names nobody. A user is never cut: two would become one.
fn one(text: &str) -> Option<String> {
    let text = text.trim();
    let is_none = text.contains(char::is_control) || text.chars().count() > TEXT_CHARS_MAX;
    Some(login(text)).filter(|user| !is_none && !NONE.contains(&user.as_str()))
}

/// A text that may be in no encoding: UTF-8, else Windows-1252, in which every byte means something.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0,
    }
}

/// A circuit, or what else is bytes: as text where it is one, else its bytes as in `00:04:1f`.
pub(super) fn of_bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().all(|c| c.is_ascii_graphic() || c == ' ') => text.to_owned(),
        _ => pairs(bytes),
    }
}

/// Bytes as in `00:04:1f`.
pub(super) fn pairs(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

/// A DHCP unique identifier (RFC 8415, 11): the MAC address in it, and itself.
pub(super) fn of_duid(duid: &[u8]) -> Vec<String> {
    let mac = match duid {
        // Ethernet, with and without the time at which it was made.
        [0, 1, 0, 1, _, _, _, _, mac @ ..] | [0, 3, 0, 1, mac @ ..] if mac.len() == 6 => Some(pairs(mac)),
        _ => None,
    };
    mac.into_iter().chain([pairs(duid)]).collect()
}

/// A client identifier of DHCP (RFC 2132, 9.14): the MAC address in it, or itself.
pub(super) fn of_client(id: &[u8]) -> String {
    match id {
        [1, mac @ ..] if mac.len() == 6 => pairs(mac),
        _ => pairs(id),
    }
}

/// Hexadecimal digits, in pairs or one by one between colons, behind `0x` or bare.
pub(super) fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let byte = |digits: &str| {
        let is_hex = (1..=2).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)
    };
    if hex.contains(':') {
        return hex.split(':').map(byte).collect();
    }
    let bare = hex.strip_prefix("0x").unwrap_or(hex);
    if !bare.is_ascii() || bare.len() % 2 == 1 {
        return None;
    }
    (0..bare.len() / 2).map(|at| byte(&bare[2 * at..2 * at + 2])).collect()
}

/// What stands behind a quotation mark, up to the next, and the length with it; `None` if there is none.
pub(super) fn quoted(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut bytes, mut at) = (Vec::new(), 0);
    loop {
        match *text.get(at)? {
            b'"' => return Some((bytes, at + 1)),
            b'\\' => {
                let is_octal = |digits: &&[u8]| digits.iter().all(|digit| (b'0'..=b'7').contains(digit));
                if let Some(digits) = text.get(at + 1..at + 4).filter(is_octal) {
                    let add = |byte: u8, digit: &u8| byte.wrapping_mul(8).wrapping_add(digit - b'0');
                    bytes.push(digits.iter().fold(0, add));
                    at += 4;
                } else {
                    bytes.push(match *text.get(at + 1)? {
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        byte => byte,
                    });
                    at += 2;
                }
            }
            byte => {
                bytes.push(byte);
                at += 1;
            }
        }
    }
}

/// A customer id, a login, addresses and circuits: more is noise.
const USERS_MAX: usize = 8;
/// What logs write for nothing.
const NONE: &[&str] = &["", "null", "\\n", "-", "n/a", "none", "unknown", NOBODY, "00:00:00:00:00:00"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_nobody() {
        let long = "x".repeat(TEXT_CHARS_MAX + 1);
        assert_eq!(all(["", " ", "NULL", "a\u{7}b", "00:00:00:00:00:00", &long]), [NOBODY]);
        assert_eq!(all([" A ", "", "0A-1B-2C-3D-4E-5F", "a"]), ["a", "0a:1b:2c:3d:4e:5f"]);
    }

    #[test]
    fn texts_between_quotation_marks() {
        assert_eq!(quoted(br#"a\"\\\001\377\n" rest"#), Some((b"a\"\\\x01\xff\n".to_vec(), 16)));
        assert!([&b"open"[..], b"a\\", b"a\\\""].iter().all(|text| quoted(text).is_none()));
    }

    #[test]
    fn what_is_bytes_becomes_text() {
        assert_eq!(of_bytes(b"olt 1/1/3:27.1"), "olt 1/1/3:27.1");
        assert_eq!(of_bytes(b"\x00\x04a"), "00:04:61");
        assert_eq!(of_client(b"\x01\x0a\x1b\x2c\x3d\x4e\x5f"), "0a:1b:2c:3d:4e:5f");
        assert_eq!(of_duid(b"\x00\x03\x00\x01\x0a\x1b\x2c\x3d\x4e\x5f")[0], "0a:1b:2c:3d:4e:5f");
        assert_eq!(of_duid(b"\x00\x02\x00\x09"), ["00:02:00:09"]);
        assert_eq!(bytes_of("0:4:1F"), Some(vec![0, 4, 0x1f]));
        assert_eq!(bytes_of("0x00041f"), Some(vec![0, 4, 0x1f]));
        assert!(["0", "+1", "0::1", "\u{e4}", "123:1", "0x1g"].iter().all(|bad| bytes_of(bad).is_none()));
    }
}
