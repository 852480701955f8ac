//! The options of clients over TLS.

use std::path::PathBuf;

use clap::Args;

use crate::load::trust::Whom;

#[derive(Debug, Args)]
pub(super) struct TrustArguments {
    /// Over https, authorities that may have made the server's certificate, in PEM format. By
    /// default those that this machine knows.
    #[arg(long)]
    ca: Option<PathBuf>,
    /// Over https, take whatever certificate the server has.
    #[arg(long, conflicts_with = "ca")]
    insecure: bool,
    /// Over https, begin each handshake from nothing: remember no session of the server.
    #[arg(long)]
    no_resumption: bool,
}

impl TrustArguments {
    /// Who may be the server, and whether its sessions are resumed.
    pub(super) fn choice(&self, url: &str) -> Result<(Whom, bool), String> {
        let is_given = self.ca.is_some() || self.insecure || self.no_resumption;
        if is_given && !url.starts_with("https://") {
            return Err("--ca, --insecure and --no-resumption belong to https://".to_owned());
        }
        let whom = match &self.ca {
            Some(path) => Whom::Authority(path.clone()),
            None if self.insecure => Whom::Anybody,
            None => Whom::Known,
        };
        Ok((whom, !self.no_resumption))
    }
}
