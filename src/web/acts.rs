//! The forms by which operators change something: fields in, a [`super::hand::Hand`] does it, and the next page says
//! what came of it. Pure.

use super::access::Who;
use super::entry::lead_to;
use super::gate::Denied;
use super::hand::{By, Changed, Check, Deed, Mails, Outcome, Placed, Power, Upload};
use super::html::html;
use super::page::certificate::Sent;
use super::page::settings::{SECURITIES, Typed};
use super::page::setup::Step;
use super::page::texts::Passage;
use super::page::{self, Page};
use super::router::{Desk, Query, Reply, plain, see_other};
use super::view::Site;
use super::words::Say;
use crate::clock::Day;
use crate::config::edit::{Change, FAMILY, FIELDS, Field, MAIL_URL, NewServer, OF_FAMILY};
use crate::config::{Complaint, MailSecurity, Mode, Secret};
use crate::incident;
use crate::incident::policy::local_day;
use crate::lang;
use crate::notify::outbox;
use crate::notify::texts::Edit;
use crate::report::kind::Family;
use crate::store::NOTE_BYTES_MAX;

/// Releases or drops mails: those chosen, or all that are held.
pub(crate) fn mails(desk: &Desk<'_>, who: &Who, fields: &mut Query) -> Reply {
    let change = match fields.take("do").as_deref() {
        Some("release") => outbox::Change::Release,
        Some("drop") => outbox::Change::Drop,
        _ => return unknown(desk),
    };
    let which = match fields.take("through") {
        None => Mails::These(fields.take_ids()),
        Some(through) => match through.parse() {
            Ok(through) => Mails::Held { through },
            Err(_) => return unknown(desk),
        },
    };
    if which == Mails::These(Vec::new()) {
        return say(desk, who, fields, "/mail", Ok(Outcome::Nothing));
    }
    let outcome = desk.hand.change_mails(&by(desk, who), &which, change);
    say(desk, who, fields, "/mail", outcome)
}

/// Closes, mutes or reopens incidents, or writes a note to them.
pub(crate) fn incidents(desk: &Desk<'_>, who: &Who, fields: &mut Query) -> Reply {
    let (ids, by) = (fields.take_ids(), by(desk, who));
    // Forms end lines with two signs, of which a page shows the first as one that it does not know.
    let note = fields.take("note").unwrap_or_default().replace("\r\n", "\n");
    let until = fields.take("until");
    let change = |change| match ids.as_slice() {
        [] => Ok(Outcome::Nothing),
        ids => desk.hand.change_incidents(&by, ids, change),
    };
    let outcome = match fields.take("do").as_deref() {
        Some("close") => change(incident::Change::Close),
        Some("reopen") => change(incident::Change::Reopen),
        Some("mute") => {
            let today = local_day(desk.now, &desk.site.zone);
            let until = until.and_then(|until| until.parse::<Day>().ok()).filter(|until| *until >= today);
            until.map_or(Ok(Outcome::NoDay), |until| change(incident::Change::Mute { until }))
        }
        Some("note") if ids.is_empty() => Ok(Outcome::Nothing),
        Some("note") if note.is_empty() => Ok(Outcome::NoText),
        Some("note") if note.len() > NOTE_BYTES_MAX => Ok(Outcome::TooLong),
        Some("note") => desk.hand.note(&by, &ids, &note),
        _ => return unknown(desk),
    };
    say(desk, who, fields, "/incidents", outcome)
}

/// Shows what words of mails would look like, or puts them in the place of ours.
pub(crate) fn texts(desk: &Desk<'_>, who: &Who, fields: &mut Query) -> Reply {
    let [tag, word] = ["language", "part"].map(|name| fields.take(name).unwrap_or_default());
    let Some(part) = Passage::read(&word).filter(|_| lang::tags().any(|known| known == tag)) else {
        return unknown(desk);
    };
    let typed = part.typed(fields);
    let edit = match fields.take("do").as_deref() {
        Some("reset") => part.reset(&tag),
        Some("save") if typed.wrong.is_none() => typed.edit,
        Some("save" | "preview") => {
            let status = if typed.wrong.is_some() { 400 } else { 200 };
            return match page::texts::one(desk.hand, desk.site, who, (&tag, part), Some(&typed), desk.now) {
                Ok(page) => desk.reply(status, page, Some(who)),
                Err(_) => unknown(desk),
            };
        }
        _ => return unknown(desk),
    };
    let outcome = desk.hand.change_texts(&by(desk, who), &tag, edit);
    say(desk, who, fields, &part.path(&tag), outcome)
}

