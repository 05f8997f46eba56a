//! Keeps the page up: the server behind, and the door in front of it at the address of the settings.

use std::fs::DirBuilder;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::sleep;

use super::admitting::Admission;
use super::viewing::Live;
use super::{Engine, random_token};
use crate::clock::BUILT;
use crate::files;
use crate::system::naming;
use crate::web::certificate::{self, Certificate};
use crate::web::door::{Door, Limits};
use crate::web::router;
use crate::web::server::{self, Handler, Server};
use crate::web::view::Secure;

/// Until `stop`, at `fixed` or where the settings say. Whatever is wrong with the page, the rest goes on.
pub async fn keep_up(engine: Arc<Engine>, fixed: Option<SocketAddr>, mut stop: watch::Receiver<bool>) {
    let (live, clock) = (Arc::new(Live::new(engine.clone())), engine.clock.clone());
    let gate = Admission::new(engine.clone());
    let shown = live.clone();
    let handler: Handler =
        Arc::new(move |request| router::handle(request, &*shown, &gate, clock.untrusted_now()));
    // One for all doors, from the first on.
    let mut server: Option<Behind> = None;
    let mut told = None;
    loop {
        let wanted = Wanted::of(&engine, fixed);
        let turn = async {
            let Some(address) = wanted.listen else { return std::future::pending().await };
            let door = Door::bind(address, wanted.allow.clone(), Limits::default()).await;
            match door.and_then(|door| Ok((door, behind(&engine.data, &handler, &mut server)?))) {
                Ok((door, socket)) => {
                    told = None;
                    let door = secured(door, &engine, &wanted, &live).await;
                    if let Ok(address) = door.address() {
                        tracing::info!("page at http://{address}/");
                    }
                    door.serve(socket).await;
                }
                Err(error) => {
                    if told != Some(address) {
                        tracing::warn!(
                            "no page: it cannot answer at {address}: {error}; free that port, or set page.listen to \
                             another; all else goes on"
                        );
                    }
                    told = Some(address);
                    sleep(AGAIN_AFTER).await;
                }
            }
        };
        tokio::select! {
            () = turn => {}
            () = changed(&engine, fixed, &wanted) => {}
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

/// The door with HTTPS beside HTTP, if that can be had.
async fn secured(door: Door, engine: &Engine, wanted: &Wanted, live: &Live) -> Door {
    live.set_secure(None);
    let Some(address) = wanted.listen_https else { return door };
    let Some(certificate) = certificate(engine, wanted) else { return door };
    let Certificate { config, fingerprint } = certificate;
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(
                "no HTTPS: it cannot be had at {address}: {error}; set page.listen_https to another"
            );
            return door;
        }
    };
    let address = listener.local_addr().unwrap_or(address);
    tracing::info!("page at https://{address}/, its certificate has the SHA-256 fingerprint {fingerprint}");
    // For the screen of a box.
    let print = engine.data.join("tls/fingerprint");
    if files::read_max(&print, FINGERPRINT_BYTES_MAX).ok().as_deref() != Some(fingerprint.as_bytes())
        && let Err(error) = files::save_atomic(&print, fingerprint.as_bytes(), 0o600)
    {
        tracing::warn!("the fingerprint of the certificate cannot be kept: {error}");
    }
    live.set_secure(Some(Secure { port: address.port(), fingerprint }));
    door.with_https(listener, config)
}

/// The operator's own, else that of the box.
fn certificate(engine: &Engine, wanted: &Wanted) -> Option<Certificate> {
    let now = engine.clock.untrusted_now();
    let mut alarm = None;
    let own = wanted.own_certificate.as_ref().and_then(|(path, _)| match certificate::load(path) {
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
        let made = certificate::own(&engine.data.join("tls/made.pem"), &wanted.names, now.max(BUILT));
        made.inspect_err(|error| tracing::error!("no HTTPS: {error}")).ok()
    })
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

/// What the settings and the machine say of the door.
#[derive(PartialEq, Eq)]
struct Wanted {
    listen: Option<SocketAddr>,
    listen_https: Option<SocketAddr>,
    allow: Vec<IpNet>,
    /// With the time of its last change.
    own_certificate: Option<(PathBuf, Option<SystemTime>)>,
    /// Host names and addresses under which the page is asked for.
    names: Vec<String>,
}

impl Wanted {
    fn of(engine: &Engine, fixed: Option<SocketAddr>) -> Self {
        let loaded = engine.loaded();
        let page = &loaded.settings.page;
        let own = &loaded.settings.boxx.name;
        let mut names = vec![format!("{own}.local"), own.clone(), "localhost".to_owned()];
        names.extend(page.names.iter().cloned());
        let local = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        // Those of one link cannot be written into a browser.
        let addresses = naming::interfaces().into_iter().flat_map(|interface| interface.addresses);
        let is_of_link = |address: &IpAddr| matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        let addresses = addresses.filter(|address| !is_of_link(address)).chain(local);
        names.extend(addresses.map(|address| address.to_string()));
        let changed = |path: &PathBuf| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        Self {
            listen: fixed.or(page.listen),
            listen_https: fixed.map_or(page.listen_https, |fixed| Some(SocketAddr::new(fixed.ip(), 443))),
            allow: page.allow.clone(),
            own_certificate: page.own_certificate.clone().map(|path| (path.clone(), changed(&path))),
            names,
        }
    }
}

/// Until the settings say something else.
async fn changed(engine: &Engine, fixed: Option<SocketAddr>, wanted: &Wanted) {
    while Wanted::of(engine, fixed) == *wanted {
        sleep(LOOK_EVERY).await;
    }
}

const FINGERPRINT_BYTES_MAX: u64 = 256;
/// A port that is taken may be free later.
const AGAIN_AFTER: Duration = Duration::from_secs(30);
/// As often as the settings file itself is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
