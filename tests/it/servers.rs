//! Logs that real servers write, as Debian packages them: ISC DHCP, Kea and FreeRADIUS run here, and what they write is
//! read unchanged. Servers and clients of DHCP have networks of their own, so as root only.

use std::fs;
use std::io::{BufReader, Write as _};
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use abusebox::sessions::read::{self, Format, Given, Summary};
use abusebox::sessions::{Session, Until};
use jiff::tz::TimeZone;

use crate::house::skip;

/// The client's card.
const MAC: &str = "02:00:00:00:00:07";

#[test]
fn what_isc_dhcp_writes_is_read() {
    let Some(folder) = run(ISC, &["/usr/sbin/dhcpd", DHCLIENT]) else { return };
    let (before, _) = sessions(folder.path(), "held4", Format::Dhcpd);
    let [lease] = &before[..] else { panic!("{before:?}") };
    assert_eq!((lease.net.to_string().as_str(), &lease.users[..]), ("192.0.2.100/32", &[MAC.to_owned()][..]));
    let Until::Expires(end) = lease.until else { panic!("{lease:?}") };
    assert_eq!(end.since(lease.from), 600);
    is_recent(lease);
    let (after, _) = sessions(folder.path(), "leases4", Format::Dhcpd);
    let Until::Ended(given_back) = after[0].until else { panic!("{after:?}") };
    assert!((after[0].from, after.len()) == (lease.from, 1) && given_back < end, "{after:?}");

    let (held, _) = sessions(folder.path(), "held6", Format::Dhcpd);
    of_ipv6(&held, |lease| {
        assert!(matches!(lease.until, Until::Expires(end) if end.since(lease.from) == 600))
    });
    let (after, _) = sessions(folder.path(), "leases6", Format::Dhcpd);
    of_ipv6(&after, |lease| {
        assert!(
            matches!(lease.until, Until::Ended(end) if (0..60).contains(&end.since(lease.from))),
            "{lease:?}"
        );
    });
}

#[test]
fn what_kea_writes_is_read() {
    let Some(folder) = run(KEA, &["/usr/sbin/kea-dhcp4", "/usr/sbin/kea-dhcp6", DHCLIENT]) else { return };
    // When a lease was given back Kea does not say; it may last until it would have ended.
    for file in ["held4", "leases4"] {
        let (leases, _) = sessions(folder.path(), file, Format::Kea);
        let [lease] = &leases[..] else { panic!("{file}: {leases:?}") };
        assert_eq!((lease.net.to_string().as_str(), lease.users[0].as_str()), ("192.0.2.100/32", MAC));
        assert!(
            matches!(lease.until, Until::Expires(end) if end.since(lease.from) == 600),
            "{file}: {lease:?}"
        );
        is_recent(lease);
    }
    let (held, _) = sessions(folder.path(), "leases6", Format::Kea);
    of_ipv6(&held, |lease| {
        assert!(matches!(lease.until, Until::Expires(end) if end.since(lease.from) == 600))
    });
}

#[test]
fn what_freeradius_writes_is_read() {
    let Some(radius) = FreeRadius::start() else { return };
    let packet = |status: &str, more: &str| {
        format!(
            "Acct-Status-Type = {status}\nAcct-Session-Id = \"17\"\nNAS-IP-Address = 10.0.0.1\n\
             User-Name = \"anna \\\"\\\\ \u{e4}\"\nFramed-IP-Address = 192.0.2.7\n{more}\n"
        )
    };
    let v6 = "Framed-IPv6-Prefix = 2001:db8:0:1::/64\nDelegated-IPv6-Prefix = 2001:db8:0:100::/56\n\
              Framed-IPv6-Address = 2001:db8::7\nADSL-Agent-Circuit-Id = \"olt 1/1\"\n";
    let packets = [
        packet("Start", &format!("{v6}Acct-Delay-Time = 30\n")),
        packet("Interim-Update", "Acct-Session-Time = 20\n"),
        packet("Stop", "Acct-Session-Time = 30\n"),
        "Acct-Status-Type = Accounting-Off\nNAS-IP-Address = 10.0.0.1\n".to_owned(),
    ];
    for packet in packets {
        let output = radclient(radius.port, "testing123", &[], &packet);
        assert!(output.contains("Received Accounting-Response"), "{output}");
    }
    let (sessions, summary) = sessions(radius.folder.path(), "detail", Format::Detail);
    assert_eq!(summary.sessions, 4);
    let nets: Vec<_> = sessions.iter().map(|session| session.net.to_string()).collect();
    assert_eq!(nets, ["192.0.2.7/32", "2001:db8:0:1::/64", "2001:db8:0:100::/56", "2001:db8::7/128"]);
    for session in &sessions {
        assert_eq!(session.users, ["anna \"\\ \u{e4}", "olt 1/1"]);
        let Until::Ended(end) = session.until else { panic!("{session:?}") };
        assert!((30..60).contains(&end.since(session.from)), "told half a minute late: {session:?}");
        is_recent(session);
    }
}