/// The operator has read our translation.
pub(crate) fn reviewed(desk: &Desk<'_>, who: &Who, fields: &mut Query) -> Reply {
    let tag = fields.take("language").unwrap_or_default();
    if !lang::tags().any(|known| known == tag) {
        return unknown(desk);
    }
    let outcome = desk.hand.change_texts(&by(desk, who), &tag, Edit::Reviewed);
    say(desk, who, fields, &format!("/texts/{tag}"), outcome)
}

/// Changes one table of the settings.
pub(crate) fn settings(desk: &Desk<'_>, who: &Who, fields: &mut Query) -> Reply {
    let table = fields.take("table").unwrap_or_default();
    let wanted: Vec<_> = FIELDS.iter().filter(|field| field.table == table).collect();
    let (changes, typed) = changes(fields, &wanted);
    let version = fields.take("version").unwrap_or_default();
    match save(desk, who, &version, &changes, typed) {
        Ok(Saved::Done(count)) => {
            desk.hand.tell(who, Outcome::Settings(count));
            // Only a table that there is has changed anything.
            see_other(&format!("/settings#{}", changes.first().map_or("", Change::table)))
        }
        Ok(Saved::Not(typed)) => on_settings(desk, who, &typed),
        Err(why) => refuse(desk, who, why),
    }
}

/// Changes what holds for one family of problems.
pub(crate) fn family(desk: &Desk<'_>, who: &Who, fields: &mut Query) -> Reply {
    let Some(family) = fields.take("which").and_then(|word| Family::read(&word)) else {
        return unknown(desk);
    };
    let typed = fields.take_below(FAMILY.table);
    let said = |field: &Field| {
        let (_, text) = typed.iter().find(|(name, _)| *name == field.name())?;
        Some((field.key, text.clone()))
    };
    let change = Change::Family(family, OF_FAMILY.iter().filter_map(said).collect());
    let version = fields.take("version").unwrap_or_default();
    match save(desk, who, &version, &[change], typed) {
        Ok(Saved::Done(count)) => {
            desk.hand.tell(who, Outcome::Settings(count));
            see_other(&format!("/families#{}", family.word()))
        }
        Ok(Saved::Not(typed)) => match desk.hand.settings() {
            Ok(shown) => {
                desk.reply(400, page::families::one(family, desk.site, who, &shown, &typed), Some(who))
            }
            Err(trouble) => refuse(desk, who, Denied::Trouble(trouble)),
        },
        Err(why) => refuse(desk, who, why),
    }
}

/// Changes what a step of the first run asks for, and begins to try whether it works.
pub(crate) fn setup(desk: &Desk<'_>, who: &Who, fields: &mut Query) -> Reply {
    let number = fields.take("step").and_then(|number| number.parse().ok());
    let Some(step) = number.and_then(Step::numbered) else { return unknown(desk) };
    let (changes, typed) = changes(fields, &step.fields().collect::<Vec<_>>());
    let version = fields.take("version").unwrap_or_default();
    match save(desk, who, &version, &changes, typed) {
        Ok(Saved::Done(count)) => {
            desk.hand.tell(who, Outcome::Settings(count));
            match step.check {
                Some(check) => try_out(desk, who, fields, check, step),
                None => see_other(&step.next().path()),
            }
        }
        Ok(Saved::Not(typed)) => match desk.hand.settings() {
            Ok(shown) => desk.reply(400, page::setup::again(step, desk.site, who, &shown, &typed), Some(who)),
            Err(trouble) => refuse(desk, who, Denied::Trouble(trouble)),
        },
        Err(why) => refuse(desk, who, why),
    }
}

