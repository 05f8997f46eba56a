//! Single settings of a settings file are shown and changed; the rest of it, with its comments, stays as it is.
//!
//! What is put in is not judged here: [`super::raw::parse`] reads the new text as it reads any other, so that a form and
//! an editor hear the same complaints.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Component, Path};

use toml_edit::{
    Array, ArrayOfTables, Decor, DocumentMut, InlineTable, Item, RawString, Table, TableLike, Value,
};

use super::raw::{self, MODE_WORDS, RANGES_WORDS, SEVERITY_WORDS, WEEKDAY_WORDS};
use super::{Complaint, FamilyPolicy, MailSecurity, MailServer, Secret, Settings, named};
use crate::net::percent_encoded;
use crate::report::kind::Family;

/// A setting as a form has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    pub table: &'static str,
    /// Empty for a table of which there may be several.
    pub key: &'static str,
    pub kind: Kind,
    /// What holds where nothing is written, as a form shows it.
    pub default: &'static str,
}

/// What a form asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// Written, never shown.
    Secret,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A number, whole or not.
    Number,
    /// Texts, one on each line.
    List,
    /// Tables, each in a line and in braces; the values of these keys are written, and shown as [`HIDDEN`].
    Records(&'static [&'static str]),
}

impl Field {
    /// The field with this name, like `policy.digest_hour`.
    pub fn named(name: &str) -> Option<&'static Field> {
        let (table, key) = name.split_once('.').unwrap_or((name, ""));
        FIELDS.iter().find(|field| field.table == table && field.key == key)
    }

    /// With its table.
    pub fn name(&self) -> String {
        if self.key.is_empty() { self.table.to_owned() } else { format!("{}.{}", self.table, self.key) }
    }
}

/// What a form shows of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// What is written, or the default; nothing of a secret.
    pub text: String,
    /// It is written in the file.
    pub is_set: bool,
}

/// The settings file as forms show it.
#[derive(Clone, Debug)]
pub struct Written {
    /// In the order of [`FIELDS`].
    pub fields: Vec<(&'static Field, Shown)>,
    /// Without its password.
    pub mail_server: Option<MailServer>,
    pub families: BTreeMap<Family, FamilyPolicy>,
    /// What is wrong with the file, if somebody wrote it so.
    pub complaints: Vec<Complaint>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// To what a form says; a secret stays where the form says nothing.
    Set(&'static Field, String),
    /// Back to what holds where nothing is written.
    Clear(&'static Field),
    MailServer(NewServer),
    /// What holds for a family: keys of its table, each with what a form says; where it says nothing, what holds for all.
    Family(Family, Vec<(&'static str, String)>),
}

impl Change {
    /// The table of the file to which it belongs.
    pub fn table(&self) -> &'static str {
        match self {
            Self::Set(field, _) | Self::Clear(field) => field.table,
            Self::MailServer(_) => MAIL_URL.table,
            Self::Family(..) => FAMILY.table,
        }
    }
}

/// The parts of `mail.url`, as somebody types them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewServer {
    pub security: MailSecurity,
    /// Empty: there is none.
    pub host: String,
    /// `None`: the usual one.
    pub port: Option<u16>,
    /// Empty: it wants no login.
    pub user: String,
    /// Empty: the one that is known, if user and server are.
    pub password: Secret,
}

/// What forms show of a settings file.
pub fn written(text: &str, folder: &Path) -> Written {
    let (settings, complaints) = raw::parse_usable(text, folder);
    let mail_server = settings.mail.server.map(|server| MailServer {
        login: server.login.map(|(user, _)| (user, Secret::default())),
        ..server
    });
    // What is no TOML at all has no fields.
    let fields =
        Draft::read(text).map(|draft| FIELDS.iter().map(|field| (field, draft.shown(field))).collect());
    let families = settings.policy.families;
    Written { fields: fields.unwrap_or_default(), mail_server, families, complaints }
}

/// The files that settings name, by setting.
fn named_files(settings: &Settings) -> impl Iterator<Item = (&'static str, &Path)> {
    let authorities = settings.trust.extra_ca.iter().map(|path| ("trust.extra_ca", path.as_path()));
    let certificate =
        settings.page.own_certificate.iter().map(|path| ("page.own_certificate", path.as_path()));
    let signing = settings.mail.dkim_key.iter().map(|path| ("mail.dkim_key", path.as_path()));
    let customers = settings.customers.file.iter().map(|path| ("customers.file", path.as_path()));
    let addresses = settings.customers.addresses_file.iter();
    let addresses = addresses.map(|path| ("customers.addresses_file", path.as_path()));
    authorities.chain(certificate).chain(signing).chain(customers).chain(addresses)
}

/// Whether a form may name this file: beside the settings or in the data folder, and of a kind that holds no secrets of
/// the box. Complaints about a file quote it, so else whoever is an operator could read any file that the program can.
fn may_be_named(path: &Path, folder: &Path, data: &Path) -> bool {
    let is_straight = !path.components().any(|part| part == Component::ParentDir);
    let here = |path: &Path| std::path::absolute(Path::new(".").join(path));
    let is_inside = |of: &Path| matches!((here(path), here(of)), (Ok(path), Ok(of)) if path.starts_with(&of));
    let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    let is_known = NAMED_ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known));
    is_straight && is_known && (is_inside(folder) || is_inside(data))
}

fn far_away(field: &str, data: &Path) -> Complaint {
    let complaint = format!(
        "Here only a file in {} can be named, ending with {}: others are not for everybody who may change settings. Lay \
         it there, or name it in the settings file by hand.",
        data.display(),
        NAMED_ENDINGS.map(|ending| format!(".{ending}")).join(", ")
    );
    Complaint { line: None, field: field.to_owned(), complaint }
}

/// The text with these changes and the names of the settings that are others now; or all complaints. `folder` holds the
/// settings file, `data` is the data folder.
pub fn change(
    text: &str,
    folder: &Path,
    data: &Path,
    changes: &[Change],
) -> Result<(String, Vec<String>), Vec<Complaint>> {
    let mut draft = Draft::read(text).map_err(|complaint| vec![complaint])?;
    let mut names = Vec::new();
    for change in changes {
        let (field, is_other) = match change {
            Change::Set(field, text) => (*field, draft.set(field, text)),
            Change::Clear(field) => (*field, draft.clear(field)),
            Change::MailServer(new) => {
                let known = raw::parse_usable(text, folder).0.mail.server;
                let url = new.url(known.as_ref()).map_err(|complaint| vec![complaint])?;
                let is_other = match url {
                    Some(url) => draft.set(MAIL_URL, &url),
                    None => draft.clear(MAIL_URL),
                };
                (MAIL_URL, is_other)
            }
            Change::Family(family, texts) => (FAMILY, draft.set_family(*family, texts)),
        };
        names.extend(is_other.then(|| field.name()));
    }
    let has = |name: &str| names.iter().any(|known| known == name);
    // The key goes along with each request; whoever may change to whom must not learn from it what the key was.
    if has("shadowserver.api_url") && draft.shown(KEY).is_set && !has("shadowserver.key") {
        let complaint =
            "Type the API key and its secret, too: they are sent to another server now.".to_owned();
        return Err(vec![Complaint { line: None, field: "shadowserver.api_url".to_owned(), complaint }]);
    }
    for table in ["customers", "resolver"] {
        let is_set = |key: &str| {
            Field::named(&format!("{table}.{key}")).is_some_and(|field| draft.shown(field).is_set)
        };
        let is_kept = |key: &str| is_set(key) && !has(&format!("{table}.{key}"));
        if has(&format!("{table}.url")) && is_set("url") && (is_kept("password") || is_kept("token")) {
            let complaint =
                "Type the password or token, too, or take it out: it is sent to this URL now.".to_owned();
            return Err(vec![Complaint { line: None, field: format!("{table}.url"), complaint }]);
        }
    }
    if let Some(field) = draft.unknown_secret() {
        let complaint = format!(
            "Type what is shown as {HIDDEN}, too: what is known stays only with its name or address, and its URL."
        );
        return Err(vec![Complaint { line: None, field: field.name(), complaint }]);
    }
    let text = draft.into_text();
    let settings = raw::parse(&text, folder)?;
    let far: Vec<Complaint> = named_files(&settings)
        .filter(|(field, path)| has(field) && !may_be_named(path, folder, data))
        .map(|(field, _)| far_away(field, data))
        .collect();
    if !far.is_empty() {
        return Err(far);
    }
    // Of the files that settings name only those that are named anew: what is at work goes on without others.
    let wrong: Vec<Complaint> = named::complaints(&settings)
        .into_iter()
        .filter(|(field, _)| has(field))
        .map(|(field, complaint)| Complaint { line: None, field: field.to_owned(), complaint })
        .collect();
    if wrong.is_empty() { Ok((text, names)) } else { Err(wrong) }
}

/// A settings file that is being changed.
#[derive(Debug)]
struct Draft(DocumentMut);

impl Draft {
    /// Fails only on what is no TOML at all.
    fn read(text: &str) -> Result<Self, Complaint> {
        text.parse().map(Self).map_err(|error| raw::syntax(text, &error))
    }

