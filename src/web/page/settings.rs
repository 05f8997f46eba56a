//! All settings, each with one line of help: a form for each table of the settings file.

use super::people::csrf;
use super::{Page, mode, options};
use crate::config::edit::{FAMILY, FIELDS, Field, Kind, MAIL_URL, OF_FAMILY, Shown, Written};
use crate::config::{Complaint, FamilyPolicy, MailSecurity, Mode};
use crate::lang::{self, Words};
use crate::report::kind::{Severity, Tell};
use crate::store::Role;
use crate::web::access::Who;
use crate::web::html::{Html, html, phrase, put};
use crate::web::view::Site;
use crate::web::words::PageWords;

/// What somebody has typed that was not taken: by name of the input.
#[derive(Default)]
pub(crate) struct Typed {
    pub(crate) texts: Vec<(String, String)>,
    pub(crate) complaints: Vec<Complaint>,
}

impl Typed {
    fn text(&self, name: &str) -> Option<&str> {
        self.texts.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }
}

pub(crate) fn show(site: &Site, who: &Who, (written, version): &(Written, String), typed: &Typed) -> Page {
    let t = site.words();
    let say = &t.settings;
    let words = site.terms();
    let all = html!("<a href=\"/setup\">", t.setup.title, "</a>");
    let mut body =
        html!("<h1>", say.title, "</h1><p>", phrase(t.setup.step_by_step, &[("setup", &all)]), "</p>");
    // Those of what was typed stand at their field.
    let elsewhere = typed.complaints.iter().filter(|complaint| !complaint.field.contains('.'));
    for complaint in
        elsewhere.map(|c| c.complaint.clone()).chain(written.complaints.iter().map(Complaint::to_string))
    {
        put!(body, "<p class=\"alarm\" role=\"alert\">", complaint, "</p>");
    }
    if written.fields.is_empty() {
        put!(body, "<p>", say.no_toml, "</p>");
    }
    let tables = FIELDS.chunk_by(|a, b| a.table == b.table).filter(|_| !written.fields.is_empty());
    let about = |table| words.text(&format!("settings.{table}.about")).unwrap_or(table);
    let mut places = Html::default();
    for table in tables.clone().map(|fields| fields[0].table) {
        put!(places, "<li><a href=\"#", table, "\">", about(table), "</a></li>");
    }
    put!(body, "<ul class=\"places\">", places, "</ul>\n");
    for fields in tables {
        let table = fields[0].table;
        let form = Form { t, words, written, typed, table };
        let mut inputs = Html::default();
        for field in fields {
            put!(inputs, if field == MAIL_URL { form.mail_server() } else { form.field(field) });
        }
        let is_operator = who.role == Role::Operator;
        put!(
            body,
            "<form class=\"settings\" action=\"/settings/change\" method=\"post\" id=\"",
            table,
            "\"><fieldset",
            (!is_operator).then(|| html!(" disabled")),
            "><legend>",
            about(table),
            " <code>[",
            table,
            "]</code></legend>",
            csrf(who),
            "<input type=\"hidden\" name=\"version\" value=\"",
            version,
            "\"><input type=\"hidden\" name=\"table\" value=\"",
            table,
            "\">",
            form.verdict(),
            inputs,
            (table == FAMILY.table).then(|| html!("<p><a href=\"/families\">", t.families.title, "</a></p>")),
            is_operator.then(|| html!("<button>", say.save, "</button>")),
            "</fieldset></form>\n",
        );
    }
    Page { title: say.title.to_owned(), entry: "/settings", body }
}

/// The inputs for some settings, and what was wrong with what was typed into no one of them.
pub(crate) fn inputs(
    site: &Site,
    written: &Written,
    typed: &Typed,
    fields: impl Iterator<Item = &'static Field>,
) -> Html {
    let (t, words) = (site.words(), site.terms());
    let mut inputs = Html::default();
    let fields: Vec<_> = fields.collect();
    let is_here = |complaint: &Complaint| fields.iter().any(|field| is_about(complaint, &field.name()));
    for complaint in typed.complaints.iter().filter(|complaint| !is_here(complaint)) {
        let text =
            if complaint.field.is_empty() { complaint.complaint.clone() } else { complaint.to_string() };
        put!(inputs, "<p class=\"alarm\" role=\"alert\">", text, "</p>");
    }
    for field in fields {
        let form = Form { t, words, written, typed, table: field.table };
        put!(inputs, if field == MAIL_URL { form.mail_server() } else { form.field(field) });
    }
    inputs
}

