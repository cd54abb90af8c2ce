//! Getting in: the agent's keys, key files, encrypted ones once they are unlocked, certificates beside them.
//!
//! Every key that is refused counts against the server's `MaxAuthTries` (6 by default), so what is likely to fit goes first: the
//! identity that our configuration names, then the agent's keys that are also named as files, then its others, then the files.
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use russh::{
    AgentAuthError, Signer,
    client::{AuthResult, Handle},
    keys::{
        Certificate, HashAlg, PrivateKey, PrivateKeyWithHashAlg,
        agent::{AgentIdentity, client::AgentClient},
        signature,
        ssh_encoding::Encode as _,
        ssh_key::{self, private::KeypairData, public::KeyData},
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::UnixStream;

use super::{connect::Client, settings::Hop};
use crate::{parse::sanitise, tasks::Tasks};

/// No private key is larger.
const MAX_KEY: u64 = 256 * 1024;

/// Keys and passphrases, in memory only.
#[derive(Default)]
pub(super) struct KeyRing {
    passphrases: Mutex<HashMap<PathBuf, SecretString>>,
    opened: Mutex<HashMap<PathBuf, Arc<PrivateKey>>>,
}

impl KeyRing {
    pub(super) fn unlock(&self, identity: PathBuf, passphrase: SecretString) {
        self.passphrases.lock().unwrap_or_else(PoisonError::into_inner).insert(identity, passphrase);
    }

    fn passphrase(&self, identity: &Path) -> Option<SecretString> {
        self.passphrases.lock().unwrap_or_else(PoisonError::into_inner).get(identity).cloned()
    }

    fn forget(&self, identity: &Path) {
        self.passphrases.lock().unwrap_or_else(PoisonError::into_inner).remove(identity);
    }

    fn opened(&self, identity: &Path) -> Option<Arc<PrivateKey>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).get(identity).cloned()
    }

    fn keep(&self, identity: &Path, key: &Arc<PrivateKey>) {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).insert(identity.to_owned(), Arc::clone(key));
    }
}

/// Why nobody let us in.
#[derive(Debug, Default)]
pub(super) struct Refused {
    /// What was tried, and what could not be, in words.
    pub(super) tried: Vec<String>,
    /// A key file that may fit, but is encrypted.
    pub(super) locked: Option<PathBuf>,
    /// Ways in that the server would accept.
    pub(super) methods: Vec<String>,
    /// A key was good and the server wants more.
    pub(super) partial: bool,
    /// The server hung up meanwhile.
    pub(super) closed: bool,
}

enum Opened {
    Key(Arc<PrivateKey>),
    Missing,
    Locked,
    WrongPassphrase,
    Unusable(String),
}

type Agent = AgentClient<UnixStream>;

/// The hash for RSA signatures, which the server is asked for once it matters.
#[derive(Clone, Copy)]
enum RsaHash {
    NotAsked,
    Known(Option<HashAlg>),
}

struct Attempts<'a> {
    handle: &'a mut Handle<Client>,
    hop: &'a Hop,
    keys: &'a Arc<KeyRing>,
    tasks: &'a Tasks,
    rsa_hash: RsaHash,
    refused: Refused,
}

/// Signs for a certificate with the key of a file. russh's own way names SHA-1 for RSA, which servers refuse.
struct KeySigner<'a>(&'a PrivateKey);

impl Signer for KeySigner<'_> {
    type Error = AgentAuthError;

    async fn auth_sign(
        &mut self,
        _: &AgentIdentity,
        hash: Option<HashAlg>,
        mut signed: Vec<u8>,
    ) -> Result<Vec<u8>, AgentAuthError> {
        let pair = self.0.key_data();
        let signature = if let KeypairData::Rsa(rsa) = pair {
            signature::Signer::try_sign(&(rsa, hash), &signed)
        } else {
            signature::Signer::try_sign(pair, &signed)
        };
        let encoded = signature.map_err(ssh_key::Error::from).and_then(|signature| {
            let mut encoded = Vec::new();
            signature.encode(&mut encoded)?;
            encoded.encode(&mut signed)?;
            Ok(())
        });
        encoded.map_err(|error| AgentAuthError::Key(error.into()))?;
        Ok(signed)
    }
}

