//! The SSH pool: one connection per host and lane, made when it is first wanted and shared from then on.
//!
//! A connection that cannot be made is not tried again before a growing, jittered pause is over; meanwhile whoever asks gets
//! the last error at once. A login or a host key that was refused waits longer than a network fault: knocking every second
//! would only get us banned. A connection through jump hosts shares those by way and lane; a jump connection carries nothing else.
mod auth;
mod channel;
mod connect;
mod guard;
mod kept;
mod settings;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::future::BoxFuture;
use secrecy::SecretString;
use tokio::sync::watch;

use self::{
    auth::KeyRing,
    connect::{Link, Maker},
    settings::{Hop, Route},
};
use super::{Dialog, Lane, LinkState, Output, Remote, RemoteError, Script, Stream, known_hosts, local};
use crate::{
    core::{
        hosts::LinkFault,
        id::HostName,
        inventory::Host,
        time::{Clock, Mono, Now, Timestamp},
    },
    tasks::Tasks,
};

/// Address of the machine the console runs on.
const LOCAL: &str = "local";

/// What the pool needs to know of its surroundings; tests set what they need.
#[derive(Clone, Debug)]
pub struct PoolOptions {
    /// Whether a person is there to be asked. `watch` and the command line never ask.
    pub prompts: bool,
    /// The user's home directory.
    pub home: PathBuf,
    /// The login name here, which is the default there.
    pub user: String,
    /// Socket of the agent.
    pub agent: Option<PathBuf>,
    /// The known_hosts files, instead of those that OpenSSH would read; the first is where an accepted key goes.
    pub known_hosts: Option<Vec<PathBuf>>,
    /// OpenSSH's client, which is asked for a host's settings; without it a library reads its configuration.
    pub ssh: Option<PathBuf>,
    /// The SSH configuration, instead of the user's and the machine's.
    pub ssh_config: Option<PathBuf>,
    /// Limit for making a connection, login included.
    pub connect_timeout: Duration,
    /// Pause after which a silent peer is asked whether it is there; after three times that it is lost.
    pub keepalive: Duration,
}

impl PoolOptions {
    /// Takes home, name and agent from the environment.
    pub fn from_env(prompts: bool) -> Self {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            prompts,
            home: directories::BaseDirs::new().map_or_else(|| PathBuf::from("/"), |dirs| dirs.home_dir().to_owned()),
            user: text("USER").or_else(|| text("LOGNAME")).unwrap_or_else(|| "root".to_owned()),
            agent: text("SSH_AUTH_SOCK").map(PathBuf::from),
            known_hosts: None,
            ssh: Some(PathBuf::from("ssh")),
            ssh_config: None,
            connect_timeout: Duration::from_secs(10),
            keepalive: Duration::from_secs(3),
        }
    }
}

/// Reaches hosts over SSH, and this machine without. Cheap to clone.
#[derive(Clone)]
pub struct Pool {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

struct Inner {
    options: PoolOptions,
    maker: Maker,
    hosts: Mutex<Arc<HashMap<HostName, Arc<Host>>>>,
    routes: Mutex<HashMap<HostName, Arc<Route>>>,
    slots: Mutex<HashMap<Key, Arc<Slot>>>,
    /// What `sudo` asks for, by host.
    sudo: Mutex<HashMap<HostName, SecretString>>,
}

/// What a connection is shared by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Host(HostName, Lane),
    /// The hops up to this one, by name and address, and the lane: two names for one machine may differ in key and login.
    Jump(Vec<String>, Lane),
}

type Slot = watch::Sender<State>;

enum State {
    Idle,
    Connecting { since: Now, after: Option<Failure> },
    Up { link: Arc<Link>, since: Timestamp },
    Failing(Failure),
}

#[derive(Clone)]
struct Failure {
    error: RemoteError,
    attempts: u32,
    since: Timestamp,
    retry: Now,
}

