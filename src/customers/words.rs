//! The words of customer files: headers, status words, languages, placeholders. All are compared [`fold`]ed.

use super::vocabulary::{
    CLASSES, HEADERS, LANGUAGES, MAILBOXES, MAILED, MARKS, MASKS, NO, NO_MAIL, NOT_MAILED, PLACEHOLDERS,
    TOTALS, YES,
};

/// What a column holds. The names are those of a customer file's own header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Id,
    Name,
    FirstName,
    LastName,
    Mail,
    AbuseMail,
    TechMail,
    BillingMail,
    /// What the mail address of a line is for.
    Class,
    Address,
    Language,
    /// Says the language where none does.
    Country,
    From,
    Until,
    Status,
    Login,
    NoMail,
    Copy,
    Plain,
}

impl Role {
    pub(super) const ALL: [Role; 19] = [
        Role::Id,
        Role::Name,
        Role::FirstName,
        Role::LastName,
        Role::Mail,
        Role::AbuseMail,
        Role::TechMail,
        Role::BillingMail,
        Role::Class,
        Role::Address,
        Role::Language,
        Role::Country,
        Role::From,
        Role::Until,
        Role::Status,
        Role::Login,
        Role::NoMail,
        Role::Copy,
        Role::Plain,
    ];
    pub(super) const COUNT: usize = Self::ALL.len();

    pub(super) const fn name(self) -> &'static str {
        match self {
            Role::Id => "customer_id",
            Role::Name => "name",
            Role::FirstName => "first_name",
            Role::LastName => "last_name",
            Role::Mail => "email",
            Role::AbuseMail => "abuse_email",
            Role::TechMail => "technical_email",
            Role::BillingMail => "billing_email",
            Role::Class => "mail_class",
            Role::Address => "cidr",
            Role::Language => "language",
            Role::Country => "country",
            Role::From => "valid_from",
            Role::Until => "valid_to",
            Role::Status => "status",
            Role::Login => "login",
            Role::NoMail => "no_mail",
            Role::Copy => "copy",
            Role::Plain => "plain_text",
        }
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Whether all columns with a fitting header are read, and not only the first: an address in a second
    /// column that was left out would fall to a wider prefix, and who has ended by one of two would be mailed.
    pub(super) const fn takes_all(self) -> bool {
        self.is_mail() || matches!(self, Role::Address | Role::Login | Role::NoMail | Role::Status)
    }

    /// Whether mail addresses stand in it.
    pub(super) const fn is_mail(self) -> bool {
        matches!(self, Role::Mail | Role::AbuseMail | Role::TechMail | Role::BillingMail | Role::Copy)
    }
}

/// What a header says: a role by its own name or a known one, and whether it is a vague word.
pub(super) fn roles(folded: &str) -> impl Iterator<Item = Role> {
    HEADERS.iter().filter(move |(_, names)| names.contains(&folded)).map(|(role, _)| *role)
}

/// Whether a header is a word for the number of whatever stands in the line, be it a customer or something of his.
pub(super) fn is_vague_id(folded: &str) -> bool {
    HEADERS
        .iter()
        .filter(|(role, _)| *role == Role::Id)
        .nth(1)
        .is_some_and(|(_, names)| names.contains(&folded))
}

/// Whether a header may be that of a customer's id: by a known word, or because it ends with "id".
pub(super) fn may_be_id(folded: &str) -> bool {
    let others = ["circuitid", "remoteid", "stationid", "paid", "valid"];
    folded.ends_with("id") && !others.iter().any(|other| folded.ends_with(other))
        || roles(folded).any(|role| role == Role::Id)
}

/// Whether a header is that of netmasks or of the lengths of prefixes.
pub(super) fn is_of_masks(header: &str) -> bool {
    MASKS.contains(&fold(header).as_str())
}