/// Tries every key until one is accepted.
pub(super) async fn authenticate(
    handle: &mut Handle<Client>,
    hop: &Hop,
    keys: &Arc<KeyRing>,
    tasks: &Tasks,
) -> Result<(), Refused> {
    let (mut agent, held) = agent_keys(handle, hop).await.unzip();
    let held = held.unwrap_or_default();
    let named: Vec<Option<KeyData>> = hop.identities.iter().map(|file| public_part(file)).collect();
    let is = |id: &AgentIdentity, key: &Option<KeyData>| key.as_ref() == Some(id.public_key().key_data());
    let mut attempts = Attempts { handle, hop, keys, tasks, rsa_hash: RsaHash::NotAsked, refused: Refused::default() };

    let mut files: Vec<(&PathBuf, &Option<KeyData>)> = hop.identities.iter().zip(&named).collect();
    let mut from_agent: Vec<&AgentIdentity> = Vec::new();
    for (_, key) in &files {
        from_agent.extend(held.iter().filter(|id| is(id, key)));
    }
    files.retain(|(_, key)| !held.iter().any(|id| is(id, key)));
    if !hop.identities_only {
        from_agent.extend(held.iter().filter(|id| !named.iter().any(|key| is(id, key))));
    }
    let explicit = hop.identities.first().filter(|_| hop.identity_first);
    if let Some(at) = files.iter().position(|(file, _)| Some(*file) == explicit) {
        let (file, _) = files.remove(at);
        if attempts.file(file, true).await {
            return Ok(());
        }
    }
    for id in from_agent {
        if attempts.refused.closed {
            break;
        }
        if let Some(agent) = &mut agent
            && attempts.agent(id, agent).await
        {
            return Ok(());
        }
    }
    for (file, _) in files {
        if attempts.refused.closed {
            break;
        }
        if attempts.file(file, false).await {
            return Ok(());
        }
    }
    if attempts.nothing_tried() && attempts.none().await {
        return Ok(());
    }
    Err(attempts.refused)
}

impl Attempts<'_> {
    fn nothing_tried(&self) -> bool {
        self.refused.methods.is_empty() && !self.refused.closed
    }

    /// Asks to be let in without anything: some servers do; the others say what they want.
    async fn none(&mut self) -> bool {
        let result = self.handle.authenticate_none(self.hop.user.clone()).await;
        self.judge(result.map_err(|error| error.to_string()))
    }

    async fn agent(&mut self, id: &AgentIdentity, agent: &mut Agent) -> bool {
        let user = self.hop.user.clone();
        let comment = sanitise::name(id.comment());
        let fingerprint = id.public_key().fingerprint(HashAlg::Sha256);
        self.refused.tried.push(format!("agent key {comment} ({fingerprint})"));
        let result = match id {
            AgentIdentity::PublicKey { key, .. } => {
                let hash = self.hash_for(key.algorithm().is_rsa()).await;
                self.handle.authenticate_publickey_with(user, key.clone(), hash, agent).await
            }
            AgentIdentity::Certificate { certificate, .. } => {
                let hash = self.hash_for(certificate.algorithm().is_rsa()).await;
                self.handle.authenticate_certificate_with(user, certificate.clone(), hash, agent).await
            }
        };
        self.judge(result.map_err(|error| error.to_string()))
    }

    async fn file(&mut self, file: &Path, named: bool) -> bool {
        let shown = file.display();
        let key = match self.open(file).await {
            Opened::Key(key) => key,
            Opened::Missing => {
                if named {
                    self.refused.tried.push(format!("{shown} (does not exist)"));
                }
                return false;
            }
            Opened::Locked => {
                self.refused.tried.push(format!("{shown} (encrypted)"));
                self.refused.locked.get_or_insert_with(|| file.to_owned());
                return false;
            }
            Opened::WrongPassphrase => {
                self.refused.tried.push(format!("{shown} (wrong passphrase)"));
                self.refused.locked.get_or_insert_with(|| file.to_owned());
                return false;
            }
            Opened::Unusable(why) => {
                self.refused.tried.push(format!("{shown} ({why})"));
                return false;
            }
        };
        for (name, certificate) in self.certificates(file, &key) {
            self.refused.tried.push(name);
            let user = self.hop.user.clone();
            let hash = self.hash_for(key.algorithm().is_rsa()).await;
            let mut signer = KeySigner(&key);
            let result = self.handle.authenticate_certificate_with(user, certificate, hash, &mut signer).await;
            if self.judge(result.map_err(|error| error.to_string())) {
                return true;
            }
            if self.refused.closed {
                return false;
            }
        }
        self.refused.tried.push(shown.to_string());
        let hash = self.hash_for(key.algorithm().is_rsa()).await;
        let key = PrivateKeyWithHashAlg::new(key, hash);
        let result = self.handle.authenticate_publickey(self.hop.user.clone(), key).await;
        self.judge(result.map_err(|error| error.to_string()))
    }

    /// Finds the certificates for a key: beside its file, and those the SSH configuration names.
    fn certificates(&self, file: &Path, key: &PrivateKey) -> Vec<(String, Certificate)> {
        let mut beside = file.as_os_str().to_owned();
        beside.push("-cert.pub");
        std::iter::once(PathBuf::from(beside))
            .chain(self.hop.certificates.iter().cloned())
            .filter_map(|file| {
                let certificate = russh::keys::load_openssh_certificate(&file).ok()?;
                let fits = certificate.public_key() == key.public_key().key_data();
                fits.then(|| (file.display().to_string(), certificate))
            })
            .collect()
    }

    /// An RSA key signs with the best hash that the server says it takes: with the old default it fails like a wrong key.
    async fn hash_for(&mut self, rsa: bool) -> Option<HashAlg> {
        if !rsa {
            return None;
        }
        if let RsaHash::Known(hash) = self.rsa_hash {
            return hash;
        }
        let hash = self.handle.best_supported_rsa_hash().await.ok().flatten().flatten();
        self.rsa_hash = RsaHash::Known(hash);
        hash
    }

    async fn open(&self, file: &Path) -> Opened {
        if let Some(key) = self.keys.opened(file) {
            return Opened::Key(key);
        }
        let (path, passphrase) = (file.to_owned(), self.keys.passphrase(file));
        let work = move || open_key(&path, passphrase.as_ref());
        // Opening an encrypted key takes long by design, so it has a thread of its own.
        let opened = self.tasks.blocking("open key", work).join().await;
        match &opened {
            Some(Opened::Key(key)) => {
                self.keys.keep(file, key);
                self.keys.forget(file);
            }
            Some(Opened::WrongPassphrase) => self.keys.forget(file),
            Some(Opened::Missing | Opened::Locked | Opened::Unusable(_)) | None => {}
        }
        opened.unwrap_or_else(|| Opened::Unusable("cannot be read".into()))
    }

    fn judge(&mut self, result: Result<AuthResult, String>) -> bool {
        match result {
            Ok(AuthResult::Success) => return true,
            Ok(AuthResult::Failure { remaining_methods, partial_success }) => {
                self.refused.partial |= partial_success;
                let methods: Vec<String> = remaining_methods.iter().map(String::from).collect();
                if !methods.is_empty() {
                    self.refused.methods = methods;
                }
            }
            Err(error) => {
                if let Some(last) = self.refused.tried.last_mut() {
                    *last = format!("{last} ({})", sanitise::name(error));
                }
            }
        }
        self.refused.closed = self.handle.is_closed();
        false
    }
}

