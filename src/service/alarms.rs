//! What is wrong with the box and needs somebody: raised, kept and over, and what of it is worth a mail at once.
//!
//! An alarm is told at once, and once; that it is over, too. One that comes again within some hours is a matter that
//! comes and goes: it waits for the digest, or until it has lasted. What came and went within minutes needs nobody.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::PoisonError;

use super::{Engine, fetching, mailing, rebuilding};
use crate::clock::Timestamp;
use crate::lang::Words;
use crate::notify::Spell;
use crate::notify::outbox::SaidAlarms;
use crate::store::{self, Alarm, PastAlarm, Txn, View};

/// What an operator's mail says of alarms.
#[derive(Default)]
pub(super) struct News {
    /// Not told before, with the time at which each came.
    pub(super) alarms: Vec<(Timestamp, String)>,
    /// Told before, and still there.
    pub(super) standing: Vec<(Timestamp, String)>,
    pub(super) over: Vec<Spell>,
    /// All that is said here for the first time.
    pub(super) said: SaidAlarms,
}

impl Engine {
    /// Raises an alarm, keeps it, or takes it back. One that cannot be stored is shown for as long as the process
    /// lives: it is most likely about the disk.
    pub fn alarm(&self, code: &str, text: Option<&str>, now: Timestamp) -> Result<(), store::Error> {
        let stored = self.store_alarm(code, text, now);
        let mut unstored = self.unstored.lock().unwrap_or_else(PoisonError::into_inner);
        let known = unstored.remove(code);
        match (&stored, text, known) {
            (Err(_), Some(text), known) => {
                let known = known.or_else(|| self.stored_alarm(code).ok()?);
                let known = known.unwrap_or_else(|| Alarm::new(now, text));
                unstored.insert(code.to_owned(), Alarm { text: text.to_owned(), ..known });
            }
            // Nobody could be told before it was over.
            (Ok(false), None, Some(known)) => {
                self.store.write(|txn| end(txn, code, &known, false, now))?;
                self.alarmed.notify_one();
            }
            (Ok(true), ..) => self.alarmed.notify_one(),
            _ => {}
        }
        stored.map(drop)
    }

    /// The alarms by code: those of the store, and those that could not be stored.
    pub fn alarms(&self, view: &View) -> Result<BTreeMap<String, Alarm>, store::Error> {
        let mut alarms: BTreeMap<_, _> = view.alarms()?.into_iter().collect();
        alarms.extend(self.unstored.lock().unwrap_or_else(PoisonError::into_inner).clone());
        Ok(alarms)
    }

    fn stored_alarm(&self, code: &str) -> Result<Option<Alarm>, store::Error> {
        let alarms = self.store.view()?.alarms()?;
        Ok(alarms.into_iter().find(|(known, _)| known == code).map(|(_, alarm)| alarm))
    }

    /// Returns whether one came or is over.
    fn store_alarm(&self, code: &str, text: Option<&str>, now: Timestamp) -> Result<bool, store::Error> {
        let known = self.stored_alarm(code)?;
        match (text, &known) {
            (None, None) => return Ok(false),
            (Some(text), Some(alarm)) if alarm.text == text => return Ok(false),
            (Some(text), Some(alarm)) if !is_another(code, &alarm.text, text) => {
                tracing::warn!(code, "{text}");
                let alarm = Alarm { text: text.to_owned(), ..alarm.clone() };
                self.store.write(|txn| txn.put_alarm(code, Some(&alarm)))?;
                return Ok(false);
            }
            (Some(text), _) => tracing::warn!(code, "{text}"),
            (None, Some(_)) => tracing::info!(code, "alarm over"),
        }
        self.store.write(|txn| {
            if let Some(alarm) = &known {
                end(txn, code, alarm, text.is_some(), now)?;
            }
            let Some(text) = text else { return txn.put_alarm(code, None) };
            let last = txn.past_alarms(code)?.first().map(|(_, last)| last.over);
            let is_again = last.is_some_and(|over| (0..AGAIN_SECONDS).contains(&now.since(over)));
            let urgent_from = if is_again { now.plus_seconds(AGAIN_SECONDS) } else { now };
            txn.put_alarm(code, Some(&Alarm { urgent_from, ..Alarm::new(now, text) }))
        })?;
        Ok(true)
    }
}

