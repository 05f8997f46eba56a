//! The box on networks as they are: no DHCP, late, changing; IPv6 alone; and what of the box can be reached there.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use abusebox::clock::Clock;

use crate::disk::Disk;
use crate::guest::{Around, BIOS, Guest};
use crate::lan::{Lan, Service};
use crate::sim::ntp::{Manner, TimeServers};
use crate::sim::shadowserver::{Options, Shadowserver};
use crate::sim::world::World;
use crate::{Missing, Tried};

fn scene() -> Result<(Lan, Disk), Missing> {
    Ok((Lan::new()?, Disk::new()?))
}

fn boot(lan: &Lan, disk: &Disk) -> Guest {
    Guest::boot_among(Around { lan: Some(lan), ..Around::default() }, disk, BIOS)
}

pub(crate) fn nothing_but_the_page_is_open_and_that_only_to_clients_nearby() -> Tried {
    let (lan, disk) = scene()?;
    let _dhcp = lan.dhcp(&[LEASE, ROUTER, "--dhcp-range=fd00:99::,ra-only,64", "--enable-ra"]);
    let guest = boot(&lan, &disk);
    let v4 = shown(&guest, "10.99.0.");
    let v6 = shown(&guest, "[fd00:99:");
    wait_for_page(&lan, &guest, v4);
    wait_for_page(&lan, &guest, v6);
    for box_address in [v4, v6] {
        let began = Instant::now();
        assert_eq!(lan.inside(|| tcp_open(box_address)), [80, 443], "{box_address}");
        println!("{box_address}: all TCP ports in {:.1} s", began.elapsed().as_secs_f64());
    }
    let IpAddr::V4(v4_only) = v4 else { unreachable!("it was shown as such") };
    // Multicast DNS.
    assert_eq!(lan.inside(|| udp_not_closed(v4_only)), [5353]);
    for box_address in [v4, v6] {
        // It comes as far as the door, which closes.
        for port in [80, 443] {
            let said = lan.far(|| words_of((box_address, port).into())).expect("there is a way to the box");
            assert_eq!(String::from_utf8_lossy(&said), "", "{box_address} {port}");
        }
        assert!(lan.get((box_address, 80).into(), "/").is_some());
    }
    guest.power_off();
    Ok(())
}

pub(crate) fn without_dhcp_it_is_found_link_local_and_takes_a_lease_that_comes_late() -> Tried {
    let (lan, disk) = scene()?;
    let guest = boot(&lan, &disk);
    let own = shown(&guest, "169.254.");
    wait_for_page(&lan, &guest, own);
    sleep(Duration::from_secs(20));
    assert_eq!(shown(&guest, "169.254."), own);
    let _dhcp = lan.dhcp(&[LEASE, ROUTER]);
    let leased = shown(&guest, "10.99.0.");
    wait_for_page(&lan, &guest, leased);
    let serial = guest.power_off();
    assert!(!last_told(&serial).contains("169.254."), "{serial}");
    Ok(())
}

pub(crate) fn another_lease_moves_the_page_and_the_name_server() -> Tried {
    const NAME: &str = "shadowserver.example.test";
    let lan = Lan::new()?;
    let (shadowserver, data) = shadowserver(&lan, "10.99.1.1", NAME, "[box]\nown_clock = true\n");
    let disk = Disk::with_data(Some(data.path()))?;

    // The first name server sends it where nobody listens.
    let first_names = lan.names("10.99.0.1", NAME, "10.99.0.1");
    let first = lan.dhcp(&["--dhcp-range=10.99.0.50,10.99.0.60,2m", ROUTER, "--dhcp-option=6,10.99.0.1"]);
    let guest = boot(&lan, &disk);
    let before = shown(&guest, "10.99.0.");
    wait_for_page(&lan, &guest, before);
    guest.wait_for("question to the first name server", || first_names.log().contains(NAME));
    assert!(shadowserver.log().is_empty());
    drop((first, first_names));
    let second_names = lan.names("10.99.1.1", NAME, "10.99.1.1");
    let router = "--dhcp-option=3,10.99.1.1";
    let second = lan.dhcp(&["--dhcp-range=10.99.1.50,10.99.1.60,2m", router, "--dhcp-option=6,10.99.1.1"]);
    let after = shown(&guest, "10.99.1.");
    wait_for_page(&lan, &guest, after);
    assert_eq!(lan.get((before, 80).into(), "/"), None, "{}", second.log());
    guest.wait_for("request to Shadowserver", || shadowserver.count("reports/list") > 0);
    assert!(second_names.log().contains(NAME));
    let serial = guest.power_off();
    assert!(!last_told(&serial).contains(&before.to_string()), "{serial}");
    Ok(())
}

