//! Rollouts that fail, or are aborted: Blue serves as before and nothing is left.

use std::fs;

use teal_engine::{
    Error, Settings,
    event::{EventKind, FailureCode, Outcome, Phase},
    model::Origin,
};
use teal_testkit::Template;

use crate::{
    faulty::FaultyEngine,
    stage::{SERVICE, Stage, change, follow, quick},
};

/// Only Green gets this variable: Blue runs already.
async fn with_green(name: &str, variable: &str, value: &str) -> Stage {
    let mut stage = Stage::up(Template::named(name)).await;
    stage
        .project
        .change(|template| template.environment(variable, value));
    stage.before = stage.project.snapshot().await;
    stage
}

#[tokio::test]
async fn green_that_is_never_healthy_is_a_timeout() {
    let stage = with_green("never", "NEVER_HEALTHY", "1").await;
    let mut options = quick();
    options.health_timeout_ms = Some(3_000);
    let ended = stage.roll_out(change(None, Some("256M")), options).await;
    ended.assert_outcome(Outcome::HealthTimeout);
    assert_eq!(ended.failure().code, FailureCode::HealthTimeout);
    assert!(!ended.failure().log.is_empty(), "Green's log is shown");
    assert_eq!(ended.phases().last(), Some(&Phase::HealthCheck));
    stage.assert_restored().await;
}

#[tokio::test]
async fn green_without_a_health_check_has_to_accept_connections() {
    let mut stage = Stage::up(Template::named("deaf").health_check(None)).await;
    stage
        .project
        .change(|template| template.environment("LISTEN_DELAY_MS", "60000"));
    stage.before = stage.project.snapshot().await;
    let mut options = quick();
    options.force = true;
    options.health_timeout_ms = Some(3_000);
    let ended = stage.roll_out(change(None, Some("256M")), options).await;
    ended.assert_outcome(Outcome::HealthTimeout);
    let message = &ended.failure().message;
    assert!(message.contains("did not accept connections"), "{message}");
    stage.assert_restored().await;
}

#[tokio::test]
async fn green_that_crashes_fails_at_once_with_its_exit_code() {
    let mut stage = Stage::up(Template::named("crash")).await;
    stage.project.change(|template| {
        template
            .environment("CRASH_AFTER_MS", "200")
            .environment("CRASH_EXIT_CODE", "7")
            .environment("START_DELAY_MS", "60000")
    });
    stage.before = stage.project.snapshot().await;
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::RolledBack);
    assert_eq!(ended.failure().code, FailureCode::Exited);
    assert_eq!(ended.failure().exit_code, Some(7));
    stage.assert_restored().await;
}

#[tokio::test]
async fn green_that_restarts_in_a_loop_is_not_waited_for() {
    let mut stage = Stage::up(Template::named("loop").service_text("restart: always\n")).await;
    stage.project.change(|template| {
        template
            .environment("CRASH_AFTER_MS", "50")
            .environment("START_DELAY_MS", "60000")
    });
    stage.before = stage.project.snapshot().await;
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::RolledBack);
    let failure = ended.failure();
    assert_eq!(failure.code, FailureCode::Exited);
    assert!(
        failure.message.contains("Green ended 3 times"),
        "{failure:?}"
    );
    stage.assert_restored().await;
}

#[tokio::test]
async fn green_whose_health_flaps_gives_everything_back() {
    let stage = with_green("flap", "FLAP_MS", "3000").await;
    let mut options = quick();
    // Each share takes Traefik two seconds, so that a change of health falls among them.
    options.steps = vec![10, 20, 30, 40, 50, 100];
    let ended = stage.roll_out(change(None, Some("256M")), options).await;
    ended.assert_outcome(Outcome::RolledBack);
    let failure = ended.failure();
    assert_eq!(failure.code, FailureCode::Unhealthy, "{failure:?}");
    assert!(failure.message.contains("Green"), "{failure:?}");
    assert!(failure.hint.contains("probe's output"), "{failure:?}");
    assert!(
        failure.probe_output.is_some() && failure.container.is_some(),
        "{failure:?}"
    );
    assert_eq!(ended.phases().last(), Some(&Phase::VerifyTraffic));
    stage.assert_restored().await;
}

#[tokio::test]
async fn green_that_runs_out_of_memory_says_so() {
    let stage = with_green("oom", "OOM_AT_START", "1").await;
    let ended = stage.roll_out(change(None, Some("32M")), quick()).await;
    ended.assert_outcome(Outcome::RolledBack);
    assert_eq!(ended.failure().code, FailureCode::OutOfMemory);
    assert!(ended.failure().out_of_memory);
    stage.assert_restored().await;
}

#[tokio::test]
async fn green_that_answers_with_errors_fails_verify_traffic() {
    let mut stage = Stage::up(Template::named("errors")).await;
    stage
        .project
        .change(|template| template.environment("FAIL_PATH", "/"));
    stage.before = stage.project.snapshot().await;
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::RolledBack);
    assert_eq!(ended.failure().code, FailureCode::Traffic);
    // Half of the traffic went to a Green that answers with errors: that is what was proved.
    stage.assert_restored_but_for_answers().await;
}

