//! The words of the pages, one file per language in `lang/<language>-page.toml`, a table for each page.
//!
//! A page takes them by `let t = site.words();` and writes `html!("<h1>", t.incidents.title, "</h1>")`. A new sentence
//! is a key here and a line in each file. One with values goes through `fill`, or through `phrase` where it holds markup
//! or code; a number through `t.number` or `t.count`. What is not used on any page is dead code.

use crate::clock::Timestamp;
use crate::lang::fill;
use crate::lang::sentences::sentences;
use crate::store::{Deed, Role, What};

sentences! {
    /// All that the pages say, in one language.
    pub(crate) PageWords from FILES;

    thousands
    in_the_future just_now minutes_ago_one minutes_ago_many hours_ago_one hours_ago_many days_ago_one days_ago_many

    [frame Frame]
    log_out fingerprint beginning further any show none_yet_looked_at
    mode_hold mode_practice mode_live about_hold about_practice about_live

    [overview Overview]
    title clock_behind clock_behind_about clock_unconfirmed clock_unconfirmed_about missing missing_about
    alarms alarms_about held held_about first_reports first_reports_about starting starting_about well well_about
    open_incidents mail mail_held mail_queued mail_sent mail_failed newest_day needs
    set_clock set_clock_why asks_servers asks_servers_why no_customers wait wait_one wait_many wait_way
    no_report reports_one reports_many rows_one rows_many
    the_box mode last_fetch never under_way next_fetch customers clock clock_right clock_doubtful

    [trend Trend]
    title about fewer more same so_far drawing most compromised exposed no_report seen_on none_on none_from as_table

    [unset Unset]
    key secret networks abuse_address operator_address mail_server

    [rows Rows]
    matched unassigned ambiguous unattributable outside rejected
    about_matched about_unassigned about_ambiguous about_unattributable about_outside about_rejected

    [incidents Incidents]
    title number severity what place customer state last_seen rows search none no_further
    open told quiet closed again choose_current choose_open choose_quiet
    not_told since muted no_customer unknown_customer no_address port earlier first_seen how_often days_rows
    nature compromised exposed report_type newest_row line_of nothing_more evidence
    mails mail when forgotten no_mails numbered

    [telling TellingWords]
    title asked answer decides holds against
    open heard fresh severe strong often seen_since interval whose
    open_now closed_since heard_now seen_ago severity_is nothing_asked strong_unsaid strong_is days_are
    no_repeat seen_told told_ago is_new is_again is_worse the_customer the_operator nobody silenced stranger
    customer_today sent sent_of free_from hours hours_open quiet_hours weekend day_off release always_held first_held
    waiting waits_since queued_since nothing_waits address has_address no_address next
    told_today not_today operators_digest waits_for_you goes_now goes_from with_next_mail at_once at_once_from in_digest
    but_to_you but_held

    [families Families]
    title about family open holds types as_for_all tell_customer tell_operator tell_nobody
    from_severity after_days from_amplification repeat

    [mails Mails]
    title mail customer to state when replies operator none no_further numbered
    held queued sent failed dropped choose_held choose_queued waits tried_again planned done more_incidents
    no_text nothing_left as_sent as_now subject as_html as_text table more_bytes

    [acts Acts]
    chosen release drop drop_about close reopen close_about mute_until mute note add_note notes no_notes
    held held_about none_held release_held_one release_held_many release_all_one release_all_many
    drop_all_one drop_all_many released_one released_many dropped_one dropped_many closed_one closed_many
    muted_one muted_many reopened_one reopened_many noted_one noted_many missed_one missed_many
    nothing no_day no_text too_long not_done unchanged look

    [jobs Jobs]
    title about job numbered file who asked state none again_soon
    waiting reading planning checking taking failed waits_for_you taken discarded done
    take_report check_file check_about no_file full unconfirmed discarded_now gone
    report_read report_rows mails_planned known same_as unreadable list_now
    the_file complaints more notes first_lines line prefix name mail column complaint
    taken_by was_discarded refused in_force waits_for_operator unreadable_lines leave_out take discard
    changes nothing prefixes_change new_customers gone_customers changed_customers different
    language validity prefixes_new prefixes_gone asking sending no_rows rows_found
    columns taken_as why is_so taking_sessions sessions_taken sessions_known_until check_addresses addresses_about logins forwards

    [setup Setup]
    title about step state what numbered next_is step_by_step done to_do wrong save save_and_check check_again newest_check
    place place_about place_now
    shadowserver shadowserver_about shadowserver_check no_key no_reports ask_so ask_text by_hand
    key_good of_day unusable lists types
    networks networks_about offer no_offer network customers customers_about customers_known
    mail mail_about mail_check mail_taken look_for_it test_subject test_text
    proof spf_none spf_several spf_long spf_wrong spf_pass spf_not_named spf_unclear spf_inside spf_everybody spf_open
    not_looked_up dmarc_none dmarc_says dkim dkim_right dkim_missing dkim_other
    live live_about not_done_yet none_held go_live release_one release_many release_about
    practice practice_about later later_about live_one live_many

    [reports Reports]
    title order day report rows unknown_type file kind report_day taken_in note surplus surplus_one surplus_many
    rejected_by rejected_rows line why at_fault further none no_further same_as unreadable
    which troubled no_such by_day counted
    time address repeated_header unclosed_quote too_long

    [customers Customers]
    title whose address port at look_up prefixes since file list accepted kept no_files taken
    owner moment prefix why customer line of_file won no_line source user place from until holds still known_until
    by_session by_block by_forward by_formula by_resolver uncertain
    all search which in_file gone id name mails_to language last_mail open or_more none no_further held look_at_held

    [fetched Fetched]
    title about send_log send_log_about source customer_list log fetched came never nothing_yet customers_taken sessions_taken
    refused failed now soon

    [customer OneCustomer]
    logins forwards not_in_file to_operator to_operator_gone language_of_box never mailed open_all closed_all none_open
    all_mails no_mails all_prefixes no_prefixes valid always from until is_not_mailed
    history history_way history_about not_whole no_history what opened opened_again closed muted noted told_one told_many

    [ownerless Ownerless]
    title about add file mark silence settings place addresses found how_often incidents_one incidents_many since last_seen
    why none no_further together each_network each_address within no_address by_now silenced outside

    [nat NatWords]
    title about inside outside first last per_user skip address try_it blocks shares nobody wrong_ports no_address crowded to_set

    [texts TextWords]
    title way about family in_settings sentences own reviewed unreviewed confirm preview change show_preview save reset saved wrong
    steps_hint names_hint empty long missing unknown backtick too_many_steps
    l_title l_seen l_matters l_device l_layman l_technician l_check l_intended l_subject_one l_subject_many
    l_greeting l_greeting_unnamed l_intro_one l_intro_many l_which_device l_gone l_answer_title l_answer
    l_genuine_title l_genuine l_sender_title l_sender l_footer

    [whose Whose]
    outside unattributable no_line files_differ files_agree mails_differ two_customers only_prefix longest not_mailed
    longer_prefix none_valid not_valid not_told session block forward formula resolver two_users user_unknown needs_source_port

    [people People]
    title name may may_look may_all added last_login login_from remove nobody
    your_password present new again length change logged_out somebody_else first_password add
    done_here when who from what nothing_done

    [settings Settings]
    title save no_toml is_set is_not_set clear yes no starttls tls plain cgn dynamic both monday tuesday wednesday
    thursday friday saturday sunday never meanwhile list_long wrong_one wrong_many saved_one saved_many same

    [system System]
    title version slot networks disk free_of store memory log words no_lines sure restart off power_about
    restarts restarts_about goes_off goes_off_about support support_about support_download

    [deed DeedWords]
    claimed logged_in reset_passwords changed_password added_operator added_viewer removed_person released dropped closed
    muted reopened noted sent_report sent_known_report sent_unreadable_report took_customers asked_shadowserver
    tried_shadowserver sent_test_mail tried_test_mail changed_settings put_certificate downloaded_support restarted
    switched_off took_sessions forgot_sessions changed_texts and_more times

    [certificate Certificate]
    title about none another chain chain_about key key_about put file names until over unusable remove remove_about
    taken not_named removed no_certificate no_key encrypted another_key expired not_yet not_usable

    [entry Entry]
    claim claim_about code code_about new_name name password password_about log_in forgotten forgotten_about
    not_encrypted overheard far_away better

    [asked Asked]
    title unreadable twice not_here before order line port time address incident_state severity mail_state
    which_customers from network together why part day which_reports skip

    [denied Denied]
    wrong wait_one wait_many not_the_same choose_role name password_short password_long password_known
    claimed no_operator too_many name_taken name_unknown last_operator

    [door DoorWords]
    malformed slow too_large body body_too_large no_length no_session busy disk_full disk no_server late

    [refused Refused]
    name too_long method no_form not_ours far_away unreadable ended viewer unknown_form
    not_found not_found_about broken see_log
}

