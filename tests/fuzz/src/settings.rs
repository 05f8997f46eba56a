//! Settings: any text is valid or complained of, and what is valid is the same when it is written again.

use std::fmt::{Display, Write};
use std::path::Path;

use abusebox::config::{
    BoxSettings, CustomersFile, FamilyPolicy, Interface, LogTime, Mail, MailSecurity, MailServer, Mode, Nat,
    Networks, Organisation, Page, Policy, RadiusClient, Ranges, Remote, Resolver, Secret, SessionSettings,
    SessionSource, Settings, Shadowserver, Trust, raw,
};

use super::assert_showable;

pub(super) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match raw::parse(&text, Path::new(FOLDER)) {
        Ok(settings) => {
            let written = write(&settings);
            let again = match raw::parse(&written, Path::new(FOLDER)) {
                Ok(again) => again,
                Err(complaints) => panic!("{complaints:?} in\n{written}"),
            };
            assert_eq!(write(&again), written);
            assert_eq!(format!("{again:?}"), format!("{settings:?}"));
            settings.missing().iter().for_each(|what| assert_showable(&what.to_string(), TOLD_CHARS_MAX));
        }
        Err(complaints) => {
            assert!((1..=COMPLAINTS_MAX).contains(&complaints.len()));
            assert!(complaints.is_sorted_by_key(|complaint| complaint.line), "{complaints:?}");
            let lines = 1 + text.matches('\n').count() as u64;
            for complaint in complaints {
                assert!(complaint.line.is_none_or(|line| (1..=lines).contains(&line)), "{complaint:?}");
                assert!(!complaint.field.is_empty() && !complaint.complaint.is_empty());
                assert_showable(&complaint.to_string(), TOLD_CHARS_MAX);
            }
        }
    }
}

/// The settings as a file. Names every field, so that a new one is not forgotten.
fn write(settings: &Settings) -> String {
    let Settings {
        boxx,
        organisation,
        shadowserver,
        networks,
        customers,
        sessions,
        nat,
        resolver,
        mail,
        policy,
        page,
        interface,
        trust,
    } = settings;
    let BoxSettings { name, timezone, language, mode, own_clock: _ } = boxx;
    let mode = match mode {
        Mode::Hold => "hold",
        Mode::Practice => "practice",
        Mode::Live => "live",
    };
    let mut file = File::default();
    file.table("box");
    file.text("name", name);
    file.text("timezone", timezone.iana_name().expect("zones are chosen by name"));
    file.text("language", language);
    file.text("mode", mode);

    let Organisation { name, phrase, abuse_address, operator_address } = organisation;
    file.table("organisation");
    file.text("name", name);
    file.text("phrase", phrase);
    file.text("abuse_address", abuse_address);
    file.text("operator_address", operator_address);

    let Shadowserver { key, secret, api_url, download_url, schema_url, reports, poll_minutes } = shadowserver;
    file.table("shadowserver");
    file.text("key", &key.0);
    file.text("secret", &secret.0);
    file.text("api_url", api_url);
    file.text("download_url", download_url);
    file.text("schema_url", schema_url);
    file.texts("reports", reports);
    file.value("poll_minutes", poll_minutes);

    // What is inside stands with each NAT.
    let Networks { cidrs, silenced, dynamic, cgn, inside: _ } = networks;
    file.table("networks");
    for (key, list) in [("cidrs", cidrs), ("silenced", silenced), ("dynamic", dynamic), ("cgn", cgn)] {
        file.texts(key, list);
    }

    let CustomersFile { file: path, addresses_file, remote, poll_hours } = customers;
    file.table("customers");
    file.optional("file", path.as_deref().map(Path::display));
    file.optional("addresses_file", addresses_file.as_deref().map(Path::display));
    file.remote(remote.as_ref());
    file.value("poll_hours", poll_hours);

    let SessionSettings { keep_days, times, radius_listen, radius_clients, sources } = sessions;
    file.table("sessions");
    file.value("keep_days", keep_days);
    file.times(times);
    file.text("radius_listen", &radius_listen.to_string());
    for RadiusClient { address, secret } in radius_clients {
        file.table("[sessions.radius_clients]");
        file.text("address", &address.to_string());
        file.text("secret", &secret.0);
    }
    for SessionSource { name, remote, poll_minutes, times } in sources {
        file.table("[sessions.sources]");
        file.text("name", name);
        file.remote(remote.as_ref());
        file.value("poll_minutes", poll_minutes);
        file.times(times);
    }
    for Nat { inside, outside, ports_first, ports_last, ports_per_user, skip } in nat {
        file.table("[nat]");
        file.text("inside", &inside.to_string());
        file.texts("outside", outside);
        file.value("ports_first", ports_first);
        file.value("ports_last", ports_last);
        if let Some(ports) = ports_per_user {
            file.value("ports_per_user", ports);
        }
        file.value("skip", skip);
    }
    let Resolver { remote, timeout_seconds, per_minute_max, cache_hours, ranges } = resolver;
    file.table("resolver");
    file.remote(remote.as_ref());
    file.value("timeout_seconds", timeout_seconds);
    file.value("per_minute_max", per_minute_max);
    file.value("cache_hours", cache_hours);
    file.text(
        "ranges",
        match ranges {
            Ranges::Cgn => "cgn",
            Ranges::Dynamic => "dynamic",
            Ranges::Both => "both",
        },
    );

    let Mail { server, per_minute_max, per_domain_per_minute_max, dkim_key, dkim_selector } = mail;
    file.table("mail");
    file.optional("url", server.as_ref().map(mail_url));
    file.value("per_minute_max", per_minute_max);
    file.value("per_domain_per_minute_max", per_domain_per_minute_max);
    file.optional("dkim_key", dkim_key.as_deref().map(Path::display));
    file.text("dkim_selector", dkim_selector);

    let Policy {
        mail_severity_min,
        repeat_days_compromised,
        repeat_days_exposed,
        close_after_days,
        mail_age_days_max,
        mails_per_day_max,
        digest_hour,
        hold_first,
        hold_share_max,
        hold_count_min,
        tell_unknown_types,
        tell_gone,
        weekly_report,
        quiet_hours,
        business_days_only,
        days_off,
        customers_held,
        families,
    } = policy;
    file.table("policy");
    file.text("mail_severity_min", mail_severity_min.word());
    file.value("repeat_days_compromised", repeat_days_compromised);
    file.value("repeat_days_exposed", repeat_days_exposed);
    file.value("close_after_days", close_after_days);
    file.value("mail_age_days_max", mail_age_days_max);
    file.value("mails_per_day_max", mails_per_day_max);
    file.value("digest_hour", digest_hour);
    file.value("hold_first", hold_first);
    file.value("hold_share_max", format!("{hold_share_max:?}"));
    file.value("hold_count_min", hold_count_min);
    file.value("tell_unknown_types", tell_unknown_types);
    file.value("tell_gone", tell_gone);
    file.text(
        "weekly_report",
        &weekly_report.map_or_else(|| "never".to_owned(), |day| format!("{day:?}").to_lowercase()),
    );
    file.optional("quiet_hours", quiet_hours.as_ref());
    file.value("business_days_only", business_days_only);
    file.texts("days_off", days_off);
    file.texts("customers_held", customers_held);
    for (family, own) in families {
        let FamilyPolicy { tell, repeat_days, seen_days_min, amplification_min, severity_min } = own;
        file.table("[family]");
        file.text("name", family.word());
        file.optional("tell", tell.map(|tell| tell.word()));
        for (key, days) in [("repeat_days", repeat_days), ("seen_days_min", seen_days_min)] {
            days.iter().for_each(|days| file.value(key, days));
        }
        amplification_min.iter().for_each(|times| file.value("amplification_min", format!("{times:?}")));
        file.optional("severity_min", severity_min.map(|severity| severity.word()));
    }

    let Page { listen, listen_https, names, allow, setup_code, api_token, intake_token, own_certificate } =
        page;
    file.table("page");
    // Left out, it has a default.
    for (key, at) in [("listen", listen), ("listen_https", listen_https)] {
        file.text(key, &at.map_or_else(String::new, |at| at.to_string()));
    }
    file.texts("names", names);
    file.texts("allow", allow);
    file.optional("setup_code", setup_code.as_ref().map(|code| &code.0));
    file.optional("api_token", api_token.as_ref().map(|token| &token.0));
    file.optional("intake_token", intake_token.as_ref().map(|token| &token.0));
    file.optional("own_certificate", own_certificate.as_deref().map(Path::display));

    let Interface { address, gateway, dns, ntp, proxy } = interface;
    file.table("interface");
    file.optional("address", address.as_ref());
    file.optional("gateway", gateway.as_ref());
    file.texts("dns", dns);
    file.texts("ntp", ntp);
    file.optional("proxy", proxy.as_ref().map(|proxy| &proxy.0));

    let Trust { extra_ca } = trust;
    file.table("trust");
    file.texts("extra_ca", &extra_ca.iter().map(|path| path.display()).collect::<Vec<_>>());
    file.0
}

