//! What tests of records and journals need.

use jiff::Timestamp;
use serde_json::json;

use crate::{Limits, Plan, ProjectSource, Revision, RevisionKind};

/// A plan for one container that asks for more memory.
pub fn plan(project: &str, service: &str) -> Plan {
    let plan = json!({
        "project": project,
        "service": service,
        "source": {},
        "workingDirectory": "/srv",
        "revision": 2,
        "revisionBefore": null,
        "toRevision": null,
        "limitsBefore": { "cpus": null, "memory": null },
        "limitsAfter": { "cpus": null, "memory": null },
        "blue": [],
        "overrideFile": "/srv/docker-compose.blue-green.yml",
        "overrideBefore": null,
        "overrideAfter": "services: {}\n",
        "commands": [],
        "differences": [],
        "traffic": { "mode": "unsteered", "reason": "there is no Traefik" },
        "bypass": [],
        "verdicts": [],
        "options": {},
    });
    serde_json::from_value(plan).expect("every new field of a plan has a default, for old records")
}

pub fn revision(project: &str, service: &str, number: u32) -> Revision {
    Revision {
        revision: number,
        rollout: None,
        kind: RevisionKind::Rollout,
        engine: "engine".into(),
        project: project.into(),
        working_directory: "/srv".into(),
        service: service.into(),
        source: ProjectSource::default(),
        started_at: Timestamp::now(),
        ended_at: Timestamp::UNIX_EPOCH,
        origin: None,
        to_revision: None,
        limits_before: Limits::default(),
        limits_after: Limits::default(),
        file_limits: None,
        image_before: None,
        image_after: None,
        phases: Vec::new(),
        outcome: None,
        failure: None,
        receipt: None,
    }
}
