//! Keeps the page up: the server behind, and the door in front of it at the address of the settings.

use std::fs::DirBuilder;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use tokio::sync::watch;
use tokio::time::sleep;

use super::viewing::Live;
use super::{Engine, random_token};
use crate::web::door::{Door, Limits};
use crate::web::router;
use crate::web::server::{self, Handler, Server};

/// Until `stop`, at `fixed` or where the settings say. Whatever is wrong with the page, the rest goes on.
pub async fn keep_up(engine: Arc<Engine>, fixed: Option<SocketAddr>, mut stop: watch::Receiver<bool>) {
    let (live, clock) = (Live::new(engine.clone()), engine.clock.clone());
    let handler: Handler = Arc::new(move |request| router::handle(request, &live, clock.untrusted_now()));
    // One for all doors, from the first on.
    let mut server: Option<Behind> = None;
    let mut told = None;
    loop {
        let wanted = Wanted::of(&engine, fixed);
        let turn = async {
            let Some(address) = wanted.listen else { return std::future::pending().await };
            match open(address, wanted.allow.clone(), &engine.data, &handler, &mut server).await {
                Ok((door, socket)) => {
                    told = None;
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

async fn open<'a>(
    address: SocketAddr,
    allow: Vec<IpNet>,
    data: &Path,
    handler: &Handler,
    server: &'a mut Option<Behind>,
) -> io::Result<(Door, &'a Path)> {
    let door = Door::bind(address, allow, Limits::default()).await?;
    let behind = match server.take() {
        Some(behind) => behind,
        None => Behind::start(data, handler)?,
    };
    tracing::info!("page at http://{}/", door.address()?);
    Ok((door, &server.insert(behind).socket))
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

/// What the settings say of the door.
#[derive(PartialEq, Eq)]
struct Wanted {
    listen: Option<SocketAddr>,
    allow: Vec<IpNet>,
}

impl Wanted {
    fn of(engine: &Engine, fixed: Option<SocketAddr>) -> Self {
        let page = &engine.loaded().settings.page;
        Self { listen: fixed.or(page.listen), allow: page.allow.clone() }
    }
}

/// Until the settings say something else.
async fn changed(engine: &Engine, fixed: Option<SocketAddr>, wanted: &Wanted) {
    while Wanted::of(engine, fixed) == *wanted {
        sleep(LOOK_EVERY).await;
    }
}

/// A port that is taken may be free later.
const AGAIN_AFTER: Duration = Duration::from_secs(30);
/// As often as the settings file itself is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