    fn shown(&self, field: &Field) -> Shown {
        if let Kind::Records(secrets) = field.kind {
            let lines: Vec<_> = self.records(field).iter().map(|table| line(table, secrets)).collect();
            return Shown { text: lines.join("\n"), is_set: !lines.is_empty() };
        }
        let written = self.0.get(field.table).and_then(Item::as_table_like);
        let written = written.and_then(|table| table.get(field.key)?.as_value());
        let text = match (field.kind, written) {
            (Kind::Secret, _) => String::new(),
            (_, None) => field.default.to_owned(),
            (_, Some(value)) => shown(value),
        };
        // A secret that is empty is none.
        let is_set = written.is_some_and(|value| field.kind != Kind::Secret || value.as_str() != Some(""));
        Shown { text, is_set }
    }

    /// Puts in what a form says. What it says already stays as it is written; a secret stays when the form says nothing;
    /// what holds anyway is not written. Returns whether it is other now.
    fn set(&mut self, field: &Field, text: &str) -> bool {
        let text = text.trim().replace("\r\n", "\n");
        let now = self.shown(field);
        if text == now.text {
            return false;
        }
        if text == field.default {
            return self.clear(field);
        }
        let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
        if let Kind::Records(secrets) = field.kind {
            self.set_records(field, secrets, lines());
            return true;
        }
        let value = match field.kind {
            Kind::Flag => text.parse::<bool>().map(Value::from).ok(),
            Kind::Number => number(&text),
            Kind::List => Some(Value::from(lines().collect::<Array>())),
            Kind::Text | Kind::Secret | Kind::Choice(_) | Kind::Records(_) => None,
        };
        // What is no number is written as it is, for the complaint about it.
        let value = value.unwrap_or_else(|| Value::from(text.as_str()));
        let Some(table) = self.table(field.table) else { return false };
        match table.get_mut(field.key).and_then(Item::as_value_mut) {
            Some(Value::Array(old)) if field.kind == Kind::List => change_list(old, lines()),
            Some(old) => replace(old, value),
            None => {
                table.insert(field.key, Item::Value(value));
            }
        }
        true
    }

    /// Takes it out, so that the default holds. Returns whether it stood there.
    fn clear(&mut self, field: &Field) -> bool {
        if field.key.is_empty() {
            return self.0.remove(field.table).is_some();
        }
        let table = self.0.get_mut(field.table).and_then(Item::as_table_like_mut);
        table.and_then(|table| table.remove(field.key)).is_some()
    }

