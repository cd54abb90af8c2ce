//! TLS as a check needs it: a handshake that records the certificates that were shown, also those nobody should trust.
//!
//! The verifier keeps what the server showed and what the real verifier made of it. So an expired certificate is
//! reported with its date, not as a failed connection. Sessions are never resumed: a resumed one shows no certificate.
use std::{
    fmt,
    io::Read as _,
    path::Path,
    sync::{Arc, Mutex, Once, OnceLock, PoisonError},
};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        Resumption, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::{
    core::time::{self, Timestamp},
    error::{Kind, Report},
    parse::sanitise,
};

/// Most certificates of a chain that are looked at.
const MAX_CHAIN: usize = 8;
/// Bytes of a file of authorities that are read; a whole system's has a quarter of a megabyte.
const MOST_CA: u64 = 4 << 20;

/// Makes ring the process's cryptography. It may be called any number of times; the first call counts.
pub fn install_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error says that another part of the process was first, which is as good.
        rustls::crypto::ring::default_provider().install_default().ok();
    });
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider())))
}

/// Who is trusted to vouch for a server. Cheap to clone; reading the system's certificates is not, and happens once.
#[derive(Clone, Debug)]
pub struct Trust {
    /// None where no certificate authority is known at all: then nothing can be trusted.
    verifier: Option<Arc<WebPkiServerVerifier>>,
}

impl Trust {
    /// Trusts what this machine trusts.
    pub fn system() -> Self {
        static SYSTEM: OnceLock<Trust> = OnceLock::new();
        SYSTEM.get_or_init(|| Self::of(system_roots().clone())).clone()
    }

    /// Trusts what this machine trusts and the authorities in a PEM file.
    ///
    /// # Errors
    /// When the file cannot be read, or holds no certificate.
    pub fn with_file(path: &Path) -> Result<Self, Report> {
        let bad = |why: String| {
            Report::new(Kind::Config, format!("cannot use the CA file {}: {why}", path.display()))
                .hint("it must hold the authority's certificate in PEM: -----BEGIN CERTIFICATE-----")
        };
        let mut pem = Vec::new();
        let file = crate::config::open_regular(path).map_err(|error| bad(error.to_string()))?;
        file.take(MOST_CA).read_to_end(&mut pem).map_err(|error| bad(error.to_string()))?;
        let mut roots = system_roots().clone();
        let mut added = 0_usize;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| bad(error.to_string()))?;
            roots.add(certificate).map_err(|error| bad(error.to_string()))?;
            added += 1;
        }
        if added == 0 {
            return Err(bad("no certificate in it".into()));
        }
        Ok(Self::of(roots))
    }

    fn of(roots: RootCertStore) -> Self {
        if roots.is_empty() {
            return Self { verifier: None };
        }
        Self { verifier: WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build().ok() }
    }

    /// Makes a client's settings whose verifier records; `Enforce::No` lets the handshake go on whatever it finds.
    pub(super) fn client(&self, enforce: Enforce, alpn: &[&[u8]]) -> Result<(ClientConfig, Arc<Recorder>), TlsFault> {
        let recorder = Arc::new(Recorder { trust: self.clone(), enforce, seen: Mutex::default() });
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsFault::Other(text_of(&error)))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&recorder) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        config.alpn_protocols = alpn.iter().map(|one| one.to_vec()).collect();
        Ok((config, recorder))
    }
}

fn system_roots() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    })
}

/// Whether a certificate that is not to be trusted ends the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Enforce {
    Yes,
    No,
}

/// What a server showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Its certificates, its own first, at most eight.
    pub chain: Vec<Certificate>,
    /// Why they are not to be trusted; none when they are, or when none was shown.
    pub fault: Option<TlsFault>,
}

impl Shown {
    /// Returns the certificate that ends first: the server's own, or one between it and the root.
    ///
    /// A chain may carry a root, or an old cross-signed copy that has expired and that nobody needs: self-signed ones
    /// do not count, and of a trusted chain neither do those between that are over already.
    pub fn first_to_expire(&self, now: Timestamp) -> Option<&Certificate> {
        let (own, between) = self.chain.split_first()?;
        let needed = between.iter().filter(|one| !one.self_signed && (self.fault.is_some() || one.not_after > now));
        std::iter::once(own).chain(needed).min_by_key(|one| one.not_after)
    }
}

/// What matters of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until.
    pub not_after: Timestamp,
    /// Common name, or the whole subject, sanitised.
    pub subject: String,
    /// The issuer's, sanitised.
    pub issuer: String,
    /// The DNS names and addresses it is for, sanitised, at most sixteen.
    pub names: Vec<String>,
    /// Whether it vouches for itself.
    pub self_signed: bool,
}

