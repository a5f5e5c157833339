//! One service's part of an override that others write too.

use proptest::prelude::*;

use super::merge::LABELS;
use crate::{
    LimitKeys,
    edit::{edited, item_at, node_at},
    merge::merged,
    part::carried,
};
use teal_model::{Cpus, Limits};

const SERVICES: [&str; 3] = ["api", "web", "worker"];
const CPUS: [&str; 4] = ["deploy", "resources", "limits", "cpus"];

/// What a rollout of the service makes of the file as it finds it.
fn planned(before: Option<&str>, service: &str) -> String {
    let limits = Limits {
        cpus: Some(Cpus::from_nano(1_500_000_000)),
        memory: None,
    };
    merged(before, service, limits, LimitKeys::Deploy, LABELS).unwrap()
}

fn put_in(now: Option<&str>, before: Option<&str>, service: &str) -> Option<String> {
    carried(now, Some(&planned(before, service)), service).unwrap()
}

#[test]
fn a_part_is_written_as_a_rollout_alone_would_write_it() {
    let alone = planned(None, "web");
    assert_eq!(put_in(None, None, "web").as_ref(), Some(&alone));
    let api = planned(None, "api");
    let both = put_in(Some(&api), None, "web").unwrap();
    assert_eq!(both, planned(Some(&api), "web"));
}

#[test]
fn whoever_is_taken_out_first_takes_only_its_own() {
    for (first, second) in [("api", "web"), ("web", "api")] {
        // Both plans were made before either was carried out.
        let one = put_in(None, None, first).unwrap();
        let both = put_in(Some(&one), None, second).unwrap();
        let left = carried(Some(&both), None, first).unwrap().unwrap();
        assert_eq!(left, planned(None, second));
        assert_eq!(carried(Some(&left), None, second).unwrap(), None);
    }
}

#[test]
fn what_people_wrote_beside_it_stays() {
    let before = "# ours\nservices:\n  web:\n    labels:\n      - a=b\n    cpus: 2 # enough\n";
    let now = planned(Some(before), "web");
    let theirs = format!("{now}\n  db:\n    image: db # pinned\n");
    let after = carried(Some(&theirs), Some(before), "web")
        .unwrap()
        .unwrap();
    for line in ["# ours", "- a=b", "cpus: 2", "image: db # pinned"] {
        assert!(after.contains(line), "{line} in {after}");
    }
    for gone in ["1.5", "dev.teal.rollout", "deployment.type", "resources"] {
        assert!(!after.contains(gone), "{gone} in {after}");
    }
}

#[test]
fn labels_in_a_mapping_are_taken_out_too() {
    let before = "services:\n  web:\n    labels:\n      a: b\n";
    let now = planned(Some(before), "web");
    let theirs = format!("{now}  db: {{image: db}}\n");
    let after = carried(Some(&theirs), Some(before), "web").unwrap();
    assert_eq!(after, Some(format!("{before}  db: {{image: db}}\n")));
}

#[test]
fn limits_of_before_come_back() {
    let before = planned(None, "web")
        .replace("1.5", "0.5")
        .replace("r1", "r0");
    let now = planned(Some(&before), "web");
    let both = put_in(Some(&now), None, "api").unwrap();
    let after = carried(Some(&both), Some(&before), "web").unwrap().unwrap();
    assert_eq!(after, put_in(Some(&before), None, "api").unwrap());
}

#[test]
fn a_file_of_somebodys_own_is_not_removed() {
    for before in ["# ours\n", "services: {}\n", "x-ours: 1\n"] {
        assert_eq!(
            carried(Some(before), None, "web").unwrap().as_deref(),
            Some(before)
        );
        let Ok(Some(now)) = carried(Some(before), Some(&planned(None, "web")), "web") else {
            continue;
        };
        let after = carried(Some(&now), Some(before), "web").unwrap();
        let kept = before.contains("ours");
        assert_eq!(after.is_some(), kept, "{before:?} {now:?} {after:?}");
    }
}

#[test]
fn a_file_that_can_not_be_edited_is_an_error() {
    let shared = "x: &x {labels: {a: b}}\nservices:\n  web:\n    <<: *x\n    cpus: 1\n";
    let now = planned(Some("services:\n  web:\n    cpus: 1\n"), "web");
    carried(Some(shared), Some(&now), "web").unwrap_err();
}

proptest! {
    /// Rollouts that begin, are carried out and are undone in any order, one of each service.
    #[test]
    fn none_touches_the_part_of_another(steps in proptest::collection::vec((0..3_usize, 0..3_u8), 1..12)) {
        let mut file: Option<String> = None;
        let mut befores: [Option<Option<String>>; 3] = Default::default();
        let mut is_in = [false; 3];
        for (at, step) in steps {
            let service = SERVICES[at];
            match (step, befores[at].clone()) {
                (0, _) if !is_in[at] => befores[at] = Some(file.clone()),
                (1, Some(before)) => {
                    file = put_in(file.as_deref(), before.as_deref(), service);
                    is_in[at] = true;
                }
                (2, Some(before)) => {
                    file = carried(file.as_deref(), before.as_deref(), service).unwrap();
                    is_in[at] = false;
                    befores[at] = None;
                }
                _ => {}
            }
            for (service, is_in) in SERVICES.iter().zip(is_in) {
                let text = file.as_deref().unwrap_or_default();
                let path = [&["services", service], &CPUS[..]].concat();
                prop_assert_eq!(node_at(text, &path).is_some(), is_in, "{}: {}", service, text);
                let label = item_at(text, &["services", service, "labels"], "dev.teal.rollout");
                prop_assert_eq!(label.is_some(), is_in);
                prop_assert_eq!(text.contains(&format!("{service}:")), is_in);
            }
        }
        prop_assert_eq!(file.is_none(), is_in == [false; 3]);
        prop_assert_eq!(edited(file.as_deref(), &[]).is_ok(), true);
    }
}
