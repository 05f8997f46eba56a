//! A box in QEMU: started, asked, and switched off at its power button.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::disk::Disk;
use crate::lan::{Lan, TAP};
use crate::{Missing, SLOTS, Tried};

/// This machine, as the box sees it.
pub(crate) const HOST: &str = "10.0.2.100";

/// What a box is made of, in QEMU's words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    pub(crate) name: &'static str,
    /// In the folder of development images.
    pub(crate) image: &'static str,
    qemu: &'static str,
    board: &'static [&'static str],
    firmware: Firmware,
    mib: &'static str,
    /// Where the disk is plugged in: nowhere yet, or with its board's card reader.
    slot: &'static str,
    /// With the drive `disk`.
    disk: &'static [&'static str],
    /// On the network `lan`.
    card: &'static str,
    watchdog: &'static [&'static str],
    /// Whether it can be switched off.
    pub(crate) button: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Firmware {
    Bios,
    Uefi,
    /// A Pi's, which QEMU does not run: what it would do is done here.
    Pi {
        /// The file with the device tree; without it QEMU makes one.
        tree: Option<&'static str>,
        /// More for the kernel.
        words: &'static str,
    },
}

pub(crate) const BIOS: Machine = Machine {
    name: "BIOS, virtio",
    image: "abusebox-x86_64.img",
    qemu: "qemu-system-x86_64",
    board: &["pc"],
    firmware: Firmware::Bios,
    mib: "256",
    slot: "none,id=disk",
    disk: &["virtio-blk-pci,drive=disk"],
    card: "virtio-net-pci",
    watchdog: &["i6300esb"],
    button: true,
};
/// As the firmware of most machines is set up: its disk comes first. On the others the firmware has to find it.
pub(crate) const UEFI: Machine = Machine {
    name: "UEFI, virtio",
    board: &["q35"],
    firmware: Firmware::Uefi,
    disk: &["virtio-blk-pci,drive=disk,bootindex=0"],
    ..BIOS
};
pub(crate) const ARM: Machine = Machine {
    name: "arm64, virtio",
    image: "abusebox-rpi.img",
    qemu: "qemu-system-aarch64",
    board: &["virt", "-cpu", "cortex-a72"],
    firmware: Firmware::Pi { tree: None, words: "" },
    ..BIOS
};
/// Its card reader and USB; the network card is not the one that a Pi has, which QEMU cannot play. There a watchdog
/// strikes at once when it is started, so the kernel leaves it alone.
pub(crate) const PI: Machine = Machine {
    name: "Raspberry Pi 3",
    board: &["raspi3b"],
    firmware: Firmware::Pi {
        tree: Some("bcm2837-rpi-3-b.dtb"),
        words: "initcall_blacklist=bcm2835_wdt_driver_init",
    },
    mib: "1024",
    slot: "sd",
    disk: &[],
    // A name of the kind that real cards have; one with another would not be called eth0.
    card: "usb-net,mac=00:00:5e:00:53:01",
    watchdog: &[],
    button: false,
    ..ARM
};

/// The rest of what a box must find its way about in.
pub(crate) const OTHERS: [Machine; 8] = [
    Machine { name: "BIOS, 128 MiB", mib: "128", ..BIOS },
    Machine { name: "BIOS, SD, e1000e", disk: &["sdhci-pci", "sd-card,drive=disk"], card: "e1000e", ..BIOS },
    Machine {
        name: "BIOS, USB 2, e1000",
        disk: &["usb-ehci", "usb-storage,drive=disk"],
        card: "e1000",
        ..BIOS
    },
    Machine { name: "BIOS, IDE, e1000", disk: &["ide-hd,drive=disk"], card: "e1000", ..BIOS },
    Machine { name: "UEFI, virtio, igb", card: "igb", ..UEFI },
    Machine { name: "UEFI, AHCI, e1000e", disk: &["ide-hd,drive=disk"], card: "e1000e", ..UEFI },
    Machine { name: "UEFI, NVMe, e1000e", disk: &["nvme,drive=disk,serial=1"], card: "e1000e", ..UEFI },
    Machine { name: "UEFI, USB 3, virtio", disk: &["qemu-xhci", "usb-storage,drive=disk"], ..UEFI },
];

/// What a box stands among. Without anything: a network on which it is alone, and a disk that only keeps.
#[derive(Clone, Copy, Default)]
pub(crate) struct Around<'a> {
    /// The box finds these ports of this machine at [`HOST`], and nothing else.
    pub(crate) ports: &'a [u16],
    /// A network of its own, in place of the one that QEMU plays.
    pub(crate) lan: Option<&'a Lan>,
    /// Here goes each write and each flush of the disk, in order.
    pub(crate) log: Option<&'a Path>,
    /// What its battery-backed clock shows at power on, as QEMU takes it; else the true time.
    pub(crate) clock: Option<&'a str>,
}

