//! Sentences of which the program knows the keys: one file per language, whose keys the compiler checks.

use toml_edit::{Document, Table};

/// Makes a struct of sentences, one field per key, and one struct for each group, which is a table of the file.
///
/// `of` gives those of a language. A key that no file has, that one language lacks, or whose placeholders differ fails
/// a test by [`check`]; one that nobody uses is dead code to the compiler.
macro_rules! sentences {
    // Sentences of which others may take the place, see `with`: those have their own lifetime.
    (
        $(#[$about:meta])*
        $vis:vis $name:ident<$life:lifetime> from $files:ident;
        $($key:ident)*
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug)]
        $vis struct $name<$life> {
            /// The language they are in, which may be another than was asked for.
            $vis tag: &'static str,
            $($vis $key: &$life str,)*
        }

        impl<$life> $name<$life> {
            /// The same, but for those that `own` has by their key.
            $vis fn with(self, own: impl Fn(&str) -> Option<&$life str>) -> Self {
                Self { tag: self.tag, $($key: own(stringify!($key)).unwrap_or(self.$key),)* }
            }

            /// The sentence with this key.
            $vis fn get(&self, key: &str) -> Option<&$life str> {
                match key {
                    $(stringify!($key) => Some(self.$key),)*
                    _ => None,
                }
            }
        }

        impl $name<'static> {
            $crate::lang::sentences::sentences! { @of $vis $name<'static>, $files }

            fn read(tag: &'static str, text: &str) -> Result<Self, String> {
                let file = $crate::lang::sentences::File::parse(text)?;
                Ok(Self { tag, $($key: file.sentence("", stringify!($key))?,)* })
            }

            /// In the order of their declaration.
            $vis const KEYS: &[&str] = &[$(stringify!($key),)*];
        }
    };
    (
        $(#[$about:meta])*
        $vis:vis $name:ident from $files:ident;
        $($key:ident)*
        $([$group:ident $kind:ident] $($word:ident)*)*
    ) => {
        $(#[$about])*
        #[derive(Debug)]
        $vis struct $name {
            /// The language they are in, which may be another than was asked for.
            $vis tag: &'static str,
            $($vis $key: &'static str,)*
            $($vis $group: $kind,)*
        }

        $(
            #[derive(Debug)]
            $vis struct $kind {
                $($vis $word: &'static str,)*
            }
        )*

        impl $name {
            $crate::lang::sentences::sentences! { @of $vis $name, $files }

            fn read(tag: &'static str, text: &str) -> Result<Self, String> {
                let file = $crate::lang::sentences::File::parse(text)?;
                Ok(Self {
                    tag,
                    $($key: file.sentence("", stringify!($key))?,)*
                    $($group: $kind {
                        $($word: file.sentence(stringify!($group), stringify!($word))?,)*
                    },)*
                })
            }

            /// With dots, as [`texts`]($crate::lang::sentences::texts) has them.
            #[cfg(test)]
            $vis const KEYS: &[&str] = &[
                $(stringify!($key),)*
                $($(concat!(stringify!($group), ".", stringify!($word)),)*)*
            ];
        }
    };
    (@of $vis:vis $name:ty, $files:ident) => {
        /// In the language (`de`, `de-AT`), or in English where there is no such file.
        $vis fn of(language: &str) -> &'static Self {
            static READ: std::sync::LazyLock<Vec<$name>> = std::sync::LazyLock::new(|| {
                let read = |(tag, text): &(&'static str, &'static str)| {
                    <$name>::read(tag, text).expect("the files are built in and a test reads each of them")
                };
                $files.iter().map(read).collect()
            });
            let main = $crate::lang::main_tag(language);
            READ.iter().find(|known| known.tag.eq_ignore_ascii_case(main)).unwrap_or(&READ[0])
        }
    };
}

pub(crate) use sentences;

/// The file of one language.
pub(crate) struct File(Table);

impl File {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Document::parse(text).map(|file| Self(file.into_table())).map_err(|error| error.to_string())
    }

    /// A sentence of a table, or of none. It is kept for ever, so each file is read once.
    pub(crate) fn sentence(&self, table: &str, key: &str) -> Result<&'static str, String> {
        let item =
            if table.is_empty() { self.0.get(key) } else { self.0.get(table).and_then(|t| t.get(key)) };
        let text = item.and_then(|item| item.as_str()).ok_or_else(|| format!("no sentence {table} {key}"))?;
        Ok(text.to_owned().leak())
    }
}