/// From when on there is something about alarms that is worth a mail by itself; earlier it stands in a mail that is made
/// anyway. `None`: there is nothing to tell.
pub(super) fn urgent_from(view: &View) -> Result<Option<Timestamp>, store::Error> {
    let untold = |(code, alarm): &(String, Alarm)| !alarm.told && !UNMAILABLE.contains(&code.as_str());
    let mut first =
        view.alarms()?.iter().filter(|alarm| untold(alarm)).map(|(_, alarm)| alarm.urgent_from).min();
    view.past_alarms_back(|_, alarm| {
        first = first.into_iter().chain(alarm.urgent_from).min();
        ControlFlow::Continue(())
    })?;
    Ok(first)
}

/// What is to be told of alarms; that which is told and still there with it.
pub(super) fn news(view: &View, words: &Words) -> Result<News, store::Error> {
    let mut news = News::default();
    // A hundred mails that failed do not hide that the disk is full.
    let mut events = Vec::new();
    for (code, Alarm { since, text, told, .. }) in view.alarms()? {
        // A mail that arrives has got past these.
        if UNMAILABLE.contains(&code.as_str()) {
            continue;
        }
        let said = said(words, &code, &text);
        if told {
            news.standing.push((since, said));
            continue;
        }
        let is_event = EVENTS.contains(&&*code);
        if is_event { &mut events } else { &mut news.alarms }.push((since, said));
        news.said.standing.push((code, since, is_event.then_some(text)));
    }
    view.past_alarms_back(|number, PastAlarm { code, spell, over, urgent_from, .. }| {
        if urgent_from.is_some() {
            news.said.past.push((number, over));
            let spell = Spell { text: said(words, &code, &spell.text), ..spell };
            match spell.until {
                None => events.push((spell.since, spell.text)),
                Some(_) => news.over.push(spell),
            }
        }
        ControlFlow::Continue(())
    })?;
    [&mut news.alarms, &mut events, &mut news.standing].into_iter().for_each(|alarms| alarms.sort());
    news.alarms.append(&mut events);
    news.over.sort_by_key(|spell| spell.since);
    Ok(news)
}

/// Those that are still there, then those of the time from `first` on; in each, the newest first.
pub(super) fn spells(
    view: &View,
    first: Timestamp,
    now: Timestamp,
    words: &Words,
) -> Result<Vec<Spell>, store::Error> {
    let [mut standing, mut past] = [Vec::new(), Vec::new()];
    for (code, alarm) in view.alarms()? {
        let spell = Spell::new(alarm.since, said(words, &code, &alarm.text));
        match EVENTS.contains(&&*code) {
            false => standing.push(Spell { seconds: now.since(alarm.since).max(0), ..spell }),
            true if alarm.since >= first => past.push(spell),
            true => {}
        }
    }
    view.past_alarms_back(|_, PastAlarm { code, spell, over, .. }| {
        if over >= first {
            past.push(Spell { text: said(words, &code, &spell.text), ..spell });
        }
        ControlFlow::Continue(())
    })?;
    [&mut standing, &mut past]
        .into_iter()
        .for_each(|spells| spells.sort_by_key(|spell| Reverse(spell.since)));
    standing.append(&mut past);
    Ok(standing)
}

/// What a mail says of an alarm. Its text is English: in a mail of another language it follows what is wrong in a few
/// words.
fn said(words: &Words, code: &str, text: &str) -> String {
    let meaning = words.alarm(code).filter(|_| !words.is_english());
    meaning.map_or_else(|| text.to_owned(), |meaning| format!("{}: {text}", first_clause(meaning)))
}

/// A sentence up to where it goes on about something else.
fn first_clause(sentence: &str) -> &str {
    let ends = [". ", ": ", "; ", " ; ", " : "];
    let end = ends.iter().filter_map(|end| sentence.find(end)).min();
    sentence[..end.unwrap_or(sentence.len())].trim_end_matches(['.', '?'])
}

