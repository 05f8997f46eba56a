//! The words of customer files: headers, status words, languages, placeholders. All are compared [`fold`]ed.

/// What a column holds. The names are those of a customer file's own header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Id,
    Name,
    Mail,
    Address,
    Language,
    From,
    Until,
    Status,
    Login,
}

impl Role {
    pub(super) const COUNT: usize = Self::Login as usize + 1;

    pub(super) const fn name(self) -> &'static str {
        match self {
            Role::Id => "customer_id",
            Role::Name => "name",
            Role::Mail => "email",
            Role::Address => "cidr",
            Role::Language => "language",
            Role::From => "valid_from",
            Role::Until => "valid_to",
            Role::Status => "status",
            Role::Login => "login",
        }
    }

    /// Whether all columns with a fitting header are read, and not only the first: an address in a second
    /// column that was left out would fall to a wider prefix.
    pub(super) const fn takes_all(self) -> bool {
        matches!(self, Role::Address | Role::Mail | Role::Login)
    }
}

/// Lower case without spaces, marks and umlauts: `G\u{fc}ltig ab` and `gueltig_ab` are the same word.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            '\u{e4}' => folded.push_str("ae"),
            '\u{f6}' => folded.push_str("oe"),
            '\u{fc}' => folded.push_str("ue"),
            '\u{df}' => folded.push_str("ss"),
            c if c.is_alphanumeric() => folded.push(c),
            _ => {}
        }
    }
    folded
}

/// Whether a status word lets the customer be mailed; `None` for an unknown one.
pub(super) fn status_mailed(word: &str) -> Option<bool> {
    let word = fold(word);
    if word.is_empty() || MAILED.contains(&word.as_str()) {
        Some(true)
    } else if NOT_MAILED.contains(&word.as_str()) || says_no_mail(&word) {
        Some(false)
    } else {
        None
    }
}

/// Whether a cell asks for no mail at all, which is more than having no address.
pub(super) fn says_no_mail(text: &str) -> bool {
    NO_MAIL.contains(&fold(text).as_str())
}

/// Whether a word stands for "there is no mail address": alone, or before the `@`.
pub(super) fn is_placeholder(text: &str) -> bool {
    let word = fold(text.split('@').next().unwrap_or_default());
    PLACEHOLDERS.contains(&word.as_str())
}

