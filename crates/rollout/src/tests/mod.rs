//! The driver in a model of the world: something happens at each change of it, and somebody settles what
//! is left. These add to the tests with a real engine, and stand for none of them.

mod world;

use crate::{
    End,
    drive::drive,
    phase::{self, Act, TABLE, Undo},
    steps::Steps as _,
};
use teal_model::Recovery;
use teal_model::event::{Outcome, Phase};
use world::{Engine, Fault, World};

/// Whether a proxy steers requests, and how many containers the service has.
const SHAPES: [(bool, usize); 4] = [(true, 1), (true, 3), (false, 1), (false, 3)];

const WAYS: [Recovery; 2] = [Recovery::Finish, Recovery::RollBack];

/// `None` where the process dies on the way.
async fn rollout(world: &mut World, from: Phase) -> Option<End> {
    let killed = world.killed.clone();
    tokio::select! {
        biased;
        () = killed.cancelled() => None,
        end = drive(world, from) => Some(end),
    }
}

/// What another process makes of what is left, as `recovery.rs` does it: whether it is settled, or
/// `None` where that one dies too.
async fn recover(world: &mut World, way: Recovery) -> Option<bool> {
    let killed = world.killed.clone();
    match way {
        Recovery::Finish => {
            let from = phase::resumed_at(world.engine.facts().phase());
            let end = rollout(world, from).await?;
            Some(end.outcome == Outcome::Success)
        }
        Recovery::RollBack => tokio::select! {
            biased;
            () = killed.cancelled() => None,
            restored = world.roll_back() => Some(restored.is_ok()),
        },
    }
}

/// Runs a rollout with this fault at each of its changes.
async fn at_each_change(fault: Fault, mut check: impl AsyncFnMut(Engine, World, Option<End>)) {
    for (is_steered, size) in SHAPES {
        let start = Engine::new(is_steered, size);
        let mut whole = World::new(start.clone(), None);
        rollout(&mut whole, Phase::DeployGreen).await;
        for number in 0..whole.changes {
            let mut world = World::new(start.clone(), Some((number, fault)));
            let end = rollout(&mut world, Phase::DeployGreen).await;
            check(start.clone(), world, end).await;
        }
    }
}

/// What the table says of the row in which the fault happened, and how it was then.
fn undone(world: &World) -> (Act, Undo, &Engine) {
    let (act, engine) = world.at_fault.as_ref().expect("it has happened");
    let row = TABLE.iter().find(|row| row.act == *act);
    (*act, row.expect("each act has a row").undo, engine)
}

fn rolled_out(world: &World, start: &Engine) -> bool {
    let is_steered = *start == Engine::new(true, start.blue.len());
    world.engine == Engine::rolled_out(is_steered, start.blue.len())
}

#[tokio::test]
async fn without_a_fault_green_replaces_blue() {
    for (is_steered, size) in SHAPES {
        let mut world = World::new(Engine::new(is_steered, size), None);
        let end = rollout(&mut world, Phase::DeployGreen).await.unwrap();
        assert_eq!(end.outcome, Outcome::Success);
        assert_eq!(world.engine, Engine::rolled_out(is_steered, size));
    }
}

#[tokio::test]
async fn what_fails_leads_back_to_blue_as_it_was() {
    at_each_change(Fault::Error, async |start, world, end| {
        let end = end.expect("nothing died");
        let (act, _, then) = undone(&world);
        if then.blue.len() < start.blue.len() {
            // Some of Blue is gone, so Green goes on.
            assert_eq!(act, Act::Commit);
            assert_eq!(end.outcome, Outcome::NotRolledBack);
            assert!(world.engine.share.is_none_or(|share| share == 100));
            return;
        }
        assert_eq!(end.outcome, Outcome::RolledBack);
        assert_eq!(world.engine, start);
    })
    .await;
}

