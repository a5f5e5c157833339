//! What `teal doctor`, the plan and the receipt say of setups of the field, as text to be read.
//!
//! `INSTA_UPDATE=always cargo nextest run -p teal --test texts` writes them; the change is then reviewed
//! like any other.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::{fmt::Write, process::Stdio, time::Duration};

use insta::{Settings, assert_snapshot};
use teal_testkit::{HealthCheck, Project, Template, eventually};
use tokio::process::Command;

const ROLL_OUT: &str = "--memory 256M --poll-interval 1s --drain-timeout 5s --answers 3";

/// What differs from run to run, and what stands there instead.
const VARYING: [(&str, &str); 18] = [
    (r"\[ *(\d+m )?[\d.]+m?s\] ", ""),
    (r"/tmp/teal-testkit-\w+/", "/"),
    (r"testkit-([a-z-]+)-[0-9a-f]{8}", "$1"),
    (r"teal-testkit/hello:[0-9a-f]+", "hello:1"),
    (r"(dev\.teal\.rollout=)[0-9a-f-]{36}", "${1}ROLLOUT"),
    (r"\b[0-9a-f]{64}\b", "CONTAINER"),
    (r"\b[0-9a-f]{16}\b", "PLAN"),
    (r"(localhost|127\.0\.0\.1):[1-9]\d{3,4}(-\d+)?\b", "$1:PORT"),
    (r"`18\d{3}`|port 18\d{3}\b", "PORT"),
    (r"\b\d+m \d+s\b|\b[\d.]+ ?m?s\b", "TIME"),
    (r"\b[1-9][\d,]* requests, ", "N requests, "),
    (r"(after: |→ )[1-9][\d,]*( →| requests)", "${1}N$2"),
    (r"→ [1-9]\d* →", "→ N →"),
    (r"(p50|p99) \d+ → (\d+|N) → TIME", "$1 TIME"),
    (r"\b(Blue|Green|either) [1-9]\d*\b", "$1 N"),
    (r"above the \d+M in use", "above the NM in use"),
    (r"\b[\d,.]+ connections?\b", "N connections"),
    (r"\b[\d,.]+ [kM]?B (in|out)\b", "N B $1"),
];

/// A project, and all that is said of it.
struct Told {
    project: Project,
    service: &'static str,
    text: String,
}

impl Told {
    fn of(project: Project) -> Self {
        Self {
            project,
            service: "hello",
            text: String::new(),
        }
    }

    async fn up(template: Template) -> Self {
        Self::of(Project::up(template).await)
    }

    /// A project that is up and answers through what is in front of it.
    async fn answering(template: Template) -> Self {
        let told = Self::up(template).await;
        let traffic = told.project.traffic();
        eventually("it answers", Duration::from_secs(30), async || {
            traffic.once().await.is_success().then_some(())
        })
        .await;
        told
    }

    /// Runs the program; keeps its words from the line on that begins so.
    async fn say(mut self, words: &str, from: &str) -> Self {
        let data = self.project.data_directory();
        let output = Command::new(env!("CARGO_BIN_EXE_teal"))
            .args(words.split_whitespace())
            .arg("--file")
            .arg(self.project.compose_file())
            .env("XDG_DATA_HOME", &data)
            .env("XDG_STATE_HOME", &data)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let code = output.status.code().unwrap();
        writeln!(self.text, "$ teal {words}").unwrap();
        for stream in [output.stdout, output.stderr] {
            let stream = String::from_utf8(stream).unwrap();
            let is_told = |line: &&str| line.starts_with(from) || line.starts_with("error");
            for line in stream.lines().skip_while(|line| !is_told(line)) {
                writeln!(self.text, "{line}").unwrap();
            }
        }
        writeln!(self.text, "[exit {code}]\n").unwrap();
        self
    }

    async fn judged(self) -> Self {
        let service = self.service;
        let told = self.say(&format!("doctor {service}"), "").await;
        let plan = format!("deploy {service} --memory 256M --dry-run");
        told.say(&plan, "").await
    }

    /// With its receipt: how the rollout ended, or why there was none.
    async fn rolled_out(self) -> Self {
        let deploy = format!("deploy {} {ROLL_OUT}", self.service);
        self.judged().await.say(&deploy, "Live probe").await
    }

    /// With what it says without `--force`, and then the receipt.
    async fn forced(self) -> Self {
        let forced = format!("deploy {} {ROLL_OUT} --force", self.service);
        let told = self.rolled_out().await;
        told.say(&forced, "Live probe").await
    }

    fn assert_as_before(self, shape: &str) {
        let mut settings = Settings::clone_current();
        settings.set_snapshot_path("texts");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        for (varying, instead) in VARYING {
            settings.add_filter(varying, instead);
        }
        settings.bind(|| assert_snapshot!(shape, self.text));
    }
}

#[tokio::test]
async fn behind_traefik() {
    let told = Told::up(Template::named("behind-traefik")).await;
    told.rolled_out().await.assert_as_before("behind-traefik");
}

#[tokio::test]
async fn without_a_health_check() {
    let template = Template::named("no-health-check").health_check(None);
    let told = Told::up(template).await;
    told.forced().await.assert_as_before("no-health-check");
}

#[tokio::test]
async fn with_dockers_own_intervals() {
    let template = Template::named("slow-health-check").health_check(HealthCheck {
        interval: Duration::from_secs(30),
        timeout: Duration::from_secs(30),
        retries: 3,
        start_period: Duration::ZERO,
    });
    let project = Project::new(template).await;
    project.compose(&["up", "--detach"]).await;
    let told = Told::of(project).rolled_out().await;
    told.assert_as_before("slow-health-check");
}

#[tokio::test]
async fn not_started() {
    let told = Told::of(Project::new(Template::named("not-started")).await);
    told.forced().await.assert_as_before("not-started");
}

#[tokio::test]
async fn stopped() {
    let told = Told::up(Template::named("stopped")).await;
    told.project.compose(&["stop", "--timeout", "1"]).await;
    told.forced().await.assert_as_before("stopped");
}

#[tokio::test]
async fn a_worker() {
    let mut told = Told::up(Template::fixture("worker")).await;
    told.service = "worker";
    told.rolled_out().await.assert_as_before("worker");
}

#[tokio::test]
async fn a_volume_without_a_name() {
    let told = Told::answering(Template::fixture("anon-volume")).await;
    told.forced().await.assert_as_before("anon-volume");
}

#[tokio::test]
async fn uploads_in_the_web_root() {
    let told = Told::answering(Template::fixture("bind-web-root")).await;
    told.forced().await.assert_as_before("bind-web-root");
}

#[tokio::test]
async fn a_port_of_a_range() {
    let told = Told::up(Template::fixture("port-range")).await;
    told.forced().await.assert_as_before("port-range");
}

#[tokio::test]
async fn a_router_that_traefik_drops() {
    let told = Told::answering(Template::fixture("one-router-dropped")).await;
    told.rolled_out()
        .await
        .assert_as_before("one-router-dropped");
}

#[tokio::test]
async fn a_rate_limit_that_all_share() {
    let told = Told::answering(Template::fixture("shared-rate-limit")).await;
    told.rolled_out()
        .await
        .assert_as_before("shared-rate-limit");
}

#[tokio::test]
async fn a_proxy_that_looks_the_name_up_once() {
    let told = Told::answering(Template::fixture("name-caller")).await;
    told.forced().await.assert_as_before("name-caller");
}
