//! `teal doctor`

use serde::Serialize;
use teal_engine::model::{Readiness, Verdict};

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
    let engine = connect().await?;
    let source = global.source();
    let services = match &doctor.service {
        Some(name) => vec![engine.service(&source, name).await?],
        None => {
            let project = engine.project(&source).await?;
            if project.services.is_empty() && !screen.is_json {
                let name = harmless(&project.name);
                screen.line(&format!("project `{name}` has no services"));
            }
            project.services
        }
    };
    if screen.is_json {
        let said = services.iter().map(|service| Diagnosis {
            service: &service.name,
            readiness: service.readiness,
            verdicts: &service.verdicts,
        });
        screen.json(&said.collect::<Vec<_>>());
    } else if !services.is_empty() {
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