/// A part of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'t> {
    Text(&'t str),
    /// What stands in braces.
    Name(&'t str),
}

/// Splits a sentence at its `{names}`.
pub(crate) fn pieces(sentence: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = sentence;
    std::iter::from_fn(move || {
        let (part, after) = match rest.find('{') {
            _ if rest.is_empty() => return None,
            Some(0) => match rest.find('}') {
                Some(end) => (Piece::Name(&rest[1..end]), end + 1),
                None => (Piece::Text(rest), rest.len()),
            },
            found => {
                let end = found.unwrap_or(rest.len());
                (Piece::Text(&rest[..end]), end)
            }
        };
        rest = &rest[after..];
        Some(part)
    })
}

/// Puts values in the place of `{names}`. Braces in a value stay what they are.
pub fn fill(sentence: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(sentence.len() + 64);
    for part in pieces(sentence) {
        match part {
            Piece::Text(text) => filled.push_str(text),
            Piece::Name(name) => match values.iter().find(|(known, _)| *known == name) {
                Some((_, value)) => filled.push_str(value),
                None => filled.extend(["{", name, "}"]),
            },
        }
    }
    filled
}

/// All sentences of a file, by their keys with dots.
#[cfg(test)]
pub(crate) fn texts(file: &str) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for (key, item) in Document::parse(file).unwrap().iter() {
        match item.as_table() {
            Some(table) => texts.extend(
                table.iter().map(|(word, item)| (format!("{key}.{word}"), item.as_str().unwrap().to_owned())),
            ),
            None => texts.push((key.to_owned(), item.as_str().unwrap().to_owned())),
        }
    }
    texts
}

/// Each of these files (English first) must have all of the keys and no other, with the same placeholders.
#[cfg(test)]
#[track_caller]
pub(crate) fn check(files: &[(&str, &str)], keys: &[&str]) {
    let names = |text: &str| {
        let mut names: Vec<String> = pieces(text)
            .filter_map(|part| match part {
                Piece::Name(name) => Some(name.to_owned()),
                Piece::Text(text) => {
                    assert!(!text.contains(['{', '}']), "{text}");
                    None
                }
            })
            .collect();
        names.sort_unstable();
        names
    };
    let english: std::collections::HashMap<_, _> = texts(files[0].1).into_iter().collect();
    for (tag, file) in files {
        let own = texts(file);
        for key in keys {
            assert!(own.iter().any(|(known, _)| known == key), "{tag} lacks {key}");
        }
        for (key, text) in &own {
            assert!(keys.contains(&key.as_str()), "{tag}: nobody reads {key}");
            assert_eq!(names(text), names(&english[key]), "{tag} {key}");
            assert_eq!(text.trim_matches(' '), text, "{tag} {key}");
            assert!(
                text.matches('`').count().is_multiple_of(2),
                "{tag} {key}: a backtick opens and closes code"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_filled_in_once() {
        let values = [("a", "{b}"), ("b", "2")];
        assert_eq!(fill("{a} and {b}, {c} {", &values), "{b} and 2, {c} {");
        assert_eq!(fill("", &values), "");
        assert_eq!(
            pieces("x{a}{b}").collect::<Vec<_>>(),
            [Piece::Text("x"), Piece::Name("a"), Piece::Name("b")]
        );
    }

    #[test]
    fn a_file_that_lacks_something_is_told() {
        let english = ("en", "a = \"{n} x\"\n[b]\nc = \"y\"\n");
        let fails = |german: &'static str, keys: &'static [&'static str]| {
            std::panic::catch_unwind(|| check(&[english, ("de", german)], keys)).is_err()
        };
        assert!(!fails("a = \"x {n}\"\n[b]\nc = \"z\"\n", &["a", "b.c"]));
        assert!(fails("a = \"x {n}\"\n", &["a", "b.c"]), "a key is missing");
        assert!(fails("a = \"x {n}\"\n[b]\nc = \"z\"\nd = \"\"\n", &["a", "b.c"]), "nobody reads it");
        assert!(fails("a = \"x {m}\"\n[b]\nc = \"z\"\n", &["a", "b.c"]), "another placeholder");
    }
}
