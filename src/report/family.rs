//! The problem families: what a report type is about, from the point of view of somebody who is to put it right.

use serde::{Deserialize, Serialize};

/// Makes the enum, the list of all its values and their words from one table.
macro_rules! families {
    ($($(#[$about:meta])* $name:ident $word:literal)*) => {
        /// What kind of problem it is: decides the words of the mail, the columns a customer may see, and what an
        /// operator may set for it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Family {
            $($(#[$about])* #[serde(rename = $word)] $name,)*
        }

        impl Family {
            /// In the order of their declaration, so that `family as usize` is the position.
            pub const ALL: &'static [Family] = &[$(Self::$name),*];

            /// The family's name in JSON, settings and language files.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

families! {
    /// A name server that answers anybody's questions: attacks on others are bounced off it.
    OpenResolver "open_resolver"
    /// A time server that tells more than the time.
    TimeServer "time_server"
    /// What devices find each other with in a local network answers the internet.
    Discovery "discovery"
    /// Another service of UDP that can be used as a mirror.
    Reflector "reflector"
    /// A firewall or filter that answers connections which were never set up.
    Middlebox "middlebox"
    /// Passes on what anybody sends: proxies and tunnels.
    OpenProxy "open_proxy"
    /// A screen that can be taken over from afar.
    RemoteDesktop "remote_desktop"
    Ssh "ssh"
    Telnet "telnet"
    /// The board in a server by which it is managed even when it is off.
    ServerManagement "server_management"
    /// An SQL database.
    Database "database"
    /// A document store, a search engine or the like.
    DataStore "data_store"
    /// A store in memory, which often knows no login.
    Cache "cache"
    /// What starts and stops containers.
    ContainerControl "container_control"
    /// Queues between programs.
    MessageBroker "message_broker"
    /// Shared folders of an office network.
    FileSharing "file_sharing"
    /// A directory of users and computers.
    Directory "directory"
    /// FTP and its relatives.
    FileTransfer "file_transfer"
    Snmp "snmp"
    /// What a router is managed by.
    Router "router"
    /// Cisco's way to set up switches, which knows no login.
    SmartInstall "smart_install"
    /// What only the routers of neighbours should talk to.
    Routing "routing"
    /// The entrance of a VPN.
    VpnGateway "vpn_gateway"
    /// Cameras and video recorders.
    Camera "camera"
    Printer "printer"
    Telephony "telephony"
    /// Sensors and the smart home.
    IotMessaging "iot_messaging"
    /// Controllers of plants and buildings, and measuring devices.
    Industrial "industrial"
    /// Android's entrance for programmers, mostly on television boxes.
    AndroidDebug "android_debug"
    /// A mail server with a known hole.
    MailServerFlaw "mail_server_flaw"
    /// Passwords of mailboxes go over the line unprotected.
    MailLogin "mail_login"
    /// A mail server that can be reached.
    MailService "mail_service"
    /// A web server, or a device's page, with a known hole.
    WebFlaw "web_flaw"
    /// A web server, or a device's page, that can be reached.
    WebService "web_service"
    /// A web application whose secret is public.
    WebSecret "web_secret"
    /// Encryption that no longer protects.
    WeakCrypto "weak_crypto"
    /// Malware runs inside.
    Infected "infected"
    /// A router, camera or the like that somebody else has taken over.
    InfectedDevice "infected_device"
    /// Guesses the passwords of others.
    BruteForce "brute_force"
    /// Searches for weak machines of others.
    Scanning "scanning"
    /// Takes part in attacks by overload.
    DdosSource "ddos_source"
    /// A web site that somebody else has changed.
    HackedSite "hacked_site"
    /// A server that hands out malware or fraud.
    HarmfulContent "harmful_content"
    /// A server from which attacks are controlled.
    ControlServer "control_server"
    /// For the operator of the network: nothing a customer could put right.
    Network "network"
    /// A type that the table does not know.
    Other "other"
}

impl Family {
    /// Reads a family's word.
    pub fn read(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|family| family.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::kind::{KINDS, unknown};

    #[test]
    fn families_are_named_alike_everywhere() {
        for (at, &family) in Family::ALL.iter().enumerate() {
            assert_eq!(serde_json::to_string(&family).unwrap(), format!("\"{}\"", family.word()));
            assert_eq!((family as usize, Family::read(family.word())), (at, Some(family)));
        }
        assert_eq!(Family::read(""), None);
    }

    #[test]
    fn every_family_has_a_type() {
        for family in Family::ALL {
            assert!(KINDS.iter().chain([unknown()]).any(|kind| kind.family == *family), "{family:?}");
        }
    }
}