    /// The tables of which there may be several.
    fn records(&self, field: &Field) -> Vec<Table> {
        let item = self.0.get(field.table);
        match if field.key.is_empty() { item } else { item.and_then(|table| table.get(field.key)) } {
            Some(Item::ArrayOfTables(tables)) => tables.iter().cloned().collect(),
            Some(Item::Value(Value::Array(list))) => {
                list.iter().filter_map(|value| Some(value.as_inline_table()?.clone().into_table())).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Puts in tables, each in a line. Those that were there stay as they were written, with what was said of them;
    /// what is hidden is that of the one with the same name or address, unless it would then go to another URL.
    fn set_records<'t>(&mut self, field: &Field, secrets: &[&str], lines: impl Iterator<Item = &'t str>) {
        let known = self.records(field);
        let mut tables = ArrayOfTables::new();
        let mut others = Array::new();
        for text in lines {
            if let Some(same) = known.iter().find(|table| line(table, secrets) == text) {
                tables.push(same.clone());
                continue;
            }
            let Ok(Value::InlineTable(mut new)) = text.parse() else {
                others.push(text);
                continue;
            };
            new.fmt();
            let mut new = new.into_table();
            let is_hidden = |table: &Table, key| table.get(key).and_then(Item::as_str) == Some(HIDDEN);
            let id =
                |table: &Table| RECORD_IDS.iter().find_map(|key| Some(table.get(key)?.as_str()?.to_owned()));
            if let Some(old) = known.iter().find(|old| id(old) == id(&new))
                && (!new.contains_key("url") || is_hidden(&new, "url"))
            {
                for key in secrets.iter().filter(|key| is_hidden(&new, key)).collect::<Vec<_>>() {
                    if let Some(secret) = old.get(key) {
                        new.insert(key, secret.clone());
                    }
                }
            }
            tables.push(new);
        }
        // What is no table is written as it is, for the complaint about it.
        let item = if others.is_empty() { Item::ArrayOfTables(tables) } else { Item::Value(others.into()) };
        match field.key {
            "" => drop(self.0.insert(field.table, item)),
            key => drop(self.table(field.table).map(|table| table.insert(key, item))),
        }
    }

    /// Puts in what a form says of a family; a table in which nothing is left goes. Returns whether it is other now.
    fn set_family(&mut self, family: Family, texts: &[(&str, String)]) -> bool {
        let before = self.0.to_string();
        let none = || Item::ArrayOfTables(ArrayOfTables::new());
        let item = self.0.entry(FAMILY.table).or_insert_with(none);
        let is_it = |table: &dyn TableLike| table.get("name").and_then(Item::as_str) == Some(family.word());
        let set = |table: &mut dyn TableLike| {
            for (key, text) in texts {
                let text = text.trim();
                let value = number(text).unwrap_or_else(|| Value::from(text));
                match table.get_mut(key).and_then(Item::as_value_mut) {
                    _ if text.is_empty() => drop(table.remove(key)),
                    Some(old) if shown(old) == text => {}
                    Some(old) => replace(old, value),
                    None => drop(table.insert(key, Item::Value(value))),
                }
            }
            table.len() > 1
        };
        match item {
            Item::ArrayOfTables(tables) => {
                let known = tables.iter().position(|table| is_it(table));
                let index = known.unwrap_or(tables.len());
                if known.is_none() {
                    tables.push(Table::from_iter([("name", family.word())]));
                }
                if !tables.get_mut(index).is_some_and(|table| set(table)) {
                    tables.remove(index);
                }
            }
            Item::Value(Value::Array(list)) => {
                let is_it = |value: &Value| value.as_inline_table().is_some_and(|table| is_it(table));
                let known = list.iter().position(is_it);
                let index = known.unwrap_or(list.len());
                if known.is_none() {
                    list.push(InlineTable::from_iter([("name", family.word())]));
                }
                if !list.get_mut(index).and_then(Value::as_inline_table_mut).is_some_and(|table| set(table)) {
                    list.remove(index);
                }
            }
            // Something else has its name, of which the file is told to be wrong.
            _ => {}
        }
        if self.records(FAMILY).is_empty() && self.0.get(FAMILY.table).is_some_and(Item::is_array_of_tables) {
            self.0.remove(FAMILY.table);
        }
        self.0.to_string() != before
    }

    /// A setting of which something is hidden that is not known.
    fn unknown_secret(&self) -> Option<&'static Field> {
        FIELDS.iter().find(|field| {
            let Kind::Records(secrets) = field.kind else { return false };
            let is_hidden = |table: &Table| {
                secrets.iter().any(|key| table.get(key).and_then(Item::as_str) == Some(HIDDEN))
            };
            self.records(field).iter().any(is_hidden)
        })
    }

    fn into_text(self) -> String {
        self.0.to_string()
    }

    /// `None`: something else has its name, of which the file is told to be wrong.
    fn table(&mut self, name: &str) -> Option<&mut dyn TableLike> {
        let made = || Item::Table(Table::new());
        self.0.entry(name).or_insert_with(made).as_table_like_mut()
    }
}

/// Makes a list one of these texts. What stays keeps the comment behind it, in its line; those in lines of their own stay,
/// whatever they stood above.
fn change_list<'t>(list: &mut Array, texts: impl Iterator<Item = &'t str>) {
    // Between two values stands what belongs to the line of the first, and then what stands above the second.
    let split = |text: &str| {
        let at = text.find('\n').unwrap_or(text.len());
        let (of_line, above) = text.split_at(at);
        (of_line.to_owned(), above.to_owned())
    };
    let raw = |raw: Option<&RawString>| raw.and_then(RawString::as_str).unwrap_or_default().to_owned();
    // Each value with what stands above it and what stands behind it.
    let mut known: Vec<(Value, String, String)> = Vec::new();
    let (mut first_line, mut between) = (String::new(), String::new());
    for value in list.iter() {
        let (of_line, above) = split(&(between + &raw(value.decor().prefix())));
        known.last_mut().map_or(&mut first_line, |(.., behind)| behind).push_str(&of_line);
        known.push((value.clone(), above, String::new()));
        between = raw(value.decor().suffix());
    }
    let (of_line, end) = split(&(between + &raw(Some(list.trailing()))));
    known.last_mut().map_or(&mut first_line, |(.., behind)| behind).push_str(&of_line);
    known
        .iter_mut()
        .map(|(.., behind)| behind)
        .filter(|behind| !behind.contains('#'))
        .for_each(String::clear);
    let is_long = known.iter().any(|(_, above, _)| !above.is_empty());
    let indent =
        known.iter().find_map(|(_, above, _)| above.rsplit_once('\n')).map_or("    ", |(_, text)| text);
    let fresh = if is_long { format!("\n{indent}") } else { String::new() };
    let texts: Vec<&str> = texts.collect();
    let wanted: HashSet<&str> = texts.iter().copied().collect();
    let mut kept = HashMap::new();
    // What stood above a value that is taken out goes to the next.
    let mut carried = String::new();
    for (value, above, behind) in known {
        let text = shown(&value);
        if wanted.contains(text.as_str()) && !kept.contains_key(&text) {
            kept.insert(text, (value, std::mem::take(&mut carried) + &above, behind));
        } else if above.contains('#') {
            carried.push_str(above.trim_end());
        }
    }
    list.clear();
    let next_line = |behind: &str, above: &str| match behind.contains('#') && !above.starts_with('\n') {
        true => "\n",
        false => "",
    };
    let mut behind_last = first_line;
    for (index, text) in texts.into_iter().enumerate() {
        let (mut value, above, behind) =
            kept.remove(text).unwrap_or_else(|| (Value::from(text), fresh.clone(), String::new()));
        let blank = if above.is_empty() && index > 0 && behind_last.is_empty() { " " } else { "" };
        let line = next_line(&behind_last, &above);
        *value.decor_mut() = Decor::new(format!("{behind_last}{line}{above}{blank}"), "");
        list.push_formatted(value);
        behind_last = behind;
    }
    let end = carried + &end;
    let line = next_line(&behind_last, &end);
    list.set_trailing(format!("{behind_last}{line}{end}"));
    list.set_trailing_comma(is_long);
}

/// A table in one line, without its secrets.
fn line(table: &Table, secrets: &[&str]) -> String {
    let mut shown = InlineTable::new();
    for (key, item) in table {
        let Some(value) = item.as_value() else { continue };
        shown.insert(key, if secrets.contains(&key) { HIDDEN.into() } else { value.clone() });
    }
    shown.fmt();
    Value::from(shown).decorated("", "").to_string()
}

/// Puts a value in the place of another, with the comment behind it.
fn replace(old: &mut Value, mut value: Value) {
    std::mem::swap(old.decor_mut(), value.decor_mut());
    *old = value;
}

/// A number as somebody types it, whole or not.
fn number(text: &str) -> Option<Value> {
    text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<f64>().map(Value::from)).ok()
}

