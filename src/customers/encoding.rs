//! Bytes -> text: what a byte order mark says, UTF-16 by its zeros, UTF-8 if it is valid, else the code page of Western or
//! of Central Europe.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1250, WINDOWS_1252};

/// The text, and what to tell of how it was read.
pub(super) fn decode(bytes: &[u8]) -> (Cow<'_, str>, Option<&'static str>) {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let text = encoding.decode_without_bom_handling_and_without_replacement(&bytes[mark..]);
        // A mark before something else is none: UTF-8 is not all that begins with one.
        return match text {
            Some(text) => (text, None),
            None => code_page(&bytes[mark..]),
        };
    }
    if let Some(encoding) = utf_16(bytes)
        && let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(bytes)
    {
        return (text, Some("the file has no byte order mark and was read as UTF-16"));
    }
    match UTF_8.decode_without_bom_handling_and_without_replacement(bytes) {
        Some(text) => (text, None),
        None => code_page(bytes),
    }
}

fn code_page(bytes: &[u8]) -> (Cow<'_, str>, Option<&'static str>) {
    let (encoding, told) = if is_central(bytes) {
        (WINDOWS_1250, "the file is not UTF-8 and was read as Windows-1250, as it is used in Central Europe")
    } else {
        (WINDOWS_1252, "the file is not UTF-8 and was read as Windows-1252, as it is used in Western Europe")
    };
    (encoding.decode_without_bom_handling(bytes).0, Some(told))
}

/// Separators, digits and the letters of mail addresses have a zero for one half, and no text of one byte a letter has any.
fn utf_16(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    let zeros = |first: usize| head.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd, most) = (zeros(0), zeros(1), head.len() / 2 / 4);
    match (even, odd) {
        _ if bytes.len() < 4 || bytes.len() % 2 == 1 => None,
        (0, odd) if odd > 0 && odd >= most => Some(UTF_16LE),
        (even, 0) if even > 0 && even >= most => Some(UTF_16BE),
        _ => None,
    }
}

/// Which of both code pages it is, by letters: each byte that only makes sense in one of them counts one, beside a letter.
/// Windows-1252 where they are as many, since most that have no such letter are German.
fn is_central(bytes: &[u8]) -> bool {
    let is_letter = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphabetic() || *byte >= 0xc0);
    let (mut central, mut western) = (0_u64, 0_u64);
    for (at, &byte) in bytes.iter().enumerate().filter(|(_, byte)| !byte.is_ascii()) {
        let before = is_letter(at.checked_sub(1).and_then(|before| bytes.get(before)));
        let next = bytes.get(at + 1);
        let after = is_letter(next);
        if !before && !after {
            continue;
        }
        match byte {
            // S and z with caron, in both: hardly ever in the West.
            0x8a | 0x8e | 0x9a | 0x9e => central += 1,
            // Letters of Poles, Czechs and Slovaks, signs or nothing in the West.
            0xa3 | 0xa5 | 0xaf | 0xb3 | 0xb9 | 0xbc | 0xbe | 0xbf | 0x8d | 0x8f | 0x9d | 0x9f => central += 1,
            0xaa | 0xba => central += u64::from(before && after),
            // C and r with caron and u with ring inside words; e and u with grave end them in the West.
            0xcc | 0xec | 0xd9 | 0xf9 => central += u64::from(after),
            0xc8 => central += u64::from(!before && next.is_some_and(u8::is_ascii_lowercase)),
            // The long o and u of Hungarians; with a tilde or a hat an e or an r stands behind in most words.
            0xd5 | 0xf5 => central += u64::from(!matches!(next, Some(b'e' | b'E'))),
            0xdb => central += u64::from(before),
            // The a and t of Romanians; with a tilde o or e stands behind.
            0xc3 | 0xe3 => central += u64::from(!matches!(next, Some(b'o' | b'O' | b'e' | b'E')) && after),
            0xde | 0xfe => central += 1,
            // Letters of the West where Central Europe has none that is common.
            0xc0 | 0xe0 | 0xc5 | 0xe5 | 0xea | 0xca | 0xe7 | 0xc7 | 0xf1 | 0xd1 => western += 1,
            _ => {}
        }
    }
    central > western
}

