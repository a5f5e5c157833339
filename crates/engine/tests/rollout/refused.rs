//! What Preparation refuses, and that it changes nothing.

use std::fs;

use teal_engine::{
    Engine, Error, Settings,
    model::{Level, RolloutOptions, VerdictCode},
};
use teal_testkit::{Project, Template};

use crate::stage::{SERVICE, Stage, change, quick};

/// The codes of the verdicts that stop this rollout; nothing has changed by it.
async fn refusals(stage: Stage, memory: &str, options: RolloutOptions) -> Vec<VerdictCode> {
    let refused = stage.start(change(None, Some(memory)), options).await;
    let Err(Error::Refused { verdicts, .. }) = refused else {
        panic!("not refused: {refused:?}");
    };
    assert!(verdicts.iter().all(|verdict| !verdict.remedy.is_empty()));
    stage.assert_restored().await;
    verdicts.into_iter().map(|verdict| verdict.code).collect()
}

#[tokio::test]
async fn an_unknown_service_is_answered_with_the_nearest_name() {
    let stage = Stage::up(Template::named("unknown")).await;
    let mut request = stage.request(change(None, Some("256M")), quick());
    request.service = "helo".to_owned();
    let error = stage.engine.roll_out(request).await.unwrap_err();
    assert_eq!(error.exit_code(), 1);
    assert_eq!(error.hint().as_deref(), Some("did you mean `hello`?"));
    stage.assert_restored().await;
}

#[tokio::test]
async fn a_service_that_is_paused_is_refused() {
    let mut stage = Stage::up(Template::named("paused").no_router()).await;
    stage.project.compose(&["pause", "hello"]).await;
    stage.before = stage.project.snapshot().await;
    let refused = stage.start(change(None, Some("256M")), quick()).await;
    let Err(Error::Refused { verdicts, .. }) = refused else {
        panic!("not refused: {refused:?}");
    };
    assert!(
        verdicts
            .iter()
            .any(|verdict| verdict.code == VerdictCode::NotRunning)
    );
    stage
        .before
        .assert_unchanged(&stage.project.snapshot().await);
}

#[tokio::test]
async fn a_service_without_a_health_check_needs_force() {
    let stage = Stage::up(Template::named("nohealth").health_check(None)).await;
    assert_eq!(
        refusals(stage, "256M", quick()).await,
        [VerdictCode::NoHealthCheck]
    );
}

#[tokio::test]
async fn a_shared_volume_needs_force() {
    let template = Template::named("volume").service_text("volumes: [\"./data:/data\"]");
    let stage = Stage::up(template).await;
    assert_eq!(
        refusals(stage, "256M", quick()).await,
        [VerdictCode::SharedVolume]
    );
}

#[tokio::test]
async fn a_fixed_host_port_is_refused_even_by_force() {
    let template = Template::named("port").service_text("ports: [\"127.0.0.1:18765:8080\"]");
    let stage = Stage::up(template).await;
    let mut options = quick();
    options.force = true;
    assert_eq!(
        refusals(stage, "256M", options).await,
        [VerdictCode::HostPort]
    );
}

#[tokio::test]
async fn a_container_name_is_refused() {
    let template = Template::named("name").service_text("container_name: teal-testkit-fixed-name");
    let stage = Stage::up(template).await;
    assert_eq!(
        refusals(stage, "256M", quick()).await,
        // Compose does not make two of one name either, so that what `up` would do is not known.
        [VerdictCode::ContainerName, VerdictCode::OtherChanges]
    );
}

#[tokio::test]
async fn limits_below_a_reservation_or_above_the_engine_are_refused() {
    let template = Template::named("bounds").reservations("0.25", "128M");
    let stage = Stage::up(template).await;
    let plan = stage
        .engine
        .plan(&stage.request(change(Some("4096"), None), quick()))
        .await
        .unwrap();
    assert!(
        plan.refusals()
            .any(|verdict| verdict.code == VerdictCode::LimitAboveEngine)
    );
    assert_eq!(
        refusals(stage, "64M", quick()).await,
        [VerdictCode::LimitBelowReservation]
    );
}

#[tokio::test]
async fn labels_that_changed_in_the_file_would_clash() {
    let mut stage = Stage::up(Template::named("clash")).await;
    stage
        .project
        .change(|template| template.label("traefik.http.routers.hello.priority", "7"));
    stage.before = stage.project.snapshot().await;
    assert_eq!(
        refusals(stage, "256M", quick()).await,
        [VerdictCode::RouteClash]
    );
}

