//! A configuration of rustls, of options and the files that they name.

use std::sync::Arc;
use std::time::SystemTime;

use rustls::crypto::{CryptoProvider, ring as provider};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache, StoresServerSessions};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};

use super::authorities::Authorities;
use super::certificate::AltName;
use super::clients::Clients;
use super::error::TlsError;
use super::identity::Identity;
use super::options::{TlsOptions, Version};
use super::reader::Reader;
use super::sni::ServerNames;
use super::tickets::{SECRET_BYTES_MIN, TicketSecrets, Ticketer};

/// Sessions of clients that know no tickets, which are kept for them: few do not, and a session
/// costs some hundred bytes.
const SESSIONS_MAX: usize = 4096;

/// What options and files say.
pub(super) struct Built {
    pub(super) config: ServerConfig,
    /// Who says whether a client's certificate is valid, if invalid ones come in, too.
    pub(super) judge: Option<Arc<dyn ClientCertVerifier>>,
    /// Names of the certificates, for the log.
    pub(super) names: Vec<String>,
    /// What is not wrong, but deserves a word.
    pub(super) notes: Vec<String>,
}

/// What outlives a configuration, so that sessions are resumed under the next one.
pub(super) struct Sessions(Arc<TicketSecrets>);

impl Sessions {
    pub(super) fn new(options: &TlsOptions) -> Self {
        let secrets = TicketSecrets::own(options.session_timeout.get());
        Self(Arc::new(secrets))
    }
}

/// Reads everything that the options name, and makes a configuration of it.
///
/// # Errors
/// The first thing that can't be used.
pub(super) fn build(options: &TlsOptions, sessions: &Sessions) -> Result<Built, TlsError> {
    let mut reader = Reader::new(options.root.as_deref());
    let authorities = Authorities::read(&mut reader, options)?;
    let identities = identities(&mut reader, options, &authorities)?;
    let provider = Arc::new(CryptoProvider {
        cipher_suites: options.ciphers.suites(),
        kx_groups: options.ecdh_curve.groups(),
        ..provider::default_provider()
    });
    let clients = Clients::new(options, &authorities, &provider)?;
    let ticketer = Ticketer {
        secrets: secrets(&mut reader, options, sessions)?,
        rule: authorities.rule(options),
    };
    let builder = ServerConfig::builder_with_provider(provider);
    let builder = builder.with_protocol_versions(versions(options)?);
    let builder = builder.expect("there are suites and curves of each version");
    let builder = match clients.verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let names = ServerNames::new(&identities, options.unknown_names);
    let mut config = builder.with_cert_resolver(Arc::new(names));
    config.ignore_client_order = options.honor_cipher_order;
    config.alpn_protocols = options.alpn_protocols.names().collect();
    config.session_storage = session_storage(options);
    if options.session_timeout.get() == 0 {
        config.send_tls13_tickets = 0;
    }
    config.ticketer = Arc::new(ticketer);
    Ok(Built {
        config,
        judge: clients.judge,
        names: identities.iter().map(title).collect(),
        notes: reader.into_notes(),
    })
}

/// What a certificate is called in the log.
fn title(identity: &Identity) -> String {
    let certificate = &identity.certificate;
    let names = certificate
        .alt_names()
        .iter()
        .filter_map(|name| match name {
            AltName::Dns(name) => Some(name.clone()),
            AltName::Ip(address) => Some(address.to_string()),
            AltName::Email(_) | AltName::Uri(_) => None,
        });
    let names: Vec<String> = names.collect();
    match names.is_empty() {
        true => certificate
            .common_name()
            .unwrap_or("a certificate without a name")
            .to_owned(),
        false => names.join(" "),
    }
}

fn identities(
    reader: &mut Reader<'_>,
    options: &TlsOptions,
    authorities: &Authorities,
) -> Result<Vec<Identity>, TlsError> {
    let (now, further) = (SystemTime::now(), &authorities.certificates);
    let identities: Result<Vec<_>, _> = options
        .all()
        .map(|(whose, one)| Identity::read(reader, whose, &one, further, now))
        .collect();
    let identities = identities?;
    match identities.is_empty() {
        true => Err(TlsError::no_certificate()),
        false => Ok(identities),
    }
}

static BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
static OLD: [&SupportedProtocolVersion; 1] = [&TLS12];
static NEW: [&SupportedProtocolVersion; 1] = [&TLS13];

fn versions(
    options: &TlsOptions,
) -> Result<&'static [&'static SupportedProtocolVersion], TlsError> {
    match (options.min_version, options.max_version) {
        (Version::V1_2, Version::V1_3) => Ok(&BOTH),
        (Version::V1_2, Version::V1_2) => Ok(&OLD),
        (Version::V1_3, Version::V1_3) => Ok(&NEW),
        (Version::V1_3, Version::V1_2) => {
            let reason = "it is older than tls-min-version, so that none is left";
            Err(TlsError::of("tls-max-version", reason))
        }
    }
}

/// Where sessions are kept of clients that know no tickets. Where clients show certificates they
/// would be kept, too, and are as large as a client likes.
fn session_storage(options: &TlsOptions) -> Arc<dyn StoresServerSessions> {
    match options.request_cert || options.session_timeout.get() == 0 {
        true => Arc::new(NoServerSessionStorage {}),
        false => ServerSessionMemoryCache::new(SESSIONS_MAX),
    }
}

/// The secrets of files, or those of the process.
fn secrets(
    reader: &mut Reader<'_>,
    options: &TlsOptions,
    sessions: &Sessions,
) -> Result<Arc<TicketSecrets>, TlsError> {
    if options.ticket_keys.is_empty() {
        return Ok(sessions.0.clone());
    }
    let mut files = Vec::new();
    for source in &options.ticket_keys {
        let read = reader.secret("tls-ticket-keys", source)?;
        if read.bytes.len() < SECRET_BYTES_MIN {
            let reason = format!(
                "it has less than {SECRET_BYTES_MIN} bytes: make it with openssl rand -out FILE 80"
            );
            return Err(read.error(reason));
        }
        files.push(read.bytes);
    }
    let secrets = TicketSecrets::of(&files, options.session_timeout.get());
    Ok(Arc::new(secrets))
}
