//! Commands through Tauri's own IPC on its mock runtime: no display, no web view.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::{path::Path, time::Instant};

use serde_json::{Value, json};
use tauri::{
    WebviewWindow, WebviewWindowBuilder,
    ipc::{CallbackFn, InvokeBody},
    test::{INVOKE_KEY, MockRuntime, get_ipc_response, mock_builder, mock_context, noop_assets},
    webview::InvokeRequest,
};
use teal_desktop::{Desktop, gui};
use teal_engine::{Paths, Settings, model::ProjectSource};
use tempfile::TempDir;

/// The program with directories of its own and no engine to reach.
struct Program {
    window: WebviewWindow<MockRuntime>,
    _app: tauri::App<MockRuntime>,
    directory: TempDir,
}

impl Program {
    fn start(source: Option<ProjectSource>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let settings = Settings {
            docker_host: Some(format!(
                "unix://{}",
                directory.path().join("no-engine.sock").display()
            )),
            data_directory: Some(directory.path().join("data")),
            ..Settings::default()
        };
        let paths = Paths {
            data: directory.path().join("data"),
            state: directory.path().join("state"),
            config: directory.path().join("config"),
        };
        let desktop = Desktop::new(settings, paths, source, Instant::now());
        let app = gui::configure(mock_builder(), desktop)
            .build(mock_context(noop_assets()))
            .unwrap();
        let window = WebviewWindowBuilder::new(&app, "main", tauri::WebviewUrl::default())
            .build()
            .unwrap();
        Self {
            window,
            _app: app,
            directory,
        }
    }

    fn call(&self, command: &str, arguments: Value) -> Result<Value, Value> {
        let request = InvokeRequest {
            cmd: command.to_owned(),
            callback: CallbackFn(0),
            error: CallbackFn(1),
            url: "tauri://localhost".parse().unwrap(),
            body: InvokeBody::Json(arguments),
            headers: tauri::http::HeaderMap::default(),
            invoke_key: INVOKE_KEY.to_owned(),
        };
        get_ipc_response(&self.window, request).map(|body| body.deserialize().unwrap())
    }
}

fn source(file: &str) -> Value {
    json!({
        "files": [file], "envFiles": [], "profiles": [],
        "projectName": null, "projectDirectory": null,
    })
}

fn request(file: &str, service: &str) -> Value {
    json!({
        "source": source(file), "service": service,
        "change": { "cpus": 1.5, "memory": null },
        "origin": "window",
    })
}

#[test]
fn the_page_learns_what_to_open_and_the_version() {
    let program = Program::start(Some(ProjectSource {
        files: vec!["/srv/compose.yml".into()],
        ..ProjectSource::default()
    }));
    assert_eq!(
        program.call("startup", json!({})),
        Ok(json!({ "source": source("/srv/compose.yml"), "version": env!("CARGO_PKG_VERSION") }))
    );
    assert_eq!(program.call("painted", json!({})), Ok(Value::Null));
}

/// What the commands that change the project's own files ask with.
fn file_calls(file: &str, service: &str) -> Vec<(&'static str, Value)> {
    let source = source(file);
    let keep = json!({ "source": source, "service": service, "place": "override" });
    let mut ready = keep.clone();
    for none in ["fixes", "health", "edgeImage"] {
        ready[none] = Value::Null;
    }
    let undo = json!({ "source": source, "service": service, "kind": "keep" });
    vec![
        ("plan_ready", json!({ "request": ready })),
        ("apply_ready", json!({ "request": ready, "id": "none" })),
        ("plan_keep", json!({ "request": keep })),
        ("apply_keep", json!({ "request": keep, "id": "none" })),
        ("undo_files", undo),
        ("give_back", json!({ "source": source, "service": service })),
    ]
}

#[test]
fn files_are_changed_only_for_a_good_name_and_with_an_engine() {
    let program = Program::start(None);
    for (file, service, code) in [
        ("compose.yml", "web", "badInput"),
        ("/srv/compose.yml", "--help", "badInput"),
        ("/srv/compose.yml", "web", "noEngine"),
    ] {
        for (command, arguments) in file_calls(file, service) {
            let error = program.call(command, arguments).unwrap_err();
            assert_eq!(error["code"], code, "{command} {file} {service}: {error}");
        }
    }
}

