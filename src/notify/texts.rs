//! The words of mails in one language: ours, and in their place those that the operator wrote. Pure.
//!
//! What he wrote is in a file for each language, `texts/<language>.toml` in the data folder: sentences by the keys of
//! `lang/<language>-mail.toml`, and a table `[family.<word>]` with the keys of `lang/<language>-families.toml`.

use std::collections::BTreeMap;

use toml_edit::{Array, Document, DocumentMut, Item, Table, value};

use super::sentences::Sentences;
use crate::lang::sentences::{Piece, pieces};
use crate::lang::{self, FamilyText, Words};
use crate::report::kind::Family;

/// What the operator wrote, by language.
#[derive(Clone, Debug, Default)]
pub struct Texts(BTreeMap<&'static str, Own>);

/// What the operator wrote in one language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// Somebody who speaks the language has read our translation.
    pub reviewed: bool,
    /// By their keys
    pub sentences: BTreeMap<&'static str, String>,
    /// Whole, with ours where he wrote nothing
    pub families: BTreeMap<Family, FamilyText>,
}

/// What is to be another than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// By their keys; those that were checked
    Sentences(Vec<(&'static str, String)>),
    Family(Family, Box<FamilyText>),
    Reviewed,
}

/// All words of a mail.
#[derive(Clone, Copy, Debug)]
pub struct Voice<'t> {
    pub say: Sentences<'t>,
    pub words: &'static Words,
    own: Option<&'t Own>,
}

/// Why a text cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("it is empty")]
    Empty,
    #[error("it is longer than {} characters", TEXT_CHARS_MAX)]
    Long,
    #[error("{{{0}}} must stand in it")]
    Missing(String),
    #[error("{{{0}}} is not known there")]
    Unknown(String),
    #[error("a backtick that opens code is not closed")]
    Backtick,
    #[error("there are more than {} steps", STEPS_MAX)]
    Steps,
}

impl Texts {
    /// The words for a language tag like `de` or `de-AT`; English where there are none.
    pub fn voice(&self, language: &str) -> Voice<'_> {
        let say = *Sentences::of(language);
        let own = self.0.get(say.tag);
        let say = match own {
            Some(own) => say.with(|key| own.sentences.get(key).map(String::as_str)),
            None => say,
        };
        Voice { say, words: Words::of(say.tag), own }
    }

    /// What the operator wrote in a language.
    pub fn own(&self, tag: &str) -> Option<&Own> {
        self.0.get(tag)
    }

    /// Changes what the operator wrote in a language.
    pub fn edit(&mut self, tag: &str, edit: Edit) {
        let mut own = self.own(tag).cloned().unwrap_or_default();
        match edit {
            Edit::Sentences(texts) => texts.iter().for_each(|(key, text)| own.set_sentence(tag, key, text)),
            Edit::Family(family, text) => own.set_family(tag, family, *text),
            Edit::Reviewed => own.reviewed = true,
        }
        self.put(tag, own);
    }

    /// Puts these words in the place of all others of the language; nothing where there is no such language.
    pub fn put(&mut self, tag: &str, own: Own) {
        if let Some(tag) = lang::tags().find(|known| *known == tag) {
            self.0.insert(tag, own);
        }
    }
}

impl Voice<'_> {
    /// What to say about a family of problems.
    pub fn family(&self, family: Family) -> &FamilyText {
        self.own.and_then(|own| own.families.get(&family)).unwrap_or_else(|| self.words.family(family))
    }
}

impl Own {
    /// Reads a file. What cannot be taken is left out, and told with its key.
    pub fn read(tag: &str, file: &str) -> (Self, Vec<String>) {
        let mut own = Self::default();
        let document = match Document::parse(file) {
            Ok(document) => document.into_table(),
            Err(error) => return (own, vec![error.to_string()]),
        };
        let mut complaints = Vec::new();
        for (key, item) in &document {
            if key == "reviewed" {
                match item.as_bool() {
                    Some(reviewed) => own.reviewed = reviewed,
                    None => complaints.push("reviewed: write true or false".to_owned()),
                }
                continue;
            }
            if key == "family" {
                for (word, item) in item.as_table().into_iter().flatten() {
                    let Some(family) = Family::read(word) else {
                        complaints.push(format!("family.{word}: there is no such family"));
                        continue;
                    };
                    let text = FamilyText::read(Some(item), Some(Words::of(tag).family(family)));
                    match text.check() {
                        Ok(()) => own.set_family(tag, family, text),
                        Err((key, fault)) => complaints.push(format!("family.{word}.{key}: {fault}")),
                    }
                }
                continue;
            }
            match (known_key(key), item.as_str()) {
                (None, _) => complaints.push(format!("{key}: there is no such sentence")),
                (Some(_), None) => complaints.push(format!("{key}: write a text in quotation marks")),
                (Some(known), Some(text)) => match check_sentence(known, text) {
                    Ok(()) => own.set_sentence(tag, known, text),
                    Err(fault) => complaints.push(format!("{key}: {fault}")),
                },
            }
        }
        (own, complaints)
    }

