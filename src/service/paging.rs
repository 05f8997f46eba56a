//! Keeps the page up: the server behind, and the door in front of it at the address of the settings.

use std::fs::DirBuilder;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::sleep;

use super::acting::Acting;
use super::admitting::Admission;
use super::viewing::Live;
use super::{Engine, jobs, random_token};
use crate::clock::BUILT;
use crate::files;
use crate::system::naming;
use crate::web::certificate::{self, Certificate};
use crate::web::door::{Door, Inside, Limits, Rules, Tls, Uploads};
use crate::web::router;
use crate::web::server::{self, Handler, Server};
use crate::web::view::Secure;

/// Until `stop`, where the settings say, or on a box at a fixed address. Whatever is wrong with the page, the rest goes
/// on. `of_box`: that address, and the socket of the supervisor.
/// `changed_by_hand` is called after each change by an operator.
pub async fn keep_up(
    engine: Arc<Engine>,
    of_box: Option<(SocketAddr, PathBuf)>,
    changed_by_hand: impl Fn() + Send + Sync + 'static,
    mut stop: watch::Receiver<bool>,
) {
    let (live, clock) = (Arc::new(Live::new(engine.clone())), engine.clock.clone());
    let gate = Admission::new(engine.clone());
    let (fixed, supervisor) = of_box.unzip();
    let hand = Acting::new(engine.clone(), supervisor, changed_by_hand);
    let shown = live.clone();
    let handler: Handler =
        Arc::new(move |request| router::handle(request, &*shown, &gate, &hand, clock.untrusted_now()));
    // One for all doors, from the first on; and so many clients at all of them together.
    let inside = Arc::new(Inside::new(engine.clone(), Some(Uploads::new(jobs::folder(&engine)))));
    let mut server = None;
    loop {
        let wanted = Wanted::of(&engine, fixed);
        let turn = async {
            if wanted.listen.is_none() && wanted.listen_https.is_none() {
                return std::future::pending().await;
            }
            let socket = match behind(&engine.data, &handler, &mut server) {
                Ok(socket) => socket,
                Err(error) => {
                    tracing::warn!("no page: {error}; all else goes on");
                    return sleep(AGAIN_AFTER).await;
                }
            };
            tokio::join!(
                keep_open(&wanted, None, &inside, socket),
                keep_open_secured(&engine, &wanted, &live, &inside, socket),
            );
        };
        tokio::select! {
            () = turn => {}
            () = changed(&engine, fixed, &wanted, &live) => {}
            _ = stop.changed() => return,
        }
    }
}

/// The socket of the server behind, which is started if need be.
fn behind<'a>(data: &Path, handler: &Handler, server: &'a mut Option<Behind>) -> io::Result<&'a Path> {
    let behind = match server.take() {
        Some(behind) => behind,
        None => Behind::start(data, handler)?,
    };
    Ok(&server.insert(behind).socket)
}

/// Keeps the door for HTTPS open, and what it shows right.
async fn keep_open_secured(
    engine: &Arc<Engine>,
    wanted: &Wanted,
    live: &Live,
    inside: &Arc<Inside>,
    socket: &Path,
) {
    live.set_secure(None);
    let Some(address) = wanted.listen_https else { return keep_print(engine, None) };
    let mut names = Names::of(engine);
    let first = loop {
        match certificate(engine, &names).await {
            Some(certificate) => break certificate,
            None => sleep(AGAIN_AFTER).await,
        }
        names = Names::of(engine);
    };
    let show = |certificate: &Certificate| {
        let fingerprint = certificate.fingerprint.clone();
        tracing::info!("the certificate of the page has the SHA-256 fingerprint {fingerprint}");
        keep_print(engine, Some(&fingerprint));
        live.set_secure(Some(Secure {
            port: address.port(),
            is_local: address.ip().is_loopback(),
            fingerprint,
        }));
    };
    show(&first);
    let (shown, tls) = watch::channel(first.config);
    let renew = async {
        loop {
            sleep(LOOK_EVERY).await;
            let now = Names::of(engine);
            if now == names {
                continue;
            }
            names = now;
            if let Some(certificate) = certificate(engine, &names).await {
                // Those who have come go on; whoever comes next sees it.
                show(&certificate);
                shown.send_replace(certificate.config);
            }
        }
    };
    tokio::join!(keep_open(wanted, Some(tls), inside, socket), renew);
}

/// Keeps a door open: that for HTTPS with `tls`, else that for HTTP.
async fn keep_open(wanted: &Wanted, tls: Option<Tls>, inside: &Arc<Inside>, socket: &Path) {
    let (scheme, key, address) = match tls {
        None => ("http", "page.listen", wanted.listen),
        Some(_) => ("https", "page.listen_https", wanted.listen_https),
    };
    let Some(address) = address else { return };
    let mut is_told = false;
    loop {
        match Door::bind(address, tls.clone(), Limits::default(), inside.clone()).await {
            Ok(door) => {
                tracing::info!("page at {scheme}://{}/", door.address().unwrap_or(address));
                door.serve(socket).await;
            }
            Err(error) => {
                if !is_told {
                    tracing::warn!(
                        "no page: it cannot answer by {scheme} at {address}: {error}; free that port, or set {key} to \
                         another; all else goes on"
                    );
                }
                is_told = true;
                sleep(AGAIN_AFTER).await;
            }
        }
    }
}

