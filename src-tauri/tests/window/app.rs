//! The real program in its real web view, driven through `WebKitWebDriver`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use fantoccini::{Client, Locator, elements::Element};
use serde_json::{Value, json};
use teal_testkit::{Window, eventually};
use tokio::process::{Child, Command};

use crate::close;

/// Keys in `WebDriver`'s alphabet. These two are pressed first, released the second time.
pub(crate) const ALT: char = '\u{e00a}';
pub(crate) const CONTROL: char = '\u{e009}';
pub(crate) const BACKSPACE: &str = "\u{e003}";
pub(crate) const ENTER: &str = "\u{e007}";
pub(crate) const ESCAPE: &str = "\u{e00c}";
pub(crate) const PAGE_UP: &str = "\u{e00e}";

/// How often the page is looked at while a test waits for it.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// What needs no engine.
const SHOWS_WITHIN: Duration = Duration::from_secs(20);
/// Long enough for a rollout on a busy machine.
const ROLLS_OUT_WITHIN: Duration = Duration::from_secs(180);

/// Calls back once what the page has was painted and every transition is over.
const SETTLE: &str = "\
    const done = arguments[0];
    const painted = () => requestAnimationFrame(() => requestAnimationFrame(() => done(null)));
    const ending = document.getAnimations().filter(
        ({ effect }) => Number.isFinite(effect.getComputedTiming().endTime));
    Promise.allSettled(ending.map(({ finished }) => finished)).then(painted);";

/// Looks, some frames apart, at what is to be still.
const STILL_FOR: usize = 5;

/// The size of the pictures: what a small laptop shows.
const SIZE: (u32, u32) = (1280, 820);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    Light,
    Dark,
}

impl Theme {
    fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// How the program is started.
#[derive(Debug)]
pub(crate) struct Start<'a> {
    /// Where it keeps its files.
    pub(crate) home: &'a Path,
    pub(crate) file: Option<&'a Path>,
    pub(crate) theme: Theme,
    /// Instead of the engine of this machine.
    pub(crate) docker_host: Option<&'a str>,
}

/// A window of its own.
#[derive(Debug)]
pub(crate) struct App {
    client: Client,
    driver: Child,
    theme: Theme,
}

impl App {
    pub(crate) async fn start(start: Start<'_>) -> Self {
        let mut environment = Vec::new();
        if start.theme == Theme::Dark {
            environment.push(("GTK_THEME", "Adwaita:dark"));
        }
        environment.extend(start.docker_host.map(|host| ("DOCKER_HOST", host)));
        let program = Path::new(env!("CARGO_BIN_EXE_teal-desktop"));
        let Window { client, driver } =
            Window::open(program, start.home, start.file, &environment).await;
        let (width, height) = SIZE;
        client.set_window_rect(0, 0, width, height).await.unwrap();
        Self {
            client,
            driver,
            theme: start.theme,
        }
    }

    /// Waits until an element is there.
    pub(crate) async fn find(&self, id: &str) -> Element {
        let css = selector(id);
        let wait = self.client.wait().at_most(SHOWS_WITHIN).every(LOOK_EVERY);
        match wait.for_element(Locator::Css(&css)).await {
            Ok(element) => element,
            Err(error) => panic!("no `{id}`: {error}\n{}", self.page_text().await),
        }
    }

    /// Clicks an element as soon as it can be clicked, and stays where it is: what arrives above it
    /// moves it from under the pointer.
    pub(crate) async fn click(&self, id: &str) {
        self.until(id, "enabled and still", SHOWS_WITHIN, async |element| {
            let before = element.rectangle().await.ok();
            let settled = self.client.execute_async(SETTLE, Vec::new()).await;
            settled.is_ok()
                && before.is_some()
                && before == element.rectangle().await.ok()
                && element.is_enabled().await.is_ok_and(|enabled| enabled)
        })
        .await;
        self.find(id).await.click().await.unwrap();
    }

    /// Clicks what makes the window go away, and the driver's answer with it.
    pub(crate) async fn click_at_last(&self, id: &str) {
        let element = self.find(id).await;
        // An answer, an error or none: what the program does next is what a test looks at.
        let answer = tokio::time::timeout(SHOWS_WITHIN, element.click()).await;
        drop(answer);
    }

    /// Types over what a field holds: the driver's own way to clear a field tells the page nothing,
    /// and Control-A selects nothing in a window that another test's has taken the focus from.
    pub(crate) async fn write(&self, id: &str, text: &str) {
        self.run("arguments[0].focus(); arguments[0].select()", id)
            .await;
        self.find(id).await.send_keys(text).await.unwrap();
    }

    /// Presses keys wherever the focus is.
    pub(crate) async fn press_keys(&self, keys: &str) {
        let focused = self.client.active_element().await.unwrap();
        focused.send_keys(keys).await.unwrap();
    }

    /// Moves the focus as Tab would.
    pub(crate) async fn focus(&self, id: &str) {
        self.run("arguments[0].focus()", id).await;
    }

    /// Runs a script on an element, its `arguments[0]`, and returns what it returns.
    pub(crate) async fn run(&self, script: &str, id: &str) -> Value {
        let element = serde_json::to_value(self.find(id).await).unwrap();
        self.client.execute(script, vec![element]).await.unwrap()
    }