/// Lower case in plain letters, without spaces and marks: `G\u{fc}ltig ab` and `gueltig_ab` are the same word.
/// \u{e4}, \u{f6} and \u{fc} become two letters, as they are written where there are none; other letters lose their marks,
/// and Greek and Cyrillic ones are written in Latin.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' => folded.push(c),
            '\0'..='\x7f' => {}
            // A mark that stands behind its letter, as macOS writes it.
            '\u{308}' if folded.ends_with(['a', 'o', 'u']) => folded.push('e'),
            '\u{3b1}'..='\u{3c9}' => folded.push_str(GREEK[c as usize - 0x3b1]),
            '\u{430}'..='\u{44f}' => folded.push_str(CYRILLIC[c as usize - 0x430]),
            c => match MARKED.iter().find(|(letters, _)| letters.contains(c)) {
                Some((_, plain)) => folded.push_str(plain),
                None if c.is_alphanumeric() => folded.push(c),
                None => {}
            },
        }
    }
    folded
}

/// Whether a status word lets the customer be mailed; `None` for an unknown one.
pub(super) fn status_mailed(word: &str) -> Option<bool> {
    if word.is_empty() {
        return Some(true);
    }
    let (written, word) = (word, fold(word));
    if word.is_empty() && is_dash(written) || MAILED.contains(&word.as_str()) {
        Some(true)
    } else if NOT_MAILED.contains(&word.as_str()) || says_no_mail(&word) {
        Some(false)
    } else {
        None
    }
}

/// Whether it is a word for somebody who is a customer no more. "no" is not: it may answer another question.
pub(super) fn has_ended(word: &str) -> bool {
    let word = fold(word);
    NOT_MAILED.contains(&word.as_str()) && !NO.contains(&word.as_str())
}

/// Whether nothing is written, or what stands for that. A check mark is something, and so is a question mark.
fn is_dash(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_whitespace() || "-_.\u{2010}\u{2011}\u{2012}\u{2013}\u{2014}\u{2212}".contains(c))
}

/// Whether a cell of addresses says that there is none.
pub(super) fn says_no_address(text: &str) -> bool {
    let text = text.trim();
    let may_be_word = !text.starts_with('#') && !text.contains(|c: char| c.is_ascii_digit() || c == ':');
    !text.is_empty() && (is_dash(text) || (may_be_word && PLACEHOLDERS.contains(&fold(text).as_str())))
}

/// Whether a switch is on; `None` for an unknown word.
pub(super) fn switch(word: &str) -> Option<bool> {
    let folded = fold(word);
    if folded.is_empty() && is_dash(word) || NO.contains(&folded.as_str()) {
        Some(false)
    } else {
        // Who writes "no mail" into a column of that name means it.
        (YES.contains(&folded.as_str())
            || MARKS.contains(&word.trim())
            || roles(&folded).any(|role| matches!(role, Role::NoMail | Role::Plain)))
        .then_some(true)
    }
}

/// What a mail address is for, the more fitting the higher; `None` for an unknown word.
pub(super) fn mail_class(word: &str) -> Option<u8> {
    let word = fold(word);
    CLASSES.iter().find(|(_, words)| words.contains(&word.as_str())).map(|(class, _)| *class)
}

/// Of a mail address of which nothing is said: before what is for bills alone.
pub(super) const GENERAL: u8 = 1;

/// Whether a cell asks for no mail at all, which is more than having no address.
pub(super) fn says_no_mail(text: &str) -> bool {
    // What has one is a mail address, or was to be one.
    !text.contains('@') && NO_MAIL.contains(&fold(text).as_str())
}

