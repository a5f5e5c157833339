//! Teal's own Compose commands create Green and do nothing else, whatever the files and the user's
//! settings say.

use std::{fs, process::Command, time::Duration};

use teal_engine::{
    Error,
    event::{Event, EventKind, FailureCode, Outcome, Phase},
    model::{Level, Plan, RolloutOptions, RolloutRequest, VerdictCode},
};
use teal_testkit::{Project, Template, eventually};

use crate::stage::{SERVICE, Stage, change, follow, limits, quick};

/// A project of `fixtures/` that is up and served, with traffic on it.
async fn fixture(name: &str) -> Stage {
    let project = Project::up(Template::fixture(name)).await;
    let traffic = project.traffic();
    let mut silent = project.containers(SERVICE).await;
    eventually("it is served", Duration::from_secs(20), async || {
        let answer = traffic.once().await;
        if answer.is_success() {
            let by = answer.container.unwrap_or_default();
            silent.retain(|container| !container.id.starts_with(&by));
        }
        silent.is_empty().then_some(())
    })
    .await;
    Stage::of(project).await
}

/// Changes a file of the project as somebody would with an editor.
async fn edit(stage: &mut Stage, name: &str, from: &str, to: &str) {
    rewrite(&stage.project, name, from, to);
    stage.before = stage.project.snapshot().await;
}

fn rewrite(project: &Project, name: &str, from: &str, to: &str) {
    let file = project.directory().join(name);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(file, text.replace(from, to)).unwrap();
}

fn docker(words: &[&str]) {
    let done = Command::new("docker").args(words).output().unwrap();
    assert!(done.status.success(), "{words:?}: {done:?}");
}

/// What the files say now is rolled out.
fn of_files(stage: &Stage) -> RolloutRequest {
    stage.request(change(None, None), quick())
}

async fn refused(stage: &Stage) -> Box<Plan> {
    let refused = stage.start(change(None, Some("256M")), quick()).await;
    match refused {
        Err(Error::Refused {
            plan: Some(plan), ..
        }) => plan,
        other => panic!("not refused: {other:?}"),
    }
}

fn says(plan: &Plan, wanted: VerdictCode) -> &teal_engine::model::Verdict {
    let mut verdicts = plan.verdicts.iter();
    let found = verdicts.find(|verdict| verdict.code == wanted);
    found.unwrap_or_else(|| panic!("no {wanted:?}: {:#?}", plan.verdicts))
}

#[tokio::test]
async fn a_network_that_the_files_define_differently_is_refused() {
    let mut stage = fixture("changed-network").await;
    for network in ["alone", "shared"] {
        let (from, to) = (format!("{network} as it was"), format!("{network} changed"));
        edit(&mut stage, "compose.yaml", &from, &to).await;
        let plan = refused(&stage).await;
        let verdict = says(&plan, VerdictCode::OtherChanges);
        assert_eq!(verdict.level, Level::Refused);
        let name = format!("`{}_{network}`", stage.project.name());
        assert!(verdict.reason.contains(&name), "{}", verdict.reason);
        assert!(
            verdict.reason.contains(&stage.blue[0].name),
            "{}",
            verdict.reason
        );
        assert!(
            verdict.remedy.contains("maintenance window"),
            "{}",
            verdict.remedy
        );
        edit(&mut stage, "compose.yaml", &to, &from).await;
    }
    // As it was, it can be rolled out.
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::Success);
    stage.assert_succeeded(limits("1", "256M")).await;
}

#[tokio::test]
async fn a_network_that_changes_after_preparation_leads_back_with_blue_untouched() {
    a_late_change_of_a_network_leads_back(quick()).await;
}

/// What was not known in Preparation was not forced either.
#[tokio::test]
async fn force_does_not_let_a_late_change_of_a_network_stop_blue() {
    let options = RolloutOptions {
        force: true,
        ..quick()
    };
    a_late_change_of_a_network_leads_back(options).await;
}

async fn a_late_change_of_a_network_leads_back(options: RolloutOptions) {
    let mut stage = fixture("changed-network").await;
    let rollout = stage
        .start(change(None, Some("256M")), options)
        .await
        .expect("it starts");
    // Holding takes helpers that have yet to start.
    let holds = |event: &Event| matches!(&event.kind, EventKind::Step { text, .. } if text.contains("Holding"));
    let mut changed = false;
    let ended = follow(&rollout, |event| {
        if holds(event) && !changed {
            changed = true;
            rewrite(&stage.project, "compose.yaml", "alone as it was", "other");
        }
    })
    .await;
    assert!(changed, "{}", ended.story());
    ended.assert_outcome(Outcome::RolledBack);
    let failure = ended.failure();
    assert_eq!(failure.code, FailureCode::ScaleUp);
    assert!(failure.message.contains("_alone"), "{failure:?}");
    assert!(failure.hint.contains("maintenance window"), "{failure:?}");
    let blue = &stage.project.containers(SERVICE).await[0];
    assert_eq!(blue.id, stage.blue[0].id);
    assert!(stage.was_never_stopped(&blue.id).await);
    edit(&mut stage, "compose.yaml", "other", "alone as it was").await;
    stage.assert_restored().await;
}

