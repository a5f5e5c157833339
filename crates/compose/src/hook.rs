//! Commands that Compose runs in a service's containers when they start or stop.

use std::collections::BTreeMap;

use bollard::models::ExecConfig;
use serde::Deserialize;

use super::secret::Secret;

/// One entry of a service's `pre_stop`. Values of its environment never show in `Debug`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Hook {
    pub command: Vec<String>,
    user: Option<String>,
    privileged: bool,
    working_dir: Option<String>,
    environment: BTreeMap<String, Option<Secret>>,
}

impl Hook {
    /// How the engine runs it: as Compose asks for it.
    pub fn exec_config(&self) -> ExecConfig {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let environment = self.environment.iter().map(|(key, value)| match value {
            Some(value) => format!("{key}={}", value.reveal()),
            None => key.clone(),
        });
        ExecConfig {
            cmd: Some(self.command.clone()),
            user: filled(&self.user),
            privileged: Some(self.privileged),
            working_dir: filled(&self.working_dir),
            env: Some(environment.collect()),
            ..ExecConfig::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_is_run_as_the_file_says() {
        let hook: Hook = serde_json::from_str(
            r#"{"command": ["drain", "--all"], "user": "root", "privileged": true,
                "working_dir": "/srv", "environment": {"A": "1", "B": null}}"#,
        )
        .unwrap();
        assert_eq!(
            hook.exec_config(),
            ExecConfig {
                cmd: Some(vec!["drain".into(), "--all".into()]),
                user: Some("root".into()),
                privileged: Some(true),
                working_dir: Some("/srv".into()),
                env: Some(vec!["A=1".into(), "B".into()]),
                ..ExecConfig::default()
            }
        );
        assert!(!format!("{hook:?}").contains('1'), "values stay hidden");
    }

    #[test]
    fn what_a_hook_leaves_out_is_the_containers_own() {
        let hook: Hook = serde_json::from_str(r#"{"command": ["x"]}"#).unwrap();
        let config = hook.exec_config();
        assert_eq!((config.user, config.working_dir), (None, None));
        assert_eq!(config.privileged, Some(false));
    }
}
