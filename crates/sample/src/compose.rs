//! Compose, for the sample's two commands.

use std::path::Path;

use teal_engine::{Engine, Error, OVERRIDE_FILE, Result};
use tokio::process::Command;

use crate::{PROJECT, files};

pub(crate) async fn up(engine: &Engine, directory: &Path) -> Result<()> {
    // With the override, or a rolled out service would get its old limits back.
    let with_override = directory.join(OVERRIDE_FILE).exists();
    run(
        engine,
        directory,
        with_override,
        &["up", "--detach", "--wait"],
    )
    .await
}

pub(crate) async fn down(engine: &Engine, directory: &Path) -> Result<()> {
    run(engine, directory, false, &["down", "--remove-orphans"]).await
}

async fn run(
    engine: &Engine,
    directory: &Path,
    with_override: bool,
    arguments: &[&str],
) -> Result<()> {
    let mut command = Command::new("docker");
    engine.pin(&mut command);
    command.args(["compose", "--ansi", "never", "--progress", "plain"]);
    command.args(["--project-name", PROJECT, "--file"]);
    command.arg(directory.join(files::COMPOSE));
    if with_override {
        command.arg("--file").arg(directory.join(OVERRIDE_FILE));
    }
    command.args(arguments);
    tracing::info!(?command, "running Compose for the sample");
    let output = command.output().await.map_err(|source| Error::Command {
        command: "docker compose".into(),
        source,
    })?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Unexpected(format!(
        "`docker compose {}` failed for the sample: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    )))
}
