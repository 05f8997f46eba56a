//! Which passwords are good enough: long ones that are more than words everybody tries.

use crate::web::words::Say;

/// What is wrong with a password; `None`: nothing. `own` are words that stand on the page or near it: the person's
/// name, the organisation, the box.
pub fn complaint<'a>(password: &str, own: impl IntoIterator<Item = &'a str>) -> Option<Say> {
    if password.chars().count() < CHARS_MIN {
        return Some(Say(|t| t.denied.password_short));
    }
    if password.len() > BYTES_MAX {
        return Some(Say(|t| t.denied.password_long));
    }
    let own: Vec<String> = own
        .into_iter()
        .flat_map(|words| words.split(|c: char| !c.is_alphanumeric()))
        .map(plain)
        .filter(|word| word.len() >= OWN_WORD_MIN)
        .collect();
    let known = |text: &str| rest(text, &own) < REST_MIN;
    // Both as it is written and with digits read as the letters they are put for.
    if known(&password.to_lowercase()) || known(&plain(password)) {
        return Some(Say(|t| t.denied.password_known));
    }
    None
}

/// How many characters are left when known words and rows of neighbours are taken out; the same character counts twice
/// at most.
fn rest(text: &str, own: &[String]) -> usize {
    let mut text = text.to_owned();
    let mut words: Vec<&str> = WORDS.iter().copied().chain(own.iter().map(String::as_str)).collect();
    words.sort_unstable_by_key(|word| std::cmp::Reverse(word.len()));
    for word in words {
        text = text.replace(word, " ");
    }
    let mut counted: Vec<char> = Vec::new();
    let mut before: Option<char> = None;
    for character in text.chars().filter(|c| c.is_alphanumeric()) {
        let is_next = before.is_some_and(|before| is_neighbour(before, character));
        if !is_next && counted.iter().filter(|known| **known == character).count() < 2 {
            counted.push(character);
        }
        before = Some(character);
    }
    counted.len()
}

/// Whether two characters follow each other in the alphabet, in numbers or on a keyboard, either way, or are the same.
fn is_neighbour(one: char, other: char) -> bool {
    one == other
        || ROWS.iter().any(|row| {
            let at = |wanted: char| row.chars().position(|character| character == wanted);
            at(one).zip(at(other)).is_some_and(|(one, other)| one.abs_diff(other) == 1)
        })
}

/// Lower case, with the letters for which digits and signs are usually put.
fn plain(text: &str) -> String {
    let letter = |character: char| match character {
        '0' => 'o',
        '1' | '!' | '|' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        '8' => 'b',
        other => other,
    };
    text.to_lowercase().chars().map(letter).collect()
}

const CHARS_MIN: usize = 12;
/// More than anybody types, and little to hash.
const BYTES_MAX: usize = 255;
/// Characters that nobody guesses from lists, at least.
const REST_MIN: usize = 7;
/// A shorter word of a name stands in too many others.
const OWN_WORD_MIN: usize = 3;

/// Neighbours: alphabet, digits, keyboards.
const ROWS: &[&str] = &[
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "qwertzuiop",
    "asdfghjkl",
    "zxcvbnm",
    "yxcvbnm",
    "azertyuiop",
];

/// Words of which passwords are made that everybody tries first, in the languages of our operators.
const WORDS: &[&str] = &[
    "abuse",
    "abusebox",
    "access",
    "admin",
    "administrator",
    "alpha",
    "amministratore",
    "bienvenue",
    "bonjour",
    "changeit",
    "changeme",
    "charlie",
    "cisco",
    "computer",
    "contrasena",
    "debian",
    "default",
    "dragon",
    "enter",
    "fibre",
    "football",
    "freedom",
    "geheim",
    "geheimnis",
    "guest",
    "haslo",
    "hello",
    "internet",
    "iloveyou",
    "kennwort",
    "letmein",
    "liebe",
    "linux",
    "login",
    "love",
    "master",
    "michael",
    "mikrotik",
    "monkey",
    "motdepasse",
    "mustang",
    "network",
    "netzwerk",
    "nimda",
    "office",
    "operator",
    "parola",
    "pass",
    "passe",
    "passord",
    "passwd",
    "passwort",
    "password",
    "princess",
    "provider",
    "raspberry",
    "root",
    "router",
    "secret",
    "secure",
    "security",
    "senha",
    "server",
    "shadow",
    "shadowserver",
    "soleil",
    "sommer",
    "staff",
    "start",
    "starwars",
    "strong",
    "summer",
    "sunshine",
    "superman",
    "support",
    "system",
    "telecom",
    "temp",
    "test",
    "ubnt",
    "user",
    "welcome",
    "welkom",
    "wachtwoord",
    "whatever",
    "willkommen",
    "winter",
    "witaj",
    "your",
    "my",
    "the",
    "is",
    "very",
    "good",
    "long",
    "new",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::words::PageWords;

    #[test]
    fn long_passwords_of_words_nobody_lists_are_good() {
        for password in [
            "korrekt pferd batterie",
            "correct horse battery",
            "Kv7#pq-Lm2xZ",
            "der blaue Reiter im Kanton",
            "\u{4e2d}\u{6587}\u{5bc6}\u{7801}\u{5f88}\u{957f}\u{7684}\u{4e00}\u{4e2a}\u{53e5}\u{5b50}\u{554a}",
        ] {
            assert!(complaint(password, ["noc", "Example Net"]).is_none(), "{password}");
        }
    }

    #[test]
    fn short_and_endless_ones_are_not() {
        let said = |password| complaint(password, []).unwrap().0(PageWords::of("en"));
        assert!(said("Kv7#pq-Lm2x").contains(&format!("at least {CHARS_MIN}")));
        assert!(said(&"korrekt pferd ".repeat(20)).contains(&format!("at most {BYTES_MAX}")));
    }

    #[test]
    fn what_everybody_tries_first_is_not() {
        for password in [
            "password1234",
            "Password1234!",
            "P@ssw0rd2026!!",
            "123456789012",
            "qwertyuiop[]",
            "Qwertz123456",
            "abcdefghijkl",
            "aaaaaaaaaaaaa",
            "abababababababab",
            "administrator1",
            "Admin123!Admin123!",
            "letmeinletmein",
            "examplenet2026",
            "Ex4mple-Net-2026",
            "noc-noc-noc-noc",
            "abusebox abusebox",
            "raspberry2026",
            "MyNewPassword1",
        ] {
            assert!(complaint(password, ["noc", "Example Net"]).is_some(), "{password}");
        }
    }
}