/// Of a file the part that shows whether every other byte is zero.
const HEAD_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_page_is_that_of_the_letters() {
        for (text, is_central) in [
            ("M\u{fc}ller & S\u{f6}hne; Stra\u{df}e; G\u{fc}ltig bis", false),
            (
                "Fran\u{e7}ois; N\u{b0} client; \u{c9}tat r\u{e9}sili\u{e9}; Soci\u{e9}t\u{e9} G\u{ea}ne; d\u{e8}s",
                false,
            ),
            ("S\u{f8}ren \u{c5}kesson; Bj\u{f6}rn; \u{c6}blegaard", false),
            ("Jo\u{e3}o Sim\u{f5}es; Educa\u{e7}\u{e3}o", false),
            ("Espa\u{f1}a; N\u{ba} de cliente", false),
            ("Perch\u{e9}; citt\u{e0}; pi\u{f9}; \u{e8}", false),
        ] {
            let (bytes, _, unmapped) = WINDOWS_1252.encode(text);
            assert!(!unmapped, "{text}");
            assert_eq!(
                (decode(&bytes).0.as_ref() == text, super::is_central(&bytes)),
                (true, is_central),
                "{text}"
            );
        }
        for text in [
            "Zaj\u{105}c; \u{141}ukasz; W\u{119}gorzewo; Wa\u{17c}ny do; Krak\u{f3}w",
            "Dvo\u{159}\u{e1}k; \u{10c}ern\u{fd}; N\u{11b}mec; R\u{16f}\u{17e}i\u{10d}ka",
            "\u{160}kofja Loka; \u{17d}iga; Kova\u{10d}evi\u{107}",
            "\u{dc}gyf\u{e9}lsz\u{e1}m; Er\u{151}s G\u{e1}bor; El\u{151}fizet\u{151}",
            "Bra\u{15f}ov; \u{15e}tefan; Rom\u{e2}n\u{103}; Constan\u{163}a",
        ] {
            let (bytes, _, unmapped) = WINDOWS_1250.encode(text);
            assert!(!unmapped && super::is_central(&bytes), "{text}");
            assert_eq!(decode(&bytes).0, text);
            assert!(decode(&bytes).1.unwrap().contains("1250"));
        }
    }

    #[test]
    fn a_letter_counts_where_only_one_code_page_has_it() {
        for (bytes, is_central) in [
            (&b"\x8aa"[..], true),
            (b"a\xa3", true),
            (b"\xdc\xa3", true),
            (b"1\xa31", false),
            (b"a\xaaa", true),
            (b"a\xaa ", false),
            (b" \xaaa", false),
            (b"a\xcca", true),
            (b"a\xcc ", false),
            (b" \xc8a", true),
            (b"a\xc8a", false),
            (b" \xc8A", false),
            (b"a\xd5a", true),
            (b"a\xd5e", false),
            (b"a\xdb", true),
            (b" \xdba", false),
            (b"a\xc3a", true),
            (b"a\xc3o", false),
            (b"a\xc3 ", false),
            (b"a\xde", true),
            (b"a\xe0", false),
            // As many of both are of the West.
            (b"a\xa3 a\xe0", false),
            (b"a\xa3 a\xa3 a\xe0", true),
        ] {
            assert_eq!(super::is_central(bytes), is_central, "{bytes:x?}");
        }
    }

    #[test]
    fn utf_16_is_known_without_a_mark() {
        let text = "Kunde;IP\r\n7;192.0.2.1\r\nM\u{fc}ller;192.0.2.2\r\n";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [&little, &big] {
            assert_eq!(
                decode(bytes),
                (text.into(), Some("the file has no byte order mark and was read as UTF-16"))
            );
        }
        let cyrillic =
            "\u{41a}\u{43e}\u{434};\u{41f}\u{43e}\u{447}\u{442}\u{430};IP\r\n7;r@r.example;192.0.2.1\r\n";
        let bytes: Vec<u8> = cyrillic.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode(&bytes).0, cyrillic);
        for bytes in [&b""[..], b"\0", b"a\0b\0c", b"\0\0\0\0", b"ab\0\0cdef", b"abcd"] {
            assert!(super::utf_16(bytes).is_none(), "{bytes:?}");
        }
        // A single zero in a text is damage.
        for at in [0, 1] {
            let mut bytes = [b'a'; 100];
            bytes[at] = 0;
            assert!(super::utf_16(&bytes).is_none(), "{at}");
        }
        assert_eq!(decode("\u{feff}\u{e4}".as_bytes()), ("\u{e4}".into(), None));
    }
}
