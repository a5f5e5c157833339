//! What the files say now, and back to what ran before.

use std::{fs, process::Command};

use teal_engine::{
    Error,
    event::Outcome,
    model::{LimitsChange, Origin, VerdictCode},
};
use teal_testkit::Template;

use crate::stage::{Ended, SERVICE, Stage, change, follow, limits, quick};

/// Another image than the service's that runs the same: removed when dropped.
struct Image {
    name: String,
}

impl Image {
    fn of(stage: &Stage) -> Self {
        let name = format!("teal-testkit/other:{}", stage.project.name());
        docker(&[
            "commit",
            "--change",
            "LABEL other=1",
            &stage.blue[0].id,
            &name,
        ]);
        Self { name }
    }

    fn id(&self) -> String {
        docker(&["image", "inspect", "--format", "{{.Id}}", &self.name])
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let removed = Command::new("docker")
            .args(["rmi", "-f", &self.name])
            .output();
        assert!(removed.is_ok_and(|removed| removed.status.success()) || std::thread::panicking());
    }
}

fn docker(words: &[&str]) -> String {
    let output = Command::new("docker").args(words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn environment(container: &str) -> String {
    docker(&["inspect", "--format", "{{json .Config.Env}}", container])
}

async fn deploy(stage: &Stage) -> Ended {
    stage.roll_out(LimitsChange::default(), quick()).await
}

/// The journals of the service's rollouts, each as its text.
fn journals(stage: &Stage) -> Vec<String> {
    let folders = fs::read_dir(stage.project.data_directory().join("journal")).unwrap();
    folders
        .flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap())
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .collect()
}

#[tokio::test]
async fn an_image_and_a_variable_change_and_come_back() {
    let template = Template::named("files").environment("TOKEN", "first-$$secret");
    let mut stage = Stage::up(template).await;
    let image_before = stage.blue[0].image_id.clone();
    let environment_before = environment(&stage.blue[0].id);
    let other = Image::of(&stage);
    stage
        .project
        .change(|template| template.environment("TOKEN", "second-secret"));
    let file = stage.project.compose_file();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace(stage.project.image(), &other.name)).unwrap();

    let request = stage.request(LimitsChange::default(), quick());
    let plan = stage.engine.plan(&request).await.unwrap();
    let what: Vec<_> = plan
        .differences
        .iter()
        .map(|one| one.what.as_str())
        .collect();
    assert_eq!(
        what,
        ["image", "environment", "labels"],
        "{:?}",
        plan.differences
    );
    assert_eq!(plan.differences[1].after, "changed: TOKEN");
    assert_eq!(plan.limits_after, limits("1", "512M"));

    deploy(&stage).await.assert_outcome(Outcome::Success);
    let now = stage.project.containers(SERVICE).await;
    assert_eq!(now[0].image_id, other.id());
    assert!(environment(&now[0].id).contains("second-secret"));

    let back = stage
        .engine
        .rollback_request(
            &stage.project.source(),
            SERVICE,
            None,
            quick(),
            Origin::Terminal,
        )
        .await
        .unwrap();
    let plan = stage.engine.plan(&back).await.unwrap();
    let stored = plan.restored_from.clone().expect("the files say otherwise");
    let said = serde_json::to_string(&plan).unwrap();
    assert!(!said.contains("-secret"), "no value is in the plan: {said}");
    let rollout = stage.engine.roll_out(back).await.unwrap();
    follow(&rollout, |_| ())
        .await
        .assert_outcome(Outcome::Success);
    let now = stage.project.containers(SERVICE).await;
    assert_eq!(now[0].image_id, image_before);
    assert_eq!(environment(&now[0].id), environment_before);

    private(&stored);
    let journals = journals(&stage);
    assert_eq!(journals.len(), 2, "one of each rollout");
    assert!(!journals.concat().contains("-secret"));
    let projects = stage.engine.projects().await.unwrap();
    let found = projects
        .iter()
        .find(|found| found.name == stage.project.name());
    assert_eq!(found.unwrap().source.files, [stage.project.compose_file()]);
}

#[cfg(unix)]
fn private(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;

    let mode = fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[cfg(not(unix))]
fn private(_path: &std::path::Path) {}

#[tokio::test]
async fn where_files_and_containers_agree_there_is_nothing_to_change() {
    let stage = Stage::up(Template::named("files-same")).await;
    let refused = stage.start(LimitsChange::default(), quick()).await;
    let Err(Error::Refused { verdicts, .. }) = refused else {
        panic!("not refused: {refused:?}");
    };
    assert_eq!(verdicts[0].code, VerdictCode::NothingToChange);
    let mut request = stage.request(LimitsChange::default(), quick());
    request.recreate = true;
    let rollout = stage.engine.roll_out(request).await.unwrap();
    follow(&rollout, |_| ())
        .await
        .assert_outcome(Outcome::Success);
    // What Teal itself wrote is no change.
    let again = stage.start(LimitsChange::default(), quick()).await;
    assert!(matches!(again, Err(Error::Refused { .. })), "{again:?}");
    stage.assert_succeeded(limits("1", "512M")).await;
}

#[tokio::test]
async fn a_limit_changed_in_the_file_wins_over_teals_own() {
    let mut stage = Stage::up(Template::named("files-limits")).await;
    let ended = stage
        .roll_out(change(Some("0.5"), Some("256M")), quick())
        .await;
    ended.assert_outcome(Outcome::Success);
    stage
        .project
        .change(|template| template.limits(Some("1"), Some("384M")));
    let request = stage.request(LimitsChange::default(), quick());
    let plan = stage.engine.plan(&request).await.unwrap();
    // The CPUs stand in the file as they did then, the memory does not.
    assert_eq!(plan.limits_after, limits("0.5", "384M"));
    let reason = plan.limits_reason.clone().unwrap();
    assert!(
        reason.contains("384M, changed since revision 2"),
        "{reason}"
    );
    let mut from_file = request;
    from_file.limits_from_file = true;
    let plan = stage.engine.plan(&from_file).await.unwrap();
    assert_eq!(plan.limits_after, limits("1", "384M"));

    deploy(&stage).await.assert_outcome(Outcome::Success);
    let now = stage.project.containers(SERVICE).await;
    assert_eq!(
        (now[0].cpus, now[0].memory),
        (Some(0.5), Some(384 * 1024 * 1024))
    );
}

#[tokio::test]
async fn another_key_of_the_service_is_a_change_too() {
    let mut stage = Stage::up(Template::named("files-key")).await;
    stage
        .project
        .change(|template| template.service_text("stop_grace_period: 7s"));
    let request = stage.request(LimitsChange::default(), quick());
    let plan = stage.engine.plan(&request).await.unwrap();
    let what: Vec<_> = plan
        .differences
        .iter()
        .map(|one| one.what.as_str())
        .collect();
    assert_eq!(what, ["other"]);
    assert!(plan.refusals().next().is_none(), "{:#?}", plan.verdicts);
}
