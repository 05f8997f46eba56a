//! Figures for Prometheus, in its text format 0.0.4. Pure.
//!
//! Only what is cheap: what takes a look at everything comes from the tally that is kept for the overview.

use std::fmt::{Display, Write};

use super::api::{Answer, Asked, Problem};
use super::router::Query;
use crate::report::kind::Severity;

/// All of them.
pub(crate) fn give(asked: &Asked<'_>, _: &mut Query) -> Result<Answer, Problem> {
    let now = asked.desk.now;
    let (overview, status) = (asked.view.overview(now)?, asked.view.status(now)?);
    let tally = &overview.tally;
    let mut text = Text::default();
    text.gauge(
        "abusebox_build_info",
        "Always 1; the label has the version.",
        [("version", env!("CARGO_PKG_VERSION"), 1)],
    );
    text.one(
        "abusebox_clock_trusted",
        "Whether the clock is trusted; where it is not, nothing is done.",
        u8::from(status.clock_trusted),
    );
    text.some(
        "abusebox_last_fetch_timestamp_seconds",
        "When Shadowserver was last asked with success.",
        overview.last_fetch.map(|at| at.unix()),
    );
    text.some(
        "abusebox_next_fetch_timestamp_seconds",
        "When Shadowserver is asked next.",
        overview.next_fetch.map(|at| at.unix()),
    );
    text.one(
        "abusebox_fetching",
        "Whether reports are coming in at this moment.",
        u8::from(overview.is_fetching),
    );
    text.one("abusebox_settings_missing", "Settings that are still to be made.", overview.missing.len());
    text.one("abusebox_customers", "Customers in the newest customer file.", overview.customers);
    let severities = Severity::ALL.into_iter().zip(tally.open);
    text.gauge(
        "abusebox_incidents_open",
        "Incidents that are not closed.",
        severities.map(|(severity, count)| ("severity", severity.word(), count)),
    );
    text.gauge(
        "abusebox_mails_waiting",
        "Mails that are held or queued.",
        [("state", "held", tally.held), ("state", "queued", tally.queued)],
    );
    text.gauge(
        "abusebox_mails_last_day",
        "Mails that were sent or failed in the last 24 hours.",
        [("state", "sent", tally.sent), ("state", "failed", tally.failed)],
    );
    let day = tally.day.as_ref();
    text.some(
        "abusebox_report_day_timestamp_seconds",
        "The newest day with a report, as its beginning in UTC.",
        day.map(|(day, ..)| day.start().unix()),
    );
    text.some("abusebox_report_day_reports", "Reports of that day.", day.map(|(_, reports, _)| reports));
    let rows = day.into_iter().flat_map(|(.., counts)| {
        [
            ("outcome", "matched", counts.matched),
            ("outcome", "unassigned", counts.unassigned),
            ("outcome", "ambiguous", counts.ambiguous),
            ("outcome", "unattributable", counts.unattributable),
            ("outcome", "outside", counts.outside),
            ("outcome", "rejected", counts.rejected),
        ]
    });
    text.gauge("abusebox_report_day_rows", "Rows of the reports of that day, by what became of them.", rows);
    text.gauge(
        "abusebox_alarm",
        "1 for each thing that needs a person.",
        status.alarms.keys().map(|code| ("code", code.as_str(), 1)),
    );
    text.one("abusebox_alarms", "Things that need a person.", status.alarms.len());
    text.some("process_resident_memory_bytes", "Memory of the process.", asked.view.resident_bytes());
    Ok(Answer { content_type: "text/plain; version=0.0.4; charset=utf-8", body: text.0 })
}

#[derive(Default)]
struct Text(String);

impl Text {
    /// Samples of one name, each with a label and its value.
    fn gauge<'a>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (&'a str, &'a str, impl Display)>,
    ) {
        self.head(name, help);
        for (label, value, figure) in samples {
            // What the format wants escaped in a label's value.
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = writeln!(self.0, "{name}{{{label}=\"{value}\"}} {figure}");
        }
    }

    fn one(&mut self, name: &str, help: &str, figure: impl Display) {
        self.some(name, help, Some(figure));
    }

    /// One that may not be known yet; then there is none.
    fn some(&mut self, name: &str, help: &str, figure: Option<impl Display>) {
        self.head(name, help);
        if let Some(figure) = figure {
            let _ = writeln!(self.0, "{name} {figure}");
        }
    }

    fn head(&mut self, name: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} gauge\n");
    }
}
