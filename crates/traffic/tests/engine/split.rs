//! Splits: who answers, and that nobody is refused.

use super::*;

at_the_newest_and_the_oldest!(green_gets_its_share_step_by_step);

#[tokio::test]
async fn traffic_goes_from_blue_to_both_to_green_without_a_failed_request() {
    let mut stage = Stage::up(Template::named("split").default_throttle().replicas(2)).await;
    let (blue, green) = (stage.ids(0, 1), stage.ids(1, 2));
    let running = stage.project.traffic().start();
    some_traffic(&running, 20).await;

    let mut marks = Vec::new();
    for (to_blue, to_green) in [
        (&blue[..], &[][..]),
        (&blue, &green),
        (&[], &green),
        (&blue, &[]),
    ] {
        let asked = Instant::now();
        stage.shift(to_blue, to_green).await.unwrap();
        println!("served after {:?}", asked.elapsed());
        let begin = Instant::now();
        some_traffic(&running, 30).await;
        marks.push((begin, Instant::now(), [to_blue, to_green].concat()));
    }
    stage.traffic.release().await.unwrap();
    some_traffic(&running, 20).await;
    let report = running.stop().await;
    println!("{report}");
    report.assert_none_failed();
    for (begin, end, ids) in marks {
        assert_answered_by(&report, begin, end, &ids);
    }
}

#[tokio::test]
async fn each_container_is_verified_by_its_own_answers_and_the_probe_misses_none() {
    let mut stage = Stage::up(Template::named("verify").default_throttle().replicas(2)).await;
    let (blue, green) = (stage.ids(0, 1), stage.ids(1, 2));
    let probe = Probe::start(&stage.traffic, &ProbeOptions::default())
        .await
        .unwrap();
    stage.shift(&blue, &green).await.unwrap();
    let mut seen = Vec::new();
    stage
        .traffic
        .verify(&blue, &green, &demand(5), |blue, green, failed| {
            seen.push((blue, green, failed));
        })
        .await
        .unwrap();
    assert_eq!(seen.last(), Some(&(5, 5, 0)));
    assert_eq!(seen.first(), Some(&(1, 0, 0)));

    // Both still run, but only Blue is in the split.
    stage.shift(&blue, &[]).await.unwrap();
    stage.traffic.release().await.unwrap();
    let receipt = probe.stop(1).await;
    assert!(receipt.requests > 0, "{receipt:?}");
    assert_eq!(receipt.failed, 0, "{receipt:?}");
}

#[tokio::test]
async fn a_green_that_answers_errors_is_found() {
    let mut project = Project::up(Template::named("bad-green").default_throttle()).await;
    project.change(|template| template.replicas(2).environment("FAIL_PATH", "/"));
    let blue = project.containers("hello").await;
    project
        .compose(&[
            "up",
            "--detach",
            "--wait",
            "--no-recreate",
            "--no-deps",
            "hello",
        ])
        .await;
    let mut stage = Stage::of(project).await;
    stage
        .containers
        .sort_by_key(|container| container.id != blue[0].id);
    let (blue, green) = (stage.ids(0, 1), stage.ids(1, 2));
    stage.shift(&blue, &green).await.unwrap();
    let error = stage
        .traffic
        .verify(&blue, &green, &demand(5), |_, _, _| {})
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains(&green[0][..12]) && text.contains("500"),
        "{text}"
    );
    stage.traffic.release().await.unwrap();
}

#[tokio::test]
async fn a_container_that_is_gone_is_an_error_and_changes_nothing() {
    let mut stage = Stage::up(Template::named("gone").default_throttle().replicas(2)).await;
    let (blue, green) = (stage.ids(0, 1), stage.ids(1, 2));
    stage.shift(&blue, &[]).await.unwrap();
    let gone = &stage.containers[1].name;
    stage
        .project
        .docker()
        .kill_container(gone, None)
        .await
        .unwrap();
    let error = stage.shift(&blue, &green).await.unwrap_err();
    assert!(matches!(error, TrafficError::Unpinnable { .. }), "{error}");
    assert!(error.to_string().contains(&green[0][..12]), "{error}");

    let running = stage.project.traffic().start();
    some_traffic(&running, 20).await;
    let report = running.stop().await;
    report.assert_none_failed();
    assert_eq!(report.from_container(&blue[0]), report.total(), "{report}");
    stage.traffic.release().await.unwrap();
}