impl Machine {
    /// Whether this QEMU can play it.
    pub(crate) fn check(&self) -> Tried {
        let output = Command::new(self.qemu).args(["-device", "help"]).output();
        let Ok(output) = output else { return Err(Missing(format!("there is no {}", self.qemu))) };
        let (card, _) = self.card.split_once(',').unwrap_or((self.card, ""));
        match String::from_utf8_lossy(&output.stdout).contains(&format!("name \"{card}\"")) {
            true => Ok(()),
            false => Err(Missing(format!("this QEMU has no {card}"))),
        }
    }
}

pub(crate) struct Guest {
    qemu: Child,
    folder: PathBuf,
    port: u16,
    name: &'static str,
    began: Instant,
}

impl Guest {
    pub(crate) fn boot(disk: &Disk, machine: Machine) -> Self {
        Self::boot_among(Around::default(), disk, machine)
    }

    pub(crate) fn boot_among(around: Around, disk: &Disk, machine: Machine) -> Self {
        let folder = disk.folder.path().to_owned();
        // No word of an earlier boot is taken for one of this.
        let _ = fs::remove_file(folder.join("serial"));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut qemu = Command::new(machine.qemu);
        qemu.args(["-accel", "tcg", "-display", "none", "-monitor", "none", "-m", machine.mib, "-machine"])
            .args(machine.board)
            .args(around.clock.iter().flat_map(|clock| ["-rtc".to_owned(), format!("base={clock}")]))
            .args(["-serial", "chardev:line", "-chardev"])
            .arg(format!(
                "socket,id=line,path={},server=on,wait=off,logfile={}",
                folder.join("line").display(),
                folder.join("serial").display()
            ))
            .arg("-qmp")
            .arg(format!("unix:{},server=on,wait=off", folder.join("qmp").display()))
            .args(drive(&disk.path, machine.slot, around.log))
            .args(machine.disk.iter().chain(machine.watchdog).flat_map(|device| ["-device", device]))
            .arg("-netdev")
            .arg(match around.lan {
                Some(_) => format!("tap,id=lan,ifname={TAP},script=no,downscript=no"),
                // Nothing of the guest leaves this machine, and only this port leads in.
                None => format!(
                    "user,id=lan,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:80{}",
                    forwards(around.ports)
                ),
            })
            .arg("-device")
            .arg(format!("{},netdev=lan", machine.card));
        match machine.firmware {
            Firmware::Bios => {}
            Firmware::Uefi => {
                let variables = folder.join("variables");
                fs::copy("/usr/share/OVMF/OVMF_VARS_4M.fd", &variables).unwrap();
                qemu.args([
                    "-drive",
                    "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd",
                ])
                .arg("-drive")
                .arg(format!("if=pflash,format=raw,file={}", variables.display()));
            }
            Firmware::Pi { tree, words } => {
                let files = [("-kernel", "kernel8.img"), ("-initrd", "early.img")];
                for (option, name) in files.into_iter().chain(tree.map(|name| ("-dtb", name))) {
                    let file = folder.join(name);
                    fs::write(&file, disk.read_file(SLOTS[0], name)).unwrap();
                    qemu.arg(option).arg(file);
                }
                let line = String::from_utf8(disk.read_file(SLOTS[0], "cmdline.txt")).unwrap();
                // Where the first serial line is, on both machines.
                let line = line.trim().replace("serial0", "ttyAMA0");
                qemu.arg("-append").arg(format!("{line} {words}"));
            }
        }
        let log = File::create(folder.join("qemu.log")).unwrap();
        let start = || qemu.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let qemu = match around.lan {
            Some(lan) => lan.inside(start),
            None => start(),
        };
        Self { qemu, folder, port, name: machine.name, began: Instant::now() }
    }

    /// Until the box calls itself healthy; prints how long that took from power on.
    pub(crate) fn wait_for_page(&self) {
        // QEMU lets a client in before there is anybody who could answer, and that one never hears anything.
        let ask = || get(self.address(), "/healthz", Duration::from_secs(1));
        self.wait_for("page", || ask().is_some_and(|(status, _)| status == 200));
        println!("{}: page after {:.1} s", self.name, self.began.elapsed().as_secs_f64());
    }

    pub(crate) fn wait_for_serial(&self, part: &str) {
        self.wait_for(part, || self.serial().contains(part));
    }

    pub(crate) fn wait_for(&self, what: &str, mut done: impl FnMut() -> bool) {
        while !done() {
            assert!(self.began.elapsed() < BOOT_TIME_MAX, "{}: no {what}: {}", self.name, self.serial());
            sleep(Duration::from_millis(100));
        }
    }

    /// What the box has written on its serial line.
    pub(crate) fn serial(&self) -> String {
        let bytes = fs::read(self.folder.join("serial")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).replace('\r', "")
    }

