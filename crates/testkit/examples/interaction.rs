//! `interaction PROGRAM FILE HOME` opens the window of PROGRAM on the project in FILE, does
//! what people do and prints as JSON how many milliseconds each took: from the event to the second
//! frame after the page showed what it asks for.

#![expect(clippy::print_stdout, reason = "the figures are the output")]

use std::{env, error::Error, path::Path, process::ExitCode, time::Duration};

use fantoccini::{Client, Locator, elements::Element};
use teal_testkit::Window;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const TIMES: u32 = 30;
/// A large project is read by Compose first.
const OPENS_WITHIN: Duration = Duration::from_secs(120);

/// Keys in `WebDriver`'s alphabet.
const BACKSPACE: &str = "\u{e003}";
const LEFT: &str = "\u{e012}";
const RIGHT: &str = "\u{e014}";

/// Takes the time of the next such event until the page has what is waited for, which is looked at
/// whenever anything of the page changes, and two frames more: the first of them draws the change.
const WATCH: &str = "\
    const isThere = () => Boolean(CONDITION);
    window.measured = new Promise((resolve) => {
        const begins = ({ timeStamp }) => {
            const painted = () => requestAnimationFrame(() => requestAnimationFrame(
                () => resolve(performance.now() - timeStamp)));
            const observer = new MutationObserver(() => {
                if (!isThere()) return;
                observer.disconnect();
                painted();
            });
            const all = { attributes: true, characterData: true, childList: true, subtree: true };
            observer.observe(document, all);
        };
        addEventListener('EVENT', begins, { capture: true, once: true });
    });";
const MEASURED: &str = "window.measured.then(arguments[0])";

const SEARCH: &str = "input[aria-label='Search projects']";

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [program, file, home] = &words[..] else {
        println!("usage: interaction PROGRAM FILE HOME");
        return Ok(ExitCode::FAILURE);
    };
    let file = Some(Path::new(file));
    let window = Window::open(Path::new(program), Path::new(home), file, &[]).await;
    let person = Person {
        client: &window.client,
    };
    let figures = person.measure().await?;
    window.client.clone().close().await?;
    println!("{}", serde_json::Value::from_iter(figures));
    Ok(ExitCode::SUCCESS)
}

struct Person<'a> {
    client: &'a Client,
}

impl Person<'_> {
    async fn measure(&self) -> Result<Vec<(&'static str, Vec<f64>)>> {
        self.wait_for("[data-testid='service-row-hello']").await?;
        let search = self.search().await?;
        let (mut open, mut back) = (Vec::new(), Vec::new());
        for number in 2..TIMES + 2 {
            open.push(self.open(&format!("hello-{number}")).await?);
            back.push(self.back().await?);
        }
        self.open("hello").await?;
        let slider = self.slider().await?;
        let tabs = self.tabs().await?;
        Ok(vec![
            ("open", open),
            ("back", back),
            ("search", search),
            ("slider", slider),
            ("tabs", tabs),
        ])
    }

    /// Types into the search, and takes it back: no project has this letter.
    async fn search(&self) -> Result<Vec<f64>> {
        let found = "document.querySelector('[data-testid^=\"open-project-\"]')";
        let mut times = Vec::new();
        for number in 0..TIMES {
            let (keys, shown) = match number % 2 {
                0 => ("q", format!("{found} === null")),
                _ => (BACKSPACE, format!("{found} !== null")),
            };
            times.push(self.press(SEARCH, keys, &shown).await?);
        }
        Ok(times)
    }

    async fn open(&self, service: &str) -> Result<f64> {
        let shown = format!(
            "document.querySelector('h1')?.textContent === '{service}' && \
             document.querySelector('[data-testid=\"memory-field\"]') !== null"
        );
        let target = format!("[data-testid='service-row-{service}']");
        self.click(&target, &shown).await
    }

    /// To the project, by its name above the service's page, until rows fill the window.
    async fn back(&self) -> Result<f64> {
        let filled = "document.elementFromPoint(innerWidth / 2, innerHeight - 30)?.closest('tr')";
        self.click("header .crumb", filled).await
    }

    async fn slider(&self) -> Result<Vec<f64>> {
        const SLIDER: &str = "[data-testid='memory-field-slider']";
        self.wait_for(SLIDER).await?;
        let mut times = Vec::new();
        for number in 0..TIMES {
            let slider = self.client.find(Locator::Css(SLIDER)).await?;
            let now = slider.attr("aria-valuetext").await?.unwrap_or_default();
            let keys = if number % 2 == 0 { RIGHT } else { LEFT };
            let shown = format!(
                "document.querySelector(\"{SLIDER}\").getAttribute('aria-valuetext') !== '{now}'"
            );
            times.push(self.press(SLIDER, keys, &shown).await?);
        }
        Ok(times)
    }

    async fn tabs(&self) -> Result<Vec<f64>> {
        let mut times = Vec::new();
        for number in 0..TIMES {
            let tab = ["traffic", "history", "logs"][number as usize % 3];
            let target = format!("[data-testid='tab-{tab}']");
            let shown = format!(
                "document.querySelector(\"{target}\").getAttribute('aria-selected') === 'true'"
            );
            times.push(self.click(&target, &shown).await?);
        }
        Ok(times)
    }

    async fn press(&self, target: &str, keys: &str, shown: &str) -> Result<f64> {
        let target = self.watch("keydown", target, shown).await?;
        target.send_keys(keys).await?;
        self.measured().await
    }

    async fn click(&self, target: &str, shown: &str) -> Result<f64> {
        let target = self.watch("click", target, shown).await?;
        target.click().await?;
        self.measured().await
    }

    /// Has the page take the time of the next such event until `shown`, an expression of the
    /// page's, is true. What gets the event.
    async fn watch(&self, event: &str, target: &str, shown: &str) -> Result<Element> {
        let target = self.wait_for(target).await?;
        let watch = WATCH.replace("CONDITION", shown).replace("EVENT", event);
        self.client.execute(&watch, Vec::new()).await?;
        Ok(target)
    }

    async fn measured(&self) -> Result<f64> {
        let measured = self.client.execute_async(MEASURED, Vec::new()).await?;
        Ok(measured.as_f64().ok_or("a time is a number")?)
    }

    async fn wait_for(&self, css: &str) -> Result<Element> {
        let wait = self.client.wait().at_most(OPENS_WITHIN);
        Ok(wait.for_element(Locator::Css(css)).await?)
    }
}
