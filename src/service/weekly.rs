//! Counts the week for the operator's report, once: what is composed later, and perhaps again, is made of these numbers.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use super::mailing::Kinds;
use super::{Engine, Error, Loaded, alarms, viewing};
use crate::clock::{Day, Timestamp};
use crate::customers::CustomerNo;
use crate::incident::{OPERATOR, policy};
use crate::lang::Words;
use crate::notify::outbox::End;
use crate::notify::{Figures, Week, Weekly};
use crate::report::kind::{Family, Severity};
use crate::store::{self, View, Weeks};

impl Engine {
    /// The week, if its report is due now. It is made also when nothing happened: it is by its coming that an operator sees
    /// that the box lives. `Some` is to be kept, whether it has a week or only says from when on there may be one.
    pub(super) fn count_week(
        &self,
        view: &View,
        loaded: &Loaded,
        now: Timestamp,
    ) -> Result<Option<Weeks>, Error> {
        let (zone, policy) = (&loaded.settings.boxx.timezone, &loaded.settings.policy);
        let words = Words::of(&loaded.settings.boxx.language);
        let known = view.meta::<Weeks>()?.unwrap_or_default();
        // The first of a new box comes a week after it was set up, at the latest.
        let last = known.last.unwrap_or(policy::local_day(now, zone));
        match policy::weekly_due(last, policy, now, zone) {
            Some(day) => Ok(Some(Weeks { last: Some(day), week: Some(week(view, day, now, words)?) })),
            None => Ok(known.last.is_none().then_some(Weeks { last: Some(last), week: None })),
        }
    }
}

impl Loaded {
    /// With the customers' names as they are now.
    pub(super) fn weekly(&self, week: Week) -> Weekly {
        let named = |&(number, count): &(u32, u64)| {
            let contact = self.table.contact(CustomerNo(number))?;
            Some((contact.name.to_owned(), contact.id.to_owned(), count))
        };
        let customers = week.customers.iter().filter_map(named).collect();
        Weekly { week, customers, version: env!("CARGO_PKG_VERSION") }
    }
}

/// The seven report days before the one that may still be coming in on the local day `day`, and what is open at `now`. It
/// reads each incident once, and keeps none.
fn week(view: &View, day: Day, now: Timestamp, words: &Words) -> Result<Week, store::Error> {
    let (first, last) = (day.plus(-8), day.plus(-2));
    let begin = first.start();
    let [mut this, mut before] = [Figures::default(); 2];
    let mut of =
        |at: Timestamp, count: &mut dyn FnMut(&mut Figures)| match at.since(begin).div_euclid(WEEK_SECONDS) {
            0 => count(&mut this),
            -1 => count(&mut before),
            _ => {}
        };

    let mut newest = None;
    let oldest = first.plus(-7).to_string();
    view.reports_back(None, |file, report| {
        if newest.is_none_or(|(day, _)| day < report.day) {
            newest = Some((report.day, report.finished));
        }
        if file < oldest.as_str() {
            return ControlFlow::Break(());
        }
        if report.duplicate_of.is_none() && report.unreadable.is_none() {
            of(report.day.start(), &mut |figures| {
                figures.reports += 1;
                figures.counts += report.counts;
            });
        }
        ControlFlow::Continue(())
    })?;

    let kinds = Kinds::load(view)?;
    let mut open = [[0; 2]; Severity::ALL.len()];
    let mut families = [[0; 2]; Family::ALL.len()];
    let mut customers = HashMap::<u32, u64>::new();
    view.incidents(|key, incident| {
        of(incident.first_seen, &mut |figures| figures.new += 1);
        if let Some(closed) = incident.closed {
            of(closed, &mut |figures| figures.gone += 1);
        }
        let is_open = incident.closed.is_none();
        let was_open = incident.first_seen < begin && incident.closed.is_none_or(|closed| closed >= begin);
        let (_, kind) = kinds.of(&key);
        for open in [&mut open[incident.severity as usize], &mut families[kind.family as usize]] {
            open[0] += u64::from(is_open);
            open[1] += u64::from(was_open);
        }
        if is_open && key.customer() != OPERATOR {
            *customers.entry(key.customer().0).or_default() += 1;
        }
    })?;

    let mut mailed = [HashSet::new(), HashSet::new()];
    view.notices(|notice| {
        if let Some((at, end)) = &notice.done
            && notice.customer != OPERATOR
            && !notice.practice
        {
            let sent = u64::from(*end == End::Sent);
            let failed = u64::from(*end == End::Failed);
            of(*at, &mut |figures| {
                (figures.sent, figures.failed) = (figures.sent + sent, figures.failed + failed)
            });
            if let (true, 0..=1) = (sent > 0, -at.since(begin).div_euclid(WEEK_SECONDS)) {
                mailed[usize::from(*at < begin)].insert(notice.customer.0);
            }
        }
        Ok(())
    })?;
    [this.mailed, before.mailed] = mailed.map(|customers| customers.len() as u64);

    let mut customers: Vec<(u32, u64)> = customers.into_iter().collect();
    customers.sort_unstable_by_key(|&(number, count)| (Reverse(count), number));
    customers.truncate(CUSTOMERS_MAX);
    let problems = viewing::trend(view, DAYS, last)?.into_iter();
    let mut alarms = alarms::spells(view, begin, now, words)?;
    let alarms_more = alarms.len().saturating_sub(ALARMS_MAX) as u64;
    alarms.truncate(ALARMS_MAX);
    Ok(Week {
        first,
        last,
        figures: [this, before],
        open,
        largest: top(&families, |[now, _]| now),
        growing: top(&families, |[now, before]| now.saturating_sub(before)),
        customers,
        days: problems.map(|(day, seen)| (day, seen.map(|seen| [seen.compromised, seen.exposed]))).collect(),
        alarms,
        alarms_more,
        newest,
    })
}

/// The families with the most of something, of those that have any.
fn top(families: &[[u64; 2]], most: impl Fn([u64; 2]) -> u64) -> Vec<(String, [u64; 2])> {
    let mut found: Vec<_> = Family::ALL.iter().zip(families).filter(|(_, open)| most(**open) > 0).collect();
    found.sort_by_key(|(_, open)| Reverse(most(**open)));
    found.into_iter().take(FAMILIES_MAX).map(|(family, open)| (family.word().to_owned(), *open)).collect()
}

const WEEK_SECONDS: i64 = 7 * 86_400;
/// Report days of the picture.
const DAYS: i32 = 30;
/// More are found on the page.
const FAMILIES_MAX: usize = 5;
const CUSTOMERS_MAX: usize = 10;
const ALARMS_MAX: usize = 30;
