//! Projects side by side, each in a lane of its own.

use std::{
    collections::VecDeque,
    fs, mem,
    path::Path,
    sync::{Arc, Mutex},
};

use teal_testkit::Project;
use tokio::task::{LocalSet, spawn_local};

use crate::{
    app::App,
    round::{Ended, Round},
    tally::Tally,
};

/// The rounds that are still to be run, and what the others came to.
pub(crate) struct Board {
    pub(crate) rounds: Mutex<VecDeque<Round>>,
    pub(crate) tally: Mutex<Tally>,
}

/// Runs rounds until there are none.
pub(crate) fn run(board: &Board) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, rounds(board));
}

async fn rounds(board: &Board) {
    let mut app = App::Prompt;
    let mut project = fresh(app).await;
    loop {
        let Some(mut round) = board.rounds.lock().unwrap().pop_front() else {
            return;
        };
        if round.app != app {
            app = round.app;
            drop(mem::replace(&mut project, fresh(app).await));
        }
        loop {
            // In a task of its own, so that a panic ends one round and no more.
            let end = spawn_local(round.run(project.clone())).await;
            let ended = end.unwrap_or_else(|error| Ended {
                faults: vec![format!("the test itself: {error}")],
                ..Ended::default()
            });
            let is_over = ended.struck_in.is_some() || !ended.faults.is_empty();
            if !ended.faults.is_empty() {
                keep_account(&round, &ended, &project);
                // The lane goes on with a project that nothing has happened to.
                drop(mem::replace(&mut project, fresh(app).await));
            }
            board.tally.lock().unwrap().add(&round, &ended);
            if is_over {
                break;
            }
            // It had succeeded before the kill came: once more, and earlier.
            round.blow = round.blow.sooner();
        }
    }
}

async fn fresh(app: App) -> Arc<Project> {
    Arc::new(Project::up(app.template()).await)
}

/// What is needed to find the cause: what every `teal` said, and the logs of those that kept theirs.
fn keep_account(round: &Round, ended: &Ended, project: &Project) {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("torture-{}", round.number));
    fs::create_dir_all(&place).unwrap();
    let mut text = format!("{round:?}\n{}\n\n", ended.faults.join("\n"));
    text += &ended.said.join("\n");
    fs::write(place.join("account.txt"), text).unwrap();
    let mut folders = vec![project.data_directory()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Some(name) = path.file_name() {
                fs::copy(&path, place.join(name)).unwrap();
            }
        }
    }
}
