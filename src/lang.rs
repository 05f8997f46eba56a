//! Words for pages and mails, one file per language in `lang/`.
//!
//! Here is what Shadowserver's names mean; a language may lack a text of these, and then has the English one. Adding a
//! language is one file and one line in `LANGUAGES`. `sentences` are whole or not there at all. Texts are parsed at
//! their first use and kept.

pub(crate) mod sentences;

use std::collections::HashMap;
use std::sync::OnceLock;

use toml_edit::{Document, Item, Table};

use crate::report::kind::{Family, Kind, Severity};
pub use sentences::fill;

/// What a mail says about a family of problems. Plain text in flowing lines, without mark-up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FamilyText {
    /// A few words, calm, fit for a heading or a subject
    pub title: String,
    /// What was seen, and what that is
    pub seen: String,
    /// Why it matters to the customer
    pub matters: String,
    /// Steps for somebody who knows nothing of networks, at most five
    pub layman: Vec<String>,
    /// Steps for a technician, the last or last but one of which says how to see that it is fixed
    pub technician: Vec<String>,
}

/// The words of one language.
#[derive(Debug)]
pub struct Words {
    families: Vec<FamilyText>,
    /// By dotted path in the file, for all that is a single text: `severity.high`, `column.banner`
    texts: HashMap<String, String>,
    fallback: Option<&'static Words>,
}

impl Words {
    /// The words of a language, given as a tag like `de` or `de-AT`; English where there are none.
    pub fn of(language: &str) -> &'static Words {
        let main = main_tag(language);
        let known =
            LANGUAGES.iter().find(|known| known.tag.eq_ignore_ascii_case(main)).unwrap_or(&LANGUAGES[0]);
        known.words.get_or_init(|| {
            let fallback = (known.tag != LANGUAGES[0].tag).then(|| Words::of(LANGUAGES[0].tag));
            Words::read(known.text, fallback)
        })
    }

    /// What to say about a family of problems.
    pub fn family(&self, family: Family) -> &FamilyText {
        &self.families[family as usize]
    }

    /// The label of a column, its own name where the language has none.
    pub fn column<'a>(&'a self, name: &'a str) -> &'a str {
        self.text(&format!("column.{name}")).unwrap_or(name)
    }

    /// The word for a severity.
    pub fn severity(&self, severity: Severity) -> &str {
        self.text(&format!("severity.{}", severity.word())).unwrap_or(severity.word())
    }

    /// The title of a report: Shadowserver's own, unless the language has one under `report`.
    pub fn report_title<'a>(&'a self, kind: &'a Kind) -> &'a str {
        let own = self.text(&format!("report.{}", kind.name));
        let unknown = || if kind.title.is_empty() { self.text("unknown_report") } else { None };
        own.or_else(unknown).unwrap_or(kind.title)
    }

    /// The title of the report type with this name; the name itself where nobody knows it.
    pub fn report_named<'a>(&'a self, name: &'a str) -> &'a str {
        crate::report::kind::find(name).map_or(name, |kind| self.report_title(kind))
    }

    /// Why the report cannot name the device, and how to find it: holds for all families.
    pub fn which_device(&self) -> &str {
        self.text("which_device").unwrap_or_default()
    }

    /// Any single text by its dotted path in the language file, if there is one in this language or in English.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str).or_else(|| self.fallback?.text(path))
    }

    /// The files are part of the program, and a test reads them all; were one broken, its texts would be missing.
    fn read(file: &'static str, fallback: Option<&'static Words>) -> Words {
        let document = Document::parse(file).map(Document::into_table).unwrap_or_default();
        let mut texts = HashMap::new();
        gather("", &document, &mut texts);
        let families = Family::ALL.map(|family| {
            let own = document.get("family").and_then(|families| families.get(family.word()));
            FamilyText::read(own, fallback.map(|english| english.family(family)))
        });
        Words { families: families.into(), texts, fallback }
    }
}

