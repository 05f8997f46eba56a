//! HTML that cannot be broken by what is put into it: markup comes from literals, everything else is escaped.

use std::fmt::{self, Display, Write};

use jiff::tz::TimeZone;

use crate::clock::Timestamp;
use crate::lang::sentences::{Piece, pieces};
use crate::report::kind::Severity;

/// Appends to an [`Html`]: literals are markup, all else is text and gets escaped, unless it is [`Html`] itself.
macro_rules! put {
    ($out:expr $(,)?) => {};
    ($out:expr, $markup:literal $(, $($rest:tt)*)?) => {{
        $out.markup($markup);
        $($crate::web::html::put!($out, $($rest)*);)?
    }};
    ($out:expr, $value:expr $(, $($rest:tt)*)?) => {{
        $crate::web::html::Value::put(&$value, &mut $out);
        $($crate::web::html::put!($out, $($rest)*);)?
    }};
}

/// An [`Html`] made of the same parts as `put!` takes.
macro_rules! html {
    ($($part:tt)*) => {{
        let mut out = $crate::web::html::Html::default();
        $crate::web::html::put!(out, $($part)*);
        out
    }};
}

pub(crate) use {html, put};

/// A piece of HTML.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Html(String);

impl Html {
    pub(crate) fn markup(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

/// What can stand in a page.
pub(crate) trait Value {
    fn put(&self, out: &mut Html);
}

impl Value for Html {
    fn put(&self, out: &mut Html) {
        out.0.push_str(&self.0);
    }
}

impl Value for str {
    fn put(&self, out: &mut Html) {
        for character in self.chars() {
            match character {
                '&' => out.0.push_str("&amp;"),
                '<' => out.0.push_str("&lt;"),
                '>' => out.0.push_str("&gt;"),
                '"' => out.0.push_str("&quot;"),
                '\'' => out.0.push_str("&#39;"),
                // What no document may hold, and what turns the direction of the text around it.
                '\n' | '\t' => out.0.push(character),
                _ if character.is_control() || is_turning(character) => {
                    out.0.push(char::REPLACEMENT_CHARACTER)
                }
                _ => out.0.push(character),
            }
        }
    }
}

impl Value for String {
    fn put(&self, out: &mut Html) {
        self.as_str().put(out);
    }
}

impl<T: Value + ?Sized> Value for &T {
    fn put(&self, out: &mut Html) {
        (**self).put(out);
    }
}

impl<T: Value> Value for Option<T> {
    fn put(&self, out: &mut Html) {
        if let Some(value) = self {
            value.put(out);
        }
    }
}

impl Value for fmt::Arguments<'_> {
    fn put(&self, out: &mut Html) {
        self.to_string().put(out);
    }
}

/// Ports; a number that counts something is first made a text in the language of the page.
impl Value for u16 {
    fn put(&self, out: &mut Html) {
        plainly(self, out);
    }
}

/// For values whose text is made of harmless characters only.
fn plainly(value: &dyn Display, out: &mut Html) {
    // Writing to a String does not fail.
    let _ = write!(out.0, "{value}");
}

/// A moment in the box's zone; the exact one is in the element.
pub(crate) fn time(at: Timestamp, zone: &TimeZone) -> Html {
    let shown = at.in_zone(zone).strftime("%Y-%m-%d %H:%M").to_string();
    html!("<time datetime=\"", at.to_string(), "\">", shown, "</time>")
}

/// A sentence of the language files, with values in the place of its `{names}`: those that are [`Html`] stay so, all
/// else is escaped. What stands in the sentence between backticks is code.
pub(crate) fn phrase(sentence: &str, values: &[(&str, &dyn Value)]) -> Html {
    let (mut out, mut is_code) = (Html::default(), false);
    for piece in pieces(sentence) {
        match piece {
            Piece::Text(text) => {
                for (index, piece) in text.split('`').enumerate() {
                    if index > 0 {
                        is_code = !is_code;
                        out.markup(if is_code { "<code>" } else { "</code>" });
                    }
                    piece.put(&mut out);
                }
            }
            Piece::Name(name) => match values.iter().find(|(known, _)| *known == name) {
                Some((_, value)) => value.put(&mut out),
                None => put!(out, "{", name, "}"),
            },
        }
    }
    out
}

pub(crate) fn severity(severity: Severity, word: &str) -> Html {
    html!("<span class=\"badge s-", severity.word(), "\">", word, "</span>")
}

/// A path with a query of these pairs, but for the empty ones.
pub(crate) fn link(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut link = path.to_owned();
    for (index, (key, value)) in pairs.iter().filter(|(_, value)| !value.is_empty()).enumerate() {
        link.push(if index == 0 { '?' } else { '&' });
        link.push_str(key);
        link.push('=');
        for byte in value.bytes() {
            match byte {
                b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => {
                    link.push(char::from(byte))
                }
                _ => {
                    let _ = write!(link, "%{byte:02X}");
                }
            }
        }
    }
    link
}

/// Marks that let a text run the other way, so that it seems to say something else (UAX 9).
fn is_turning(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_literals_are_markup() {
        let foreign = "<script>'\"&\u{0}\u{202e}";
        let (inner, port) = (html!("<i>", foreign, "</i>"), 80_u16);
        let page = html!("<p title=\"", foreign, "\">", inner, port, None::<&str>, "</p>");
        let safe = "&lt;script&gt;&#39;&quot;&amp;\u{fffd}\u{fffd}";
        assert_eq!(page.into_string(), format!("<p title=\"{safe}\"><i>{safe}</i>80</p>"));
    }

    #[test]
    fn a_phrase_holds_markup_only_where_a_value_is_markup() {
        let link = html!("<a href=\"/\">", "a & b".to_owned(), "</a>");
        let said =
            phrase("<i> {link}, `{foreign}` & `c`", &[("link", &link), ("foreign", &"<script>`{link}")]);
        assert_eq!(
            said.into_string(),
            "&lt;i&gt; <a href=\"/\">a &amp; b</a>, <code>&lt;script&gt;`{link}</code> &amp; <code>c</code>"
        );
    }

    #[test]
    fn links_are_encoded() {
        assert_eq!(
            link("/a", &[("q", ""), ("b", "x y&z=\u{e4}"), ("c", "1")]),
            "/a?b=x%20y%26z%3D%C3%A4&c=1"
        );
        assert_eq!(link("/a", &[]), "/a");
    }
}
