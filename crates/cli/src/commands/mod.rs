//! One file a command: each asks the engine and prints.

mod completions;
mod deploy;
mod doctor;
mod give_back;
mod history;
mod keep;
mod limits;
mod man;
mod open;
mod projects;
mod ready;
mod recover;
mod rollback;
mod rollout;
mod sample;
mod services;
mod update;

use teal_engine::{Engine, Paths, Settings, telemetry};

use crate::{
    cli::{Cli, Command, GiveBack},
    failure::Failure,
    screen::{Screen, complain},
};

/// The exit code of a command that did its work.
type Outcome = Result<u8, Failure>;

/// Carries the command out and gives the program's exit code.
pub(crate) async fn run(cli: Cli, screen: &mut Screen) -> u8 {
    let global = &cli.global;
    let asks_engine = !matches!(
        cli.command,
        Command::Open(_) | Command::Completions { .. } | Command::Man { .. }
    );
    let _log = asks_engine.then(start_log);
    let outcome = match cli.command {
        Command::Open(open) => open::run(&open).await,
        Command::Projects => projects::run(screen).await,
        Command::Services => services::run(global, screen).await,
        Command::Doctor(doctor) => doctor::run(global, &doctor, screen).await,
        Command::Deploy(deploy) => deploy::run(global, &deploy, screen).await,
        Command::Update(update) => update::run(global, &update, screen).await,
        Command::Rollback(rollback) => rollback::run(global, &rollback, screen).await,
        Command::Recover(recover) => recover::run(global, &recover, screen).await,
        Command::GiveBack(GiveBack { service }) => give_back::run(global, &service, screen).await,
        Command::History(history) => history::run(global, &history, screen).await,
        Command::Ready(ready) => ready::run(global, &ready, screen).await,
        Command::Keep(keep) => keep::run(global, &keep, screen).await,
        Command::Sample(sample) => sample::run(sample.action, screen).await,
        Command::Completions { shell } => Ok(completions::run(shell, screen)),
        Command::Man { directory } => man::run(directory.as_deref(), screen),
    };
    outcome.unwrap_or_else(|failure| {
        let code = failure.exit_code();
        failure.print(screen);
        code
    })
}

async fn connect() -> Result<Engine, Failure> {
    Ok(Engine::connect(Settings::default()).await?)
}

/// The log, as long as what this gives lives. Nothing stops for want of one.
fn start_log() -> Option<impl Sized + use<>> {
    Paths::find()
        .and_then(|paths| telemetry::init(&paths.state, "teal"))
        .inspect_err(|error| complain(&format!("{error}; going on without a log"), None))
        .ok()
}
