//! What is told of a project as soon as it is opened: also of services that can't or do not run.

use std::time::Duration;

use teal_engine::model::{
    ContainerState, Place, Project as Told, Readiness, ReadyRequest, Service, VerdictCode,
};
use teal_testkit::{Project, Template, eventually};

use crate::stage::{SERVICE, Stage};

async fn told(stage: &Stage) -> Told {
    stage.engine.project(&stage.source()).await.unwrap()
}

fn service<'a>(project: &'a Told, name: &str) -> &'a Service {
    let mut services = project.services.iter();
    services.find(|service| service.name == name).unwrap()
}

fn codes(service: &Service) -> Vec<VerdictCode> {
    service.verdicts.iter().map(|it| it.code).collect()
}

#[tokio::test]
async fn one_bad_image_name_concerns_one_service() {
    let bad = "app:\n  image: example/app:${TEAL_TEST_UNSET}";
    let template = Template::named("badimage").more_services(bad);
    let stage = Stage::of(Project::new(template).await).await;
    let project = told(&stage).await;
    assert!(codes(service(&project, "app")).contains(&VerdictCode::BadImage));
    assert_eq!(codes(service(&project, SERVICE)), [VerdictCode::NotRunning]);
    assert_eq!(
        project.notices,
        ["The \"TEAL_TEST_UNSET\" variable is not set. Defaulting to a blank string."]
    );
}

#[tokio::test]
async fn profiles_that_rule_each_other_out_keep_nobody_from_the_rest() {
    let text = ["small", "large"].map(|size| {
        format!(
            "app-{size}:\n  image: example/app:1\n  profiles: [{size}]\n  container_name: app\n"
        )
    });
    let template = Template::named("profiles").more_services(&text.concat());
    let stage = Stage::up(template).await;
    let project = told(&stage).await;
    let is_app = |service: &Service| service.name.starts_with("app-");
    assert!(!project.services.iter().any(is_app));
    assert_eq!(codes(service(&project, SERVICE)), []);
    assert_eq!(service(&project, SERVICE).drift, None);
    assert!(project.notices[0].contains("profiles that are off"));
}

#[tokio::test]
async fn before_its_start_files_and_images_tell_what_there_is_to_tell() {
    let template = Template::named("stopped").health_check(None);
    let stage = Stage::of(Project::new(template).await).await;
    let project = told(&stage).await;
    let hello = service(&project, SERVICE);
    // Its labels are there: no word of a route.
    assert_eq!(
        codes(hello),
        [VerdictCode::NotRunning, VerdictCode::NoHealthCheck]
    );
    assert_eq!(
        hello.readiness_once_started(),
        Some(Readiness::ReadyAfterFix)
    );
    let request = ReadyRequest {
        source: stage.source(),
        service: SERVICE.to_owned(),
        place: Place::Override,
        fixes: None,
        health: None,
        edge_image: None,
    };
    let plan = stage.engine.make_ready(&request).await.unwrap();
    let first = plan.first.expect("it has to run first");
    assert!(first.contains("docker compose up -d hello"), "{first}");
    assert_eq!(plan.fixes, []);

    stage.plain(&["up", "-d", "--wait"]).await;
    let plan = stage.engine.make_ready(&request).await.unwrap();
    assert_eq!(plan.first, None);
    assert_eq!(plan.fixes.len(), 1);
    let hello = stage.service().await;
    assert_eq!(hello.readiness_once_started(), None);
}

#[tokio::test]
async fn a_job_that_is_done_is_counted_as_done() {
    let image = teal_testkit::busybox(&teal_testkit::docker().await).await;
    let job = format!(
        "job:\n  image: {image}\n  pull_policy: never\n  command: [\"true\"]\n  profiles: [jobs]"
    );
    let stage = Stage::up(Template::named("job").more_services(&job)).await;
    let name = stage.project.name().to_owned();
    stage.plain(&["up", "-d", "--no-deps", "job"]).await;
    eventually("the job ends", Duration::from_secs(30), async || {
        let project = told(&stage).await;
        (service(&project, "job").state == Some(ContainerState::Exited)).then_some(())
    })
    .await;
    let projects = stage.engine.projects().await.unwrap();
    let project = projects.into_iter().find(|it| it.name == name).unwrap();
    assert_eq!(project.completed, 1);
    assert_eq!(project.running + project.completed, project.total);
}
