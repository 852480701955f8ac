//! TLS as it is configured: what makes a configuration of rustls of files and options, by the names
//! that Node's https and Primus's `createServer` have for them. The engine's
//! [`TlsAcceptor`](allspark_engine::TlsAcceptor) takes it; records are none of its business.
//!
//! | file | what it is |
//! |---|---|
//! | `options`, `source`, `suites`, `protocols`, `hsts` | what an operator says |
//! | `reader`, `pem`, `error` | files, and what is said of them |
//! | `key`, `pfx` | private keys |
//! | `certificate` | what stands in a certificate, of the server or of a client |
//! | `identity`, `ocsp` | a certificate with its key, judged |
//! | `names`, `sni` | which certificate a client gets |
//! | `authorities`, `clients` | whose certificates of clients count |
//! | `tickets` | how sessions are resumed |
//! | `config`, `acceptor` | all of it, and how it is read anew |
//!
//! # Invariants
//! - No key, passphrase or secret is ever part of an error, a log line or a debug output.
//! - What can't be used is refused before it replaces anything.
//! - A session is resumed only under the rule about clients' certificates that it began under.

mod acceptor;
mod authorities;
mod certificate;
mod clients;
mod config;
mod error;
mod hsts;
mod identity;
mod key;
mod names;
mod ocsp;
mod options;
mod pem;
mod pfx;
mod protocols;
mod reader;
mod sni;
mod source;
mod suites;
#[cfg(test)]
mod tests;
mod tickets;

pub use crate::secret::Secret;
pub use acceptor::Tls;
pub use certificate::{AltName, Certificate, NoCertificate};
pub use error::TlsError;
pub use hsts::Hsts;
pub use options::{CertificateOptions, SessionTimeoutS, TlsOptions, UnknownNames, Version};
pub use protocols::Protocols;
pub use source::Source;
pub use suites::{Ciphers, Curves};