#[tokio::test]
async fn limits_that_are_not_in_force_fail_the_verification() {
    let stage = Stage::up(Template::named("verify")).await;
    let rollout = stage
        .start(change(None, Some("256M")), quick())
        .await
        .unwrap();
    let mut green = Vec::new();
    let ended = follow(&rollout, |event| match &event.kind {
        EventKind::Containers {
            color: teal_engine::event::Color::Green,
            replicas,
        } => {
            green = replicas.iter().map(|replica| replica.id.clone()).collect();
        }
        EventKind::PhaseStarted {
            phase: Phase::RemoveBlue,
            ..
        } => {
            let updated = std::process::Command::new("docker")
                .args(["update", "--cpus", "0.3"])
                .args(&green)
                .status();
            assert!(updated.unwrap().success());
        }
        _ => {}
    })
    .await;
    ended.assert_outcome(Outcome::RolledBack);
    assert_eq!(ended.failure().code, FailureCode::Verification);
    assert!(
        ended.failure().message.contains("0.3 CPU"),
        "{:?}",
        ended.failure()
    );
    stage.assert_restored().await;
}

#[tokio::test]
async fn blue_that_can_not_be_stopped_leads_back_to_blue() {
    let mut stage = Stage::up(Template::named("unstoppable")).await;
    let blue = stage.blue[0].id.clone();
    let faulty = FaultyEngine::start(move |method, path| {
        method == "POST" && path.ends_with(&format!("/containers/{blue}/stop"))
    });
    stage.engine = teal_engine::Engine::connect(Settings {
        docker_host: Some(faulty.host()),
        data_directory: Some(stage.project.data_directory()),
        ..Settings::default()
    })
    .await
    .unwrap();
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::RolledBack);
    assert_eq!(ended.failure().code, FailureCode::ScaleDown);
    assert!(
        ended.failure().message.contains("on purpose"),
        "{:?}",
        ended.failure()
    );
    stage.assert_restored().await;
}

#[tokio::test]
async fn without_rollback_everything_stays_until_it_is_recovered() {
    let stage = with_green("keep", "NEVER_HEALTHY", "1").await;
    let mut options = quick();
    options.health_timeout_ms = Some(1_500);
    options.no_rollback = true;
    let ended = stage.roll_out(change(None, Some("256M")), options).await;
    ended.assert_outcome(Outcome::NotRolledBack);
    let EventKind::Ended { left_behind, .. } = &ended.events.last().unwrap().kind else {
        panic!("{}", ended.story());
    };
    assert!(
        left_behind.iter().any(|line| line.starts_with("Green: ")),
        "{left_behind:?}"
    );
    assert_eq!(stage.project.containers(SERVICE).await.len(), 2);

    let again = stage.start(change(None, Some("256M")), quick()).await;
    assert!(matches!(again, Err(Error::Interrupted { .. })), "{again:?}");
    let recovery = stage
        .engine
        .recover(&stage.project.source(), SERVICE, None, Origin::Terminal)
        .await
        .unwrap();
    follow(&recovery, |_| ())
        .await
        .assert_outcome(Outcome::RolledBack);
    let nothing = stage
        .engine
        .recover(&stage.project.source(), SERVICE, None, Origin::Terminal)
        .await;
    assert!(
        matches!(nothing, Err(Error::NothingToRecover { .. })),
        "{nothing:?}"
    );
    stage.assert_restored().await;
}

async fn abort_in(phase: Phase, name: &str) {
    let stage = Stage::up(Template::named(name)).await;
    let rollout = stage
        .start(change(Some("0.5"), Some("256M")), quick())
        .await
        .expect("it starts");
    let ended = follow(&rollout, |event| {
        if matches!(event.kind, EventKind::PhaseStarted { phase: started, .. } if started == phase)
        {
            rollout.abort();
        }
    })
    .await;
    ended.assert_outcome(Outcome::Aborted);
    assert_eq!(ended.failure().code, FailureCode::Aborted);
    stage.assert_restored().await;
}

#[tokio::test]
async fn an_abort_in_deploy_green_restores_blue() {
    abort_in(Phase::DeployGreen, "abort2").await;
}

#[tokio::test]
async fn an_abort_in_health_check_restores_blue() {
    abort_in(Phase::HealthCheck, "abort3").await;
}

#[tokio::test]
async fn an_abort_in_verify_traffic_restores_blue() {
    abort_in(Phase::VerifyTraffic, "abort4").await;
}

#[tokio::test]
async fn an_abort_in_remove_blue_restores_blue() {
    abort_in(Phase::RemoveBlue, "abort5").await;
}

#[tokio::test]
async fn an_abort_in_verification_restores_blue() {
    abort_in(Phase::Verification, "abort6").await;
}

#[tokio::test]
async fn an_override_that_was_there_comes_back_byte_for_byte() {
    let mut stage = Stage::up(Template::named("bytes")).await;
    let path = stage.project.directory().join(teal_engine::OVERRIDE_FILE);
    let text = "# ours\r\nservices:\r\n  other: {image: none} # kept\r\n";
    fs::write(&path, text).unwrap();
    stage
        .project
        .change(|template| template.environment("CRASH_AFTER_MS", "0"));
    stage.before = stage.project.snapshot().await;
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::RolledBack);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    stage.assert_restored().await;
}

#[tokio::test]
async fn a_second_rollout_of_the_service_is_refused_while_one_runs() {
    let stage = with_green("two", "START_DELAY_MS", "1500").await;
    let first = stage
        .start(change(None, Some("256M")), quick())
        .await
        .unwrap();
    let second = stage.start(change(None, Some("128M")), quick()).await;
    let Err(error) = second else {
        panic!("a second rollout started");
    };
    assert_eq!(error.exit_code(), 6);
    assert!(
        error.to_string().contains(&std::process::id().to_string()),
        "{error}"
    );
    follow(&first, |_| ())
        .await
        .assert_outcome(Outcome::Success);
    stage
        .assert_succeeded(crate::stage::limits("1", "256M"))
        .await;
}