/// Shadowserver at an address of this machine under a name, and a data folder with settings that begin with
/// `box_settings`.
fn shadowserver(
    lan: &Lan,
    address: &str,
    name: &'static str,
    box_settings: &str,
) -> (Shadowserver, tempfile::TempDir) {
    let world = World::empty(Clock::system().untrusted_now().day());
    let here = SocketAddr::new(address.parse().unwrap(), 0);
    let shadowserver = lan.inside(|| {
        let options = Options { api: here, download: here, host: name, ..Options::default() };
        Shadowserver::start_with(&world, &options).unwrap()
    });
    let data = tempfile::tempdir().unwrap();
    let settings = format!(
        "{box_settings}[shadowserver]\nkey = \"{}\"\nsecret = \"{}\"\napi_url = \"{}\"\ndownload_url = \"{}\"\n\
         [networks]\ncidrs = [\"198.18.0.0/16\"]\n",
        world.key,
        world.secret,
        shadowserver.api_url(),
        shadowserver.download_url()
    );
    std::fs::write(data.path().join("settings.toml"), settings).unwrap();
    (shadowserver, data)
}

pub(crate) fn a_clock_of_1970_stops_all_work_until_a_time_server_answers() -> Tried {
    const NAME: &str = "10.99.1.1";
    let lan = Lan::new()?;
    let (shadowserver, data) = shadowserver(&lan, NAME, NAME, "");
    let disk = Disk::with_data(Some(data.path()))?;
    // DHCP names the time server, which is not there yet.
    let range = "--dhcp-range=10.99.1.50,10.99.1.60,1h";
    let _dhcp = lan.dhcp(&[range, "--dhcp-option=3,10.99.1.1", "--dhcp-option=42,10.99.1.1"]);
    let around = Around { lan: Some(&lan), clock: Some("1970-01-01T00:00:00"), ..Around::default() };
    let guest = Guest::boot_among(around, &disk, BIOS);
    let address = shown(&guest, "10.99.1.");
    wait_for_page(&lan, &guest, address);
    sleep(Duration::from_secs(20));
    assert!(shadowserver.log().is_empty(), "it asked with a clock that nobody has set");
    let now = Clock::system().untrusted_millis();
    let at = SocketAddr::from(([10, 99, 1, 1], 123));
    let time = lan.inside(|| TimeServers::start_at(at, now, Manner::Tells(0)).unwrap());
    guest.wait_for("request to Shadowserver", || shadowserver.count("reports/list") > 0);
    assert!(time.asked(0) > 0);
    guest.power_off();
    let saved = std::fs::read_to_string(disk.data("time").path().join("system/time")).unwrap();
    let off = saved.trim().parse::<i64>().unwrap() - Clock::system().untrusted_now().unix();
    assert!((-120..=5).contains(&off), "it kept a time {off} s off");
    Ok(())
}

pub(crate) fn a_lease_that_nobody_renews_is_given_up_and_the_box_found_link_local() -> Tried {
    let (lan, disk) = scene()?;
    let dhcp = lan.dhcp(&["--dhcp-range=10.99.0.50,10.99.0.60,2m", ROUTER]);
    let guest = boot(&lan, &disk);
    let leased = shown(&guest, "10.99.0.");
    wait_for_page(&lan, &guest, leased);
    drop(dhcp);
    let own = shown(&guest, "169.254.");
    wait_for_page(&lan, &guest, own);
    assert_eq!(lan.get((leased, 80).into(), "/"), None);
    let _dhcp = lan.dhcp(&[LEASE, ROUTER]);
    let again = shown(&guest, "10.99.0.");
    wait_for_page(&lan, &guest, again);
    guest.power_off();
    Ok(())
}

pub(crate) fn a_cable_that_leads_to_another_network_is_noticed_long_before_the_lease_ends() -> Tried {
    let (lan, disk) = scene()?;
    let first = lan.dhcp(&[LEASE, ROUTER]);
    let guest = boot(&lan, &disk);
    let before = shown(&guest, "10.99.0.");
    wait_for_page(&lan, &guest, before);
    guest.plug(false);
    drop(first);
    let _second = lan.dhcp(&["--dhcp-range=10.99.1.50,10.99.1.60,1h", "--dhcp-option=3,10.99.1.1"]);
    guest.plug(true);
    let after = shown(&guest, "10.99.1.");
    wait_for_page(&lan, &guest, after);
    assert_eq!(lan.get((before, 80).into(), "/"), None);
    guest.power_off();
    Ok(())
}

