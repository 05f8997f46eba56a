//! Keeps the page up: the server behind, and the door in front of it at the address of the settings.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::Engine;
use super::viewing::Live;
use crate::web::door::{Door, Limits};
use crate::web::router;
use crate::web::server::{self, Handler, Server};

/// Until `stop`. Whatever is wrong with the page, the rest goes on.
pub async fn keep_up(engine: Arc<Engine>, mut stop: watch::Receiver<bool>) {
    let socket = server::socket(&engine.data);
    let (live, clock) = (Live::new(engine.clone()), engine.clock.clone());
    let handler: Handler = Arc::new(move |request| router::handle(request, &live, clock.untrusted_now()));
    // One for all doors, from the first on.
    let mut server: Option<Server> = None;
    let mut told = None;
    loop {
        let listen = engine.loaded().settings.page.listen;
        let turn = async {
            let Some(address) = listen else { return std::future::pending().await };
            match open(address, &socket, &handler, &mut server).await {
                Ok(door) => {
                    told = None;
                    door.serve(&socket).await;
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
            () = changed(&engine, listen) => {}
            _ = stop.changed() => return,
        }
    }
}

async fn open(
    address: SocketAddr,
    socket: &Path,
    handler: &Handler,
    server: &mut Option<Server>,
) -> io::Result<Door> {
    let door = Door::bind(address, Limits::default()).await?;
    if server.is_none() {
        *server = Some(Server::start(socket, handler.clone())?);
    }
    tracing::info!("page at http://{}/", door.address()?);
    Ok(door)
}

/// Until the settings say another address.
async fn changed(engine: &Engine, listen: Option<SocketAddr>) {
    while engine.loaded().settings.page.listen == listen {
        sleep(LOOK_EVERY).await;
    }
}

/// A port that is taken may be free later.
const AGAIN_AFTER: Duration = Duration::from_secs(30);
/// As often as the settings file itself is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
