//! Setups in which Traefik's word on a split is hard to get: proved in another way, or refused before
//! anything has changed.

use std::{fs, time::Duration};

use teal_engine::{
    OVERRIDE_FILE,
    event::{EventKind, FailureCode, Outcome, Phase},
    model::{Origin, Recovery},
};
use teal_testkit::{Project, Template, eventually};

use crate::recovery::interrupted;
use crate::stage::{Ended, SERVICE, Stage, change, follow_within, limits, quick};

const PASSWORD: (&str, &str) = ("authorization", "Basic dGVzdDp0ZXN0");
const LETS_ALL_IN: &str =
    "http: {middlewares: {door: {headers: {customRequestHeaders: {X-Door: open}}}}}\n";
/// Far less than what was once waited for a proof: 60 s on the way there and 180 s on the way back.
const IN_SECONDS: Duration = Duration::from_secs(45);

/// The fixture with basic auth on its entry point, as a test has changed it before it is up.
async fn with_auth(change: impl FnOnce(&Project)) -> Stage {
    let (name, value) = PASSWORD;
    let template = Template::fixture("entry-point-auth").request_header(name, value);
    let project = Project::new(template).await;
    change(&project);
    up(project).await
}

async fn up(project: Project) -> Stage {
    project.compose(&["up", "--detach", "--wait"]).await;
    let traffic = project.traffic();
    eventually("Traefik serves", Duration::from_secs(20), async || {
        traffic.once().await.is_success().then_some(())
    })
    .await;
    Stage::of(project).await
}

fn without_api(project: &Project) {
    let file = project.compose_file();
    let text = fs::read_to_string(&file).unwrap();
    let closed = text.replace("      - --api.insecure=true\n", "");
    assert_ne!(text, closed);
    fs::write(file, closed).unwrap();
}

/// Replaces the middleware of the entry point in one step: Traefik must not read half of it.
fn set_door(project: &Project, text: &str) {
    let folder = project.directory().join("dyn");
    let next = folder.join("next");
    fs::write(&next, text).unwrap();
    fs::rename(next, folder.join("door.yml")).unwrap();
}

/// Waits until the entry point lets nobody in who does not know the password.
async fn until_closed(project: &Project) {
    let anonymous = teal_testkit::Traffic::to(&project.url("/"));
    eventually("the door is closed", Duration::from_secs(20), async || {
        (anonymous.once().await.result == Ok(401)).then_some(())
    })
    .await;
}

fn assert_warned(ended: &Ended, text: &str) {
    let warnings = ended.warnings();
    assert!(warnings.iter().any(|it| it.contains(text)), "{warnings:?}");
}

#[tokio::test]
async fn where_the_entry_point_lets_nobody_in_the_api_proves_the_splits() {
    let stage = with_auth(|_| ()).await;
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::Success);
    assert_warned(&ended, "answers 401 before a request gets to a router");
    let receipt = ended.receipt();
    // Nothing is counted as an answer that never came from the service.
    assert_eq!(receipt.requests, 0, "{receipt:?}");
    let unasked = receipt.unasked.as_deref().unwrap_or_default();
    assert!(unasked.contains("401"), "{receipt:?}");
    assert!(
        receipt
            .unpromised
            .iter()
            .any(|it| it.contains("Traefik's API")),
        "{receipt:?}"
    );
    stage.assert_succeeded(limits("1", "256M")).await;
}

#[tokio::test]
async fn what_nothing_can_prove_is_refused_before_anything_changes() {
    let stage = with_auth(without_api).await;
    let rollout = stage.start(change(None, Some("256M")), quick()).await;
    let ended = follow_within(IN_SECONDS, &rollout.unwrap(), |_| ()).await;
    ended.assert_outcome(Outcome::Refused);
    let failure = ended.failure();
    assert_eq!(failure.code, FailureCode::Refused);
    for word in ["router `hello`", "401", "API"] {
        assert!(failure.message.contains(word), "{failure:?}");
    }
    // Only Preparation was begun.
    assert_eq!(ended.phases(), [Phase::Preparation]);
    assert_eq!(interrupted(&stage.engine, &stage).await, None);
    let history = stage
        .engine
        .history(Some(stage.project.name()), None)
        .unwrap();
    assert_eq!(history[0].outcome, Some(Outcome::Refused));
    assert!(!history[0].took_effect());
    stage.assert_restored().await;
}

