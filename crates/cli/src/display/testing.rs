//! What several tests show.

use teal_engine::model::{Readiness, Service, Verdict};

/// A service with these verdicts, and a container or none.
pub(crate) fn service(verdicts: &[Verdict], has_container: bool) -> Service {
    let replica = serde_json::json!({
        "id": "1", "name": "shop-web-1", "number": 1, "state": "running", "health": "none",
        "limits": {"cpus": null, "memory": null}, "started_at": null, "startedAt": null,
        "imageId": "sha256:1", "rollout": null,
    });
    let replicas: Vec<_> = has_container.then_some(replica).into_iter().collect();
    serde_json::from_value(serde_json::json!({
        "name": "web", "image": null, "state": null, "health": "none", "desiredReplicas": 1,
        "replicas": replicas,
        "fileLimits": {"cpus": null, "memory": null},
        "limits": {"cpus": null, "memory": null},
        "reservations": {"cpus": null, "memory": null},
        "keyFamily": "deploy", "healthCheck": null, "ports": [], "volumes": [], "routes": [],
        "callers": [], "readiness": Readiness::of(verdicts), "verdicts": verdicts,
        "revision": null, "drift": null, "applied": [],
    }))
    .expect("a service")
}