impl FamilyText {
    fn read(own: Option<&Item>, fallback: Option<&FamilyText>) -> Self {
        let english = fallback.cloned().unwrap_or_default();
        let item = |key| own.and_then(|own| own.get(key));
        let text = |key, english| item(key).and_then(Item::as_str).map_or(english, str::to_owned);
        let steps = |key, english| match item(key).and_then(Item::as_array) {
            Some(steps) => steps.iter().filter_map(|step| step.as_str()).map(str::to_owned).collect(),
            None => english,
        };
        Self {
            title: text("title", english.title),
            seen: text("seen", english.seen),
            matters: text("matters", english.matters),
            layman: steps("layman", english.layman),
            technician: steps("technician", english.technician),
        }
    }
}

/// Puts every single text of a table into `texts`, under its dotted path.
fn gather(path: &str, table: &Table, texts: &mut HashMap<String, String>) {
    for (key, item) in table {
        match item {
            Item::Table(inner) => gather(&format!("{path}{key}."), inner, texts),
            other => texts.extend(other.as_str().map(|text| (format!("{path}{key}"), text.to_owned()))),
        }
    }
}

/// The language of a tag without its region: `de` of `de-AT`.
pub(crate) fn main_tag(language: &str) -> &str {
    language.split(['-', '_']).next().unwrap_or(language)
}

struct Language {
    tag: &'static str,
    text: &'static str,
    words: OnceLock<Words>,
}

impl Language {
    const fn new(tag: &'static str, text: &'static str) -> Self {
        Self { tag, text, words: OnceLock::new() }
    }
}

/// English comes first: the others fall back to it.
static LANGUAGES: [Language; 2] = [
    Language::new("en", concat!(include_str!("lang/en.toml"), include_str!("lang/en-settings.toml"))),
    Language::new("de", concat!(include_str!("lang/de.toml"), include_str!("lang/de-settings.toml"))),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::column;
    use crate::report::kind;

    const STEPS_MAX: usize = 5;

    #[test]
    fn every_language_is_well_formed_and_says_nothing_for_nobody() {
        for language in &LANGUAGES {
            let document = Document::parse(language.text).unwrap_or_else(|e| panic!("{}: {e}", language.tag));
            let keys = |table| document.get(table).and_then(Item::as_table).into_iter().flatten();
            for (name, _) in keys("column") {
                assert!(column::number(name).is_some(), "{}: no column {name}", language.tag);
            }
            for (word, _) in keys("family") {
                assert!(Family::ALL.iter().any(|family| family.word() == word), "{}: {word}", language.tag);
            }
        }
    }

    #[test]
    fn every_family_has_all_texts() {
        for (language, family) in LANGUAGES.iter().flat_map(|l| Family::ALL.map(|family| (l.tag, family))) {
            let text = Words::of(language).family(family);
            let name = family.word();
            assert!((10..=60).contains(&text.title.len()), "{name}: a title is short");
            for part in [&text.seen, &text.matters] {
                assert!(part.len() > 60 && part.ends_with('.'), "{name}: {part}");
            }
            for steps in [&text.layman, &text.technician] {
                assert!((2..=STEPS_MAX).contains(&steps.len()), "{name}: {} steps", steps.len());
                assert!(steps.iter().all(|step| step.ends_with('.') && !step.contains('\n')), "{name}");
            }
            if family != Family::Network {
                assert!(
                    text.technician.iter().any(|step| step.contains("Check") || step.contains("fixed")),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn every_language_has_every_label_and_word() {
        for language in &LANGUAGES {
            let (tag, words) = (language.tag, Words::read(language.text, None));
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
        assert!(english.which_device().len() > 100);
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
        let partial = "[severity]\nhigh = \"hoch\"\n[family.device]\ntitle = \"Ein Ger\u{e4}t\"\n";
        let words = Words::read(partial, Some(Words::of("en")));
        assert_eq!(words.severity(Severity::High), "hoch");
        assert_eq!(words.severity(Severity::Low), "low");
        assert_eq!(words.family(Family::Device).title, "Ein Ger\u{e4}t");
        assert_eq!(words.family(Family::Device).layman, Words::of("en").family(Family::Device).layman);
        assert_eq!(words.column("banner"), "Greeting");
    }
}