/// What to do about a connection that is wanted.
enum Next {
    Use(Arc<Link>),
    Fail(RemoteError),
    Wait,
    Start,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    /// Makes a pool for these hosts. Nothing is connected to before it is wanted.
    pub fn new(hosts: &[Arc<Host>], tasks: Tasks, clock: Arc<dyn Clock>, options: PoolOptions) -> Self {
        let maker = Maker {
            tasks,
            clock,
            keys: Arc::new(KeyRing::default()),
            prompts: options.prompts,
            keepalive: options.keepalive,
            offered: Arc::default(),
            once: Arc::default(),
        };
        let inner = Inner {
            options,
            maker,
            hosts: Mutex::new(Arc::new(by_name(hosts))),
            routes: Mutex::default(),
            slots: Mutex::default(),
            sudo: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Takes over the hosts of a new configuration; connections to hosts that changed are dropped.
    pub fn set_hosts(&self, hosts: &[Arc<Host>]) {
        let new = by_name(hosts);
        let old = std::mem::replace(&mut *held(&self.inner.hosts), Arc::new(new.clone()));
        held(&self.inner.routes).clear();
        for (name, host) in old.iter() {
            if new.get(name) != Some(host) {
                // Behind the name may be another machine.
                held(&self.inner.sudo).remove(name);
                self.forget(name);
            }
        }
    }

    /// Says how the connection to a host stands: that for commands, else another lane's.
    pub fn link(&self, host: &HostName) -> LinkState {
        [Lane::Control, Lane::Logs, Lane::Bulk]
            .into_iter()
            .map(|lane| self.link_in(host, lane))
            .find(|state| *state != LinkState::Idle)
            .unwrap_or_default()
    }

    /// Says how the connection to a host stands in one lane.
    pub fn link_in(&self, host: &HostName, lane: Lane) -> LinkState {
        let slot = held(&self.inner.slots).get(&Key::Host(host.clone(), lane)).cloned();
        slot.map_or(LinkState::Idle, |slot| slot.borrow().public())
    }
}

fn by_name(hosts: &[Arc<Host>]) -> HashMap<HostName, Arc<Host>> {
    hosts.iter().map(|host| (host.name.clone(), Arc::clone(host))).collect()
}

impl State {
    fn public(&self) -> LinkState {
        match self {
            Self::Idle => LinkState::Idle,
            Self::Up { link, .. } if link.is_closed() => LinkState::Idle,
            Self::Up { since, .. } => LinkState::Connected { since: *since },
            Self::Connecting { since, after: None } => LinkState::Connecting { since: since.utc },
            Self::Connecting { after: Some(failure), .. } | Self::Failing(failure) => LinkState::Failing {
                error: failure.error.clone(),
                attempts: failure.attempts,
                since: failure.since,
                retry_at: failure.retry.utc,
            },
        }
    }

    /// Decides what who wants the connection does, and marks it as being made when that is theirs to do.
    fn next(&mut self, now: Now) -> Next {
        let after = match self {
            Self::Up { link, .. } if !link.is_closed() => return Next::Use(Arc::clone(link)),
            Self::Failing(failure) if now.mono < failure.retry.mono => return Next::Fail(failure.error.clone()),
            Self::Connecting { .. } => return Next::Wait,
            Self::Failing(failure) => Some(failure.clone()),
            Self::Idle | Self::Up { .. } => None,
        };
        *self = Self::Connecting { since: now, after };
        Next::Start
    }

    fn settle(&mut self, result: Result<Arc<Link>, RemoteError>, now: Now) {
        let after = match self {
            Self::Connecting { after, .. } => after.take(),
            Self::Idle | Self::Up { .. } | Self::Failing(_) => None,
        };
        *self = match result {
            Ok(link) => Self::Up { link, since: now.utc },
            Err(error) => {
                let attempts = after.as_ref().map_or(0, |failure| failure.attempts).saturating_add(1);
                let pause = pause(&error, attempts, now.mono);
                let retry = Now { utc: now.utc + i64::try_from(pause).unwrap_or(i64::MAX), mono: now.mono + pause };
                let since = after.map_or(now.utc, |failure| failure.since);
                Self::Failing(Failure { error, attempts, since, retry })
            }
        };
    }
}

/// Returns the milliseconds before the next attempt: doubled each time, with a quarter of jitter so that hosts behind one
/// fault do not knock together.
fn pause(error: &RemoteError, attempts: u32, now: Mono) -> u64 {
    let (first, most) = match error.fault {
        LinkFault::Auth | LinkFault::HostKey => (30_000, 300_000),
        LinkFault::Dns
        | LinkFault::Refused
        | LinkFault::Jump
        | LinkFault::Timeout
        | LinkFault::Lost
        | LinkFault::Protocol => (1_000, 30_000),
    };
    let doubled = 1_u64.checked_shl(attempts.saturating_sub(1).min(16)).unwrap_or(u64::MAX);
    let full = doubled.saturating_mul(first).min(most);
    let seed = error
        .host
        .as_str()
        .bytes()
        .fold(now.0 ^ u64::from(attempts), |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    full - full / 4 + (seed >> 16) % (full / 4 + 1)
}

impl Inner {
    fn host(&self, name: &HostName) -> Result<Arc<Host>, RemoteError> {
        let hosts = Arc::clone(&held(&self.hosts));
        hosts
            .get(name)
            .cloned()
            .ok_or_else(|| connect::error(name, LinkFault::Dns, "the configuration has no such host", None))
    }

    async fn route(&self, host: &Host) -> Result<Arc<Route>, RemoteError> {
        let known = held(&self.routes).get(&host.name).cloned();
        if let Some(route) = known {
            return Ok(route);
        }
        let hosts = Arc::clone(&held(&self.hosts));
        let route = Arc::new(settings::route(host, &hosts, &self.options).await?);
        held(&self.routes).insert(host.name.clone(), Arc::clone(&route));
        Ok(route)
    }

    fn slot(&self, key: Key) -> Arc<Slot> {
        Arc::clone(held(&self.slots).entry(key).or_insert_with(|| Arc::new(watch::channel(State::Idle).0)))
    }

    async fn host_link(self: &Arc<Self>, host: Arc<Host>, lane: Lane) -> Result<Arc<Link>, RemoteError> {
        let slot = self.slot(Key::Host(host.name.clone(), lane));
        let inner = Arc::clone(self);
        let name = host.name.clone();
        self.link(&slot, &name, move || {
            Box::pin(async move {
                let route = inner.route(&host).await?;
                let made = inner.make(&route, route.len().saturating_sub(1), lane).await;
                made.map_err(|error| on_the_way(error, &route))
            })
        })
        .await
    }

    /// Makes the connection to one hop of a way, through the one to the hop before it.
    async fn make(self: &Arc<Self>, route: &Arc<Route>, at: usize, lane: Lane) -> Result<Arc<Link>, RemoteError> {
        // Outer hops get a little less, so that the one that hangs is the one that is named.
        let inner_hops = u32::try_from(route.len().saturating_sub(at + 1)).unwrap_or(0);
        let limit = self.options.connect_timeout.saturating_sub(Duration::from_millis(250) * inner_hops);
        let via = match at.checked_sub(1) {
            Some(before) => {
                Some(tokio::time::timeout(limit, self.jump(route, before, lane)).await.unwrap_or_else(|_| {
                    let name = route.get(before).map_or_else(|| HostName::from("?"), |hop| hop.name.clone());
                    Err(connect::error(&name, LinkFault::Jump, "the jump host does not answer", None))
                })?)
            }
            None => None,
        };
        let hop = route.get(at).ok_or_else(|| {
            connect::error(&HostName::from("?"), LinkFault::Protocol, "the way to the host is empty", None)
        })?;
        connect::connect(&self.maker, hop, via, limit).await
    }

    fn jump<'a>(
        self: &'a Arc<Self>,
        route: &'a Arc<Route>,
        at: usize,
        lane: Lane,
    ) -> BoxFuture<'a, Result<Arc<Link>, RemoteError>> {
        Box::pin(async move {
            let known_as = |hop: &Arc<Hop>| format!("{} {}@{}:{}", hop.name, hop.user, hop.host, hop.port);
            let way: Vec<String> = route.iter().take(at + 1).map(known_as).collect();
            let name = route.get(at).map_or_else(|| HostName::from("?"), |hop| hop.name.clone());
            let slot = self.slot(Key::Jump(way, lane));
            let (inner, route) = (Arc::clone(self), Arc::clone(route));
            let made = self.link(&slot, &name, move || {
                Box::pin(async move {
                    let link = inner.make(&route, at, lane).await?;
                    connect::prepare_jump(&link, &inner.maker.tasks).await?;
                    Ok(link)
                })
            });
            made.await.map_err(|mut error| {
                if error.fault != LinkFault::Jump {
                    error.what = format!("{}: {}", error.fault.words(), error.what);
                    error.fault = LinkFault::Jump;
                }
                error
            })
        })
    }

    /// Waits for a slot's connection; makes it in a task of its own when it is not there, so that a caller who gives up
    /// neither stops the attempt nor hides its failure.
    async fn link<F>(&self, slot: &Arc<Slot>, name: &HostName, make: F) -> Result<Arc<Link>, RemoteError>
    where
        F: FnOnce() -> BoxFuture<'static, Result<Arc<Link>, RemoteError>> + Send,
    {
        let mut make = Some(make);
        let mut changes = slot.subscribe();
        loop {
            let mut next = Next::Wait;
            let now = self.maker.clock.now();
            slot.send_if_modified(|state| {
                next = state.next(now);
                matches!(next, Next::Start)
            });
            match next {
                Next::Use(link) => return Ok(link),
                Next::Fail(error) => return Err(error),
                Next::Wait => {}
                Next::Start => match make.take() {
                    Some(make) if !self.maker.tasks.is_cancelled() => self.start(slot, make()),
                    _ => {
                        slot.send_replace(State::Idle);
                        return Err(connect::error(name, LinkFault::Lost, "the console is ending", None));
                    }
                },
            }
            changes.borrow_and_update();
            // The slot is ours: its sender cannot be gone while we wait.
            let settled = |state: &State| !matches!(state, State::Connecting { .. });
            changes.wait_for(settled).await.ok();
        }
    }

    fn start(&self, slot: &Arc<Slot>, made: BoxFuture<'static, Result<Arc<Link>, RemoteError>>) {
        let (slot, clock) = (Arc::clone(slot), Arc::clone(&self.maker.clock));
        let task = async move {
            let unsettled = Unsettled(&slot);
            let result = made.await;
            std::mem::forget(unsettled);
            let now = clock.now();
            slot.send_modify(|state| state.settle(result, now));
        };
        self.maker.tasks.spawn("ssh connect", task).detach();
    }

    /// Lets everything be tried again at once whose failure a person's answer may have mended.
    fn retry(&self, mended: impl Fn(&RemoteError) -> bool) {
        for slot in held(&self.slots).values() {
            slot.send_if_modified(|state| match state {
                State::Failing(failure) if mended(&failure.error) => {
                    *state = State::Idle;
                    true
                }
                State::Idle | State::Connecting { .. } | State::Up { .. } | State::Failing(_) => false,
            });
        }
    }
}

/// An attempt that was cut off leaves the slot free for the next one.
struct Unsettled<'a>(&'a Slot);

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        self.0.send_replace(State::Idle);
    }
}

