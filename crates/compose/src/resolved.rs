//! What Compose makes of the files, so that two readings can be told apart.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{Compose, read::parse, working_directory};
use teal_docker::teal_label;
use teal_model::{ProjectSource, Result};

/// The kinds of things that a service names and that stand beside the services.
const SHARED: [&str; 4] = ["networks", "volumes", "configs", "secrets"];

/// A digest of all that each service's containers are made from, by the service's name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolved(BTreeMap<String, String>);

impl Resolved {
    /// Reads what `config --format json` prints. The label by which a rollout marks its containers
    /// does not count: it is another one each time.
    pub(super) fn read(text: &str) -> Result<Self> {
        let model: Map<String, Value> = parse(text)?;
        let services = model.get("services").and_then(Value::as_object);
        let digests = services.into_iter().flatten().map(|(name, service)| {
            let mut service = service.clone();
            if let Some(labels) = service.get_mut("labels").and_then(Value::as_object_mut) {
                labels.remove(teal_label::ROLLOUT);
            }
            let named: Vec<_> = SHARED
                .iter()
                .map(|kind| shared(&model, kind, &service))
                .collect();
            let whole = Value::from(vec![
                model.get("name").cloned().unwrap_or_default(),
                service,
                named.into(),
            ]);
            (
                name.clone(),
                format!("{:x}", Sha256::digest(whole.to_string())),
            )
        });
        Ok(Self(digests.collect()))
    }

    /// The digest of a service; empty where there is no such service.
    pub fn service(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

/// What is said of those things of a kind that the service names.
fn shared(model: &Map<String, Value>, kind: &str, service: &Value) -> Value {
    let names: Vec<&str> = match &service[kind] {
        Value::Object(names) => names.keys().map(String::as_str).collect(),
        Value::Array(uses) => uses
            .iter()
            .filter_map(|mount| mount["source"].as_str())
            .collect(),
        _ => Vec::new(),
    };
    let all = model.get(kind).and_then(Value::as_object);
    let said = all.into_iter().flatten();
    said.filter(|(name, _)| names.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect::<Map<_, _>>()
        .into()
}

impl Compose {
    /// What Compose makes of the project's files now, with `extra` files after its own.
    ///
    /// # Errors
    /// [`Error::ProjectInvalid`](teal_model::Error::ProjectInvalid) with Compose's own message.
    pub async fn resolved(
        &self,
        source: &ProjectSource,
        extra: &[&std::path::Path],
    ) -> Result<Resolved> {
        let directory = working_directory(source);
        let printed = self.config(source, extra, &directory, None).await?;
        Resolved::read(&printed.text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn digest(change: impl FnOnce(&mut Value)) -> String {
        let mut model = json!({
            "name": "shop",
            "services": {
                "web": {
                    "environment": {"TOKEN": "a"},
                    "labels": {"dev.teal.rollout": "1", "other": "x"},
                    "networks": {"default": null},
                    "volumes": [{"type": "volume", "source": "data", "target": "/data"}],
                },
                "db": {"image": "db"},
            },
            "networks": {"default": {"name": "shop_default"}, "back": {}},
            "volumes": {"data": {"name": "shop_data"}},
        });
        change(&mut model);
        let read = Resolved::read(&model.to_string()).unwrap();
        read.service("web").to_owned()
    }

    #[test]
    fn whatever_its_containers_are_made_from_counts_and_nothing_else() {
        let now = digest(|_| ());
        let same: [fn(&mut Value); 3] = [
            |model| model["services"]["web"]["labels"]["dev.teal.rollout"] = "2".into(),
            |model| model["services"]["db"]["image"] = "other".into(),
            |model| model["networks"]["back"]["internal"] = true.into(),
        ];
        for (number, change) in same.into_iter().enumerate() {
            assert_eq!(digest(change), now, "number {number}");
        }
        let other: [fn(&mut Value); 6] = [
            |model| model["services"]["web"]["environment"]["TOKEN"] = "b".into(),
            |model| model["services"]["web"]["labels"]["other"] = "y".into(),
            |model| model["services"]["web"]["user"] = "1000".into(),
            |model| model["networks"]["default"]["internal"] = true.into(),
            |model| model["volumes"]["data"]["name"] = "other".into(),
            |model| model["name"] = "other".into(),
        ];
        for (number, change) in other.into_iter().enumerate() {
            assert_ne!(digest(change), now, "number {number}");
        }
    }
}
