//! Names and values that look like options, commands or paths, against the real Compose.

use std::{fs, net::TcpListener, path::PathBuf};

use super::{compose, folder, open, open_as};
use crate::edit::{Edit, Node, edited};
use teal_model::{Error, ProjectSource};

/// What a value could try to be besides what it is.
const HOSTILE: [&str; 12] = [
    "-f",
    "--help",
    "--file=/etc/passwd",
    "-",
    "--",
    "; touch pwned",
    "$(touch pwned)",
    "`touch pwned`",
    "../../etc/passwd",
    "<img src=x onerror=alert(1)>",
    "\u{1b}[2J\u{1b}]0;pwned\u{7}",
    "two\nlines: true",
];

#[tokio::test]
async fn no_value_becomes_an_option_or_an_argument_of_its_own() {
    let compose = compose().await;
    for value in HOSTILE {
        let source = ProjectSource {
            files: vec![value.into()],
            env_files: vec![value.into()],
            profiles: vec![value.into()],
            project_name: Some(value.into()),
            project_directory: Some(value.into()),
        };
        let words = compose.command(&source, &[value.as_ref()], &["config"]);
        let mut rest = words[compose.program.len()..].iter();
        let mut count = 0;
        while let Some(word) = rest.next().filter(|word| *word != "config") {
            let (name, given) = match word.split_once('=') {
                Some(parts) => parts,
                None => (word.as_str(), rest.next().unwrap().as_str()),
            };
            assert!(
                ["-p", "--project-name", "-f", "--file"].contains(&name)
                    || ["--project-directory", "--env-file", "--profile"].contains(&name)
            );
            assert_eq!(given, value, "{words:?}");
            count += 1;
        }
        assert_eq!(count, 6, "{words:?}");
        assert!(rest.next().is_none(), "{words:?}");
    }
}

#[tokio::test]
async fn compose_refuses_a_hostile_project_name_for_what_it_is() {
    let project = folder(&[("compose.yaml", "services: {web: {image: web}}\n")]);
    for value in HOSTILE {
        let named = ProjectSource {
            project_name: Some(value.into()),
            ..ProjectSource::default()
        };
        match open_as(project.path(), &named).await {
            Err(Error::ProjectInvalid { message }) => {
                assert!(
                    message.contains("invalid project name"),
                    "{value}: {message}"
                );
            }
            // Nothing that its own rules allow is left of it.
            other => panic!("{value}: {other:?}"),
        }
    }
    let names: Vec<_> = fs::read_dir(project.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

/// Also where the folder's own `.env` asks for it, and by `extends`.
#[tokio::test]
async fn files_from_elsewhere_are_not_fetched() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let place = elsewhere.local_addr().unwrap();
    let allowed = "COMPOSE_EXPERIMENTAL_GIT_REMOTE=true\nCOMPOSE_EXPERIMENTAL_OCI_REMOTE=true\n";
    for file in [format!("oci://{place}/a"), format!("http://{place}/a.git")] {
        let included = format!("include: [\"{file}\"]\nservices: {{web: {{image: web}}}}\n");
        let extended =
            format!("services: {{web: {{extends: {{file: \"{file}\", service: web}}}}}}\n");
        for text in [included, extended] {
            let project = folder(&[("compose.yaml", &text), (".env", allowed)]);
            let opened = open(project.path()).await;
            assert!(
                matches!(opened, Err(Error::RemoteFiles { .. })),
                "{opened:?}"
            );
        }
    }
    let came = elsewhere.accept();
    assert!(came.is_err(), "somebody came for a file: {came:?}");
}

#[tokio::test]
async fn services_may_be_called_like_options() {
    let project = folder(&[(
        "compose.yaml",
        "services:\n  \"-f\": {image: a}\n  --build: {image: b}\n  \"..\": {image: c}\n",
    )]);
    let (source, model) = open(project.path()).await.unwrap();
    let names: Vec<_> = model.services.keys().map(String::as_str).collect();
    assert_eq!(names, ["--build", "-f", ".."]);
    let compose = compose().await;
    let all = compose.config_hashes(&source, &[]).await.unwrap();
    for name in names {
        let hash = compose.config_hash(&source, &[], name).await.unwrap();
        assert_eq!(Some(&hash), all.get(name), "{name}");
        assert_eq!(hash.len(), 64, "{name}: {hash}");
    }
}

#[tokio::test]
async fn values_stay_values_through_the_file_and_back() {
    for value in HOSTILE {
        // What Compose would read as a variable is written as it wants it.
        let written = value.replace('$', "$$");
        let edits = [
            Edit::set(&["services", "web", "image"], Node::Text("web:1".into())),
            Edit::set_item(&["services", "web", "labels"], "note", &written),
            Edit::set(&["services", "web", "command"], Node::list(&[&written])),
        ];
        let text = edited(None, &edits).unwrap_or_else(|error| panic!("{value}: {error:?}"));
        let project = folder(&[("compose.yaml", &text)]);
        let (source, model) = open(project.path()).await.unwrap();
        assert_eq!(
            source.files,
            [PathBuf::from(project.path()).join("compose.yaml")]
        );
        assert_eq!(model.services.len(), 1, "{value}: {text}");
        let web = &model.services["web"];
        assert_eq!(web.labels["note"], value, "{text}");
        assert_eq!(
            web.command.as_deref(),
            Some(&[value.to_owned()][..]),
            "{text}"
        );
    }
}
