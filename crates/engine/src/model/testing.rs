//! What tests of records and journals need.

use serde_json::json;

use crate::model::Plan;

/// A plan for one container that asks for more memory.
pub(crate) fn plan(project: &str, service: &str) -> Plan {
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
