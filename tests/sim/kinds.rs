//! The report types the simulated Shadowserver knows: their columns, ports and usual severity.
//!
//! Names and columns are Shadowserver's own (its published schema of March 2026); an IPv6 type has the columns of
//! its IPv4 twin. Only [`columns`] and [`Kind::find`] are offered, so that the table can be exchanged for another.

/// One report type.
#[derive(Debug)]
pub(crate) struct Kind {
    /// As in the API's `type`; the IPv4 one of two twins.
    pub(crate) name: &'static str,
    pub(crate) severity: &'static str,
    /// Empty where a row has none or it varies.
    pub(crate) protocol: &'static str,
    /// Where such a service listens; empty for types that carry a source port.
    pub(crate) ports: &'static [u16],
    pub(crate) tag: &'static str,
    /// Column names; `+name` stands for a whole group.
    columns: &'static str,
}

impl Kind {
    const fn new(
        name: &'static str,
        severity: &'static str,
        protocol: &'static str,
        ports: &'static [u16],
        tag: &'static str,
        columns: &'static str,
    ) -> Self {
        Self { name, severity, protocol, ports, tag, columns }
    }

    /// Stands for a type that the table lacks.
    pub(crate) const fn unknown() -> Self {
        Self::new("", "medium", "tcp", &[], "unknown", "+scan")
    }

    /// The kind of a report type, also of an IPv6 twin (`scan6_rdp`); `None` for a type the table lacks.
    pub(crate) fn find(name: &str) -> Option<&'static Kind> {
        let twin = match name.split_once('_') {
            Some(("event6", rest)) => format!("event4_{rest}"),
            Some((family, rest)) => format!("{}_{rest}", family.trim_end_matches('6')),
            None => name.to_owned(),
        };
        let twin = twin.trim_end_matches('6');
        KINDS.iter().find(|kind| kind.name == name || kind.name == twin)
    }

    /// What the type is called for addresses of IPv6.
    pub(crate) fn name_v6(&self) -> String {
        match self.name.split_once('_') {
            Some(("event4", rest)) => format!("event6_{rest}"),
            Some((family @ ("scan" | "population"), rest)) => format!("{family}6_{rest}"),
            _ => format!("{}6", self.name),
        }
    }

    /// Whether the customer is the source of traffic seen elsewhere, and not the one who was scanned.
    pub(crate) fn is_event(&self) -> bool {
        self.columns.starts_with("+event") || self.name.starts_with("event")
    }
}

/// Every column of a report type, in the order of the schema; the common ones for a type the table lacks.
pub(crate) fn columns(name: &str) -> Vec<&'static str> {
    let words = Kind::find(name).map_or("+scan", |kind| kind.columns).split_ascii_whitespace();
    words.flat_map(expand).collect()
}

/// Names of all types in the table, without the IPv6 twins.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.name)
}

