//! Limits that are asked for, and room for both sets.

use super::*;

#[test]
fn limits_below_dockers_minimum_are_refused() {
    let wish = |limits| Case::wishing(limits).is(Level::Refused, VerdictCode::BadLimit);
    wish(Limits {
        cpus: Some(teal_model::Cpus::from_nano(9_999_999)),
        memory: None,
    });
    wish(Limits {
        cpus: None,
        memory: Some(Memory::from_bytes(6 * 1024 * 1024 - 1)),
    });
    Case::wishing(limits("0.01", "6M")).is_ready();
}

#[test]
fn limits_that_docker_does_not_combine_are_refused() {
    let mut case = Case::with("memswap_limit", json!("536870912"));
    case.wish = Case::wishing(memory("768M")).wish;
    case.is(Level::Refused, VerdictCode::BadLimit);
    case.wish = Case::wishing(memory("512M")).wish;
    case.is_ready();

    let mut case = Case::with("cpu_quota", json!("50000"));
    case.wish = Case::wishing(limits("1", "512M")).wish;
    case.is(Level::Refused, VerdictCode::BadLimit);
}

#[test]
fn limits_below_a_reservation_are_refused() {
    let reserved = json!({"resources": {"reservations": {"cpus": 1.0, "memory": "536870912"}}});
    let mut case = Case::with("deploy", reserved);
    case.wish = Case::wishing(limits("0.5", "512M")).wish;
    case.is(Level::Refused, VerdictCode::LimitBelowReservation);
    case.wish = Case::wishing(limits("1", "511M")).wish;
    case.is(Level::Refused, VerdictCode::LimitBelowReservation);
    case.wish = Case::wishing(limits("1", "512M")).wish;
    case.is_ready();

    let mut case = Case::with("mem_reservation", json!("536870912"));
    case.wish = Case::wishing(memory("100M")).wish;
    case.is(Level::Refused, VerdictCode::LimitBelowReservation);
}

#[test]
fn limits_above_the_engine_are_refused() {
    let wish = |limits| Case::wishing(limits).is(Level::Refused, VerdictCode::LimitAboveEngine);
    wish(limits("2.01", "512M"));
    Case::wishing(limits("2", "1536M")).is_ready();
    let verdicts = Case::wishing(memory("3g")).verdicts();
    assert_eq!(verdicts[0].code, VerdictCode::LimitAboveEngine);
    assert_eq!(
        verdicts[0].reason,
        "3G of memory is more than the engine's 2G"
    );
}

#[test]
fn less_memory_than_in_use_is_a_warning_with_the_figures() {
    let mut case = Case::wishing(memory("128M"));
    let in_use = Memory::from_bytes(200 * 1024 * 1024 + 600_000);
    case.wish.as_mut().unwrap().in_use = Some(InUse {
        memory: Some(in_use),
        engine: in_use,
        cores: None,
    });
    let (level, code, reason) = case.only();
    assert_eq!((level, code), (Level::Warning, VerdictCode::LimitBelowUse));
    assert_eq!(
        reason,
        "a container uses 200.6M now, more than the new limit of 128M"
    );
}

#[test]
fn no_room_for_both_sets_is_a_warning_with_the_figures() {
    let mut case = Case::wishing(memory("1g"));
    case.is_ready();
    case.model["services"]["web"]["scale"] = json!(2);
    case.replicas = vec![replica(ContainerState::Running); 2];
    case.wish.as_mut().unwrap().replicas = 2;
    let (level, code, reason) = case.only();
    assert_eq!((level, code), (Level::Warning, VerdictCode::NoRoom));
    assert_eq!(
        reason,
        "while both run, Blue (1G) and Green (2G) may use 3G, and the engine has 2G"
    );
}

#[test]
fn cores_that_are_short_hide_no_memory_that_may_be() {
    let mut case = Case::wishing(memory("1g"));
    case.model["services"]["web"]["scale"] = json!(2);
    case.replicas = vec![replica(ContainerState::Running); 2];
    case.wish.as_mut().unwrap().replicas = 2;
    case.wish.as_mut().unwrap().in_use = Some(InUse {
        memory: Some("100M".parse().unwrap()),
        engine: "200M".parse().unwrap(),
        cores: Some(1.5),
    });
    let verdicts = case.verdicts();
    let reasons: Vec<&str> = verdicts
        .iter()
        .map(|verdict| verdict.reason.as_str())
        .collect();
    assert_eq!(
        reasons,
        [
            "while both run, Blue (1G) and Green (2G) may use 3G, and the engine has 2G",
            "Blue has used 3.0 of the engine's 2 CPUs on average since it started",
        ]
    );
}

#[test]
fn room_is_judged_by_what_is_used() {
    let mut case = Case::wishing(memory("1g"));
    let mut in_use = InUse {
        memory: Some("600M".parse().unwrap()),
        engine: "1500M".parse().unwrap(),
        cores: None,
    };
    case.wish.as_mut().unwrap().in_use = Some(in_use);
    let (level, code, reason) = case.only();
    assert_eq!((level, code), (Level::Warning, VerdictCode::NoRoom));
    assert_eq!(
        reason,
        "the engine's containers use 1.5G of its 2G, and Green will want about 600M more"
    );
    in_use.engine = "1g".parse().unwrap();
    in_use.cores = Some(1.5);
    case.wish.as_mut().unwrap().in_use = Some(in_use);
    case.is(Level::Warning, VerdictCode::NoRoom);
    in_use.cores = Some(0.5);
    case.wish.as_mut().unwrap().in_use = Some(in_use);
    case.is_ready();
}

#[test]
fn limits_that_the_engine_can_not_hold_are_refused_with_its_reason() {
    let mut case = Case::wishing(limits("1", "512M"));
    case.no_memory_limits = Some("the memory controller is off".into());
    case.is(Level::Refused, VerdictCode::EngineCannotLimit);
    let (_, _, reason) = case.only();
    assert_eq!(
        reason,
        "the engine can't limit memory: the memory controller is off"
    );
    case.wish = Case::wishing(Limits {
        memory: None,
        ..limits("1", "512M")
    })
    .wish;
    case.is_ready();
}

#[test]
fn room_is_for_as_many_as_green_gets() {
    let mut case = Case::wishing(memory("512M"));
    case.model["services"]["web"]["scale"] = json!(4);
    case.wish.as_mut().unwrap().replicas = 4;
    let (_, code, reason) = case.only();
    assert_eq!(code, VerdictCode::NoRoom);
    assert_eq!(
        reason,
        "while both run, Blue (512M) and Green (2G) may use 2.5G, and the engine has 2G"
    );
    case.wish.as_mut().unwrap().in_use = Some(InUse {
        memory: Some("100M".parse().unwrap()),
        engine: "200M".parse().unwrap(),
        cores: Some(0.5),
    });
    // Five containers of half a core each.
    let reasons: Vec<_> = case.verdicts().into_iter().map(|it| it.reason).collect();
    assert!(
        reasons.iter().any(|it| it.contains("CPUs on average")),
        "{reasons:?}"
    );
}
