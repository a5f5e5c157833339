//! Routers of others on the same entry point keep what they have.

use std::fs;

use teal_testkit::eventually;

use super::{
    http::{Endpoint, get},
    rule::Target,
    *,
};

at_the_newest_and_the_oldest!(a_neighbour_goes_on_asking_for_certificates);

/// What a client without a certificate gets; `None` if its connection is refused.
async fn status(project: &Project, host: &str) -> Option<u16> {
    let address = project.url("");
    let address = address.strip_prefix("http://").unwrap();
    let endpoint = Endpoint::here(address.parse().unwrap(), true);
    let target = Target {
        host: host.to_owned(),
        path: "/".to_owned(),
        headers: Vec::new(),
    };
    let answer = get(&endpoint, &target, None, Duration::from_secs(5)).await;
    answer.ok().map(|answer| answer.status)
}

async fn are_as_ever(project: &Project) {
    assert_eq!(status(project, "guarded.test").await, None);
    assert_eq!(status(project, "other.test").await, Some(200));
}

async fn a_neighbour_goes_on_asking_for_certificates(traefik: &str) {
    let project = Project::new(Template::fixture("tls-neighbours")).await;
    let settings = project.directory().join(".env");
    fs::write(settings, format!("TRAEFIK={traefik}\n")).unwrap();
    project.compose(&["up", "--detach", "--wait"]).await;
    eventually("both routers", Duration::from_secs(20), async || {
        let statuses = (
            status(&project, "guarded.test").await,
            status(&project, "other.test").await,
        );
        (statuses == (None, Some(200))).then_some(())
    })
    .await;
    let mut stage = Stage::of(project).await;
    let (blue, green) = (stage.ids(0, 1), stage.ids(1, 2));
    for (blue, green) in [(&blue[..], &[][..]), (&blue, &green), (&[], &green)] {
        stage.shift(blue, green).await.unwrap();
        are_as_ever(&stage.project).await;
    }
    stage.traffic.release().await.unwrap();
    are_as_ever(&stage.project).await;
}