fn mail_url(MailServer { security, host, port, login }: &MailServer) -> String {
    let scheme = match security {
        MailSecurity::Plain => "smtp",
        MailSecurity::StartTls => "smtp+starttls",
        MailSecurity::Tls => "smtps",
    };
    let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let login = login.as_ref().map(|(user, Secret(password))| {
        let (user, password) = (encoded(user), encoded(password));
        format!("{user}:{password}@")
    });
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    format!("{scheme}://{}{host}:{port}", login.unwrap_or_default())
}

/// A settings file in the making.
#[derive(Default)]
struct File(String);

impl File {
    fn table(&mut self, name: &str) {
        self.0 += &format!("[{name}]\n");
    }

    fn remote(&mut self, remote: Option<&Remote>) {
        let Some(Remote { url, login, token }) = remote else { return };
        self.text("url", &url.0);
        if let Some((user, Secret(password))) = login {
            self.text("user", user);
            self.text("password", password);
        }
        self.optional("token", token.as_ref().map(|token| &token.0));
    }

    fn times(&mut self, LogTime { offset_seconds, uncertainty_seconds, timezone }: &LogTime) {
        self.value("offset_seconds", offset_seconds);
        self.value("uncertainty_seconds", uncertainty_seconds);
        self.text("timezone", timezone.iana_name().expect("zones are chosen by name"));
    }

    fn value(&mut self, key: &str, value: impl Display) {
        self.0 += &format!("{key} = {value}\n");
    }

    fn text(&mut self, key: &str, text: &str) {
        self.value(key, quoted(text));
    }

    fn optional(&mut self, key: &str, text: Option<impl Display>) {
        if let Some(text) = text {
            self.text(key, &text.to_string());
        }
    }

    fn texts(&mut self, key: &str, texts: &[impl Display]) {
        let texts: Vec<_> = texts.iter().map(|text| quoted(&text.to_string())).collect();
        self.value(key, format!("[{}]", texts.join(", ")));
    }
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => write!(quoted, "\\u{:04x}", u32::from(c)).expect("a String takes all"),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

const FOLDER: &str = "/data";
const COMPLAINTS_MAX: usize = 1000;
/// A sentence with all keys of a table in it is far shorter.
const TOLD_CHARS_MAX: usize = 1000;
