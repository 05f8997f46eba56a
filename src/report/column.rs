//! The table of columns: which a customer may see of a row, and the number under which a stored row keeps each.
//!
//! The lists are closed: a column that is not named here reaches no customer. Left out on purpose are other
//! parties' addresses and names, accounts, passwords, community strings, secrets, session data, certificates as
//! such, and raw requests and responses, which can hold any of these. Values are still foreign text: whoever
//! prints one blanks foreign addresses and escapes it.

use super::family::Family as F;
use super::kind::Side;

/// Every column a customer may see of some report: its number and its name. Stored evidence holds the numbers, so
/// a line is never changed, removed or renumbered; new ones go to the end.
pub const SHOWN: &[(u8, &str)] = &[
    (1, "hostname"),
    (2, "src_hostname"),
    (3, "dst_hostname"),
    (4, "http_referer_hostname"),
    (5, "device_vendor"),
    (6, "device_type"),
    (7, "device_model"),
    (8, "device_version"),
    (9, "device_sector"),
    (10, "tag"),
    (11, "infection"),
    (12, "family"),
    (13, "application"),
    (14, "version"),
    (15, "amplification"),
    (16, "min_amplification"),
    (17, "response_size"),
    (18, "server"),
    (19, "software"),
    (20, "dns_version"),
    (21, "services"),
    (22, "mdns_name"),
    (23, "workstation_name"),
    (24, "programs"),
    (25, "detail"),
    (26, "method"),
    (27, "system"),
    (28, "processor"),
    (29, "banner"),
    (30, "product"),
    (31, "serverid_software"),
    (32, "serverid_version"),
    (33, "userauth_methods"),
    (34, "rdp_protocol"),
    (35, "machine_name"),
    (36, "reported_hostname"),
    (37, "ipmi_version"),
    (38, "manufacturername"),
    (39, "productname"),
    (40, "firmwarerev"),
    (41, "none_auth"),
    (42, "anon_login"),
    (43, "subject_common_name"),
    (44, "issuer_common_name"),
    (45, "cert_expiration_date"),
    (46, "name"),
    (47, "cluster_name"),
    (48, "server_name"),
    (49, "instance_name"),
    (50, "servername"),
    (51, "db2_hostname"),
    (52, "nodes"),
    (53, "vendor"),
    (54, "product_version"),
    (55, "server_version"),
    (56, "couchdb_version"),
    (57, "api_version"),
    (58, "kernel_version"),
    (59, "git_version"),
    (60, "platform"),
    (61, "os"),
    (62, "server_type"),
    (63, "tcp_port"),
    (64, "http_code"),
    (65, "machine_type"),
    (66, "workgroup"),
    (67, "dns_host_name"),
    (68, "smb_version_string"),
    (69, "module"),
    (70, "has_password"),
    (71, "model"),
    (72, "device"),
    (73, "sysname"),
    (74, "sysdesc"),
    (75, "manufacturer"),
    (76, "radioname"),
    (77, "modelfull"),
    (78, "modelshort"),
    (79, "firmware"),
    (80, "printer_name"),
    (81, "printer_make_and_model"),
    (82, "printer_firmware_version"),
    (83, "cups_version"),
    (84, "user_agent"),
    (85, "anonymous_access"),
    (86, "code"),
    (87, "url"),
    (88, "ssl_version"),
    (89, "cert_issue_date"),
    (90, "cert_expired"),
    (91, "self_signed"),
    (92, "status"),
    (93, "build_date"),
    (94, "build_branch"),
    (95, "badsecret_type"),
    (96, "badsecret_module"),
    (97, "badsecret_location"),
    (98, "cipher_suite"),
    (99, "handshake"),
    (100, "freak_vulnerable"),
    (101, "freak_cipher_suite"),
    (102, "ssl_poodle"),
    (103, "signature_algorithm"),
    (104, "key_algorithm"),
    (105, "src_port"),
    (106, "dst_port"),
    (107, "http_agent"),
    (108, "category"),
    (109, "count"),
    (110, "service"),
    (111, "attack"),
    (112, "duration"),
    (113, "number_of_connections"),
    (114, "target_vendor"),
    (115, "target_product"),
    (116, "target_class"),
    (117, "vulnerability_id"),
    (118, "http_host"),
    (119, "http_url"),
    (120, "detected_since"),
    (121, "sha256"),
    (122, "beacon_type"),
    (123, "reason"),
    (124, "source"),
    (125, "avg_pps"),
    (126, "max_pps"),
];