    /// Waits until an element is there no more.
    pub(crate) async fn until_gone(&self, id: &str) {
        let css = selector(id);
        eventually(&format!("`{id}` is gone"), ROLLS_OUT_WITHIN, async || {
            let found = self.client.find_all(Locator::Css(&css)).await.ok()?;
            found.is_empty().then_some(())
        })
        .await;
    }

    pub(crate) async fn text(&self, id: &str) -> String {
        self.find(id).await.text().await.unwrap()
    }

    /// All the text in an element, also what may be cut short, which the driver takes for hidden.
    pub(crate) async fn content(&self, id: &str) -> String {
        let content = self.run("return arguments[0].textContent", id).await;
        content.as_str().unwrap().trim().to_owned()
    }

    pub(crate) async fn until_text(&self, id: &str, part: &str) {
        let what = format!("`{part}`");
        self.until(id, &what, SHOWS_WITHIN, async |element| {
            element.text().await.is_ok_and(|text| text.contains(part))
        })
        .await;
    }

    /// Waits until an element's attribute has a value; through a whole rollout, if need be.
    pub(crate) async fn until_is(&self, id: &str, attribute: &str, value: &str) {
        let what = format!("{attribute}=`{value}`");
        self.until(id, &what, ROLLS_OUT_WITHIN, async |element| {
            let found = element.attr(attribute).await;
            found.is_ok_and(|found| found.as_deref() == Some(value))
        })
        .await;
    }

    /// Waits until an element's property has a value: what it holds now, where an attribute is what
    /// it was written with.
    pub(crate) async fn until_has(&self, id: &str, property: &str, value: impl Into<Value>) {
        let value = Some(value.into());
        let what = format!("with {property} {value:?}");
        self.until(id, &what, SHOWS_WITHIN, async |element| {
            self.property(element, property).await == value
        })
        .await;
    }

    /// Waits until an element's property has stayed what it was for a while: nothing moves by itself.
    pub(crate) async fn until_still(&self, id: &str, property: &str) {
        self.until(id, "still", SHOWS_WITHIN, async |element| {
            let before = self.property(element, property).await;
            for _ in 0..STILL_FOR {
                let settled = self.client.execute_async(SETTLE, Vec::new()).await;
                if settled.is_err() || self.property(element, property).await != before {
                    return false;
                }
            }
            before.is_some()
        })
        .await;
    }

    async fn property(&self, element: &Element, name: &str) -> Option<Value> {
        let arguments = vec![serde_json::to_value(element).unwrap(), json!(name)];
        let read = "return arguments[0][arguments[1]]";
        self.client.execute(read, arguments).await.ok()
    }

    /// Looks again and again, since the page may replace the element in between.
    async fn until(
        &self,
        id: &str,
        what: &str,
        within: Duration,
        is_so: impl AsyncFn(&Element) -> bool,
    ) {
        let begin = Instant::now();
        let css = selector(id);
        loop {
            if let Ok(element) = self.client.find(Locator::Css(&css)).await
                && is_so(&element).await
            {
                return;
            }
            if begin.elapsed() > within {
                let page = self.page_text().await;
                panic!("`{id}` is not {what}:\n{page}");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Everything that can be read on the page, for a failed test's account.
    async fn page_text(&self) -> String {
        match self.client.find(Locator::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(error) => error.to_string(),
        }
    }

    /// A picture: in the directory that `TEAL_SCREENSHOTS` names, else among Cargo's temporary
    /// files, for whoever looks at a failed test.
    pub(crate) async fn picture(&self, name: &str) {
        let directory = env::var_os("TEAL_SCREENSHOTS").map_or_else(
            || Path::new(env!("CARGO_TARGET_TMPDIR")).join("window"),
            PathBuf::from,
        );
        fs::create_dir_all(&directory).unwrap();
        self.client.execute_async(SETTLE, Vec::new()).await.unwrap();
        let png = tokio::time::timeout(SHOWS_WITHIN, self.client.screenshot())
            .await
            .expect("a picture is taken in time")
            .unwrap();
        fs::write(
            directory.join(format!("{name}-{}.png", self.theme.name())),
            png,
        )
        .unwrap();
    }

    /// Presses the window's close button.
    pub(crate) async fn press_close(&self) {
        for id in self.processes().await {
            close::ask_to_close(id.parse().unwrap());
        }
    }

    /// Waits until the program has ended by itself.
    pub(crate) async fn until_ended(&self) {
        eventually("the program has ended", ROLLS_OUT_WITHIN, async || {
            self.processes().await.is_empty().then_some(())
        })
        .await;
    }

    /// The process ids of the program that the driver has started.
    pub(crate) async fn processes(&self) -> Vec<String> {
        let driver = self.driver.id().unwrap().to_string();
        let found = Command::new("pgrep")
            .args(["-P", &driver])
            .output()
            .await
            .unwrap();
        let ids = String::from_utf8(found.stdout).unwrap();
        ids.lines().map(str::to_owned).collect()
    }

    pub(crate) async fn end(self) {
        self.client.close().await.unwrap();
    }
}

fn selector(id: &str) -> String {
    format!("[data-testid=\"{id}\"]")
}