#[tokio::test]
async fn blue_comes_back_to_a_network_that_was_taken_from_it() {
    let stage = fixture("changed-network").await;
    let started = stage.start(change(None, Some("256M")), quick()).await;
    let rollout = started.expect("it starts");
    let blue = stage.blue[0].id.clone();
    let networks = ["default", "alone"].map(|name| format!("{}_{name}", stage.project.name()));
    let ended = follow(&rollout, |event| {
        // Green serves everything and Blue is stopped.
        if let EventKind::PhaseStarted {
            phase: Phase::Verification,
            ..
        } = event.kind
        {
            for network in &networks {
                docker(&["network", "disconnect", "-f", network, &blue]);
            }
            rollout.abort();
        }
    })
    .await;
    ended.assert_outcome(Outcome::Aborted);
    let format =
        "{{range $name, $it := .NetworkSettings.Networks}}{{$name}}={{json $it.Aliases}} {{end}}";
    let told = Command::new("docker")
        .args(["inspect", "--format", format, &blue])
        .output()
        .unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    for network in &networks {
        let place = told
            .split_whitespace()
            .find(|place| place.starts_with(network))
            .unwrap_or_else(|| panic!("{network} in {told}"));
        assert!(place.contains("\"hello\""), "{place}");
    }
    stage.assert_restored().await;
}

#[tokio::test]
async fn a_registry_that_is_away_keeps_nobody_from_other_limits() {
    let mut stage = Stage::up(Template::named("pull-always")).await;
    let before = stage.before.clone();
    let (never, always) = ("pull_policy: never", "pull_policy: always");
    edit(&mut stage, "compose.yaml", never, always).await;
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::Success);
    let green = stage.project.containers(SERVICE).await;
    assert_eq!(green[0].image_id, stage.blue[0].image_id);
    // Somebody's plain `up` would pull, and there is no registry here.
    rewrite(&stage.project, "compose.yaml", always, never);
    stage.before = before;
    stage.assert_succeeded(limits("1", "256M")).await;
}

#[tokio::test]
async fn an_edited_build_context_is_not_rolled_out_with_other_limits() {
    let mut stage = fixture("b19").await;
    edit(&mut stage, "app/note.txt", "as it was", "uncommitted").await;
    let ended = stage.roll_out(change(None, Some("192M")), quick()).await;
    ended.assert_outcome(Outcome::Success);
    let green = stage.project.containers(SERVICE).await;
    assert_ne!(green[0].id, stage.blue[0].id);
    assert_eq!(green[0].image_id, stage.blue[0].image_id);
    let (_project, _, report) = stage.into_parts().await;
    report.assert_none_failed();
}

#[tokio::test]
async fn an_image_that_is_not_there_is_built_before_anything_else() {
    let stage = fixture("b19").await;
    let image = format!("{}-{SERVICE}", stage.project.name());
    docker(&["rmi", "-f", &image]);
    let request = stage.request(change(None, Some("192M")), quick());
    let plan = stage.engine.plan(&request).await.unwrap();
    assert_eq!(plan.image, None);
    assert_eq!(plan.commands.len(), 4, "{:?}", plan.commands);
    assert!(plan.commands[0].iter().any(|word| word == "build"));
    let ended = stage.roll_out(change(None, Some("192M")), quick()).await;
    ended.assert_outcome(Outcome::Success);
    let (project, _, report) = stage.into_parts().await;
    report.assert_none_failed();
    assert_eq!(project.containers(SERVICE).await.len(), 1);
}