    /// The file of these words.
    pub fn write(&self, tag: &str) -> String {
        let mut document = DocumentMut::new();
        if self.reviewed {
            document["reviewed"] = value(true);
        }
        for (key, text) in &self.sentences {
            document[key] = value(text.as_str());
        }
        let mut families = Table::new();
        families.set_implicit(true);
        for (family, text) in &self.families {
            let ours = Words::of(tag).family(*family);
            let mut table = Table::new();
            for ((key, own), (_, ours)) in text.texts().into_iter().zip(ours.texts()) {
                if own != ours {
                    table[key] = value(own);
                }
            }
            for ((key, own), (_, ours)) in text.steps().into_iter().zip(ours.steps()) {
                if own != ours {
                    table[key] = value(own.iter().collect::<Array>());
                }
            }
            families.insert(family.word(), Item::Table(table));
        }
        if !families.is_empty() {
            document.insert("family", Item::Table(families));
        }
        document.to_string()
    }

    /// Takes a sentence that was checked; ours is none of the operator's own.
    pub fn set_sentence(&mut self, tag: &str, key: &'static str, text: &str) {
        match Sentences::of(tag).get(key) == Some(text) {
            true => self.sentences.remove(key),
            false => self.sentences.insert(key, text.to_owned()),
        };
    }

    /// The same for a family.
    pub fn set_family(&mut self, tag: &str, family: Family, text: FamilyText) {
        match *Words::of(tag).family(family) == text {
            true => self.families.remove(&family),
            false => self.families.insert(family, text),
        };
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The key of a sentence, as the program knows it.
pub fn known_key(key: &str) -> Option<&'static str> {
    Sentences::KEYS.iter().copied().find(|known| *known == key)
}

/// Whether a text can take the place of our sentence: it names nothing that is not filled in there, and all without
/// which a mail would not be understood.
pub fn check_sentence(key: &str, text: &str) -> Result<(), Fault> {
    check_text(text)?;
    let known = names_of(key);
    // A phrase, a name: what an operator may leave out where his sentence needs none.
    let must = !FREE.contains(&key);
    let written = names(text);
    if let Some(name) = written.iter().find(|name| !known.contains(name)) {
        return Err(Fault::Unknown((*name).to_owned()));
    }
    let needed = |name: &&str| must || (*name == "reference" && key.starts_with("subject"));
    match known.iter().filter(|name| needed(name)).find(|name| !written.contains(name)) {
        Some(name) => Err(Fault::Missing((*name).to_owned())),
        None => Ok(()),
    }
}

impl FamilyText {
    /// Whether it can be told to customers: the key of the first text that cannot, and why.
    pub fn check(&self) -> Result<(), (&'static str, Fault)> {
        for (key, text) in self.texts() {
            check_text(text).and_then(|()| check_names(text)).map_err(|fault| (key, fault))?;
        }
        for (key, steps) in self.steps() {
            let steps_of = || {
                if steps.is_empty() {
                    return Err(Fault::Empty);
                }
                if steps.len() > STEPS_MAX {
                    return Err(Fault::Steps);
                }
                steps.iter().try_for_each(|step| check_text(step).and_then(|()| check_names(step)))
            };
            steps_of().map_err(|fault| (key, fault))?;
        }
        Ok(())
    }
}

fn check_text(text: &str) -> Result<(), Fault> {
    if text.trim().is_empty() {
        Err(Fault::Empty)
    } else if text.chars().count() > TEXT_CHARS_MAX {
        Err(Fault::Long)
    } else if !text.matches('`').count().is_multiple_of(2) {
        Err(Fault::Backtick)
    } else {
        Ok(())
    }
}

fn check_names(text: &str) -> Result<(), Fault> {
    match names(text).iter().find(|name| !FAMILY_NAMES.contains(name)) {
        Some(name) => Err(Fault::Unknown((*name).to_owned())),
        None => Ok(()),
    }
}

/// What may be filled in of a sentence.
pub fn names_of(key: &str) -> Vec<&'static str> {
    names(Sentences::of("").get(key).unwrap_or_default())
}

