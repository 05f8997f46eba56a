//! Whether the language files are complete, and whether each is in its language.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::report::column;
use crate::report::kind;

/// The texts of a family, each with a name.
fn texts(text: &FamilyText) -> Vec<(&'static str, &str)> {
    let steps =
        text.steps().into_iter().flat_map(|(key, steps)| steps.iter().map(move |s| (key, s.as_str())));
    text.texts().into_iter().chain(steps).collect()
}

/// All families of a language, without English in the place of what is missing.
fn families(language: &Language) -> BTreeMap<String, FamilyText> {
    let document = Document::parse(language.families).unwrap_or_else(|e| panic!("{}: {e}", language.tag));
    document.iter().map(|(word, item)| (word.to_owned(), FamilyText::read(Some(item), None))).collect()
}

/// Words that a language shares with English.
fn terms(tag: &str) -> &'static str {
    match tag {
        "de" => include_str!("de-terms.txt"),
        "fr" => include_str!("fr-terms.txt"),
        "es" => include_str!("es-terms.txt"),
        "nl" => include_str!("nl-terms.txt"),
        "pl" => include_str!("pl-terms.txt"),
        _ => "",
    }
}

/// What stands in backticks, and the text with a letter in its place.
fn code(text: &str) -> (Vec<&str>, String) {
    let mut parts: Vec<&str> = text.split('`').collect();
    let code = parts.iter().skip(1).step_by(2).copied().collect();
    for part in parts.iter_mut().skip(1).step_by(2) {
        *part = "x";
    }
    (code, parts.concat())
}

/// Words of four letters or more.
fn words(text: &str) -> BTreeSet<String> {
    let is_end = |c: char| !c.is_alphabetic() && c != '\u{2019}' && c != '-';
    text.split(is_end).filter(|word| word.chars().count() >= 4).map(str::to_lowercase).collect()
}

#[test]
fn every_language_is_well_formed_and_says_nothing_for_nobody() {
    for language in &LANGUAGES {
        let document = Document::parse(language.text).unwrap_or_else(|e| panic!("{}: {e}", language.tag));
        let keys = |table| document.get(table).and_then(Item::as_table).into_iter().flatten();
        for (name, _) in keys("column") {
            assert!(column::number(name).is_some(), "{}: no column {name}", language.tag);
        }
        for word in families(language).keys() {
            assert!(Family::read(word).is_some(), "{}: {word}", language.tag);
        }
    }
}

#[test]
fn every_language_has_every_text_of_every_family() {
    for language in &LANGUAGES {
        let (tag, families) = (language.tag, families(language));
        for family in Family::ALL {
            let name = family.word();
            let text = families.get(name).unwrap_or_else(|| panic!("{tag} lacks {name}"));
            assert!((10..=75).contains(&text.title.chars().count()), "{tag} {name}: a title is short");
            assert!(!text.title.ends_with('.') && !text.title.contains('`'), "{tag} {name}");
            assert!((2..=5).contains(&text.layman.len()), "{tag} {name}: {} steps", text.layman.len());
            assert!((3..=6).contains(&text.technician.len()), "{tag} {name}");
            for (key, said) in texts(text) {
                let what = format!("{tag} {name} {key}: {said}");
                assert!(key == "title" || said.ends_with('.'), "{what}");
                let most = if key == "technician" { 540 } else { 430 };
                assert!(said.trim() == said && (8..=most).contains(&said.chars().count()), "{what}");
                let (code, prose) = code(said);
                assert!(said.matches('`').count().is_multiple_of(2), "{what}");
                for forbidden in ["\"", "{", "}", "://", "www.", "  ", "\n"] {
                    assert!(!prose.contains(forbidden), "{what}");
                }
                for name in code.iter().flat_map(|code| sentences::pieces(code)) {
                    if let sentences::Piece::Name(name) = name {
                        assert!(["address", "port"].contains(&name), "{what}");
                        assert!(["technician", "check"].contains(&key), "{what}");
                    }
                }
            }
        }
    }
}

/// A command is the same in any language, and what a check or a step is made of must not get lost on the way.
#[test]
fn every_language_names_the_same_commands() {
    let english = families(&LANGUAGES[0]);
    for language in &LANGUAGES[1..] {
        for (name, text) in families(language) {
            let pairs = texts(&text).into_iter().zip(texts(&english[&name]));
            for ((key, said), (_, meant)) in pairs {
                let sorted = |text| {
                    let mut code = code(text).0;
                    code.sort_unstable();
                    code
                };
                assert_eq!(sorted(said), sorted(meant), "{} {name} {key}", language.tag);
            }
        }
    }
}

