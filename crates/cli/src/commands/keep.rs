//! `teal keep`: writes a service's limits into its files, so that plain `docker compose up` leaves
//! them in force. And what both commands that change files share.

use teal_engine::{
    Engine, Error,
    model::{ChangeKind, KeepRequest, Place, ProjectSource},
};

use super::{Outcome, connect};
use crate::{
    cli::{FileOptions, Global, Keep},
    display::files,
    failure::Failure,
    screen::{Screen, notices},
    text::harmless,
};

pub(super) async fn run(global: &Global, keep: &Keep, screen: &mut Screen) -> Outcome {
    let engine = connect().await?;
    if keep.files.undo {
        return undo(&engine, global, &keep.service, ChangeKind::Keep, screen).await;
    }
    let request = KeepRequest {
        source: source(global, &keep.files)?,
        service: keep.service.clone(),
        place: keep.files.place(),
    };
    let plan = engine.keep(&request).await?;
    notices(&plan.notices);
    if !screen.is_json {
        screen.line(&files::keep(&plan, screen.theme));
    }
    let applied = match keep.files.dry_run || plan.files.is_empty() {
        true => plan,
        false => engine.apply_keep(&request, &plan.id).await?,
    };
    if screen.is_json {
        screen.json(&applied);
    } else if !keep.files.dry_run && !applied.files.is_empty() {
        if request.place == Place::Beside {
            screen.line(&files::naming_hint(&applied.source_after));
        }
        screen.line(&files::undo_hint("keep", &keep.service));
    }
    Ok(0)
}

/// The source of a command that changes files. Where files are named, Compose reads no override by
/// itself, so that there would be nothing that a change could go into.
pub(super) fn source(global: &Global, options: &FileOptions) -> Result<ProjectSource, Failure> {
    let source = global.source();
    let named = source.files.iter().any(|file| file.is_file());
    if named && options.place() == Place::Override {
        return Err(Failure::Engine(Error::CannotChange {
            reason: "the files were named (`-f`), so Compose reads no override by itself"
                .to_owned(),
            remedy: "write an override of its own, to be named after the others (`--beside`), change the file itself (`--in-file`), or name the folder (`-f FOLDER`)"
                .to_owned(),
        }));
    }
    Ok(source)
}

/// Puts the files back to what they were.
pub(super) async fn undo(
    engine: &Engine,
    global: &Global,
    service: &str,
    kind: ChangeKind,
    screen: &mut Screen,
) -> Outcome {
    let restored = engine.undo_files(&global.source(), service, kind).await?;
    if screen.is_json {
        screen.json(&restored);
    } else {
        for file in restored {
            let file = file.display().to_string();
            screen.line(&format!("`{}` is as it was before", harmless(&file)));
        }
    }
    Ok(0)
}
