//! What keeps a command from doing its work, printed once: the chain of causes, then a hint.

use std::io;

use serde::Serialize;
use teal_engine::{
    Error,
    error::causes,
    model::{Plan, Verdict},
};

use crate::{
    display::plan,
    screen::{Screen, complain, notices},
    text::harmless,
};

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    Engine(Error),
    /// The desktop program is not installed.
    NoWindow {
        program: &'static str,
    },
    /// An operation of this program, and what kept it from being done.
    System(&'static str, io::Error),
    /// Interrupted before the rollout began.
    Interrupted,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

/// An error as `--json` prints it: an event of its own type.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "error", rename_all = "camelCase")]
struct Printed {
    code: &'static str,
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    verdicts: Vec<Verdict>,
    /// What would be done now, where that is not what was reviewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Box<Plan>>,
    exit_code: u8,
}

impl Failure {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Engine(error) => error.exit_code(),
            Self::NoWindow { .. } | Self::System(..) => 1,
            Self::Interrupted => 5,
        }
    }

    /// Prints it: to standard error, or as JSON to standard output.
    pub(crate) fn print(self, screen: &mut Screen) {
        notices(self.notices());
        let printed = self.into_printed();
        if screen.is_json {
            screen.json(&printed);
            return;
        }
        if let Some(found) = &printed.plan {
            screen.line(&plan(found, screen.theme));
        }
        let chain: Vec<_> = std::iter::once(&printed.message)
            .chain(&printed.causes)
            .map(|text| harmless(text))
            .collect();
        let hint = printed.hint.as_deref().map(harmless);
        complain(&chain.join(": "), hint.as_deref());
    }

    /// What a person should know of the project's files, where a plan of them was made.
    fn notices(&self) -> &[String] {
        match self {
            Self::Engine(
                Error::Refused {
                    plan: Some(plan), ..
                }
                | Error::PlanChanged { plan },
            ) => &plan.notices,
            _ => &[],
        }
    }

    fn into_printed(self) -> Printed {
        let exit_code = self.exit_code();
        let simple = |code, message: String, hint: Option<String>| Printed {
            code,
            message,
            causes: Vec::new(),
            hint,
            verdicts: Vec::new(),
            plan: None,
            exit_code,
        };
        match self {
            Self::Engine(error) => Printed {
                causes: causes(&error),
                verdicts: match &error {
                    Error::Refused { verdicts, .. } => verdicts.clone(),
                    _ => Vec::new(),
                },
                plan: match &error {
                    Error::PlanChanged { plan } => Some(plan.clone()),
                    _ => None,
                },
                ..simple(error.code(), error.to_string(), hint(&error))
            },
            Self::NoWindow { program } => simple(
                "noWindow",
                format!("`{program}` was found neither beside `teal` nor on the `PATH`"),
                Some(
                    "install Teal's desktop package; every other command works without it"
                        .to_owned(),
                ),
            ),
            Self::System(operation, source) => Printed {
                causes: vec![source.to_string()],
                ..simple("unexpected", format!("could not {operation}"), None)
            },
            Self::Interrupted => simple(
                "interrupted",
                "interrupted before anything was changed".to_owned(),
                None,
            ),
        }
    }
}

/// What to do about an error: `teal ready`, where that does all of it.
fn hint(error: &Error) -> Option<String> {
    let hint = error.hint();
    let Error::Refused {
        verdicts,
        plan: Some(plan),
    } = error
    else {
        return hint;
    };
    let is_fixed = !verdicts.is_empty() && verdicts.iter().all(|it| it.fix.is_some());
    match hint {
        Some(hint) if is_fixed => Some(format!("{hint}; `teal ready {}` does it", plan.service)),
        hint => hint,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(error: Error) -> serde_json::Value {
        serde_json::to_value(Failure::from(error).into_printed()).unwrap()
    }

    #[test]
    fn a_json_error_names_its_code_and_its_remedy() {
        let error = Error::ServiceNotFound {
            project: "shop".into(),
            service: "wbe".into(),
            nearest: Some("web".into()),
            known: vec!["web".into()],
        };
        assert_eq!(
            printed(error),
            serde_json::json!({
                "type": "error",
                "code": "serviceNotFound",
                "message": "there is no service `wbe` in project `shop`",
                "causes": [],
                "hint": "did you mean `web`?",
                "exitCode": 1,
            })
        );
    }

    #[test]
    fn a_refused_plan_tells_what_is_to_be_known_of_the_files() {
        let plan: Plan = serde_json::from_value(serde_json::json!({
            "project": "shop",
            "service": "web",
            "source": {},
            "workingDirectory": "/srv",
            "revision": 2,
            "revisionBefore": null,
            "toRevision": null,
            "limitsBefore": {},
            "limitsAfter": {},
            "blue": [],
            "overrideFile": "/srv/docker-compose.blue-green.yml",
            "overrideBefore": null,
            "overrideAfter": "",
            "commands": [],
            "differences": [],
            "traffic": {"mode": "unsteered", "reason": ""},
            "notices": ["The \"TAG\" variable is not set."],
            "verdicts": [],
            "options": {},
        }))
        .unwrap();
        let refused = Failure::from(Error::Refused {
            verdicts: Vec::new(),
            plan: Some(Box::new(plan)),
        });
        assert_eq!(refused.notices(), ["The \"TAG\" variable is not set."]);
    }

    #[test]
    fn each_cause_is_told_once() {
        let error = Error::File {
            operation: "read",
            path: "/x".into(),
            source: io::Error::other(io::Error::other("the disk is gone")),
        };
        assert_eq!(
            printed(error)["causes"],
            serde_json::json!(["the disk is gone"])
        );
    }
}