#[tokio::test]
async fn a_traefik_that_does_not_watch_the_engine_is_refused() {
    let project = Project::new(
        Template::named("unwatched")
            .default_throttle()
            .traefik_argument("--providers.docker.watch=false"),
    )
    .await;
    // It looks at the engine once, as it starts.
    project
        .compose(&["up", "--detach", "--wait", SERVICE])
        .await;
    let stage = up(project).await;
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::Refused);
    assert!(
        ended.failure().message.contains("watch"),
        "{:?}",
        ended.failure()
    );
    stage.assert_restored().await;
}

/// A rollout that goes well, with every router proved.
async fn is_steered(stage: Stage) {
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::Success);
    assert_eq!(ended.warnings(), [""; 0]);
    let receipt = ended.receipt();
    assert!(receipt.after.requests > 0, "{receipt:?}");
    assert_eq!(receipt.failed, 0, "{:?}", receipt.failures);
    stage.assert_succeeded(limits("1", "256M")).await;
}

#[tokio::test]
async fn a_traefik_without_published_ports_is_asked_in_its_own_network() {
    is_steered(up(Project::new(Template::fixture("no-published-port")).await).await).await;
}

/// What asks stands in Traefik's network, which goes with each run of Traefik.
async fn asked_on_when_traefik_runs_again(words: fn(&str) -> Vec<String>) {
    let stage = up(Project::new(Template::fixture("no-published-port")).await).await;
    let traefik = stage.project.containers("traefik").await[0].id.clone();
    let (rollout, file) = (
        stage.start(change(None, Some("256M")), quick()).await,
        stage.project.compose_file(),
    );
    let mut again = None;
    let ended = follow_within(Duration::from_secs(180), &rollout.unwrap(), |event| {
        if matches!(
            event.kind,
            EventKind::PhaseStarted {
                phase: Phase::VerifyTraffic,
                ..
            }
        ) {
            let mut command = tokio::process::Command::new("docker");
            command
                .args(words(&traefik))
                .current_dir(file.parent().unwrap());
            again = Some(command.spawn().unwrap());
        }
    })
    .await;
    let again = again.expect("it came to Verify Traffic").wait().await;
    assert!(again.unwrap().success());
    ended.assert_outcome(Outcome::Success);
    // Asked in there afterwards, too.
    let after = ended.receipt().after;
    assert!(after.requests > 0 && after.failed == 0, "{after:?}");
    let (project, before, _) = stage.into_parts().await;
    before.assert_same_but_for(&project.snapshot().await, &[OVERRIDE_FILE]);
}

#[tokio::test]
async fn a_traefik_without_published_ports_is_asked_on_when_it_is_restarted() {
    asked_on_when_traefik_runs_again(|id| ["restart", id].map(str::to_owned).to_vec()).await;
}

#[tokio::test]
async fn a_traefik_without_published_ports_is_asked_on_when_it_is_made_again() {
    let words = |_: &str| {
        let words = "compose up --detach --force-recreate --no-deps traefik";
        words.split(' ').map(str::to_owned).collect()
    };
    asked_on_when_traefik_runs_again(words).await;
}

/// Traefik lists `web-hello@docker` and `inner-hello@docker`, and no `hello@docker`.
#[tokio::test]
async fn routers_that_traefik_splits_by_entry_points_are_steered() {
    let header = "traefik.http.middlewares.mark.headers.customrequestheaders.X-Mark";
    let template = Template::named("variants")
        .default_throttle()
        .label("traefik.http.routers.hello.entrypoints", "web,inner")
        .label(header, "1")
        .traefik_argument("--entrypoints.inner.address=:9000")
        .traefik_argument("--entrypoints.web.http.middlewares=mark@docker")
        .traefik_argument("--entrypoints.inner.http.middlewares=mark@docker");
    is_steered(Stage::up(template).await).await;
}

#[tokio::test]
async fn a_default_rule_syntax_of_version_2_is_no_obstacle() {
    let template = Template::named("syntax")
        .default_throttle()
        .traefik_argument("--core.defaultRuleSyntax=v2");
    is_steered(Stage::up(template).await).await;
}

#[tokio::test]
async fn a_network_that_the_container_is_not_in_is_no_obstacle() {
    let template = Template::named("nowhere")
        .default_throttle()
        .label("traefik.docker.network", "nowhere");
    is_steered(Stage::up(template).await).await;
}

#[tokio::test]
async fn routers_of_a_high_priority_are_steered() {
    let template = Template::named("high")
        .default_throttle()
        .label("traefik.http.routers.hello.priority", "9000000000000000000");
    is_steered(Stage::up(template).await).await;
}

/// Everybody is let in at first, and nobody without the password later: nothing can be proved then.
async fn that_closes() -> Stage {
    with_auth(|project| {
        without_api(project);
        set_door(project, LETS_ALL_IN);
    })
    .await
}