/// Whether a word stands for "there is no mail address": alone, or before the `@`, where it is no mailbox's.
pub(super) fn is_placeholder(text: &str) -> bool {
    let (word, domain) = text.split_once('@').unwrap_or((text, ""));
    // None of them has a digit, and most ids and addresses have.
    if word.bytes().any(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let word = fold(word);
    let is_mailbox = || {
        let host = domain.split('.').next().unwrap_or_default();
        !host.is_empty() && MAILBOXES.contains(&word.as_str()) && fold(host) != word
    };
    PLACEHOLDERS.contains(&word.as_str()) && !is_mailbox()
}

/// Whether a line that begins with this counts or sums those above.
pub(super) fn is_total(text: &str) -> bool {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let before = text.split([':', '=', '(']).next().unwrap_or_default();
    let word = fold(before.trim_end_matches(|c: char| !c.is_alphabetic()));
    TOTALS.contains(&word.as_str())
}

/// Whether a login says that there is none.
pub(super) fn is_no_login(text: &str) -> bool {
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    !has_digit && (PLACEHOLDERS.contains(&fold(text).as_str()) || !text.contains(char::is_alphanumeric))
}

/// Whether a spreadsheet made an error or a rounded number of it (`#REF!`, `1.23457E+11`).
pub(super) fn is_spoilt(text: &str) -> bool {
    let error = text.starts_with('#') && !text.contains(|c: char| c.is_ascii_digit());
    error || (text.contains("E+") && text.chars().all(|c| c.is_ascii_digit() || ".,E+".contains(c)))
}

/// Whether a customer id says that there is none, or is a number that a spreadsheet rounded (`1.23457E+11`): many
/// lines share such an id, and their customers must not become one.
pub(super) fn is_no_id(text: &str) -> bool {
    is_spoilt(text) || is_placeholder(text) || !text.contains(char::is_alphanumeric)
}

/// The tag of a language: `de-AT`, `deu`, `Deutsch`, `DE/fr` and `\u{d6}sterreich` are `de`.
pub(super) fn language(text: &str) -> Option<String> {
    let word = fold(text);
    let known = LANGUAGES.iter().find(|(tag, names, _)| *tag == word || names.contains(&word.as_str()));
    if let Some((tag, ..)) = known.or_else(|| of_country(&word)) {
        return Some((*tag).to_owned());
    }
    let primary = text.trim().split(['-', '_', '/']).next().unwrap_or_default();
    let tag = primary.len() == 2 && primary.bytes().all(|b| b.is_ascii_alphabetic());
    (tag && primary.len() < text.trim().len())
        .then(|| language(primary))
        .flatten()
        .or_else(|| tag.then(|| primary.to_ascii_lowercase()))
}

/// The language of a country that has one.
pub(super) fn country_language(text: &str) -> Option<&'static str> {
    let word = fold(text);
    // As a country, so that `UK` is none of Ukraine's.
    let same = |tag: &str| tag == word && !["uk", "el", "sv", "da", "cs", "et", "nb", "sr"].contains(&tag);
    let of = of_country(&word).or_else(|| LANGUAGES.iter().find(|(tag, ..)| same(tag)));
    of.map(|(tag, ..)| *tag).or((word == "uk").then_some("en"))
}

fn of_country(
    word: &str,
) -> Option<&'static (&'static str, &'static [&'static str], &'static [&'static str])> {
    LANGUAGES.iter().find(|(_, _, countries)| countries.contains(&word))
}