/// As [`Draft::set`] reads it back.
fn shown(value: &Value) -> String {
    let plain = |value: &Value| match value {
        Value::String(text) => text.value().clone(),
        other => other.clone().decorated("", "").to_string(),
    };
    match value {
        Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join("\n"),
        other => plain(other),
    }
}

impl NewServer {
    /// `None`: there is to be no server.
    fn url(&self, known: Option<&MailServer>) -> Result<Option<String>, Complaint> {
        let host = self.host.trim().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Ok(None);
        }
        let port = self.port.unwrap_or(self.security.port());
        let known = known
            .filter(|known| (&known.host, known.port) == (&host, port))
            .and_then(|known| known.login.as_ref());
        let password = match known {
            Some((user, password)) if self.password.0.is_empty() && *user == self.user => password,
            // Whoever may change the server must not learn from another one what the password was.
            _ if self.password.0.is_empty() && !self.user.is_empty() => {
                let complaint = "Type the password, too: the server or the user is another now.".to_owned();
                return Err(Complaint { line: None, field: MAIL_URL.name(), complaint });
            }
            _ => &self.password,
        };
        let login = (!self.user.is_empty()).then(|| (self.user.clone(), password.clone()));
        Ok(Some(MailServer { security: self.security, host, port, login }.to_url()))
    }
}

impl MailServer {
    /// As `mail.url` has it, which [`raw::parse`] reads back.
    pub fn to_url(&self) -> String {
        let scheme = raw::scheme(self.security).0;
        let login = self
            .login
            .as_ref()
            .map(|(user, password)| format!("{}:{}@", percent_encoded(user), percent_encoded(&password.0)));
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{scheme}://{}{host}:{}", login.unwrap_or_default(), self.port)
    }
}

impl MailSecurity {
    /// The port where none is written.
    pub fn port(self) -> u16 {
        raw::scheme(self).1
    }
}

