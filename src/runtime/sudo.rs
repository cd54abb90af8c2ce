//! Passwords for `sudo`: they are tried once, and kept where they are right. Nothing of them leaves this process but to the host.
use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use secrecy::SecretString;

use super::inbox::Post;
use crate::{
    config::{Env, secret},
    core::{
        Msg,
        id::HostName,
        inventory::{Inventory, Sudo},
        runs::{
            self,
            sudo::{Failed, SudoMsg},
        },
    },
    remote::{
        Remote,
        sudo::{Tried, attempt},
    },
};

/// How long a command may take to hand a password over: it may ask somebody.
const LOOKED_UP_WITHIN: Duration = Duration::from_secs(60);

/// Tries one password on hosts, and tells core where it is right.
pub(super) async fn given(remote: Arc<dyn Remote>, hosts: Vec<HostName>, password: SecretString, post: Post) {
    let all = hosts.into_iter().map(|host| (host, password.clone())).collect();
    tell(&post, try_all(remote.as_ref(), all).await).await;
}

/// Looks up what the configuration refers to, tries it, and tells core where it is right.
pub(super) async fn found(remote: Arc<dyn Remote>, inventory: Arc<Inventory>, hosts: Vec<HostName>, post: Post) {
    let env = Env::of_process();
    let mut all = Vec::new();
    for host in hosts {
        let Some(Sudo::Password { from: Some(reference) }) = inventory.host(&host).map(|host| &host.sudo) else {
            continue;
        };
        match secret::resolve(reference, &env, LOOKED_UP_WITHIN).await {
            Ok(password) => all.push((host, password)),
            Err(error) => return tell(&post, (Vec::new(), Some((host, Failed::Other(error.to_string()))))).await,
        }
    }
    let (right, failed) = try_all(remote.as_ref(), all).await;
    let failed = failed.map(|(host, failed)| match failed {
        Failed::Wrong => (host, Failed::Other("its `sudo_password` is wrong; it is not tried again".to_owned())),
        other @ Failed::Other(_) => (host, other),
    });
    tell(&post, (right, failed)).await;
}

type Result = (Vec<HostName>, Option<(HostName, Failed)>);

async fn tell(post: &Post, (right, failed): Result) {
    post.fact(Msg::Runs(runs::Msg::Sudo(SudoMsg::Tried { right, failed }))).await;
}

/// Tries the first alone: where one directory keeps all accounts, a wrong word on twenty hosts at once would lock its owner out.
async fn try_all(remote: &dyn Remote, all: Vec<(HostName, SecretString)>) -> Result {
    let mut all = all.into_iter();
    let Some((host, password)) = all.next() else { return (Vec::new(), None) };
    if let Err(failed) = once(remote, &host, password).await {
        return (Vec::new(), Some((host, failed)));
    }
    let mut right = vec![host];
    let rest = all.map(|(host, password)| async move { (once(remote, &host, password).await, host) });
    let mut failed = None;
    for (tried, host) in join_all(rest).await {
        match tried {
            Ok(()) => right.push(host),
            // It has another one: that is asked for next.
            Err(Failed::Wrong) => {}
            Err(why @ Failed::Other(_)) => failed = Some((host, why)),
        }
    }
    (right, failed)
}

async fn once(remote: &dyn Remote, host: &HostName, password: SecretString) -> std::result::Result<(), Failed> {
    match attempt(remote, host, &password).await {
        Ok(Tried::Right) => {
            remote.keep_sudo(host, password);
            Ok(())
        }
        Ok(Tried::Wrong) => Err(Failed::Wrong),
        Ok(Tried::Impossible(why)) => Err(Failed::Other(why)),
        Err(error) => Err(Failed::Other(error.what)),
    }
}
