//! `teal doctor`

use serde::Serialize;
use teal_engine::model::{Readiness, Verdict};

use super::{Outcome, connect};
use crate::{
    cli::{Doctor, Global},
    display::{all_ready, diagnoses, is_ready, nothing_runs},
    screen::{Screen, notices},
    text::harmless,
};

/// Something is in the way.
const NOT_READY: u8 = 1;

/// What `--json` prints of a service.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Diagnosis<'a> {
    service: &'a str,
    readiness: Readiness,
    verdicts: &'a [Verdict],
}

pub(super) async fn run(global: &Global, doctor: &Doctor, screen: &mut Screen) -> Outcome {
    let engine = connect().await?;
    let source = global.source();
    let project = match &doctor.service {
        Some(name) => engine.service(&source, name).await?,
        None => engine.project(&source).await?,
    };
    notices(&project.notices);
    if project.services.is_empty() && !screen.is_json {
        let name = harmless(&project.name);
        screen.line(&format!("project `{name}` has no services"));
    }
    let is_stopped = match doctor.service {
        Some(_) => None,
        None => nothing_runs(&project),
    };
    let services = project.services;
    if screen.is_json {
        let said = services.iter().map(|service| Diagnosis {
            service: &service.name,
            readiness: service.readiness,
            verdicts: &service.verdicts,
        });
        screen.json(&said.collect::<Vec<_>>());
    } else if !services.is_empty() {
        screen.line(&diagnoses(&services, is_stopped.as_deref(), screen.theme));
    }
    let ready = match doctor.service {
        Some(_) => services.iter().all(is_ready),
        None => all_ready(&services),
    };
    Ok(if ready { 0 } else { NOT_READY })
}
