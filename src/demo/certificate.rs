//! The certificate of the service that answers by TLS, from an authority that exists for this demo only.
use std::{io, path::Path, sync::Arc, time::Duration};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use super::folder;
use crate::core::time::Timestamp;

/// Makes authority and certificate, good for so many days from now on, and writes the authority's certificate to a file.
///
/// # Errors
/// When the file cannot be written, or the keys not be made.
pub(super) fn issue(now: Timestamp, days: u32, authority: &Path) -> io::Result<TlsAcceptor> {
    let since_1970 = Duration::from_millis(u64::try_from(now.0).unwrap_or(0));
    let (hour, day) = (Duration::from_secs(3_600), Duration::from_secs(86_400));
    let at = |since: Duration| rcgen::date_time_ymd(1970, 1, 1) + since;
    let begun = since_1970.saturating_sub(day);
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "quarterdeck demo");
    (params.not_before, params.not_after) = (at(begun), at(since_1970 + day * 365));
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let root = params.self_signed(&key).map_err(io::Error::other)?;
    folder::write_with_mode(authority, root.pem().as_bytes(), 0o600)?;
    let issuer = Issuer::new(params, key);

    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).map_err(io::Error::other)?;
    // An hour more, so that it is that many whole days for as long as a demo lasts.
    (params.not_before, params.not_after) = (at(begun), at(since_1970 + day * days + hour));
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let leaf = params.signed_by(&key, &issuer).map_err(io::Error::other)?;
    let secret = PrivateKeyDer::try_from(key.serialize_der()).map_err(io::Error::other)?;
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], secret)
        .map_err(io::Error::other)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
