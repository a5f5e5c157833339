//! Which files a project is made of. Each case is compared with what Compose itself makes of the
//! folder, where Compose can say.

use std::path::{Path, PathBuf};

use super::{compose, folder, open, open_as, write};
use teal_model::{Error, ProjectSource};

const WEB: &str = "services: {web: {image: web}}\n";

/// The files found from `folder`, as paths below `root`.
async fn found(root: &Path, folder: &Path, source: &ProjectSource) -> Vec<String> {
    let source = compose().await.resolve_from(folder, source).await.unwrap();
    source
        .files
        .iter()
        .map(|file| {
            let below = file.strip_prefix(root).unwrap();
            below.to_str().unwrap().to_owned()
        })
        .collect()
}

fn files(files: &[&str]) -> ProjectSource {
    ProjectSource {
        files: files.iter().map(PathBuf::from).collect(),
        ..ProjectSource::default()
    }
}

#[tokio::test]
async fn every_name_of_a_compose_file_is_found_the_preferred_first() {
    let names = [
        "docker-compose.yaml",
        "docker-compose.yml",
        "compose.yml",
        "compose.yaml",
    ];
    let project = folder(&[]);
    for name in names {
        write(project.path(), name, WEB);
        let found = found(project.path(), project.path(), &ProjectSource::default()).await;
        assert_eq!(found, [name]);
    }
}

#[tokio::test]
async fn the_override_beside_it_follows_the_file() {
    let names = [
        "docker-compose.override.yaml",
        "docker-compose.override.yml",
        "compose.override.yaml",
        "compose.override.yml",
    ];
    let project = folder(&[("docker-compose.yml", WEB)]);
    for name in names {
        let text = format!("services: {{web: {{image: \"{name}\"}}}}\n");
        write(project.path(), name, &text);
        let found = found(project.path(), project.path(), &ProjectSource::default()).await;
        assert_eq!(found, ["docker-compose.yml", name]);

        // Compose, left to itself, takes the very same.
        let (_, model) = open(project.path()).await.unwrap();
        assert_eq!(model.services["web"].image.as_deref(), Some(name));
        let words = ["docker", "compose", "config", "--images"].map(String::from);
        let mut images = Vec::new();
        compose()
            .await
            .run(&words, project.path(), |line| images.push(line.to_owned()))
            .await
            .unwrap();
        assert!(images.contains(&name.to_owned()), "{images:?}");
    }
}

#[tokio::test]
async fn a_file_that_is_named_has_no_override() {
    let project = folder(&[("compose.yaml", WEB), ("compose.override.yaml", WEB)]);
    let found = found(project.path(), project.path(), &files(&["compose.yaml"])).await;
    assert_eq!(found, ["compose.yaml"]);
}

#[tokio::test]
async fn folders_above_are_searched() {
    let project = folder(&[
        ("compose.yaml", WEB),
        ("compose.override.yml", WEB),
        ("src/deep/readme", ""),
    ]);
    let below = project.path().join("src/deep");
    let found = found(project.path(), &below, &ProjectSource::default()).await;
    assert_eq!(found, ["compose.yaml", "compose.override.yml"]);
}

#[tokio::test]
async fn a_folder_stands_for_the_files_in_it() {
    let project = folder(&[("shop/compose.yml", WEB), ("compose.yaml", WEB)]);
    let here = project.path();
    assert_eq!(
        found(here, here, &files(&["shop"])).await,
        ["shop/compose.yml"]
    );
    assert_eq!(
        found(here, here, &files(&["./shop/../shop/"])).await,
        ["shop/compose.yml"]
    );
}

#[tokio::test]
async fn several_files_keep_their_order() {
    let project = folder(&[
        ("a.yaml", WEB),
        ("more/b.yaml", "services: {web: {image: b}}\n"),
    ]);
    let here = project.path();
    let source = files(&["a.yaml", "more/b.yaml"]);
    assert_eq!(found(here, here, &source).await, ["a.yaml", "more/b.yaml"]);
    let (_, model) = open_as(here, &source).await.unwrap();
    assert_eq!(model.services["web"].image.as_deref(), Some("b"));
}

#[tokio::test]
async fn the_env_file_can_name_the_files() {
    let project = folder(&[
        (
            ".env",
            "# ours\nCOMPOSE_FILE='one.yaml:sub/two.yaml'\nTAG=\"7\"\n",
        ),
        ("one.yaml", "services: {web: {image: \"web:${TAG}\"}}\n"),
        ("sub/two.yaml", "services: {api: {image: api}}\n"),
        ("compose.yaml", WEB),
    ]);
    let here = project.path();
    assert_eq!(
        found(here, here, &ProjectSource::default()).await,
        ["one.yaml", "sub/two.yaml"]
    );
    let (_, model) = open(here).await.unwrap();
    assert_eq!(model.services["web"].image.as_deref(), Some("web:7"));
    assert!(model.services.contains_key("api"));
}

