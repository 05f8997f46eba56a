//! The fixed sentences of the mails, one file per language in `lang/<language>-mail.toml`.

use std::sync::LazyLock;

use toml_edit::Document;

macro_rules! sentences {
    ($($key:ident)*) => {
        /// Templates with `{placeholders}`, for [`fill`].
        #[derive(Debug)]
        pub struct Sentences {
            $(pub $key: String,)*
        }

        impl Sentences {
            fn read(text: &str) -> Result<Self, String> {
                let file = Document::parse(text).map_err(|error| error.to_string())?;
                let sentence = |key: &str| {
                    let text = file.get(key).and_then(|item| item.as_str());
                    text.map(str::to_owned).ok_or_else(|| format!("no sentence {key}"))
                };
                Ok(Self { $($key: sentence(stringify!($key))?,)* })
            }

            #[cfg(test)]
            const KEYS: &[&str] = &[$(stringify!($key)),*];
        }
    };
}

sentences! {
    subject_one subject_many subject_practice subject_pass_on practice pass_on
    greeting greeting_unnamed intro_one intro_many
    reason_new reason_worse reason_again reason_repeat
    address more_addresses more_count port last_seen first_seen seen_days report
    why layman technician not_printed still_open still_open_line place still_open_more
    answer_title answer genuine_title genuine sender_title sender
    operator_subject operator_intro held_title held alarms_title alarm_line
    why_unassigned_title why_unassigned why_ambiguous_title why_ambiguous
    why_unattributable_title why_unattributable why_not_told_title why_not_told operator_more operator_nothing
}

impl Sentences {
    /// In the language (`de`, `de-AT`), or in English where there is no such file.
    pub fn of(language: &str) -> &'static Self {
        let base = language.split(['-', '_']).next().unwrap_or_default();
        let found = READ.iter().find(|(name, _)| name.eq_ignore_ascii_case(base));
        &found.unwrap_or(&READ[0]).1
    }
}

/// Puts values in the place of `{names}`. Braces in a value stay what they are.
pub fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let found = after.split_once('}').and_then(|(name, after)| {
            values.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value, after))
        });
        rest = match found {
            Some((value, after)) => {
                filled.push_str(value);
                after
            }
            None => {
                filled.push('{');
                after
            }
        };
    }
    filled + rest
}

/// English first: it stands in for every other.
const FILES: &[(&str, &str)] = &[("en", include_str!("../lang/en-mail.toml"))];

static READ: LazyLock<Vec<(&str, Sentences)>> = LazyLock::new(|| {
    let read = |text| Sentences::read(text).expect("the files are built in and the tests read each of them");
    FILES.iter().map(|(language, text)| (*language, read(text))).collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    fn placeholders(text: &str) -> Vec<&str> {
        let mut names: Vec<&str> =
            text.split('{').skip(1).filter_map(|part| part.split('}').next()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_language_has_every_sentence_with_the_same_placeholders() {
        let english = Document::parse(FILES[0].1).unwrap();
        for (language, text) in FILES {
            Sentences::read(text).unwrap();
            let file = Document::parse(*text).unwrap();
            for (key, item) in file.iter() {
                assert!(Sentences::KEYS.contains(&key), "{language}: nobody reads {key}");
                let sentence = item.as_str().unwrap();
                assert_eq!(
                    placeholders(sentence),
                    placeholders(english[key].as_str().unwrap()),
                    "{language} {key}"
                );
            }
        }
        assert!(std::ptr::eq(Sentences::of("en-GB"), Sentences::of("xx")));
    }

    #[test]
    fn values_are_filled_in_once() {
        let values = [("a", "{b}"), ("b", "2")];
        assert_eq!(fill("{a} and {b}, {c} {", &values), "{b} and 2, {c} {");
    }
}
