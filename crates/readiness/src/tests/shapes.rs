//! Projects of many shapes, as people publish them: each is read, and each service judged. What
//! is expected of a service stands in the last lines of its file.

use std::{fs, path::Path};

use futures_util::{StreamExt, stream};

use crate::{Facts, published::engine, verdicts};
use teal_compose::{Compose, ComposeModel};
use teal_model::{ProjectSource, RolloutOptions, VerdictCode};

#[tokio::test]
async fn projects_of_every_shape_are_read_and_judged() {
    let shapes = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/shapes");
    let files: Vec<_> = fs::read_dir(shapes)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 39);
    let compose = &Compose::find().await.expect("this test needs Compose");
    let judged = stream::iter(files)
        .map(async |file| {
            let text = fs::read_to_string(&file).unwrap();
            let project = tempfile::tempdir().unwrap();
            fs::write(project.path().join("compose.yaml"), &text).unwrap();
            fs::create_dir(project.path().join("db")).unwrap();
            fs::write(project.path().join("db/password.txt"), "secret").unwrap();
            let model = read(compose, project.path())
                .await
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let expected: Vec<_> = text
                .lines()
                .filter_map(|line| line.strip_prefix("#= "))
                .collect();
            let found: Vec<_> = model
                .services
                .keys()
                .map(|name| summary(&model, project.path(), name))
                .collect();
            (found != expected).then(|| {
                let (found, expected) = (found.join("\n  "), expected.join("\n  "));
                format!("{}\n  {found}\ninstead of\n  {expected}", file.display())
            })
        })
        .buffered(4);
    let wrong: Vec<_> = judged.filter_map(async |wrong| wrong).collect().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The project that Compose finds in `folder`.
async fn read(compose: &Compose, folder: &Path) -> teal_model::Result<ComposeModel> {
    let source = ProjectSource {
        files: vec![folder.to_owned()],
        ..ProjectSource::default()
    };
    Ok(compose.read(&source).await?.model)
}

/// `name: replicas x limits (keys), what stands in the way in the files themselves`
fn summary(model: &ComposeModel, directory: &Path, name: &str) -> String {
    let service = &model.services[name];
    let verdicts = verdicts(&Facts {
        name,
        model,
        service,
        directory,
        found: None,
        options: &RolloutOptions::default(),
        engine: &engine(),
        wish: None,
    });
    let codes: Vec<_> = verdicts
        .into_iter()
        .map(|verdict| verdict.code)
        // Nothing runs here, and nothing could lead to it.
        .filter(|code| !matches!(code, VerdictCode::NotRunning | VerdictCode::NoRoute))
        .map(|code| format!("{code:?}"))
        .collect();
    let judged = if codes.is_empty() {
        "ready".into()
    } else {
        codes.join(", ")
    };
    format!(
        "{name}: {} x {} ({:?}), {judged}",
        service.replicas(),
        service.limits(),
        service.limit_keys(),
    )
}
