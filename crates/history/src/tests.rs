use std::{fs::OpenOptions, io::Write};

use teal_model::testing::revision;

use super::*;
use teal_model::event::{Event, EventKind, Phase};

const ID: &str = "8f14e45f-ceea-467f-a0e6-000000000001";

fn begun(rollout: &str) -> RolloutRecord {
    RolloutRecord {
        rollout: rollout.to_owned(),
        started_at: Timestamp::now(),
        origin: teal_model::Origin::Terminal,
        plan: teal_model::testing::plan("shop", "web"),
    }
}

fn event(kind: EventKind) -> Event {
    Event {
        rollout: ID.to_owned(),
        at: Timestamp::UNIX_EPOCH,
        elapsed_ms: 0,
        kind,
    }
}

fn history() -> (tempfile::TempDir, History) {
    let data = tempfile::tempdir().unwrap();
    let history = History::new(data.path());
    (data, history)
}

/// The one journal there is.
fn only_journal(history: &History) -> PathBuf {
    let folders = entries(&history.directory).unwrap();
    let [folder] = &folders[..] else {
        panic!("{folders:?}")
    };
    let journals = entries(folder).unwrap();
    let [journal] = &journals[..] else {
        panic!("{journals:?}")
    };
    journal.clone()
}

fn numbers(revisions: &[Revision]) -> Vec<u32> {
    revisions.iter().map(|revision| revision.revision).collect()
}

#[test]
fn revisions_come_back_newest_first_and_by_service() {
    let (_data, history) = history();
    assert_eq!(history.read("engine", None, None).unwrap(), []);
    history
        .append(&[revision("shop", "web", 1), revision("shop", "web", 2)])
        .unwrap();
    history.append(&[revision("shop", "api", 1)]).unwrap();
    history.append(&[revision("wiki", "web", 1)]).unwrap();
    let web = history.read("engine", Some("shop"), Some("web")).unwrap();
    assert_eq!(numbers(&web), [2, 1]);
    assert_eq!(history.read("engine", Some("shop"), None).unwrap().len(), 3);
    assert_eq!(history.read("other", None, None).unwrap(), []);
}

#[test]
fn names_that_look_alike_have_folders_of_their_own_inside_of_the_data() {
    let (_data, history) = history();
    let mut folders = std::collections::BTreeSet::new();
    let long = "x".repeat(300);
    for (project, service) in [
        ("a", "b.c"),
        ("a.b", "c"),
        ("..", "../../etc"),
        ("--", "-f"),
        ("a", "b+c"),
        ("a", "b/c"),
        (&long, &long),
    ] {
        let folder = history.folder("engine", project, service);
        assert_eq!(folder.parent(), Some(&*history.directory));
        assert!(name_of(&folder).len() < 120);
        assert!(folders.insert(folder), "{project} {service}");
    }
}

#[test]
fn what_the_first_builds_wrote_is_still_read() {
    let (data, history) = history();
    let mut text = serde_json::to_string(&revision("shop", "web", 1)).unwrap();
    text.push_str("\n{\"revision\":2,\"roll");
    fs::write(data.path().join("history.jsonl"), text).unwrap();
    history.append(&[revision("shop", "web", 3)]).unwrap();
    assert_eq!(
        numbers(&history.read("engine", None, None).unwrap()),
        [3, 1]
    );
}

#[test]
fn a_line_of_an_older_teal_is_read() {
    let (data, history) = history();
    let mut old = revision("shop", "web", 2);
    let receipt = teal_model::event::Receipt::default();
    let written_now = serde_json::to_string(&receipt).unwrap();
    old.receipt = Some(receipt);
    let line = serde_json::to_string(&old).unwrap();
    assert!(line.contains(&written_now), "{line}");
    let line = line.replace(
        &written_now,
        r#"{"target":"GET http://localhost:8000/","requests":4812,"failed":1,"worstGapMs":38.5,"p50Ms":4.0,"p99Ms":21.0,"failures":["answered 502 instead of 200"]}"#,
    );
    fs::write(data.path().join("history.jsonl"), format!("{line}\n")).unwrap();
    let found = history.read("engine", None, None).unwrap();
    let receipt = found[0].receipt.as_ref().unwrap();
    assert_eq!((receipt.requests, receipt.failed), (4812, 1));
    assert_eq!(
        receipt.target.as_deref(),
        Some("GET http://localhost:8000/")
    );
    assert_eq!(receipt.cut, None);
    assert_eq!(receipt.before.requests, 0);
}