fn closed() -> String {
    let fixture = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../testkit/fixtures/entry-point-auth/dyn/door.yml"
    );
    fs::read_to_string(fixture).unwrap()
}

#[tokio::test]
async fn a_rollback_that_nothing_confirms_ends_without_a_failed_request() {
    let mut stage = that_closes().await;
    stage.before = stage.project.snapshot().await;
    let mut options = quick();
    // Long enough to be in the middle of it.
    options.answers = 10_000;
    let rollout = stage.start(change(None, Some("256M")), options).await;
    let rollout = rollout.unwrap();
    let mut events = rollout.events();
    while let Some(event) = events.next().await {
        if matches!(event.kind, EventKind::Answers { green: 1.., .. }) {
            break;
        }
    }
    set_door(&stage.project, &closed());
    until_closed(&stage.project).await;
    rollout.abort();
    let ended = follow_within(IN_SECONDS, &rollout, |_| ()).await;
    ended.assert_outcome(Outcome::Aborted);
    let steps = ended.story();
    assert!(steps.contains("Nothing confirms it"), "{steps}");
    set_door(&stage.project, LETS_ALL_IN);
    stage.assert_restored().await;
}

/// A rollout whose process ended in the middle of Verify Traffic, and that nothing can prove now.
async fn left_unprovable() -> Stage {
    let mut stage = that_closes().await;
    stage.before = stage.project.snapshot().await;
    let mut options = quick();
    options.answers = 10_000;
    let request = stage.request(change(None, Some("256M")), options);
    let is_time = |event: &teal_engine::event::Event| {
        matches!(event.kind, EventKind::Answers { green: 1.., .. })
    };
    stage.kill_at(request, is_time).await.unwrap();
    set_door(&stage.project, &closed());
    until_closed(&stage.project).await;
    stage
}

async fn settled(stage: Stage, way: Recovery) {
    let source = stage.project.source();
    let recovery = stage
        .engine
        .recover(&source, SERVICE, Some(way), Origin::Terminal);
    let recovery = recovery.await.unwrap();
    let ended = follow_within(IN_SECONDS, &recovery, |_| ()).await;
    ended.assert_outcome(Outcome::RolledBack);
    assert_eq!(interrupted(&stage.engine, &stage).await, None);
    set_door(&stage.project, LETS_ALL_IN);
    stage.assert_restored().await;
}

#[tokio::test]
async fn what_can_not_be_proved_is_recovered_back_to_blue() {
    settled(left_unprovable().await, Recovery::RollBack).await;
}

/// It can't be finished either; what is asked for is tried, and ends clean.
#[tokio::test]
async fn what_can_not_be_proved_is_not_finished_and_ends_clean() {
    settled(left_unprovable().await, Recovery::Finish).await;
}

/// Of two routers one lets nobody in: both are steered, by the proof of the other.
#[tokio::test]
async fn a_router_that_can_not_be_asked_goes_with_the_others() {
    let template = Template::named("blind")
        .default_throttle()
        .label(
            "traefik.http.routers.secure.rule",
            "Host(`secure.localhost`)",
        )
        .label("traefik.http.routers.secure.entrypoints", "secure")
        .label("traefik.http.routers.secure.tls", "true")
        .label("traefik.http.routers.secure.tls.options", "strict@file")
        .traefik_argument("--entrypoints.secure.address=:443")
        .traefik_argument("--providers.file.directory=/dyn");
    let project = Project::new(template).await;
    let file = project.compose_file();
    let text = fs::read_to_string(&file).unwrap();
    let text = text
        .replace("      - '--api.insecure=true'\n", "")
        .replacen("    volumes:\n", "    volumes:\n      - ./dyn:/dyn:ro\n", 1);
    fs::write(&file, text).unwrap();
    let options =
        "tls: {options: {strict: {clientAuth: {clientAuthType: RequireAnyClientCert}}}}\n";
    fs::create_dir(project.directory().join("dyn")).unwrap();
    fs::write(project.directory().join("dyn/tls.yml"), options).unwrap();
    let stage = up(project).await;
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::Success);
    assert_warned(&ended, "router `secure`: ");
    stage.assert_succeeded(limits("1", "256M")).await;
}

#[tokio::test]
async fn an_override_is_not_written_for_what_is_refused() {
    let stage = with_auth(without_api).await;
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::Refused);
    assert!(!stage.project.directory().join(OVERRIDE_FILE).exists());
    // It is not in the way of the next one.
    let ended = stage.roll_out(change(None, Some("256M")), quick()).await;
    ended.assert_outcome(Outcome::Refused);
    stage.assert_restored().await;
}