/// For the screen of a box.
fn keep_print(engine: &Engine, fingerprint: Option<&str>) {
    let path = engine.data.join("tls/fingerprint");
    let kept = files::read_max(&path, FINGERPRINT_BYTES_MAX).ok();
    let done = match fingerprint {
        Some(print) if kept.as_deref() == Some(print.as_bytes()) => Ok(()),
        Some(print) => std::fs::create_dir_all(engine.data.join("tls"))
            .and_then(|()| files::save_atomic(&path, print.as_bytes(), 0o600)),
        None if kept.is_some() => std::fs::remove_file(&path),
        None => Ok(()),
    };
    if let Err(error) = done {
        tracing::warn!("the fingerprint of the certificate cannot be kept: {error}");
    }
}

/// The operator's own, else that of the box.
async fn certificate(engine: &Arc<Engine>, names: &Names) -> Option<Certificate> {
    let (engine, names) = (engine.clone(), names.clone());
    // Keys take time, and so may a disk.
    let found = tokio::task::spawn_blocking(move || {
        let now = engine.clock.untrusted_now();
        let mut alarm = None;
        let own = names.own_certificate.as_ref().and_then(|(path, _)| match certificate::load(path) {
            Ok(certificate) => Some(certificate),
            Err(error) => {
                alarm = Some(format!(
                    "the certificate {} is not used, since {error}; the page shows one of its own making instead",
                    path.display()
                ));
                None
            }
        });
        if let Err(error) = engine.alarm("certificate", alarm.as_deref(), now) {
            tracing::warn!("{error}");
        }
        own.or_else(|| {
            let made = certificate::own(&engine.data.join("tls/made.pem"), &names.names, now.max(BUILT));
            made.inspect_err(|error| tracing::error!("no HTTPS: {error}")).ok()
        })
    });
    found.await.ok().flatten()
}

/// The server behind the door, and where it answers.
struct Behind {
    socket: PathBuf,
    _server: Server,
    _folder: Option<Folder>,
}

impl Behind {
    /// In the data folder, or, where that disk takes nothing, in a folder of its own among the temporary ones.
    fn start(data: &Path, handler: &Handler) -> io::Result<Self> {
        let socket = server::socket(data);
        let error = match Server::start(&socket, handler.clone()) {
            Ok(server) => return Ok(Self { socket, _server: server, _folder: None }),
            Err(error) => error,
        };
        // If there is none either, the first complaint is the one to tell.
        let Ok(folder) = Folder::new() else { return Err(error) };
        let socket = server::socket(&folder.0);
        Ok(Self { _server: Server::start(&socket, handler.clone())?, socket, _folder: Some(folder) })
    }
}

/// A folder that only we may enter, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("abusebox-{}", random_token()));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Rules for Engine {
    fn allow(&self, peer: IpAddr) -> bool {
        self.loaded().settings.page.allow.iter().any(|net| net.contains(&peer))
    }

    fn language(&self) -> String {
        self.loaded().settings.boxx.language.clone()
    }
}

/// Where the doors are to be.
#[derive(PartialEq, Eq)]
struct Wanted {
    listen: Option<SocketAddr>,
    listen_https: Option<SocketAddr>,
}

impl Wanted {
    fn of(engine: &Engine, fixed: Option<SocketAddr>) -> Self {
        let page = &engine.loaded().settings.page;
        Self {
            listen: fixed.or(page.listen),
            listen_https: fixed
                .map_or(page.listen_https, |fixed| Some(SocketAddr::new(fixed.ip(), HTTPS_PORT))),
        }
    }
}

/// What a certificate is to hold for.
#[derive(Clone, PartialEq, Eq)]
struct Names {
    /// With the time of its last change.
    own_certificate: Option<(PathBuf, Option<SystemTime>)>,
    /// Host names and addresses under which the page is asked for.
    names: Vec<String>,
}

impl Names {
    fn of(engine: &Engine) -> Self {
        let loaded = engine.loaded();
        let (page, own) = (&loaded.settings.page, &loaded.settings.boxx.name);
        let mut names = vec![format!("{own}.local"), own.clone(), "localhost".to_owned()];
        names.extend(page.names.iter().cloned());
        let local = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        // Those of one link cannot be written into a browser.
        let is_of_link = |address: &IpAddr| matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        let addresses = naming::interfaces().into_iter().flat_map(|interface| interface.addresses);
        let addresses = addresses.filter(|address| !is_of_link(address)).chain(local);
        names.extend(addresses.map(|address| address.to_string()));
        let changed = |path: &PathBuf| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        let own_certificate = page.own_certificate.clone().map(|path| (path.clone(), changed(&path)));
        Self { own_certificate, names }
    }
}

/// Until the settings say something else. Meanwhile memory is given back that nobody needs.
async fn changed(engine: &Engine, fixed: Option<SocketAddr>, wanted: &Wanted, live: &Live) {
    while Wanted::of(engine, fixed) == *wanted {
        live.give_back();
        sleep(LOOK_EVERY).await;
    }
}

/// On a box.
const HTTPS_PORT: u16 = 443;
const FINGERPRINT_BYTES_MAX: u64 = 256;
/// A port that is taken may be free later.
const AGAIN_AFTER: Duration = Duration::from_secs(30);
/// As often as the settings file itself is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