/// The number of a column that customers may see. Meant for once per file, not per row.
pub fn number(name: &str) -> Option<u8> {
    SHOWN.iter().find(|(_, shown)| *shown == name).map(|(number, _)| *number)
}

/// The name of the column with this number.
pub fn name(number: u8) -> Option<&'static str> {
    SHOWN.iter().find(|(shown, _)| *shown == number).map(|(_, name)| *name)
}

/// The columns a customer may see, as lists in the order in which a mail shows them.
pub(super) const fn lists(family: F, side: Side) -> [&'static [&'static str]; 4] {
    let own_name: &[&str] = match side {
        Side::Ip => &["hostname"],
        Side::SrcIp => &["src_hostname"],
        Side::DstIp => &["dst_hostname"],
        Side::HttpRefererIp => &["http_referer_hostname"],
        Side::None => return [&[]; 4],
    };
    // In an event these describe the attacking side, which is not the customer when he is the target.
    let device: &[&str] = if matches!(side, Side::DstIp) { &[] } else { DEVICE };
    // Of an unknown type nobody has looked at what the other columns hold.
    let finding: &[&str] = if matches!(family, F::Other) { &["tag", "version"] } else { FINDING };
    let special: &[&str] = match (family, side) {
        (F::OpenResolver | F::TimeServer | F::Discovery | F::Reflector | F::Middlebox | F::OpenProxy, _) => {
            AMPLIFIER
        }
        (F::RemoteDesktop | F::Ssh | F::Telnet | F::ServerManagement, _) => REMOTE_ACCESS,
        (F::Database | F::DataStore | F::Cache | F::ContainerControl | F::MessageBroker, _) => DATABASE,
        (F::FileSharing | F::Directory | F::FileTransfer, _) => FILE_SHARING,
        (
            F::Snmp
            | F::Router
            | F::SmartInstall
            | F::Routing
            | F::VpnGateway
            | F::Camera
            | F::Printer
            | F::Telephony
            | F::IotMessaging
            | F::Industrial
            | F::AndroidDebug,
            _,
        ) => MANAGED_DEVICE,
        (F::MailServerFlaw | F::MailLogin | F::MailService, _) => MAIL_SERVER,
        (F::WebFlaw | F::WebService | F::WebSecret, _) => WEB_SERVER,
        (F::WeakCrypto, _) => WEAK_CRYPTO,
        (F::Infected | F::InfectedDevice, _) => INFECTED,
        (F::BruteForce | F::Scanning | F::DdosSource, _) => ATTACKING,
        (F::HackedSite | F::HarmfulContent | F::ControlServer, Side::Ip) => HACKED_SITE,
        // In events the web columns name the site that was called, not the customer's.
        (F::HackedSite | F::HarmfulContent | F::ControlServer, _) => &["src_port", "attack", "count"],
        (F::Network, _) => NETWORK,
        (F::Other, _) => &["product_version", "server_version"],
    };
    [own_name, device, finding, special]
}

const DEVICE: &[&str] = &["device_vendor", "device_type", "device_model", "device_version", "device_sector"];
/// What was found, in few words; `family` is that of the malware.
const FINDING: &[&str] = &["tag", "infection", "family", "application", "version"];

