//! The hosts' SSH servers: real ones, in this process. What one logs in to is a real shell in a simulated machine.
use std::{collections::HashMap, net::Ipv4Addr, process::Stdio, sync::Arc, time::Duration};

use russh::{
    Channel, ChannelId, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, MethodKind, MethodSet, Sig,
    keys::{PrivateKey, PublicKey},
    server::{self, Auth, ChannelOpenHandle, Msg, PublicKeyOffer, Session, VerifiedPublicKey},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStdin, Command},
};
use tokio_util::sync::CancellationToken;

use super::{cast::Host, stage::Rooms};
use crate::tasks::Tasks;

/// Everything a connection needs to know about its host.
#[derive(Debug)]
pub(super) struct Door {
    /// Who it is.
    pub host: &'static Host,
    /// Where it lives.
    pub rooms: Rooms,
    /// The only key that is let in.
    pub key: PublicKey,
    /// Ports that may be reached through it: those of the fleet.
    pub ports: Arc<[u16]>,
    /// Spawns what a connection needs.
    pub tasks: Tasks,
}

/// Makes a server's settings.
pub(super) fn settings(key: PrivateKey) -> Arc<server::Config> {
    Arc::new(server::Config {
        keys: vec![key],
        nodelay: true,
        // Its only clients are on this machine, and each of them first asks whether none is enough.
        auth_rejection_time: Duration::from_millis(200),
        auth_rejection_time_initial: Some(Duration::ZERO),
        methods: MethodSet::from([MethodKind::PublicKey].as_slice()),
        inactivity_timeout: None,
        ..Default::default()
    })
}