/// Keeps an alarm that is over, or gave way to another of its kind.
fn end(txn: &Txn, code: &str, alarm: &Alarm, gave_way: bool, now: Timestamp) -> Result<(), store::Error> {
    let is_event = gave_way || EVENTS.contains(&code);
    let over = if is_event { alarm.since } else { now.max(alarm.since) };
    let mut spell = Spell::new(alarm.since, alarm.text.clone());
    if is_event {
        // That it happened is all there is to tell.
        let urgent_from = (!alarm.told).then_some(alarm.urgent_from);
        let past = PastAlarm { code: code.to_owned(), spell, over, urgent_from, told: alarm.told };
        return txn.put_past_alarm(None, &past);
    }
    (spell.until, spell.seconds) = (Some(over), over.since(alarm.since));
    let mut past = txn.past_alarms(code)?.into_iter().peekable();
    // With it, those are over that gave way to it one after another; that says all there is to say of them.
    let gave_way: Vec<_> =
        std::iter::from_fn(|| past.next_if(|(_, one)| one.spell.until.is_none())).collect();
    let was_told = alarm.told || gave_way.iter().any(|(_, one)| one.told);
    let told = was_told && !UNMAILABLE.contains(&code);
    let before = past.next().filter(|_| gave_way.is_empty());
    for (number, one) in gave_way.into_iter().filter(|(_, one)| told && one.urgent_from.is_some()) {
        txn.put_past_alarm(Some(number), &PastAlarm { urgent_from: None, ..one })?;
    }
    let mut urgent_from = match alarm.urgent_from {
        _ if told => over,
        at if at <= over => at,
        // It comes and goes: the digest will be earlier.
        _ => over.plus_days(1),
    };
    let is_close = |last: &PastAlarm| (0..AGAIN_SECONDS).contains(&alarm.since.since(last.over));
    let before = before.filter(|(_, last)| !last.told && is_close(last));
    let number = before.map(|(number, last)| {
        spell.since = last.spell.since;
        spell.times += last.spell.times;
        spell.seconds += last.spell.seconds;
        urgent_from = last.urgent_from.unwrap_or(urgent_from).min(urgent_from);
        number
    });
    let is_harmless = !told && (spell.seconds < SHORT_SECONDS || mailing::UNSET.contains(&&*alarm.text));
    let urgent_from = (!is_harmless).then_some(urgent_from);
    txn.put_past_alarm(number, &PastAlarm { code: code.to_owned(), spell, over, urgent_from, told: false })
}

/// Whether a text under the same code tells of another matter. Most of them count something, or quote what another
/// program says; the matter is then still the one of the code.
fn is_another(code: &str, before: &str, text: &str) -> bool {
    let without_digits = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
    match code {
        _ if EVENTS.contains(&code) => true,
        // Another file, or another fault of it.
        "customers" => without_digits(before) != without_digits(text),
        _ => false,
    }
}

/// Alarms that tell of one thing that happened, and not of one that lasts.
pub(super) const EVENTS: [&str; 3] = [mailing::MAIL_FAILED, fetching::UNREADABLE, rebuilding::STORE_REBUILT];
/// No mail can tell of these while they are there.
pub(super) const UNMAILABLE: [&str; 2] = [mailing::MAIL_SERVER, mailing::OPERATOR_MAIL];
/// Whoever is told of an alarm in the morning looks into it; the same again that day tells him little, and a mail each time
/// lets him stop reading them.
const AGAIN_SECONDS: i64 = 6 * 3600;
/// A restarted mail server, a line that was down: over before anybody could have done something.
const SHORT_SECONDS: i64 = 15 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_of_another_language_says_first_what_is_wrong() {
        let said = |tag, code, text| said(Words::of(tag), code, text);
        assert_eq!(said("en", "disk", "the disk is nearly full: 1 MiB"), "the disk is nearly full: 1 MiB");
        assert_eq!(
            said("de", "mail_failed", "franz@huber.example: gone"),
            "Eine E-Mail war nicht zustellbar: franz@huber.example: gone"
        );
        assert_eq!(said("fr", "disk", "1 MiB"), "Le disque est plein ou n\u{2019}accepte plus rien: 1 MiB");
        assert_eq!(
            said("nl", "resolver", "x"),
            "Uw dienst die adressen aan klanten koppelt, antwoordt niet: x"
        );
        assert_eq!(said("pl", "sessions.radius-1_url", "x").split(':').count(), 2);
        assert_eq!(said("pl", "of another version", "x"), "x");
        for tag in crate::lang::tags() {
            let clause = |code| first_clause(Words::of(tag).alarm(code).unwrap());
            for code in ["trust", "clock", "certificate", "store_rebuilt", "radius"] {
                assert!(!clause(code).contains([';', '?']) && !clause(code).ends_with('.'), "{tag} {code}");
            }
            assert!(tag == "en" || clause("trust").contains("`trust.extra_ca`"), "{tag}");
        }
    }
}