#[test]
fn a_journal_is_unsettled_until_it_says_otherwise() {
    let (_data, history) = history();
    let begun = begun(ID);
    let mut journal = history.begin("engine", &begun).unwrap();
    journal
        .note(&event(EventKind::PhaseStarted {
            phase: Phase::DeployGreen,
            deadline_ms: None,
        }))
        .unwrap();
    assert_eq!(
        history.unsettled("engine").unwrap(),
        std::slice::from_ref(&begun)
    );
    assert_eq!(history.unsettled("another").unwrap(), []);
    assert!(!history.is_settled("engine", &begun).unwrap());
    journal.end(&[revision("shop", "web", 2)], false).unwrap();
    assert_eq!(
        history.unsettled("engine").unwrap(),
        std::slice::from_ref(&begun)
    );

    let mut journal = history.begin("engine", &begun).unwrap();
    let settled = Revision {
        outcome: Some(teal_model::event::Outcome::Success),
        ..revision("shop", "web", 2)
    };
    journal.end(std::slice::from_ref(&settled), true).unwrap();
    assert_eq!(history.unsettled("engine").unwrap(), []);
    assert!(history.is_settled("engine", &begun).unwrap());
    // One number, one revision: as it ended in the end.
    let read = history.read("engine", Some("shop"), Some("web")).unwrap();
    assert_eq!(read, [settled]);
}

#[test]
fn a_line_that_a_crash_tore_costs_only_itself() {
    let (_data, history) = history();
    let begun = begun(ID);
    drop(history.begin("engine", &begun).unwrap());
    let path = only_journal(&history);
    let whole = fs::read(&path).unwrap();
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"event\":{\"rollo").unwrap();
    assert_eq!(
        history.unsettled("engine").unwrap(),
        std::slice::from_ref(&begun)
    );
    let mut journal = history.begin("engine", &begun).unwrap();
    journal.end(&[revision("shop", "web", 2)], true).unwrap();
    assert_eq!(numbers(&history.read("engine", None, None).unwrap()), [2]);
    assert!(history.is_settled("engine", &begun).unwrap());

    // Cut at any byte it is read without an error, and never as settled.
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(history.unsettled("engine").unwrap().len() <= 1);
        assert!(!history.is_settled("engine", &begun).unwrap());
    }
}

#[test]
fn a_journal_of_a_newer_teal_is_neither_read_nor_removed() {
    let (_data, history) = history();
    let begun = begun(ID);
    drop(history.begin("engine", &begun).unwrap());
    let path = only_journal(&history);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("\"version\":1", "\"version\":2", 1)).unwrap();
    assert_eq!(history.unsettled("engine").unwrap(), []);
    for number in 2..120 {
        history.append(&[at(number, now_ms(number))]).unwrap();
    }
    assert!(path.exists());
}

fn now_ms(number: u32) -> i64 {
    Timestamp::now().as_millisecond() + i64::from(number)
}

fn at(number: u32, ms: i64) -> Revision {
    Revision {
        started_at: Timestamp::from_millisecond(ms).unwrap(),
        ..revision("shop", "web", number)
    }
}

#[test]
fn old_journals_go_and_the_last_ones_stay() {
    let (_data, history) = history();
    for number in 1..=120 {
        history.append(&[at(number, now_ms(number))]).unwrap();
    }
    let kept = numbers(&history.read("engine", Some("shop"), Some("web")).unwrap());
    assert_eq!(kept, (21..=120).rev().collect::<Vec<_>>());

    // Of a service whose rollouts are all of long ago, the last stay until another one runs …
    let old = |number| Revision {
        project: "wiki".into(),
        ..at(number, i64::from(number))
    };
    for number in 1..=8 {
        history.append(&[old(number)]).unwrap();
    }
    let kept = numbers(&history.read("engine", Some("wiki"), Some("web")).unwrap());
    assert_eq!(kept, [8, 7, 6, 5, 4]);
    // … of which nobody has heard for a year.
    history.append(&[at(121, now_ms(121))]).unwrap();
    assert_eq!(history.read("engine", Some("wiki"), None).unwrap(), []);
}

#[test]
fn an_unsettled_rollout_is_found_also_after_the_clock_was_set_back() {
    let (_data, history) = history();
    let first = begun(ID);
    let mut journal = history.begin("engine", &first).unwrap();
    journal.end(&[], true).unwrap();
    let hour = jiff::SignedDuration::from_hours(1);
    let second = RolloutRecord {
        started_at: first.started_at.checked_sub(hour).unwrap(),
        ..begun("8f14e45f-ceea-467f-a0e6-000000000002")
    };
    let mut journal = history.begin("engine", &second).unwrap();
    let found = history.unsettled("engine").unwrap();
    assert_eq!(found, [second]);
    journal.end(&[], true).unwrap();
    assert_eq!(history.unsettled("engine").unwrap(), []);
}
