//! A failure as the page sees it.

use serde::Serialize;
use teal_engine::{Error, error::causes, model::Plan};
use ts_rs::TS;

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub(crate) struct CommandError {
    /// A stable word to act on, such as `noEngine`.
    pub(crate) code: String,
    /// What failed, in one sentence.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// The causes, from the nearest to the first.
    pub(crate) causes: Vec<String>,
    /// What would be done now, where that is not what was reviewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub(crate) plan: Option<Box<Plan>>,
}

impl CommandError {
    /// What the page sent can't be right.
    pub(crate) fn bad_input(message: impl Into<String>) -> Self {
        Self {
            code: "badInput".to_owned(),
            message: message.into(),
            hint: None,
            causes: Vec::new(),
            plan: None,
        }
    }
}

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        Self {
            code: error.code().to_owned(),
            message: error.to_string(),
            hint: error.hint(),
            causes: causes(&error),
            plan: match error {
                Error::PlanChanged { plan } => Some(plan),
                _ => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_gets_code_message_hint_and_causes() {
        let error = CommandError::from(Error::NoEngine {
            endpoint: "unix:///x.sock".into(),
            source: "connection refused".into(),
        });
        assert_eq!(
            serde_json::to_value(error).unwrap(),
            serde_json::json!({
                "code": "noEngine",
                "message": "no Docker engine answers at `unix:///x.sock`",
                "hint": "start Docker (`systemctl start docker`, or Docker Desktop), or check `DOCKER_HOST`",
                "causes": ["connection refused"],
            })
        );
    }
}