#[track_caller]
fn of_ipv6(leases: &[Session], each: impl Fn(&Session)) {
    let [address, prefix] = leases else { panic!("{leases:?}") };
    assert_eq!((address.net.prefix_len(), prefix.net.prefix_len()), (128, 56));
    for lease in [address, prefix] {
        assert_eq!(lease.users[0], MAC, "of its DUID");
        is_recent(lease);
        each(lease);
    }
}

/// Since the test began.
#[track_caller]
fn is_recent(session: &Session) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64;
    assert!((now - 300..=now).contains(&session.from.unix()), "{session:?} at {now}");
}

/// What a file says, without a complaint.
#[track_caller]
fn sessions(folder: &Path, file: &str, format: Format) -> (Vec<Session>, Summary) {
    let log = BufReader::new(fs::File::open(folder.join(file)).unwrap());
    let mut sessions = Vec::new();
    let given = Given { zone: &TimeZone::UTC, offset: 0, name: Some(file) };
    let summary = read::read(log, &given, |session| {
        sessions.push(session);
        Ok::<(), std::convert::Infallible>(())
    });
    let summary = summary.unwrap();
    assert!(summary.complaints.is_empty() && summary.format == format, "{summary:?}");
    (sessions, summary)
}

/// Runs servers and a client of DHCP, each on its end of a cable. `None`, with a line that says why, where they cannot.
fn run(script: &str, programs: &[&str]) -> Option<tempfile::TempDir> {
    if let Err(why) = has(programs) {
        return skip(&why);
    }
    let folder = tempfile::tempdir().unwrap();
    let client = folder.path().join("address");
    fs::write(&client, CLIENT).unwrap();
    fs::set_permissions(&client, PermissionsExt::from_mode(0o755)).unwrap();
    let output = Command::new("timeout")
        .args(["120", "unshare", "--net", "sh", "-e", "-c", &format!("{CABLE}{script}")])
        .current_dir(folder.path())
        .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
        .env("PLACE", folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("unshare failed") || said.contains("Operation not permitted") {
        return skip(&format!("no network of its own: {}", said.trim()));
    }
    let log = || fs::read_to_string(folder.path().join("log")).unwrap_or_default();
    assert!(output.status.success(), "{said}\n{}", log());
    Some(folder)
}

fn has(programs: &[&str]) -> Result<(), String> {
    match programs.iter().find(|program| !Path::new(program).exists()) {
        Some(missing) => Err(format!("{missing} is missing; `make servers` installs it")),
        None => Ok(()),
    }
}

/// What radclient says of packets of accounting. Lines between them are blank.
pub(crate) fn radclient(port: u16, secret: &str, arguments: &[&str], packets: &str) -> String {
    let server = format!("127.0.0.1:{port}");
    let mut client = Command::new(RADCLIENT)
        .args(["-x", "-r", "3", "-t", "2"])
        .args(arguments)
        .args([server.as_str(), "acct", secret])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = client.stdin.take().unwrap();
    let packets = packets.to_owned();
    let writer = std::thread::spawn(move || input.write_all(packets.as_bytes()));
    let output = client.wait_with_output().unwrap();
    let _ = writer.join();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Whether there is a radclient; else a line says why not.
pub(crate) fn has_radclient() -> bool {
    has(&[RADCLIENT]).map_or_else(|why| skip::<()>(&why).is_some(), |()| true)
}

/// FreeRADIUS at work; it ends with this.
struct FreeRadius {
    process: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl FreeRadius {
    fn start() -> Option<Self> {
        if let Err(why) = has(&[FREERADIUS, RADCLIENT]) {
            return skip(&why);
        }
        let folder = tempfile::tempdir().unwrap();
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let place = folder.path().display().to_string();
        let settings = RADIUSD.replace("PLACE", &place).replace("PORT", &port.to_string());
        fs::write(folder.path().join("radiusd.conf"), settings).unwrap();
        let log = folder.path().join("log");
        let process = Command::new(FREERADIUS)
            .args(["-f", "-l", "stdout", "-n", "radiusd", "-d", &place])
            .stdin(Stdio::null())
            .stdout(fs::File::create(&log).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut radius = Self { process, folder, port };
        let began = Instant::now();
        loop {
            let said = fs::read_to_string(&log).unwrap();
            if said.contains("Ready to process requests") {
                return Some(radius);
            }
            assert!(radius.process.try_wait().unwrap().is_none() && began.elapsed() < PATIENCE, "{said}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for FreeRadius {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
const DHCLIENT: &str = "/usr/sbin/dhclient";
const FREERADIUS: &str = "/usr/sbin/freeradius";
const RADCLIENT: &str = "/usr/bin/radclient";

const RADIUSD: &str = "\
prefix = /usr
libdir = /usr/lib/freeradius
logdir = PLACE
radacctdir = PLACE
run_dir = PLACE
name = radiusd
pidfile = PLACE/pid
security {
  allow_vulnerable_openssl = yes
}
client here {
  ipaddr = 127.0.0.1
  secret = testing123
}
modules {
  detail {
    filename = PLACE/detail
    header = \"%t\"
    permissions = 0600
  }
}
server default {
  listen {
    type = acct
    ipaddr = 127.0.0.1
    port = PORT
  }
  preacct {
  }
  accounting {
    detail
  }
}
";

/// What dhclient runs when it has got an address.
const CLIENT: &str = "#!/bin/sh
case $reason in BOUND | RENEW | REBIND | REBOOT) ip addr replace $new_ip_address/24 dev $interface ;; esac
exit 0
";

/// Both ends of a cable, and how to work at the client's.
const CABLE: &str = "
ip link set lo up
unshare --net sleep 110 & other=$!
trap 'kill $other $servers 2>/dev/null' EXIT
until [ \"$(readlink /proc/$other/ns/net)\" != \"$(readlink /proc/$$/ns/net)\" ]; do sleep 0.1; done
client() { nsenter --target $other --net \"$@\"; }
ip link add server type veth peer name client netns $other
ip link set server address 02:00:00:00:00:01
ip addr add 192.0.2.1/24 dev server
ip addr add 2001:db8::1/64 dev server nodad
ip addr add fe80::1/64 dev server nodad
ip link set server up
client sh -e -c 'ip link set lo up
  ip link set client address 02:00:00:00:00:07
  echo 0 >/proc/sys/net/ipv6/conf/client/accept_dad
  ip link set client up'
take4() { client timeout 60 dhclient -4 -1 -v -sf $PLACE/address -lf $PLACE/client4 -pf $PLACE/pid4 client >>log 2>&1; }
take6() { client timeout 60 dhclient -6 -N -P -1 -v -sf /bin/true -lf $PLACE/client6 -pf $PLACE/pid6 client >>log 2>&1; }
drop4() { client timeout 60 dhclient -4 -r -v -sf $PLACE/address -lf $PLACE/client4 -pf $PLACE/pid4 client >>log 2>&1; }
drop6() { client timeout 60 dhclient -6 -N -P -r -v -sf /bin/true -lf $PLACE/client6 -pf $PLACE/pid6 client >>log 2>&1; }
wait_for() { for i in $(seq 300); do if grep -qs \"$1\" $2; then return; fi; sleep 0.1; done; echo \"no $1 in $2\" >&2; exit 1; }
";

const ISC: &str = "
cat >4.conf <<END
default-lease-time 600;
authoritative;
subnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.100 192.0.2.110; }
END
cat >6.conf <<END
default-lease-time 600;
subnet6 2001:db8::/64 { range6 2001:db8::100 2001:db8::1ff; prefix6 2001:db8:100:: 2001:db8:1ff:: /56; }
END
: >leases4; : >leases6
dhcpd -4 -f -d -cf 4.conf -lf $PLACE/leases4 --no-pid server >server4 2>&1 & servers=$!
dhcpd -6 -f -d -cf 6.conf -lf $PLACE/leases6 --no-pid server >server6 2>&1 & servers=\"$servers $!\"
wait_for 'Server starting service' server4
wait_for 'Server starting service' server6
take4; take6
cp leases4 held4; cp leases6 held6
sleep 1.5
drop4; drop6
wait_for 'binding state free' leases4
wait_for 'binding state released' leases6
";

const KEA: &str = "
mkdir run
export KEA_PIDFILE_DIR=$PLACE/run KEA_LOCKFILE_DIR=$PLACE/run
for v in 4 6; do
  if [ $v = 4 ]; then own='\"subnet4\": [{\"subnet\": \"192.0.2.0/24\", \"pools\": [{\"pool\": \"192.0.2.100-192.0.2.110\"}]}]'
  else own='\"preferred-lifetime\": 300, \"server-id\": {\"type\": \"LL\", \"htype\": 1, \"identifier\": \"020000000001\", \"persist\": false},
    \"subnet6\": [{\"subnet\": \"2001:db8::/64\", \"interface\": \"server\", \"pools\": [{\"pool\": \"2001:db8::100-2001:db8::1ff\"}],
    \"pd-pools\": [{\"prefix\": \"2001:db8:100::\", \"prefix-len\": 40, \"delegated-len\": 56}]}]'; fi
  cat >$v.conf <<END
{\"Dhcp$v\": {\"interfaces-config\": {\"interfaces\": [\"server\"]}, \"valid-lifetime\": 600, $own,
  \"lease-database\": {\"type\": \"memfile\", \"name\": \"$PLACE/leases$v\", \"lfc-interval\": 0},
  \"loggers\": [{\"name\": \"kea-dhcp$v\", \"severity\": \"INFO\", \"output_options\": [{\"output\": \"stdout\"}]}]}}
END
  kea-dhcp$v -c $v.conf >server$v 2>&1 & servers=\"$servers $!\"
done
wait_for _STARTED server4
wait_for _STARTED server6
take4; take6
cp leases4 held4
drop4
wait_for RELEASE server4
";
