//! Whether what was set works, tried in earnest: what the key sees, what the mail server says, whose the rows would be.

use std::collections::HashMap;
use std::time::Duration;

use super::intake::{counted, owner};
use super::mailing::{NO_OPERATOR, NO_SENDER, NO_SERVER};
use super::{Engine, Error, random_token};
use crate::clock::{self, Day, Timestamp};
use crate::config::Settings;
use crate::customers::import::File;
use crate::customers::table::Table;
use crate::fetch::http::Client;
use crate::fetch::{self, spool};
use crate::lang::fill;
use crate::notify::smtp::{Outcome, Smtp, Stage, Waits};
use crate::notify::{Mail, mime};
use crate::report::{Hint, Item, Reader};
use crate::store::Counts;
use crate::web::hand::{Asked, End, Seen};
use crate::web::words::PageWords;

impl Engine {
    /// Asks Shadowserver what the key of the settings can see. It goes beside the fetch loop, whose pass may take hours.
    pub(super) async fn ask_shadowserver(&self, now: Timestamp) -> Result<Asked, Error> {
        let loaded = self.loaded();
        let settings = &loaded.settings.shadowserver;
        if settings.key.0.is_empty() || settings.secret.0.is_empty() {
            let what = "shadowserver.key and shadowserver.secret are not both set".to_owned();
            return Err(fetch::Error::Settings { what }.into());
        }
        let client = Client::new(settings, &loaded.extra_ca)?.pausing(Duration::from_secs(1) / clock::pace());
        client.ping().await?;
        let day = now.day().plus(-1);
        let seen = async {
            let lists = client.subscribed().await?;
            let types = client.types(day).await?;
            let listing = client.list(day).await?;
            let reports = listing.reports.len() as u64;
            Ok(Seen { lists, day, types, reports, unusable: listing.skipped.values().sum() })
        };
        match seen.await {
            Ok(seen) if !seen.lists.is_empty() || seen.reports > 0 => Ok(Asked::Sees(seen)),
            Ok(_) | Err(fetch::Error::NoReportsGroup) => {
                let networks = &loaded.settings.networks.cidrs;
                Ok(Asked::NoReports { networks: networks.iter().map(ToString::to_string).collect() })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Sends a mail to the operator, as one to a customer would go.
    pub(super) async fn try_mail(&self, now: Timestamp) -> Result<End, Error> {
        let loaded = self.loaded();
        let Settings { boxx, organisation, mail, .. } = &loaded.settings;
        let (from, to) = (&organisation.abuse_address, &organisation.operator_address);
        let missing = [(from.is_empty(), NO_SENDER), (to.is_empty(), NO_OPERATOR)];
        if let Some((_, text)) = missing.iter().find(|(is_missing, _)| *is_missing) {
            return Ok(End::Failed((*text).to_owned()));
        }
        let Some(server) = mail.server.clone() else { return Ok(End::Failed(NO_SERVER.to_owned())) };
        let say = &PageWords::of(&boxx.language).setup;
        let names = [("organisation", organisation.name.as_str()), ("box", &boxx.name)];
        let text = Mail {
            subject: fill(say.test_subject, &names),
            text: fill(say.test_text, &names),
            html: None,
            csv: None,
        };
        let (token, domain) = (random_token(), from.rsplit('@').next().unwrap_or_default());
        let envelope = mime::Envelope {
            from_name: organisation.name.clone(),
            from: from.clone(),
            to: to.clone(),
            reply_to: None,
            message_id: mime::message_id(&token, 0, 0, domain),
            references: Vec::new(),
            date: now,
        };
        let mut open = Smtp::new(server, &boxx.name, &loaded.extra_ca, WAITS)?.connect().await?;
        let sender = mime::return_path(from, &token);
        let bytes = mime::message(&text, &envelope);
        let outcome = open.deliver(&sender, to, &bytes, || Ok::<(), Error>(())).await;
        open.quit().await;
        Ok(match outcome {
            Outcome::Accepted { reply } => End::Mailed { from: from.clone(), to: to.clone(), reply },
            Outcome::Later { stage, reply }
            | Outcome::Refused { stage, reply }
            | Outcome::ServerRefused { stage, reply } => End::Failed(format!(
                "the mail server does not take the test mail, at {stage}: {reply}; {}",
                advice(stage)
            )),
            Outcome::Lost { detail, .. } => End::Failed(format!(
                "the mail server was reached, and then it broke off: {detail}; try again, and look into its log"
            )),
            Outcome::Stopped(error) => return Err(error),
        })
    }

    /// What would become of the rows of the newest report day if this were the customer list. `None`: there is no report.
    pub(super) fn rows_with(&self, file: &File) -> Result<Option<(Day, Counts)>, Error> {
        let mut reports = self.reports_in_spool()?;
        let Some(day) = reports.last().and_then(|(_, source, _)| source.day) else { return Ok(None) };
        reports.retain(|(_, source, _)| source.day == Some(day));
        let mut numbers = HashMap::<String, u32>::new();
        let number = |id: &str| {
            let next = numbers.len() as u32 + 1;
            *numbers.entry(id.to_owned()).or_insert(next)
        };
        let table = Table::build(&self.loaded().settings.networks, [(Timestamp::from_unix(0), file)], number);
        let mut counts = Counts::default();
        for (_, source, spooled) in reports {
            let hint = Hint { kind: source.kind.as_deref(), file_name: Some(&source.file) };
            // It was read when it came in; what the disk has lost since is not counted.
            let Ok(mut reader) = Reader::new(spool::open(&spooled.path)?, hint) else { continue };
            let header = reader.header.clone();
            while let Ok(Some(item)) = reader.next_item() {
                counts.rows += 1;
                match item {
                    Item::Row(row) => *counted(&mut counts, owner(&table, &header, &row)) += 1,
                    Item::Rejected { .. } => counts.rejected += 1,
                }
            }
        }
        Ok(Some((day, counts)))
    }
}

fn advice(stage: Stage) -> &'static str {
    match stage {
        Stage::Greeting | Stage::StartTls | Stage::Login => "check server, security, user and password",
        Stage::Sender => "check organisation.abuse_address, and whether the server lets this box send for it",
        Stage::Recipient => {
            "check organisation.operator_address, and whether the server passes on what this box sends"
        }
        Stage::Data | Stage::Content => "the log of the mail server says more",
    }
}

/// Somebody waits for the answer, and nobody minds if a test mail comes twice.
const WAITS: Waits = Waits {
    connect: Duration::from_secs(10),
    reply: Duration::from_secs(30),
    content: Duration::from_secs(60),
};
