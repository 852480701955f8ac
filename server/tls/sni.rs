//! Which certificate a client gets: by the name that it asks for (SNI), and by what it can verify.

use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::identity::Identity;
use super::names::ByName;
use super::options::UnknownNames;

/// Certificates by their names.
#[derive(Debug)]
pub(super) struct ServerNames {
    by_name: ByName<Arc<CertifiedKey>>,
    /// For clients without a name, and with one that is not known.
    first: Vec<Arc<CertifiedKey>>,
    unknown_names: UnknownNames,
}

impl ServerNames {
    /// Of certificates, of which there is one at least.
    pub(super) fn new(identities: &[Identity], unknown_names: UnknownNames) -> Self {
        let mut by_name = ByName::default();
        for identity in identities {
            for name in identity.certificate.host_names() {
                by_name.add(name, identity.certified.clone());
            }
        }
        let first = &identities[0];
        // One for the same name has another kind of key: clients are to have the choice.
        let names: Vec<&str> = first.certificate.host_names().collect();
        let same = identities.iter().skip(1).filter(|other| {
            let mut others = other.certificate.host_names();
            others.any(|name| names.contains(&name))
        });
        let same = same.map(|identity| identity.certified.clone());
        Self {
            by_name,
            first: std::iter::once(first.certified.clone())
                .chain(same)
                .collect(),
            unknown_names,
        }
    }

    /// The certificates for a name.
    fn candidates(&self, name: Option<&str>) -> &[Arc<CertifiedKey>] {
        match name.map(|name| self.by_name.find(name)) {
            Some([]) if self.unknown_names == UnknownNames::Refuse => &[],
            Some([]) | None => &self.first,
            Some(found) => found,
        }
    }
}

impl ResolvesServerCert for ServerNames {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let candidates = self.candidates(hello.server_name());
        let schemes = hello.signature_schemes();
        let can = |one: &&Arc<CertifiedKey>| one.key.choose_scheme(schemes).is_some();
        let found = candidates.iter().find(can).or(candidates.first());
        found.cloned()
    }
}