impl Certificate {
    /// Reads a certificate in DER; none when it is not one.
    pub fn read(der: &[u8]) -> Option<Self> {
        let (_, read) = X509Certificate::from_der(der).ok()?;
        let validity = read.validity();
        let names = read.subject_alternative_name().ok().flatten().map(|alt| {
            alt.value.general_names.iter().filter_map(name_of).take(16).map(sanitise::name).collect::<Vec<_>>()
        });
        Some(Self {
            not_before: Timestamp(validity.not_before.timestamp().saturating_mul(1_000)),
            not_after: Timestamp(validity.not_after.timestamp().saturating_mul(1_000)),
            subject: party(read.subject()),
            issuer: party(read.issuer()),
            names: names.unwrap_or_default(),
            self_signed: read.subject().as_raw() == read.issuer().as_raw(),
        })
    }
}

fn name_of(name: &GeneralName<'_>) -> Option<String> {
    if let GeneralName::DNSName(name) = name {
        return Some((*name).to_owned());
    }
    let GeneralName::IPAddress(bytes) = name else { return None };
    let ip4 = <[u8; 4]>::try_from(*bytes).map(std::net::IpAddr::from);
    let ip6 = || <[u8; 16]>::try_from(*bytes).map(std::net::IpAddr::from);
    ip4.or_else(|_| ip6()).ok().map(|ip| ip.to_string())
}

fn party(name: &x509_parser::x509::X509Name<'_>) -> String {
    let common = name.iter_common_name().next().and_then(|one| one.as_str().ok()).map(str::to_owned);
    sanitise::name(common.unwrap_or_else(|| name.to_string()))
}

/// Why a TLS connection did not come about, or must not be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsFault {
    /// It is over.
    #[error("tls: certificate expired on {}", .0.rfc3339())]
    Expired(Timestamp),
    /// It has not begun.
    #[error("tls: certificate is valid only from {}", .0.rfc3339())]
    NotYetValid(Timestamp),
    /// It is for other names.
    #[error("tls: certificate is for {}, not for {wanted}", list(.names))]
    WrongName {
        /// The name that was asked for.
        wanted: String,
        /// The names it is for.
        names: Vec<String>,
    },
    /// Nobody who is trusted vouches for it.
    #[error("tls: certificate is not trusted: issued by {0:?}, which is not known here")]
    Untrusted(String),
    /// This machine trusts nobody.
    #[error("tls: this machine has no trusted certificates: install ca-certificates or set `ca`")]
    NoRoots,
    /// What answered does not speak TLS.
    #[error("tls: what answers does not speak TLS")]
    NotTls,
    /// Something else.
    #[error("tls: {0}")]
    Other(String),
}

impl TlsFault {
    /// Says it in one line, with ages instead of dates.
    pub fn text(&self, now: Timestamp) -> String {
        match self {
            Self::Expired(at) => format!("tls: certificate expired {} ago", age(now.since(*at))),
            Self::NotYetValid(at) => format!("tls: certificate becomes valid in {}", age(at.since(now))),
            Self::WrongName { .. } | Self::Untrusted(_) | Self::NoRoots | Self::NotTls | Self::Other(_) => {
                self.to_string()
            }
        }
    }

    /// Reads an error of the handshake itself; what the verifier found is in [`Shown::fault`].
    pub(super) fn of(error: &rustls::Error) -> Self {
        if matches!(error, rustls::Error::InvalidMessage(_)) { Self::NotTls } else { Self::Other(words(error)) }
    }
}

fn age(milliseconds: i64) -> String {
    time::short(milliseconds.max(0).unsigned_abs())
}

