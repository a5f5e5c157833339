//! Blue that runs, has ended, or never was.

use super::*;

#[test]
fn what_was_never_started_has_no_blue() {
    let mut case = Case {
        replicas: vec![],
        ..Case::default()
    };
    case.is(Level::Refused, VerdictCode::NotRunning);
    case.replicas = vec![replica(ContainerState::Paused)];
    case.is(Level::Refused, VerdictCode::NotRunning);
}

#[test]
fn a_dead_blue_is_replaced() {
    use ContainerState::{Created, Dead, Exited, Removing, Restarting};

    for state in [Created, Dead, Exited, Removing, Restarting] {
        let case = Case {
            replicas: vec![replica(state)],
            ..Case::default()
        };
        case.is(Level::Warning, VerdictCode::DeadBlue);
    }
    let mut case = Case::with("scale", json!(2));
    case.replicas = vec![replica(Exited), replica(ContainerState::Running)];
    let (level, code, reason) = case.only();
    assert_eq!((level, code), (Level::Warning, VerdictCode::DeadBlue));
    assert_eq!(reason, "1 of its 2 containers has exited");
}

#[test]
fn an_unhealthy_blue_is_replaced() {
    let of = |health| Replica {
        health,
        ..replica(ContainerState::Running)
    };
    let says = |replicas: Vec<Replica>| {
        let mut case = Case::with("scale", json!(replicas.len()));
        case.replicas = replicas;
        let (level, code, reason) = case.only();
        assert_eq!((level, code), (Level::Warning, VerdictCode::UnhealthyBlue));
        reason
    };
    let [healthy, sick, starting] = [Health::Healthy, Health::Unhealthy, Health::Starting].map(of);
    assert_eq!(says(vec![sick.clone()]), "is unhealthy");
    assert_eq!(says(vec![starting.clone()]), "is not healthy yet");
    assert_eq!(
        says(vec![healthy.clone(), sick.clone(), sick.clone()]),
        "2 of its 3 containers are unhealthy"
    );
    assert_eq!(
        says(vec![healthy, sick, starting]),
        "2 of its 3 containers are not healthy"
    );
}

#[test]
fn only_replicated_services_roll() {
    for mode in ["replicated-job", "global-job"] {
        Case::with("deploy", json!({"mode": mode})).is(Level::Refused, VerdictCode::OneShot);
    }
    Case::with("deploy", json!({"mode": "global"})).is(Level::Refused, VerdictCode::GlobalMode);
    Case::with("deploy", json!({"mode": "replicated"})).is_ready();
}

#[test]
fn a_job_is_told_from_a_service_that_was_stopped() {
    let ended = Replica {
        exit_code: Some(0),
        ..replica(ContainerState::Exited)
    };
    let mut case = Case {
        model: json!({"name": "shop", "services": {"web": {"image": "example/once:1"}}}),
        replicas: vec![ended.clone()],
        routes: vec![],
        ..Case::default()
    };
    let is_job = |case: &Case| {
        let verdicts = case.verdicts();
        let has = |code| verdicts.iter().any(|verdict| verdict.code == code);
        assert!(
            !has(VerdictCode::DeadBlue) || !has(VerdictCode::OneShot),
            "{verdicts:#?}"
        );
        has(VerdictCode::OneShot)
    };
    assert!(is_job(&case));
    case.model["services"]["web"]["restart"] = json!("always");
    assert!(!is_job(&case));
    case.model["services"]["web"]["restart"] = json!("no");
    case.model["services"]["web"]["ports"] = json!([{"target": 80}]);
    assert!(!is_job(&case));
    case.model["services"]["web"]["ports"] = json!([]);
    case.replicas[0].exit_code = Some(1);
    assert!(!is_job(&case));

    case.replicas = vec![];
    case.model["services"]["api"] =
        json!({"depends_on": {"web": {"condition": "service_completed_successfully"}}});
    assert!(is_job(&case));
    case.model["services"]["api"] =
        json!({"depends_on": {"web": {"condition": "service_healthy"}}});
    assert!(!is_job(&case));
}

#[test]
fn another_number_of_containers_is_a_warning() {
    let mut case = Case::with("scale", json!(3));
    case.is(Level::Warning, VerdictCode::ReplicasDiffer);
    case.wish = Case::wishing(limits("1", "128M")).wish;
    case.is(Level::Warning, VerdictCode::ReplicasDiffer);
    // As many as the files say: it is in the plan as a change.
    case.wish.as_mut().unwrap().replicas = 3;
    case.is_ready();
}
