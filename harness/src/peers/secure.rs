//! AllSpark and its peers over TLS: echoes, broadcasts, handshakes per second, and what an idle
//! connection costs.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde::Serialize;

use super::cases::{Case, Conditions};
use super::roster::Entrant;
use super::samples::Comparison;
use super::stage::TlsFiles;
use super::transformers::{IdleResult, IdleSample};
use super::{ComparisonPlan, measure};
use crate::console::tell;

/// Everything that a comparison over TLS has shown.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SecureComparison {
    #[serde(flatten)]
    pub(crate) comparison: Comparison,
    /// What idle connections cost.
    pub(crate) idle: Vec<IdleResult>,
}

/// A certificate and its key as files, for as long as this is there.
struct Certificate {
    directory: PathBuf,
}

/// Compares, and says on the error stream what is going on. Afterwards so many connections are held
/// idle, if any, by each server in turn.
pub(crate) fn compare(mut plan: ComparisonPlan, idle: u32) -> io::Result<SecureComparison> {
    let certificate = Certificate::make()?;
    plan.stage.tls = Some(certificate.files());
    let comparison = super::compare(&plan)?;
    let idle = match idle {
        0 => Vec::new(),
        clients => compare_idle(&plan, clients)?,
    };
    let is_ok = idle.iter().all(IdleResult::is_ok);
    Ok(SecureComparison {
        comparison: Comparison {
            ok: comparison.ok && is_ok,
            title: "Servers over TLS under the same load",
            ..comparison
        },
        idle,
    })
}

fn compare_idle(plan: &ComparisonPlan, clients: u32) -> io::Result<Vec<IdleResult>> {
    let case = Case::idle(clients).over_tls();
    let conditions = Conditions {
        warm_up: Duration::ZERO,
        ..plan.conditions
    };
    let mut samples = vec![Vec::new(); plan.entrants.len()];
    for round in 1..=plan.rounds {
        for (&entrant, samples) in plan.entrants.iter().zip(&mut samples) {
            let (name, rounds) = (entrant.name(), plan.rounds);
            tell!("{case}: round {round} of {rounds}, {name}");
            let (_, report) = measure(entrant, &case, conditions, &plan.stage)?;
            samples.push(IdleSample::of(&report));
        }
    }
    let results = plan.entrants.iter().zip(samples);
    let results = results.map(|(&entrant, samples)| IdleResult::new(entrant, samples));
    Ok(results.collect())
}

/// Those that speak TLS themselves, in the order in which they take turns.
pub(crate) const ENTRANTS: [Entrant; 3] = [Entrant::Allspark, Entrant::Primus, Entrant::Bun];

impl Certificate {
    /// A new one for this machine, of P-256, which all servers understand.
    fn make() -> io::Result<Self> {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(names).map_err(io::Error::other)?;
        let directory = format!("allspark-peers-{:016x}", allspark_engine::random());
        let directory = std::env::temp_dir().join(directory);
        std::fs::create_dir(&directory)?;
        let certificate = Self { directory };
        let TlsFiles { cert: path, key } = certificate.files();
        std::fs::write(path, cert.pem())?;
        std::fs::write(key, signing_key.serialize_pem())?;
        Ok(certificate)
    }

    fn files(&self) -> TlsFiles {
        TlsFiles {
            cert: self.directory.join("cert.pem"),
            key: self.directory.join("key.pem"),
        }
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        // A key that stays behind opens nothing.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_there_as_long_as_it_is_needed() {
        let certificate = Certificate::make().unwrap();
        let TlsFiles { cert, key } = certificate.files();
        let text = std::fs::read_to_string(&cert).unwrap();
        assert!(text.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(key.exists());
        drop(certificate);
        assert!(!cert.exists() && !key.exists());
    }
}