#[tokio::test]
async fn an_image_that_can_not_be_pulled_refuses_and_changes_nothing() {
    let mut stage = Stage::up(Template::named("no-image")).await;
    edit(
        &mut stage,
        "compose.yaml",
        "pull_policy: never",
        "pull_policy: always",
    )
    .await;
    // Nobody listens there.
    let away = "image: 127.0.0.1:9/teal-testkit/";
    edit(&mut stage, "compose.yaml", "image: teal-testkit/", away).await;
    let plan = stage.engine.plan(&of_files(&stage)).await.unwrap();
    assert!(plan.commands[0].iter().any(|word| word == "pull"));
    let image = plan.differences.iter().find(|it| it.what == "image");
    assert!(image.unwrap().after.ends_with("pulled"), "{image:?}");
    let error = stage.engine.roll_out(of_files(&stage)).await.unwrap_err();
    assert_eq!(error.code(), "noImage");
    assert!(error.to_string().contains("127.0.0.1:9"), "{error}");
    assert!(error.hint().unwrap().contains("nothing was changed"));
    let interrupted = stage.engine.interrupted().await.unwrap();
    let is_its = |project: &str| project == stage.project.name();
    assert!(!interrupted.iter().any(|one| is_its(&one.project)));
    stage.assert_restored().await;
}

#[tokio::test]
async fn containers_that_the_files_do_not_define_live() {
    let mut stage = fixture("changed-network").await;
    // As in the shell of somebody who likes it tidy.
    let settings = stage.project.directory().join(".env");
    fs::write(settings, "COMPOSE_REMOVE_ORPHANS=1\n").unwrap();
    let file = stage.project.compose_file();
    let text = fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once("  neighbour:").unwrap();
    let (_, after) = rest.split_once("  hello:").unwrap();
    fs::write(&file, format!("{before}  hello:{after}")).unwrap();
    stage.before = stage.project.snapshot().await;
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::Success);
    let neighbour = stage.project.containers("neighbour").await;
    assert_eq!(neighbour.len(), 1);
    assert_eq!(neighbour[0].state, "running");
    let (_project, _, report) = stage.into_parts().await;
    report.assert_none_failed();
}

#[tokio::test]
async fn sidecars_with_composes_labels_are_neither_replicas_nor_orphans() {
    let stage = fixture("compose-constraints").await;
    let settings = stage.project.directory().join(".env");
    fs::write(settings, "COMPOSE_REMOVE_ORPHANS=1\n").unwrap();
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::Success);
    let (project, _, report) = stage.into_parts().await;
    report.assert_none_failed();
    assert_eq!(project.containers(SERVICE).await.len(), 1);
}

#[tokio::test]
async fn the_files_number_of_containers_is_rolled_out() {
    let mut stage = fixture("b16").await;
    edit(&mut stage, "compose.yaml", "replicas: 2", "replicas: 3").await;
    // Other limits keep what runs, and say so.
    let request = stage.request(change(None, Some("96M")), quick());
    let plan = stage.engine.plan(&request).await.unwrap();
    assert_eq!(plan.replicas, 2);
    says(&plan, VerdictCode::ReplicasDiffer);

    let plan = stage.engine.plan(&of_files(&stage)).await.unwrap();
    assert_eq!((plan.blue.len(), plan.replicas), (2, 3));
    let told = plan.differences.iter().find(|it| it.what == "replicas");
    assert_eq!(told.unwrap().after, "3");
    let rollout = stage.engine.roll_out(of_files(&stage)).await.unwrap();
    follow(&rollout, |_| ())
        .await
        .assert_outcome(Outcome::Success);
    let green = stage.project.containers(SERVICE).await;
    assert_eq!(green.len(), 3);
    assert!(green.iter().all(|it| it.memory == Some(128 << 20)));

    edit(&mut stage, "compose.yaml", "replicas: 3", "replicas: 1").await;
    let rollout = stage.engine.roll_out(of_files(&stage)).await.unwrap();
    follow(&rollout, |_| ())
        .await
        .assert_outcome(Outcome::Success);
    let (project, _, report) = stage.into_parts().await;
    report.assert_none_failed();
    let last = project.containers(SERVICE).await;
    assert_eq!(last.len(), 1);
    for container in green.iter().chain(&last) {
        assert!(report.from_container(&container.id) > 0, "{report}");
    }
}

#[tokio::test]
async fn an_abort_on_the_way_to_another_number_restores_blue() {
    let mut stage = fixture("b16").await;
    edit(&mut stage, "compose.yaml", "replicas: 2", "replicas: 3").await;
    let mut request = of_files(&stage);
    // Long enough to be in the middle of it.
    request.options.answers = 100;
    let rollout = stage.engine.roll_out(request).await.unwrap();
    let ended = follow(&rollout, |event| {
        if matches!(event.kind, EventKind::Answers { green: 1.., .. }) {
            rollout.abort();
        }
    })
    .await;
    ended.assert_outcome(Outcome::Aborted);
    stage.assert_restored().await;
}
