//! `gumshoe health`: asks a bot on this host whether it does its work.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Args;

use crate::operations::endpoint;

/// Ask a running `gumshoe serve` on this host whether it reads its queue
///
/// Ends with 0 when it does, with 1 when it does not or does not answer. Made for a container's health check: the
/// image has no shell. The bot answers where `operations.listen` in its settings says.
#[derive(Debug, Args)]
pub struct HealthArgs {
    /// Where it listens
    #[arg(long, default_value = "127.0.0.1:9464")]
    address: SocketAddr,
}

/// Runs `gumshoe health`.
pub async fn cmd_health(args: &HealthArgs) -> anyhow::Result<ExitCode> {
    match endpoint::ask(args.address).await {
        Ok((true, says)) => {
            println!("{says}");
            Ok(ExitCode::SUCCESS)
        }
        Ok((false, says)) => anyhow::bail!("{says}"),
        Err(error) => anyhow::bail!("no bot answers at {}: {error}; is operations.listen set?", args.address),
    }
}