/// A word that stands in both may be one that was forgotten: those that belong to the language are listed.
#[test]
fn no_english_is_left_over() {
    let english = families(&LANGUAGES[0]);
    for language in &LANGUAGES[1..] {
        let allowed: BTreeSet<&str> = terms(language.tag).split_whitespace().collect();
        let mut used = BTreeSet::new();
        for (name, text) in families(language) {
            for ((key, said), (_, meant)) in texts(&text).into_iter().zip(texts(&english[&name])) {
                for word in words(&code(said).1).intersection(&words(&code(meant).1)) {
                    assert!(allowed.contains(word.as_str()), "{} {name} {key}: {word}", language.tag);
                    used.insert(word.clone());
                }
            }
        }
        let unused: Vec<_> = allowed.iter().filter(|word| !used.contains(**word)).collect();
        assert!(unused.is_empty(), "{}: listed, and not shared with English: {unused:?}", language.tag);
    }
}

#[test]
fn every_language_has_every_label_and_word() {
    for language in &LANGUAGES {
        let (tag, words) = (language.tag, Words::read(language.text, language.families, None));
        for (_, name) in column::SHOWN {
            let label = words.text(&format!("column.{name}"));
            assert!(label.is_some_and(|label| !label.is_empty()), "{tag} {name}");
        }
        for severity in Severity::ALL {
            assert!(words.text(&format!("severity.{}", severity.word())).is_some(), "{tag} {severity:?}");
        }
        assert!(words.text("unknown_report").is_some(), "{tag}");
    }
    let [english, german] = ["en", "de"].map(Words::of);
    assert_eq!([english.column("banner"), german.column("banner")], ["Greeting", "Begr\u{fc}\u{df}ung"]);
    assert_eq!(english.column("not_shown"), "not_shown");
    assert_eq!(english.severity(Severity::Info), "for information");
}

#[test]
fn titles_are_shadowservers_unless_there_is_none() {
    let english = Words::of("en");
    assert_eq!(english.report_title(kind::find("scan_dns").unwrap()), "DNS Open Resolvers");
    assert_eq!(english.report_title(kind::unknown()), "Finding of a new kind");
}

#[test]
fn an_unknown_language_is_english_and_a_partial_one_falls_back() {
    assert_eq!(Words::of("en-GB").severity(Severity::High), "high");
    assert!(std::ptr::eq(Words::of("xx"), Words::of("EN")));
    assert!(std::ptr::eq(Words::of(""), Words::of("en")));
    let partial = ("[severity]\nhigh = \"hoch\"\n", "[printer]\ntitle = \"Ein Drucker\"\n");
    let words = Words::read(partial.0, partial.1, Some(Words::of("en")));
    assert_eq!(words.severity(Severity::High), "hoch");
    assert_eq!(words.severity(Severity::Low), "low");
    let (own, english) = (words.family(Family::Printer), Words::of("en").family(Family::Printer));
    assert_eq!((own.title.as_str(), &own.layman), ("Ein Drucker", &english.layman));
    assert_eq!(words.column("banner"), "Greeting");
}

#[test]
fn every_language_says_what_each_alarm_means() {
    let alarms = |language: &Language| -> BTreeMap<String, String> {
        let document = Document::parse(language.text).unwrap_or_else(|e| panic!("{}: {e}", language.tag));
        let table = document.get("alarm").and_then(Item::as_table).into_iter().flatten();
        table.map(|(kind, text)| (kind.to_owned(), text.as_str().unwrap().to_owned())).collect()
    };
    let english = alarms(&LANGUAGES[0]);
    assert!(english.len() > 20);
    for language in &LANGUAGES {
        let (tag, own) = (language.tag, alarms(language));
        assert!(own.keys().eq(english.keys()), "{tag}: {:?}", own.keys());
        for (kind, text) in &own {
            assert!(
                text.ends_with(['.', '?']) && text.trim() == text && !text.contains("  "),
                "{tag} {kind}"
            );
            assert!(text.matches('`').count().is_multiple_of(2), "{tag} {kind}");
            assert!(language.tag == "en" || *text != english[kind], "{tag} {kind}");
            let first = text.split([':', '.', ';']).next().unwrap();
            assert!((8..=130).contains(&first.chars().count()), "{tag} {kind}: {first}");
        }
    }
    let german = Words::of("de");
    let begins = |code: &str, text: &str| assert!(german.alarm(code).unwrap().starts_with(text), "{code}");
    begins("clock-back", "Die Uhr wurde zur\u{fc}ckgestellt");
    begins("customers", "Die Kundendatei wurde nicht");
    begins("customers_url", "Eine Kundendatei oder ein Protokoll");
    begins("sessions.radius-1", "Ein Protokoll mit Sitzungen");
    begins("sessions.radius-1_url", "Eine Kundendatei oder ein Protokoll");
    assert_eq!(german.alarm("of another version"), None);
}