/// The inputs for what holds for one family.
pub(crate) fn of_family(site: &Site, written: &Written, own: &FamilyPolicy, typed: &Typed) -> Html {
    let (t, words) = (site.words(), site.terms());
    let form = Form { t, words, written, typed, table: FAMILY.table };
    let FamilyPolicy { tell, repeat_days, seen_days_min, amplification_min, severity_min } = own;
    let mut inputs = html!(form.verdict());
    for field in OF_FAMILY {
        let text = match field.key {
            "tell" => tell.map(Tell::word).map(str::to_owned),
            "severity_min" => severity_min.map(|severity| severity.word().to_owned()),
            "seen_days_min" => seen_days_min.map(|days| days.to_string()),
            "amplification_min" => amplification_min.map(|times| times.to_string()),
            _ => repeat_days.map(|days| days.to_string()),
        };
        put!(inputs, form.shown(field, &Shown { is_set: text.is_some(), text: text.unwrap_or_default() }));
    }
    inputs
}

/// One table of the settings.
struct Form<'a> {
    t: &'static PageWords,
    words: &'a Words,
    written: &'a Written,
    typed: &'a Typed,
    table: &'static str,
}

impl Form<'_> {
    /// What stands above a form of which something was not taken.
    fn verdict(&self) -> Option<Html> {
        let wrong = self.typed.complaints.iter();
        let wrong = wrong.filter(|complaint| complaint.field.split('.').next() == Some(self.table)).count();
        let say = &self.t.settings;
        let text = || self.t.count(wrong as u64, say.wrong_one, say.wrong_many);
        (wrong > 0).then(|| html!("<p class=\"alarm\" role=\"alert\">", text(), "</p>"))
    }

    fn field(&self, field: &'static Field) -> Html {
        let shown = self.written.fields.iter().find(|(known, _)| *known == field);
        shown.map(|(_, shown)| self.shown(field, shown)).unwrap_or_default()
    }

    fn shown(&self, field: &Field, Shown { text, is_set }: &Shown) -> Html {
        let name = field.name();
        let text = self.typed.text(&name).unwrap_or(text);
        let attributes = self.attributes(field.key, &name);
        let key = if field.key.is_empty() { field.table } else { field.key };
        let input = match field.kind {
            Kind::Text => {
                html!("<input type=\"text\" autocomplete=\"off\" value=\"", text, "\"", attributes, ">")
            }
            Kind::Number => {
                html!(
                    "<input type=\"text\" inputmode=\"decimal\" autocomplete=\"off\" value=\"",
                    text,
                    "\"",
                    attributes,
                    ">"
                )
            }
            Kind::List | Kind::Records(_) if sent_bytes(text) > LIST_BYTES_MAX => {
                let count = self.t.number(text.lines().count() as u64);
                html!("<p>", phrase(self.t.settings.list_long, &[("count", &count)]), "</p>")
            }
            Kind::List | Kind::Records(_) => html!(
                "<textarea rows=\"",
                rows(text).to_string(),
                "\"",
                attributes,
                ">\n",
                text,
                "</textarea>"
            ),
            Kind::Secret => {
                let state = if *is_set { self.t.settings.is_set } else { self.t.settings.is_not_set };
                html!(
                    "<input type=\"password\" autocomplete=\"new-password\" placeholder=\"",
                    state,
                    "\"",
                    attributes,
                    ">"
                )
            }
            Kind::Flag => {
                let choices = [("true", self.t.settings.yes), ("false", self.t.settings.no)];
                html!("<select", attributes, ">", options(choices, text), "</select>")
            }
            Kind::Choice(words) => {
                // What somebody wrote by hand stays to be chosen.
                let other = (!words.contains(&text)).then_some(text);
                let words = words.iter().copied().chain(other).map(|word| (word, self.name(field, word)));
                html!("<select", attributes, ">", options(words, text), "</select>")
            }
        };
        let clear = (field.kind == Kind::Secret && *is_set).then(|| {
            html!(
                "<label class=\"check\"><input type=\"checkbox\" name=\"clear:",
                name,
                "\">",
                self.t.settings.clear,
                "</label>"
            )
        });
        self.setting(key, &name, input, clear)
    }

    /// What a person reads in the place of a word that can be chosen.
    fn name<'a>(&'a self, field: &Field, word: &'a str) -> &'a str {
        let found = match field.key {
            "mode" => {
                let modes = [Mode::Hold, Mode::Practice, Mode::Live].map(|known| mode(known, self.t));
                modes.into_iter().find(|(known, ..)| *known == word).map(|(_, name, _)| name)
            }
            "ranges" => {
                let say = &self.t.settings;
                named(word, &[("cgn", say.cgn), ("dynamic", say.dynamic), ("both", say.both)])
            }
            "weekly_report" => {
                let say = &self.t.settings;
                let names = [
                    ("monday", say.monday),
                    ("tuesday", say.tuesday),
                    ("wednesday", say.wednesday),
                    ("thursday", say.thursday),
                    ("friday", say.friday),
                    ("saturday", say.saturday),
                    ("sunday", say.sunday),
                    ("never", say.never),
                ];
                named(word, &names)
            }
            _ if word.is_empty() => Some(self.t.families.as_for_all),
            "tell" => {
                let say = &self.t.families;
                let names = [
                    (Tell::Customer.word(), say.tell_customer),
                    (Tell::Operator.word(), say.tell_operator),
                    (Tell::Nobody.word(), say.tell_nobody),
                ];
                named(word, &names)
            }
            "language" => lang::name_of(word),
            _ => Severity::ALL
                .into_iter()
                .find(|known| known.word() == word)
                .map(|known| self.words.severity(known)),
        };
        found.unwrap_or(word)
    }

    /// The parts of `mail.url`, so that nobody has to write a password as part of a URL.
    fn mail_server(&self) -> Html {
        let server = self.written.mail_server.as_ref();
        let security = server.map_or(MailSecurity::StartTls, |server| server.security);
        let user = server.and_then(|server| server.login.as_ref()).map_or("", |(user, _)| user);
        let port = server.map(|server| server.port).filter(|port| *port != security.port());
        let port = port.map(|port| port.to_string()).unwrap_or_default();
        let mut inputs = Html::default();
        for (key, now) in [
            ("server", server.map_or("", |server| &server.host)),
            ("security", word(security)),
            ("port", &port),
            ("user", user),
            ("password", ""),
        ] {
            let name = format!("mail.{key}");
            let text = self.typed.text(&name).unwrap_or(now);
            let attributes = self.attributes(key, &name);
            let input = match key {
                "security" => {
                    let names = [self.t.settings.starttls, self.t.settings.tls, self.t.settings.plain];
                    let choices = SECURITIES.iter().zip(names).map(|((word, _), name)| (*word, name));
                    html!("<select", attributes, ">", options(choices, text), "</select>")
                }
                "password" => {
                    let state =
                        if user.is_empty() { self.t.settings.is_not_set } else { self.t.settings.is_set };
                    html!(
                        "<input type=\"password\" autocomplete=\"new-password\" placeholder=\"",
                        state,
                        "\"",
                        attributes,
                        ">"
                    )
                }
                _ => html!("<input type=\"text\" autocomplete=\"off\" value=\"", text, "\"", attributes, ">"),
            };
            put!(inputs, self.setting(key, &name, input, None));
        }
        inputs
    }

    /// The input with its label, its line of help, and what was wrong with it.
    fn setting(&self, key: &str, name: &str, input: Html, more: Option<Html>) -> Html {
        let text = |suffix| self.words.text(&format!("settings.{}.{key}{suffix}", self.table));
        let mut complaints = Html::default();
        for complaint in self.complaints(key, name) {
            put!(complaints, "<p class=\"alarm\">", complaint.complaint, "</p>");
        }
        html!(
            "<div class=\"setting\"><label for=\"",
            name,
            "\">",
            text("").unwrap_or(key),
            "</label>",
            input,
            more,
            "<p class=\"hint\" id=\"hint:",
            name,
            "\">",
            text("_help"),
            " <code>",
            key,
            "</code></p>",
            complaints,
            "</div>",
        )
    }

    /// The name of an input, and how it hangs together with what stands below it.
    fn attributes(&self, key: &str, name: &str) -> Html {
        let wrong = self.complaints(key, name).next();
        // The browser goes there by itself, and shows what is wrong.
        let is_wrong =
            |field: &&Field| self.typed.complaints.iter().any(|wrong| is_about(wrong, &field.name()));
        let first = FIELDS.iter().find(is_wrong).map(Field::name);
        let is_first = wrong.zip(first).is_some_and(|(wrong, first)| is_about(wrong, &first));
        html!(
            " id=\"",
            name,
            "\" name=\"",
            name,
            "\" aria-describedby=\"hint:",
            name,
            "\" maxlength=\"65536\" autocapitalize=\"none\" spellcheck=\"false\"",
            wrong.map(|_| html!(" aria-invalid=\"true\"")),
            is_first.then(|| html!(" autofocus")),
        )
    }

    /// What is said of all of `mail.url` stands at its server.
    fn complaints(&self, key: &str, name: &str) -> impl Iterator<Item = &Complaint> {
        let whole = (self.table == "mail" && key == "server").then(|| MAIL_URL.name());
        self.typed
            .complaints
            .iter()
            .filter(move |complaint| is_about(complaint, name) || whole.as_ref() == Some(&complaint.field))
    }
}

