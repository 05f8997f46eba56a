//! A network of its own for a box: a cable to this machine, which plays router, DHCP and name server there, and behind
//! the router another network. It needs root, /dev/net/tun and dnsmasq; nothing of it is seen outside.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::{Missing, guest};

/// The box's cable.
pub(crate) const TAP: &str = "tap0";

/// What this machine has on the box's network, and behind the router. No client there is nearby.
const LAN: &str = "
    ip link set lo up
    echo 1 >/proc/sys/net/ipv4/ip_forward
    echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
    ip tuntap add dev tap0 mode tap
    echo 0 >/proc/sys/net/ipv6/conf/tap0/accept_dad
    ip addr add 10.99.0.1/24 dev tap0
    ip addr add 10.99.1.1/24 dev tap0
    ip addr add 169.254.77.1/16 dev tap0
    for last in $(seq 100 149); do ip addr add 10.99.0.$last/24 dev tap0; done
    ip addr add fd00:99::1/64 dev tap0
    ip addr add fe80::99/64 dev tap0
    ip link set tap0 up";
const FAR: &str = "
    ip link set lo up
    ip link add wan type veth peer name wan netns $1
    nsenter --target $1 --net sh -e -c '
        ip addr add 198.51.100.1/24 dev wan
        ip addr add 2001:db8:77::1/64 dev wan nodad
        ip link set wan up'
    ip addr add 198.51.100.2/24 dev wan
    ip addr add 2001:db8:77::2/64 dev wan nodad
    ip link set wan up
    ip route add default via 198.51.100.1
    ip route add default via 2001:db8:77::1";

pub(crate) struct Lan {
    near: Space,
    far: Space,
    folder: tempfile::TempDir,
    services: AtomicUsize,
}

impl Lan {
    pub(crate) fn new() -> Result<Self, Missing> {
        Self::make().map_err(|why| Missing(format!("no network can be made here: {why}")))
    }

    fn make() -> Result<Self, String> {
        if !Path::new("/dev/net/tun").exists() {
            return Err("there is no /dev/net/tun".to_owned());
        }
        Command::new(DNSMASQ).arg("--version").output().map_err(|error| format!("{DNSMASQ}: {error}"))?;
        let near = Space::new(LAN, "")?;
        let far = Space::new(FAR, &near.holder.id().to_string())?;
        Ok(Self { near, far, folder: tempfile::tempdir().unwrap(), services: AtomicUsize::new(0) })
    }

    /// Works on the box's network. Threads and programs that are started stay on it.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.near.inside(work)
    }

    /// The same on the network behind the router.
    pub(crate) fn far<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.far.inside(work)
    }

    /// Status and body of a page; `None`: nobody answers.
    pub(crate) fn get(&self, address: SocketAddr, target: &str) -> Option<(u16, String)> {
        self.inside(|| guest::get(address, target, Duration::from_secs(5)))
    }

    /// A DHCP server, and with `--enable-ra` a router for IPv6, with these words of dnsmasq.
    pub(crate) fn dhcp(&self, options: &[&str]) -> Service {
        let leases = format!("--dhcp-leasefile={}", self.folder.path().join("leases").display());
        let interface = format!("--interface={TAP}");
        let fixed = ["--port=0", "--dhcp-authoritative", "--no-ping", "--log-dhcp", &interface, &leases];
        self.serve(&[&fixed, options].concat())
    }

    /// A name server at one address of this machine, that knows one name.
    pub(crate) fn names(&self, server: &str, name: &str, address: &str) -> Service {
        let (listen, known) = (format!("--listen-address={server}"), format!("--address=/{name}/{address}"));
        self.serve(&["--log-queries", &listen, &known])
    }

    fn serve(&self, options: &[&str]) -> Service {
        let log = self.folder.path().join(format!("log{}", self.services.fetch_add(1, Ordering::Relaxed)));
        let mut command = Command::new(DNSMASQ);
        command
            .args([
                "--keep-in-foreground",
                "--user=root",
                "--conf-file=/dev/null",
                "--no-resolv",
                "--no-hosts",
            ])
            .args(["--pid-file=", "--bind-interfaces", "--except-interface=lo"])
            .arg(format!("--log-facility={}", log.display()))
            .args(options);
        let child = self.inside(|| command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap());
        let mut service = Service { child, log };
        let began = Instant::now();
        while !service.log().contains("started, ") {
            let ended = service.child.try_wait().unwrap();
            let patient = began.elapsed() < Duration::from_secs(10);
            assert!(ended.is_none() && patient, "{options:?}: {}", service.log());
            sleep(Duration::from_millis(20));
        }
        service
    }
}

/// A dnsmasq; it ends when this is dropped.
pub(crate) struct Service {
    child: Child,
    log: PathBuf,
}

impl Service {
    /// What it has said.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A network name space. It lasts as long as the program that holds it, and that as long as its input is open.
struct Space {
    holder: Child,
    net: File,
}

impl Space {
    /// Made by a shell script that finds `argument` as its first.
    fn new(script: &str, argument: &str) -> Result<Self, String> {
        let mut holder = Command::new("unshare")
            .args(["--net", "sh", "-e", "-c", &format!("{script}\necho ready\nread _"), "sh", argument])
            .env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line != "ready\n" {
            let output = holder.wait_with_output().unwrap();
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        let net = File::open(format!("/proc/{}/ns/net", holder.id())).unwrap();
        Ok(Self { holder, net })
    }

    fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let moved = || {
            move_into_link_name_space(self.net.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            work()
        };
        scope(|threads| threads.spawn(moved).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

const DNSMASQ: &str = "dnsmasq";