/// What is filled in.
fn names(text: &str) -> Vec<&str> {
    let name = |piece| if let Piece::Name(name) = piece { Some(name) } else { None };
    pieces(text).filter_map(name).collect()
}

/// Filled in within the texts of a family.
const FAMILY_NAMES: [&str; 2] = ["address", "port"];

/// Sentences that may leave out what is filled in.
pub const FREE: [&str; 15] = [
    "subject_one",
    "subject_many",
    "greeting",
    "greeting_unnamed",
    "intro_one",
    "intro_many",
    "which_device",
    "gone",
    "answer_title",
    "answer",
    "genuine_title",
    "genuine",
    "sender_title",
    "sender",
    "footer",
];

/// Longest text: ours have at most half of it, and a mail of many families must stay one that is read.
pub const TEXT_CHARS_MAX: usize = 1200;
/// Most steps of one list; ours have six.
pub const STEPS_MAX: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_operator_wrote_takes_the_place_of_ours() {
        let file =
            "greeting = \"Hello {name}!\"\n[family.ssh]\ntitle = \"SSH\"\nlayman = [\"Call us at once.\"]\n";
        let (own, complaints) = Own::read("en", file);
        assert_eq!(complaints, [""; 0]);
        let mut texts = Texts::default();
        texts.put("en", own.clone());
        texts.put("xx", own.clone());
        let voice = texts.voice("en-GB");
        let ours = Texts::default();
        let ours = ours.voice("en");
        assert_eq!((voice.say.greeting, voice.say.footer), ("Hello {name}!", ours.say.footer));
        let ssh = voice.family(Family::Ssh);
        assert_eq!((ssh.title.as_str(), ssh.layman.len()), ("SSH", 1));
        assert_eq!(ssh.technician, ours.family(Family::Ssh).technician);
        assert_eq!(voice.family(Family::Telnet), ours.family(Family::Telnet));
        assert_eq!(Own::read("en", &own.write("en")), (own, vec![]));
    }

    #[test]
    fn ours_are_not_kept_as_the_operators() {
        let mut own = Own::default();
        let (say, words) = (Sentences::of("en"), Words::of("en"));
        own.set_sentence("en", "greeting", say.greeting);
        own.set_family("en", Family::Ssh, words.family(Family::Ssh).clone());
        assert!(own.is_empty());
        own.set_sentence("en", "greeting", "Hi,");
        own.set_sentence("en", "greeting", say.greeting);
        assert!(own.is_empty() && own.write("en").is_empty());
    }

    #[test]
    fn what_cannot_be_taken_is_told() {
        for (key, text, fault) in [
            ("greeting", " ", Some(Fault::Empty)),
            ("greeting", "Hello,", None),
            ("greeting", "{nam}", Some(Fault::Unknown("nam".to_owned()))),
            ("subject_one", "One finding", Some(Fault::Missing("reference".to_owned()))),
            ("subject_one", "[{reference}] One finding", None),
            ("still_open_line", "{title}: {place}", Some(Fault::Missing("day".to_owned()))),
            ("answer", "Reply `now", Some(Fault::Backtick)),
        ] {
            assert_eq!(check_sentence(key, text).err(), fault, "{key} {text}");
        }
        let long = "x".repeat(TEXT_CHARS_MAX + 1);
        assert_eq!(check_sentence("answer", &long), Err(Fault::Long));
        let file = "x = 1\ngreeting = 2\nanswer = \"{x}\"\n[family.none]\n[family.ssh]\nlayman = []\n[family.telnet]\ncheck = \"{organisation}\"\n";
        let (own, complaints) = Own::read("en", file);
        assert!(own.is_empty());
        assert_eq!(
            complaints,
            [
                "x: there is no such sentence",
                "greeting: write a text in quotation marks",
                "answer: {x} is not known there",
                "family.none: there is no such family",
                "family.ssh.layman: it is empty",
                "family.telnet.check: {organisation} is not known there",
            ]
        );
        assert_eq!(Own::read("en", "[[").1.len(), 1);
    }

    #[test]
    fn our_own_texts_pass_the_check() {
        for tag in lang::tags() {
            let say = Sentences::of(tag);
            for key in Sentences::KEYS {
                assert_eq!(check_sentence(key, say.get(key).unwrap()), Ok(()), "{tag} {key}");
            }
            for family in Family::ALL {
                assert_eq!(Words::of(tag).family(*family).check(), Ok(()), "{tag} {family:?}");
            }
        }
        assert!(FREE.iter().all(|key| known_key(key).is_some()));
    }
}