/// \u{3b1} to \u{3c9}.
#[rustfmt::skip]
const GREEK: [&str; 25] = [
    "a", "v", "g", "d", "e", "z", "i", "th", "i", "k", "l", "m", "n", "x", "o", "p", "r", "s", "s", "t", "y", "f", "ch",
    "ps", "o",
];
/// \u{430} to \u{44f}.
#[rustfmt::skip]
const CYRILLIC: [&str; 32] = [
    "a", "b", "v", "g", "d", "e", "zh", "z", "i", "i", "k", "l", "m", "n", "o", "p", "r", "s", "t", "u", "f", "kh",
    "ts", "ch", "sh", "shch", "", "y", "", "e", "iu", "ia",
];
/// Letters with marks, and what they become.
#[rustfmt::skip]
const MARKED: &[(&str, &str)] = &[
    ("\u{aa}\u{ba}", ""),
    ("\u{e0}\u{e1}\u{e2}\u{e3}\u{e5}\u{101}\u{103}\u{105}\u{3ac}", "a"),
    ("\u{e4}\u{e6}", "ae"),
    ("\u{e7}\u{107}\u{109}\u{10b}\u{10d}", "c"),
    ("\u{f0}\u{10f}\u{111}", "d"),
    ("\u{e8}\u{e9}\u{ea}\u{eb}\u{113}\u{115}\u{117}\u{119}\u{11b}\u{3ad}\u{451}", "e"),
    ("\u{11d}\u{11f}\u{121}\u{123}\u{491}", "g"),
    ("\u{125}", "h"),
    ("\u{ec}\u{ed}\u{ee}\u{ef}\u{129}\u{12b}\u{12d}\u{12f}\u{131}\u{3ae}\u{3af}\u{3ca}\u{456}\u{457}", "i"),
    ("\u{454}", "ie"),
    ("\u{135}", "j"),
    ("\u{137}", "k"),
    ("\u{13a}\u{13c}\u{13e}\u{142}", "l"),
    ("\u{f1}\u{144}\u{146}\u{148}", "n"),
    ("\u{f2}\u{f3}\u{f4}\u{f5}\u{f8}\u{14d}\u{14f}\u{151}\u{3cc}\u{3ce}", "o"),
    ("\u{f6}\u{153}", "oe"),
    ("\u{155}\u{157}\u{159}", "r"),
    ("\u{15b}\u{15d}\u{15f}\u{161}\u{219}", "s"),
    ("\u{df}", "ss"),
    ("\u{163}\u{165}\u{21b}", "t"),
    ("\u{fe}", "th"),
    ("\u{f9}\u{fa}\u{fb}\u{169}\u{16b}\u{16d}\u{16f}\u{171}\u{173}\u{45e}", "u"),
    ("\u{fc}", "ue"),
    ("\u{175}", "w"),
    ("\u{fd}\u{ff}\u{177}\u{3b0}\u{3cb}\u{3cd}", "y"),
    ("\u{17a}\u{17c}\u{17e}", "z"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_folded_and_unique_within_a_role() {
        let headers = HEADERS.iter().flat_map(|(role, words)| words.iter().map(move |w| (role.name(), *w)));
        let mut seen = std::collections::HashSet::new();
        for (role, word) in headers {
            assert_eq!(fold(word), word);
            assert!(seen.insert((role, word)), "{word} is listed twice");
        }
        let classes = CLASSES.iter().flat_map(|(_, words)| words.iter());
        let languages = LANGUAGES.iter().flat_map(|(_, names, countries)| names.iter().chain(*countries));
        let lists = [MAILED, NOT_MAILED, NO_MAIL, PLACEHOLDERS, MAILBOXES, MASKS, YES, NO, TOTALS]
            .into_iter()
            .flatten();
        for word in lists.chain(classes).chain(languages) {
            assert_eq!(fold(word), *word);
        }
        assert!(MAILED.iter().all(|word| !NOT_MAILED.contains(word) && !NO_MAIL.contains(word)));
        assert!(YES.iter().all(|word| !NO.contains(word)));
        assert!(PLACEHOLDERS.iter().all(|word| !word.contains(|c: char| c.is_ascii_digit())));
        for role in Role::ALL {
            assert_eq!(Role::of_name(role.name()), Some(role));
            assert!(HEADERS.iter().any(|(of, _)| *of == role), "{role:?} has no word");
            assert_eq!(Role::ALL[role as usize], role);
        }
    }

    /// A word that means one thing in one language and another in the next would take a column from its owner.
    #[test]
    fn a_word_has_one_clear_role() {
        let vague = [Role::Name, Role::Address, Role::Id];
        for (role, words) in HEADERS {
            for word in *words {
                let others = roles(word).filter(|other| other != role && !vague.contains(other));
                assert!(vague.contains(role) || others.count() == 0, "{word}");
            }
        }
    }

    #[test]
    fn ids_that_are_none() {
        for text in ["-", "?", "n/a", "NULL", "#REF!", "#N/A", "1,23457E+11", "1E+05"] {
            assert!(is_no_id(text), "{text}");
        }
        for text in ["0", "#17", "E+", "C-1", "1,5", "Foo E+ 1"] {
            assert!(is_no_id(text) == (text == "E+"), "{text}");
        }
    }

    #[test]
    fn words_are_read_in_any_form() {
        assert_eq!(fold("G\u{fc}ltig ab"), "gueltigab");
        assert_eq!(fold("Citroe\u{308}n"), "citroen", "no letter that is written as two");
        assert_eq!(fold("\u{5d0} \u{2014} \u{2713}"), "\u{5d0}", "a letter of any other script, and no mark");
        assert_eq!(fold("Gu\u{308}ltig ab"), "gueltigab");
        assert!(is_of_masks("Subnet mask") && is_of_masks("prefix_length") && !is_of_masks("mask of honour"));
        assert_eq!(fold("\u{c4}nderung, Ma\u{df}, \u{d6}ffnung"), "aenderungmassoeffnung");
        assert_eq!(fold("N\u{ba} de cliente, T\u{e9}l\u{e9}phone"), "ndeclientetelephone");
        assert_eq!(fold("P\u{159}\u{ed}jmen\u{ed} \u{141}\u{f3}d\u{17a}"), "prijmenilodz");
        assert_eq!(fold("\u{41a}\u{43b}\u{438}\u{435}\u{43d}\u{442}"), "klient");
        assert_eq!(fold("\u{3a0}\u{3b5}\u{3bb}\u{3ac}\u{3c4}\u{3b7}\u{3c2}"), "pelatis");
        assert_eq!(status_mailed("GEK\u{dc}NDIGT"), Some(false));
        assert_eq!(status_mailed("keine Mail"), Some(false));
        assert_eq!(status_mailed("R\u{e9}sili\u{e9}"), Some(false));
        assert_eq!(status_mailed("Active"), Some(true));
        assert_eq!(status_mailed("gold"), None);
        assert_eq!(
            (switch("x"), switch("No"), switch("Keine Mail"), switch("-"), switch("maybe")),
            (Some(true), Some(false), Some(true), Some(false), None)
        );
        assert_eq!(
            (switch("\u{2713}"), switch("+"), switch("?"), switch("\u{2717}")),
            (Some(true), Some(true), None, None)
        );
        assert_eq!(
            (status_mailed("\u{2717}"), status_mailed("?"), status_mailed(" - ")),
            (None, None, Some(true))
        );
        assert!(
            is_total("Summe:")
                && is_total("Total (3)")
                && is_total("TOTAL: 17")
                && !is_total("Total Energies")
        );
        assert_eq!(
            (mail_class("Technik"), mail_class("Abuse"), mail_class("gold")),
            (Some(2), Some(3), None)
        );
        assert!(
            is_placeholder("POST")
                && is_placeholder("none@example.net")
                && is_placeholder("na@na.com")
                && !["noc@example.net", "post@firma.example", "na@firma.example"]
                    .into_iter()
                    .any(is_placeholder)
        );
    }

    #[test]
    fn a_cell_of_addresses_may_say_that_there_is_none() {
        for text in ["-", " \u{2013} ", "n/a", "keine", "None", "unbekannt"] {
            assert!(says_no_address(text), "{text}");
        }
        // An error of a spreadsheet, what may be an address, and what is not known.
        for text in ["", "  ", "#N/A", "#none", "no:", "none1", "::", "192.0.2.1", "gold"] {
            assert!(!says_no_address(text), "{text}");
        }
    }

    #[test]
    fn languages_and_countries() {
        for (text, tag) in [
            ("de-AT", "de"),
            ("Deutsch", "de"),
            ("ENG", "en"),
            ("pt", "pt"),
            ("DE/fr", "de"),
            ("AT", "de"),
            ("CZ", "cs"),
            ("\u{d6}sterreich", "de"),
            ("no", "nb"),
            ("uk", "uk"),
            ("at_AT", "de"),
            ("xx", "xx"),
        ] {
            assert_eq!(language(text).as_deref(), Some(tag), "{text}");
        }
        assert_eq!(language("klingon"), None);
        for (text, tag) in [
            ("AT", Some("de")),
            ("UK", Some("en")),
            ("CH", None),
            ("Italia", Some("it")),
            ("FR", Some("fr")),
            ("SE", Some("sv")),
            ("SV", None),
            ("", None),
        ] {
            assert_eq!(country_language(text), tag, "{text}");
        }
    }
}