impl Remote for Pool {
    fn run<'a>(&'a self, host: &'a HostName, lane: Lane, script: Script) -> BoxFuture<'a, Result<Output, RemoteError>> {
        Box::pin(async move {
            let target = self.inner.host(host)?;
            let script = with_prefix(script, &target);
            if target.address == LOCAL {
                return local::run(host, &script).await;
            }
            let link = self.inner.host_link(target, lane).await?;
            channel::run(&link, &script, &self.inner.maker.tasks).await
        })
    }

    fn stream<'a>(
        &'a self,
        host: &'a HostName,
        lane: Lane,
        script: Script,
    ) -> BoxFuture<'a, Result<Stream, RemoteError>> {
        Box::pin(async move {
            let target = self.inner.host(host)?;
            let script = with_prefix(script, &target);
            if target.address == LOCAL {
                return local::stream(host, &script, &self.inner.maker.tasks).await;
            }
            let link = self.inner.host_link(target, lane).await?;
            channel::stream(&link, &script, &self.inner.maker.tasks).await
        })
    }

    fn dialog<'a>(
        &'a self,
        host: &'a HostName,
        lane: Lane,
        script: Script,
    ) -> BoxFuture<'a, Result<Dialog, RemoteError>> {
        Box::pin(async move {
            let target = self.inner.host(host)?;
            let script = with_prefix(script, &target);
            if target.address == LOCAL {
                return local::dialog(host, &script, &self.inner.maker.tasks).await;
            }
            let link = self.inner.host_link(target, lane).await?;
            channel::dialog(&link, &script, &self.inner.maker.tasks).await
        })
    }

    fn host_key(&self, host: &HostName) -> Option<String> {
        let slots = held(&self.inner.slots);
        let slot = slots.get(&Key::Host(host.clone(), Lane::Control))?;
        if let State::Up { link, .. } = &*slot.borrow() { link.host_key() } else { None }
    }

    fn forget(&self, host: &HostName) {
        held(&self.inner.routes).remove(host);
        let mut slots = held(&self.inner.slots);
        // A jump connection that fails is on somebody's way: all are tried anew.
        slots.retain(|key, slot| match key {
            Key::Host(name, _) if name == host => {
                if let State::Up { link, .. } = &*slot.borrow() {
                    link.close();
                }
                false
            }
            Key::Host(..) => true,
            Key::Jump(..) => !matches!(&*slot.borrow(), State::Failing(_)),
        });
    }

    fn accept_host_key(&self, line: &str) -> Result<(), RemoteError> {
        let options = &self.inner.options;
        let asked = held(&self.inner.maker.offered).remove(line);
        let first = || options.known_hosts.as_ref().and_then(|files| files.first().cloned());
        let file =
            asked.and_then(|offer| offer.file).or_else(first).unwrap_or_else(|| options.home.join(".ssh/known_hosts"));
        known_hosts::append(&file, line).map_err(|error| {
            let what = format!("cannot write {}: {error}", file.display());
            connect::error(&HostName::from("localhost"), LinkFault::HostKey, what, None)
        })?;
        self.inner.retry(|error| error.fault == LinkFault::HostKey || error.question.is_some());
        Ok(())
    }

    fn trust_host_key_once(&self, line: &str) {
        // A line that nobody was asked about is no answer.
        if let Some(offer) = held(&self.inner.maker.offered).remove(line) {
            held(&self.inner.maker.once).insert(offer.plain);
            self.inner.retry(|error| error.fault == LinkFault::HostKey || error.question.is_some());
        }
    }

    fn unlock(&self, identity: &str, passphrase: SecretString) {
        self.inner.maker.keys.unlock(PathBuf::from(identity), passphrase);
        self.inner.retry(|error| error.fault == LinkFault::Auth || error.question.is_some());
    }

    fn keep_sudo(&self, host: &HostName, password: SecretString) {
        held(&self.inner.sudo).insert(host.clone(), password);
    }

    fn sudo(&self, host: &HostName) -> Option<SecretString> {
        held(&self.inner.sudo).get(host).cloned()
    }

    fn forget_sudo(&self) {
        held(&self.inner.sudo).clear();
    }

    fn link(&self, host: &HostName) -> LinkState {
        Self::link(self, host)
    }
}