/// All settings, in the order of the file.
#[rustfmt::skip]
pub const FIELDS: &[Field] = &[
    field("box", "name", Kind::Text, "abusebox"),
    field("box", "timezone", Kind::Text, "UTC"),
    field("box", "language", Kind::Choice(&["en", "de", "fr", "es", "nl", "pl"]), "en"),
    field("box", "mode", Kind::Choice(MODE_WORDS), "hold"),
    field("box", "own_clock", Kind::Flag, "false"),
    field("organisation", "name", Kind::Text, ""),
    field("organisation", "phrase", Kind::Text, ""),
    field("organisation", "abuse_address", Kind::Text, ""),
    field("organisation", "operator_address", Kind::Text, ""),
    *KEY,
    field("shadowserver", "secret", Kind::Secret, ""),
    field("shadowserver", "api_url", Kind::Text, raw::API_URL),
    field("shadowserver", "download_url", Kind::Text, raw::DOWNLOAD_URL),
    field("shadowserver", "schema_url", Kind::Text, raw::SCHEMA_URL),
    field("shadowserver", "reports", Kind::List, ""),
    field("shadowserver", "poll_minutes", Kind::Number, "60"),
    field("networks", "cidrs", Kind::List, ""),
    field("networks", "silenced", Kind::List, ""),
    field("networks", "dynamic", Kind::List, ""),
    field("networks", "cgn", Kind::List, ""),
    field("customers", "file", Kind::Text, raw::CUSTOMERS_FILE),
    field("customers", "addresses_file", Kind::Text, ""),
    field("customers", "url", Kind::Secret, ""),
    field("customers", "user", Kind::Text, ""),
    field("customers", "password", Kind::Secret, ""),
    field("customers", "token", Kind::Secret, ""),
    field("customers", "poll_hours", Kind::Number, "24"),
    field("sessions", "keep_days", Kind::Number, "14"),
    field("sessions", "offset_seconds", Kind::Number, "0"),
    field("sessions", "uncertainty_seconds", Kind::Number, "0"),
    field("sessions", "timezone", Kind::Text, ""),
    field("sessions", "radius_listen", Kind::Text, "[::]:1813"),
    field("sessions", "radius_clients", Kind::Records(&["secret"]), ""),
    field("sessions", "sources", Kind::Records(&["url", "password", "token"]), ""),
    field("nat", "", Kind::Records(&[]), ""),
    field("resolver", "url", Kind::Secret, ""),
    field("resolver", "user", Kind::Text, ""),
    field("resolver", "password", Kind::Secret, ""),
    field("resolver", "token", Kind::Secret, ""),
    field("resolver", "timeout_seconds", Kind::Number, "5"),
    field("resolver", "per_minute_max", Kind::Number, "600"),
    field("resolver", "cache_hours", Kind::Number, "24"),
    field("resolver", "ranges", Kind::Choice(RANGES_WORDS), "both"),
    *MAIL_URL,
    field("mail", "per_minute_max", Kind::Number, "30"),
    field("mail", "per_domain_per_minute_max", Kind::Number, "20"),
    field("mail", "dkim_key", Kind::Text, ""),
    field("mail", "dkim_selector", Kind::Text, raw::DKIM_SELECTOR),
    field("policy", "mail_severity_min", Kind::Choice(SEVERITY_WORDS), "medium"),
    field("policy", "repeat_days_compromised", Kind::Number, "7"),
    field("policy", "repeat_days_exposed", Kind::Number, "30"),
    field("policy", "close_after_days", Kind::Number, "14"),
    field("policy", "mail_age_days_max", Kind::Number, "5"),
    field("policy", "mails_per_day_max", Kind::Number, "2"),
    field("policy", "digest_hour", Kind::Number, "8"),
    field("policy", "hold_first", Kind::Flag, "false"),
    field("policy", "hold_share_max", Kind::Number, "0.2"),
    field("policy", "hold_count_min", Kind::Number, "20"),
    field("policy", "tell_unknown_types", Kind::Flag, "false"),
    field("policy", "tell_gone", Kind::Flag, "true"),
    field("policy", "weekly_report", Kind::Choice(WEEKDAY_WORDS), "monday"),
    field("policy", "quiet_hours", Kind::Text, ""),
    field("policy", "business_days_only", Kind::Flag, "false"),
    field("policy", "days_off", Kind::List, ""),
    field("policy", "customers_held", Kind::List, ""),
    *FAMILY,
    field("page", "listen", Kind::Text, "127.0.0.1:8080"),
    field("page", "listen_https", Kind::Text, "127.0.0.1:8443"),
    field("page", "names", Kind::List, ""),
    field("page", "allow", Kind::List, ""),
    field("page", "setup_code", Kind::Secret, ""),
    field("page", "api_token", Kind::Secret, ""),
    field("page", "intake_token", Kind::Secret, ""),
    field("page", "own_certificate", Kind::Text, ""),
    field("interface", "address", Kind::Text, ""),
    field("interface", "gateway", Kind::Text, ""),
    field("interface", "dns", Kind::List, ""),
    field("interface", "ntp", Kind::List, ""),
    field("interface", "proxy", Kind::Secret, ""),
    field("trust", "extra_ca", Kind::List, ""),
];

/// Of customer files, certificates and keys.
const NAMED_ENDINGS: [&str; 6] = ["csv", "tsv", "txt", "pem", "crt", "cer"];

const KEY: &Field = &field("shadowserver", "key", Kind::Secret, "");

/// Its parts have fields of their own.
pub const MAIL_URL: &Field = &field("mail", "url", Kind::Secret, "");

/// What holds for one family of problems, by its name.
pub const FAMILY: &Field = &field("family", "", Kind::Records(&[]), "");

/// What can be said of one family; nothing: what holds for all.
pub const OF_FAMILY: &[Field] = &[
    field("family", "tell", Kind::Choice(&["", "customer", "operator", "nobody"]), ""),
    field("family", "severity_min", Kind::Choice(&["", "info", "low", "medium", "high", "critical"]), ""),
    field("family", "seen_days_min", Kind::Number, ""),
    field("family", "amplification_min", Kind::Number, ""),
    field("family", "repeat_days", Kind::Number, ""),
];

/// In the place of a secret.
pub const HIDDEN: &str = "***";

/// By which one of several tables is known.
const RECORD_IDS: [&str; 2] = ["name", "address"];

