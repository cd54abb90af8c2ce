//! A TCP relay that can cut, freeze and delay what goes through it: a bad link on one machine.
use std::{net::SocketAddr, time::Duration};

use quarterdeck::tasks::Tasks;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// How the relay treats what goes through.
#[derive(Clone, Copy, Debug, Default)]
struct Mode {
    /// Connections of an older generation are closed.
    generation: u64,
    frozen: bool,
    refusing: bool,
    delay: Duration,
}

/// A relay in front of one address. It ends when it is dropped.
pub(crate) struct Relay {
    /// Where to connect to instead.
    pub(crate) port: u16,
    mode: watch::Sender<Mode>,
    tasks: Tasks,
}

impl Relay {
    /// Listens on a free port of 127.0.0.1 and relays to `to`.
    pub(crate) async fn start(to: SocketAddr) -> Self {
        let tasks = super::tasks();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (mode, watch) = watch::channel(Mode::default());
        let inner = tasks.clone();
        let accept = async move {
            while let Ok((client, _)) = listener.accept().await {
                if watch.borrow().refusing {
                    continue;
                }
                let Ok(server) = TcpStream::connect(to).await else { continue };
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let generation = watch.borrow().generation;
                inner.spawn("relay", pass(client, server, watch.clone(), generation)).detach();
            }
        };
        tasks.spawn("relay", accept).detach();
        Self { port, mode, tasks }
    }

    /// Closes every connection; new ones are relayed.
    pub(crate) fn cut(&self) {
        self.mode.send_modify(|mode| mode.generation += 1);
    }

    /// Closes new connections at once, or no longer.
    pub(crate) fn refuse(&self, refusing: bool) {
        self.mode.send_modify(|mode| mode.refusing = refusing);
    }

    /// Stops passing bytes on, in both directions, and keeps the connections; or goes on.
    pub(crate) fn freeze(&self, frozen: bool) {
        self.mode.send_modify(|mode| mode.frozen = frozen);
    }

    /// Holds every piece back for this long, in each direction.
    pub(crate) fn delay(&self, delay: Duration) {
        self.mode.send_modify(|mode| mode.delay = delay);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

async fn pass(client: TcpStream, server: TcpStream, mode: watch::Receiver<Mode>, generation: u64) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut old = mode.clone();
    tokio::select! {
        _ = old.wait_for(|mode| mode.generation != generation) => {}
        () = copy(from_client, to_server, mode.clone()) => {}
        () = copy(from_server, to_client, mode) => {}
    }
}

async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, mut mode: watch::Receiver<Mode>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Ok(count) = from.read(&mut buffer).await else { return };
        if count == 0 {
            return;
        }
        let (delay, generation) = (mode.borrow().delay, mode.borrow().generation);
        if !delay.is_zero() {
            // Bytes stand still for the delay, or until the link is cut.
            let mut link = mode.clone();
            _ = tokio::time::timeout(delay, link.wait_for(|mode| mode.generation != generation)).await;
        }
        if mode.wait_for(|mode| !mode.frozen).await.is_err() || to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