/// Whether a login says that there is none.
pub(super) fn is_no_login(text: &str) -> bool {
    PLACEHOLDERS.contains(&fold(text).as_str()) || !text.contains(char::is_alphanumeric)
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

/// The tag of a language: `de-AT`, `deu` and `Deutsch` are `de`.
pub(super) fn language(text: &str) -> Option<String> {
    let word = fold(text);
    if let Some((tag, _)) = LANGUAGES.iter().find(|(_, names)| names.contains(&word.as_str())) {
        return Some((*tag).to_owned());
    }
    let primary = text.trim().split(['-', '_']).next().unwrap_or_default();
    let tag = primary.len() == 2 && primary.bytes().all(|b| b.is_ascii_alphabetic());
    tag.then(|| primary.to_ascii_lowercase())
}

/// Headers, folded. Rows are tried in order; one is used only while its role has no column, and a column has
/// one role: the vague words come last, so that `customer` beside `id` is a name and `address` beside `ip` a street.
#[rustfmt::skip]
pub(super) const HEADERS: &[(Role, &[&str])] = &[
    (Role::Id, &["customerid", "customerno", "customernr", "customernumber", "custid", "clientid", "clientno",
                 "subscriberid", "accountid", "accountnumber", "kundennummer", "kundennr", "kundenid", "kundeid",
                 "kdnr", "knr", "debitor", "debitorennummer"]),
    (Role::Id, &["id", "nummer", "number", "nr"]),
    (Role::Id, &["customer", "client", "subscriber", "account", "kunde"]),
    (Role::Name, &["name", "kundenname", "customername", "clientname", "fullname", "firma", "firmenname", "company",
                   "companyname", "organisation", "organization"]),
    (Role::Name, &["customer", "client", "subscriber", "kunde"]),
    (Role::Mail, &["email", "emails", "mail", "mails", "emailaddress", "emailaddresses", "mailaddress", "emailadresse",
                   "emailadressen", "mailadresse", "abusemail", "abuseemail", "contactemail"]),
    (Role::Address, &["cidr", "cidrs", "ip", "ips", "ipv4", "ipv6", "prefix", "prefixes", "ipprefix", "ipv4prefix",
                      "ipv6prefix", "network", "networks", "ipnetwork", "subnet", "subnets", "ipsubnet", "ipaddress",
                      "ipaddresses", "ipv4address", "ipv6address", "ipv4addresses", "ipv6addresses", "staticip",
                      "dedicatedip", "assignedips", "ipadresse", "ipadressen", "ipv4adresse", "ipv6adresse", "iprange",
                      "ipbereich", "praefix", "netz", "netze", "ipnetz", "netzwerk", "subnetz", "subnetze"]),
    (Role::Address, &["address", "addresses", "adresse", "adressen"]),
    (Role::Language, &["language", "lang", "locale", "sprache"]),
    (Role::From, &["validfrom", "validsince", "gueltigab", "gueltigvon", "von", "ab", "from", "start", "startdate",
                   "beginn"]),
    (Role::Until, &["validto", "validuntil", "gueltigbis", "bis", "to", "until", "end", "enddate", "ende"]),
    (Role::Status, &["status", "state", "zustand", "kundenstatus", "customerstatus"]),
    (Role::Login, &["login", "logins", "username", "user", "userid", "loginname", "pppoe", "pppoelogin", "pppoeuser",
                    "pppoeusername", "pppuser", "radius", "radiuslogin", "radiususer", "radiususername", "subscriberlogin",
                    "mac", "macs", "macaddress", "macaddresses", "hwaddress", "hardwareaddress", "circuitid",
                    "remoteid", "option82", "callingstationid", "benutzer", "benutzername", "benutzerkennung",
                    "anmeldename", "zugangskennung", "kennung", "macadresse", "macadressen", "identifiant", "utilisateur",
                    "nomutilisateur", "nomdutilisateur", "usuario", "nombreusuario", "nombredeusuario", "utente",
                    "nomeutente", "utilizador", "gebruiker", "gebruikersnaam", "uzytkownik", "uzivatel", "pouzivatel",
                    "felhasznalo", "felhasznalonev", "uporabnik", "uporabniskoime", "korisnik", "korisnickoime",
                    "utilizator", "anvandare", "bruger", "brugernavn", "bruker", "brukernavn", "kayttaja",
                    "kayttajatunnus", "kullanici", "kullaniciadi"]),
];

const MAILED: &[&str] = &[
    "active", "aktiv", "ok", "enabled", "new", "neu", "online", "aktuell", "current", "valid", "yes", "ja",
    "true", "1",
];

#[rustfmt::skip]
const NOT_MAILED: &[&str] = &[
    "expired", "suspended", "cancelled", "canceled", "blocked", "inactive", "terminated", "closed", "disabled",
    "deleted", "ended", "fraud", "locked", "paused", "pending", "completed", "offline",
    "abgelaufen", "ausgesetzt", "storniert", "gesperrt", "inaktiv", "nichtaktiv", "gekuendigt", "beendet",
    "no", "nein", "false", "0", "geschlossen", "deaktiviert", "geloescht", "pausiert", "stillgelegt", "ehemalig",
];

const NO_MAIL: &[&str] =
    &["nomail", "noemail", "donotmail", "keinemail", "keineemail", "keinemails", "nichtmailen"];

const PLACEHOLDERS: &[&str] =
    &["post", "none", "na", "null", "no", "kein", "keine", "keiner", "ohne", "nomail", "noemail", "unknown"];

#[rustfmt::skip]
const LANGUAGES: &[(&str, &[&str])] = &[
    ("cs", &["cze", "ces", "czech", "cestina", "tschechisch"]),
    ("de", &["deu", "ger", "german", "deutsch"]),
    ("en", &["eng", "english", "englisch"]),
    ("es", &["spa", "spanish", "spanisch", "espanol"]),
    ("fr", &["fra", "fre", "french", "franzoesisch", "francais"]),
    ("hu", &["hun", "hungarian", "ungarisch", "magyar"]),
    ("it", &["ita", "italian", "italienisch", "italiano"]),
    ("nl", &["nld", "dut", "dutch", "niederlaendisch", "nederlands"]),
    ("pl", &["pol", "polish", "polnisch", "polski"]),
    ("sl", &["slv", "slovenian", "slowenisch"]),
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
        for word in [MAILED, NOT_MAILED, NO_MAIL, PLACEHOLDERS].concat() {
            assert_eq!(fold(word), word);
        }
        assert!(MAILED.iter().all(|word| !NOT_MAILED.contains(word) && !NO_MAIL.contains(word)));
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
        assert_eq!(fold("\u{c4}nderung, Ma\u{df}, \u{d6}ffnung"), "aenderungmassoeffnung");
        assert_eq!(status_mailed("GEK\u{dc}NDIGT"), Some(false));
        assert_eq!(status_mailed("keine Mail"), Some(false));
        assert_eq!(status_mailed("Active"), Some(true));
        assert_eq!(status_mailed("gold"), None);
        for (text, tag) in [("de-AT", "de"), ("Deutsch", "de"), ("ENG", "en"), ("pt", "pt")] {
            assert_eq!(language(text).as_deref(), Some(tag));
        }
        assert_eq!(language("klingon"), None);
        assert!(
            is_placeholder("POST")
                && is_placeholder("none@example.net")
                && !is_placeholder("noc@example.net")
        );
    }
}