pub(crate) fn ipv6_alone_is_enough_for_the_page_and_to_fetch() -> Tried {
    const NAME: &str = "shadowserver.example.test";
    let lan = Lan::new()?;
    let (shadowserver, data) = shadowserver(&lan, "fd00:99::1", NAME, "[box]\nown_clock = true\n");
    let disk = Disk::with_data(Some(data.path()))?;
    // Of the name servers that the router names, the first does not answer, and the second is on the link only.
    let servers = "--dhcp-option=option6:dns-server,[fd00:99::1],[fe80::99]";
    let _router: Service = lan.dhcp(&["--dhcp-range=fd00:99::,ra-only,64", "--enable-ra", servers]);
    let names = lan.names("fe80::99", NAME, "fd00:99::1");
    let guest = boot(&lan, &disk);
    let own = shown(&guest, "[fd00:99:");
    wait_for_page(&lan, &guest, own);
    guest.wait_for("request to Shadowserver", || shadowserver.count("reports/list") > 0);
    assert!(names.log().contains(NAME));
    guest.power_off();
    Ok(())
}

/// Waits until the box shows an address of its page that begins so, and gives the newest.
fn shown(guest: &Guest, begin: &str) -> IpAddr {
    let url = format!("http://{begin}");
    guest.wait_for(&url, || last_told(&guest.serial()).contains(&url));
    let serial = guest.serial();
    let text = last_told(&serial);
    let rest = &text[text.find(&url).unwrap() + "http://".len()..];
    rest.split('/').next().unwrap().trim_matches(['[', ']']).parse().unwrap()
}

/// The newest that the box shows on its screen.
fn last_told(serial: &str) -> &str {
    &serial[serial.rfind("\nabusebox ").unwrap_or(serial.len())..]
}

fn wait_for_page(lan: &Lan, guest: &Guest, address: IpAddr) {
    let mut last = None;
    let mut answers = || {
        last = lan.get((address, 80).into(), "/healthz");
        matches!(last, Some((200, _)))
    };
    let began = Instant::now();
    while !answers() {
        assert!(began.elapsed() < PAGE_TIME_MAX, "{address}: {last:?}: {}", guest.serial());
        sleep(Duration::from_millis(200));
    }
}

/// The TCP ports that are not closed, of all.
fn tcp_open(address: IpAddr) -> Vec<u16> {
    let (next, open) = (AtomicU32::new(1), Mutex::new(Vec::new()));
    let closed = |port: u16| {
        // A packet may be lost where so many come.
        (0..3).any(|_| match TcpStream::connect_timeout(&(address, port).into(), Duration::from_secs(3)) {
            Ok(_) => false,
            Err(error) => error.kind() == ErrorKind::ConnectionRefused,
        })
    };
    scope(|threads| {
        for _ in 0..32 {
            threads.spawn(|| {
                while let Ok(port) = u16::try_from(next.fetch_add(1, Ordering::Relaxed)) {
                    if !closed(port) {
                        open.lock().unwrap().push(port);
                    }
                }
            });
        }
    });
    let mut open = open.into_inner().unwrap();
    open.sort_unstable();
    open
}

/// Of the UDP ports on which something often listens, those that the box does not call closed. It says so once a
/// second to each asker, so each has another address.
fn udp_not_closed(address: Ipv4Addr) -> Vec<u16> {
    (0..)
        .zip(UDP_PORTS)
        .filter(|&(number, port)| {
            let asker = Ipv4Addr::new(10, 99, 0, 100 + number);
            let socket = UdpSocket::bind((asker, 0)).unwrap();
            socket.connect((address, *port)).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
            let refused = (0..3).any(|_| {
                // What is refused may show at either.
                let answer = socket.send(b"\r\n").and_then(|_| socket.recv(&mut [0; 64]));
                answer.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
            });
            !refused
        })
        .map(|(_, port)| *port)
        .collect()
}

/// What a client gets that asks for a page; `None`: it cannot even connect.
fn words_of(address: SocketAddr) -> Option<Vec<u8>> {
    let mut client = TcpStream::connect_timeout(&address, Duration::from_secs(5)).ok()?;
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut reply = Vec::new();
    let _ = write!(client, "GET / HTTP/1.1\r\nHost: {address}\r\n\r\n");
    // Closed or reset.
    let _ = client.read_to_end(&mut reply);
    Some(reply)
}

/// From when the address is shown; a name server that does not answer makes the program slow to start.
const PAGE_TIME_MAX: Duration = Duration::from_secs(60);
const LEASE: &str = "--dhcp-range=10.99.0.50,10.99.0.60,1h";
const ROUTER: &str = "--dhcp-option=3,10.99.0.1";
const UDP_PORTS: &[u16] = &[
    7, 9, 13, 17, 19, 37, 53, 67, 68, 69, 111, 123, 137, 138, 161, 177, 389, 427, 443, 500, 514, 520, 546,
    547, 623, 631, 1194, 1434, 1645, 1701, 1812, 1900, 2049, 4500, 5060, 5351, 5353, 5355, 5683, 11211,
    17500, 27015, 47808, 51820,
];
