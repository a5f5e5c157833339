//! Every way that people write their routes.

use std::fmt::Write as _;

use teal_testkit::eventually;

use super::*;

at_the_newest_and_the_oldest!(
    a_host_on_the_default_entry_points_with_an_implicit_service,
    traefiks_default_rule_with_everything_exposed,
    a_default_rule_of_the_users_own,
    a_prefix_that_a_middleware_strips,
    a_longer_router_of_another_service_keeps_winning,
    a_password_is_asked_for_all_along,
    a_session_stays_with_its_container_through_every_split_that_has_it,
    two_routers_lead_to_two_ports,
);

/// Two containers; Blue, both and Green in turn, with requests to `path` all along.
async fn steers(template: Template, path: &str, host: Option<&str>) {
    let mut stage = Stage::up(template.replicas(2)).await;
    let mut traffic = stage.project.traffic().path(path);
    if let Some(host) = host {
        traffic = traffic.host(&host.replace("PROJECT", stage.project.name()));
    }
    eventually(
        "Traefik's first answer",
        Duration::from_secs(20),
        async || traffic.once().await.is_success().then_some(()),
    )
    .await;
    let running = traffic.start();
    some_traffic(&running, 10).await;
    let (blue, green) = (stage.ids(0, 1), stage.ids(1, 2));
    let mut marks = Vec::new();
    for (to_blue, to_green) in [(&blue[..], &[][..]), (&blue, &green), (&[], &green)] {
        stage.shift(to_blue, to_green).await.unwrap();
        let begin = Instant::now();
        some_traffic(&running, 20).await;
        marks.push((begin, Instant::now(), [to_blue, to_green].concat()));
        stage
            .traffic
            .verify(to_blue, to_green, &demand(4), |_, _, _| {})
            .await
            .unwrap();
    }
    stage.traffic.release().await.unwrap();
    some_traffic(&running, 20).await;
    let report = running.stop().await;
    report.assert_none_failed();
    for (begin, end, ids) in marks {
        assert_answered_by(&report, begin, end, &ids);
    }
}

async fn a_host_on_the_default_entry_points_with_an_implicit_service(traefik: &str) {
    let template = Template::named("implicit")
        .no_router()
        .label("traefik.enable", "true")
        .label(
            "traefik.http.routers.Web.Rule",
            "Host(`implicit.localhost`) || Host(`other.localhost`)",
        )
        .service_text("expose: [\"8080\"]");
    steers(
        template.traefik_image(traefik),
        "/",
        Some("other.localhost"),
    )
    .await;
}

async fn traefiks_default_rule_with_everything_exposed(traefik: &str) {
    let template = Template::named("defaulted")
        .no_router()
        .traefik_argument("--providers.docker.exposedbydefault=true")
        .service_text("expose: [\"8080\"]");
    steers(template.traefik_image(traefik), "/", Some("hello-PROJECT")).await;
}

async fn a_default_rule_of_the_users_own(traefik: &str) {
    let template = Template::named("own-rule")
        .no_router()
        .label("traefik.enable", "true")
        .label("my.name", "shop")
        .label("traefik.http.services.x.loadbalancer.server.port", "8080")
        .traefik_argument(
            "--providers.docker.defaultrule=Host(`{{ index .Labels \"my.name\" }}.{{ normalize .Name }}.test`)",
        );
    steers(
        template.traefik_image(traefik),
        "/",
        Some("shop.hello-PROJECT.test"),
    )
    .await;
}

/// `hello` with these labels and no others for Traefik.
fn labelled(name: &str, traefik: &str, labels: &[(&str, &str)]) -> Template {
    let template = Template::named(name)
        .traefik_image(traefik)
        .no_router()
        .label("traefik.enable", "true");
    labels.iter().fold(template, |template, (label, value)| {
        template.label(&format!("traefik.{label}"), value)
    })
}

const PORT: (&str, &str) = ("http.services.hello.loadbalancer.server.port", "8080");

async fn a_prefix_that_a_middleware_strips(traefik: &str) {
    let labels = [
        PORT,
        ("http.routers.hello.rule", "PathPrefix(`/app`)"),
        ("http.routers.hello.middlewares", "strip,tag@docker"),
        ("http.middlewares.strip.stripprefix.prefixes", "/app"),
        (
            "http.middlewares.tag.headers.customrequestheaders.X-Tag",
            "1",
        ),
    ];
    steers(labelled("strip", traefik, &labels), "/app/id", None).await;
}

async fn a_longer_router_of_another_service_keeps_winning(traefik: &str) {
    for api in ["true", "false"] {
        let mut project = Project::new(
            Template::named("longer")
                .traefik_image(traefik)
                .traefik_argument(&format!("--api.insecure={api}")),
        )
        .await;
        let other = format!(
            "other:\n  image: {}\n  pull_policy: never\n  labels:\n    traefik.enable: 'true'\n    \
             teal.testkit: {}\n    traefik.http.routers.other.rule: PathPrefix(`/id`)\n    \
             traefik.http.services.other.loadbalancer.server.port: '8080'",
            project.image(),
            project.name()
        );
        project.change(|template| template.more_services(&other));
        project.compose(&["up", "--detach", "--wait"]).await;
        let other = project.containers("other").await[0].id.clone();
        let mut stage = Stage::of(project).await;
        assert_eq!(
            look(&stage.project).await.traefik.unwrap().api,
            api == "true"
        );
        let blue = stage.ids(0, 1);
        let by = async |stage: &Stage, path| ask(stage, path, &[]).await.1;
        for _ in 0..3 {
            stage.shift(&blue, &[]).await.unwrap();
            assert!(by(&stage, "/id").await.ends_with(&other[..12]));
            assert!(by(&stage, "/").await.contains(&blue[0][..12]));
        }
        stage.traffic.release().await.unwrap();
    }
}