fn list(names: &[String]) -> String {
    match names {
        [] => "no name".to_owned(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
    }
}

fn text_of(error: &dyn fmt::Display) -> String {
    sanitise::line_max(error.to_string(), 160)
}

/// Records what a server shows.
#[derive(Debug)]
pub(super) struct Recorder {
    trust: Trust,
    enforce: Enforce,
    seen: Mutex<Shown>,
}

impl Recorder {
    /// Returns what the last handshake showed.
    pub(super) fn shown(&self) -> Shown {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn judge(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        match &self.trust.verifier {
            Some(verifier) => verifier.verify_server_cert(own, between, name, ocsp, now).map(|_| ()),
            None => Err(rustls::Error::General("no roots".into())),
        }
    }
}

/// Says what is wrong with a certificate, in our own words.
fn fault_of(error: &rustls::Error, own: Option<&Certificate>, name: &ServerName<'_>) -> TlsFault {
    let rustls::Error::InvalidCertificate(why) = error else {
        return if matches!(error, rustls::Error::General(_)) { TlsFault::NoRoots } else { TlsFault::of(error) };
    };
    let seconds = |at: UnixTime| Timestamp(i64::try_from(at.as_secs()).unwrap_or(i64::MAX).saturating_mul(1_000));
    if let CertificateError::ExpiredContext { not_after, .. } = why {
        TlsFault::Expired(seconds(*not_after))
    } else if let CertificateError::NotValidYetContext { not_before, .. } = why {
        TlsFault::NotYetValid(seconds(*not_before))
    } else if matches!(why, CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }) {
        let names = own.map(|own| own.names.clone()).unwrap_or_default();
        TlsFault::WrongName { wanted: sanitise::name(name.to_str().as_ref()), names }
    } else if matches!(why, CertificateError::UnknownIssuer | CertificateError::Other(_))
        && own.is_some_and(|own| own.self_signed)
    {
        // As `openssl req -x509` makes them: an authority of their own, which the verifier refuses before it looks who
        // vouches for it.
        TlsFault::Other("certificate is self-signed: not from a known authority".into())
    } else if matches!(why, CertificateError::UnknownIssuer) {
        TlsFault::Untrusted(own.map(|own| own.issuer.clone()).unwrap_or_default())
    } else {
        TlsFault::Other(format!("certificate refused: {}", refused(why)))
    }
}

/// Says what rustls found; its own words hold names of its types.
#[expect(clippy::wildcard_enum_match_arm, reason = "rustls' list grows; the rest is told by its own words")]
fn words(error: &rustls::Error) -> String {
    use rustls::Error as E;
    match error {
        E::InappropriateMessage { .. } | E::InappropriateHandshakeMessage { .. } => {
            "the server sent something else than was due in the handshake".into()
        }
        E::PeerIncompatible(why) => format!("no common ground with the server: {}", spaced(why)),
        E::PeerMisbehaved(why) => format!("the server broke the protocol: {}", spaced(why)),
        E::AlertReceived(rustls::AlertDescription::Unknown(code)) => format!("the server refused: alert {code}"),
        E::AlertReceived(alert) => format!("the server refused: {}", spaced(alert)),
        E::InvalidCertificate(why) => format!("certificate refused: {}", refused(why)),
        E::InvalidCertRevocationList(why) => format!("revocation list refused: {}", spaced(why)),
        E::InvalidEncryptedClientHello(why) => format!("encrypted hello refused: {}", spaced(why)),
        E::InconsistentKeys(why) => format!("keys do not fit: {}", spaced(why)),
        other => text_of(other),
    }
}

/// Says why a certificate was refused.
#[expect(clippy::wildcard_enum_match_arm, reason = "rustls' list grows; the rest is told by its own words")]
fn refused(why: &CertificateError) -> String {
    use CertificateError as C;
    match why {
        C::Other(_) => "it is not made for a server: an authority's own, or malformed".into(),
        C::NotValidForNameContext { .. }
        | C::ExpiredContext { .. }
        | C::NotValidYetContext { .. }
        | C::ExpiredRevocationListContext { .. }
        | C::InvalidPurposeContext { .. } => text_of(why),
        other => spaced(other).trim_end_matches(" context").to_owned(),
    }
}

/// Takes the words out of the name of a variant: `HandshakeFailure` is `handshake failure`.
fn spaced(variant: &impl fmt::Debug) -> String {
    let name = format!("{variant:?}");
    name.chars().take_while(char::is_ascii_alphanumeric).fold(String::new(), |mut text, letter| {
        if letter.is_ascii_uppercase() && text.ends_with(|before: char| !before.is_ascii_digit()) {
            text.push(' ');
        }
        text.push(letter.to_ascii_lowercase());
        text
    })
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self.judge(own, between, name, ocsp, now);
        let chain: Vec<Certificate> =
            std::iter::once(own).chain(between).take(MAX_CHAIN).filter_map(|der| Certificate::read(der)).collect();
        let fault = verdict.as_ref().err().map(|error| fault_of(error, chain.first(), name));
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Shown { chain, fault };
        match (verdict, self.enforce) {
            (Ok(()), _) | (Err(_), Enforce::No) => Ok(ServerCertVerified::assertion()),
            (Err(error), Enforce::Yes) => Err(error),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

fn to_find(text: &str) -> Option<ServerName<'static>> {
    ServerName::try_from(text.to_owned()).ok()
}

/// Says whether a text can be what a certificate is looked for: a name or an address alone.
pub fn is_server_name(text: &str) -> bool {
    to_find(text).is_some()
}

/// Shakes hands on an open connection with a server that is trusted.
///
/// # Errors
/// When what answers does not speak TLS, or nobody who is trusted vouches for it.
pub(crate) async fn connect(
    stream: TcpStream,
    server_name: &str,
    trust: &Trust,
) -> Result<TlsStream<TcpStream>, TlsFault> {
    let (config, recorder) = trust.client(Enforce::Yes, &[])?;
    let name = named(server_name)?;
    let connected = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    connected.map_err(|error| recorder.shown().fault.unwrap_or_else(|| fault_of_io(&error)))
}

fn named(server_name: &str) -> Result<ServerName<'static>, TlsFault> {
    to_find(server_name)
        .ok_or_else(|| TlsFault::Other(format!("{:?} is not a server name", sanitise::name(server_name))))
}

/// Shakes hands on an open connection and returns what the server showed, trusted or not; the connection is closed.
///
/// # Errors
/// When what answers does not speak TLS, or refuses this name or every version.
pub async fn handshake(stream: TcpStream, server_name: &str, trust: &Trust) -> Result<Shown, TlsFault> {
    let (config, recorder) = trust.client(Enforce::No, &[])?;
    let name = named(server_name)?;
    match tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await {
        Ok(mut connection) => {
            use tokio::io::AsyncWriteExt as _;
            // Saying goodbye is a courtesy: the other side may be gone.
            connection.shutdown().await.ok();
            Ok(recorder.shown())
        }
        Err(error) => {
            let mut shown = recorder.shown();
            if shown.chain.is_empty() {
                return Err(fault_of_io(&error));
            }
            // A server that wants a certificate of ours says so by an alert after it showed its own, which is all we
            // came for. Anything else, a signature that does not fit above all, is a fault.
            if shown.fault.is_none() && !matches!(tls_in(&error), Some(rustls::Error::AlertReceived(_))) {
                shown.fault = Some(fault_of_io(&error));
            }
            Ok(shown)
        }
    }
}

/// Finds rustls' error in an I/O error, which may wrap it more than once.
pub(super) fn tls_in(error: &std::io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    inner.downcast_ref::<rustls::Error>().or_else(|| tls_in(inner.downcast_ref::<std::io::Error>()?))
}

/// Says what went wrong with a handshake.
pub(super) fn fault_of_io(error: &std::io::Error) -> TlsFault {
    match tls_in(error) {
        Some(error) => TlsFault::of(error),
        None if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            TlsFault::Other("the connection was closed during the handshake".into())
        }
        None => TlsFault::Other(super::net::plain(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_handshake_is_told_in_words() {
        use rustls::{AlertDescription, Error, OtherError, PeerIncompatible};
        let io = std::io::Error::other("CaUsedAsEndEntity");
        for (error, says) in [
            (Error::AlertReceived(AlertDescription::HandshakeFailure), "tls: the server refused: handshake failure"),
            (Error::AlertReceived(AlertDescription::Unknown(0x99)), "tls: the server refused: alert 153"),
            (
                Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon),
                "tls: no common ground with the server: no cipher suites in common",
            ),
            (Error::InvalidCertificate(CertificateError::BadSignature), "tls: certificate refused: bad signature"),
            (
                Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(io)))),
                "tls: certificate refused: it is not made for a server: an authority's own, or malformed",
            ),
        ] {
            assert_eq!(TlsFault::of(&error).to_string(), says);
        }
    }

    #[test]
    fn a_certificate_that_vouches_for_itself_is_called_so() {
        let authority = |name: &str| {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            (params.self_signed(&key).unwrap(), params)
        };
        let (known, _) = authority("known.test");
        let mut roots = RootCertStore::empty();
        roots.add(known.der().clone()).unwrap();
        let name = to_find("web.test").unwrap();
        let fault = |own: &CertificateDer<'_>| {
            let (_, recorder) = Trust::of(roots.clone()).client(Enforce::No, &[]).unwrap();
            recorder.verify_server_cert(own, &[], &name, &[], UnixTime::now()).unwrap();
            recorder.shown().fault.unwrap().to_string()
        };
        // As `openssl req -x509` makes them: an authority; and without that extension.
        let (own, mut params) = authority("web.test");
        assert_eq!(fault(own.der()), "tls: certificate is self-signed: not from a known authority");
        params.is_ca = rcgen::IsCa::NoCa;
        let own = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        assert_eq!(fault(own.der()), "tls: certificate is self-signed: not from a known authority");
    }
}