/// Chooses a sentence where it is not known in which language it will be read: `|t| t.asked.port`.
pub(crate) type Pick = fn(&'static PageWords) -> &'static str;

/// A sentence so chosen, for other rooms to hand back.
#[derive(Clone, Copy, Debug)]
pub struct Say(pub(crate) Pick);

impl PageWords {
    /// A number with marks where people look for them.
    pub(crate) fn number(&self, number: u64) -> String {
        let digits = number.to_string();
        let mut marked = String::with_capacity(digits.len() + digits.len() / 3);
        for (index, digit) in digits.char_indices() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                marked.push_str(self.thousands);
            }
            marked.push(digit);
        }
        marked
    }

    /// The sentence for one or for several, with `{count}` filled in.
    pub(crate) fn count(&self, count: u64, one: &'static str, many: &'static str) -> String {
        fill(if count == 1 { one } else { many }, &[("count", &self.number(count))])
    }

    /// How long ago, roughly.
    pub(crate) fn ago(&self, at: Timestamp, now: Timestamp) -> String {
        let seconds = now.since(at);
        let (unit, one, many) = match seconds {
            ..0 => return self.in_the_future.to_owned(),
            0..90 => return self.just_now.to_owned(),
            90..5_400 => (60, self.minutes_ago_one, self.minutes_ago_many),
            5_400..172_800 => (3_600, self.hours_ago_one, self.hours_ago_many),
            _ => (86_400, self.days_ago_one, self.days_ago_many),
        };
        self.count(seconds.unsigned_abs() / unit, one, many)
    }

    /// What somebody did.
    pub(crate) fn deed(&self, deed: &Deed) -> String {
        let t = &self.deed;
        let sentence = match deed.what {
            What::Said => "{what}",
            What::Claimed => t.claimed,
            What::LoggedIn => t.logged_in,
            What::ResetPasswords => t.reset_passwords,
            What::ChangedPassword => t.changed_password,
            What::AddedPerson(Role::Operator) => t.added_operator,
            What::AddedPerson(Role::Viewer) => t.added_viewer,
            What::RemovedPerson => t.removed_person,
            What::Released => t.released,
            What::Dropped => t.dropped,
            What::Closed => t.closed,
            What::Muted(_) => t.muted,
            What::Reopened => t.reopened,
            What::Noted => t.noted,
            What::SentReport => t.sent_report,
            What::SentKnownReport => t.sent_known_report,
            What::SentUnreadableReport => t.sent_unreadable_report,
            What::TookCustomers => t.took_customers,
            What::AskedShadowserver => t.asked_shadowserver,
            What::TriedShadowserver => t.tried_shadowserver,
            What::SentTestMail => t.sent_test_mail,
            What::TriedTestMail => t.tried_test_mail,
            What::ChangedSettings => t.changed_settings,
            What::PutCertificate => t.put_certificate,
            What::DownloadedSupport => t.downloaded_support,
            What::Restarted => t.restarted,
            What::SwitchedOff => t.switched_off,
            What::TookSessions => t.took_sessions,
            What::ForgotSessions => t.forgot_sessions,
            What::ChangedTexts => t.changed_texts,
        };
        let day = if let What::Muted(day) = deed.what { day.to_string() } else { String::new() };
        let (mut what, more) = (deed.to.join(", "), self.number(deed.more));
        if deed.more > 0 {
            what = fill(t.and_more, &[("what", &what), ("count", &more)]);
        }
        let done = fill(sentence, &[("what", &what), ("day", &day)]);
        match deed.times {
            ..=1 => done,
            times => fill(t.times, &[("what", &done), ("count", &self.number(times))]),
        }
    }
}