#[tokio::test]
async fn a_required_variable_that_is_missing_is_told_in_compose_own_words() {
    let stage = Stage::up(Template::named("variable")).await;
    let file = stage.project.compose_file();
    let text = fs::read_to_string(&file).unwrap();
    let wanting = text.replace(
        "image:",
        "hostname: ${TEAL_TEST_UNSET:?set it please}\n    image:",
    );
    fs::write(&file, wanting).unwrap();
    let error = stage
        .start(change(None, Some("256M")), quick())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::ProjectInvalid { .. }), "{error:?}");
    assert!(error.to_string().contains("set it please"), "{error}");
}

#[tokio::test]
async fn memory_below_present_use_is_a_warning_with_the_figures() {
    let template = Template::named("below").environment("LEAK_MB_PER_S", "4");
    let stage = Stage::up(template).await;
    let plan = teal_testkit::eventually(
        "more than 8M are in use",
        std::time::Duration::from_secs(30),
        async || {
            let request = stage.request(change(None, Some("8M")), quick());
            let plan = stage.engine.plan(&request).await.unwrap();
            plan.verdicts
                .iter()
                .find(|verdict| verdict.code == VerdictCode::LimitBelowUse)
                .cloned()
        },
    )
    .await;
    assert_eq!(plan.level, Level::Warning);
    assert!(plan.reason.contains("8M"), "{}", plan.reason);
    // A rollout does not wait for it, and says so once it knows.
    let ended = stage.roll_out(change(None, Some("8M")), quick()).await;
    let warnings = ended.warnings().join("\n");
    assert!(
        warnings.contains("more than the new limit of 8M"),
        "{warnings}"
    );
}

#[tokio::test]
async fn options_that_can_not_be_had_are_refused() {
    let mut options = quick();
    options.steps = vec![50, 20, 100];
    options.probe.path = Some("no-path".to_owned());
    let stage = Stage::up(Template::named("options")).await;
    assert_eq!(
        refusals(stage, "256M", options).await,
        [VerdictCode::BadOption, VerdictCode::BadOption]
    );
}

#[tokio::test]
async fn an_answer_that_is_not_as_expected_before_anything_changed_is_refused() {
    let stage = Stage::up(Template::named("expected")).await;
    let mut options = quick();
    options.probe.path = Some("/no/such/page".to_owned());
    options.probe.expect_status = Some(200);
    let request = stage.request(change(None, Some("256M")), options.clone());
    let plan = stage.engine.plan(&request).await.unwrap();
    let refusal = plan.refusals().next().unwrap();
    assert!(
        refusal
            .reason
            .contains("/no/such/page` answers 404 instead of 200"),
        "{}",
        refusal.reason
    );
    assert_eq!(
        refusals(stage, "256M", options).await,
        [VerdictCode::BadOption]
    );
}

#[tokio::test]
async fn the_images_own_health_check_counts_before_there_is_a_container() {
    let docker = |words: &[&str]| {
        let output = std::process::Command::new("docker").args(words).output();
        let output = output.unwrap();
        assert!(output.status.success(), "docker {words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let project = Project::new(Template::named("image").health_check(None)).await;
    let engine = crate::stage::engine(&project).await;
    let plain = engine.project(&project.source()).await.unwrap();
    let hello = |project: &teal_engine::model::Project| {
        let service = project.services.iter().find(|one| one.name == SERVICE);
        service.unwrap().health_check.clone()
    };
    assert_eq!(hello(&plain), None);

    let container = docker(&["create", project.image()]);
    let image = docker(&[
        "commit",
        "--change",
        r#"HEALTHCHECK --interval=7s CMD ["/hello", "check"]"#,
        &container,
    ]);
    docker(&["rm", &container]);
    let file = project.compose_file();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace(project.image(), &image)).unwrap();
    let checked = engine.project(&project.source()).await;
    docker(&["rmi", &image]);
    let check = hello(&checked.unwrap()).expect("the image has one");
    assert_eq!(check.interval_ms, 7_000);
}

#[tokio::test]
async fn no_engine_is_an_error_of_its_own() {
    let error = Engine::connect(Settings {
        docker_host: Some("unix:///nonexistent/engine.sock".to_owned()),
        data_directory: None,
        ..Settings::default()
    })
    .await
    .unwrap_err();
    assert_eq!(error.exit_code(), 7);
    assert!(error.hint().is_some());
}
