//! `teal doctor`

use serde::Serialize;
use teal_engine::{
    Error,
    model::{Project, Readiness, Service, Verdict},
};

use super::{Outcome, connect};
use crate::{
    cli::{Doctor, Global},
    display::diagnosis,
    screen::Screen,
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
    let project = connect().await?.project(&global.source()).await?;
    let services = match &doctor.service {
        Some(name) => vec![find(&project, name)?],
        None => project.services.iter().collect(),
    };
    if screen.is_json {
        let said = services.iter().map(|service| Diagnosis {
            service: &service.name,
            readiness: service.readiness,
            verdicts: &service.verdicts,
        });
        screen.json(&said.collect::<Vec<_>>());
    } else if services.is_empty() {
        let name = harmless(&project.name);
        screen.line(&format!("project `{name}` has no services"));
    } else {
        let theme = screen.theme;
        let each = services
            .iter()
            .map(|service| diagnosis(&service.name, service.readiness, &service.verdicts, theme));
        screen.line(&each.collect::<Vec<_>>().join("\n\n"));
    }
    let ready = services
        .iter()
        .all(|service| service.readiness == Readiness::Ready);
    Ok(if ready { 0 } else { NOT_READY })
}

fn find<'a>(project: &'a Project, name: &str) -> Result<&'a Service, Error> {
    let found = project.services.iter().find(|service| service.name == name);
    found.ok_or_else(|| {
        let known = project.services.iter().map(|service| service.name.clone());
        Error::no_service(&project.name, name, known.collect())
    })
}