const fn field(table: &'static str, key: &'static str, kind: Kind, default: &'static str) -> Field {
    Field { table, key, kind, default }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Settings;
    use super::*;

    fn parse(text: &str) -> Settings {
        raw::parse(text, Path::new("/data")).unwrap_or_else(|complaints| panic!("{complaints:?} in\n{text}"))
    }

    fn edited(text: &str, changes: &[(&str, &str)]) -> String {
        let mut draft = Draft::read(text).unwrap();
        for (name, text) in changes {
            draft.set(Field::named(name).unwrap(), text);
        }
        draft.into_text()
    }

    #[test]
    fn what_is_said_of_a_list_stays_with_what_it_is_said_of() {
        let long = "[networks]\ncidrs = [ # ours\n    # Vienna\n    \"192.0.2.0/24\", # office\n    \
                    \"198.51.100.0/24\", # homes\n    # Linz\n    \"203.0.113.0/24\" # all of it\n    # no more\n] # end\n";
        for (list, wanted) in [
            (
                "192.0.2.0/24\n203.0.113.0/24\n2001:db8::/32",
                "[networks]\ncidrs = [ # ours\n    # Vienna\n    \"192.0.2.0/24\", # office\n    # Linz\n    \
                 \"203.0.113.0/24\", # all of it\n    \"2001:db8::/32\",\n    # no more\n] # end\n",
            ),
            (
                "203.0.113.0/24",
                "[networks]\ncidrs = [ # ours\n    # Vienna\n    # Linz\n    \"203.0.113.0/24\", # all of it\n    \
                 # no more\n] # end\n",
            ),
        ] {
            assert_eq!(edited(long, &[("networks.cidrs", list)]), wanted);
        }
        let short = "[networks]\ncidrs = [\"192.0.2.0/24\", \"198.51.100.0/24\"] # all\n";
        for (list, wanted) in [
            ("198.51.100.0/24", "[\"198.51.100.0/24\"]"),
            (
                "198.51.100.0/24\n192.0.2.0/24\n2001:db8::/32",
                "[\"198.51.100.0/24\", \"192.0.2.0/24\", \"2001:db8::/32\"]",
            ),
        ] {
            let wanted = format!("[networks]\ncidrs = {wanted} # all\n");
            assert_eq!(edited(short, &[("networks.cidrs", list)]), wanted);
        }
    }

    #[test]
    fn a_form_names_no_file_of_others() {
        let change = |field: &str, text: &str| {
            let changes = [Change::Set(Field::named(field).unwrap(), text.to_owned())];
            super::change("", Path::new("/etc/abusebox"), Path::new("/var/abusebox"), &changes)
        };
        for (field, file) in [
            ("customers.file", "/etc/passwd.txt"),
            ("customers.file", "settings.toml"),
            ("customers.file", "../crm/customers.csv"),
            ("customers.file", "/etc/abusebox/../shadow.csv"),
            ("trust.extra_ca", "/root/ca.pem"),
            ("page.own_certificate", "/var/abusebox2/own.pem"),
            ("mail.dkim_key", "/root/dkim.pem"),
        ] {
            let complaints = change(field, file).unwrap_err();
            assert!(complaints[0].complaint.contains("/var/abusebox can be named"), "{file} {complaints:?}");
        }
        let changes = [Change::Set(Field::named("customers.file").unwrap(), "/etc/passwd.txt".to_owned())];
        assert!(
            super::change("", Path::new(""), Path::new("data"), &changes).is_err(),
            "from the folder of its own"
        );
        for file in ["crm.csv", "/etc/abusebox/crm.CSV", "/var/abusebox/x/crm.txt"] {
            assert_eq!(change("customers.file", file).unwrap().1, ["customers.file"], "{file}");
        }
    }

    #[test]
    fn every_setting_is_a_field() {
        let full: DocumentMut = raw::tests::FULL.parse().unwrap();
        let written: Vec<String> = full
            .iter()
            .flat_map(|(table, item)| {
                let Some(keys) = item.as_table_like() else { return vec![table.to_owned()] };
                keys.iter().map(move |(key, _)| format!("{table}.{key}")).collect()
            })
            .collect();
        for field in FIELDS {
            assert_eq!(FIELDS.iter().filter(|other| other.name() == field.name()).count(), 1);
            // What the complaint about it says shows whether the file may have such a key.
            let text = match field.kind {
                Kind::Records(_) => format!("[[{}]]\n", field.name()),
                _ => format!("[{}]\n{} = {{}}\n", field.table, field.key),
            };
            let complaints = raw::parse(&text, Path::new("")).unwrap_err();
            assert!(complaints.iter().all(|c| !c.complaint.contains("no such")), "{complaints:?}");
        }
        for name in written {
            assert!(Field::named(&name).is_some(), "{name} is missing");
        }
    }

    #[test]
    fn defaults_are_those_of_the_file() {
        let mut draft = Draft::read("").unwrap();
        let mut all = String::new();
        for field in FIELDS.iter().filter(|field| !field.default.is_empty()) {
            let shown = draft.shown(field);
            assert_eq!((shown.text.as_str(), shown.is_set), (field.default, false));
            // Nothing is written that holds anyway.
            draft.set(field, field.default);
            let quoted = match field.kind {
                Kind::Flag | Kind::Number => field.default.to_owned(),
                _ => format!("\"{}\"", field.default),
            };
            all += &format!("{}.{} = {quoted}\n", field.table, field.key);
        }
        assert_eq!(draft.into_text(), "");
        assert_eq!(format!("{:?}", parse(&all)), format!("{:?}", parse("")));
    }

    #[test]
    fn what_a_form_shows_and_sends_back_changes_nothing() {
        let mut draft = Draft::read(raw::tests::FULL).unwrap();
        let mut unset = Vec::new();
        for field in FIELDS {
            let shown = draft.shown(field);
            unset.extend((!shown.is_set).then(|| field.name()));
            draft.set(field, &shown.text.replace('\n', "\r\n"));
        }
        let of_customers =
            ["addresses_file", "url", "user", "password", "token"].map(|key| format!("customers.{key}"));
        assert_eq!(unset[0], "box.own_clock");
        assert_eq!(unset[1..6], of_customers);
        assert_eq!(unset[6..], ["resolver.token"]);
        assert_eq!(draft.into_text(), raw::tests::FULL);
    }

    #[test]
    fn a_change_leaves_the_rest_as_it_is() {
        let text = "# mine\n[box]\nname = \"rack\"   # the old one\nmode = \"hold\"\n\n[networks]\ncidrs = [\"192.0.2.0/24\"]\n";
        let after = edited(
            text,
            &[
                ("box.name", " rack-2 "),
                ("networks.cidrs", "192.0.2.0/24\r\n\n 2001:db8::/32"),
                ("policy.digest_hour", "9"),
                ("policy.hold_share_max", "0.5"),
                ("policy.hold_first", "true"),
                ("shadowserver.key", "a\"b"),
            ],
        );
        assert!(
            after.starts_with("# mine\n[box]\nname = \"rack-2\"   # the old one\nmode = \"hold\"\n"),
            "{after}"
        );
        let settings = parse(&after);
        assert_eq!((settings.boxx.name.as_str(), settings.networks.cidrs.len()), ("rack-2", 2));
        assert_eq!((settings.policy.digest_hour, settings.policy.hold_share_max), (9, 0.5));
        assert_eq!((settings.policy.hold_first, settings.shadowserver.key.0.as_str()), (true, "a\"b"));
        // Back to what holds anyway; a secret stays when nothing is said.
        let back =
            edited(&after, &[("policy.digest_hour", "8"), ("networks.cidrs", ""), ("shadowserver.key", "")]);
        assert!(!back.contains("digest_hour") && !back.contains("cidrs") && back.contains("key ="), "{back}");
        let mut draft = Draft::read(&back).unwrap();
        draft.clear(Field::named("shadowserver.key").unwrap());
        assert!(!draft.into_text().contains("key ="));
    }

    #[test]
    fn what_is_right_is_shown_and_stays_while_the_rest_is_mended() {
        let text = "[mail]\nurl = \"smtps://u:p@m.example\"\nper_minute_max = 0\n";
        let shown = written(text, Path::new(""));
        assert_eq!((shown.complaints.len(), shown.mail_server.unwrap().host.as_str()), (1, "m.example"));
        let server = NewServer {
            security: MailSecurity::Tls,
            host: "m.example".to_owned(),
            port: None,
            user: "u".to_owned(),
            password: Secret::default(),
        };
        let per_minute = Change::Set(Field::named("mail.per_minute_max").unwrap(), "5".to_owned());
        let (after, _) =
            change(text, Path::new(""), Path::new(""), &[per_minute, Change::MailServer(server)]).unwrap();
        assert_eq!(parse(&after).mail.server.unwrap().login.unwrap().1.0, "p");
    }

    #[test]
    fn the_key_is_not_sent_to_another_server_unseen() {
        let text = "[shadowserver]\nkey = \"k\"\nsecret = \"s\"\n";
        let set = |name: &str, text: &str| Change::Set(Field::named(name).unwrap(), text.to_owned());
        let elsewhere = set("shadowserver.api_url", "https://evil.example/");
        let refused =
            change(text, Path::new(""), Path::new(""), std::slice::from_ref(&elsewhere)).unwrap_err();
        assert!(refused[0].complaint.contains("API key"), "{refused:?}");
        assert!(
            change(text, Path::new(""), Path::new(""), &[elsewhere.clone(), set("shadowserver.key", "k2")])
                .is_ok()
        );
        assert!(change("", Path::new(""), Path::new(""), &[elsewhere]).is_ok());
        let text = "[resolver]\nurl = \"https://crm.example/\"\nuser = \"u\"\npassword = \"p\"\n";
        let elsewhere = set("resolver.url", "https://evil.example/");
        let refused =
            change(text, Path::new(""), Path::new(""), std::slice::from_ref(&elsewhere)).unwrap_err();
        assert!(
            refused[0].field == "resolver.url" && refused[0].complaint.contains("password"),
            "{refused:?}"
        );
        let typed = [elsewhere, set("resolver.password", "p2")];
        assert!(change(text, Path::new(""), Path::new(""), &typed).is_ok());
    }

    #[test]
    fn tables_are_lines_whose_secrets_stay_unseen() {
        let text = "[sessions]\nkeep_days = 7\n# the old one\n[[sessions.sources]]\nname = \"kea\" # in Linz\n\
                    url = \"https://x/?k=hunter1\"\npassword = \"hunter2\"\nuser = \"u\"\n";
        let shown =
            |text: &str, name: &str| Draft::read(text).unwrap().shown(Field::named(name).unwrap()).text;
        let kea = "{ name = \"kea\", url = \"***\", password = \"***\", user = \"u\" }";
        assert_eq!(shown(text, "sessions.sources"), kea);
        let set = |text: &str, name: &str, lines: &str| {
            change(
                text,
                Path::new(""),
                Path::new(""),
                &[Change::Set(Field::named(name).unwrap(), lines.to_owned())],
            )
        };
        let bng = "{ name = \"bng\", url = \"https://y/\", token = \"t\" }";
        let (two, names) = set(text, "sessions.sources", &format!("{bng}\r\n{kea}")).unwrap();
        assert_eq!(names, ["sessions.sources"]);
        assert!(two.contains("# the old one\n[[sessions.sources]]\nname = \"kea\" # in Linz\n"), "{two}");
        let sources = parse(&two).sessions.sources;
        assert_eq!(
            (sources[0].name.as_str(), sources[1].remote.as_ref().unwrap().url.0.as_str()),
            ("bng", "https://x/?k=hunter1")
        );
        // What is hidden stays where it was, and goes nowhere else.
        let later = kea.replace("\"u\" }", "\"u\", poll_minutes = 5 }");
        let source = parse(&set(text, "sessions.sources", &later).unwrap().0).sessions.sources.remove(0);
        assert_eq!((source.poll_minutes, source.remote.unwrap().login.unwrap().1.0.as_str()), (5, "hunter2"));
        for other in [kea.replace("\"kea\"", "\"bng\""), kea.replacen("***", "https://evil.example/", 1)] {
            let refused = set(text, "sessions.sources", &other).unwrap_err();
            assert!(
                refused[0].field == "sessions.sources" && refused[0].complaint.contains("***"),
                "{refused:?}"
            );
        }
        let nat = "{ inside = \"100.64.0.0/24\", outside = [\"192.0.2.0/30\"] }";
        let (with_nat, _) = set(text, "nat", nat).unwrap();
        assert_eq!((parse(&with_nat).nat.len(), shown(&with_nat, "nat").as_str()), (1, nat));
        assert_eq!(set(&with_nat, "nat", "").unwrap().0, text);
        let clients = "[sessions]\nradius_clients = [{ address = \"192.0.2.9\", secret = \"hunter2\" }]\n";
        let client = "{ address = \"192.0.2.9\", secret = \"***\" }";
        assert_eq!(shown(clients, "sessions.radius_clients"), client);
        let more = format!("{client}\n{{ address = \"192.0.2.10\", secret = \"s\" }}");
        let (more, _) = set(clients, "sessions.radius_clients", &more).unwrap();
        let secrets: Vec<_> = parse(&more).sessions.radius_clients.into_iter().map(|c| c.secret.0).collect();
        assert_eq!(secrets, ["hunter2", "s"]);
        let wrong = set(text, "nat", "all of them").unwrap_err();
        assert!(wrong[0].field == "nat" && wrong[0].complaint.contains("[[nat]]"), "{wrong:?}");
    }

    #[test]
    fn a_form_changes_one_family_and_leaves_the_others() {
        let set = |text: &str, family, texts: &[(&'static str, &str)]| {
            let texts = texts.iter().map(|(key, text)| (*key, (*text).to_owned())).collect();
            change(text, Path::new(""), Path::new(""), &[Change::Family(family, texts)])
        };
        let text = "# mine\n[[family]]\nname = \"telnet\" # all of it\ntell = \"nobody\" # for now\n\
                    # the old ones\n[[family]]\nname = \"ssh\"\nrepeat_days = 9\n";
        let (after, names) = set(text, Family::Telnet, &[("tell", "operator"), ("repeat_days", "")]).unwrap();
        assert_eq!(
            (after.as_str(), names),
            (&*text.replace("\"nobody\"", "\"operator\""), vec!["family".to_owned()])
        );
        let (after, _) = set(text, Family::Telnet, &[("tell", "")]).unwrap();
        assert!(
            !after.contains("telnet") && after.contains("# the old ones\n[[family]]\nname = \"ssh\""),
            "{after}"
        );
        let (after, _) = set(&after, Family::Ssh, &[("repeat_days", " ")]).unwrap();
        assert!(!after.contains("family"), "{after}");
        let resolver = [("amplification_min", "5"), ("seen_days_min", "2"), ("severity_min", "low")];
        let (after, _) = set(text, Family::OpenResolver, &resolver).unwrap();
        let own = parse(&after).policy.family(Family::OpenResolver);
        assert_eq!((own.amplification_min, own.seen_days_min), (Some(5.0), Some(2)));
        assert!(after.starts_with(text), "{after}");
        assert_eq!(
            set(&after, Family::OpenResolver, &resolver).unwrap(),
            (after.clone(), vec![]),
            "sent twice"
        );
        // As a list in one line.
        let list = "family = [{ name = \"ssh\", tell = \"nobody\" }]\n";
        let (after, _) = set(list, Family::Ssh, &[("repeat_days", "3")]).unwrap();
        assert_eq!(parse(&after).policy.family(Family::Ssh).repeat_days, Some(3), "{after}");
        for (key, text) in [("repeat_days", "often"), ("seen_days_min", "0"), ("tell", "all")] {
            let complaints = set(list, Family::Ssh, &[(key, text)]).unwrap_err();
            assert_eq!((complaints.len(), &*complaints[0].field), (1, &*format!("family.{key}")));
        }
        let all = format!("{:?}", FamilyPolicy::default());
        assert!(OF_FAMILY.iter().all(|field| all.contains(&format!("{}: None", field.key))), "{all}");
        assert_eq!(all.matches("None").count(), OF_FAMILY.len());
        for Field { key, kind, .. } in OF_FAMILY {
            let Kind::Choice(words) = kind else { continue };
            for word in words.iter().filter(|word| !word.is_empty()) {
                assert!(set("", Family::Ssh, &[(key, word)]).is_ok(), "{key} {word}");
            }
        }
    }

    #[test]
    fn what_is_wrong_is_complained_of_as_in_a_file() {
        for (name, text, part) in [
            ("policy.digest_hour", "late", "from 0 to 23"),
            ("policy.digest_hour", "24", "this is 24"),
            ("policy.hold_first", "perhaps", "true or false"),
            ("box.mode", "loud", "Write one of"),
            ("networks.cidrs", "192.0.2.1/24", "192.0.2.0/24"),
        ] {
            let complaints = raw::parse(&edited("", &[(name, text)]), Path::new("")).unwrap_err();
            assert!(complaints.len() == 1 && complaints[0].field == name, "{complaints:?}");
            assert!(complaints[0].complaint.contains(part), "{complaints:?}");
        }
        assert_eq!(Draft::read("[box]\nname = \n").unwrap_err().line, Some(2));
        // Where a table should be is something else: it stays, and the reader complains.
        assert_eq!(edited("box = 1\n", &[("box.name", "x")]), "box = 1\n");
        assert_eq!(parse(&edited("box = { name = \"x\" }\n", &[("box.name", "y")])).boxx.name, "y");
    }

    proptest! {
        #[test]
        fn a_mail_server_is_read_back(
            user in "\\PC{1,20}", password in "\\PC{1,20}", is_v6 in any::<bool>(), port in 1_u16..,
            security in prop::sample::select(vec![MailSecurity::Plain, MailSecurity::StartTls, MailSecurity::Tls]),
        ) {
            let host = if is_v6 { "2001:db8::25" } else { "mail.example.net" }.to_owned();
            let login = Some((user, Secret(password)));
            let server = MailServer { security, host, port, login };
            let after = edited("", &[("mail.url", &server.to_url())]);
            let read = parse(&after).mail.server.unwrap();
            prop_assert_eq!(read.to_url(), server.to_url());
            prop_assert_eq!(read.login, server.login);
        }

        #[test]
        fn any_text_is_written_and_shown_again(text in "\\PC{0,40}") {
            let after = edited("", &[("organisation.name", &text)]);
            let shown = Draft::read(&after).unwrap().shown(Field::named("organisation.name").unwrap());
            prop_assert_eq!(shown.text, text.trim());
        }
    }
}
