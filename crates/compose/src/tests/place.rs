//! Which file a change goes into where Compose looks for none by itself.

use super::*;
use teal_model::Place;

/// Neither the override that Compose looks for nor the file itself: two services share an anchor, and
/// the file was named.
#[tokio::test]
async fn a_named_file_with_anchors_is_changed_by_an_override_of_its_own() {
    let text = concat!(
        "services:\n",
        "  web: &app {image: 'example/app:1', container_name: app_web}\n",
        "  worker: {<<: *app, container_name: app_worker, command: worker}\n",
    );
    let project = folder(&[("dev.yml", text)]);
    let compose = compose().await;
    let named = ProjectSource {
        files: vec![project.path().join("dev.yml")],
        ..ProjectSource::default()
    };
    let (source, model) = open_as(project.path(), &named).await.unwrap();
    let keys: [&[&str]; 1] = [&["container_name"]];
    let refused = compose
        .target(&source, "web", Place::Override, &keys)
        .await
        .unwrap_err();
    assert!(refused.hint().unwrap().contains("--beside"), "{refused:?}");

    let files = Files { source, model };
    let target = compose
        .target(&files.source, "web", Place::Beside, &keys)
        .await
        .unwrap();
    assert_eq!(target.path, project.path().join("dev.teal.yml"));
    let removal = Edit::set(&["services", "web", "container_name"], Node::reset());
    let changed = compose
        .change(&files, &target, &[removal], &["web"])
        .await
        .unwrap();
    assert_eq!(changed.model.services["web"].container_name, None);
    assert_eq!(
        changed.model.services["worker"].container_name.as_deref(),
        Some("app_worker")
    );
    assert_eq!(
        changed.source.files,
        [project.path().join("dev.yml"), target.path.clone()]
    );
    // Once it is among the files it is the one that is changed again.
    let again = compose
        .target(&changed.source, "web", Place::Beside, &keys)
        .await
        .unwrap();
    assert_eq!(again.path, target.path);
}

/// The first service's override is there by now, and nobody has named it yet.
#[tokio::test]
async fn a_second_service_goes_into_the_override_of_the_first() {
    let own = "services:\n  web: {cpus: 0.5}\n  api:\n    networks: [front]\n";
    let project = folder(&[
        (
            "dev.yml",
            "services: {web: {image: x}, api: {image: x}}\nnetworks: {front: {}}\n",
        ),
        ("dev.teal.yml", own),
    ]);
    let compose = compose().await;
    let named = ProjectSource {
        files: vec![project.path().join("dev.yml")],
        ..ProjectSource::default()
    };
    let (source, model) = open_as(project.path(), &named).await.unwrap();
    let files = Files { source, model };
    let keys: [&[&str]; 1] = [&["cpus"]];
    let target = compose
        .target(&files.source, "api", Place::Beside, &keys)
        .await
        .unwrap();
    assert_eq!(target.text, own);
    let edit = Edit::set(&["services", "api", "cpus"], Node::Yaml("0.25".to_owned()));
    let changed = compose
        .change(&files, &target, &[edit], &["api"])
        .await
        .unwrap();
    let cpus = |name: &str| changed.model.services[name].limits().cpus;
    assert_eq!(cpus("api"), "0.25".parse().ok());
    assert_eq!(cpus("web"), "0.5".parse().ok());
    assert_eq!(
        changed.source.files,
        [project.path().join("dev.yml"), target.path]
    );
}

#[tokio::test]
async fn files_named_by_a_variable_have_a_hint_of_their_own() {
    let project = folder(&[
        ("dev.yml", "services: {web: {image: x}}\n"),
        (".env", "COMPOSE_FILE=dev.yml\n"),
    ]);
    let compose = compose().await;
    let (source, _) = open(project.path()).await.unwrap();
    let refused = compose
        .target(&source, "web", Place::Override, &[])
        .await
        .unwrap_err();
    let hint = refused.hint().unwrap();
    assert!(
        hint.contains("`COMPOSE_FILE` (`--beside`)") && !hint.contains("folder"),
        "{hint}"
    );
}
