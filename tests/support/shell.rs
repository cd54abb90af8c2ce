//! A host that is this machine: its shell is the local `sh`, with another PATH where a test wants one.
use std::{path::PathBuf, process::Stdio};

use futures_util::{FutureExt as _, future::BoxFuture};
use quarterdeck::{
    core::id::HostName,
    remote::{Chunk, Dialog, Exit, Lane, Output, Remote, RemoteError, Script, Stream},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

/// Runs what is asked for by `sh`.
#[derive(Default)]
pub(crate) struct LocalShell {
    /// The PATH there.
    pub(crate) path: Option<PathBuf>,
}

impl LocalShell {
    #[expect(clippy::disallowed_methods, reason = "a test's own shell; it ends with its stream")]
    fn start(&self, script: &Script) -> Dialog {
        let mut command = tokio::process::Command::new("/bin/sh");
        command.arg("-c").arg(&script.text).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        let mut child = command.spawn().unwrap();
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (input, mut questions) = mpsc::channel::<Vec<u8>>(8);
        let (chunks, output) = mpsc::channel(8);
        let token = CancellationToken::new();
        tokio::spawn(async move {
            while let Some(question) = questions.recv().await {
                if stdin.write_all(&question).await.is_err() {
                    return;
                }
            }
        });
        let talk = async move {
            let mut bytes = vec![0; 64 * 1024];
            loop {
                match stdout.read(&mut bytes).await {
                    Ok(0) | Err(_) => break,
                    Ok(read) => {
                        if chunks.send(Chunk::Stdout(bytes[..read].to_vec())).await.is_err() {
                            return;
                        }
                    }
                }
            }
            let code = child.wait().await.ok().and_then(|status| status.code()).unwrap_or(-1);
            _ = chunks.send(Chunk::Ended(Exit::Code(code))).await;
        };
        tokio::spawn(token.clone().run_until_cancelled_owned(talk));
        Dialog { input, stream: Stream { chunks: output, alive: token.drop_guard() } }
    }
}

impl Remote for LocalShell {
    fn run<'a>(&'a self, _: &'a HostName, _: Lane, _: Script) -> BoxFuture<'a, Result<Output, RemoteError>> {
        panic!("files are read by talking to a shell")
    }
    fn stream<'a>(&'a self, _: &'a HostName, _: Lane, _: Script) -> BoxFuture<'a, Result<Stream, RemoteError>> {
        panic!("files are read by talking to a shell")
    }
    fn dialog<'a>(&'a self, _: &'a HostName, _: Lane, script: Script) -> BoxFuture<'a, Result<Dialog, RemoteError>> {
        async move { Ok(self.start(&script)) }.boxed()
    }
    fn forget(&self, _: &HostName) {}
    fn accept_host_key(&self, _: &str) -> Result<(), RemoteError> {
        Ok(())
    }
    fn unlock(&self, _: &str, _: secrecy::SecretString) {}
}
