//! Words for pages and mails, one file per language in `lang/`.
//!
//! Here is what Shadowserver's names and our alarms mean; a language may lack a text of these, and then has the English
//! one. Adding a language is one file and one line in `LANGUAGES`. `sentences` are whole or not there at all. Texts are
//! parsed at their first use and kept.

pub(crate) mod sentences;

use std::collections::HashMap;
use std::sync::OnceLock;

use toml_edit::{Document, Item, Table};

use crate::report::kind::{Family, Kind, Severity};
pub use sentences::fill;

/// What a mail says about a family of problems. Plain text in flowing lines; `code` stands in backticks, and in it may
/// be `{address}` and `{port}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FamilyText {
    /// A few words, calm, fit for a heading
    pub title: String,
    /// What was seen, and what that is
    pub seen: String,
    /// Why it matters to the customer
    pub matters: String,
    /// Which of the devices behind the address it probably is
    pub device: String,
    /// Steps for somebody who knows nothing of networks, at most five
    pub layman: Vec<String>,
    /// Steps for a technician
    pub technician: Vec<String>,
    /// How to see that it is fixed
    pub check: String,
    /// What to do and answer if it is meant to be so, or not true
    pub intended: String,
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
            Words::read(known.text, known.families, fallback)
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

    /// What an alarm means, by its code: in its first clause what is wrong, then perhaps what to do. The code names a
    /// source of sessions behind a dot. `None`: it is of another version.
    pub fn alarm(&self, code: &str) -> Option<&str> {
        let kind = match code.strip_suffix("_url") {
            Some(_) => "source_url",
            None => code.split('.').next().unwrap_or(code),
        };
        self.text(&format!("alarm.{}", kind.replace('-', "_")))
    }

    /// Whether they are the English ones, in which all else is said.
    pub fn is_english(&self) -> bool {
        self.fallback.is_none()
    }

    /// Any single text by its dotted path in the language file, if there is one in this language or in English.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str).or_else(|| self.fallback?.text(path))
    }

    /// The files are part of the program, and a test reads them all; were one broken, its texts would be missing.
    fn read(file: &str, families: &str, fallback: Option<&'static Words>) -> Words {
        let [document, families] =
            [file, families].map(|file| Document::parse(file).map(Document::into_table).unwrap_or_default());
        let mut texts = HashMap::new();
        gather("", &document, &mut texts);
        let family = |&family: &Family| {
            let fallback = fallback.map(|english| english.family(family));
            FamilyText::read(families.get(family.word()), fallback)
        };
        Words { families: Family::ALL.iter().map(family).collect(), texts, fallback }
    }
}

impl FamilyText {
    /// The texts of a table, those of `fallback` where it has none.
    pub fn read(own: Option<&Item>, fallback: Option<&FamilyText>) -> Self {
        let mut read = fallback.cloned().unwrap_or_default();
        let item = |key| own.and_then(|own| own.get(key));
        for (key, text) in read.texts_mut() {
            if let Some(own) = item(key).and_then(Item::as_str) {
                own.clone_into(text);
            }
        }
        for (key, steps) in read.steps_mut() {
            if let Some(own) = item(key).and_then(Item::as_array) {
                *steps = own.iter().filter_map(|step| step.as_str()).map(str::to_owned).collect();
            }
        }
        read
    }

    /// The single texts, by their keys.
    pub fn texts(&self) -> [(&'static str, &str); 6] {
        let Self { title, seen, matters, device, check, intended, .. } = self;
        [
            ("title", title),
            ("seen", seen),
            ("matters", matters),
            ("device", device),
            ("check", check),
            ("intended", intended),
        ]
    }

    /// The lists of steps, by their keys.
    pub fn steps(&self) -> [(&'static str, &[String]); 2] {
        [("layman", &self.layman), ("technician", &self.technician)]
    }

    pub(crate) fn texts_mut(&mut self) -> [(&'static str, &mut String); 6] {
        let Self { title, seen, matters, device, check, intended, .. } = self;
        [
            ("title", title),
            ("seen", seen),
            ("matters", matters),
            ("device", device),
            ("check", check),
            ("intended", intended),
        ]
    }

    pub(crate) fn steps_mut(&mut self) -> [(&'static str, &mut Vec<String>); 2] {
        [("layman", &mut self.layman), ("technician", &mut self.technician)]
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
    families: &'static str,
    words: OnceLock<Words>,
}

impl Language {
    const fn new(tag: &'static str, text: &'static str, families: &'static str) -> Self {
        Self { tag, text, families, words: OnceLock::new() }
    }
}

/// The languages in which mails are written, by their tags, with the name that each has for itself.
pub const NAMES: &[(&str, &str)] = &[
    ("en", "English"),
    ("de", "Deutsch"),
    ("fr", "Fran\u{e7}ais"),
    ("es", "Espa\u{f1}ol"),
    ("nl", "Nederlands"),
    ("pl", "Polski"),
];

/// The name that a language has for itself.
pub fn name_of(tag: &str) -> Option<&'static str> {
    NAMES.iter().find(|(known, _)| *known == tag).map(|(_, name)| *name)
}

/// Whether the texts are a translation that nobody who speaks the language has read yet, as far as we know.
pub fn is_translated(tag: &str) -> bool {
    !matches!(tag, "en" | "de")
}

/// The same without their names.
pub fn tags() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(tag, _)| *tag)
}

/// The words of a language; those of the settings where it has them, which only pages need.
macro_rules! language {
    ($tag:literal $(, $more:literal)?) => {
        Language::new(
            $tag,
            concat!(include_str!(concat!("lang/", $tag, ".toml")) $(, include_str!($more))?),
            include_str!(concat!("lang/", $tag, "-families.toml")),
        )
    };
}

/// English comes first: the others fall back to it.
static LANGUAGES: [Language; 6] = [
    language!("en", "lang/en-settings.toml"),
    language!("de", "lang/de-settings.toml"),
    language!("fr"),
    language!("es"),
    language!("nl"),
    language!("pl"),
];

#[cfg(test)]
mod tests;