#[tokio::test]
async fn three_replicas_each_way_and_back_after_blue_was_stopped() {
    let mut stage = Stage::up(Template::named("three").default_throttle().replicas(6)).await;
    let (blue, green) = (stage.ids(0, 3), stage.ids(3, 6));
    let running = stage.project.traffic().start();
    let mut marks = Vec::new();
    for (to_blue, to_green) in [(&blue[..], &[][..]), (&blue, &green), (&[], &green)] {
        stage.shift(to_blue, to_green).await.unwrap();
        let begin = Instant::now();
        if to_green.is_empty() {
            stage.traffic.prepare(&green).await.unwrap();
        }
        some_traffic(&running, 60).await;
        marks.push((begin, Instant::now(), [to_blue, to_green].concat()));
    }
    teal_testkit::eventually("Blue is drained", Duration::from_secs(20), async || {
        (stage.traffic.in_flight(&blue).await == Some(0)).then_some(())
    })
    .await;
    let docker = stage.project.docker().clone();
    for id in &blue {
        docker.stop_container(id, None).await.unwrap();
    }
    for id in &blue {
        docker.start_container(id, None).await.unwrap();
    }
    stage
        .project
        .compose(&["up", "--detach", "--wait", "--no-recreate"])
        .await;
    stage.shift(&blue, &[]).await.unwrap();
    let begin = Instant::now();
    some_traffic(&running, 60).await;
    marks.push((begin, Instant::now(), blue.clone()));
    // The count is that of the new network.
    let report = stage.traffic.report(&blue[0]).await.unwrap();
    assert!(report.received > 0, "{report:?}");
    stage.traffic.release().await.unwrap();
    some_traffic(&running, 60).await;
    let report = running.stop().await;
    report.assert_none_failed();
    for (begin, end, ids) in marks {
        assert_answered_by(&report, begin, end, &ids);
    }
}

#[tokio::test]
async fn a_part_of_a_set_is_a_split_as_well() {
    let mut stage = Stage::up(Template::named("part").default_throttle().replicas(3)).await;
    let all = stage.ids(0, 3);
    let running = stage.project.traffic().start();
    let mut marks = Vec::new();
    for part in [&all[..], &all[..1], &all[1..]] {
        stage.shift(part, &[]).await.unwrap();
        let begin = Instant::now();
        some_traffic(&running, 40).await;
        marks.push((begin, Instant::now(), part.to_vec()));
    }
    stage.traffic.release().await.unwrap();
    let report = running.stop().await;
    report.assert_none_failed();
    for (begin, end, ids) in marks {
        assert_answered_by(&report, begin, end, &ids);
    }
}

async fn green_gets_its_share_step_by_step(traefik: &str) {
    let template = Template::named("shares")
        .default_throttle()
        .traefik_image(traefik)
        .replicas(4);
    let mut stage = Stage::up(template).await;
    assert_eq!(look(&stage.project).await.can_weigh(), Ok(()));
    let (blue, green) = (stage.ids(0, 2), stage.ids(2, 4));
    let running = stage.project.traffic().start();
    let mut marks = Vec::new();
    // 25 was not announced, and 20 and 75 are of unequal sets.
    for (to_blue, to_green, percent) in [
        (&blue[..], &[][..], 0),
        (&blue, &green, 10),
        (&blue, &green, 25),
        (&blue, &green, 50),
        (&blue, &green[..1], 20),
        (&blue[..1], &green, 75),
        (&[], &green, 100),
    ] {
        let shifted = stage.traffic.shift(to_blue, to_green, percent).await;
        shifted.unwrap();
        let begin = Instant::now();
        some_traffic(&running, 80).await;
        marks.push((begin, Instant::now(), usize::from(percent)));
    }
    stage.traffic.release().await.unwrap();
    let report = running.stop().await;
    report.assert_none_failed();
    for (begin, end, percent) in marks {
        assert_share(&report.between(begin, end), &green, percent);
    }
}

/// Green got this many of a hundred requests, give or take what is in flight at the edges.
fn assert_share(report: &Report, green: &[String], percent: usize) {
    let of_green: usize = green.iter().map(|id| report.from_container(id)).sum();
    let wanted = report.total() * percent / 100;
    assert!(
        of_green.abs_diff(wanted) <= 3,
        "wanted {percent} %, got {of_green}: {report}"
    );
}

#[tokio::test]
async fn processes_that_die_one_after_the_other_use_up_no_levels() {
    let mut stage = Stage::up(Template::named("levels").replicas(2)).await;
    let (blue, green) = (stage.ids(0, 1), stage.ids(1, 2));
    let running = stage.project.traffic().start();
    let splits = [(&blue[..], &[][..]), (&blue, &green), (&[], &green)];
    // More of them than there are levels: each comes as far as one split.
    for (to_blue, to_green) in splits.into_iter().cycle().take(14) {
        let survey = look(&stage.project).await;
        let docker = stage.project.docker().clone();
        stage.traffic = Traffic::new(docker, survey, rollout_of(&stage.project), &[]);
        stage.shift(to_blue, to_green).await.unwrap();
    }
    let begin = Instant::now();
    some_traffic(&running, 30).await;
    let end = Instant::now();
    stage.traffic.release().await.unwrap();
    let report = running.stop().await;
    report.assert_none_failed();
    assert_answered_by(&report, begin, end, &[blue, green].concat());
}
