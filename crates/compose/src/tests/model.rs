//! What Compose makes of a project's files, as Teal reads it.

use std::path::Path;

use super::{compose, folder, open, open_as, write};
use crate::{LimitKeys, secret::Secret};
use teal_model::{Cpus, Error, HealthCheck, KeyFamily, Limits, Memory, ProjectSource};

fn limits(cpus: &str, memory: &str) -> Limits {
    Limits {
        cpus: Some(cpus.parse().unwrap()),
        memory: Some(memory.parse().unwrap()),
    }
}

async fn message(folder: &Path) -> String {
    match open(folder).await {
        Err(Error::ProjectInvalid { message }) => message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn one_service_with_everything() {
    let project = folder(&[(
        "compose.yaml",
        r#"
services:
  web:
    image: web:1
    build: .
    command: serve "two words" $$HOME
    entrypoint: [/init]
    environment: {PRICE: "5$$", EMPTY: "", UNSET: , NUMBER: 5}
    labels: ["traefik.enable=true", "users=me:$$apr1$$x", flag]
    cpus: 0.5
    mem_limit: 512m
    mem_reservation: 64m
    memswap_limit: 1g
    scale: 2
    ports: ["8000-8010:80", "81", "127.0.0.1:90-91:90-91", "[::1]:82:82/udp"]
    volumes: [data:/data, "./conf:/conf:ro", /scratch, {type: tmpfs, target: /t}]
    healthcheck: {test: curl x, interval: 90s, timeout: 1m30.5s, retries: 7, start_period: 1h}
    depends_on: [store]
    links: ["store:storage"]
    restart: unless-stopped
    pre_stop: [{command: sleep 1}]
    networks: {default: {ipv4_address: 172.31.98.3}}
  store:
    image: store
volumes: {data: }
"#,
    )]);
    let (_, model) = open(project.path()).await.unwrap();
    let web = &model.services["web"];

    assert_eq!(web.image.as_deref(), Some("web:1"));
    assert!(web.enabled);
    assert_eq!(
        web.command.as_ref().unwrap(),
        &["serve", "two words", "$HOME"]
    );
    assert_eq!(web.entrypoint.as_ref().unwrap(), &["/init"]);
    assert_eq!(web.restart.as_deref(), Some("unless-stopped"));
    assert_eq!(web.labels["traefik.enable"], "true");
    assert_eq!(web.labels["users"], "me:$apr1$x");
    assert_eq!(web.labels["flag"], "");
    let environment: Vec<_> = web
        .environment
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_ref().map(Secret::reveal)))
        .collect();
    assert_eq!(
        environment,
        [
            ("EMPTY", Some("")),
            ("NUMBER", Some("5")),
            ("PRICE", Some("5$")),
            ("UNSET", None),
        ]
    );
    assert_eq!(web.limits(), limits("0.5", "512M"));
    assert_eq!(web.reservations().memory, Some("64m".parse().unwrap()));
    assert_eq!(web.memswap_limit, Some("1g".parse().unwrap()));
    assert_eq!(web.replicas(), 2);
    let ports: Vec<_> = web.ports.iter().map(ToString::to_string).collect();
    assert_eq!(
        ports,
        [
            "8000-8010:80/tcp",
            "81/tcp",
            "127.0.0.1:90:90/tcp",
            "127.0.0.1:91:91/tcp",
            "[::1]:82:82/udp",
        ]
    );
    let mounts = web.mounts();
    assert_eq!(mounts[0].source.as_deref(), Some("data"));
    assert!(mounts[1].read_only && mounts[1].kind == "bind");
    assert_eq!(
        (&mounts[2].source, mounts[2].kind.as_str()),
        (&None, "volume")
    );
    assert_eq!(mounts[3].kind, "tmpfs");
    assert_eq!(
        web.health_check(None),
        Some(HealthCheck {
            test: ["CMD-SHELL", "curl x"].map(String::from).to_vec(),
            interval_ms: 90_000,
            timeout_ms: 90_500,
            start_period_ms: 3_600_000,
            start_interval_ms: None,
            retries: 7,
        })
    );
    assert_eq!(web.fixed_addresses(), ["172.31.98.3"]);
    assert_eq!(model.callers("store"), ["web"]);
    assert_eq!(model.callers("web"), [""; 0]);
}