/// English first: it stands in for every other.
pub(crate) const FILES: &[(&str, &str)] =
    &[("en", include_str!("../lang/en-page.toml")), ("de", include_str!("../lang/de-page.toml"))];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::sentences::check;

    #[test]
    fn every_language_has_every_sentence_with_the_same_placeholders() {
        check(FILES, PageWords::KEYS);
        assert_eq!((PageWords::of("de-AT").tag, PageWords::of("xx").tag), ("de", "en"));
    }

    #[test]
    fn numbers_and_plurals_are_those_of_the_language() {
        let [english, german] = ["en", "de"].map(PageWords::of);
        assert_eq!([0, 999, 1_000, 1_234_567].map(|n| english.number(n)), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(german.number(1_234_567), "1.234.567");
        let reports = |t: &PageWords, n| t.count(n, t.overview.reports_one, t.overview.reports_many);
        assert_eq!([0, 1, 1_000].map(|n| reports(english, n)), ["0 reports", "1 report", "1,000 reports"]);
        assert_eq!([1, 2].map(|n| reports(german, n)), ["1 Report", "2 Reports"]);
    }

    #[test]
    fn times_are_near() {
        let now = Timestamp::from_unix(1_800_000_000);
        let ago = |tag, seconds: i64| PageWords::of(tag).ago(now.plus_seconds(-seconds), now);
        let moments = [-5, 3, 100, 60 * 5, 7_200, 3 * 86_400];
        assert_eq!(
            moments.map(|seconds| ago("en", seconds)),
            ["in the future", "just now", "1 minute ago", "5 minutes ago", "2 hours ago", "3 days ago"]
        );
        assert_eq!(
            moments.map(|seconds| ago("de", seconds)),
            [
                "in der Zukunft",
                "gerade eben",
                "vor 1 Minute",
                "vor 5 Minuten",
                "vor 2 Stunden",
                "vor 3 Tagen"
            ]
        );
    }
}
