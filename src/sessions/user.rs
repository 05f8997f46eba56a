//! By what a log knows a user: logins and customer ids as they are, MAC addresses in one form.

use super::NOBODY;
use crate::customers::import::TEXT_CHARS_MAX;

/// The users of a line, in the order given, each once; [`NOBODY`] if none can be used.
pub(super) fn all(texts: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<String> {
    let mut users: Vec<String> = Vec::new();
    for user in texts.into_iter().filter_map(|text| one(text.as_ref())) {
        if users.len() < USERS_MAX && !users.contains(&user) {
            users.push(user);
        }
    }
    if users.is_empty() {
        users.push(NOBODY.to_owned());
    }
    users
}

/// One user as all logs have him, and as he is to be compared; `None` for what names nobody. It is never cut: two
/// would become one.
pub fn one(text: &str) -> Option<String> {
    let text = text.trim();
    let is_none = text.is_empty()
        || NONE.contains(&text.to_ascii_lowercase().as_str())
        || text.contains(char::is_control)
        || text.chars().count() > TEXT_CHARS_MAX;
    (!is_none).then(|| mac(text).unwrap_or_else(|| text.to_owned()))
}

/// A MAC address as `aa:bb:cc:dd:ee:ff`, from any of the forms in use: with hyphens, with colons and then also without
/// leading zeros, of Cisco with dots, or bare.
fn mac(text: &str) -> Option<String> {
    let is_hex = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digits = if let Some(sign) = text.chars().find(|c| !c.is_ascii_hexdigit()) {
        let length = match sign {
            ':' | '-' => 6,
            '.' => 3,
            _ => return None,
        };
        let parts: Vec<&str> = text.split(sign).collect();
        let width = 12 / length;
        if parts.len() != length
            || !parts
                .iter()
                .all(|part| is_hex(part) && (part.len() == width || sign == ':' && part.len() < width))
        {
            return None;
        }
        parts.iter().map(|part| format!("{part:0>width$}")).collect()
    } else {
        text.to_owned()
    };
    // A number of twelve digits may be anything.
    if digits.len() != 12
        || !is_hex(&digits)
        || (digits == text && digits.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return None;
    }
    let bytes: Vec<String> =
        digits.as_bytes().chunks(2).map(|two| String::from_utf8_lossy(two).to_lowercase()).collect();
    (bytes.join(":") != "00:00:00:00:00:00").then(|| bytes.join(":"))
}

/// A customer id, a login, addresses and circuits: more is noise.
const USERS_MAX: usize = 8;
const NONE: &[&str] = &["null", "\\n", "-", "n/a", "none", "unknown", "?", "00:00:00:00:00:00"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_address_has_one_form() {
        let forms =
            ["0A-1B-2C-3D-4E-5F", "0a:1b:2c:3d:4e:5f", "a:1b:2c:3d:4e:5f", "0a1b.2c3d.4e5f", "0A1B2C3D4E5F"];
        for form in forms {
            assert_eq!(one(form).as_deref(), Some("0a:1b:2c:3d:4e:5f"), "{form}");
        }
        let others = [
            "123456789012",
            "0a:1b:2c:3d:4e",
            "0a-1b:2c-3d-4e-5f",
            "2001:db8:1:2:3:4:5:6",
            "ab",
            "kunde@x",
            "12.5.7",
            "1-2-3-4-5-6",
        ];
        for other in others {
            assert_eq!(one(other).as_deref(), Some(other));
        }
    }

    #[test]
    fn who_is_nobody() {
        let long = "x".repeat(TEXT_CHARS_MAX + 1);
        assert_eq!(all(["", " ", "NULL", "a\u{7}b", "00:00:00:00:00:00", &long]), [NOBODY]);
        assert_eq!(all([" a ", "", "b", "a"]), ["a", "b"]);
    }
}