#[tokio::test]
async fn values_of_the_environment_stay_hidden() {
    let project = folder(&[(
        "compose.yaml",
        "services: {web: {image: web, environment: {PASSWORD: hunter2}}}\n",
    )]);
    let (_, model) = open(project.path()).await.unwrap();
    let shown = format!("{model:?} {:#?}", model.services["web"]);
    assert!(shown.contains("PASSWORD") && !shown.contains("hunter2"));
}

#[tokio::test]
async fn a_health_check_takes_from_the_image_what_the_file_leaves_out() {
    let project = folder(&[(
        "compose.yaml",
        r"
services:
  partly: {image: x, healthcheck: {interval: 2s}}
  default: {image: x, healthcheck: {test: [CMD, /check]}}
  off: {image: x, healthcheck: {disable: true}}
  unsaid: {image: x}
",
    )]);
    let (_, model) = open(project.path()).await.unwrap();
    let image = HealthCheck {
        test: vec!["CMD".into(), "/of-the-image".into()],
        interval_ms: 9_000,
        timeout_ms: 8_000,
        start_period_ms: 7_000,
        start_interval_ms: None,
        retries: 6,
    };
    let check = |name: &str, image: Option<&HealthCheck>| model.services[name].health_check(image);
    assert_eq!(
        check("partly", Some(&image)),
        Some(HealthCheck {
            interval_ms: 2_000,
            ..image.clone()
        })
    );
    assert_eq!(check("partly", None), None);
    assert_eq!(
        check("default", None),
        Some(HealthCheck {
            test: vec!["CMD".into(), "/check".into()],
            interval_ms: 30_000,
            timeout_ms: 30_000,
            start_period_ms: 0,
            start_interval_ms: None,
            retries: 3,
        })
    );
    assert_eq!(check("off", Some(&image)), None);
    assert_eq!(check("unsaid", Some(&image)), Some(image));
}

#[tokio::test]
async fn limits_are_read_in_both_families() {
    let project = folder(&[(
        "compose.yaml",
        r#"
services:
  none: {image: x}
  deploy: {image: x, deploy: {resources: {limits: {cpus: "1.5", memory: 768M}, reservations: {cpus: "0.25", memory: 20M}}}}
  service: {image: x, cpus: "1.5", mem_limit: 768M}
  both: {image: x, cpus: 1.5, mem_limit: 768M, deploy: {resources: {limits: {cpus: "1.5", memory: 768M}}}}
  processes: {image: x, pids_limit: 50}
  zero: {image: x, cpus: 0, mem_limit: 0}
  unlimited: {image: x, mem_limit: -1}
"#,
    )]);
    let (_, model) = open(project.path()).await.unwrap();
    let read = |name: &str| {
        let service = &model.services[name];
        (service.limits(), service.limit_keys())
    };
    let some = limits("1.5", "768M");
    assert_eq!(read("none"), (Limits::default(), LimitKeys::Deploy));
    assert_eq!(read("deploy"), (some, LimitKeys::Deploy));
    assert_eq!(read("service"), (some, LimitKeys::Service));
    assert_eq!(read("both"), (some, LimitKeys::Both));
    assert_eq!(read("processes"), (Limits::default(), LimitKeys::Service));
    assert_eq!(read("zero"), (Limits::default(), LimitKeys::Deploy));
    assert_eq!(read("unlimited").0, Limits::default());
    assert_eq!(model.services["service"].key_family(), KeyFamily::Service);
    assert_eq!(model.services["both"].key_family(), KeyFamily::Deploy);
    assert_eq!(
        model.services["deploy"].reservations(),
        limits("0.25", "20M")
    );
}

#[tokio::test]
async fn cpus_are_rounded_as_compose_rounds_them() {
    for text in ["0.01", "0.3", "0.333333333", "1.1", "2.123456789", "12.7"] {
        let project = folder(&[(
            "compose.yaml",
            &format!(
                "services: {{a: {{image: x, cpus: {text}}}, b: {{image: x, deploy: {{resources: {{limits: {{cpus: \"{text}\"}}}}}}}}}}\n"
            ),
        )]);
        let (_, model) = open(project.path()).await.unwrap();
        let asked: Cpus = text.parse().unwrap();
        for service in ["a", "b"] {
            let read = model.services[service].limits().cpus;
            assert_eq!(read, Some(asked.as_compose_sets()), "{text}");
        }
    }
}