/// Tries whether what a step has set works.
pub(crate) fn check(desk: &Desk<'_>, who: &Who, fields: &mut Query) -> Reply {
    let step = fields.take("step").and_then(|number| number.parse().ok()).and_then(Step::numbered);
    match step.and_then(|step| Some((step, step.check?))) {
        Some((step, check)) => try_out(desk, who, fields, check, step),
        None => unknown(desk),
    }
}

fn try_out(desk: &Desk<'_>, who: &Who, fields: &mut Query, what: Check, step: &Step) -> Reply {
    let outcome = desk.hand.check(&by(desk, who), what);
    say(desk, who, fields, &step.path(), outcome)
}

/// The last step: releases what waits and goes live, or practises.
pub(crate) fn go_live(desk: &Desk<'_>, who: &Who, fields: &mut Query) -> Reply {
    let mode = match fields.take("do").as_deref() {
        Some("release") => Mode::Live,
        Some("practice") => Mode::Practice,
        _ => return unknown(desk),
    };
    let mut released = 0;
    if mode == Mode::Live
        && let Some(through) = fields.take("through")
    {
        let Ok(through) = through.parse() else { return unknown(desk) };
        let which = Mails::Held { through };
        match desk.hand.change_mails(&by(desk, who), &which, outbox::Change::Release) {
            Ok(Outcome::Done { deed: Deed::Released, count, .. }) => released = count,
            Ok(other) => return say(desk, who, fields, "/setup", Ok(other)),
            Err(why) => return refuse(desk, who, why),
        }
    }
    let field = FIELDS.iter().find(|field| (field.table, field.key) == ("box", "mode"));
    let word = page::mode(mode, desk.site.words()).0;
    let changes: Vec<_> = field.map(|field| Change::Set(field, word.to_owned())).into_iter().collect();
    let saved = desk
        .hand
        .settings()
        .map_err(Denied::Trouble)
        .and_then(|(_, version)| save(desk, who, &version, &changes, Vec::new()));
    match saved {
        Ok(Saved::Done(_)) => {
            desk.hand.tell(who, Outcome::Went { mode, released });
            see_other("/")
        }
        Ok(Saved::Not(typed)) => on_settings(desk, who, &typed),
        Err(why) => refuse(desk, who, why),
    }
}

/// What a form says of these settings, and what was typed.
fn changes(fields: &mut Query, wanted: &[&'static Field]) -> (Vec<Change>, Vec<(String, String)>) {
    let mut texts: Vec<(String, String)> = Vec::new();
    for fields_of_table in wanted.chunk_by(|a, b| a.table == b.table) {
        texts.extend(fields.take_below(fields_of_table[0].table));
    }
    let text = |name: &str| texts.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str());
    let mut changes = Vec::new();
    for field in wanted.iter().filter(|field| **field != MAIL_URL) {
        let name = field.name();
        if fields.take(&format!("clear:{name}")).is_some() {
            changes.push(Change::Clear(field));
        } else if let Some(text) = text(&name) {
            changes.push(Change::Set(field, text.to_owned()));
        }
    }
    if let Some(host) = text("mail.server").filter(|_| wanted.contains(&MAIL_URL)) {
        let security = SECURITIES.iter().find(|(word, _)| Some(*word) == text("mail.security"));
        let port = text("mail.port").filter(|port| !port.is_empty());
        changes.push(Change::MailServer(NewServer {
            security: security.map_or(MailSecurity::StartTls, |(_, security)| *security),
            host: host.to_owned(),
            // What is no port is refused as such.
            port: port.map(|port| port.trim().parse().unwrap_or(0)),
            user: text("mail.user").unwrap_or_default().trim().to_owned(),
            password: Secret(text("mail.password").unwrap_or_default().to_owned()),
        }));
    }
    (changes, texts)
}

/// What came of changed settings.
enum Saved {
    /// So many are others now.
    Done(u64),
    /// Nothing was changed.
    Not(Typed),
}