/// Lets clients in until its tasks are cancelled.
pub(super) async fn serve(listener: TcpListener, settings: Arc<server::Config>, door: Arc<Door>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let connection =
                    Connection { door: Arc::clone(&door), channels: HashMap::new(), stops: HashMap::new() };
                let settings = Arc::clone(&settings);
                door.tasks
                    .spawn("demo-ssh", async move {
                        let _slow = stream.set_nodelay(true);
                        if let Ok(session) = server::run_stream(settings, stream, connection).await {
                            // How a client leaves is its own affair.
                            let _left = session.await;
                        }
                    })
                    .detach();
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

struct Connection {
    door: Arc<Door>,
    channels: HashMap<ChannelId, Channel<Msg>>,
    stops: HashMap<ChannelId, CancellationToken>,
}

impl server::Handler for Connection {
    type Error = russh::Error;

    async fn auth_publickey_offered(&mut self, _user: &str, key: PublicKeyOffer<'_>) -> Result<Auth, Self::Error> {
        Ok(self.judge(key.public_key))
    }

    async fn auth_publickey(&mut self, _user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        Ok(self.judge(key.public_key))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channels.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        _host: &str,
        port: u32,
        _from: &str,
        _from_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        // Whatever the name: a jump leads to another host of the fleet and nowhere else.
        let Some(port) = u16::try_from(port).ok().filter(|port| self.door.ports.contains(port)) else { return Ok(()) };
        let Ok(mut target) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { return Ok(()) };
        let _slow = target.set_nodelay(true);
        reply.accept().await;
        let mut channel = channel.into_stream();
        self.door
            .tasks
            .spawn("demo-jump", async move {
                let _left = tokio::io::copy_bidirectional(&mut channel, &mut target).await;
            })
            .detach();
        Ok(())
    }

    async fn exec_request(&mut self, id: ChannelId, command: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        let Some(channel) = self.channels.remove(&id) else { return session.channel_failure(id) };
        let child = shell(&self.door, command).spawn();
        let Ok(child) = child else { return session.channel_failure(id) };
        session.channel_success(id)?;
        let stop = CancellationToken::new();
        self.stops.insert(id, stop.clone());
        // Never in the handler: it would hold up every other channel of the connection.
        let running = Running { id, child, handle: session.handle(), stop };
        self.door.tasks.spawn("demo-exec", attend(running, channel)).detach();
        Ok(())
    }

    async fn signal(&mut self, id: ChannelId, _signal: Sig, _session: &mut Session) -> Result<(), Self::Error> {
        if let Some(stop) = self.stops.get(&id) {
            stop.cancel();
        }
        Ok(())
    }

    async fn channel_close(&mut self, id: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        self.channels.remove(&id);
        self.stops.remove(&id);
        Ok(())
    }
}

impl Connection {
    fn judge(&self, key: &PublicKey) -> Auth {
        // The comment is no part of a key.
        if key.key_data() == self.door.key.key_data() { Auth::Accept } else { Auth::reject() }
    }
}

/// The shell of the one who logs in: nothing of this process' environment, and the simulation before everything else.
fn shell(door: &Door, command: &[u8]) -> Command {
    use std::os::unix::ffi::OsStrExt as _;
    let home = door.rooms.home();
    let mut shell = Command::new("/bin/sh");
    shell
        .arg("-c")
        .arg(std::ffi::OsStr::from_bytes(command))
        .env_clear()
        .env("HOME", &home)
        .env("TMPDIR", home.join("tmp"))
        .env("USER", "deploy")
        .env("LOGNAME", "deploy")
        .env("SHELL", "/bin/sh")
        .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", door.rooms.bin.display()))
        .env("QD_PROC", door.rooms.root.join("proc"))
        .env("QD_ROOT", &door.rooms.root)
        .env("QD_SIM", door.rooms.root.join("sim"))
        .env("QD_HOST", door.host.name)
        .env("QD_ROOT", &door.rooms.root)
        .env("QD_CORES", door.host.cores.to_string())
        .env("QD_SKEW", door.host.skew_s.to_string())
        .current_dir(home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own: keys that end the console do not end what runs on a host.
        .process_group(0)
        .kill_on_drop(true);
    shell
}

struct Running {
    id: ChannelId,
    child: Child,
    handle: server::Handle,
    stop: CancellationToken,
}

/// Carries bytes between a channel and its command, and says at the end how it ended.
async fn attend(mut running: Running, channel: Channel<Msg>) {
    let (read, write) = channel.split();
    let gone = CancellationToken::new();
    let (stdin, stdout, stderr) =
        (running.child.stdin.take(), running.child.stdout.take(), running.child.stderr.take());
    let outputs = async {
        tokio::join!(pump(stdout, &write, Stdout::Yes, &gone), pump(stderr, &write, Stdout::No, &gone));
        running.child.wait().await
    };
    let ended = {
        let feeding = feed(read, stdin, &gone);
        tokio::pin!(feeding);
        tokio::pin!(outputs);
        let mut fed = false;
        loop {
            tokio::select! {
                ended = &mut outputs => break Some(ended),
                () = &mut feeding, if !fed => fed = true,
                () = running.stop.cancelled() => break None,
            }
        }
    };
    let (id, handle) = (running.id, &running.handle);
    // The client may be gone; then there is nobody to tell.
    let _told = match ended.and_then(Result::ok) {
        Some(status) => match (status.code(), std::os::unix::process::ExitStatusExt::signal(&status)) {
            (Some(code), _) => handle.exit_status_request(id, u32::try_from(code).unwrap_or(255)).await,
            (None, Some(signal)) => {
                handle.exit_signal_request(id, name(signal), false, String::new(), String::new()).await
            }
            (None, None) => Ok(()),
        },
        None => handle.exit_signal_request(id, Sig::TERM, false, String::new(), String::new()).await,
    };
    let _told = write.eof().await;
    let _told = write.close().await;
}

fn name(signal: i32) -> Sig {
    match signal {
        1 => Sig::HUP,
        2 => Sig::INT,
        6 => Sig::ABRT,
        9 => Sig::KILL,
        11 => Sig::SEGV,
        13 => Sig::PIPE,
        15 => Sig::TERM,
        other => Sig::Custom(other.to_string()),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stdout {
    Yes,
    No,
}

/// Sends what a command prints, waiting for the client's window, until the command or the client is done.
async fn pump(
    from: Option<impl tokio::io::AsyncRead + Unpin>,
    to: &ChannelWriteHalf<Msg>,
    which: Stdout,
    gone: &CancellationToken,
) {
    let Some(mut from) = from else { return };
    loop {
        let mut bytes = bytes::BytesMut::with_capacity(16 * 1024);
        let read = tokio::select! {
            read = from.read_buf(&mut bytes) => read,
            () = gone.cancelled() => return,
        };
        if !read.is_ok_and(|read| read > 0) {
            return;
        }
        let sent = async {
            match which {
                Stdout::Yes => to.data_bytes(bytes.freeze()).await,
                Stdout::No => to.extended_data_bytes(1, bytes.freeze()).await,
            }
        };
        // A client that is gone never opens its window again.
        tokio::select! {
            sent = sent => if sent.is_err() { return },
            () = gone.cancelled() => return,
        }
    }
}

/// Reads the channel, always, so that it never stalls the connection, and feeds the command.
#[expect(clippy::wildcard_enum_match_arm, reason = "a client says many things that are nothing to a command")]
async fn feed(mut from: ChannelReadHalf, mut stdin: Option<ChildStdin>, gone: &CancellationToken) {
    while let Some(message) = from.wait().await {
        match message {
            ChannelMsg::Data { data } => {
                let Some(pipe) = &mut stdin else { continue };
                if pipe.write_all(&data).await.is_err() {
                    stdin = None;
                }
            }
            ChannelMsg::Eof => stdin = None,
            ChannelMsg::Close => break,
            _ => {}
        }
    }
    drop(stdin);
    gone.cancel();
}
