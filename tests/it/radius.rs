//! RADIUS accounting from the packet to the customer, driven by FreeRADIUS's own `radclient`.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use abusebox::service::radius::{Counts, keep_open};
use tokio::sync::watch;

use crate::house::{House, at, is_soak};
use crate::servers::{has_radclient, radclient};

const NOW: &str = "2026-11-29T08:00:00Z";
const LATER: &str = "2026-11-29T08:06:00Z";
const CUSTOMERS: &str = "customer_id,name,email,login\nA,Anna,a@a.example,anna\nB,Bob,b@b.example,bob\n";

/// A box that listens; it ends with this.
struct Listener {
    house: House,
    port: u16,
    counts: Arc<Counts>,
    stop: watch::Sender<bool>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Listener {
    fn start() -> Self {
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let house = House::new(&settings(port, "127.0.0.1/32"), at(NOW));
        house.import(CUSTOMERS, at(NOW));
        let (stop, stopped) = watch::channel(false);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let counts = Arc::<Counts>::default();
        runtime.spawn(keep_open(house.engine.clone(), counts.clone(), stopped));
        let listener = Self { house, port, counts, stop, runtime: Some(runtime) };
        listener.wait(|listener| UdpSocket::bind(("127.0.0.1", listener.port)).is_err());
        listener
    }

    /// Takes other settings, while it works.
    fn set(&self, client: &str) {
        std::fs::write(&self.house.engine.settings_path, settings(self.port, client)).unwrap();
        self.house.engine.reload(at(NOW)).unwrap();
    }

    fn wait(&self, until: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !until(self) {
            assert!(began.elapsed() < Duration::from_secs(30), "it does not come: {:?}", self.counts);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn whois(&self, address: &str, moment: &str) -> String {
        let told = self.house.show(&format!("whois {address}"), at(moment)).remove(0);
        told["customer"].as_str().unwrap_or(told["owner"].as_str().unwrap()).to_owned()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(10));
        }
    }
}

fn settings(port: u16, client: &str) -> String {
    let clients = match client {
        "" => String::new(),
        client => format!("radius_clients = [{{ address = \"{client}\", secret = \"xyzzy5461\" }}]\n"),
    };
    format!(
        "[networks]\ncidrs = [\"198.18.0.0/15\", \"2001:db8::/32\"]\ndynamic = [\"198.18.0.0/15\", \"2001:db8::/32\"]\n\
         [sessions]\nradius_listen = \"127.0.0.1:{port}\"\n{clients}"
    )
}

fn packet(status: &str, user: &str, more: &str) -> String {
    format!(
        "Acct-Status-Type = {status}\nAcct-Session-Id = \"of {user}\"\nNAS-IP-Address = 10.0.0.1\nUser-Name = \"{user}\"\n{more}\n"
    )
}

fn count(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

#[test]
fn packets_name_a_customer_when_they_are_answered() {
    if !has_radclient() {
        return;
    }
    let listener = Listener::start();
    let send = |secret: &str, packets: &str| radclient(listener.port, secret, &["-r", "1"], packets);
    let answered = |output: String| output.matches("Received Accounting-Response").count();
    let start = packet(
        "Start",
        "anna",
        "Framed-IP-Address = 198.18.0.7\nDelegated-IPv6-Prefix = 2001:db8:0:100::/56\nAcct-Delay-Time = 60\n",
    );
    assert_eq!(answered(send("xyzzy5461", &start)), 1);
    assert_eq!(listener.whois("198.18.0.7", "2026-11-29T07:58:59Z"), "unattributable");
    assert_eq!(listener.whois("198.18.0.7", "2026-11-29T07:59:00Z"), "A", "a minute late");
    assert_eq!(listener.whois("2001:db8:0:1ff::9", NOW), "A");
    // What says nothing new costs no write.
    let commits = listener.house.engine.store.commits();
    assert_eq!(
        answered(send("xyzzy5461", &packet("Interim-Update", "anna", "Framed-IP-Address = 198.18.0.7\n"))),
        1
    );
    assert_eq!(listener.house.engine.store.commits(), commits);
    assert_eq!(answered(send("xyzzy5461", &packet("Stop", "anna", "Acct-Session-Time = 60\n"))), 1);
    assert_eq!(listener.whois("198.18.0.7", "2026-11-29T08:00:01Z"), "unattributable", "over");
    // A stop whose start was lost says how long it was.
    let stop = packet("Stop", "bob", "Framed-IP-Address = 198.18.0.8\nAcct-Session-Time = 600\n");
    assert_eq!(answered(send("xyzzy5461", &stop)), 1);
    assert_eq!(listener.whois("198.18.0.8", "2026-11-29T07:50:00Z"), "B");
    assert_eq!(listener.whois("198.18.0.8", "2026-11-29T07:49:59Z"), "unattributable");
    // One that restarts ends its sessions.
    assert_eq!(answered(send("xyzzy5461", &packet("Start", "bob", "Framed-IP-Address = 198.18.0.9\n"))), 1);
    assert_eq!(
        answered(send("xyzzy5461", "Acct-Status-Type = Accounting-On\nNAS-IP-Address = 10.0.0.1\n")),
        1
    );
    assert_eq!(listener.house.engine.store.view().unwrap().running_len().unwrap(), 0);
    assert_eq!(count(&listener.counts.kept), 6);

    // Neither who does not know the secret nor who is not named.
    assert_eq!(answered(send("wrong", &start)), 0);
    listener.wait(|listener| count(&listener.counts.refused) == 1);
    listener.set("192.0.2.9");
    assert_eq!(answered(send("xyzzy5461", &start)), 0);
    listener.wait(|listener| count(&listener.counts.unknown) == 1);
    // Named again, it is heard again, and without any client the port is free.
    listener.set("127.0.0.0/8");
    assert_eq!(answered(send("xyzzy5461", &packet("Start", "anna", "Framed-IP-Address = 198.18.0.10\n"))), 1);
    listener.set("");
    listener.wait(|listener| UdpSocket::bind(("127.0.0.1", listener.port)).is_ok());
    // Nobody listens for six minutes: what ran may have ended meanwhile.
    let whose = |moment: &str| listener.whois("198.18.0.10", moment);
    assert_eq!((whose(NOW), whose(LATER)), ("A".to_owned(), "A".to_owned()));
    listener.house.engine.clock.set(at(LATER));
    listener.wait(|_| whose(LATER) == "unattributable");
    assert_eq!(whose(NOW), "A");
}

#[test]
fn a_packet_that_comes_again_is_answered_and_not_counted() {
    let listener = Listener::start();
    // As radclient 3.2.1 sent it, for the secret of the settings.
    let packet = hex(
        "0491005e5c5877f8d184148f5ba7914426d2ab4d280600000001010a616e6e614064736c2c063030303104060a0000010806c00002077b14\
         003820010db80000010000000000000000006114004020010db8000000010000000000000000",
    );
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    client.connect(("127.0.0.1", listener.port)).unwrap();
    let mut answers = Vec::new();
    for _ in 0..3 {
        client.send(&packet).unwrap();
        let mut answer = [0; 100];
        let length = client.recv(&mut answer).unwrap();
        answers.push(answer[..length].to_vec());
    }
    assert!(answers[0].len() == 20 && answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!((count(&listener.counts.kept), count(&listener.counts.again)), (1, 2));
    // Whatever else comes: it goes on.
    for length in 0..60 {
        client.send(&packet[..length]).unwrap();
        client.send(&vec![4; length * 50]).unwrap();
    }
    client.send(&packet).unwrap();
    assert_eq!(client.recv(&mut [0; 100]).unwrap(), 20);
}

fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// Packets of many users at once, as fast as they are answered; for `make soak` more of them. Figures, and that none is
/// lost.
#[test]
fn many_packets() {
    if !has_radclient() {
        return;
    }
    let users = if is_soak() { 15_000 } else { 300 };
    let listener = Listener::start();
    for (status, more) in
        [("Start", ""), ("Interim-Update", "Acct-Session-Time = 9\n"), ("Stop", "Acct-Session-Time = 9\n")]
    {
        let (began, cpu) = (Instant::now(), cpu_seconds());
        // One radclient alone comes to some 200 a second.
        let outputs: Vec<_> = std::thread::scope(|scope| {
            let port = listener.port;
            let clients: Vec<_> = (0..CLIENTS)
                .map(|client| {
                    scope.spawn(move || {
                        let packets: String = (client..users)
                            .step_by(CLIENTS as usize)
                            .map(|n| {
                                let address =
                                    format!("Framed-IP-Address = 198.18.{}.{}\n{more}", n / 250, n % 250 + 1);
                                packet(status, &format!("u{n}"), &address) + "\n"
                            })
                            .collect();
                        radclient(port, "xyzzy5461", &["-q", "-s", "-p", "200"], &packets)
                    })
                })
                .collect();
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        });
        let took = began.elapsed();
        let cpu = cpu_seconds() - cpu;
        println!(
            "{users} packets of {status}: {:.0} a second, {:.1} % of a core, {} that came again, {} of {CLIENTS} clients that lost some",
            users as f64 / took.as_secs_f64(),
            100.0 * cpu / took.as_secs_f64(),
            count(&listener.counts.again),
            outputs.iter().filter(|output| !output.contains("Lost          : 0")).count()
        );
    }
    assert_eq!(count(&listener.counts.kept), 3 * users);
    assert_eq!(count(&listener.counts.lost) + count(&listener.counts.refused), 0);
    let view = listener.house.engine.store.view().unwrap();
    assert_eq!((view.sessions_len().unwrap(), view.running_len().unwrap()), (users, 0));
}

const CLIENTS: u64 = 4;

/// Of this process (proc(5), stat: user and system time in hundredths).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}