/// Whether it is about this setting, or one within it.
fn is_about(complaint: &Complaint, name: &str) -> bool {
    complaint.field.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The word by which a form names a security.
fn word(security: MailSecurity) -> &'static str {
    SECURITIES.iter().find(|(_, known)| *known == security).map_or("", |(word, _)| word)
}

/// About as many bytes as a browser sends for a text of several lines.
fn sent_bytes(text: &str) -> usize {
    let coded = |byte: &u8| !byte.is_ascii_alphanumeric() && !b"-._*".contains(byte);
    text.len() + 2 * text.bytes().filter(coded).count() + 3 * text.lines().count()
}

/// Room for what stands in it and a bit more.
fn rows(text: &str) -> u64 {
    (text.lines().count() as u64 + 1).clamp(2, 12)
}

/// What is left of a form beside it, whose limit the door has.
const LIST_BYTES_MAX: usize = 45_000;

pub(crate) const SECURITIES: &[(&str, MailSecurity)] =
    &[("starttls", MailSecurity::StartTls), ("tls", MailSecurity::Tls), ("plain", MailSecurity::Plain)];

/// What a person reads in the place of a word, of these.
fn named<'a>(word: &str, names: &[(&str, &'a str)]) -> Option<&'a str> {
    names.iter().find(|(known, _)| *known == word).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_can_be_chosen() {
        let field = FIELDS.iter().find(|field| (field.table, field.key) == ("box", "language")).unwrap();
        let Kind::Choice(words) = field.kind else { panic!("{field:?}") };
        assert!(words.iter().copied().eq(lang::tags()));
    }

    #[test]
    fn every_setting_has_a_name_and_a_line_of_help_in_each_language() {
        let parts = ["server", "security", "port", "user", "password"].map(|part| ("mail", part));
        let key = |field: &Field| if field.key.is_empty() { field.table } else { field.key };
        let keys = FIELDS.iter().chain(OF_FAMILY).filter(|field| *field != MAIL_URL);
        let keys = keys.map(|field| (field.table, key(field)));
        for language in ["en", "de"] {
            let words = Words::of(language);
            for (table, key) in keys.clone().chain(parts) {
                assert!(words.text(&format!("settings.{table}.about")).is_some(), "{language} {table}");
                assert!(words.text(&format!("settings.{table}.{key}")).is_some(), "{language} {table}.{key}");
                let help = words.text(&format!("settings.{table}.{key}_help"));
                assert!(help.is_some_and(|help| help.ends_with(['.', ':'])), "{language} {table}.{key}");
            }
        }
    }
}