async fn a_password_is_asked_for_all_along(traefik: &str) {
    let labels = [
        PORT,
        ("http.routers.hello.rule", "PathPrefix(`/`)"),
        ("http.routers.hello.middlewares", "guard"),
        // teal:test
        (
            "http.middlewares.guard.basicauth.users",
            "teal:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=",
        ),
    ];
    let mut stage = Stage::up(labelled("password", traefik, &labels).replicas(2)).await;
    let (blue, green) = (stage.ids(0, 1), stage.ids(1, 2));
    for (to_blue, to_green) in [(&blue[..], &[][..]), (&blue, &green), (&[], &green)] {
        stage.shift(to_blue, to_green).await.unwrap();
        stage
            .traffic
            .verify(to_blue, to_green, &demand(3), |_, _, _| {})
            .await
            .unwrap();
        assert_eq!(ask(&stage, "/", &[]).await.0, 401);
        let (status, text) = ask(&stage, "/", &[("authorization", "Basic dGVhbDp0ZXN0")]).await;
        assert_eq!(status, 200, "{text}");
    }
    stage.traffic.release().await.unwrap();
}

async fn a_session_stays_with_its_container_through_every_split_that_has_it(traefik: &str) {
    let labels = [
        PORT,
        ("http.routers.hello.rule", "PathPrefix(`/`)"),
        ("http.services.hello.loadbalancer.sticky.cookie", "true"),
        (
            "http.services.hello.loadbalancer.sticky.cookie.httponly",
            "true",
        ),
    ];
    let mut stage = Stage::up(labelled("sticky", traefik, &labels).replicas(3)).await;
    let cookie = eventually("a cookie", Duration::from_secs(20), async || {
        let (_, text) = ask(&stage, "/", &[]).await;
        let (_, cookie) = text.split_once("Set-Cookie: ")?;
        Some(cookie.split(';').next()?.to_owned())
    })
    .await;
    let by = async |stage: &Stage| {
        let (_, text) = ask(stage, "/id", &[("cookie", &cookie)]).await;
        text.lines().last().unwrap_or_default().to_owned()
    };
    let home = by(&stage).await;
    stage
        .containers
        .sort_by_key(|container| !container.id.starts_with(&home));
    let (blue, green) = (stage.ids(0, 2), stage.ids(2, 3));
    assert!(blue[0].starts_with(&home), "{home}");
    for to_green in [&[][..], &green] {
        stage.shift(&blue, to_green).await.unwrap();
        for _ in 0..8 {
            assert_eq!(by(&stage).await, home);
        }
    }
    stage.shift(&[], &green).await.unwrap();
    assert!(green[0].starts_with(&by(&stage).await));
    stage.traffic.release().await.unwrap();
}

async fn two_routers_lead_to_two_ports(traefik: &str) {
    let labels = [
        ("http.services.one.loadbalancer.server.port", "8080"),
        ("http.services.two.loadbalancer.server.port", "9090"),
        ("http.routers.one.rule", "Host(`one.test`)"),
        ("http.routers.one.service", "one"),
        ("http.routers.two.rule", "Host(`two.test`)"),
        ("http.routers.two.service", "two"),
    ];
    let mut project = Project::new(labelled("ports", traefik, &labels)).await;
    let second = format!(
        "second:\n  image: {}\n  pull_policy: never\n  network_mode: service:hello\n  environment:\n    PORT: '9090'",
        project.image()
    );
    project.change(|template| template.more_services(&second));
    project.compose(&["up", "--detach", "--wait"]).await;
    let mut stage = Stage::of(project).await;
    let green = stage.ids(0, 1);
    stage.shift(&[], &green).await.unwrap();
    let mut good = 0;
    stage
        .traffic
        .verify(&[], &green, &demand(4), |_, green, _| {
            good = green;
        })
        .await
        .unwrap();
    assert_eq!(good, 4);
    eventually("nothing in flight", Duration::from_secs(5), async || {
        (stage.traffic.in_flight(&green).await == Some(0)).then_some(())
    })
    .await;
    // Nobody answers at the second port any more, and verification goes through both.
    stage.project.compose(&["stop", "second"]).await;
    let error = stage
        .traffic
        .verify(&[], &green, &demand(4), |_, _, _| {})
        .await
        .unwrap_err();
    assert!(error.to_string().contains("502"), "{error}");
    stage.traffic.release().await.unwrap();
}

/// A request as a user sends it: the status, and head and body as text.
async fn ask(stage: &Stage, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let url = stage.project.url("");
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    for (name, value) in headers {
        write!(request, "{name}: {value}\r\n").unwrap();
    }
    stream
        .write_all(format!("{request}\r\n").as_bytes())
        .await
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let status = text
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    (status.unwrap_or(0), text)
}