/// Says where on the way something failed: which of the jump hosts it was, or which ones were passed.
fn on_the_way(mut error: RemoteError, route: &Route) -> RemoteError {
    let Some((target, jumps)) = route.split_last().filter(|(_, jumps)| !jumps.is_empty()) else { return error };
    let way: Vec<&str> = jumps.iter().map(|hop| hop.name.as_str()).collect();
    let at = jumps.iter().position(|hop| hop.name == error.host);
    if let Some(at) = at.filter(|_| error.fault == LinkFault::Jump) {
        let of = if way.len() > 1 { format!(" ({} of {})", at + 1, way.len()) } else { String::new() };
        error.what = format!("jump host {}{of}: {}", error.host, error.what);
    } else if error.host == target.name {
        error.what = format!("{}, through {}", error.what, way.join(", "));
    }
    error
}

/// Adds the host's own directories behind those the script asks for.
fn with_prefix(mut script: Script, host: &Host) -> Script {
    for directory in &host.path_prefix {
        if !script.path_prefix.contains(directory) {
            script.path_prefix.push(directory.clone());
        }
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_differ_between_hosts() {
        let fails = |host: &str, fault| connect::error(&HostName::from(host), fault, "", None);
        let of = |host: &str, attempts| pause(&fails(host, LinkFault::Timeout), attempts, Mono(7));
        for (attempts, most) in [(1, 1_000), (2, 2_000), (5, 16_000), (6, 30_000), (4_000_000_000, 30_000)] {
            let pause = of("web-01", attempts);
            assert!(pause <= most && pause >= most * 3 / 4, "{attempts}: {pause}");
        }
        assert_ne!(of("web-01", 9), of("web-02", 9));
        assert!(pause(&fails("a", LinkFault::Auth), 1, Mono(0)) >= 22_500);
    }
}