/// Our reading of an amount is Compose's own.
#[tokio::test]
async fn amounts_of_memory_mean_what_compose_says() {
    let amounts = [
        "6291456",
        "6m",
        "6M",
        "512M",
        "512m",
        "512mb",
        "512MB",
        "512MiB",
        "512mib",
        "512 mb",
        "1.5g",
        "0.5G",
        ".5g",
        "1.0000001g",
        "8192k",
        "8192kb",
        "8192KiB",
        "9000000b",
        "1t",
        "1tb",
        "6291456.7",
        "7.m",
        "007m",
        "1.25GiB",
        "6.5m",
        "1p",
        "1pib",
    ];
    let services: Vec<_> = amounts
        .iter()
        .enumerate()
        .map(|(at, amount)| format!("  s{at}: {{image: x, mem_limit: \"{amount}\"}}\n"))
        .collect();
    let project = folder(&[("compose.yaml", &format!("services:\n{}", services.concat()))]);
    let (_, model) = open(project.path()).await.unwrap();
    for (at, amount) in amounts.iter().enumerate() {
        let ours: Result<Memory, _> = amount.parse();
        let composes = model.services[&format!("s{at}")].limits().memory;
        assert_eq!(ours.ok(), composes, "{amount}");
    }
}

#[tokio::test]
async fn what_is_no_amount_to_compose_is_none_to_us() {
    for amount in [
        "", "m", "100x", "1,5g", "1e9", "5mm", "12 34", "0x10m", "1g2", "abc", "1..5g", "-5m",
        "+5m", "inf", "NaN",
    ] {
        assert!(amount.parse::<Memory>().is_err(), "{amount}");
        if amount == "1e9" || amount == "-5m" || amount == "+5m" || amount.is_empty() {
            // Compose reads these, and Teal does not: nobody means them.
            continue;
        }
        let text = format!("services: {{web: {{image: x, mem_limit: \"{amount}\"}}}}\n");
        let project = folder(&[("compose.yaml", &text)]);
        message(project.path()).await;
    }
}

#[tokio::test]
async fn an_amount_written_is_the_amount_read() {
    let amounts: Vec<Memory> = [
        "512M",
        "1.5g",
        "800mb",
        "6291457",
        "1g",
        "9000k",
        "1.0000001g",
    ]
    .map(|amount| amount.parse().unwrap())
    .to_vec();
    let services: Vec<_> = amounts
        .iter()
        .enumerate()
        .map(|(at, amount)| format!("  s{at}: {{image: x, mem_limit: {amount}}}\n"))
        .collect();
    let project = folder(&[("compose.yaml", &format!("services:\n{}", services.concat()))]);
    let (_, model) = open(project.path()).await.unwrap();
    for (at, amount) in amounts.iter().enumerate() {
        let read = model.services[&format!("s{at}")].limits().memory;
        assert_eq!(read, Some(*amount));
    }
}

#[tokio::test]
async fn include_extends_and_anchors_are_composes_work() {
    let project = folder(&[
        (
            "compose.yaml",
            r"
include: [parts/store.yaml]
x-limits: &limits {memory: 96M}
services:
  web:
    extends: {file: base.yaml, service: base}
    deploy: {resources: {limits: {<<: *limits, cpus: '0.5'}}}
",
        ),
        (
            "base.yaml",
            "services: {base: {image: web, labels: {from: base}, healthcheck: {test: [CMD, /c]}}}\n",
        ),
        (
            "parts/store.yaml",
            "services: {store: {image: \"store:${TAG}\"}}\n",
        ),
        ("parts/.env", "TAG=3\n"),
    ]);
    let (_, model) = open(project.path()).await.unwrap();
    let web = &model.services["web"];
    assert_eq!(web.limits(), limits("0.5", "96M"));
    assert_eq!(web.labels["from"], "base");
    assert!(web.health_check(None).is_some());
    assert_eq!(model.services["store"].image.as_deref(), Some("store:3"));
}