#[rustfmt::skip]
const AMPLIFIER: &[&str] = &[
    "amplification", "min_amplification", "response_size", "server", "software", "dns_version",
    "services", "mdns_name", "workstation_name", "programs", "detail", "method", "system", "processor",
];
#[rustfmt::skip]
const REMOTE_ACCESS: &[&str] = &[
    "banner", "product", "serverid_software", "serverid_version", "userauth_methods", "rdp_protocol",
    "machine_name", "reported_hostname", "ipmi_version", "manufacturername", "productname", "firmwarerev",
    "none_auth", "anon_login", "subject_common_name", "issuer_common_name", "cert_expiration_date",
    "amplification",
];
#[rustfmt::skip]
const DATABASE: &[&str] = &[
    "name", "cluster_name", "server_name", "instance_name", "servername", "db2_hostname", "nodes",
    "vendor", "product", "product_version", "server_version", "couchdb_version", "api_version",
    "kernel_version", "git_version", "platform", "os", "server", "server_type", "tcp_port", "http_code",
    "subject_common_name", "issuer_common_name", "cert_expiration_date", "amplification", "response_size",
];
#[rustfmt::skip]
const FILE_SHARING: &[&str] = &[
    "banner", "server_name", "machine_name", "machine_type", "workgroup", "dns_host_name",
    "smb_version_string", "module", "has_password", "subject_common_name", "issuer_common_name",
    "cert_expiration_date", "amplification", "response_size",
];
#[rustfmt::skip]
const MANAGED_DEVICE: &[&str] = &[
    "name", "model", "device", "sysname", "sysdesc", "vendor", "manufacturer", "machine_name",
    "radioname", "modelfull", "modelshort", "firmware", "printer_name", "printer_make_and_model",
    "printer_firmware_version", "cups_version", "server", "banner", "user_agent", "http_code",
    "anonymous_access", "code", "subject_common_name", "issuer_common_name", "cert_expiration_date",
    "amplification", "response_size",
];
#[rustfmt::skip]
const MAIL_SERVER: &[&str] = &[
    "banner", "servername", "url", "ssl_version", "subject_common_name", "issuer_common_name",
    "cert_issue_date", "cert_expiration_date", "cert_expired", "self_signed",
];
#[rustfmt::skip]
const WEB_SERVER: &[&str] = &[
    "server", "server_type", "http_code", "status", "method", "build_date", "build_branch",
    "badsecret_type", "badsecret_module", "badsecret_location", "subject_common_name",
    "issuer_common_name", "cert_expiration_date", "cert_expired", "self_signed",
];
#[rustfmt::skip]
const WEAK_CRYPTO: &[&str] = &[
    "ssl_version", "cipher_suite", "handshake", "freak_vulnerable", "freak_cipher_suite", "ssl_poodle",
    "signature_algorithm", "key_algorithm", "server_type", "http_code", "subject_common_name",
    "issuer_common_name", "cert_issue_date", "cert_expiration_date", "cert_expired", "self_signed",
];
#[rustfmt::skip]
const INFECTED: &[&str] = &[
    "machine_name", "src_port", "dst_port", "http_agent", "category", "status", "count",
];
#[rustfmt::skip]
const ATTACKING: &[&str] = &[
    "src_port", "dst_port", "service", "attack", "duration", "number_of_connections", "target_vendor",
    "target_product", "target_class", "vulnerability_id",
];
#[rustfmt::skip]
const HACKED_SITE: &[&str] = &[
    "url", "http_host", "http_url", "category", "system", "detected_since", "status", "server", "sha256",
    "beacon_type", "http_code",
];
#[rustfmt::skip]
const NETWORK: &[&str] = &[
    "reason", "source", "attack", "duration", "dst_port", "count", "avg_pps", "max_pps",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// How many columns have a number, and a sum over all numbers and names.
    const PINNED: (usize, u64) = (126, 0xa2ca_ff62_b760_1170);

    #[test]
    fn numbers_stay_what_stored_evidence_knows_them_as() {
        // FNV-1a over the pinned lines. Columns may follow them; then pin those too.
        let lines = &SHOWN[..PINNED.0];
        let text: String = lines.iter().map(|(number, name)| format!("{number} {name}\n")).collect();
        let sum = text
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |h: u64, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3));
        assert_eq!(
            sum, PINNED.1,
            "a line of SHOWN was changed: stored rows would be shown under wrong names"
        );
        assert_eq!(SHOWN.len(), PINNED.0, "new columns: pin them, sum {sum:#x}");
    }

    #[test]
    fn numbers_and_names_are_one_to_one() {
        for (at, &(shown, text)) in SHOWN.iter().enumerate() {
            assert_eq!(usize::from(shown), at + 1);
            assert_eq!(number(text), Some(shown));
            assert_eq!(name(shown), Some(text));
        }
        assert_eq!(number("password"), None);
        assert_eq!(name(0), None);
    }
}