#[tokio::test]
async fn blue_is_left_alone_until_the_table_says_otherwise() {
    at_each_change(Fault::Error, async |start, world, _| {
        let (_, undo, then) = undone(&world);
        match undo {
            Undo::Keep => assert!(then.share.is_none_or(|share| share == 0)),
            Undo::Shift => assert!(!then.stopping),
            Undo::Restart => assert_eq!(then.blue.len(), start.blue.len()),
            Undo::Nothing => {}
        }
    })
    .await;
}

#[tokio::test]
async fn an_abort_restores_blue_until_it_comes_too_late() {
    at_each_change(Fault::Abort, async |start, world, end| {
        let outcome = end.expect("nothing died").outcome;
        match undone(&world) {
            (_, Undo::Nothing, _) => {
                assert_eq!(outcome, Outcome::Success);
                assert!(rolled_out(&world, &start));
            }
            _ => {
                assert_eq!(outcome, Outcome::Aborted);
                assert_eq!(world.engine, start);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_container_that_turns_unhealthy_fails_the_phases_in_which_it_is_guarded() {
    at_each_change(Fault::Unhealthy, async |start, world, end| {
        let outcome = end.expect("nothing died").outcome;
        let (act, undo, _) = undone(&world);
        if undo == Undo::Nothing {
            assert_eq!(outcome, Outcome::Success, "{act:?}");
        } else {
            // Before anything is guarded the next guard tells it.
            assert_eq!(outcome, Outcome::RolledBack, "{act:?}");
            assert_eq!(world.engine, start);
        }
    })
    .await;
}

#[tokio::test]
async fn a_rollout_that_was_taken_over_changes_nothing_more() {
    at_each_change(Fault::TakenOver, async |start, world, end| {
        let end = end.expect("nothing died");
        let (_, undo, then) = undone(&world);
        if undo == Undo::Nothing {
            assert!(rolled_out(&world, &start));
        } else {
            assert_eq!(end.outcome, Outcome::NotRolledBack);
            assert_eq!(world.engine, *then);
            assert!(!end.left_behind.is_empty());
        }
    })
    .await;
}

/// Settles what is left both ways, whatever it is, also by a process that dies on the way itself.
async fn is_settled_both_ways(start: &Engine, left: &Engine) {
    for way in WAYS {
        let mut one = World::new(left.clone(), None);
        let settled = recover(&mut one, way).await.expect("nothing died");
        is_one_or_the_other(start, &one, way, settled);
        for number in 0..one.changes {
            let mut dying = World::new(left.clone(), Some((number, Fault::Kill)));
            assert_eq!(recover(&mut dying, way).await, None);
            for way in WAYS {
                let mut last = World::new(dying.engine.clone(), None);
                let settled = recover(&mut last, way).await.expect("nothing died");
                is_one_or_the_other(start, &last, way, settled);
            }
        }
    }
}

fn is_one_or_the_other(start: &Engine, world: &World, way: Recovery, settled: bool) {
    match (way, settled) {
        (Recovery::Finish, true) => assert!(rolled_out(world, start), "{:?}", world.engine),
        (Recovery::Finish, false) => panic!("it can't be finished: {:?}", world.engine),
        (Recovery::RollBack, true) => assert_eq!(world.engine, *start),
        (Recovery::RollBack, false) => assert!(
            world.engine.blue.len() < start.blue.len(),
            "Blue is there, and not returned to: {:?}",
            world.engine
        ),
    }
}

#[tokio::test]
async fn a_teal_that_dies_leaves_what_can_be_settled_both_ways() {
    at_each_change(Fault::Kill, async |start, world, end| {
        assert!(end.is_none());
        is_settled_both_ways(&start, &world.engine).await;
    })
    .await;
}

#[tokio::test]
async fn an_engine_that_is_away_leaves_what_can_be_settled_once_it_is_back() {
    at_each_change(Fault::Away, async |start, world, end| {
        let end = end.expect("nothing died");
        assert_eq!(end.outcome, Outcome::NotRolledBack);
        assert!(!end.left_behind.is_empty());
        is_settled_both_ways(&start, &world.engine).await;
    })
    .await;
}
