//! The name of a box in its network, over real sockets of the loopback interface.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use abusebox::system::mdns::{Identity, News};
use abusebox::system::naming::{self, Interface, Wanted};
use rustix::net::{AddressFamily, SocketType, sockopt};
use tokio::sync::watch;

use crate::sim::net::Background;

const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);

/// A port that nobody else uses, so that tests do not hear each other.
fn free_port() -> u16 {
    UdpSocket::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port()
}

fn loopback() -> u32 {
    std::fs::read_to_string("/sys/class/net/lo/ifindex").unwrap().trim().parse().unwrap()
}

/// A box which says that it has this address.
struct Named {
    wanted: Arc<Mutex<Wanted>>,
    stop: watch::Sender<bool>,
    _thread: Background,
}

impl Named {
    fn start(name: &str, address: &str, port: u16) -> Self {
        let wanted = Arc::new(Mutex::new(Wanted { name: name.to_owned(), port: Some(80) }));
        let (stop, stopped) = watch::channel(false);
        let asked = wanted.clone();
        let lo =
            Interface { name: "lo".to_owned(), index: loopback(), addresses: vec![address.parse().unwrap()] };
        let thread = Background::run("naming", move || {
            naming::keep_known(move || asked.lock().unwrap().clone(), move || vec![lo.clone()], port, stopped)
        });
        Self { wanted, stop, _thread: thread.unwrap() }
    }
}

/// Asks for the address of `name`.local, as a plain resolver does.
fn ask(name: &str, port: u16) -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    sockopt::set_ip_multicast_if_with_ifindex(&socket, &GROUP, &Ipv4Addr::UNSPECIFIED, loopback()).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(250))).unwrap();
    let mut question = vec![7, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in [name, "local", ""] {
        question.push(u8::try_from(label.len()).unwrap());
        question.extend(label.as_bytes());
    }
    question.extend([0, 1, 0, 1]);
    socket.send_to(&question, SocketAddr::from((GROUP, port))).unwrap();
    let mut reply = [0; 1500];
    let (length, _) = socket.recv_from(&mut reply).ok()?;
    // The one answer is the last of the packet.
    let end = <[u8; 4]>::try_from(&reply[length - 4..length]).unwrap();
    assert!(reply.starts_with(&[7, 7, 0x84, 0, 0, 1, 0, 1]) && reply[12..].starts_with(&question[12..]));
    Some(Ipv4Addr::from(end).into())
}

/// Who has the names, once it is so.
#[track_caller]
fn becomes(expected: &[(&str, Option<&str>)], port: u16) {
    let began = Instant::now();
    loop {
        let found: Vec<_> = expected.iter().map(|(name, _)| ask(name, port)).collect();
        let wanted: Vec<_> = expected.iter().map(|(_, a)| a.map(|a| a.parse().unwrap())).collect();
        if found == wanted {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{found:?} in the place of {expected:?}");
    }
}

#[test]
fn the_name_is_that_of_the_settings_as_long_as_it_is_there() {
    let port = free_port();
    let named = Named::start("Rack-3", "192.0.2.1", port);
    becomes(&[("rack-3", Some("192.0.2.1")), ("rack-4", None)], port);
    named.wanted.lock().unwrap().name = "rack-4".to_owned();
    becomes(&[("rack-3", None), ("rack-4", Some("192.0.2.1"))], port);
    named.stop.send_replace(true);
    becomes(&[("rack-4", None)], port);
}

#[test]
fn who_comes_later_takes_another_name() {
    let port = free_port();
    let _first = Named::start("abusebox", "192.0.2.1", port);
    becomes(&[("abusebox", Some("192.0.2.1"))], port);
    // The later one in order, which would win if both began together.
    let _second = Named::start("abusebox", "192.0.2.9", port);
    becomes(&[("abusebox", Some("192.0.2.1")), ("abusebox-2", Some("192.0.2.9"))], port);
    let _third = Named::start("abusebox", "192.0.2.5", port);
    becomes(
        &[
            ("abusebox", Some("192.0.2.1")),
            ("abusebox-2", Some("192.0.2.9")),
            ("abusebox-3", Some("192.0.2.5")),
        ],
        port,
    );
}

#[test]
fn of_two_that_begin_together_each_has_a_name() {
    let port = free_port();
    let _boxes = ["192.0.2.1", "192.0.2.9"].map(|address| Named::start("abusebox", address, port));
    let began = Instant::now();
    loop {
        let mut found = ["abusebox", "abusebox-2"].map(|name| ask(name, port));
        found.sort();
        if found == ["192.0.2.1", "192.0.2.9"].map(|address| Some(address.parse().unwrap())) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{found:?}");
    }
}

/// As when two networks become one.
#[test]
fn who_meets_an_owner_of_its_name_asks_again_and_goes() {
    let port = free_port();
    let _named = Named::start("abusebox", "192.0.2.1", port);
    becomes(&[("abusebox", Some("192.0.2.1"))], port);
    // Another implementation, which never gives way. It hears the questions because it has joined the group.
    let address: Vec<IpAddr> = vec!["192.0.2.9".parse().unwrap()];
    let other = Identity {
        name: "abusebox".to_owned(),
        addresses: address.clone(),
        all_addresses: address,
        port: None,
    };
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None).unwrap();
    sockopt::set_socket_reuseaddr(&socket, true).unwrap();
    rustix::net::bind(&socket, &SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))).unwrap();
    sockopt::set_ip_add_membership_with_ifindex(&socket, &GROUP, &Ipv4Addr::UNSPECIFIED, loopback()).unwrap();
    sockopt::set_ip_multicast_if_with_ifindex(&socket, &GROUP, &Ipv4Addr::UNSPECIFIED, loopback()).unwrap();
    let socket = UdpSocket::from(socket);
    let tell = other.announcement(News::Here);
    socket.send_to(&tell, (GROUP, port)).unwrap();
    std::thread::spawn(move || {
        let mut packet = [0; 1500];
        while let Ok((length, _)) = socket.recv_from(&mut packet) {
            // Questions of who wants the name have authorities.
            if length > 10 && packet[9] > 0 {
                socket.send_to(&tell, (GROUP, port)).unwrap();
            }
        }
    });
    becomes(&[("abusebox", None), ("abusebox-2", Some("192.0.2.1"))], port);
}

#[test]
fn the_cards_of_this_machine_are_found() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let found = runtime.block_on(async { naming::interfaces() });
    assert!(found.iter().all(|interface| interface.name != "lo" && !interface.addresses.is_empty()));
    let own = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    // Without a way to anywhere there is no card to be found.
    if own.connect("192.0.2.1:9").is_ok() {
        let ip = own.local_addr().unwrap().ip();
        assert!(found.iter().any(|interface| interface.addresses.contains(&ip)), "{ip} in {found:?}");
    }
}