fn save(
    desk: &Desk<'_>,
    who: &Who,
    version: &str,
    changes: &[Change],
    texts: Vec<(String, String)>,
) -> Result<Saved, Denied> {
    let typed = match desk.hand.change_settings(&by(desk, who), version, changes)? {
        Changed::Done(names) => return Ok(Saved::Done(names.len() as u64)),
        Changed::Complaints(complaints) => Typed { texts, complaints },
        // What was typed was meant for other settings.
        Changed::Meanwhile => {
            let complaint = desk.site.words().settings.meanwhile.to_owned();
            Typed {
                texts: Vec::new(),
                complaints: vec![Complaint { line: None, field: String::new(), complaint }],
            }
        }
    };
    Ok(Saved::Not(typed))
}

/// The page of the settings again, with what was wrong.
fn on_settings(desk: &Desk<'_>, who: &Who, typed: &Typed) -> Reply {
    match desk.hand.settings() {
        Ok(shown) => desk.reply(400, page::settings::show(desk.site, who, &shown, typed), Some(who)),
        Err(trouble) => refuse(desk, who, Denied::Trouble(trouble)),
    }
}

pub(crate) fn upload_report(desk: &Desk<'_>, who: &Who, fields: &mut Query) -> Reply {
    upload(desk, who, fields, Upload::Report, "/reports")
}

pub(crate) fn upload_customers(desk: &Desk<'_>, who: &Who, fields: &mut Query) -> Reply {
    upload(desk, who, fields, Upload::Customers, "/customers")
}

pub(crate) fn upload_sessions(desk: &Desk<'_>, who: &Who, fields: &mut Query) -> Reply {
    upload(desk, who, fields, Upload::Sessions, "/customers")
}

/// Fetches something from elsewhere at once.
pub(crate) fn fetch(desk: &Desk<'_>, who: &Who, fields: &mut Query) -> Reply {
    let name = fields.take("name").unwrap_or_default();
    let outcome = desk.hand.fetch(&by(desk, who), &name);
    say(desk, who, fields, "/customers", outcome)
}

pub(crate) fn upload_addresses(desk: &Desk<'_>, who: &Who, fields: &mut Query) -> Reply {
    upload(desk, who, fields, Upload::Addresses, "/customers")
}

pub(crate) fn check_held_customers(desk: &Desk<'_>, who: &Who, fields: &mut Query) -> Reply {
    let outcome = desk.hand.check_held_customers(&by(desk, who));
    say(desk, who, fields, "/customers", outcome)
}

fn upload(desk: &Desk<'_>, who: &Who, fields: &mut Query, what: Upload, home: &str) -> Reply {
    let outcome = match (desk.request.upload, fields.take("file")) {
        ("", _) | (_, None) => Ok(Outcome::NoFile),
        (upload, Some(name)) => desk.hand.upload(&by(desk, who), what, upload, &name),
    };
    say(desk, who, fields, home, outcome)
}

/// Takes a customer file that was checked.
pub(crate) fn take_customers(desk: &Desk<'_>, who: &Who, fields: &mut Query) -> Reply {
    let Some(job) = job_of(fields) else { return unknown(desk) };
    let outcome = desk.hand.take_customers(&by(desk, who), job, &fields.take_ids());
    say(desk, who, fields, &format!("/jobs/{job}"), outcome)
}

pub(crate) fn discard_customers(desk: &Desk<'_>, who: &Who, fields: &mut Query) -> Reply {
    let Some(job) = job_of(fields) else { return unknown(desk) };
    let outcome = desk.hand.discard_customers(&by(desk, who), job);
    say(desk, who, fields, "/customers", outcome)
}

fn job_of(fields: &mut Query) -> Option<u64> {
    fields.take("job")?.parse().ok()
}

