//! Why a problem is told or not, as it stands at one moment: what the page shows of it.

use super::mailing::{DIGEST_WAIT_SECONDS_MAX, Kinds};
use super::{Engine, Error, Loaded};
use crate::clock::Timestamp;
use crate::config::{Mode, Settings};
use crate::customers::CustomerNo;
use crate::incident::{Audience, OPERATOR, hours, policy};
use crate::notify::outbox;
use crate::report::kind::Severity;
use crate::store::{self, Due, View};
use crate::web::view::{Receiving, Telling};

impl Engine {
    /// What stands for and against telling an incident now; `None`: there is no such incident.
    pub(super) fn telling(&self, id: u64, now: Timestamp) -> Result<Option<Telling>, Error> {
        let (loaded, view) = (self.loaded(), self.store.view()?);
        let Some(key) = view.incident_key(id)? else { return Ok(None) };
        let Some(incident) = view.incident(&key)? else { return Ok(None) };
        let (log, kinds) = (view.session_log()?, Kinds::load(&view)?);
        let context = loaded.context(&log, &kinds, now);
        let receiver = match context.audience(&key, &incident) {
            Audience::Operator => OPERATOR,
            _ => key.customer(),
        };
        let bar = context.bar(receiver, &key, &incident);
        let rules = policy::rules(&incident, &context.asked(&key)).to_vec();
        log.finish()?;
        let Settings { boxx, policy, .. } = &loaded.settings;
        let (next, customer) = match receiver {
            OPERATOR => (policy::next_digest(policy, now, &boxx.timezone), None),
            _ => {
                let (next, receiving) = receiving(&view, &loaded, receiver, incident.severity, now)?;
                (next, Some(receiving))
            }
        };
        Ok(Some(Telling { rules, bar, next, customer }))
    }
}

/// What holds for a customer's mails now, and when the next digest leaves that it may get.
fn receiving(
    view: &View,
    loaded: &Loaded,
    customer: CustomerNo,
    severity: Severity,
    now: Timestamp,
) -> Result<(Timestamp, Receiving), store::Error> {
    let Settings { boxx, policy, .. } = &loaded.settings;
    let mailed = view.mailed(customer)?;
    let mut next = hours::next_leaving(policy, now, &boxx.timezone);
    // The cap is one of 24 hours, so that of two digests the second is free of it.
    if outbox::not_before(&mailed, policy, next)
        .is_some_and(|free| free.since(next) > DIGEST_WAIT_SECONDS_MAX)
    {
        next = hours::next_leaving(policy, next, &boxx.timezone);
    }
    let due = view.due_of(customer)?;
    let receiving = Receiving {
        sent: outbox::sent_lately(&mailed, now),
        sent_max: policy.mails_per_day_max,
        free: outbox::not_before(&mailed, policy, now),
        shut: hours::shut(policy, now, &boxx.timezone),
        is_held: boxx.mode != Mode::Practice && loaded.always_holds(customer),
        waits_first: boxx.mode == Mode::Live && policy.hold_first && mailed.total == 0,
        waiting: view.unsent_of(customer)?.map(|number| view.notice(number)).transpose()?.flatten(),
        has_address: loaded.table.contact(customer).is_some_and(|contact| !contact.mails.is_empty()),
        is_marked: due.is_some(),
        is_at_once: severity == Severity::Critical && due.is_some_and(|Due { critical, .. }| critical),
    };
    Ok((next, receiving))
}

#[cfg(test)]
mod tests {
    use crate::files::save_atomic;
    use crate::service::viewing::tests::{House, NOW, house};
    use crate::web::view::View;

    /// What the page of the incident at an address says of telling it, without markup.
    fn said(house: &House, address: &str) -> String {
        let mut id = 0;
        let view = house.engine.store.view().unwrap();
        view.incidents(|_, incident| {
            id = if incident.evidence.address == address.parse().ok() { incident.id } else { id };
        })
        .unwrap();
        let page = house.get(&format!("/incidents/{id}"));
        let (_, section) = page.split_once("<h2>Told today, or why not</h2>").unwrap();
        let text: String =
            section.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text).collect();
        text.replace("&#39;", "'")
    }

    fn set(house: &House, lines: &str) {
        let path = house.folder.path().join("settings.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        save_atomic(&path, format!("{text}{lines}").as_bytes(), 0o600).unwrap();
        assert!(house.engine.reload(NOW).unwrap());
    }

    #[track_caller]
    fn check(house: &House, address: &str, wanted: &str) {
        let said = said(house, address);
        assert!(said.starts_with(wanted), "{said}");
        // The sentence and the mails agree.
        let stands = said.contains("stands against it");
        assert_eq!(
            stands,
            wanted.starts_with("It is not told") || wanted.starts_with("It was told"),
            "{said}"
        );
    }

    #[test]
    fn the_page_of_an_incident_says_what_becomes_of_it() {
        let house = house();
        house.ingest(&[
            ("192.0.2.1", 3389, "high"),
            ("192.0.2.2", 3389, "low"),
            ("192.0.2.200", 3389, "high"),
            ("2001:db8:2::5", 3389, "critical"),
        ]);
        let tomorrow = "2026-11-26 00:00";
        let held = "That mail then waits until you release it.";
        check(&house, "192.0.2.1", &format!("It is told in the digest of {tomorrow}. {held}"));
        check(
            &house,
            "192.0.2.2",
            "It is not told today. Is it severe enough? low; from medium on it is told.",
        );
        check(&house, "192.0.2.200", &format!("You are told of it in the digest of {tomorrow}."));
        check(
            &house,
            "2001:db8:2::5",
            "It is told as soon as the reports that come in are through. That mail",
        );
        house.engine.plan(NOW).unwrap();
        check(&house, "192.0.2.1", "It is told in mail AB-1 as soon as you release that.");
        let number = house.live.held().unwrap().1;
        let released =
            house.engine.change_mails(&[1, number], crate::notify::outbox::Change::Release, NOW, None);
        assert_eq!(released.unwrap().len(), 2);
        check(
            &house,
            "192.0.2.1",
            "It is told in mail AB-1, which goes out as soon as the mail server takes it.",
        );
        // NOW is a Wednesday, 9:46.
        set(&house, "quiet_hours = \"9-11\"\n");
        check(&house, "192.0.2.1", "It is told in mail AB-1, which goes out from 2026-11-25 11:00 on.");
        assert!(said(&house, "192.0.2.1").contains("quiet hours; mail may leave from 2026-11-25 11:00 on"));

        set(&house, "[[family]]\nname = \"remote_desktop\"\nseen_days_min = 2\n");
        let twice = "It is not told today. Was it seen on enough days? report days: 1; from 2 on it is told.";
        check(&house, "192.0.2.1", twice);
        set(&house, "tell = \"operator\"\nseverity_min = \"low\"\n");
        let path = house.folder.path().join("settings.toml");
        let text = std::fs::read_to_string(&path).unwrap().replace("seen_days_min = 2\n", "");
        save_atomic(&path, text.as_bytes(), 0o600).unwrap();
        house.engine.reload(NOW).unwrap();
        check(&house, "192.0.2.1", &format!("You are told of it in the digest of {tomorrow}."));
        assert!(said(&house, "192.0.2.2").contains("you, and not the customer"));
    }
}