    /// Types into the shell of the debug variant.
    pub(crate) fn type_line(&self, line: &str) {
        let mut typed = UnixStream::connect(self.folder.join("line")).unwrap();
        typed.write_all(format!("{line}\n").as_bytes()).unwrap();
        // What it answers is in the log, too; to hang up at once would lose what was typed.
        sleep(Duration::from_secs(2));
    }

    /// Status and body of a page; `None`: nobody answers.
    pub(crate) fn get(&self, target: &str) -> Option<(u16, String)> {
        get(self.address(), target, Duration::from_secs(20))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// Presses the power button, waits until the box is off, and gives what it has written.
    pub(crate) fn power_off(mut self) -> String {
        let ends = |guest: &Self| guest.serial().matches("The system is going down").count();
        let (ends_before, began, mut presses) = (ends(&self), Instant::now(), 0);
        while self.qemu.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < OFF_TIME_MAX, "it does not go off: {}", self.serial());
            // QEMU holds it for a moment only, which a box on a busy machine may miss.
            if ends(&self) == ends_before && began.elapsed() >= PRESS_AGAIN * presses {
                self.order_and_wait(r#"{"execute":"system_powerdown"}"#);
                presses += 1;
            }
            sleep(Duration::from_millis(100));
        }
        self.serial()
    }

    /// Starts it anew without a word to it.
    pub(crate) fn reset(&self) {
        self.order_and_wait(r#"{"execute":"system_reset"}"#);
    }

    /// From now on its disk takes so many bytes a second; what is written beyond that waits.
    pub(crate) fn slow_writes(&self, bytes: u64) {
        self.order_and_wait(&format!(
            r#"{{"execute":"block_set_io_throttle","arguments":{{"device":"disk","bps":0,"bps_rd":0,"bps_wr":{bytes},"iops":0,"iops_rd":0,"iops_wr":0}}}}"#
        ));
    }

    /// Pulls the network cable, or puts it in.
    pub(crate) fn plug(&self, is_in: bool) {
        self.order_and_wait(&format!(
            r#"{{"execute":"set_link","arguments":{{"name":"lan","up":{is_in}}}}}"#
        ));
    }

    fn order_and_wait(&self, command: &str) {
        let mut monitor = self.order(command);
        // The greeting, and an answer to each order.
        let mut replies = Vec::new();
        while replies.iter().filter(|&&byte| byte == b'\n').count() < 3 {
            let mut part = [0; 256];
            let count = monitor.read(&mut part).unwrap();
            assert!(count > 0, "{}", String::from_utf8_lossy(&replies));
            replies.extend_from_slice(&part[..count]);
        }
    }

    /// A command in QEMU's own JSON.
    fn order(&self, command: &str) -> UnixStream {
        let mut monitor = UnixStream::connect(self.folder.join("qmp")).unwrap();
        write!(monitor, r#"{{"execute":"qmp_capabilities"}}{command}"#).unwrap();
        monitor
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

/// Status and body of a page at `address`; `None`: nobody answers as long as one is patient.
pub(crate) fn get(address: SocketAddr, target: &str, patience: Duration) -> Option<(u16, String)> {
    let mut client = TcpStream::connect_timeout(&address, patience).ok()?;
    client.set_read_timeout(Some(patience)).ok()?;
    write!(client, "GET {target} HTTP/1.1\r\nHost: {address}\r\n\r\n").ok()?;
    let mut reply = String::new();
    client.read_to_string(&mut reply).ok()?;
    let status = reply.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some((status, reply.split_once("\r\n\r\n")?.1.to_owned()))
}

/// The disk, under the name `disk`. What the host does with its bytes is not tried, so it need not flush them.
fn drive(disk: &Path, slot: &str, log: Option<&Path>) -> Vec<String> {
    let disk = disk.display();
    let Some(log) = log else {
        return ["-drive".to_owned(), format!("file={disk},format=raw,if={slot},cache=unsafe")].into();
    };
    File::create(log).unwrap();
    [
        format!("driver=file,node-name=store,filename={disk},cache.no-flush=on"),
        format!("driver=file,node-name=log,filename={},cache.no-flush=on", log.display()),
        "driver=blklogwrites,node-name=disk,file=store,log=log".to_owned(),
    ]
    .into_iter()
    .flat_map(|node| ["-blockdev".to_owned(), node])
    .collect()
}

fn forwards(ports: &[u16]) -> String {
    let forward = |port| format!(",guestfwd=tcp:{HOST}:{port}-cmd:busybox nc 127.0.0.1 {port}");
    ports.iter().map(forward).collect()
}

/// On a busy machine, and with some boots that fail before.
const BOOT_TIME_MAX: Duration = Duration::from_secs(600);
const OFF_TIME_MAX: Duration = Duration::from_secs(60);
const PRESS_AGAIN: Duration = Duration::from_secs(10);