#[test]
fn without_an_engine_every_command_that_needs_one_says_so() {
    let program = Program::start(None);
    let request = request("/srv/compose.yml", "web");
    let source = source("/srv/compose.yml");
    for (command, arguments) in [
        ("engine_info", json!({})),
        ("list_projects", json!({})),
        ("open_project", json!({ "source": source })),
        ("plan_rollout", json!({ "request": request })),
        (
            "start_rollout",
            json!({ "request": request, "plan": "0123abcd" }),
        ),
        ("plan_live", json!({ "request": request })),
        (
            "update_live",
            json!({ "request": request, "plan": "0123abcd" }),
        ),
        (
            "rollback_request",
            json!({ "source": source, "service": "web", "to": null }),
        ),
        ("history", json!({ "project": null, "service": null })),
        ("sample_up", json!({})),
        ("sample_down", json!({})),
        (
            "follow_logs",
            json!({ "container": "c", "tail": 10, "lines": "__CHANNEL__:1" }),
        ),
        (
            "follow_usage",
            json!({ "containers": ["c"], "samples": "__CHANNEL__:1" }),
        ),
    ] {
        let error = program.call(command, arguments).unwrap_err();
        assert_eq!(error["code"], "noEngine", "{command}: {error}");
        assert!(error["hint"].is_string(), "{command}: {error}");
    }
}

#[test]
fn what_can_not_be_right_does_not_reach_the_engine() {
    let program = Program::start(None);
    for (command, arguments) in [
        ("open_project", json!({ "source": source("-") })),
        (
            "plan_rollout",
            json!({ "request": request("compose.yml", "web") }),
        ),
        (
            "start_rollout",
            json!({ "request": request("/srv/compose.yml", "--help"), "plan": "0123abcd" }),
        ),
        (
            "start_rollout",
            json!({ "request": request("/srv/compose.yml", "web"), "plan": "" }),
        ),
        (
            "update_live",
            json!({ "request": request("/srv/compose.yml", "web"), "plan": "none" }),
        ),
        (
            "follow_logs",
            json!({ "container": "../x", "tail": 1, "lines": "__CHANNEL__:1" }),
        ),
        (
            "follow_logs",
            json!({ "container": "c", "tail": 4_000_000_000_u32, "lines": "__CHANNEL__:1" }),
        ),
        (
            "follow_usage",
            json!({ "containers": [""], "samples": "__CHANNEL__:1" }),
        ),
        (
            "update_live",
            json!({ "request": request("/srv/compose.yml", "--help"), "plan": "0123abcd" }),
        ),
        (
            "recover_rollout",
            json!({ "source": source("/srv/compose.yml"), "service": "../x", "way": "finish" }),
        ),
        ("abort_rollout", json!({ "id": "none" })),
        (
            "follow_rollout",
            json!({ "id": "none", "events": "__CHANNEL__:1" }),
        ),
    ] {
        let error = program.call(command, arguments).unwrap_err();
        assert_eq!(error["code"], "badInput", "{command}: {error}");
    }
}

/// What a name could try to be besides a name.
const HOSTILE: [&str; 12] = [
    "",
    "-f",
    "--help",
    "a b",
    "a;reboot",
    "$(reboot)",
    "`reboot`",
    "../../etc/passwd",
    "a/b",
    "<img src=x onerror=alert(1)>",
    "\u{1b}[2J",
    "a\nb",
];

/// The arguments of each command that takes any, with the hostile text where a name can stand: one
/// place at a time.
fn with_hostile(command: &str, text: &str) -> Vec<Value> {
    let good = source("/srv/compose.yml");
    let mut named = source("/srv/compose.yml");
    named["projectName"] = json!(text);
    let mut profiled = source("/srv/compose.yml");
    profiled["profiles"] = json!([text]);
    let mut filed = source("/srv/compose.yml");
    filed["files"] = json!([text]);
    let mut envied = source("/srv/compose.yml");
    envied["envFiles"] = json!([text]);
    let mut placed = source("/srv/compose.yml");
    placed["projectDirectory"] = json!(text);
    let sources = [named, profiled, filed, envied, placed];
    let change = json!({ "cpus": 1.5, "memory": null });
    let request = |source: &Value, service: &str| {
        json!({ "request": {
            "source": source, "service": service, "change": change, "origin": "window",
        }, "id": "i", "plan": "0123abcd" })
    };
    let plain = |source: &Value, service: &str| {
        json!({
            "source": source, "service": service, "way": "finish", "to": null, "kind": "ready",
        })
    };
    let of_sources = |arguments: &dyn Fn(&Value, &str) -> Value| {
        let mut all: Vec<_> = sources
            .iter()
            .map(|source| arguments(source, "web"))
            .collect();
        all.push(arguments(&good, text));
        all
    };
    match command {
        "open_project" | "start_project" => sources.iter().map(|it| plain(it, "web")).collect(),
        "plan_rollout" | "plan_live" | "plan_keep" | "apply_keep" => of_sources(&request),
        "start_rollout" | "update_live" => {
            let mut all = of_sources(&request);
            let mut planned = request(&good, "web");
            planned["plan"] = json!(text);
            all.push(planned);
            all
        }
        "plan_ready" | "apply_ready" => {
            let mut all = of_sources(&request);
            let mut image = request(&good, "web");
            image["request"]["edgeImage"] = json!(text);
            // An image may have a slash in it.
            all.extend((text != "a/b").then_some(image));
            all
        }
        "recover_rollout" | "rollback_request" | "undo_files" | "give_back" => of_sources(&plain),
        "history" => vec![
            json!({ "project": text, "service": null }),
            json!({ "project": null, "service": text }),
        ],
        // A file may have spaces in its name, and what a shell would read.
        "save_text" if ["a b", "a;reboot", "$(reboot)", "`reboot`"].contains(&text) => Vec::new(),
        "save_text" => vec![json!({ "name": text, "text": "" })],
        "follow_logs" => {
            let lines = "__CHANNEL__:1";
            vec![
                json!({ "container": text, "tail": 1, "lines": lines }),
                json!({ "container": "c", "tail": 1, "after": text, "lines": lines }),
            ]
        }
        "follow_usage" => vec![json!({ "containers": [text], "samples": "__CHANNEL__:1" })],
        "abort_rollout" => vec![json!({ "id": text })],
        "follow_rollout" => vec![json!({ "id": text, "events": "__CHANNEL__:1" })],
        // These take no text, or only look for it in what they have.
        "startup"
        | "painted"
        | "close_window"
        | "engine_info"
        | "list_projects"
        | "recent_projects"
        | "forget_project"
        | "running_rollouts"
        | "interrupted_rollouts"
        | "sample_up"
        | "sample_down"
        | "follow_changes"
        | "unfollow" => Vec::new(),
        new => panic!("say here what `{new}` has to refuse"),
    }
}

