//! The first evening with a box that nobody has set up: its setup code from the screen, then the page, up to mails that
//! were released and caught. Shadowserver and the mail server are played on this machine.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use abusebox::clock::Clock;

use crate::Tried;
use crate::disk::Disk;
use crate::guest::{Around, BIOS, Guest, HOST};
use crate::operator::{Operator, between};
use crate::sim::reports::Report;
use crate::sim::world::World;
use crate::whole::Outside;

const CUSTOMERS: &str = "customer_id,name,email,cidr\nA,Alpha,a@alpha.example,198.18.1.0/24\n\
    B,Beta,b@beta.example,198.18.2.0/24\n";

pub(crate) fn a_box_is_set_up_on_its_page_up_to_the_first_mails() -> Tried {
    // A noon that no program was made after: by then the mails of a day are due.
    let today = Clock::system().untrusted_now().day().plus(1);
    let (world, day) = (World::empty(today), today.plus(-1));
    let outside = Outside::play(&world, HOST);
    let mut csv = "timestamp,severity,ip,port,protocol\n".to_owned();
    for address in ["198.18.1.7", "198.18.2.7"] {
        csv += &format!("{day} 03:00:00,high,{address},23,tcp\n");
    }
    outside.shadowserver.add(Report::new(&world.list, "scan_telnet", day, csv));
    let disk = Disk::new()?;
    // No page takes an authority, and real servers need none of their own.
    disk.write_file(1, "ca.pem", &fs::read(outside.data.path().join("ca.pem")).unwrap());
    let (ports, noon) = (outside.ports(), format!("{today}T12:00:00"));
    let around = Around { ports: &ports, clock: Some(&noon), ..Around::default() };
    let guest = Guest::boot_among(around, &disk, BIOS);
    guest.wait_for_page();
    guest.wait_for_serial("setup code ");
    guest.wait_for_serial("  at work\n");
    let began = Instant::now();
    let serial = guest.serial();

    let mut operator = Operator::at(guest.address());
    operator.claim(between(&serial, "setup code ", "\n"));
    // Of the first one a clock that nobody sets may be wrong by now.
    assert_eq!(operator.states()[1..], *"ttttt");
    for (table, fields) in [
        // No time server can be reached.
        ("box", "box.own_clock=true".to_owned()),
        ("trust", "trust.extra_ca=ca.pem".to_owned()),
        (
            "shadowserver",
            format!(
                "shadowserver.api_url={}&shadowserver.download_url={}&shadowserver.schema_url={}",
                outside.shadowserver.api_url(),
                outside.shadowserver.download_url(),
                outside.schema_url()
            ),
        ),
    ] {
        let saved = operator.set(table, &fields);
        assert!(saved.contains(&format!("Location: /settings#{table}\r\n")), "{saved}");
    }
    let saved = operator.save(1, "organisation.name=Example+Net&box.timezone=Europe/Vienna&box.language=en");
    assert!(saved.contains("Location: /setup/2\r\n"), "{saved}");
    operator.says("/setup/1", &format!("it is now {today} 13:"));

    let fields = format!("shadowserver.key={}&shadowserver.secret={}", world.key, world.secret);
    let (_, sees) = operator.job(&operator.save(2, &fields));
    assert!(sees.contains("example-net") && sees.contains("scan_telnet"), "{sees}");
    let saved = operator.save(3, "networks.cidrs=198.18.0.0/15");
    assert!(saved.contains("Location: /setup/4\r\n"), "{saved}");
    operator.says("/reports", "scan_telnet");
    let [shown, taken] = operator.take_customers(CUSTOMERS);
    assert!(shown.contains("with this list 2 of 2 rows") && taken.contains("2 customers"), "{shown}{taken}");
    let mail = format!(
        "organisation.abuse_address=abuse%40isp.test&organisation.operator_address=noc%40example.net&\
         mail.server={HOST}&mail.security=starttls&mail.port={}&mail.user=box&mail.password=secret",
        outside.mails.port()
    );
    let (_, taken) = operator.job(&operator.save(5, &mail));
    assert!(taken.contains("from abuse@isp.test to noc@example.net"), "{taken}");
    assert_eq!(operator.states(), "dddddt");

    let shown = operator.says("/setup/6", "Release 2 mails and go live");
    assert_eq!(outside.told().len(), 0, "nothing before it is released");
    let live = operator.go_live(&shown);
    assert!(live.contains("Location: /\r\n"), "{live}");
    while outside.told().len() < 2 {
        assert!(began.elapsed() < Duration::from_secs(400), "{:?}", outside.mails.mails());
        sleep(Duration::from_millis(100));
    }
    assert_eq!(operator.states(), "dddddd");
    println!("set up {:.0} s after its page was there", began.elapsed().as_secs_f64());
    let told = outside.told();
    for (to, address) in [("a@alpha.example", "198.18.1.7"), ("b@beta.example", "198.18.2.7")] {
        assert!(told[to].iter().all(|line| line.contains(address)) && told[to].len() == 1, "{told:#?}");
    }
    let mails = outside.mails.mails();
    assert!(mails.iter().all(|mail| mail.encrypted && mail.login.as_deref() == Some("box")), "{mails:?}");
    guest.power_off();
    disk.check_data();
    Ok(())
}
