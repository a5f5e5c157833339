//! A program's window in its real web view, driven through `WebKitWebDriver`.

use std::{
    env, fs,
    net::TcpListener,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tokio::process::{Child, Command};

/// How often it is looked at while something is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Until the driver answers, and the window is there.
const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// From then until the page's scripts run.
const ALIVE_WITHIN: Duration = Duration::from_secs(20);

/// A window of its own. Dropping it ends it.
#[derive(Debug)]
pub struct Window {
    pub client: Client,
    pub driver: Child,
}

impl Window {
    /// Starts the program, which keeps its files in `home`, on a compose file, and waits until its
    /// page answers.
    ///
    /// # Panics
    /// No window opens.
    pub async fn open(
        program: &Path,
        home: &Path,
        file: Option<&Path>,
        environment: &[(&str, &str)],
    ) -> Self {
        assert!(
            env::var_os("DISPLAY").is_some(),
            "the window needs a display: `cargo xtask test` starts one, or use `xvfb-run -a`"
        );
        fs::create_dir_all(home).expect("the home can be made");
        let port = free_port();
        let driver = driver(port, home)
            .envs(environment.iter().copied())
            .spawn()
            .expect("`WebKitWebDriver` can be run");
        let client = session(port, program, file).await;
        // It is seen before its scripts run, and answers once they do.
        let wait = client.wait().at_most(ALIVE_WITHIN).every(LOOK_EVERY);
        let alive = wait.for_element(Locator::Css("#app:not([aria-busy])"));
        alive.await.expect("the page comes to life");
        Self { client, driver }
    }
}

/// A port of its own, so that windows run side by side.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    address.port()
}

fn driver(port: u16, home: &Path) -> Command {
    // A file and no pipe: WebKit's helpers outlive the session a little and would hold it open.
    let log = fs::File::create(home.join("driver.log")).expect("the home can be written");
    let mut driver = Command::new("WebKitWebDriver");
    driver
        .arg(format!("--port={port}"))
        // Without it a new session never begins.
        .env("TAURI_WEBVIEW_AUTOMATION", "true")
        .env("NO_AT_BRIDGE", "1")
        // With one of these no picture is ever taken.
        .env_remove("WEBKIT_DISABLE_DMABUF_RENDERER")
        .env_remove("WEBKIT_DISABLE_COMPOSITING_MODE")
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true);
    for (name, directory) in [
        ("XDG_DATA_HOME", "data"),
        ("XDG_STATE_HOME", "state"),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_CACHE_HOME", "cache"),
    ] {
        driver.env(name, home.join(directory));
    }
    driver
}

async fn session(port: u16, program: &Path, file: Option<&Path>) -> Client {
    let arguments: Vec<_> = file.into_iter().collect();
    let options = json!({ "binary": program, "args": arguments });
    let mut capabilities = serde_json::Map::new();
    capabilities.insert("webkitgtk:browserOptions".to_owned(), options);
    let address = format!("http://127.0.0.1:{port}");
    let begin = Instant::now();
    loop {
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities.clone());
        let left = STARTS_WITHIN.saturating_sub(begin.elapsed());
        match tokio::time::timeout(left, builder.connect(&address)).await {
            Ok(Ok(client)) => return client,
            Ok(Err(_)) => tokio::time::sleep(LOOK_EVERY).await,
            Err(elapsed) => panic!("no window after {STARTS_WITHIN:?}: {elapsed}"),
        }
    }
}