#[tokio::test]
async fn reset_and_override_tags_are_composes_work() {
    let project = folder(&[
        (
            "compose.yaml",
            "services: {web: {image: web, cpus: 1, mem_limit: 1g, ports: [\"80:80\"], labels: {a: b}}}\n",
        ),
        (
            "compose.override.yaml",
            "services: {web: {cpus: !reset null, ports: !reset [], labels: !override {c: d}}}\n",
        ),
    ]);
    let (_, model) = open(project.path()).await.unwrap();
    let web = &model.services["web"];
    assert_eq!(web.limits().cpus, None);
    assert!(web.ports.is_empty());
    assert_eq!(web.labels.keys().collect::<Vec<_>>(), ["c"]);
}

#[tokio::test]
async fn a_missing_variable_is_told_in_composes_words() {
    let project = folder(&[(
        "compose.yaml",
        "services: {web: {image: \"web:${TAG:-latest}\", command: \"${TEAL_TEST_MUST:?set it in .env}\"}}\n",
    )]);
    let message = message(project.path()).await;
    assert!(message.contains("TEAL_TEST_MUST"), "{message}");
    assert!(message.contains("set it in .env"), "{message}");

    write(project.path(), ".env", "TEAL_TEST_MUST=serve\n");
    let (_, model) = open(project.path()).await.unwrap();
    let web = &model.services["web"];
    assert_eq!(web.image.as_deref(), Some("web:latest"));
    assert_eq!(web.command.as_ref().unwrap(), &["serve"]);
}

#[tokio::test]
async fn a_broken_file_is_told_in_composes_words_without_its_warnings() {
    let project = folder(&[("compose.yaml", "version: '3'\nservices:\n  web: [\n")]);
    let text = message(project.path()).await;
    assert!(text.contains("yaml"), "{text}");
    assert!(!text.contains("level=warning"), "{text}");

    write(
        project.path(),
        "compose.yaml",
        "version: '3'\nservices: {web: {image: x, colour: blue}}\n",
    );
    let text = message(project.path()).await;
    assert!(text.contains("colour"), "{text}");
    assert!(!text.contains("obsolete"), "{text}");
}

#[tokio::test]
async fn services_of_other_profiles_are_marked() {
    let project = folder(&[(
        "compose.yaml",
        "services: {web: {image: x}, debug: {image: x, profiles: [tools]}, load: {image: x, profiles: [bench, all]}}\n",
    )]);
    let enabled = async |profiles: &[&str]| {
        let source = ProjectSource {
            profiles: profiles.iter().map(ToString::to_string).collect(),
            ..ProjectSource::default()
        };
        let (_, model) = open_as(project.path(), &source).await.unwrap();
        assert_eq!(model.services.len(), 3);
        let services = model.services.into_iter();
        services
            .filter(|(_, service)| service.enabled)
            .map(|(name, _)| name)
            .collect::<Vec<_>>()
    };
    assert_eq!(enabled(&[]).await, ["web"]);
    assert_eq!(enabled(&["tools"]).await, ["debug", "web"]);
    assert_eq!(enabled(&["tools", "all"]).await, ["debug", "load", "web"]);

    write(project.path(), ".env", "COMPOSE_PROFILES=bench\n");
    assert_eq!(enabled(&[]).await, ["load", "web"]);
}

#[tokio::test]
async fn an_extra_file_comes_last() {
    let project = folder(&[
        (
            "compose.yaml",
            "services: {web: {image: x, deploy: {resources: {limits: {memory: 64M}}}}}\n",
        ),
        (
            "compose.override.yaml",
            "services: {web: {deploy: {resources: {limits: {memory: 65M}}}}}\n",
        ),
        (
            "more/extra.yml",
            "services: {web: {deploy: {resources: {limits: {memory: 66M}}}}}\n",
        ),
    ]);
    let compose = compose().await;
    let (source, model) = open(project.path()).await.unwrap();
    assert_eq!(model.services["web"].limits().memory, "65M".parse().ok());
    let extra = project.path().join("more/extra.yml");
    let model = compose.model(&source, &[&extra]).await.unwrap();
    assert_eq!(model.services["web"].limits().memory, "66M".parse().ok());
}