fn expand(word: &'static str) -> Vec<&'static str> {
    match word.strip_prefix('+').and_then(|name| GROUPS.iter().find(|(group, _)| *group == name)) {
        Some((_, members)) => members.split_ascii_whitespace().collect(),
        None => vec![word],
    }
}

/// Columns that occur together in many types.
#[rustfmt::skip]
const GROUPS: &[(&str, &str)] = &[
    ("scan", "\
        timestamp severity ip protocol port hostname tag asn geo region city naics hostname_source sector"),
    ("device", "\
        device_vendor device_type device_model device_version device_sector"),
    ("event", "\
        timestamp protocol src_ip src_port src_asn src_geo src_region src_city src_hostname src_naics \
        src_sector device_vendor device_type device_model severity dst_ip dst_port dst_asn dst_geo \
        dst_region dst_city dst_hostname dst_naics dst_sector public_source infection family tag application \
        version event_id"),
    ("cert", "\
        cipher_suite cert_length subject_common_name issuer_common_name cert_issue_date cert_expiration_date \
        sha1_fingerprint cert_serial_number ssl_version signature_algorithm key_algorithm \
        subject_organization_name subject_organization_unit_name subject_country \
        subject_state_or_province_name subject_locality_name subject_street_address subject_postal_code \
        subject_surname subject_given_name subject_email_address subject_business_category \
        subject_serial_number issuer_organization_name issuer_organization_unit_name issuer_country \
        issuer_state_or_province_name issuer_locality_name issuer_street_address issuer_postal_code \
        issuer_surname issuer_given_name issuer_email_address issuer_business_category issuer_serial_number \
        sha256_fingerprint sha512_fingerprint md5_fingerprint"),
    ("amp", "\
        response_size amplification"),
    ("web", "\
        http_code http_reason content_type www_authenticate set_cookie content_length transfer_encoding \
        http_date"),
    ("flaw", "\
        vulnerability_enum vulnerability_id vulnerability_class vulnerability_score vulnerability_severity \
        vulnerability_version target_vendor target_product target_class"),
    ("checked", "\
        cert_valid self_signed cert_expired validation_level"),
    ("ddos", "\
        domain_source dst_network dst_netmask attack duration attack_src_ip attack_src_port domain \
        domain_transaction_id gcip http_method http_path http_postdata http_usessl ip_header_ack \
        ip_header_acknum ip_header_dont_fragment ip_header_fin ip_header_identity ip_header_psh \
        ip_header_rst ip_header_seqnum ip_header_syn ip_header_tos ip_header_ttl ip_header_urg \
        number_of_connections packet_length packet_randomized"),];

/// Name, usual severity, protocol, ports, tag, columns.
#[rustfmt::skip]
const KINDS: &[Kind] = &[
    Kind::new("blocklist", "low", "", &[], "", "\
        timestamp severity ip hostname asn geo region city naics sector tag source reason"),
    Kind::new("compromised_account", "critical", "", &[], "", "\
        timestamp tag severity email infection source_url public_source status service username detail"),
    Kind::new("compromised_iot", "critical", "tcp", &[23, 2323], "iot;mirai", "\
        +scan device_vendor device_type device_model device_version source_type category family status \
        detail public_source account server_host_key malpubkey_sha256"),
    Kind::new("compromised_website", "critical", "tcp", &[80, 443], "hacked-webserver;webshell", "\
        +scan application url http_host category system detected_since server redirect_target cc_url family \
        status account detail public_source"),
    Kind::new("device_id", "info", "tcp", &[443, 80, 8443], "", "\
        +scan device_vendor device_type device_model device_version"),
    Kind::new("event4_ddos_participant", "high", "tcp", &[], "ddos;mirai", "+event +ddos http_agent"),
    Kind::new("event4_honeypot_brute_force", "critical", "tcp", &[], "", "\
        +event +flaw service start_time end_time client_version username password payload_url payload_md5"),
    Kind::new("event4_honeypot_darknet", "high", "tcp", &[], "mirai", "+event count"),
    Kind::new("event4_honeypot_ddos_amp", "info", "udp", &[], "", "\
        +event request count bytes end_time duration avg_pps max_pps"),
    Kind::new("event4_honeypot_ddos_target", "info", "udp", &[], "", "+event +ddos"),
    Kind::new("event4_honeypot_http_scan", "high", "tcp", &[], "http-scan;cve-2018-10561", "\
        +event +flaw pattern http_url http_agent http_request_method url_scheme session_tags \
        threat_framework threat_tactic_id threat_technique_id file_md5 file_sha256 request_raw body_raw"),
    Kind::new("event4_ip_spoofer", "medium", "", &[], "", "+event network routedspoof session nat"),
    Kind::new("event4_microsoft_sinkhole", "critical", "tcp", &[], "b54-base", "\
        +event ssl_cipher ssl_servername"),
    Kind::new("event4_sinkhole", "critical", "tcp", &[], "", "+event ssl_cipher ssl_servername"),
    Kind::new("event4_sinkhole_dns", "info", "udp", &[], "", "\
        timestamp protocol severity tag src_ip src_port src_asn src_geo src_region src_city src_hostname \
        src_naics src_sector device_vendor device_type device_model infection family query_type query count"),
    Kind::new("event4_sinkhole_http", "critical", "tcp", &[], "", "\
        +event http_url http_host http_agent forwarded_by ssl_cipher http_referer ssl_servername \
        machine_name"),
    Kind::new("event4_sinkhole_http_referer", "critical", "tcp", &[], "", "\
        timestamp protocol severity tag http_referer_ip http_referer_port http_referer_asn http_referer_geo \
        http_referer_region http_referer_city http_referer_hostname http_referer_naics http_referer_sector \
        dst_ip dst_port dst_asn dst_geo dst_region dst_city dst_hostname dst_naics dst_sector public_source \
        infection family application version event_id http_url http_host http_referer ssl_servername"),
    Kind::new("malware_url", "critical", "", &[80], "", "\
        timestamp hostname ip asn geo region city naics sector severity port tag url source sha256 \
        application"),
    Kind::new("population_bgp", "medium", "tcp", &[179], "bgp", "\
        +scan message_length message_type message_type_int bgp_version sender_asn hold_time bgp_identifier \
        message2_type message2_type_int major_error_code major_error_code_int minor_error_code \
        minor_error_code_int"),
    Kind::new("ransomware_victim", "info", "", &[], "", "\
        timestamp geo region sector severity entity_name website date_published ransomware leak_site_url \
        actor_geo_stats_30d actor_total_stats_30d"),
    Kind::new("sandbox_url", "low", "", &[80], "", "\
        timestamp severity ip asn geo hostname naics sector region city port md5 url user_agent method sha1 \
        sha256"),
    Kind::new("scan_adb", "critical", "tcp", &[5555], "adb", "+scan +device name model device features"),
    Kind::new("scan_chargen", "medium", "udp", &[19], "chargen", "+scan +amp"),
    Kind::new("scan_cisco_smart_install", "critical", "tcp", &[4786], "cisco-smart-install", "+scan"),
    Kind::new("scan_cwmp", "medium", "tcp", &[7547, 30005], "cwmp", "+scan +web http connection server"),
    Kind::new("scan_dns", "medium", "udp", &[53], "openresolver", "+scan dns_version min_amplification"),
    Kind::new("scan_docker", "critical", "tcp", &[2375], "docker", "\
        +scan version http http_code http_reason content_type server date experimental api_version arch \
        go_version os kernel_version git_commit min_api_version build_time pkg_version"),
    Kind::new("scan_elasticsearch", "high", "tcp", &[9200], "elasticsearch", "\
        +scan version ok name cluster_name http_code build_hash build_timestamp build_snapshot \
        lucene_version tagline"),
    Kind::new("scan_exchange", "critical", "tcp", &[443], "exchange;cve-2021-26855", "\
        +scan version servername url"),
    Kind::new("scan_ftp", "info", "tcp", &[21], "ftp", "\
        timestamp severity ip protocol port hostname tag asn geo region city naics hostname_source +cert \
        +device +checked banner handshake auth_tls_response auth_ssl_response tlsv13_support tlsv13_cipher \
        jarm"),
    Kind::new("scan_http", "info", "tcp", &[80, 8080], "http", "+scan +web http connection server version"),
    Kind::new("scan_http_vulnerable", "critical", "tcp", &[80, 443], "git-config-file", "\
        +scan +web http connection server version build_date detail build_branch"),
    Kind::new("scan_ics", "high", "tcp", &[502, 102, 47808], "modbus", "\
        +scan +device device_id response_size raw_response"),
    Kind::new("scan_imap", "low", "tcp", &[143], "imap", "\
        +scan +cert +checked banner handshake jarm sslv3_supported"),
    Kind::new("scan_ipmi", "high", "udp", &[623], "ipmi", "\
        +scan ipmi_version none_auth md2_auth md5_auth passkey_auth oem_auth defaultkg permessage_auth \
        userlevel_auth usernames nulluser anon_login error deviceid devicerev firmwarerev version \
        manufacturerid manufacturername productid productname"),
    Kind::new("scan_ipp", "high", "tcp", &[631], "ipp", "\
        +scan +device ipp_version cups_version printer_uris printer_name printer_info printer_more_info \
        printer_make_and_model printer_firmware_name printer_firmware_string_version \
        printer_firmware_version printer_organization printer_organization_unit printer_uuid \
        printer_wifi_ssid"),
    Kind::new("scan_isakmp", "medium", "udp", &[500], "isakmp", "\
        +scan +amp initiator_spi responder_spi next_payload exchange_type flags message_id next_payload2 \
        domain_of_interpretation protocol_id spi_size notify_message_type"),
    Kind::new("scan_ldap_udp", "high", "udp", &[389], "ldap-udp", "\
        +scan +amp configuration_naming_context current_time default_naming_context dns_host_name \
        domain_controller_functionality domain_functionality ds_service_name forest_functionality \
        highest_committed_usn is_global_catalog_ready is_synchronized ldap_service_name naming_contexts \
        root_domain_naming_context schema_naming_context server_name subschema_subentry \
        supported_capabilities supported_control supported_ldap_policies supported_ldap_version \
        supported_sasl_mechanisms"),
    Kind::new("scan_mdns", "medium", "udp", &[5353], "mdns", "\
        +scan mdns_name mdns_ipv4 mdns_ipv6 services workstation_name workstation_ipv4 workstation_ipv6 \
        workstation_info http_name http_ipv4 http_ipv6 http_ptr http_info http_target http_port spotify_name \
        spotify_ipv4 spotify_ipv6 opc_ua_discovery"),
    Kind::new("scan_memcached", "high", "tcp", &[11211], "memcached", "\
        +scan +amp version pid pointer_size uptime time curr_connections total_connections"),
    Kind::new("scan_mongodb", "high", "tcp", &[27017], "mongodb", "\
        +scan version gitversion sysinfo opensslversion allocator javascriptengine bits maxbsonobjectsize ok \
        visible_databases"),
    Kind::new("scan_mqtt", "medium", "tcp", &[1883, 8883], "mqtt", "\
        +scan +cert anonymous_access raw_response hex_code code"),
    Kind::new("scan_mssql", "high", "udp", &[1434], "mssql", "\
        +scan +amp version server_name instance_name tcp_port named_pipe"),
    Kind::new("scan_netbios", "high", "udp", &[137], "netbios", "\
        +scan +amp mac_address workgroup machine_name username"),
    Kind::new("scan_ntp", "medium", "udp", &[123], "ntp", "\
        +scan +amp version clk_wander clock error frequency jitter leap mintc noise offset peer phase poll \
        precision processor refid reftime rootdelay rootdispersion stability state stratum system tai tc"),
    Kind::new("scan_ntpmonitor", "medium", "udp", &[123], "ntp", "+scan +amp packets"),
    Kind::new("scan_portmapper", "medium", "udp", &[111], "portmapper", "\
        +scan +amp programs mountd_port exports"),
    Kind::new("scan_postgres", "high", "tcp", &[5432], "postgres", "\
        +scan +cert +checked version supported_protocols protocol_error_code protocol_error_file \
        protocol_error_line protocol_error_message protocol_error_routine protocol_error_severity \
        protocol_error_severity_v startup_error_code startup_error_file startup_error_line \
        startup_error_message startup_error_routine startup_error_severity startup_error_severity_v \
        client_ssl handshake browser_trusted browser_error raw_cert raw_cert_chain"),
    Kind::new("scan_rdp", "high", "tcp", &[3389], "rdp", "\
        +scan handshake rdp_protocol cert_length subject_common_name issuer_common_name cert_issue_date \
        cert_expiration_date sha1_fingerprint cert_serial_number ssl_version signature_algorithm \
        key_algorithm sha256_fingerprint sha512_fingerprint md5_fingerprint tlsv13_support tlsv13_cipher \
        jarm"),
    Kind::new("scan_redis", "high", "tcp", &[6379], "redis", "\
        +scan version git_sha1 git_dirty_flag build_id mode os architecture multiplexing_api gcc_version \
        process_id run_id uptime connected_clients"),
    Kind::new("scan_rsync", "medium", "tcp", &[873], "rsync", "+scan module motd has_password"),
    Kind::new("scan_sip", "high", "udp", &[5060], "sip", "\
        +scan +amp sip sip_code sip_reason user_agent sip_via sip_to sip_from content_length content_type \
        server contact cseq call_id allow"),
    Kind::new("scan_smb", "high", "tcp", &[445], "smb", "\
        +scan arch key smb_major_number smb_minor_number smb_revision smb_version_string"),
    Kind::new("scan_smtp_vulnerable", "critical", "tcp", &[25], "smtp;cve-2020-28017", "\
        +scan +cert +checked banner auth_ssl_response auth_tls_response freak_cipher_suite freak_vulnerable \
        handshake jarm raw_cert raw_cert_chain sslv3_supported tlsv13_cipher tlsv13_support"),
    Kind::new("scan_snmp", "high", "udp", &[161], "snmp", "\
        +scan +device +amp version sysname sysdesc community uptime mac_address vendor_id vendor"),
    Kind::new("scan_ssdp", "high", "udp", &[1900], "ssdp", "\
        +scan +amp header systime cache_control location server search_target unique_service_name host nts \
        nt content_type server_port instance version updated_at resource_identifier"),
    Kind::new("scan_ssh", "info", "tcp", &[22, 2222], "ssh", "\
        +scan +device serverid_raw serverid_version serverid_software serverid_comment server_cookie \
        available_kex available_ciphers available_mac available_compression selected_kex algorithm \
        selected_cipher selected_mac selected_compression server_signature_value server_signature_raw \
        server_host_key server_host_key_sha256 rsa_prime rsa_prime_length rsa_generator rsa_generator_length \
        rsa_public_key rsa_public_key_length rsa_exponent rsa_modulus rsa_length dss_prime dss_prime_length \
        dss_generator dss_generator_length dss_public_key dss_public_key_length dss_dsa_public_g \
        dss_dsa_public_p dss_dsa_public_q dss_dsa_public_y ecdsa_curve25519 ecdsa_curve \
        ecdsa_public_key_length ecdsa_public_key_b ecdsa_public_key_gx ecdsa_public_key_gy \
        ecdsa_public_key_n ecdsa_public_key_p ecdsa_public_key_x ecdsa_public_key_y ed25519_curve25519 \
        ed25519_cert_public_key_nonce ed25519_cert_public_key_bytes ed25519_cert_public_key_raw \
        ed25519_cert_public_key_sha256 ed25519_cert_public_key_serial ed25519_cert_public_key_type_id \
        ed25519_cert_public_key_type_name ed25519_cert_public_key_keyid ed25519_cert_public_key_principles \
        ed25519_cert_public_key_valid_after ed25519_cert_public_key_valid_before \
        ed25519_cert_public_key_duration ed25519_cert_public_key_sigkey_bytes \
        ed25519_cert_public_key_sigkey_raw ed25519_cert_public_key_sigkey_sha256 \
        ed25519_cert_public_key_sigkey_value ed25519_cert_public_key_sig_raw banner userauth_methods hassh"),
    Kind::new("scan_ssl", "info", "tcp", &[443, 8443, 10443], "ssl", "\
        +scan +cert +checked +web handshake ssl_poodle freak_vulnerable freak_cipher_suite \
        http_response_type http_connection server_type browser_trusted browser_error tlsv13_support \
        tlsv13_cipher jarm"),
    Kind::new("scan_ssl_poodle", "low", "tcp", &[443], "ssl-poodle", "\
        +scan +cert +device +checked +web handshake ssl_poodle http_response_type http_connection \
        server_type browser_trusted browser_error tlsv13_support tlsv13_cipher raw_cert raw_cert_chain jarm \
        page_sha256fp"),
    Kind::new("scan_stun", "medium", "udp", &[3478], "stun", "\
        +scan +amp transaction_id magic_cookie message_length message_type mapped_family mapped_address \
        mapped_port xor_mapped_family xor_mapped_address xor_mapped_port software fingerprint"),
    Kind::new("scan_telnet", "medium", "tcp", &[23], "telnet", "+scan banner"),
    Kind::new("scan_tftp", "info", "udp", &[69], "tftp", "+scan +amp opcode errorcode error errormessage"),
    Kind::new("scan_ubiquiti", "high", "udp", &[10001], "ubiquiti", "\
        +scan +amp mac radioname essid modelshort modelfull firmware"),
    Kind::new("scan_vnc", "high", "tcp", &[5900], "vnc", "+scan product banner"),
    Kind::new("scan_xdmcp", "high", "udp", &[177], "xdmcp", "+scan +amp opcode reported_hostname status"),
    Kind::new("special", "", "tcp", &[443], "", "\
        +scan public_source status detail method device_vendor first_seen_time last_seen_time \
        potential_exposure_time"),
];