#[tokio::test]
async fn the_env_file_can_choose_the_separator() {
    let project = folder(&[
        (
            ".env",
            "COMPOSE_PATH_SEPARATOR=,\nCOMPOSE_FILE=one.yaml,two.yaml\n",
        ),
        ("one.yaml", WEB),
        ("two.yaml", WEB),
    ]);
    let here = project.path();
    assert_eq!(
        found(here, here, &ProjectSource::default()).await,
        ["one.yaml", "two.yaml"]
    );
}

#[tokio::test]
async fn an_env_file_by_option_replaces_the_usual_one() {
    let project = folder(&[
        (".env", "COMPOSE_FILE=one.yaml\n"),
        ("other.env", "COMPOSE_FILE=two.yaml\nTAG=2\n"),
        ("one.yaml", WEB),
        ("two.yaml", "services: {web: {image: \"web:${TAG}\"}}\n"),
    ]);
    let here = project.path();
    let source = ProjectSource {
        env_files: vec!["other.env".into()],
        ..ProjectSource::default()
    };
    assert_eq!(found(here, here, &source).await, ["two.yaml"]);
    let (resolved, model) = open_as(here, &source).await.unwrap();
    assert_eq!(resolved.env_files, [here.join("other.env")]);
    assert_eq!(model.services["web"].image.as_deref(), Some("web:2"));
}

#[tokio::test]
async fn the_project_directory_is_where_files_are_looked_for() {
    let project = folder(&[("shop/compose.yaml", WEB)]);
    let here = project.path();
    let source = ProjectSource {
        project_directory: Some("shop".into()),
        ..ProjectSource::default()
    };
    assert_eq!(found(here, here, &source).await, ["shop/compose.yaml"]);
}

#[tokio::test]
async fn the_project_directory_gives_paths_and_name() {
    let bind = "services: {web: {image: web, volumes: [\"./data:/data\"]}}\n";
    let project = folder(&[("files/compose.yaml", bind), ("root/data/x", "")]);
    let here = project.path();
    let source = ProjectSource {
        project_directory: Some("root".into()),
        ..files(&["files/compose.yaml"])
    };
    let (_, model) = open_as(here, &source).await.unwrap();
    assert_eq!(model.name, "root");
    let mounts = model.services["web"].mounts();
    let data = here.join("root/data");
    assert_eq!(mounts[0].source.as_deref(), data.to_str());
}

#[tokio::test]
async fn the_project_name_is_the_options_else_the_files_else_the_folders() {
    let project = folder(&[("My Shop/compose.yaml", WEB)]);
    let here = project.path().join("My Shop");
    assert_eq!(open(&here).await.unwrap().1.name, "myshop");

    write(&here, "compose.yaml", &format!("name: named\n{WEB}"));
    assert_eq!(open(&here).await.unwrap().1.name, "named");

    write(&here, ".env", "COMPOSE_PROJECT_NAME=from-env\n");
    assert_eq!(open(&here).await.unwrap().1.name, "from-env");

    let source = ProjectSource {
        project_name: Some("asked".into()),
        ..ProjectSource::default()
    };
    assert_eq!(open_as(&here, &source).await.unwrap().1.name, "asked");
}

#[tokio::test]
async fn teals_own_override_is_not_one_of_the_files() {
    let project = folder(&[
        ("compose.yaml", WEB),
        ("docker-compose.blue-green.yml", WEB),
    ]);
    let here = project.path();
    let source = files(&["compose.yaml", "docker-compose.blue-green.yml"]);
    assert_eq!(found(here, here, &source).await, ["compose.yaml"]);
    let only = files(&["docker-compose.blue-green.yml"]);
    assert_eq!(
        found(here, here, &only).await,
        ["docker-compose.blue-green.yml"]
    );
}

#[tokio::test]
async fn what_is_not_there_is_an_error() {
    let project = folder(&[(".env", "COMPOSE_FILE=gone.yaml\n"), ("empty/x", "")]);
    let here = project.path();
    let fails = async |folder: &Path, source: &ProjectSource| {
        compose()
            .await
            .resolve_from(folder, source)
            .await
            .unwrap_err()
    };
    let empty = here.join("empty");
    match fails(&empty, &ProjectSource::default()).await {
        Error::NoComposeFile { directory } => assert_eq!(directory, empty),
        error => panic!("{error:?}"),
    }
    for (source, missing) in [
        (ProjectSource::default(), "gone.yaml"),
        (files(&["other.yaml"]), "other.yaml"),
        (files(&["empty", "no-folder"]), "empty"),
        (
            ProjectSource {
                env_files: vec!["no.env".into()],
                ..ProjectSource::default()
            },
            "no.env",
        ),
        (
            ProjectSource {
                project_directory: Some("nowhere".into()),
                ..ProjectSource::default()
            },
            "nowhere",
        ),
    ] {
        match fails(here, &source).await {
            Error::NoFile { path } => assert_eq!(path, here.join(missing)),
            error => panic!("{missing}: {error:?}"),
        }
    }
}
