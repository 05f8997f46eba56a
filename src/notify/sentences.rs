//! The fixed sentences of the mails, one file per language in `lang/<language>-mail.toml`.

use crate::lang::sentences::sentences;

sentences! {
    /// Templates with `{placeholders}`, for [`fill`](crate::lang::fill).
    pub Sentences<'t> from FILES;

    subject_one subject_many subject_practice subject_pass_on practice pass_on
    greeting greeting_unnamed intro_one intro_many
    colon found_title reason_new reason_worse reason_again reason_repeat
    address more_addresses more_count port last_seen first_seen seen_days report place no_place not_printed
    do_title which_device why device layman technician check intended
    still_open still_open_line gone_title gone gone_line and_more
    answer_title answer genuine_title genuine genuine_phrase sender_title sender footer
    operator_subject alarm_subject over_subject week_subject
    part_alarms part_over part_findings part_held part_nothing
    operator_intro held_title held alarms_title alarm_line standing_title
    over_title over_line over_many lasted_days lasted_hours
    why_unassigned_title why_unassigned why_ambiguous_title why_ambiguous
    why_unattributable_title why_unattributable why_not_told_title why_not_told operator_more operator_nothing
    week_intro needs_title numbers_title this_week week_before
    week_reports week_rows week_matched week_unassigned week_ambiguous week_unattributable week_outside week_rejected
    week_new week_gone week_sent week_failed week_mailed
    trend_title trend trend_day trend_compromised trend_exposed trend_none
    open_title open_now open_before open_all largest_title growing_title
    busiest_title busiest_customer busiest_count week_alarms_title week_alarms_none
    box_title box_newest box_no_report box_version
}

/// English first: it stands in for every other.
const FILES: &[(&str, &str)] = &[
    ("en", include_str!("../lang/en-mail.toml")),
    ("de", include_str!("../lang/de-mail.toml")),
    ("fr", include_str!("../lang/fr-mail.toml")),
    ("es", include_str!("../lang/es-mail.toml")),
    ("nl", include_str!("../lang/nl-mail.toml")),
    ("pl", include_str!("../lang/pl-mail.toml")),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::sentences::check;

    #[test]
    fn every_language_has_every_sentence_with_the_same_placeholders() {
        check(FILES, Sentences::KEYS);
        assert!(std::ptr::eq(Sentences::of("en-GB"), Sentences::of("xx")));
    }
}