async fn agent_keys(handle: &Handle<Client>, hop: &Hop) -> Option<(Agent, Vec<AgentIdentity>)> {
    let mut agent = AgentClient::connect_uds(hop.agent.as_ref()?).await.ok()?;
    if let Some(binding) = handle.agent_session_binding() {
        // An agent that does not know the extension refuses it, and works all the same.
        agent.bind_session(binding, false).await.ok();
    }
    let keys = agent.request_identities().await.ok()?;
    Some((agent, keys))
}

/// Reads the public half of a key file, which an agent may hold under it: no passphrase is needed for that.
fn public_part(file: &Path) -> Option<KeyData> {
    let mut public = file.as_os_str().to_owned();
    public.push(".pub");
    if let Ok(key) = russh::keys::load_public_key(PathBuf::from(public)) {
        return Some(key.key_data().clone());
    }
    let text = read_limited(file).ok()?;
    Some(PrivateKey::from_openssh(text).ok()?.public_key().key_data().clone())
}

fn read_limited(file: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    crate::config::open_regular(file)?.take(MAX_KEY).read_to_string(&mut text)?;
    Ok(text)
}

fn open_key(file: &Path, passphrase: Option<&SecretString>) -> Opened {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = match std::fs::metadata(file) {
        Ok(metadata) => metadata.permissions().mode(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Opened::Missing,
        Err(error) => return Opened::Unusable(error.to_string()),
    };
    if mode & 0o077 != 0 {
        return Opened::Unusable("others can read it: chmod 600".into());
    }
    let text = match read_limited(file) {
        Ok(text) => text,
        Err(error) => return Opened::Unusable(error.to_string()),
    };
    match russh::keys::decode_secret_key(&text, passphrase.map(SecretString::expose_secret)) {
        Ok(key) => Opened::Key(Arc::new(key)),
        Err(russh::keys::Error::KeyIsEncrypted) => Opened::Locked,
        Err(_) if passphrase.is_some() => Opened::WrongPassphrase,
        Err(_) if text.contains("ENCRYPTED") => Opened::Locked,
        Err(error) => Opened::Unusable(sanitise::name(error.to_string())),
    }
}
