//! The Compose projects on an engine, as the labels of their containers tell.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use bollard::{
    Docker,
    models::{
        ContainerInspectResponse, ContainerSummary, ContainerSummaryStateEnum,
        RestartPolicyNameEnum,
    },
};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{
    compose_label,
    containers::{inspect, label, summaries},
};
use teal_model::{ProjectSource, ProjectSummary, Result};

/// Containers that are looked at at the same time.
const LOOKS_AT_ONCE: usize = 16;

/// The projects on the engine, by name.
pub async fn list_projects(docker: &Docker) -> Result<Vec<ProjectSummary>> {
    let mut projects: BTreeMap<String, Vec<ContainerSummary>> = BTreeMap::new();
    for container in summaries(docker, vec![compose_label::PROJECT.to_owned()]).await? {
        if let Some(name) = label(&container, compose_label::PROJECT) {
            projects.entry(name.to_owned()).or_default().push(container);
        }
    }
    let mut found = Vec::new();
    for (name, containers) in projects {
        let summary = summary(name, &containers);
        // Only beside what runs does it matter why something does not.
        let completed = match summary.running {
            0 => 0,
            _ => completed(docker, &containers).await?,
        };
        found.push(ProjectSummary {
            completed,
            ..summary
        });
    }
    Ok(found)
}

/// How many of these are jobs that have done their work.
async fn completed(docker: &Docker, containers: &[ContainerSummary]) -> Result<u32> {
    let ended = containers.iter().filter(|container| {
        let status = container.status.as_deref().unwrap_or_default();
        container.state == Some(ContainerSummaryStateEnum::EXITED)
            && status.starts_with("Exited (0)")
    });
    let looks: Vec<_> = ended
        .filter_map(|container| container.id.as_deref())
        .map(|id| inspect(docker, id))
        .collect();
    let looked_at: Vec<_> = stream::iter(looks)
        .buffered(LOOKS_AT_ONCE)
        .try_collect()
        .await?;
    Ok(count(looked_at.iter().flatten().filter(|it| is_job(it))))
}

/// Whether a container that has ended well had nothing to do but end: nothing restarts it, and nobody
/// could call it.
fn is_job(container: &ContainerInspectResponse) -> bool {
    let host = container.host_config.as_ref();
    let restart = host
        .and_then(|host| host.restart_policy.as_ref())
        .and_then(|policy| policy.name);
    let publishes = host
        .and_then(|host| host.port_bindings.as_ref())
        .is_some_and(|ports| !ports.is_empty());
    let config = container.config.as_ref();
    let test = config
        .and_then(|config| config.healthcheck.as_ref())
        .and_then(|check| check.test.as_ref());
    let is_checked = test.is_some_and(|test| test.first().is_some_and(|word| word != "NONE"));
    let is_restarted = matches!(
        restart,
        Some(RestartPolicyNameEnum::ALWAYS | RestartPolicyNameEnum::UNLESS_STOPPED)
    );
    !is_restarted && !publishes && !is_checked
}

fn summary(name: String, containers: &[ContainerSummary]) -> ProjectSummary {
    let longest = |wanted: &str| {
        let said = containers.iter().filter_map(|it| label(it, wanted));
        said.max_by_key(|list| list.len()).unwrap_or_default()
    };
    let paths = |wanted: &str| paths(longest(wanted), Path::exists);
    let override_name = teal_model::OVERRIDE_FILE;
    let files: Vec<_> = paths(compose_label::CONFIG_FILES)
        .into_iter()
        .filter(|file| file.file_name().is_none_or(|name| name != override_name))
        .collect();
    let running = containers
        .iter()
        .filter(|container| container.state == Some(ContainerSummaryStateEnum::RUNNING));
    ProjectSummary {
        files_exist: !files.is_empty() && files.iter().all(|file| file.exists()),
        working_directory: longest(compose_label::WORKING_DIRECTORY).into(),
        running: count(running.clone()),
        total: count(containers.iter()),
        completed: 0,
        unhealthy: running
            .filter_map(|container| container.status.as_deref())
            .any(|status| status.contains("(unhealthy)")),
        source: ProjectSource {
            files,
            env_files: paths(compose_label::ENVIRONMENT_FILES),
            project_name: Some(name.clone()),
            ..ProjectSource::default()
        },
        name,
    }
}

