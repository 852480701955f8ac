//! The options of a load that is published over HTTP.

use allspark_protocol::http::write_request;
use clap::Args;

use crate::load::publish::plan::PublishPlan;
use crate::workload::Scenario;

#[derive(Debug, Args)]
pub(super) struct PublishArguments {
    /// Where messages are published over HTTP, a key of the server's API that may publish. How many
    /// connections do is said by --publishers.
    #[arg(long, env = "HARNESS_API_KEY", hide_env_values = true)]
    api_key: Option<String>,
    /// Where messages are published over HTTP, how many a request has. By default 1.
    #[arg(long)]
    batch: Option<u16>,
}

impl PublishArguments {
    /// Who publishes; nobody if it is to be another load.
    pub(super) fn plan(
        &self,
        scenario: Scenario,
        connections: u32,
    ) -> Result<Option<PublishPlan>, String> {
        if scenario != Scenario::Publish {
            return match self.batch {
                Some(_) => Err("--batch belongs to a load that publishes".to_owned()),
                None => Ok(None),
            };
        }
        let key = self.api_key.clone();
        let key = key.ok_or("a load that publishes needs --api-key, or HARNESS_API_KEY")?;
        let header = format!("Bearer {key}");
        let headers = [("Authorization", &*header)];
        write_request(&mut Vec::new(), "GET", "/", "h", &headers, None)
            .map_err(|_| "--api-key can't stand in a header")?;
        Ok(Some(PublishPlan {
            key,
            connections,
            batch: self.batch.unwrap_or(1),
        }))
    }
}