/// Takes a certificate of the operator's own, or gives it up.
pub(crate) fn certificate(desk: &Desk<'_>, who: &Who, fields: &mut Query) -> Reply {
    let (t, by) = (desk.site.words(), by(desk, who));
    let chain = fields.take("chain").unwrap_or_default();
    let placed = match fields.take("do").as_deref() {
        Some("put") => desk.hand.put_certificate(&by, &chain, &fields.take("key").unwrap_or_default()),
        Some("remove") => desk.hand.remove_certificate(&by),
        _ => return unknown(desk),
    };
    let outcome = match placed {
        Ok(Placed::Done(about)) => {
            let is_named = names(desk).any(|name| about.holds_for(&name));
            Ok(Outcome::Certificate { until: about.until.day(), is_named })
        }
        Ok(Placed::Removed) => Ok(Outcome::CertificateRemoved),
        Ok(Placed::Unfit(unfit)) => {
            let sent = Sent { chain, why: Some(page::certificate::unfit(&unfit, t)) };
            return match page::certificate::show(desk.hand, desk.site, who, &sent, desk.now) {
                Ok(page) => desk.reply(400, page, Some(who)),
                Err(_) => unknown(desk),
            };
        }
        Ok(Placed::Not(Changed::Complaints(complaints))) => {
            return on_settings(desk, who, &Typed { texts: Vec::new(), complaints });
        }
        Ok(Placed::Not(_)) => Err(Denied::because(|t| t.settings.meanwhile)),
        Err(why) => Err(why),
    };
    say(desk, who, fields, "/system/certificate", outcome)
}

/// Names of this box: that by which it was asked now, and those that it has.
fn names(desk: &Desk<'_>) -> impl Iterator<Item = String> {
    let host = desk.request.host;
    let host = host.strip_prefix('[').and_then(|rest| rest.split(']').next()).or(host.split(':').next());
    let Site { box_name, names, .. } = desk.site;
    let own = [host.unwrap_or_default().to_owned(), box_name.clone(), format!("{box_name}.local")];
    own.into_iter().chain(names.iter().cloned())
}

/// The support bundle as a file.
pub(crate) fn support(desk: &Desk<'_>, who: &Who, _fields: &mut Query) -> Reply {
    match desk.hand.support(&by(desk, who)) {
        Ok(text) => {
            plain(200, &text).with("Content-Disposition", "attachment; filename=\"abusebox-support.txt\"")
        }
        Err(why) => refuse(desk, who, why),
    }
}

/// Restarts the machine or switches it off, if it is really meant.
pub(crate) fn power(desk: &Desk<'_>, who: &Who, fields: &mut Query) -> Reply {
    let (word, is_sure) = (fields.take("do"), fields.take("sure").is_some());
    let Some(power) = Power::ALL.into_iter().find(|power| Some(power.word()) == word.as_deref()) else {
        return unknown(desk);
    };
    if !is_sure || !desk.hand.can_restart() {
        return see_other("/system");
    }
    match desk.hand.power(&by(desk, who), power) {
        Ok(()) => {
            let reply = desk.reply(200, page::system::going(power, desk.site), Some(who));
            if power == Power::Restart { reply.with("Refresh", "45; url=/") } else { reply }
        }
        Err(why) => refuse(desk, who, why),
    }
}

fn by<'a>(desk: &Desk<'_>, who: &'a Who) -> By<'a> {
    By { visitor: desk.visitor, who }
}

/// Leads back to where the form was, which then says what came of it.
fn say(
    desk: &Desk<'_>,
    who: &Who,
    fields: &mut Query,
    home: &str,
    outcome: Result<Outcome, Denied>,
) -> Reply {
    match outcome {
        Ok(Outcome::Started(job)) => see_other(&format!("/jobs/{job}")),
        Ok(outcome) => {
            desk.hand.tell(who, outcome);
            lead_to(fields.take("to").as_deref().unwrap_or(home))
        }
        Err(why) => refuse(desk, who, why),
    }
}

/// It was not done, or not all of it.
fn refuse(desk: &Desk<'_>, who: &Who, why: Denied) -> Reply {
    let t = desk.site.words();
    let (status, why, about) = match why {
        Denied::Because(Say(why)) => (403, why(t).to_owned(), t.acts.unchanged),
        Denied::Trouble(trouble) => (500, trouble.0, t.acts.look),
        // Neither is said of one who is in.
        Denied::Wrong | Denied::Wait(_) => (403, String::new(), t.acts.unchanged),
    };
    let text = html!("<p class=\"bad\">", why, "</p><p>", about, " ", t.refused.see_log, "</p>");
    desk.reply(status, Page::message(t.acts.not_done, text), Some(who))
}

fn unknown(desk: &Desk<'_>) -> Reply {
    plain(400, desk.site.words().refused.unreadable)
}