#[test]
fn no_command_lets_a_hostile_name_through() {
    let program = Program::start(None);
    for command in handled() {
        for text in HOSTILE {
            for arguments in with_hostile(command, text) {
                let error = program.call(command, arguments.clone()).unwrap_err();
                assert_eq!(error["code"], "badInput", "{command} {arguments}: {error}");
                let said = error["message"].as_str().unwrap();
                assert!(!said.contains(char::is_control), "{command}: {said:?}");
            }
        }
    }
}

/// Every command of the window.
fn handled() -> Vec<&'static str> {
    include_str!("../src/gui.rs")
        .lines()
        .filter_map(|line| line.trim().strip_prefix("commands::"))
        .filter_map(|line| line.trim_end_matches(',').rsplit_once("::"))
        .map(|(_, command)| command)
        .collect()
}

#[test]
fn a_limit_that_is_none_is_refused_before_the_command() {
    let program = Program::start(None);
    let mut request = request("/srv/compose.yml", "web");
    request["change"]["cpus"] = json!(-1);
    let error = program
        .call("plan_rollout", json!({ "request": request }))
        .unwrap_err();
    assert!(error.as_str().unwrap().contains("CPUs"), "{error}");
}

#[test]
fn recent_projects_are_listed_and_forgotten() {
    let program = Program::start(None);
    assert_eq!(program.call("recent_projects", json!({})), Ok(json!([])));
    // As an older Teal kept it, without the folder.
    let mut recent = json!([{ "name": "shop", "source": source("/srv/compose.yml") }]);
    let file = program.directory.path().join("config/recent-projects.json");
    write(&file, &recent);
    recent[0]["workingDirectory"] = json!("/srv");
    assert_eq!(program.call("recent_projects", json!({})), Ok(recent));
    let forget = json!({ "source": source("/srv/compose.yml") });
    assert_eq!(program.call("forget_project", forget), Ok(Value::Null));
    assert_eq!(program.call("recent_projects", json!({})), Ok(json!([])));
}

#[test]
fn following_gives_a_number_that_unfollows() {
    let program = Program::start(None);
    let first = program
        .call("follow_changes", json!({ "changes": "__CHANNEL__:1" }))
        .unwrap();
    let second = program
        .call("follow_changes", json!({ "changes": "__CHANNEL__:2" }))
        .unwrap();
    assert_ne!(first, second);
    for subscription in [&first, &first, &second] {
        let arguments = json!({ "subscription": subscription });
        assert_eq!(program.call("unfollow", arguments), Ok(Value::Null));
    }
    assert_eq!(program.call("running_rollouts", json!({})), Ok(json!([])));
}

/// The permission is written by hand: a command that is missing there works in every test above
/// and in no window.
#[test]
fn the_page_is_allowed_every_command_and_no_other() {
    let mut handled = handled();
    let mut allowed: Vec<_> = include_str!("../permissions/app.toml")
        .lines()
        .filter_map(|line| line.strip_prefix("  \"")?.strip_suffix("\","))
        .collect();
    handled.sort_unstable();
    allowed.sort_unstable();
    assert!(handled.len() > 10, "{handled:?}");
    assert_eq!(handled, allowed);
}

fn write(file: &Path, value: &Value) {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, value.to_string()).unwrap();
}