/// The paths in a label of Compose's. It sets commas between them and leaves those in them as they
/// are: the longest that is there counts, else all up to where the next absolute path begins.
fn paths(list: &str, exists: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let parts: Vec<_> = list.split(',').collect();
    let joined = |from: usize, end: usize| PathBuf::from(parts[from..end].join(","));
    let mut paths = Vec::new();
    let mut at = 0;
    while at < parts.len() {
        let there = (at + 1..=parts.len())
            .rev()
            .find(|&end| exists(&joined(at, end)));
        let next_one = || {
            let is_absolute = |&next: &usize| Path::new(parts[next]).is_absolute();
            (at + 1..parts.len())
                .find(is_absolute)
                .unwrap_or(parts.len())
        };
        let end = there.unwrap_or_else(next_one);
        paths.push(joined(at, end));
        at = end;
    }
    paths.retain(|path| !path.as_os_str().is_empty());
    paths
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_comma_in_a_path_is_not_one_between_paths() {
        let there = [
            "/srv/a,b/compose.yaml",
            "/srv/a,b/more, much.yaml",
            "/srv/a",
            "/srv/shop/compose.yaml",
        ];
        let of = |list: &str| {
            let exists = |path: &Path| there.iter().any(|known| Path::new(known) == path);
            let found = paths(list, exists);
            let words = found.iter().map(|path| path.display().to_string());
            words.collect::<Vec<_>>()
        };
        assert_eq!(of("/srv/a,b/compose.yaml"), ["/srv/a,b/compose.yaml"]);
        assert_eq!(
            of("/srv/a,b/compose.yaml,/srv/a,b/more, much.yaml,/srv/shop/compose.yaml"),
            [
                "/srv/a,b/compose.yaml",
                "/srv/a,b/more, much.yaml",
                "/srv/shop/compose.yaml"
            ]
        );
        // Of a project whose files are gone.
        assert_eq!(
            of("/gone/a,b/compose.yaml,/gone/c.yaml"),
            ["/gone/a,b/compose.yaml", "/gone/c.yaml"]
        );
        assert_eq!(of(""), [""; 0]);
    }

    fn summary_of(label: &str, value: &str) -> ProjectSummary {
        let container = json!({"Labels": {label: value}, "State": "running"});
        summary("shop".into(), &[serde_json::from_value(container).unwrap()])
    }

    #[test]
    fn a_folder_with_a_comma_in_its_name_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("a, b");
        std::fs::create_dir(&folder).unwrap();
        let file = folder.join("compose.yaml");
        std::fs::write(&file, "services: {}\n").unwrap();
        let text = |path: &Path| path.display().to_string();
        let found = summary_of(compose_label::CONFIG_FILES, &text(&file));
        assert_eq!(found.source.files, [file]);
        assert!(found.files_exist);
        let found = summary_of(compose_label::WORKING_DIRECTORY, &text(&folder));
        assert_eq!(found.working_directory, folder);
    }

    #[test]
    fn a_job_is_told_from_a_service_that_was_stopped() {
        let is = |config: Value, host: Value| {
            let container = json!({"Config": config, "HostConfig": host});
            is_job(&serde_json::from_value(container).unwrap())
        };
        assert!(is(json!({}), json!({})));
        assert!(is(
            json!({}),
            json!({"RestartPolicy": {"Name": "on-failure"}})
        ));
        assert!(is(
            json!({"Healthcheck": {"Test": ["NONE"]}}),
            json!({"RestartPolicy": {"Name": "no"}, "PortBindings": {}})
        ));
        for policy in ["always", "unless-stopped"] {
            assert!(!is(json!({}), json!({"RestartPolicy": {"Name": policy}})));
        }
        let ports = json!({"80/tcp": [{"HostPort": "8080"}]});
        assert!(!is(json!({}), json!({"PortBindings": ports})));
        assert!(!is(
            json!({"Healthcheck": {"Test": ["CMD", "true"]}}),
            json!({})
        ));
    }
}
